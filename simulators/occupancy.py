"""How busy a building is: by hour, weekday and holiday, after what the building is for.

Holidays shift traffic for days on end and are no fault. Dates of the moving Chinese holidays are the festivals' first
days as fixed by the lunar calendar; the length of each break follows the State Council's usual notice.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from simulators.chance import FloatArray, IntArray

EPOCH = date(1970, 1, 1)

_SPRING = {  # first day of the lunar year
    2018: (2, 16), 2019: (2, 5), 2020: (1, 25), 2021: (2, 12), 2022: (2, 1), 2023: (1, 22),
    2024: (2, 10), 2025: (1, 29), 2026: (2, 17), 2027: (2, 6), 2028: (1, 26), 2029: (2, 13),
    2030: (2, 3), 2031: (1, 23), 2032: (2, 11), 2033: (1, 31),
}  # fmt: skip
_DRAGON_BOAT = {
    2018: (6, 18), 2019: (6, 7), 2020: (6, 25), 2021: (6, 14), 2022: (6, 3), 2023: (6, 22),
    2024: (6, 10), 2025: (5, 31), 2026: (6, 19), 2027: (6, 9), 2028: (5, 28), 2029: (6, 16),
    2030: (6, 5), 2031: (6, 24), 2032: (6, 12), 2033: (6, 1),
}  # fmt: skip
_MID_AUTUMN = {
    2018: (9, 24), 2019: (9, 13), 2020: (10, 1), 2021: (9, 21), 2022: (9, 10), 2023: (9, 29), 2024: (9, 17),
    2025: (10, 6), 2026: (9, 25), 2027: (9, 15), 2028: (10, 3), 2029: (9, 22), 2030: (9, 12), 2031: (10, 1),
    2032: (9, 19), 2033: (9, 8),
}  # fmt: skip

# Busyness at 0, 1, ... 23 h on a working day, 1 = the day's usual peak.
_HOURS = {
    "residential": (
        0.06, 0.03, 0.02, 0.02, 0.03, 0.12, 0.45, 0.95, 0.85, 0.5, 0.4, 0.5,
        0.6, 0.45, 0.4, 0.42, 0.6, 0.9, 1.0, 0.85, 0.7, 0.55, 0.35, 0.15,
    ),
    "office": (
        0.01, 0.01, 0.01, 0.01, 0.01, 0.03, 0.12, 0.5, 1.0, 0.8, 0.6, 0.75,
        0.95, 0.8, 0.6, 0.55, 0.6, 0.9, 0.7, 0.35, 0.2, 0.12, 0.05, 0.02,
    ),
    "mall": (
        0.01, 0.01, 0.01, 0.01, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 0.9,
        1.0, 0.85, 0.8, 0.85, 0.9, 0.95, 1.0, 1.0, 0.85, 0.5, 0.15, 0.03,
    ),
    "hospital": (
        0.1, 0.08, 0.07, 0.07, 0.08, 0.15, 0.4, 0.85, 1.0, 1.0, 0.95, 0.8,
        0.65, 0.7, 0.9, 0.85, 0.7, 0.55, 0.45, 0.4, 0.3, 0.25, 0.18, 0.12,
    ),
}  # fmt: skip
_WEEKEND = {"residential": 0.9, "office": 0.18, "mall": 1.35, "hospital": 0.6}
_HOLIDAY = {"residential": 0.72, "office": 0.1, "mall": 1.4, "hospital": 0.55}
USES = tuple(_HOURS)


@lru_cache(maxsize=64)
def holidays(year: int) -> frozenset[int]:
    """Days off of a year, as days since 1970-01-01."""
    breaks = [(date(year, 1, 1), 1), (date(year, 4, 4), 3), (date(year, 5, 1), 5), (date(year, 10, 1), 7)]
    for table, length, ahead in ((_SPRING, 8, 1), (_DRAGON_BOAT, 3, 0), (_MID_AUTUMN, 3, 0)):
        if year in table:
            month, day = table[year]
            breaks.append((date(year, month, day) - timedelta(days=ahead), length))
    return frozenset((first - EPOCH).days + offset for first, length in breaks for offset in range(length))


def is_holiday(local_day: IntArray) -> FloatArray:
    """1.0 on days off, else 0.0."""
    first, last = int(local_day.min()), int(local_day.max())
    years = range((EPOCH + timedelta(days=first)).year, (EPOCH + timedelta(days=last)).year + 1)
    off = np.array(sorted(day for year in years for day in holidays(year)), dtype=np.int64)
    return np.isin(local_day, off).astype(np.float64)


def busyness(use: str, hour: FloatArray, weekday: IntArray, holiday: FloatArray) -> FloatArray:
    """Share of the usual peak, per tick. `weekday` counts from Monday = 0."""
    table = np.array([*_HOURS[use], _HOURS[use][0]])
    by_hour = np.interp(hour, np.arange(25.0), table)
    weekend = (weekday >= 5).astype(np.float64)
    scale = np.where(holiday > 0, _HOLIDAY[use], np.where(weekend > 0, _WEEKEND[use], 1.0))
    if use == "residential":
        late = np.interp((hour - 1.5) % 24.0, np.arange(25.0), table)
        by_hour = np.where((weekend > 0) | (holiday > 0), 0.5 * late + 0.5 * by_hour, by_hour)
    return np.asarray(by_hour * scale)
