"""The room of quarantine: rows as long as it lasts, then counts and a sample, and good readings flow on all the same.

`space` says how many bytes it holds (triggers keep it true, whoever deletes). Once nine tenths of the limit are taken,
rows that a person dropped make way. Is that not enough, each source and reason leaves `SAMPLE_ROWS` rows more in the
rest, and all others are counted in `overflow`: they are quarantined in the ledger like any, and have no payload.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from facility.i18n.messages import Sentence
from ingest.journal.source_ledger import OTHERS, Name, has_slot, source_of
from ingest.messages import Message
from ingest.refusals import Reason, Refusal

QUARANTINE_LIMIT = 1 << 30  # bytes, by default
BULK = 0.9  # of the limit; the rest is kept for samples ...
STRANGERS = 0.95  # ... of which those of nobody we know may take half
SAMPLE_ROWS = 3  # of each source and reason, since it became full
RECLAIMED_AT_ONCE = 5_000  # dropped rows

_STRANGE = frozenset(
    {Reason.UNKNOWN_DEVICE, Reason.UNKNOWN_ASSET, Reason.UNKNOWN_TOPIC, Reason.WRONG_SITE, Reason.NOT_ALLOWED}
)
_Row = tuple[int, int, str, bytes, str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """How full quarantine is."""

    used: int  # bytes
    limit: int

    @property
    def full(self) -> bool:
        return self.used >= BULK * self.limit

    def __str__(self) -> str:
        return str(Sentence("{used:,.1f} MB of {limit:,.1f} MB used", used=self.used / 1e6, limit=self.limit / 1e6))


class QuarantineRoom:
    """Decides what of the refused is kept. One thread at a time calls `take_in`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._samples: Counter[tuple[Name, Reason]] = Counter()

    def filling(self, connection: sqlite3.Connection) -> Filling:
        return Filling(used=_used(connection), limit=self.limit)

    def take_in(self, writer: sqlite3.Connection, refused: Sequence[tuple[Refusal, Message]], *, spare: int) -> None:
        """Keep refusals of a batch or count them, within the caller's transaction. `spare`: bytes left on the disk."""
        used = _used(writer)
        bulk = min(int(BULK * self.limit), used + spare)
        coming = sum(_bytes_of(refusal, message) for refusal, message in refused)
        while used + coming > bulk and _reclaim(writer):
            used = _used(writer)
        if used + coming <= bulk:
            self._samples.clear()
        rows: list[_Row] = []
        counted: dict[tuple[Name, Reason], tuple[int, int, int, int]] = {}
        for refusal, message in refused:
            size = _bytes_of(refusal, message)
            key = source_of(refusal.topic or message.topic), refusal.reason
            if used + size <= bulk or (spare > coming and self._sampled(key, used + size)):
                used += size
                rows.append(_row(refusal, message))
            else:
                seq, count, first_us, last_us = counted.get(key, (0, 0, message.arrived_us, message.arrived_us))
                first_us, last_us = min(first_us, message.arrived_us), max(last_us, message.arrived_us)
                counted[key] = (max(seq, refusal.seq), count + refusal.count, first_us, last_us)
        writer.executemany(
            "INSERT INTO quarantine(seq, arrived_us, topic, payload, reason, detail, count)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        writer.executemany(
            "INSERT INTO overflow VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT(seq, site, name, reason) DO UPDATE SET"
            " count = count + excluded.count",
            [(seq, *name, reason, *more) for (name, reason), (seq, *more) in counted.items()],
        )

    def _sampled(self, key: tuple[Name, Reason], used: int) -> bool:
        """Whether a row is one of the samples that are kept when all else is only counted."""
        room = STRANGERS if key[1] in _STRANGE else 1.0
        if used > room * self.limit or self._samples[key] >= SAMPLE_ROWS:
            return False
        self._samples[key] += 1
        return True


def settle_overflow(writer: sqlite3.Connection) -> None:
    """Put what was only counted of settled messages together: one row a source and reason."""
    settled = "WHERE seq > 0 AND seq <= (SELECT decoded FROM position)"
    rows = writer.execute(
        f"SELECT site, name, reason, count, first_us, last_us FROM overflow {settled}"  # noqa: S608
    ).fetchall()
    if not rows:
        return
    for site, name, *more in rows:
        source = (site, name) if has_slot(writer, (site, name)) else OTHERS
        writer.execute(
            "INSERT INTO overflow VALUES (0, ?, ?, ?, ?, ?, ?) ON CONFLICT(seq, site, name, reason) DO UPDATE SET"
            " count = count + excluded.count, first_us = min(first_us, excluded.first_us),"
            " last_us = max(last_us, excluded.last_us)",
            (*source, *more),
        )
    writer.execute(f"DELETE FROM overflow {settled}")  # noqa: S608


def _used(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT quarantine FROM space").fetchone()[0])


def _bytes_of(refusal: Refusal, message: Message) -> int:
    """As the triggers count, or a little less where characters are not ASCII."""
    twice = 2 * (len(refusal.reason) + len(refusal.detail))
    return 96 + len(refusal.topic or message.topic) + len(refusal.payload) + twice


def _row(refusal: Refusal, message: Message) -> _Row:
    return (
        refusal.seq,
        message.arrived_us,
        refusal.topic or message.topic,
        refusal.payload,
        refusal.reason,
        refusal.detail,
        refusal.count,
    )


def _reclaim(writer: sqlite3.Connection) -> bool:
    """Delete for good the rows that were dropped first. False if none is dropped."""
    ids = writer.execute("SELECT id FROM dropped ORDER BY at_us LIMIT ?", (RECLAIMED_AT_ONCE,)).fetchall()
    writer.executemany("DELETE FROM quarantine WHERE id = ?", ids)
    writer.executemany("DELETE FROM dropped WHERE id = ?", ids)
    return bool(ids)
