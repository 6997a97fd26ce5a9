"""A stand-in for an InfluxDB 2.x server, for the Python around the server alone.

It is NOT InfluxDB and proves nothing about it: it knows the questions of `facility.store.influx.flux` by their shape
and answers them from a dictionary, in the CSV that the documentation describes, with annotation rows coming again and
again. It is strict about what it is sent: line protocol, precision, token, ranges. The real server is tested by the
same contract suite where `SERVICEDAY_TEST_INFLUX_URL` names one.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

TOKEN, ORG = "secret-token", "estate"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Tags = tuple[tuple[str, str], ...]
Value = float | int | str
Series = tuple[str, Tags, str]  # measurement, tags, field


class StandIn(ThreadingHTTPServer):
    """`with StandIn() as server: server.url`. `faults` are answered, once each, instead of a real answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.buckets: dict[str, dict[Series, dict[int, Value]]] = {}
        self.keep: dict[str, int] = {}
        self.faults: list[tuple[str, int, dict[str, str], bytes]] = []  # path, status, headers, body
        self.refuse = re.compile("$^")  # lines that a real server would not take
        self.at_most = 50_000_000  # bytes of a body
        self.asked: list[str] = []
        self.version = "v2.7.11"
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, json.dumps({"code": "invalid", "message": message}).encode())

    def _serve(self) -> None:
        url = urlparse(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        with self.server.lock:
            self.server.asked.append(f"{self.command} {url.path}")
            for fault in self.server.faults:
                if fault[0] == url.path:
                    self.server.faults.remove(fault)
                    return self._answer(fault[1], fault[3], fault[2])
            if url.path == "/ping":
                return self._answer(204, headers={"X-Influxdb-Version": self.server.version})
            if self.headers.get("Authorization") != f"Token {TOKEN}":
                return self._refuse(401, "unauthorized access")
            route = getattr(self, f"_{self.command.lower()}_{url.path.strip('/').split('/')[2]}", None)
            if route is None:
                return self._refuse(404, "path not found")
            return route(url.path, query, body)

    do_GET = do_POST = do_PATCH = _serve  # noqa: N815

    # -- buckets --------------------------------------------------------------------------------------------------

    def _bucket(self, name: str) -> dict[str, Any]:
        rules = [{"type": "expire", "everySeconds": self.server.keep[name]}]
        return {"id": name, "name": name, "orgID": "1", "retentionRules": rules, "type": "user"}

    def _get_orgs(self, _path: str, query: dict[str, str], _body: bytes) -> None:
        self._answer(
            200, json.dumps({"orgs": [{"id": "1", "name": ORG}]}).encode(), {"Content-Type": "application/json"}
        )

    def _get_buckets(self, _path: str, query: dict[str, str], _body: bytes) -> None:
        name = query["name"]
        if name not in self.server.buckets:
            return self._refuse(404, f'bucket "{name}" not found')
        answer = json.dumps({"buckets": [self._bucket(name)]}).encode()
        return self._answer(200, answer, {"Content-Type": "application/json"})

    def _post_buckets(self, _path: str, _query: dict[str, str], body: bytes) -> None:
        said = json.loads(body)
        self.server.buckets[said["name"]] = {}
        self.server.keep[said["name"]] = said["retentionRules"][0]["everySeconds"]
        answer = json.dumps(self._bucket(said["name"])).encode()
        self._answer(201, answer, {"Content-Type": "application/json"})

    def _patch_buckets(self, path: str, _query: dict[str, str], body: bytes) -> None:
        name = path.rsplit("/", 1)[1]
        self.server.keep[name] = json.loads(body)["retentionRules"][0]["everySeconds"]
        self._answer(200, json.dumps(self._bucket(name)).encode(), {"Content-Type": "application/json"})

    # -- points ---------------------------------------------------------------------------------------------------

    def _post_write(self, _path: str, query: dict[str, str], body: bytes) -> None:
        if query.get("org") != ORG:
            return self._refuse(404, "organization not found")
        if query.get("bucket") not in self.server.buckets:
            return self._refuse(404, f'bucket "{query.get("bucket")}" not found')
        assert query["precision"] == "ns"
        if len(body) > self.server.at_most:
            return self._refuse(413, "request entity too large")
        kept = self.server.buckets[query["bucket"]]
        lines = [line for line in body.decode().split("\n") if line and not line.startswith("#")]
        refused = [line for line in lines if self.server.refuse.search(line)]
        for line in lines:
            if line not in refused:
                for series, moment, value in parsed(line):
                    kept.setdefault(series, {})[moment] = value
        if refused:
            return self._refuse(422, f"failure writing points to database: partial write: no dropped={len(refused)}")
        return self._answer(204) if lines else self._refuse(400, "no points written")

    def _post_delete(self, _path: str, query: dict[str, str], body: bytes) -> None:
        predicate = re.fullmatch(r'asset="([^"]*)"', json.loads(body)["predicate"])
        assert predicate
        kept = self.server.buckets[query["bucket"]]
        for series in [one for one in kept if ("asset", predicate.group(1)) in one[1]]:
            del kept[series]
        self._answer(204)

    # -- questions ------------------------------------------------------------------------------------------------

    def _post_query(self, _path: str, _query: dict[str, str], body: bytes) -> None:
        said = json.loads(body)
        assert set(said["dialect"]["annotations"]) == {"datatype", "group", "default"}
        answer = _answered(self.server, said["query"])
        self._answer(200, answer.encode(), {"Content-Type": "text/csv; charset=utf-8"})


def parsed(line: str) -> Iterable[tuple[Series, int, Value]]:
    """One line of line protocol (https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/), strictly."""
    found = re.fullmatch(r"""((?:\\.|[^ \\]|\\)+?) ((?:[^ "]|"[^"]*")+) (-?\d+)""", line)
    assert found, line
    head, *tags = re.split(r"(?<!\\),", found.group(1))
    pairs = []
    for tag in tags:
        key, value = re.split(r"(?<!\\)=", tag)
        assert value, line
        pairs.append((key, re.sub(r"\\([,= ])", r"\1", value)))
    assert pairs == sorted(pairs)
    for told in found.group(2).split(","):
        name, value = told.split("=")
        yield (head, tuple(pairs), name), int(found.group(3)), _value(value)


def _value(told: str) -> Value:
    if told.startswith('"'):
        return told.strip('"')
    number = int(told[:-1]) if told.endswith("i") else float(told)
    assert math.isfinite(number)
    return number


def _time(moment: int) -> str:
    whole = EPOCH + timedelta(microseconds=moment // 1000)
    return whole.isoformat().replace("+00:00", "Z")


def _stamp(words: str) -> int:
    return (datetime.fromisoformat(words.replace("Z", "+00:00")) - EPOCH) // timedelta(microseconds=1) * 1000


def _selected(server: StandIn, question: str) -> dict[Series, list[tuple[int, Value]]]:
    bucket = re.search(r'from\(bucket: "([^"]*)"\)', question)
    span = re.search(r"range\(start: (\S+), stop: (\S+)\)", question)
    measurement = re.search(r'r\._measurement == "([^"]*)"', question)
    assert bucket
    assert span
    assert measurement
    start, stop = map(_stamp, span.groups())
    assert start < stop, "cannot query an empty range"
    wanted = {}
    for key in ("asset", "channel"):
        line = re.search(rf"filter\(fn: \(r\) => (r\.{key} == [^\n]*)\)\n", question + "\n")
        if line:
            names = re.findall(rf'r\.{key} == "([^"]*)"', line.group(1))
            assert line.group(1) == " or ".join(f'r.{key} == "{name}"' for name in names), line.group(1)
            wanted[key] = set(names)
    out = {}
    for series, points in sorted(server.buckets[bucket.group(1)].items()):
        tags = dict(series[1])
        if series[0] == measurement.group(1) and all(tags[key] in names for key, names in wanted.items()):
            inside = [(moment, value) for moment, value in sorted(points.items()) if start <= moment < stop]
            if inside:
                out[series] = inside
    return out


def _csv(tables: list[tuple[list[str], list[list[object]]]]) -> str:
    """Annotated CSV, each table with all its rows of annotation."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n")
    for number, (names, rows) in enumerate(tables):
        write.writerow(["#group", "false", "false", *["false"] * len(names)])
        write.writerow(["#datatype", "string", "long", *["string"] * len(names)])
        write.writerow(["#default", "r", "", *[""] * len(names)])
        write.writerow(["", "result", "table", *names])
        for row in rows:
            write.writerow(["", "", number, *row])
        out.write("\r\n")
    return out.getvalue()


def _answered(server: StandIn, question: str) -> str:
    found = _selected(server, question)
    tables: list[tuple[list[str], list[list[object]]]] = []
    values = {series: points for series, points in found.items() if series[2] == "value"}
    if "count()" in question:
        moments = [moment for points in values.values() for moment, _ in points]
        if moments:
            tables = [(["number"], [[len(moments)]])]
            tables += [(["earliest"], [[_time(min(moments))]]), (["newest"], [[_time(max(moments))]])]
    else:
        fields = set(re.findall(r'r\._field == "([^"]*)"', question))
        for (_, tags, name), points in found.items():
            if name not in fields:
                continue
            chosen = points[-1:] if "last()" in question else points
            named = dict(tags)
            rows = [[_time(moment), value, named["asset"], named["channel"]] for moment, value in chosen]
            tables.append((["_time", name, "asset", "channel"], rows))
    return _csv(tables)
