"""Recordings: any machine's channels in a file, one row a moment. Learn from its healthy beginning, score the rest.

This is how somebody tries the detectors on data of their own, without a registry, a catalogue or a store. The steps
read in one breath: file -> behaviour explained away -> strangeness at several widths -> alarms.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.statistics import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """`values` (rows, channels), NaN where nothing was measured; `seconds` since the first row, or row numbers."""

    channels: tuple[str, ...]
    values: FloatArray
    seconds: FloatArray
    times: tuple[str, ...] | None  # as written in the file; None if it has no time column
    first: datetime | None = None  # of the first row

    @property
    def rows(self) -> int:
        return len(self.values)
