"""Recordings: any machine's channels in a file, one row a moment. Learn from its healthy beginning, score the rest.

This is how somebody tries the detectors on data of their own, without a registry, a catalogue or a store. The steps
read in one breath: file -> behaviour explained away -> strangeness at several widths -> alarms.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from facility.i18n.messages import Sentence
from models.statistics import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A column that is no channel, and why."""

    column: str
    why: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """`values` (rows, channels), NaN where nothing was measured; `seconds` since the first row, or row numbers."""

    channels: tuple[str, ...]
    values: FloatArray
    seconds: FloatArray
    times: tuple[str, ...] | None  # as written in the file; None if it has no time column
    first: datetime | None = None  # of the first row, UTC
    file_rows: tuple[int, ...] = ()  # which row of the file each is, from 1; empty: the file's order
    units: tuple[str, ...] = ()  # what unit each row is of; empty: all of one
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[Sentence, ...] = ()  # what was decided in reading the file

    @property
    def rows(self) -> int:
        return len(self.values)

    def file_row(self, row: int) -> int:
        """Which row of the file a row is, from 1."""
        return self.file_rows[row] if self.file_rows else row + 1
