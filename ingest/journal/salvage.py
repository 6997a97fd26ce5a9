"""A journal whose SQLite file itself is damaged: what can be read goes into a new one, the damaged one is set aside."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from facility.i18n.messages import Sentence
from ingest.journal.damage import corrupt
from ingest.journal.schema import prepare

ASIDE = "damaged"
FURTHEST = 1 << 40  # rowids that are stepped over in search of a readable row
_TABLES = (
    "identity",
    "position",
    "ledger",
    "batches",
    "quarantine",
    "dropped",
    "replays",
    "overflow",
    "sources",
    "presence",
    "heard",
    "clocks",
    "expected",
    "notes",
    "deliveries",
    "codec_state",
)


def is_damaged(file: Path) -> bool:
    """Whether SQLite cannot follow a journal any more (its quick check)."""
    try:
        with closing(sqlite3.connect(file, timeout=30)) as connection:
            connection.execute("SELECT count(*) FROM position").fetchone()
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.DatabaseError as error:
        return corrupt(error) or "malformed" in str(error) or "no such table" in str(error)


def salvage(file: Path) -> list[Sentence]:
    """Make a journal anew from what can be read of it. Gives what was done, and what could not be read whole."""
    aside = file.parent / ASIDE
    aside.mkdir(mode=0o700, exist_ok=True)
    number = sum(1 for other in aside.glob(f"{file.name}*"))
    path = aside / (f"{file.name}.{number}" if number else file.name)
    for end in ("", "-wal", "-shm"):
        part = file.with_name(file.name + end)
        if part.exists():
            shutil.move(part, path.with_name(path.name + end))
    notes = []
    with closing(sqlite3.connect(file, isolation_level=None)) as new:
        new.execute("PRAGMA auto_vacuum = INCREMENTAL")
        new.execute("PRAGMA journal_mode = WAL")
        new.execute("BEGIN IMMEDIATE")
        prepare(new, 0)
        counts = {}
        for table in _TABLES:
            rows, whole = _copy(path, new, table)
            counts[table] = rows
            if not whole:
                notes.append(Sentence("{file}: table {table} could be read in part only", file=file.name, table=table))
        new.execute("COMMIT")
    made_anew = Sentence(
        "{file} was damaged and is made anew from what can be read of it: {messages} batches of messages, {refused}"
        " rows of quarantine; the damaged one is kept as {kept}",
        file=file.name,
        messages=counts["batches"],
        refused=counts["quarantine"],
        kept=f"{ASIDE}/{path.name}",
    )
    return [made_anew, *notes]


def _copy(damaged: Path, new: sqlite3.Connection, table: str) -> tuple[int, bool]:
    """Copy a table. Gives how many rows, and whether none was passed over."""
    width = len(new.execute(f"PRAGMA table_info({table})").fetchall())
    if table in ("identity", "position"):
        before = new.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
        new.execute(f"DELETE FROM {table}")  # noqa: S608
    count, whole = 0, True
    for row in _rows(damaged, table):
        if row is None:
            whole = False
            continue
        with suppress(sqlite3.Error):
            padded = [*row, *[None] * (width - len(row))][:width]
            new.execute(f"INSERT OR REPLACE INTO {table} VALUES ({','.join('?' * width)})", padded)  # noqa: S608
            count += 1
    if table in ("identity", "position") and not count:
        new.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * width)})", before)  # noqa: S608
        whole = False
    return count, whole


def _rows(damaged: Path, table: str) -> Iterator[tuple[object, ...] | None]:
    """The rows of a table that can be read; None where some had to be passed over."""
    last, step = -1, 0
    while step < FURTHEST:
        try:
            with closing(sqlite3.connect(damaged, timeout=30)) as connection:
                connection.text_factory = lambda text: text.decode("utf-8", "replace")
                connection.execute("PRAGMA writable_schema = ON")
                rows = connection.execute(
                    f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid",  # noqa: S608
                    (last + step,),
                )
                for rowid, *row in rows:
                    last, step = int(rowid), 0
                    yield tuple(row)
                return
        except sqlite3.OperationalError as error:
            if "no such column" not in str(error):
                yield None  # the table itself can no longer be found
                return
            yield from _without_rowid(damaged, table)
            return
        except sqlite3.DatabaseError:
            if not step:
                yield None
            step = max(1, 2 * step)


def _without_rowid(damaged: Path, table: str) -> Iterator[tuple[object, ...] | None]:
    try:
        with closing(sqlite3.connect(damaged, timeout=30)) as connection:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            connection.execute("PRAGMA writable_schema = ON")
            yield from connection.execute(f"SELECT * FROM {table}")  # noqa: S608
    except sqlite3.DatabaseError:
        yield None
