"""A journal knows the store its messages went into: one that was deleted or swapped does not pass for it.

The identity stands in the store's own mark and in every journal that was ever stored there. Where the two differ,
nothing is taken in until a person has put the store back or said that this one is meant.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from facility.errors import CannotDo
from facility.folder import DataFolder
from facility.i18n.messages import Sentence
from facility.store.configuration import chosen
from facility.store.lake.layout import MARK, MARK_COPY

NOTE = "store"


def known_identity(journal: Path) -> str:
    """The identity of the store a journal was stored in; "" if it never was, or cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(journal))}?mode=ro", uri=True, timeout=10)) as connection:
            row = connection.execute("SELECT value FROM notes WHERE name = ?", (NOTE,)).fetchone()
    except sqlite3.Error:
        return ""
    return str(json.loads(row[0])) if row else ""


def refuse_missing(folder: DataFolder) -> None:
    """Raise `CannotDo` where journals were stored in a lake of this folder that is no longer there."""
    choice = chosen(folder.path)
    if choice.kind != "lake" or choice.place or any((folder.readings / name).exists() for name in (MARK, MARK_COPY)):
        return
    if any(known_identity(journal) for journal in folder.journals()):
        raise CannotDo(
            "the readings at {place} are gone, and the journal knows that there were some",
            "Put the folder back from a backup; if it was deleted on purpose, run `serviceday store repair --accept`",
            place=folder.readings,
        )


def strange(folder: DataFolder, identity: str) -> Sentence | None:
    """What is wrong if a store is not the one that the journals of a folder know."""
    for journal in folder.journals():
        known = known_identity(journal)
        if known and identity and known != identity:
            return Sentence(
                "this store is not the one that {journal} was stored in: it was deleted and made anew, or another was"
                " put in its place",
                journal=journal.name,
            )
    return None


def refuse_strange(folder: DataFolder, identity: str) -> None:
    """Raise `CannotDo` for a store that is not the one the journals know."""
    problem = strange(folder, identity)
    if problem is not None:
        raise CannotDo(
            "{problem}",
            "Put the right one back; if this one is meant, run `serviceday store repair --accept`",
            problem=problem,
        )


def note_identity(connection: sqlite3.Connection, identity: str) -> None:
    """From now on a journal belongs to this store, within the caller's transaction."""
    connection.execute(
        "INSERT INTO notes VALUES (?, ?, 0) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        (NOTE, json.dumps(identity)),
    )


def forget_identity(folder: DataFolder) -> None:
    """Let every journal of a folder meet its store anew: another was chosen, or accepted."""
    for journal in folder.journals():
        if known_identity(journal):
            with closing(sqlite3.connect(journal, timeout=30)) as connection, connection:
                connection.execute("DELETE FROM notes WHERE name = ?", (NOTE,))


def begin_anew(folder: DataFolder) -> None:
    """Give every journal of a restored folder another identity: the store outside has gone on without it.

    What the store remembers of these journals then no longer counts for messages that come from now on.
    """
    for journal in folder.journals():
        with closing(sqlite3.connect(journal, timeout=30)) as connection, connection:
            connection.execute("UPDATE identity SET id = lower(hex(randomblob(8)))")
