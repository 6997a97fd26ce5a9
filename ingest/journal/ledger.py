"""How many messages and readings came, and what became of each: counts that add up at any moment.

A *message* is counted when the journal has it on disk. A *reading* can be counted only once its message is decoded, so
readings move from `pending` (messages) to `journalled` and to exactly one of stored, duplicates and quarantined in one
transaction. A message that cannot be read counts as one item. What is replayed moves from quarantined
to stored or duplicates, what a person drops from quarantined to dropped.

    received = journalled = stored + duplicates + quarantined + dropped        (items; late is a part of stored)
    messages.received = messages.journalled + messages.redelivered
    messages.journalled = messages.decoded + messages.unreadable + pending
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from urllib.parse import quote

from facility.errors import CannotDo
from facility.folder import DataFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Everything the ledger counts; each is a row of the journal's `ledger` table."""

    messages_received: int = 0
    messages_redelivered: int = 0
    messages_journalled: int = 0
    messages_decoded: int = 0
    messages_unreadable: int = 0
    stored: int = 0
    duplicates: int = 0
    late: int = 0
    quarantined: int = 0
    dropped: int = 0  # by a person, from quarantine
    replayed: int = 0  # readings that left quarantine for the store; they are counted in stored and duplicates

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)})

    @property
    def pending(self) -> int:
        """Messages in the journal that are not decoded yet."""
        return self.messages_journalled - self.messages_decoded - self.messages_unreadable

    @property
    def journalled(self) -> int:
        """Items of all decoded messages."""
        return self.stored + self.duplicates + self.quarantined + self.dropped

    def shown(self) -> dict[str, object]:
        """As `status --json` gives it."""
        return {
            "received": self.journalled,
            "journalled": self.journalled,
            "stored": self.stored,
            "duplicates": self.duplicates,
            "late": self.late,
            "quarantined": self.quarantined,
            "dropped": self.dropped,
            "replayed": self.replayed,
            "redelivered": self.messages_redelivered,
            "pending": self.pending,
            "messages": {
                name.removeprefix("messages_"): value
                for name, value in asdict(self).items()
                if name.startswith("messages_")
            },
        }


def from_rows(rows: Mapping[str, int]) -> Counts:
    """Counts from the journal's table; a row that is not there yet counts nothing."""
    return Counts(**{field.name: rows.get(field.name, 0) for field in fields(Counts)})


def read_counts(connection: sqlite3.Connection) -> Counts:
    """The ledger's counts of one journal."""
    return from_rows(dict(connection.execute("SELECT name, value FROM ledger")))


def add_counts(connection: sqlite3.Connection, change: Counts) -> None:
    """Add to the ledger, within the caller's transaction."""
    rows = [(name, value) for name, value in asdict(change).items() if value]
    connection.executemany(
        "INSERT INTO ledger(name, value) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = value + excluded.value",
        rows,
    )


def ledger(folder: DataFolder) -> dict[str, object]:
    """The ledger of a data folder, at this moment, from any process. All zero where nothing was taken in yet.

    Where several ingests share the messages, each has a ledger of its own, and this is their sum.
    """
    return sum(map(_of_journal, folder.journals()), Counts()).shown()


def _of_journal(file: Path) -> Counts:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=10)) as connection:
            return read_counts(connection)
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return Counts()
        raise CannotDo(
            "the journal {file} cannot be read: {error}", "Restore it from a backup", file=file, error=error
        ) from None
