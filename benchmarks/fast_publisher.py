"""A publisher no broker outruns, at QoS 1: PORT COUNT FIRST [PER_SECOND]. Says `done` at the last acknowledgement.

Each message is some 150 bytes of JSON with three values of one of 200 lifts; message numbers make every reading's
identity its own.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time

LIFTS = 200
UNANSWERED = 4000  # messages
PIECE = 250  # messages a send
START_MS = 1_780_000_000_000


def asset(index: int) -> str:
    return f"L-{index:04}"


def telemetry(number: int) -> tuple[str, bytes]:
    """Topic and payload of a message."""
    moment = START_MS + number // LIFTS * 1000
    payload = (
        f'{{"ts": {moment}, "v": {{"motor_temperature": {35 + number % 100 / 7:.11f}, "machine_room_temperature": '
        f'{21 + number % 90 / 11:.11f}, "door_motor_current": {1 + number % 80 / 90:.11f}}}}}'
    )
    return f"serviceday/v1/park/{asset(number % LIFTS)}/telemetry", payload.encode()


def packet(number: int) -> bytes:
    """A whole PUBLISH."""
    topic, payload = telemetry(number)
    name = topic.encode()
    body = struct.pack("!H", len(name)) + name + struct.pack("!H", number % 65_535 + 1) + payload
    return bytes([0x32, len(body) & 127 | 128, len(body) >> 7]) + body


def connect(port: int, client_id: bytes = b"fast-publisher") -> socket.socket:
    broker = socket.create_connection(("127.0.0.1", port))
    broker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack("!H", len(client_id)) + client_id
    broker.sendall(bytes([0x10, len(head)]) + head)
    assert broker.recv(4) == b"\x20\x02\x00\x00"
    return broker


def publish(port: int, count: int, first: int = 0, per_second: float = 0) -> None:
    pieces = [
        (min(PIECE, count - at), b"".join(packet(first + number) for number in range(at, min(at + PIECE, count))))
        for at in range(0, count, PIECE)
    ]
    broker = connect(port)
    answered = 0
    changed = threading.Condition()

    def count_answers() -> None:
        nonlocal answered
        received = 0
        while received < 4 * count:
            received += len(broker.recv(1 << 16))
            with changed:
                answered = received // 4
                changed.notify_all()

    reading = threading.Thread(target=count_answers)
    reading.start()
    print("begin", flush=True)
    begin = time.perf_counter()
    sent = 0
    for size, piece in pieces:
        if per_second:
            time.sleep(max(0.0, begin + sent / per_second - time.perf_counter()))
        with changed:
            while sent - answered > UNANSWERED:
                changed.wait()
        broker.sendall(piece)
        sent += size
    reading.join()
    print("done", flush=True)


if __name__ == "__main__":
    publish(*map(int, sys.argv[1:4]), *map(float, sys.argv[4:5]))
