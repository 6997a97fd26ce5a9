"""The client that reads in batches does what paho's own does: same bytes in, same messages and same bytes out."""

import shutil
import socket as socket_module
import ssl
import struct
import subprocess
import threading
import time
from itertools import pairwise

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.journal.journal import Journal
from ingest.mqtt.address import BrokerAddress
from ingest.mqtt.client import BatchClient, new_client
from ingest.mqtt.receiver import Receiver


class Socket:
    """Gives the stream piece by piece, like a socket that would block between two pieces."""

    def __init__(self, pieces):
        self.pieces = [piece for piece in pieces if piece]
        self.ready = b""
        self.sent = b""
        self.closed = False

    def arrive(self):
        self.ready += self.pieces.pop(0)

    def recv(self, size):
        if not self.ready:
            raise BlockingIOError
        given, self.ready = self.ready[:size], self.ready[size:]
        return given

    def send(self, data):
        self.sent += data
        return len(data)

    def close(self):
        self.closed = True


class TlsSocket(Socket):
    """Gives a record of at most 100 bytes at a time, and says what it holds."""

    def recv(self, size):
        return super().recv(min(size, 100))

    def pending(self):
        return len(self.ready)


def length(size):
    out = b""
    while True:
        size, low = divmod(size, 128)
        out += bytes([low | 128 if size else low])
        if not size:
            return out


def publish(topic, payload, *, qos, mid, dup=False, v5=False, properties=b"\x00"):
    body = struct.pack("!H", len(topic)) + topic
    if qos:
        body += struct.pack("!H", mid)
    if v5:
        body += properties
    return bytes([0x30 | qos << 1 | dup << 3]) + length(len(body + payload)) + body + payload


def user_properties(pairs):
    said = Properties(PacketTypes.PUBLISH)
    for pair in pairs:
        said.UserProperty = pair
    return said.pack()


words = st.text(st.characters(min_codepoint=33, max_codepoint=0x4E10, exclude_categories=["Cs"]), min_size=1)


@st.composite
def packet(draw, v5):
    kind = draw(st.sampled_from(["publish"] * 6 + ["ping", "subscribed", "exactly once"]))
    if kind == "ping":
        return b"\xd0\x00"
    if kind == "subscribed":
        return b"\x90\x04\x00\x01\x00\x01" if v5 else b"\x90\x03\x00\x01\x01"
    mid = draw(st.integers(1, 65_535))
    payload = draw(st.binary(max_size=40) | st.integers(100, 20_000).map(lambda size: b"x" * size))
    extra = user_properties(draw(st.lists(st.tuples(words, words), max_size=2))) if v5 else b""
    topic = draw(words).encode()
    if kind == "exactly once":
        released = b"\x62\x02" + struct.pack("!H", mid)
        return publish(topic, payload, qos=2, mid=mid, v5=v5, properties=extra) + released
    qos = draw(st.integers(0, 1))
    dup = bool(qos) and draw(st.booleans())
    return publish(topic, payload, qos=qos, mid=mid, dup=dup, v5=v5, properties=extra)


@st.composite
def stream(draw, v5):
    """Packets, and the pieces they come in."""
    data = b"".join(draw(st.lists(packet(v5), max_size=12)))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]


def client_of(kind, v5, socket):
    made = kind(
        CallbackAPIVersion.VERSION2,
        client_id="x",
        protocol=mqtt.MQTTv5 if v5 else mqtt.MQTTv311,
        manual_ack=True,
    )
    made._sock = socket
    made._state = mqtt._ConnectionState.MQTT_CS_CONNECTED
    return made


def run(client, socket):
    """Read until the stream has ended or the client hangs up."""
    result = MQTTErrorCode.MQTT_ERR_SUCCESS
    while socket.pieces and not socket.closed:
        socket.arrive()
        while socket.ready and not socket.closed:
            result = client.loop_read()
    return result


