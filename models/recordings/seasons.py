"""What a channel reads at this time of day, or of the week, by the days before: nothing of a day is used within it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from models.statistics import BoolArray, FloatArray

DAY = 86_400.0
MOST_SLOTS = 288  # of a day
FEWEST_SLOTS = 12
NEIGHBOURS = 96  # of a day: slots closer than that lend each other their values
DAILY_MEMORY, WEEKLY_MEMORY = 7.0, 3.0  # days, weeks
WEEK = 7
DAILY_GAIN, WEEKLY_GAIN = 0.8, 0.9  # of the absolute error without it; above, the season explains nothing
FARTHEST = 5.0  # mean errors; a farther one says no more of whether a season helps


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """`expected` a row, NaN where no season has proved itself by then; `name` of the last day's season."""

    expected: FloatArray
    name: str

    @property
    def there(self) -> BoolArray:
        return ~np.isnan(self.expected)


def season_of(values: FloatArray, seconds: FloatArray, learned: int) -> Season:
    """Daily or weekly means by time of day, decided at the beginning of each day by the errors until then."""
    none = Season(expected=np.full(len(values), np.nan), name="")
    steps = np.diff(seconds)
    step = float(np.median(steps)) if len(steps) else 0.0
    if not 0 < step <= DAY / FEWEST_SLOTS:
        return none
    slots = int(np.clip(round(DAY / step), FEWEST_SLOTS, MOST_SLOTS))
    since = seconds - seconds[0]
    day, slot = (since // DAY).astype(np.int64), ((since % DAY) / DAY * slots).astype(np.int64) % slots
    days = int(day[-1]) + 1
    if days < 3 or days > 20 * len(values):
        return none
    totals, counts = np.zeros((days, slots)), np.zeros((days, slots))
    np.add.at(totals, (day, slot), values)
    np.add.at(counts, (day, slot), 1.0)
    near = max(1, slots // NEIGHBOURS)
    totals, counts = _lent(totals, near), _lent(counts, near)
    daily = _profile(totals, counts, 1, DAILY_MEMORY)[day, slot]
    weekly = _profile(totals, counts, WEEK, WEEKLY_MEMORY)[day, slot]
    before = pl.Series(values).rolling_mean(slots, min_samples=1).shift(1).to_numpy()
    level = np.where(np.isnan(before), values, before)
    bound = FARTHEST * max(float(np.abs(values - level)[:learned].mean()), 1e-12)
    has_daily, has_weekly = ~np.isnan(daily), ~np.isnan(daily) & ~np.isnan(weekly)
    errors = {
        "level": _summed(values - level, has_daily, bound),
        "daily": _summed(values - daily, has_daily, bound),
        "daily too": _summed(values - daily, has_weekly, bound),
        "weekly": _summed(values - weekly, has_weekly, bound),
    }
    first = np.searchsorted(day, np.arange(days))  # row a day begins with; what was summed before it counts
    known = {name: np.concatenate([[0.0], total])[first] for name, total in errors.items()}
    enough = np.concatenate([[0], np.cumsum(has_daily)])[first] >= slots / 2
    by_day = enough & (known["daily"] < DAILY_GAIN * known["level"])
    weeks = np.concatenate([[0], np.cumsum(has_weekly)])[first] >= 3 * slots
    by_week = by_day & weeks & (known["weekly"] < WEEKLY_GAIN * known["daily too"])
    expected = np.where(by_day[day], np.where(by_week[day] & has_weekly, weekly, daily), np.nan)
    return Season(expected=expected, name="weekly" if by_week[-1] else "daily" if by_day[-1] else "")


def _lent(of_slots: FloatArray, near: int) -> FloatArray:
    """Each slot together with its neighbours of the same day."""
    padded = np.pad(of_slots, ((0, 0), (near, near)))
    slots = of_slots.shape[1]
    return np.asarray(sum(padded[:, k : k + slots] for k in range(2 * near + 1)))


def _profile(totals: FloatArray, counts: FloatArray, lag: int, memory: float) -> FloatArray:
    """(days, slots): mean of the days `lag`, 2 `lag`, ... before, the nearer the heavier; NaN where there is none."""
    total, count, fades = np.zeros_like(totals), np.zeros_like(counts), np.exp(-1 / memory)
    for number in range(lag, len(totals)):
        total[number] = total[number - lag] * fades + totals[number - lag]
        count[number] = count[number - lag] * fades + counts[number - lag]
    return np.where(count > 0, total / np.maximum(count, 1e-9), np.nan)


def _summed(errors: FloatArray, counted: BoolArray, bound: float) -> FloatArray:
    return np.cumsum(np.where(counted, np.minimum(np.abs(np.nan_to_num(errors)), bound), 0.0))
