"""Who is on duty: exactly one at each moment, over turns, replacements, holidays, calendars and clocks that are set."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.errors import CannotParse
from serviceday.notification.duty import Timetable
from serviceday.notification.schema import DAYS, Holiday, Replacement, Roster, Shift

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
PEOPLE = ["an", "bo", "cy"]


def weekly(handover: time, day: str, people: list[str], zone: ZoneInfo = BERLIN, **more: object) -> Timetable:
    roster = Roster(name="duty", handover=f"{handover:%H:%M}", handover_day=day)  # type: ignore[arg-type]
    shift = Shift(roster="duty", people=people, starts=date(2026, 1, 5))
    return Timetable(roster=roster, zone=zone, shifts=[shift], **more)  # type: ignore[arg-type]


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
CLOCKS = st.times(min_value=time(0), max_value=time(23, 59)).map(lambda clock: clock.replace(second=0, microsecond=0))


@given(moment=MOMENTS, handover=CLOCKS, day=st.sampled_from(DAYS), people=st.lists(st.sampled_from(PEOPLE), min_size=1))
def test_turns_change_at_the_handover_by_the_clock_of_the_place(
    moment: datetime, handover: time, day: str, people: list[str]
) -> None:
    table = weekly(handover, day, people)
    handovers = []
    first = date(2026, 1, 5)  # a Monday; the week that holds it begins at the handover on or before its end
    first -= timedelta(days=(first.weekday() - DAYS.index(day)) % 7)  # type: ignore[arg-type]
    for week in range(-2, 110):
        local = datetime.combine(first + timedelta(weeks=week), handover, tzinfo=BERLIN)
        handovers.append((local.astimezone(UTC), week))
    exact = [(at, week) for at, week in handovers if at.astimezone(BERLIN).time() == handover]
    week = max((entry for entry in handovers if entry[0] <= moment), default=handovers[0])[1]
    if any(abs(at - moment) < timedelta(hours=1) for at, _ in set(handovers) - set(exact)):
        return  # a handover at a time that the clocks leave out: either side is right
    assert table.on_duty(moment) == people[week % len(people)]


@st.composite
def tables(draw: st.DrawFn) -> Timetable:
    """Days cut into shifts, with replacements and holidays upon them, in a zone with or without summer time."""
    zone = draw(st.sampled_from([BERLIN, SHANGHAI, ZoneInfo("Australia/Lord_Howe")]))
    cuts = sorted(draw(st.sets(st.integers(0, 95), min_size=1, max_size=4)))
    clocks = [time(cut // 4, cut % 4 * 15) for cut in cuts]
    spans = [(None, None)] if len(clocks) == 1 else list(zip(clocks, [*clocks[1:], clocks[0]], strict=True))
    shifts = [
        Shift(
            roster="duty",
            people=draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3)),
            starts=draw(st.dates(date(2026, 1, 1), date(2026, 12, 31))),
            hours=None if begins is None else f"{begins:%H:%M}-{ends:%H:%M}",  # type: ignore[arg-type, str-bytes-safe]
        )
        for begins, ends in spans
    ]
    begins = draw(st.datetimes(datetime(2026, 3, 20), datetime(2026, 11, 1)))
    replacement = Replacement(
        roster="duty", person="zo", begins=begins, ends=begins + timedelta(hours=draw(st.integers(1, 90)))
    )
    holiday = Holiday(roster="duty", person="hu", dates=[draw(st.dates(date(2026, 3, 20), date(2026, 11, 1)))])
    roster = Roster(name="duty", handover=f"{clocks[0]:%H:%M}")  # type: ignore[arg-type]
    return Timetable(roster=roster, zone=zone, shifts=shifts, holidays=[holiday], replacements=[replacement])


@given(table=tables(), begins=MOMENTS, hours=st.integers(1, 24 * 21))
def test_periods_leave_no_gap_and_say_what_each_moment_says(table: Timetable, begins: datetime, hours: int) -> None:
    ends = begins + timedelta(hours=hours)
    periods = table.periods(begins, ends)
    assert (periods[0].begins, periods[-1].ends) == (begins, ends)
    assert all(one.ends == other.begins for one, other in pairwise(periods))
    assert all(period.begins < period.ends for period in periods)
    assert all(period.person for period in periods), "a week that is cut into shifts has somebody at each moment"
    for period in periods:
        middle = period.begins + (period.ends - period.begins) / 2
        assert table.on_duty(middle) == period.person
        assert table.on_duty(period.begins) == period.person


@given(table=tables(), moment=MOMENTS)
def test_a_replacement_has_it_whatever_the_turn_says(table: Timetable, moment: datetime) -> None:
    replacement, local = table.replacements[0], moment.astimezone(table.zone).replace(tzinfo=None)
    hour = timedelta(hours=1)
    if replacement.begins + hour <= local < replacement.ends - hour:
        assert table.on_duty(moment) == "zo"
    elif not replacement.begins - hour <= local < replacement.ends + hour:
        assert table.on_duty(moment) != "zo"


def test_the_nights_on_which_clocks_are_set() -> None:
    table = Timetable(
        roster=Roster(name="duty", handover="02:30"),  # type: ignore[arg-type]
        zone=BERLIN,
        shifts=[
            Shift(roster="duty", people=["an"], starts=date(2026, 1, 5), hours="02:30-14:00"),  # type: ignore[arg-type]
            Shift(roster="duty", people=["bo"], starts=date(2026, 1, 5), hours="14:00-02:30"),  # type: ignore[arg-type]
        ],
    )
    spring = [(datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "bo"), (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "an")]
    autumn = [(datetime(2026, 10, 25, 0, 29, tzinfo=UTC), "bo"), (datetime(2026, 10, 25, 0, 31, tzinfo=UTC), "an"),
              (datetime(2026, 10, 25, 1, 10, tzinfo=UTC), "an")]  # fmt: skip
    for moment, person in [*spring, *autumn]:
        assert table.on_duty(moment) == person, moment


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:day@test
DTSTART;TZID=Europe/Berlin:20260302T080000
DTEND;TZID=Europe/Berlin:20260302T200000
RRULE:FREQ=DAILY;UNTIL=20261231T225959Z
EXDATE;TZID=Europe/Berlin:20260315T080000
SUMMARY:Ann
END:VEVENT
BEGIN:VEVENT
UID:day@test
RECURRENCE-ID;TZID=Europe/Berlin:20260320T080000
DTSTART;TZID=Europe/Berlin:20260320T100000
DTEND;TZID=Europe/Berlin:20260320T200000
SUMMARY:Bob
END:VEVENT
BEGIN:VEVENT
UID:night@test
DTSTART;TZID=Europe/Berlin:20260302T200000
DURATION:PT12H
RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;COUNT=300
SUMMARY:Cy
END:VEVENT
BEGIN:VEVENT
UID:holiday@test
DTSTART;VALUE=DATE:20260405
SUMMARY:Dee
END:VEVENT
END:VCALENDAR
"""