def as_stock(pieces, v5, kind=Socket):
    """Messages and bytes sent, with the stock client acknowledging each in its callback."""
    got = []
    socket = kind(list(pieces))
    client = client_of(mqtt.Client, v5, socket)

    def received(client, _data, message):
        got.append((message.mid, message.dup, message.qos, message._topic, message.payload))
        if message.qos == 1:
            client.ack(message.mid, 1)

    client.on_message = received
    client.on_subscribe = lambda *_: got.append("subscribed")
    run(client, socket)
    client.loop_write()
    return got, socket.sent


def in_batches(pieces, v5, kind=Socket):
    got = []
    socket = kind(list(pieces))
    client = client_of(BatchClient, v5, socket)

    def batch(arrivals):
        again = set(arrivals.again)
        columns = zip(arrivals.mids, arrivals.topics, arrivals.payloads, strict=True)
        got.extend(
            (mid, index in again, int(mid > 0), topic, payload) for index, (mid, topic, payload) in enumerate(columns)
        )
        if mids := [mid for mid in arrivals.mids if mid]:
            client.acknowledge(mids)

    client.on_batch = batch
    client.on_message = lambda _client, _data, one: got.append((one.mid, one.dup, one.qos, one._topic, one.payload))
    client.on_subscribe = lambda *_: got.append("subscribed")
    result = run(client, socket)
    client.loop_write()
    return got, socket.sent, result


@pytest.mark.parametrize("v5", [False, True], ids=["3.1.1", "5"])
@pytest.mark.parametrize("kind", [Socket, TlsSocket])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_same_stream_gives_the_same_messages_and_acknowledgements(data, v5, kind):
    pieces = data.draw(stream(v5))
    got, sent, result = in_batches(pieces, v5, kind)
    assert (got, sent) == as_stock(pieces, v5, kind)
    assert result == MQTTErrorCode.MQTT_ERR_SUCCESS


@settings(max_examples=100, deadline=None)
@given(good=stream(False), bad=st.binary(min_size=1, max_size=60), v5=st.just(False))
def test_nonsense_ends_the_connection_and_not_the_thread(good, bad, v5):
    """What stood before it has been handed over; nothing is raised."""
    expected, sent, _ = in_batches(good, v5)
    got, sent_in_all, _ = in_batches([*good, bad], v5)
    assert got[: len(expected)] == expected
    assert sent_in_all.startswith(sent)


@pytest.mark.parametrize(
    "malformed",
    [
        b"\x32\x80\x80\x80\x80\x01",  # a length without end
        b"\x30\x01x",  # no room for a topic's length
        b"\x32\x04\x00\x02ab",  # no room for a packet id
        b"\x30\x02\x00\x00",  # an empty topic
        b"\x30\x04\x00\x09ab",  # a topic longer than its packet
        b"\xf0\x00",  # AUTH, in a version that has none
        b"\x20\x01\x00",  # a CONNACK cut short
    ],
)
def test_a_malformed_packet_is_answered_by_connecting_anew(malformed):
    before = publish(b"t", b"p", qos=1, mid=7)
    got, sent, result = in_batches([before + malformed + before], False)
    assert [one[0] for one in got] == [7]
    assert sent == b"" or sent == b"\x40\x02\x00\x07"
    assert result != MQTTErrorCode.MQTT_ERR_SUCCESS


def test_a_callback_that_fails_costs_the_connection_and_not_the_thread(caplog):
    socket = Socket([publish(b"t", b"p", qos=1, mid=7)])
    client = client_of(BatchClient, False, socket)
    client.on_batch = lambda _: 1 / 0
    assert run(client, socket) != MQTTErrorCode.MQTT_ERR_SUCCESS
    assert socket.closed
    assert "ZeroDivisionError" in caplog.text


