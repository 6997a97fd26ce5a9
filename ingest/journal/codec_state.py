"""What codecs remember, in the journal: loaded at the start, written in the transaction that moves the position."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

CodecRow = tuple[str, str, str, bytes]  # codec, device, what, value


def load_codec_state(connection: sqlite3.Connection) -> list[CodecRow]:
    """All rows, those that were written last at the end."""
    rows: list[CodecRow] = connection.execute(
        "SELECT codec, device, what, value FROM codec_state ORDER BY rowid"
    ).fetchall()
    return rows


def save_codec_state(
    writer: sqlite3.Connection, written: Sequence[CodecRow], gone: Iterable[tuple[str, str, str]] = ()
) -> None:
    """Write what changed, within the caller's transaction; an entry that is written again moves to the end."""
    writer.executemany("DELETE FROM codec_state WHERE codec = ? AND device = ? AND what = ?", gone)
    writer.executemany("INSERT OR REPLACE INTO codec_state VALUES (?, ?, ?, ?)", written)
