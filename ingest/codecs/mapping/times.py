"""Time stamps as devices write them, in milliseconds since 1970 (UTC)."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

FORMATS = ("s", "ms", "us", "ns", "iso", "arrival")
_PER_MS = {"s": 0.001, "ms": 1.0, "us": 1_000.0, "ns": 1_000_000.0}
_UTC_1970 = datetime(1970, 1, 1, tzinfo=UTC)

Stamp = Callable[[object, int], int | None]  # what stands in the payload, arrival in us -> ms, or None


def stamp_reader(form: str, zone: ZoneInfo | None) -> Stamp:
    """How a time of this form is read; it gives None for what is no such time."""
    if form == "arrival":
        return lambda _value, arrived_us: arrived_us // 1000
    if form == "iso":
        return lambda value, arrived_us: _iso(value, arrived_us, zone)
    per_ms = _PER_MS[form]
    return lambda value, _arrived_us: _number(value, per_ms)


def _number(value: object, per_ms: float) -> int | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        ms = value / per_ms
    except OverflowError:
        return None
    return round(ms) if math.isfinite(ms) and abs(ms) < 4e15 else None


def _iso(value: object, arrived_us: int, zone: ZoneInfo | None) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is not None:
            return _ms(moment)
        if zone is None:
            return None
        if moment.replace(fold=0, tzinfo=zone).utcoffset() == moment.replace(fold=1, tzinfo=zone).utcoffset():
            return _ms(moment.replace(tzinfo=zone))
        # An hour that comes twice, or never: the reading that lies nearer to its arrival.
        both = [_ms(moment.replace(fold=fold, tzinfo=zone)) for fold in (0, 1)]
        return min(both, key=lambda ms: abs(ms - arrived_us // 1000))
    except (ValueError, OverflowError):
        return None


def _ms(moment: datetime) -> int:
    return (moment - _UTC_1970) // timedelta(milliseconds=1)


def written(ms: int, form: str, zone: ZoneInfo | None) -> object:
    """A moment in one of these forms, for a device that is simulated."""
    if form == "iso":
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if form == "local":
        return datetime.fromtimestamp(ms / 1000, zone or UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    if form == "s":
        return ms / 1000 if ms % 1000 else ms // 1000
    return ms
