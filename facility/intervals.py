"""How often a duty recurs: in days where the standard counts days, by the calendar where it counts months or years."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from facility.i18n.phrases import Text


class Unit(StrEnum):
    """What an interval is counted in."""

    DAYS = "days"
    MONTHS = "months"
    YEARS = "years"


_DAYS_OF = {Unit.DAYS: 1.0, Unit.MONTHS: 365.25 / 12, Unit.YEARS: 365.25}
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """So many days, months or years."""

    count: int
    unit: Unit

    @staticmethod
    def of(words: str) -> Interval:
        """`15 days`, `1 month`, `3 months`, `1 year`. Raises `ValueError` for anything else."""
        number, _, unit = words.partition(" ")
        count = int(number)
        if not 0 < count < _MOST:
            raise ValueError(words)
        return Interval(count, Unit(unit if unit.endswith("s") else f"{unit}s"))

    def after(self, last: date) -> date:
        """The day by which it is due again.

        Months and years keep the day of the month; where the month has no such day, it is the month's last: a month
        after 31 January is 28 or 29 February, a year after 29 February is 28 February. Days are counted. What lies
        beyond the calendar's end is its last day.
        """
        if self.unit is Unit.DAYS:
            return last + timedelta(days=min(self.count, (date.max - last).days))
        months = self.count * (12 if self.unit is Unit.YEARS else 1)
        years, month = divmod(last.month - 1 + months, 12)
        year = last.year + years
        if year > date.max.year:
            return date.max
        return date(year, month + 1, min(last.day, calendar.monthrange(year, month + 1)[1]))

    @property
    def days(self) -> int:
        """About how many days it is, for weights and turns; never for a due date."""
        return round(self.count * _DAYS_OF[self.unit])

    @property
    def every(self) -> Text:
        """`every 3 months`, `每 3 个月一次`."""
        if self.count == 1:
            zh, en = {Unit.DAYS: ("日", "day"), Unit.MONTHS: ("月", "month"), Unit.YEARS: ("年", "year")}[self.unit]
            return Text(zh=f"每{zh}一次", en=f"every {en}")
        unit = {Unit.DAYS: "天", Unit.MONTHS: "个月", Unit.YEARS: "年"}[self.unit]
        return Text(zh=f"每 {self.count} {unit}一次", en=f"every {self.count} {self.unit.value}")

    def __str__(self) -> str:
        return f"{self.count} {self.unit.value}"
