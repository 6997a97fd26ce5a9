"""When a duty is due again: by the calendar where months and years are counted, in days where days are."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.catalogue.catalogue import catalogue
from facility.intervals import Interval, Unit

DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2200, 12, 31))
INTERVALS = st.builds(Interval, st.integers(1, 60), st.sampled_from(Unit))


@pytest.mark.parametrize(
    ("kind", "duty", "last", "due"),
    [
        ("lift", "yearly", date(2027, 3, 1), date(2028, 3, 1)),
        ("lift", "half_yearly", date(2026, 8, 30), date(2027, 2, 28)),
        ("lift", "quarterly", date(2026, 7, 1), date(2026, 10, 1)),
        ("tank", "level_check", date(2027, 1, 31), date(2027, 2, 28)),
        ("emergency_lighting", "duration_test", date(2028, 2, 29), date(2029, 2, 28)),
        ("lift", "half_monthly", date(2026, 11, 20), date(2026, 12, 5)),
        ("pump_set", "automatic_start", date(2026, 12, 28), date(2027, 1, 4)),
        ("smoke_detector", "cleaning", date(2024, 2, 29), date(2027, 2, 28)),
    ],
)
def test_the_catalogue_counts_as_the_standards_do(kind: str, duty: str, last: date, due: date) -> None:
    assert catalogue()[kind].duties[duty].interval.after(last) == due


@given(INTERVALS, DAYS, DAYS)
def test_whoever_does_it_later_is_due_no_earlier(interval: Interval, one: date, other: date) -> None:
    first, second = sorted((one, other))
    assert interval.after(first) <= interval.after(second)
    assert interval.after(first) > first


@given(st.integers(1, 60), DAYS)
def test_months_keep_the_day_and_never_cut_a_month_short(count: int, last: date) -> None:
    due = Interval(count, Unit.MONTHS).after(last)
    assert (due.year * 12 + due.month) - (last.year * 12 + last.month) == count
    ends = due.day == calendar.monthrange(due.year, due.month)[1]
    assert due.day == last.day or (ends and due.day < last.day)
    if calendar.monthrange(due.year, due.month)[1] >= last.day:
        assert due.day == last.day


@given(st.integers(1, 30), DAYS)
def test_a_year_is_twelve_months_and_days_are_counted(count: int, last: date) -> None:
    assert Interval(count, Unit.YEARS).after(last) == Interval(12 * count, Unit.MONTHS).after(last)
    assert Interval(count, Unit.DAYS).after(last) == last + timedelta(days=count)


def test_the_calendar_has_an_end() -> None:
    assert Interval(3, Unit.YEARS).after(date(9998, 1, 1)) == date.max
    assert Interval(15, Unit.DAYS).after(date(9999, 12, 20)) == date.max
    assert Interval(1, Unit.YEARS).after(date(9998, 1, 1)) == date(9999, 1, 1)


@pytest.mark.parametrize(
    ("words", "days", "zh", "en"),
    [
        ("1 day", 1, "每日一次", "every day"),
        ("15 days", 15, "每 15 天一次", "every 15 days"),
        ("1 month", 30, "每月一次", "every month"),
        ("3 months", 91, "每 3 个月一次", "every 3 months"),
        ("1 year", 365, "每年一次", "every year"),
        ("4 years", 1461, "每 4 年一次", "every 4 years"),
    ],
)
def test_an_interval_in_words_and_in_about_so_many_days(words: str, days: int, zh: str, en: str) -> None:
    interval = Interval.of(words)
    assert interval.days == days
    assert (interval.every.zh, interval.every.en) == (zh, en)


@given(INTERVALS)
def test_an_interval_is_read_as_it_is_written(interval: Interval) -> None:
    assert Interval.of(str(interval)) == interval


@pytest.mark.parametrize("words", ["", "month", "1000000 days", "0 days", "-1 month", "3 weeks", "3", "x days"])
def test_what_is_no_interval_is_refused(words: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the catalogue's own mistake, met by whoever edits it
        Interval.of(words)
