"""Real servers on this machine that receive messages, and misbehave when told to; and alerts to tell of."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from facility.alerts import Alert, Severity, Source
from facility.estate import Asset, Building, Estate, Site
from facility.i18n.phrases import Text
from facility.records import Records


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    document: Any


@dataclass
class Answering:
    """What the server does next."""

    status: int = 200
    body: str = '{"errcode":0,"errmsg":"ok"}'
    headers: dict[str, str] = field(default_factory=dict)
    stall: float = 0.0  # seconds before it answers
    cut: bool = False  # hang up instead of answering


class HttpReceiver:
    """An HTTP server that keeps what it is sent. `answering` may be changed at any time, also per request."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answering: Answering | Callable[[Request], Answering] = Answering()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                request = Request(self.path, dict(self.headers.items()), json.loads(body))
                receiver.requests.append(request)
                answer = (
                    receiver.answering if isinstance(receiver.answering, Answering) else receiver.answering(request)
                )
                time.sleep(answer.stall)
                if answer.cut:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body.encode())))
                self.end_headers()
                try:
                    self.wfile.write(answer.body.encode())
                except OSError:  # the other side had waited long enough
                    return

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/robot?key=hush"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def serve_tls(self, certificate: Path, key: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self.port}/robot?key=hush"

    def texts(self) -> list[str]:
        return [request.document["text"]["content"] for request in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class MailServer:
    """An SMTP server (RFC 5321, what a client needs of it) with STARTTLS and AUTH, that refuses what it is told to."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None) -> None:
        self.letters: list[tuple[str, EmailMessage]] = []  # receiver, letter
        self.password = "correct horse"
        self.refuse: dict[str, str] = {}  # by verb or receiver: the answer
        self._context: ssl.SSLContext | None = None
        if certificate is not None and key is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        stream = connection.makefile("rwb")
        receivers: list[str] = []
        encrypted = authorised = False

        def say(words: str) -> None:
            stream.write(f"{words}\r\n".encode())
            stream.flush()

        say("220 here")
        while line := stream.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.upper()
            if verb in self.refuse:
                say(self.refuse[verb])
            elif verb == "EHLO":
                say("250-here")
                if self._context and not encrypted:
                    say("250-STARTTLS")
                say("250-AUTH PLAIN")
                say("250 8BITMIME")
            elif verb == "STARTTLS" and self._context:
                say("220 go on")
                try:
                    connection = self._context.wrap_socket(connection, server_side=True)
                except (ssl.SSLError, OSError):
                    return
                stream, encrypted = connection.makefile("rwb"), True
            elif verb == "AUTH":
                given = base64.b64decode(rest.split()[-1]).split(b"\0")[-1].decode()
                authorised = given == self.password
                say("235 in" if authorised else "535 no")
            elif verb == "MAIL":
                receivers = []
                say("250 ok")
            elif verb == "RCPT":
                receiver = rest.partition("<")[2].partition(">")[0]
                if receiver in self.refuse:
                    say(self.refuse[receiver])
                else:
                    receivers.append(receiver)
                    say("250 ok")
            elif verb == "DATA":
                say("354 go on")
                lines = []
                while (each := stream.readline()) not in (b".\r\n", b""):
                    lines.append(each[1:] if each.startswith(b"..") else each)
                letter = message_from_bytes(b"".join(lines), policy=policy.default)
                assert isinstance(letter, EmailMessage)
                self.letters += [(receiver, letter) for receiver in receivers]
                say("250 kept")
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


def certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """A certificate that nobody but a test trusts, and its key."""
    made, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
               "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", made]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return made, key


def alert(asset: str, now: datetime, *, severity: Severity = Severity.HIGH, cause: str = "limit") -> Alert:
    return Alert(
        id=0,
        asset=asset,
        cause=f"{asset}/{cause}",
        channel="door_close_time",
        source=Source.LIMIT,
        severity=severity,
        title=Text(zh="关门时间超限", en="Door close time beyond its limit"),
        reason=Text(
            zh="关门时间 8.2 秒，高于限值 6 秒。此前一周正常。",
            en="Door close time 8.2 s, above 6 s. Normal before.",
        ),
        opened_at=now,
        last_seen_at=now,
    )


def opened(records: Records, now: datetime, *assets: str, severity: Severity = Severity.HIGH) -> list[int]:
    kept = records.alerts.keep([alert(asset, now, severity=severity) for asset in assets], [], now=now)
    return [each.id for each in kept]


def worsened(records: Records, number: int, now: datetime) -> None:
    before = records.alerts.get(number)
    after = replace(before, severity=Severity.HIGH)
    records.alerts.keep([], [(after, "worsened", f"{before.severity} -> high")], now=now)


def returned(records: Records, number: int, now: datetime) -> None:
    records.alerts.keep([], [(replace(records.alerts.get(number), returned_at=now), "returned", "")], now=now)


def estate(records: Records, assets: int = 3) -> None:
    """Lifts of a building with a name, on a site with a name."""
    records.estate.put(
        Estate(
            sites=(Site(id="south", name="南苑"),),
            buildings=(Building(id="b1", site="south", name="1号楼"),),
            assets=tuple(
                Asset(id=f"L-{number}", kind="lift", site="south", building="b1", floor="1F", name=f"{number}号梯")
                for number in range(1, assets + 1)
            ),
        )
    )