def test_a_calendar_with_recurrences_exceptions_overrides_and_summer_time(tmp_path: Path) -> None:
    file = tmp_path / "duty.ics"
    file.write_text(CALENDAR.replace("\n", "\r\n"))
    table = Timetable(
        roster=Roster(name="duty", ics="duty.ics"), zone=BERLIN, calendar=file, titles={"Ann": "an", "Bob": "bo"}
    )

    def who(*moment: int) -> str:
        return table.on_duty(datetime(*moment, tzinfo=BERLIN))  # type: ignore[arg-type, misc]

    assert who(2026, 3, 3, 8) == "an"
    assert who(2026, 3, 3, 7, 59) == "Cy"
    assert who(2026, 3, 15, 12) == "", "an exception leaves a hole, and a hole is said"
    assert who(2026, 3, 20, 9) == ""
    assert who(2026, 3, 20, 12) == "bo"
    assert who(2026, 3, 29, 8) == "an", "08:00 is 08:00 after the clocks are set"
    assert who(2026, 3, 29, 7, 59) == "Cy"
    assert who(2026, 4, 5, 3) == "Dee", "whoever begins later has it from then on"
    assert who(2027, 1, 2, 12) == ""


BROKEN = "BEGIN:VCALENDAR\nBEGIN:VEVENT\n{}\nEND:VEVENT\nEND:VCALENDAR"


@pytest.mark.parametrize(
    "content",
    ["no calendar", BROKEN.format("RRULE:FREQ=WEEKLY"), BROKEN.format("DTSTART:20260101T000000\nRRULE:FREQ=NEVER")],
)
def test_what_is_no_calendar_is_refused_in_words(tmp_path: Path, content: str) -> None:
    file = tmp_path / "duty.ics"
    file.write_text(content)
    table = Timetable(roster=Roster(name="duty", ics="duty.ics"), zone=BERLIN, calendar=file)
    moment = datetime(2026, 3, 3, tzinfo=UTC)
    with pytest.raises(CannotParse, match="not a calendar"):
        table.periods(moment, moment + timedelta(days=1))
