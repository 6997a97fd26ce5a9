"""Which filters our session at the broker may still hold: a broker keeps them, also those of a codec switched off."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ingest.journal.journal import Journal

NOTE = "subscribed"


def noted_filters(journal: Journal) -> list[str]:
    """The filters that were noted last."""
    with journal.transaction() as connection:
        row = connection.execute("SELECT value FROM notes WHERE name = ?", (NOTE,)).fetchone()
    return [str(each) for each in json.loads(row[0])] if row else []


def note_filters(journal: Journal, filters: Sequence[str]) -> None:
    """Note what the session holds from now on, or may hold."""
    with journal.transaction() as connection:
        connection.execute(
            "INSERT INTO notes VALUES (?, ?, 0) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
            (NOTE, json.dumps(list(dict.fromkeys(filters)))),
        )