def test_a_large_packet_in_small_pieces_takes_linear_time():
    whole = publish(b"t", b"x" * 8_000_000, qos=1, mid=1)
    pieces = [whole[at : at + 1400] for at in range(0, len(whole), 1400)]
    socket = Socket(pieces)
    client = client_of(BatchClient, False, socket)
    sizes = []
    client.on_batch = lambda arrivals: sizes.append(len(arrivals.payloads[0]))
    joined = []
    honest = client._handle_read
    client._handle_read = lambda: joined.append(1) or honest()
    run(client, socket)
    assert sizes == [8_000_000]
    assert len(joined) <= 3, "put together only when it is there whole"


def test_a_connection_made_anew_does_not_go_on_with_the_old_ones_bytes(mosquitto):
    client = new_client("x")
    assert isinstance(client, BatchClient)
    client._unread, client._unread_size, client._needed = [b"\x32\xff"], 2, 900
    client.connect("127.0.0.1", mosquitto)
    assert (client._unread, client._unread_size, client._needed) == ([], 0, 2)
    client.disconnect()


def test_with_another_paho_the_stock_client_does_the_same_work(tmp_path, mosquitto, monkeypatch):
    monkeypatch.setattr("paho.mqtt.__version__", "2.3.0")
    journal = Journal(tmp_path / "journal.sqlite")
    receiver = Receiver(
        BrokerAddress(host="127.0.0.1", port=mosquitto), journal, on_journalled=(heard := threading.Event())
    )
    assert not isinstance(receiver._client, BatchClient)
    receiver.start()
    device = mqtt.Client(CallbackAPIVersion.VERSION2)
    device.connect("127.0.0.1", mosquitto)
    device.loop_start()
    for number in range(50):
        device.publish("serviceday/v1/s/a/telemetry", str(number), 1).wait_for_publish(10)
    deadline = time.monotonic() + 30
    while journal.counts().messages_journalled < 50 and time.monotonic() < deadline:
        heard.wait(0.1)
    receiver.stop()
    assert [int(one.payload) for one in journal.after(0, messages=99, payload_bytes=9999)] == list(range(50))
    device.disconnect()
    device.loop_stop()
    journal.close()


def _free_port():
    with socket_module.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_a_burst_over_tls_is_read_to_the_end(tmp_path):
    """What the TLS layer holds already is read without waiting for the socket."""
    openssl, broker = shutil.which("openssl"), shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if not (openssl and broker):
        pytest.skip("openssl or mosquitto is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject]
    subprocess.run(command, check=True, capture_output=True)
    plain, secure = _free_port(), _free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"user root\nallow_anonymous true\nmax_queued_messages 0\nlistener {plain} 127.0.0.1\n"
        f"listener {secure} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n"
    )
    with subprocess.Popen([broker, "-c", config], stdout=-3, stderr=-3) as process:
        try:
            got = []
            client = new_client("tls")
            client.tls_set(str(certificate), tls_version=ssl.PROTOCOL_TLS_CLIENT)

            def batch(arrivals):
                got.extend(arrivals.payloads)
                client.acknowledge(arrivals.mids)

            client.on_batch = batch
            subscribed = threading.Event()
            client.on_connect = lambda *_: client.subscribe("x", 1)
            client.on_subscribe = lambda *_: subscribed.set()
            deadline = time.monotonic() + 20
            while True:
                try:
                    client.connect("127.0.0.1", secure)
                    break
                except ConnectionError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            client.loop_start()
            assert subscribed.wait(20)
            device = mqtt.Client(CallbackAPIVersion.VERSION2)
            device.connect("127.0.0.1", plain)
            device.loop_start()
            for number in range(2000):
                device.publish("x", b"%d " % number + b"y" * 1000, 1)
            while len(got) < 2000 and time.monotonic() < deadline + 60:
                time.sleep(0.05)
            assert [int(one.split()[0]) for one in got] == list(range(2000))
            for one in (device, client):
                one.disconnect()
                one.loop_stop()
        finally:
            process.terminate()
