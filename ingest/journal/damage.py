"""Rows of the journal that the disk has damaged: known by their checksum, mended or set aside, never in the way.

A single flipped bit is turned back. Everything else of a row cannot be believed any more: its messages are counted as
unreadable, its remains go to quarantine under a reason of their own, and what came after it flows on.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from ingest.journal.ledger import Counts, add_counts, read_counts
from ingest.journal.packing import Packed
from ingest.journal.schema import INSERT
from ingest.journal.source_ledger import OTHERS, Change, add_sources
from ingest.refusals import Reason

_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_remains = msgspec.msgpack.Encoder().encode


class DamagedRow(Exception):
    """The messages after `after` cannot be read as they were written."""

    def __init__(self, after: int) -> None:
        super().__init__(after)
        self.after = after


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What became of a damaged row: mended, or so many messages set aside."""

    first: int  # the number of its first message
    last: int
    repaired: bool

    @property
    def messages(self) -> int:
        return self.last - self.first + 1


def corrupt(error: sqlite3.Error) -> bool:
    """Whether SQLite says that its file is damaged, and not that it is busy, full or closed."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT


def damaged_journal(file: Path, error: sqlite3.Error) -> CannotDo:
    """What to say of a file that SQLite cannot follow any more."""
    return CannotDo(
        "the journal {file} is damaged: {error}",
        "Run `serviceday store repair`: it saves what can be read and keeps the damaged file",
        file=file,
        error=error,
    )


def read_row(connection: sqlite3.Connection, first: int) -> Packed | None:
    """A row as it was written; None if it is not there or damaged."""
    row = _raw_row(connection, first)
    return row if row is not None and row.whole else None


def _raw_row(connection: sqlite3.Connection, first: int) -> Packed | None:
    try:
        values = connection.execute("SELECT * FROM batches WHERE first = ?", (first,)).fetchone()
    except sqlite3.DatabaseError as error:
        if corrupt(error):
            return None
        raise
    return Packed._make(values) if values else None


def set_aside(writer: sqlite3.Connection, after: int) -> Damage | None:
    """Mend what follows message `after`, or move past it, within the caller's transaction.

    None if nothing follows that was ever counted: then nothing is wrong.
    """
    firsts = writer.execute("SELECT first FROM batches WHERE first > ? ORDER BY first LIMIT 2", (after,)).fetchall()
    keys = [int(first) for (first,) in firsts]
    own = keys.pop(0) if keys and keys[0] == after + 1 else None
    last = keys[0] - 1 if keys else after + read_counts(writer).pending
    if last <= after:
        return None
    row = None if own is None else _raw_row(writer, own)
    restored = None if row is None else row.mended()
    if own is not None and restored is not None and (restored.first, restored.length) == (own, last - after):
        delete_row(writer, own)
        writer.execute(INSERT, restored)
        return Damage(first=after + 1, last=last, repaired=True)
    count = last - after
    detail = str(Sentence("messages {first} to {last} of the journal", first=after + 1, last=last))
    payload = b"" if row is None else _remains(list(row))
    moment = time.time_ns() // 1000
    writer.execute(
        "INSERT INTO quarantine(seq, arrived_us, topic, payload, reason, detail, count) VALUES (?, ?, '', ?, ?, ?, ?)",
        (last, moment, payload, Reason.DAMAGED, detail, count),
    )
    if own is not None:
        delete_row(writer, own)
    writer.execute("UPDATE position SET decoded = ?", (last,))
    add_counts(writer, Counts(messages_unreadable=count, quarantined=count))
    add_sources(writer, {OTHERS: Change(messages=count, quarantined=count, arrived_us=moment)})
    return Damage(first=after + 1, last=last, repaired=False)


def delete_row(writer: sqlite3.Connection, first: int) -> None:
    """Delete a row, or pass it over from now on if SQLite can no longer follow it."""
    try:
        writer.execute("DELETE FROM batches WHERE first = ?", (first,))
    except sqlite3.DatabaseError as error:
        if not corrupt(error):
            raise
        writer.execute("INSERT OR IGNORE INTO fenced VALUES (?)", (first,))
