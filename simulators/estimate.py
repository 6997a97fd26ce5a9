"""What a history will take, before it is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_READINGS_A_DAY = 600  # of an average asset of the default mix, measured
_JOURNAL_BYTES, _STORE_BYTES = 12, 24  # a reading, kept raw and kept in the store while it is being compacted


@dataclass(frozen=True, slots=True)
class Estimate:
    """How much there will be, and the disk its journal and store take together at the worst moment."""

    readings: int
    bytes: int


def estimate_history(assets: int, history: timedelta) -> Estimate:
    """The readings of so many assets over so long."""
    readings = int(assets * _READINGS_A_DAY * (history / timedelta(days=1)))
    return Estimate(readings, readings * (_JOURNAL_BYTES + _STORE_BYTES))


def estimate_bytes(assets: int, history: timedelta) -> int:
    """Disk a history takes together with its journal, at the worst moment."""
    return estimate_history(assets, history).bytes
