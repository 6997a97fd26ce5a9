"""All that is known of a data folder's ingest, from any process: ledgers, silence, clocks, what it says of itself.

Where several ingests share the messages, each keeps a journal of its own; they are put together here.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from facility.catalogue.catalogue import Catalogue
from facility.errors import CannotDo
from facility.estate import Asset
from ingest.journal.ledger import Counts, read_counts
from ingest.journal.source_ledger import Source, merged, read_sources
from ingest.monitor.channel_state import Heard, read_heard, together
from ingest.monitor.clock_offset import Clock, judged, read_ways
from ingest.monitor.liveness import Life, State, lives
from ingest.monitor.uptime import Listening, read_expected, read_listening
from ingest.refusals import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A moment of one journal, read in one transaction: its parts agree with one another."""

    counts: Counts
    sources: list[Source]
    clocks: list[Clock]
    lives: list[Life]
    quarantine: Mapping[Reason, int]  # items
    counted_only: int  # items of quarantine of which no more is kept than their number
    quarantine_bytes: int
    listening: Listening
    notes: Mapping[str, Any]  # what the running ingest last said of itself

    @property
    def states(self) -> dict[State, int]:
        """How many channels are in each state; a silent asset counts as one."""
        counted = Counter(life.state for life in self.lives)
        return {state: counted[state] for state in State}

    @property
    def adds_up(self) -> bool:
        """Whether the ledger of the whole and those of the sources say the same."""
        counts = self.counts
        return (
            sum(source.admitted for source in self.sources) == counts.stored + counts.duplicates
            and sum(source.quarantined for source in self.sources) == counts.quarantined
            and sum(source.dropped for source in self.sources) == counts.dropped
            and sum(self.quarantine.values()) == counts.quarantined
        )


def read_overview(
    journals: Sequence[sqlite3.Connection], assets: Mapping[str, Asset], catalogue: Catalogue, now: datetime
) -> Overview:
    """Read it all from connections to the journals, each in one transaction."""
    parts = [_read(connection) for connection in journals]
    quarantine: Counter[Reason] = Counter()
    for part in parts:
        quarantine.update(part.quarantine)
    voices = _voices([part.voices for part in parts], assets, catalogue, now)
    return Overview(
        counts=sum((part.counts for part in parts), Counts()),
        sources=merged(source for part in parts for source in part.sources),
        clocks=judged(row for part in parts for row in part.ways),
        lives=voices.lives,
        quarantine=dict(quarantine.most_common()),
        counted_only=sum(part.counted_only for part in parts),
        quarantine_bytes=sum(part.quarantine_bytes for part in parts),
        listening=voices.listening,
        notes=voices.notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Voices:
    """Who speaks and who does not, and what the running ingest last said of itself: the part that is asked often."""

    lives: list[Life]
    listening: Listening
    notes: Mapping[str, Any]


def read_voices(
    journals: Sequence[sqlite3.Connection], assets: Mapping[str, Asset], catalogue: Catalogue, now: datetime
) -> Voices:
    """Read it from connections to the journals, each in one transaction."""
    parts = []
    for connection in journals:
        connection.execute("BEGIN")
        try:
            parts.append(_read_voices(connection))
        finally:
            connection.execute("COMMIT")
    return _voices(parts, assets, catalogue, now)


def _voices(parts: Sequence[_PartVoices], assets: Mapping[str, Asset], catalogue: Catalogue, now: datetime) -> Voices:
    heard: dict[tuple[str, str], Heard] = {}
    expected: dict[str, int] = {}
    notes: dict[str, Any] = {}
    for part in parts:
        for channel_state in part.heard:
            before = heard.get((channel_state.asset, channel_state.channel))
            heard[channel_state.asset, channel_state.channel] = (
                channel_state if before is None else together(before, channel_state)
            )
        for asset, since_us in part.expected.items():
            expected[asset] = min(since_us, expected.get(asset, since_us))
        notes |= {name: value for name, value in part.notes.items() if _newer(value, notes.get(name))}
    listening = max((part.listening for part in parts), key=lambda listening: listening.until_us, default=Listening())
    lifes = lives(assets, heard.values(), catalogue, now, expected=expected, listening=listening)
    return Voices(lives=lifes, listening=listening, notes=notes)


def _newer(value: Any, than: Any) -> bool:
    """Of what several say of their health, the last word counts, and a running one's before one that ended."""
    if not isinstance(value, dict) or not isinstance(than, dict) or "at_us" not in value:
        return than is None
    return (not value["ended"], value["at_us"]) > (not than["ended"], than["at_us"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One journal."""

    counts: Counts
    sources: list[Source]
    ways: list[tuple[str, int, int]]
    quarantine: Mapping[Reason, int]
    counted_only: int
    quarantine_bytes: int
    voices: _PartVoices


@dataclass(frozen=True, slots=True, kw_only=True)
class _PartVoices:
    """Of one journal."""

    heard: list[Heard]
    expected: Mapping[str, int]
    listening: Listening
    notes: Mapping[str, Any]


def _read_voices(connection: sqlite3.Connection) -> _PartVoices:
    return _PartVoices(
        heard=read_heard(connection),
        expected=read_expected(connection),
        listening=read_listening(connection),
        notes={name: json.loads(value) for name, value in connection.execute("SELECT name, value FROM notes")},
    )


def _read(connection: sqlite3.Connection) -> _Part:
    connection.execute("BEGIN")
    try:
        items = connection.execute(
            "SELECT reason, sum(count) FROM quarantine WHERE seq <= (SELECT decoded FROM position)"
            " AND id NOT IN (SELECT id FROM dropped) GROUP BY 1"
        )
        quarantine = Counter({Reason(row[0]): int(row[1]) for row in items})
        counted: Counter[Reason] = Counter()
        size = 0
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'overflow'").fetchone():  # not before format 3
            rows = connection.execute(
                "SELECT reason, sum(count) FROM overflow WHERE seq <= (SELECT decoded FROM position) GROUP BY 1"
            )
            counted.update({Reason(row[0]): int(row[1]) for row in rows})
            size = int(connection.execute("SELECT quarantine FROM space").fetchone()[0])
        return _Part(
            counts=read_counts(connection),
            sources=read_sources(connection),
            ways=read_ways(connection),
            quarantine=quarantine + counted,
            counted_only=counted.total(),
            quarantine_bytes=size,
            voices=_read_voices(connection),
        )
    finally:
        connection.execute("COMMIT")


@contextmanager
def reading(journal: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can only read, also while ingest runs. Raises `CannotDo` where there is no journal."""
    connection = None
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(journal))}?mode=ro", uri=True, timeout=10, isolation_level=None, check_same_thread=False
        )
        connection.execute("SELECT 1 FROM notes LIMIT 1")
        yield connection
    except sqlite3.Error as error:
        raise CannotDo(
            "the journal {journal} cannot be read: {error}",
            "Start `serviceday ingest` once",
            journal=journal,
            error=error,
        ) from None
    finally:
        if connection is not None:
            connection.close()
