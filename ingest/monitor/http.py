"""`/healthz` and `/metrics` over HTTP, for probes and Prometheus; on loopback unless told otherwise."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from facility.errors import CannotCommunicate, CannotParse

Answer = Callable[[], tuple[int, str, bytes]]  # status, content type, body
JSON = "application/json; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"

log = logging.getLogger(__name__)


def listen_address(words: str) -> tuple[str, int]:
    """`127.0.0.1:9105`, `[::1]:9105` or a bare port, which means loopback. Raises `CannotParse`."""
    host, _, port = words.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise CannotParse("{words!r} is not an address to listen on", "Write for example 127.0.0.1:9105", words=words)
    return host, int(port)


@contextmanager
def served(words: str, pages: dict[str, Answer]) -> Iterator[str]:
    """Answer while the block runs; gives the address. Raises `CannotCommunicate` when the port is in use."""
    host, port = listen_address(words)

    class Page(BaseHTTPRequestHandler):
        server_version = "serviceday"
        sys_version = ""
        timeout = 10

        def do_GET(self) -> None:
            answer = pages.get(self.path.partition("?")[0])
            try:
                status, kind, body = answer() if answer else (404, JSON, b'{"error": "no such page"}')
            except Exception:
                log.exception("cannot answer %s", self.path)
                status, kind, body = 500, JSON, b'{"error": "see the log"}'
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the server's name for it

        def log_message(self, format: str, *args: object) -> None:
            log.debug(format, *args)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    try:
        server = Server((host, port), Page)
    except (OSError, OverflowError) as error:
        raise CannotCommunicate(
            "port {port} on {host} cannot be used for /healthz and /metrics: {error}",
            "Choose another with --http",
            port=port,
            host=host,
            error=error,
        ) from None
    thread = threading.Thread(target=server.serve_forever, name="http", daemon=True)
    thread.start()
    try:
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def as_json(value: object) -> bytes:
    """A value as JSON, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, default=str).encode()
