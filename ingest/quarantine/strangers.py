"""Devices that no row of the device map knows: what they sent lies in quarantine, and this looks at it.

However many there are, only those of a page are looked into, and of each only its latest messages.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from facility.errors import CannotDo
from ingest.codecs.contract import Decoded
from ingest.devices.setup import DeviceSetup
from ingest.journal.schema import make_missing
from ingest.messages import Message
from ingest.quarantine.suggestion import Heard
from ingest.refusals import Reason

SAMPLED = 40  # messages of a device that are looked into
ASKED_AT_ONCE = 2_000  # devices
_WAITING = "q.reason = 'unknown_device' AND d.id IS NULL AND q.seq <= (SELECT decoded FROM position)"
_FROM = "FROM quarantine q LEFT JOIN dropped d ON d.id = q.id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """A device that waits to be mapped."""

    codec: str
    device: str
    messages: int
    readings: int
    first: datetime
    last: datetime
    values: tuple[Heard, ...]

    @property
    def key(self) -> str:
        return f"{self.codec}:{self.device}"


class Strangers:
    """The unknown devices of one journal."""

    def __init__(self, connection: sqlite3.Connection, devices: DeviceSetup) -> None:
        self._connection = connection
        self._devices = devices

    def count(self) -> int:
        """How many devices wait."""
        row = self._connection.execute(f"SELECT count(DISTINCT q.detail) {_FROM} WHERE {_WAITING}").fetchone()
        return int(row[0])

    def keys(self, codec: str = "") -> list[str]:
        """`codec:device` of each that waits."""
        rows = self._connection.execute(f"SELECT DISTINCT q.detail {_FROM} WHERE {_WAITING} ORDER BY 1")
        return [key for (key,) in rows if codec in ("", key.partition(":")[0])]

    def page(self, *, limit: int = 50, offset: int = 0) -> list[Stranger]:
        """Those that sent most, first."""
        rows = self._connection.execute(
            f"SELECT q.detail, count(*), sum(q.count), min(q.arrived_us), max(q.arrived_us) {_FROM}"
            f" WHERE {_WAITING} GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT ? OFFSET ?",
            (limit, offset),
        ).fetchall()
        return [self._stranger(row) for row in rows]

    def named(self, keys: Iterable[str]) -> Iterator[Stranger]:
        """Those of these keys that wait."""
        for key in keys:
            row = self._connection.execute(
                f"SELECT q.detail, count(*), sum(q.count), min(q.arrived_us), max(q.arrived_us) {_FROM}"
                f" WHERE {_WAITING} AND q.detail = ? GROUP BY 1",
                (key,),
            ).fetchone()
            if row is not None:
                yield self._stranger(row)

    def rows(self, keys: Sequence[str]) -> list[int]:
        """The numbers in quarantine of what these sent."""
        return [
            int(number)
            for key in keys
            for (number,) in self._connection.execute(
                f"SELECT q.id {_FROM} WHERE {_WAITING} AND q.detail = ?",
                (key,),
            )
        ]

    def ask_for(self, keys: Sequence[str]) -> int:
        """Have what these sent understood again, now that they are mapped. Gives how many messages."""
        count = 0
        for begin in range(0, len(keys), ASKED_AT_ONCE):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                count += self._connection.executemany(
                    "INSERT OR IGNORE INTO replays(id, vouched) SELECT id, 0 FROM quarantine"
                    " WHERE reason = 'unknown_device' AND detail = ? AND id NOT IN (SELECT id FROM dropped)",
                    [(key,) for key in keys[begin : begin + ASKED_AT_ONCE]],
                ).rowcount
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
        return max(0, count)

    def _stranger(self, row: tuple[str, int, int, int, int]) -> Stranger:
        codec, _, device = row[0].partition(":")
        return Stranger(
            codec=codec,
            device=device,
            messages=row[1],
            readings=row[2],
            first=datetime.fromtimestamp(row[3] / 1e6, UTC),
            last=datetime.fromtimestamp(row[4] / 1e6, UTC),
            values=self._values(row[0], device),
        )

    def _values(self, key: str, device: str) -> tuple[Heard, ...]:
        rows = self._connection.execute(
            "SELECT id, arrived_us, topic, payload FROM quarantine WHERE reason = ? AND detail = ?"
            " ORDER BY id DESC LIMIT ?",
            (Reason.UNKNOWN_DEVICE.value, key, SAMPLED),
        ).fetchall()
        state = self._devices.state.fork(past=True)
        spoken = self._devices.dialects.decode([Message(*row) for row in reversed(rows)], state, kept=True)
        return heard_values([part.decoded for part in spoken if part.foreign], device)


def heard_values(decoded: Iterable[Decoded], device: str) -> tuple[Heard, ...]:
    """What a device says, by value: unit, how often, least, most and latest number."""
    by_channel: dict[str, Heard] = {}
    for part in decoded:
        for _, place, channel, _, value in part.readings.iter_rows():
            if part.places[place][1] != device:
                continue
            name, unit = part.channels[channel], part.units[channel]
            before = by_channel.get(name) or Heard(name=name, unit=unit, count=0, low=value, high=value, last=value)
            by_channel[name] = Heard(
                name=name,
                unit=unit or before.unit,
                count=before.count + 1,
                low=min(before.low, value),
                high=max(before.high, value),
                last=value,
            )
    return tuple(by_channel[name] for name in sorted(by_channel))


@contextmanager
def strangers(journal: Path, devices: DeviceSetup) -> Iterator[Strangers]:
    """The unknown devices of a journal, also while ingest runs. Raises `CannotDo` where nothing was taken in yet."""
    if not journal.exists():
        raise CannotDo(
            "nothing was taken in yet: there is no {journal}", "Start `serviceday ingest` first", journal=journal
        )
    connection = sqlite3.connect(journal, timeout=30, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("SELECT 1 FROM position LIMIT 1")
        connection.execute("BEGIN IMMEDIATE")
        make_missing(connection)
        connection.execute("COMMIT")
        yield Strangers(connection, devices)
    except sqlite3.Error as error:
        raise CannotDo(
            "the journal {journal} cannot be used: {error}",
            "Start `serviceday ingest` once",
            journal=journal,
            error=error,
        ) from None
    finally:
        connection.close()
