"""When ingest was listening at all: only then does silence say something about a device.

Saved every few seconds while the broker is connected. After a pause, a stop or a cut of the network, `since` begins
anew and `before` keeps when we last listened, so that a restart neither hides an old silence nor invents a new one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass

GAP_US = 60_000_000  # a longer pause than that is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Times in microseconds since the epoch; 0 for never."""

    since_us: int = 0
    until_us: int = 0
    before_us: int = 0  # the end of the stretch of listening before this one

    def going_on(self, now_us: int) -> Listening:
        """Still listening, or again."""
        if self.until_us and now_us - self.until_us <= GAP_US:
            return Listening(since_us=self.since_us, until_us=now_us, before_us=self.before_us)
        return Listening(since_us=now_us, until_us=now_us, before_us=self.until_us)


def read_listening(connection: sqlite3.Connection) -> Listening:
    """Since when ingest listens, as it was saved."""
    row = connection.execute("SELECT value FROM notes WHERE name = 'listening'").fetchone()
    return Listening(**json.loads(row[0])) if row else Listening()


def save_listening(connection: sqlite3.Connection, listening: Listening) -> None:
    """Keep since when ingest listens."""
    write_note(connection, "listening", asdict(listening), listening.until_us)


def write_note(connection: sqlite3.Connection, name: str, value: object, at_us: int) -> None:
    """What the running ingest says of itself, for other processes to read."""
    connection.execute(
        "INSERT INTO notes VALUES (?, ?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value, at_us ="
        " excluded.at_us",
        (name, json.dumps(value, default=str), at_us),
    )


def expect(connection: sqlite3.Connection, assets: Iterable[str], now_us: int) -> None:
    """From now on these assets are expected to speak; those known already have been before."""
    connection.executemany("INSERT OR IGNORE INTO expected VALUES (?, ?)", [(asset, now_us) for asset in assets])


def read_expected(connection: sqlite3.Connection) -> dict[str, int]:
    """Since when each asset is expected to speak, in microseconds since the epoch."""
    return dict(connection.execute("SELECT asset, since_us FROM expected").fetchall())
