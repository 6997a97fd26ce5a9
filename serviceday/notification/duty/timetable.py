"""A roster as periods in UTC. Pure: it reads no clock.

Boundaries are clock times of the place, each turned into one instant, so that a night on which clocks are set has no
moment with nobody or with two. Precedence: a replacement, then a holiday, then the turn of the week.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from serviceday.notification.duty.calendar import Event, events
from serviceday.notification.schema import DAYS, Holiday, Replacement, Roster, Shift

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Period:
    """Somebody's duty, from an instant up to another; `person` is "" where nobody has it. UTC."""

    begins: datetime
    ends: datetime
    person: str
    why: str = "turn"  # turn, holiday, replacement, calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """One roster with all that belongs to it."""

    roster: Roster
    zone: ZoneInfo
    shifts: Sequence[Shift] = ()
    holidays: Sequence[Holiday] = ()
    replacements: Sequence[Replacement] = ()
    calendar: Path | None = None
    titles: Mapping[str, str] = field(default_factory=dict)  # names by what people are called, as calendars write them

    def on_duty(self, at: datetime) -> str:
        """Who has the duty at a moment; "" where nobody has."""
        for period in self.periods(at, at + timedelta(seconds=1)):
            if period.begins <= at < period.ends:
                return period.person
        return ""

    def periods(self, begins: datetime, ends: datetime) -> list[Period]:
        """Who has the duty between two moments, without gaps, in order; neighbours of one person are one period."""
        layers = [self._turns(begins, ends), self._holidays(), self._replacements()]
        edges = {begins, ends}
        for layer in layers:
            edges |= {edge for period in layer for edge in (period.begins, period.ends) if begins < edge < ends}
        periods: list[Period] = []
        for low, high in pairwise(sorted(edges)):
            chosen = Period(low, high, "", "nobody")
            for layer in layers:
                for period in layer:
                    if period.begins <= low < period.ends:
                        chosen = replace(period, begins=low, ends=high)
            if periods and (periods[-1].person, periods[-1].why) == (chosen.person, chosen.why):
                periods[-1] = replace(periods[-1], ends=high)
            else:
                periods.append(chosen)
        return periods

    def _turns(self, begins: datetime, ends: datetime) -> list[Period]:
        if self.calendar is not None:
            return [
                Period(event.begins, event.ends, self.titles.get(event.summary, event.summary), "calendar")
                for event in _one_after_another(events(self.calendar, self.zone, begins, ends))
            ]
        first, last = begins.astimezone(self.zone).date(), ends.astimezone(self.zone).date()
        days = [first + timedelta(days=n) for n in range(-8, (last - first).days + 2)]
        turns = [self._turn(shift, day) for shift in self.shifts for day in days if DAYS[day.weekday()] in shift.days]
        return [period for period in turns if period.begins < ends and begins < period.ends]

    def _turn(self, shift: Shift, day: date) -> Period:
        """The part of a shift that begins on a day."""
        begins, ends = span_of(shift, self.roster.handover)
        opening = self._instant(day, begins)
        closing = self._instant(day if ends > begins else day + timedelta(days=1), ends)
        return Period(opening, max(opening, closing), self._whose(shift, datetime.combine(day, begins)))

    def _whose(self, shift: Shift, moment: datetime) -> str:
        """Whose turn it is: people change at the handover of each week."""
        weeks = (self._week(moment) - self._week(datetime.combine(shift.starts, time(23, 59)))) // _WEEK
        return shift.people[weeks % len(shift.people)]

    def _week(self, moment: datetime) -> datetime:
        """The handover that a moment comes after, by the clock of the place."""
        back = (moment.weekday() - DAYS.index(self.roster.handover_day)) % 7
        handover = datetime.combine(moment.date() - timedelta(days=back), self.roster.handover)
        return handover if handover <= moment else handover - _WEEK

    def _holidays(self) -> list[Period]:
        return [
            Period(
                self._instant(day, self.roster.handover),
                self._instant(day + timedelta(days=1), self.roster.handover),
                holiday.person,
                "holiday",
            )
            for holiday in self.holidays
            for day in holiday.dates
        ]

    def _replacements(self) -> list[Period]:
        return [
            Period(
                self._instant(replacement.begins.date(), replacement.begins.time()),
                self._instant(replacement.ends.date(), replacement.ends.time()),
                replacement.person,
                "replacement",
            )
            for replacement in self.replacements
        ]

    def _instant(self, day: date, clock: time) -> datetime:
        """A clock time as an instant. One that the clocks leave out is the moment at which they are set."""
        local = datetime.combine(day, clock, tzinfo=self.zone)
        there = local.astimezone(UTC)
        if there.astimezone(self.zone).replace(tzinfo=None) == local.replace(tzinfo=None):
            return there
        low, high = there - timedelta(hours=26), there + timedelta(hours=26)
        while high - low > timedelta(seconds=1):  # the change of offset, by halves
            middle = low + (high - low) / 2
            before = middle.astimezone(self.zone).replace(tzinfo=None) < local.replace(tzinfo=None)
            low, high = (middle, high) if before else (low, middle)
        return high.replace(microsecond=0)


def span_of(shift: Shift, handover: time) -> tuple[time, time]:
    """When a shift begins and ends by the clock; equal where it is a whole day."""
    return shift.hours or (handover, handover)


def minutes_of_week(shift: Shift, handover: time) -> list[tuple[int, int]]:
    """The stretches of a plain week that a shift covers, as minutes from Monday 00:00; one may pass the week's end."""
    begins, ends = span_of(shift, handover)
    first, last = begins.hour * 60 + begins.minute, ends.hour * 60 + ends.minute
    length = (last - first) % 1440 or 1440
    return [
        (DAYS.index(day) * 1440 + first, DAYS.index(day) * 1440 + first + length) for day in dict.fromkeys(shift.days)
    ]


def _one_after_another(overlapping: Iterable[Event]) -> list[Event]:
    """Where events of a calendar overlap, the one that begins later has the duty from then on."""
    ordered = sorted(overlapping, key=lambda event: (event.begins, event.ends))
    return [replace(event, ends=min(event.ends, following.begins)) for event, following in pairwise(ordered)] + ordered[
        -1:
    ]
