"""An InfluxDB 2.x server: what we ask of it, and what each of its refusals means.

API: https://docs.influxdata.com/influxdb/v2/api/. Every call is answered before it returns; nothing is buffered,
because a buffer that gives up loses readings.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar, cast

import polars as pl
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.bucket import Bucket
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from facility.errors import CannotCommunicate, CannotDo
from facility.i18n.messages import Sentence
from facility.store.influx import flux
from facility.store.influx.line_protocol import portions
from facility.store.influx.target import Target

TIMEOUT = timedelta(seconds=60)
TRIES = 4
NANOSECONDS = cast(WritePrecision, WritePrecision.NS)  # the client types its own constant wrongly
WAIT_AT_MOST = 30.0  # seconds; a server that wants more is reported
T = TypeVar("T")
_DROPPED = re.compile(r"dropped=(\d+)")


class Refusal(CannotCommunicate):
    """A write that the server understood and will not take: malformed, beyond retention, of another type."""

    def __init__(self, message: str, dropped: int | None) -> None:
        self.message = message
        self.dropped = dropped  # how many lines, where it says; the others are kept
        super().__init__("InfluxDB refuses: {message}", message=message)


class TooLarge(CannotCommunicate):
    """More at once than the server takes."""

    def __init__(self) -> None:
        super().__init__("InfluxDB finds this too large")


class Server:
    """One server, organisation and bucket. Raises `CannotCommunicate` or `CannotDo`, each saying what to do."""

    def __init__(self, target: Target, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.target = target
        self._sleep = sleep
        self._client = InfluxDBClient(
            url=target.url, token=target.token, org=target.org, timeout=int(TIMEOUT.total_seconds() * 1000)
        )
        self._writes = self._client.write_api(write_options=SYNCHRONOUS)

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    # -- what it is -----------------------------------------------------------------------------------------------

    def version(self) -> str:
        """Its version, once it is one that we can work with."""
        version = self._asked(self._client.version).lstrip("v")
        if not version.startswith("2."):
            raise CannotDo(
                "{url} is no InfluxDB 2.x but {found}",
                "Version 1 has no buckets and 3 no Flux: run 2.7 or newer 2.x, or keep readings in the lake",
                url=self.target.url,
                found=version or Sentence("something else"),
            )
        return str(version)

    def bucket(self, name: str, *, keep: timedelta | None = None, create: bool = False) -> timedelta | None:
        """Make sure that a bucket is there; gives how long it keeps points. With `create`, it is made if missing."""
        bucket = self._find(name)
        if bucket is None and create:
            bucket = self._asked(
                lambda: self._client.buckets_api().create_bucket(
                    bucket_name=name, retention_rules=_rules(keep), org=self.target.org
                )
            )
        if bucket is None:
            raise CannotDo(
                "there is no bucket {name!r} at {url} (or the token may not see it)",
                "Create it, or let `serviceday ingest` create it with a token that may",
                name=name,
                url=self.target.url,
            )
        seconds = bucket.retention_rules[0].every_seconds if bucket.retention_rules else 0
        return timedelta(seconds=seconds) if seconds else None

    def keep(self, name: str, keep: timedelta | None) -> None:
        """Change how long a bucket keeps its points; the server drops older ones by itself."""
        bucket = self._find(name)
        if bucket is None:
            raise CannotDo("there is no bucket {name!r} at {url}", "Create it first", name=name, url=self.target.url)
        bucket.retention_rules = [_rules(keep)]
        self._asked(lambda: self._client.buckets_api().update_bucket(bucket))

    def _find(self, name: str) -> Bucket | None:
        def look() -> Bucket | None:
            try:
                buckets = self._client.buckets_api().find_buckets(name=name, org=self.target.org).buckets  # type: ignore[no-untyped-call]
            except ApiException as error:
                if error.status == 404 and "bucket" in _message(error):  # 2.x answers so for a name it does not know
                    return None
                raise
            return buckets[0] if buckets else None

        return self._asked(look)

    # -- points ---------------------------------------------------------------------------------------------------

    def write(self, bucket: str, lines: pl.Series) -> dict[int, str]:
        """Write lines and return when the server has them. Gives which it will not take (by index) and why."""
        refused: dict[int, str] = {}
        begin = 0
        for portion in portions(lines):
            self._write(bucket, portion, begin, refused)
            begin += portion.len()
        return refused

    def _write(self, bucket: str, lines: pl.Series, begin: int, refused: dict[int, str]) -> None:
        """Too much is halved; what is refused is halved until the lines that are at fault stand alone."""
        if not lines.len():
            return
        try:
            self._asked(lambda: self._post(bucket, "".join(lines.to_list()).encode()))
        except (TooLarge, Refusal) as error:
            if lines.len() == 1 or (isinstance(error, Refusal) and error.dropped == lines.len()):
                words = error.message if isinstance(error, Refusal) else str(Sentence("too large for the server"))
                refused.update((begin + index, words) for index in range(lines.len()))
                return
            half = lines.len() // 2
            self._write(bucket, lines[:half], begin, refused)
            self._write(bucket, lines[half:], begin + half, refused)

    def _post(self, bucket: str, body: bytes) -> None:
        self._writes.write(bucket=bucket, org=self.target.org, record=body, write_precision=NANOSECONDS)

    def may_write(self, bucket: str) -> None:
        """Raise unless the token may write to a bucket. Nothing is written."""
        try:
            self._asked(lambda: self._post(bucket, b"# may we?\n"))
        except Refusal:  # it looked at the body, so it would have let us
            return

    def ask(self, question: str) -> list[pl.DataFrame]:
        """The tables that answer a Flux question."""

        def post() -> bytes:
            response = self._client.query_api().query_raw(question, org=self.target.org)
            return bytes(response.data if hasattr(response, "data") else response)

        try:
            return flux.tables(self._asked(post))
        except Refusal as refusal:
            raise CannotCommunicate(
                "InfluxDB at {url} does not understand a question: {message}",
                "Is it 2.7 or newer? Please report this",
                url=self.target.url,
                message=refusal.message,
            ) from None

    def delete(self, bucket: str, predicate: str, start: datetime, stop: datetime) -> None:
        self._asked(
            lambda: self._client.delete_api().delete(start, stop, predicate, bucket=bucket, org=self.target.org)
        )

    # -- refusals -------------------------------------------------------------------------------------------------

    def _asked(self, call: Callable[[], T]) -> T:
        """Call, wait where the server asks for patience, and tell apart what went wrong."""
        for number in range(TRIES):
            try:
                return call()
            except ApiException as error:
                wait = _wait(error)
                if wait is not None and wait <= WAIT_AT_MOST and number < TRIES - 1:
                    self._sleep(max(wait, 0.2))
                    continue
                raise self._meant(error, wait) from None
            except (HTTPError, OSError) as error:
                raise CannotCommunicate(
                    "no answer from InfluxDB at {url}: {reason}",
                    "Is it running, is the address right?",
                    url=self.target.url,
                    reason=_reason(error),
                ) from None
        raise AssertionError("unreachable")

    def _meant(self, error: ApiException, wait: float | None) -> Exception:
        words = _message(error)
        where = self.target
        if error.status in (401, 403):
            return CannotCommunicate(
                "InfluxDB at {url} does not accept the token for organisation {org}: {said}",
                "Give it a token that may read and write the bucket (SERVICEDAY_INFLUX_TOKEN or _TOKEN_FILE)",
                url=where.url,
                org=where.org,
                said=words,
            )
        if error.status == 404:
            return CannotDo(
                "InfluxDB at {url} knows no such organisation or bucket: {said}",
                "Check the names, or create the bucket",
                url=where.url,
                said=words,
            )
        if error.status == 413:
            return TooLarge()
        if error.status in (400, 422):
            dropped = _DROPPED.search(words)
            return Refusal(words, int(dropped.group(1)) if dropped else None)
        if wait is not None:
            return CannotCommunicate(
                "InfluxDB at {url} is too busy and wants to be left alone for {wait:g} s: {said}",
                "It will be tried again; nothing is lost",
                url=where.url,
                wait=wait,
                said=words,
            )
        return CannotCommunicate(
            "InfluxDB at {url} fails ({status}): {said}",
            "Look at the server's log",
            url=where.url,
            status=error.status,
            said=words,
        )


def _wait(error: ApiException) -> float | None:
    """Seconds to wait before trying again; None if trying again is of no use."""
    if error.status not in (429, 502, 503, 504):
        return None
    header = str(dict(error.headers or {}).get("Retry-After", ""))
    return float(header) if re.fullmatch(r"\d+(\.\d+)?", header) else 1.0


def _message(error: ApiException) -> str:
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
    try:
        answer = json.loads(body)
        return " ".join(str(answer.get("message") or answer.get("error") or body).split())
    except (ValueError, AttributeError):
        return " ".join(body.split()) or str(error.reason)


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None)
    return " ".join(str(inner or error).split(": ", 1)[-1].split())


def _rules(keep: timedelta | None) -> BucketRetentionRules:
    seconds = 0 if keep is None else int(keep.total_seconds())
    return BucketRetentionRules(type="expire", every_seconds=seconds)  # type: ignore[no-untyped-call]
