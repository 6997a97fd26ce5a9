"""All that is known of a data folder's ingest, from any process: ledgers, silence, clocks, what it says of itself."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from facility.channels import Catalogue
from facility.errors import CannotDo
from facility.estate import Asset
from ingest.clocks import Clock, read_clocks
from ingest.hearing import read_heard
from ingest.ledger import Counts, read_counts
from ingest.listening import Listening, read_expected, read_listening
from ingest.quarantine import Reason
from ingest.sources import Source, read_sources
from ingest.staleness import Life, State, lives


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A moment of one journal, read in one transaction: its parts agree with one another."""

    counts: Counts
    sources: list[Source]
    clocks: list[Clock]
    lives: list[Life]
    quarantine: Mapping[Reason, int]  # items
    listening: Listening
    notes: Mapping[str, Any]  # what the running ingest last said of itself

    @property
    def states(self) -> dict[State, int]:
        """How many channels are in each state; a silent asset counts as one."""
        counted = Counter(one.state for one in self.lives)
        return {state: counted[state] for state in State}

    @property
    def adds_up(self) -> bool:
        """Whether the ledger of the whole and those of the sources say the same."""
        counts = self.counts
        return (
            sum(one.admitted for one in self.sources) == counts.stored + counts.duplicates
            and sum(one.quarantined for one in self.sources) == counts.quarantined
            and sum(one.dropped for one in self.sources) == counts.dropped
            and sum(self.quarantine.values()) == counts.quarantined
        )


def read_overview(
    connection: sqlite3.Connection, assets: Mapping[str, Asset], catalogue: Catalogue, now: datetime
) -> Overview:
    """Read it all from a connection to the journal."""
    connection.execute("BEGIN")
    try:
        listening = read_listening(connection)
        heard = read_heard(connection)
        expected = read_expected(connection)
        items = connection.execute(
            "SELECT reason, sum(count) FROM quarantine WHERE seq <= (SELECT decoded FROM position)"
            " AND id NOT IN (SELECT id FROM dropped) GROUP BY 1 ORDER BY 2 DESC"
        )
        return Overview(
            counts=read_counts(connection),
            sources=read_sources(connection),
            clocks=read_clocks(connection),
            lives=lives(assets, heard, catalogue, now, expected=expected, listening=listening),
            quarantine={Reason(row[0]): row[1] for row in items},
            listening=listening,
            notes={name: json.loads(value) for name, value in connection.execute("SELECT name, value FROM notes")},
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
        raise CannotDo(f"the journal {journal} cannot be read: {error}", "Start `serviceday ingest` once") from None
    finally:
        if connection is not None:
            connection.close()
