"""What an outside store cannot keep with the readings, in a small SQLite file beside it.

How far a source has been stored and what that did; the newest time and the site of every channel's asset; which hours
changed when. Points in InfluxDB are idempotent, so they are written first and this is committed after: a crash between
the two means that the same points are written again, and counted then. Late points would then look like duplicates, so
their identities are noted (`underway`) before they are written.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from facility.errors import CannotCommunicate, CannotDo
from facility.store.contract import Appended

VERSION = 2  # hours that version 1 summarised are summarised again, as they are kept in another way
_TABLES = """
CREATE TABLE source (name TEXT PRIMARY KEY, cursor INTEGER, stored INTEGER, duplicates INTEGER, late INTEGER,
    refused INTEGER, tally TEXT) STRICT;
CREATE TABLE mark (asset TEXT, channel TEXT, time INTEGER, PRIMARY KEY (asset, channel)) STRICT, WITHOUT ROWID;
CREATE TABLE site (asset TEXT PRIMARY KEY, site TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE hour (hour INTEGER PRIMARY KEY, changed INTEGER, summarised INTEGER) STRICT;
CREATE TABLE deletion (turn INTEGER, asset TEXT) STRICT;
CREATE TABLE underway (asset TEXT, channel TEXT, time INTEGER) STRICT;
CREATE TABLE said (key TEXT PRIMARY KEY, value TEXT) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour (since the epoch) in which readings changed, and with which turn it did last."""

    number: int
    changed: int


class Beside:
    """The SQLite file. One instance a store; every call opens its own connection, so threads do not matter."""

    def __init__(self, file: Path, *, create: bool) -> None:
        self.file = file
        if not file.exists():
            if not create:
                raise CannotDo(
                    "nothing is known of the store at {file}", "Run `serviceday ingest` or an import first", file=file
                )
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                with self._open() as db:
                    db.execute("PRAGMA journal_mode=WAL")
                    db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
            except (OSError, sqlite3.Error) as error:
                raise CannotCommunicate(
                    "{file} cannot be made: {error}", "Check space and permissions", file=file, error=error
                ) from None
            self.is_new = True
            return
        self.is_new = False
        with self._open() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise CannotDo(
                "{file} was written by a newer serviceday (version {found})",
                "Update serviceday",
                file=file,
                found=version,
            )
        if version < VERSION:
            with self._change() as db:
                db.execute("UPDATE hour SET summarised = 0")
                db.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.file, timeout=60, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous=FULL")
            yield db

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._open() as db:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise CannotCommunicate(
                "{file} refuses: {error}", "Check space and permissions", file=self.file, error=error
            ) from error

    @contextmanager
    def writing_alone(self) -> Iterator[None]:
        """Hold the right to append, against other processes of this machine."""
        try:
            lock = self.file.with_suffix(".lock").open("ab")
        except OSError as error:
            raise CannotCommunicate(
                "{file} refuses: {error}", "Check space and permissions", file=self.file, error=error
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # -- small notes ----------------------------------------------------------------------------------------------

    def say(self, key: str, value: str) -> None:
        with self._change() as db:
            db.execute("INSERT OR REPLACE INTO said VALUES (?, ?)", (key, value))

    def said(self, key: str) -> str:
        with self._open() as db:
            row = db.execute("SELECT value FROM said WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    @property
    def turn(self) -> int:
        """Counts what was committed here, by whichever process."""
        return int(self.said("turn") or 0)

    # -- sources and marks ----------------------------------------------------------------------------------------

    def cursor(self, source: str) -> tuple[int, Appended, str] | None:
        with self._open() as db:
            row = db.execute(
                "SELECT cursor, stored, duplicates, late, refused, tally FROM source WHERE name = ?", (source,)
            ).fetchone()
        return (row[0], Appended(*row[1:5]), row[5]) if row else None

    def marks(self) -> pl.DataFrame:
        """asset, channel, time: the newest of every channel."""
        with self._open() as db:
            rows = db.execute("SELECT asset, channel, time FROM mark").fetchall()
        schema = pl.Schema({"asset": pl.String(), "channel": pl.String(), "time": pl.Int64()})
        return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
            pl.col("time").cast(pl.Datetime("us", "UTC"))
        )

    def sites(self) -> dict[str, str]:
        with self._open() as db:
            return dict(db.execute("SELECT asset, site FROM site").fetchall())

    def begin(self, late: pl.DataFrame, sites: Mapping[str, str]) -> None:
        """Before writing: note the late identities (a crash must not make duplicates of them) and new sites."""
        if late.is_empty() and not sites:
            return
        with self._change() as db:
            db.executemany("INSERT OR IGNORE INTO site VALUES (?, ?)", list(sites.items()))
            db.executemany("INSERT INTO underway VALUES (?, ?, ?)", _identities(late))

    def underway(self) -> pl.DataFrame:
        """Late identities that were being written when a process died: they may be there, and are not counted yet."""
        with self._open() as db:
            rows = db.execute("SELECT asset, channel, time FROM underway").fetchall()
        schema = pl.Schema({"asset": pl.String(), "channel": pl.String(), "time": pl.Int64()})
        return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
            pl.col("time").cast(pl.Datetime("us", "UTC"))
        )

    def commit(
        self, done: Appended, newest: pl.DataFrame, hours: Sequence[int], *, source: str, cursor: int, tally: str
    ) -> int:
        """After writing: everything that the append did, at once. Gives the turn."""
        with self._change() as db:
            turn = self._next_turn(db)
            if source:
                counts = (done.stored, done.duplicates, done.late, done.refused)
                row = (source, cursor, *counts, tally)
                db.execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            db.executemany(
                "INSERT INTO mark VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET time = max(time, excluded.time)",
                _identities(newest),
            )
            db.executemany(
                "INSERT INTO hour VALUES (?, ?, -1) ON CONFLICT DO UPDATE SET changed = excluded.changed",
                [(hour, turn) for hour in hours],
            )
            db.execute("DELETE FROM underway")
        return turn

    @staticmethod
    def _next_turn(db: sqlite3.Connection) -> int:
        row = db.execute("SELECT value FROM said WHERE key = 'turn'").fetchone()
        turn = (int(row[0]) if row else 0) + 1
        db.execute("INSERT OR REPLACE INTO said VALUES ('turn', ?)", (str(turn),))
        return turn

    # -- hours ----------------------------------------------------------------------------------------------------

    def unsummarised(self) -> list[Hour]:
        with self._open() as db:
            rows = db.execute("SELECT hour, changed FROM hour WHERE changed > summarised ORDER BY hour").fetchall()
        return [Hour(*row) for row in rows]

    def summarised(self, hours: Sequence[Hour]) -> None:
        with self._change() as db:
            db.executemany(
                "UPDATE hour SET summarised = ? WHERE hour = ?", [(hour.changed, hour.number) for hour in hours]
            )

    def changed_after(self, turn: int) -> list[Hour]:
        with self._open() as db:
            rows = db.execute("SELECT hour, changed FROM hour WHERE changed > ? ORDER BY changed", (turn,)).fetchall()
        return [Hour(*row) for row in rows]

    def last_hour(self) -> int | None:
        with self._open() as db:
            row = db.execute("SELECT max(hour) FROM hour").fetchone()
        return None if row[0] is None else int(row[0])

    def deleted(self, asset: str) -> None:
        with self._change() as db:
            turn = self._next_turn(db)
            db.execute("DELETE FROM mark WHERE asset = ?", (asset,))
            db.execute("INSERT INTO deletion VALUES (?, ?)", (turn, asset))

    def deletions(self, after: int) -> list[str]:
        with self._open() as db:
            rows = db.execute("SELECT DISTINCT asset FROM deletion WHERE turn > ?", (after,)).fetchall()
        return [str(row[0]) for row in rows]


def _identities(rows: pl.DataFrame) -> list[tuple[str, str, int]]:
    return rows.select("asset", "channel", pl.col("time").dt.timestamp("us")).rows()
