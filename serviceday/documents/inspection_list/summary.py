"""What a list says as a whole: the lines of its summary, its breaches and its people, the same on every paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import catalogue
from facility.catalogue.qualifications import qualification
from facility.i18n.phrases import Language
from facility.inspections import InspectionList, Item, Round
from serviceday.documents.branding import NO_NAMES, PHRASES, Names, who


def subtitle(plan: InspectionList, language: Language) -> str:
    """The list in one line: date, people, hours, items."""
    return PHRASES.say(
        "subtitle",
        language,
        day=plan.service_day,
        people=plan.people,
        hours=f"{plan.hours:g}",
        items=len(plan.items),
        work=plan.work_minutes,
        travel=plan.travel_minutes,
    )


def made_at(plan: InspectionList) -> str:
    """When a list was made, by the clock of its place."""
    return f"{_made(plan):%Y-%m-%d %H:%M}{'' if plan.timezone else ' UTC'}"


def made_on(plan: InspectionList) -> date:
    """The day a list was made, at its place."""
    return _made(plan).date()


def _made(plan: InspectionList) -> datetime:
    return plan.created_at.astimezone(ZoneInfo(plan.timezone) if plan.timezone else UTC)


def summary(plan: InspectionList, language: Language) -> Iterable[tuple[str, str | int]]:
    """Lines of label and value; a label is empty where it is the one above."""

    def say(key: str, **values: object) -> str:
        return PHRASES.say(key, language, **values)

    yield say("summary_day"), str(plan.service_day)
    yield say("summary_plan"), plan.number or say("plan_not_kept")
    yield say("summary_created"), made_at(plan)
    yield say("summary_crew"), say("summary_crew_value", people=plan.people, hours=f"{plan.hours:g}")
    yield say("summary_items"), len(plan.items)
    yield say("summary_assets"), len({item.asset for item in plan.items})
    yield say("summary_left_out"), len(plan.left_out)
    yield say("summary_breaches"), len(plan.breaches)
    if plan.law is not None:
        yield say("summary_undated"), say("summary_undated_value", undated=plan.law.undated, duties=plan.law.duties)
    if plan.asked.kind in catalogue():
        yield say("summary_scope"), catalogue()[plan.asked.kind].name[language]
    label = say("summary_by_ground")
    for ground, count in Counter(item.ground for item in plan.items).most_common():
        yield label, f"{say(f'ground_{ground}')}: {count}"
        label = ""
    label = say("summary_by_left_out")
    for reason, count in Counter(item.left_out for item in plan.left_out).most_common():
        yield label, f"{say(f'left_out_{reason}') if reason else '-'}: {count}"
        label = ""
    for title, lines in (("goals_title", goals(plan, language)), ("gains_title", gains(plan, language))):
        label = say(title)
        for line in lines:
            yield label, line
            label = ""
    label = say("summary_notes")
    for note in plan.notes:
        yield label, note[language]
        label = ""


def breaches(plan: InspectionList, language: Language, names: Names = NO_NAMES) -> list[str]:
    """A line for each thing the law wants that is not on the list."""
    return [_breach(item, language, names) for item in plan.breaches]


def first_breaches(plan: InspectionList, language: Language, names: Names = NO_NAMES, *, most: int = 12) -> list[str]:
    """The first lines of the breaches, for a page that has room for so many; the last then tells how many more."""
    lines = breaches(plan, language, names)
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], PHRASES.say("breaches_more", language, count=len(lines) - most + 1)]


def _breach(item: Item, language: Language, names: Names) -> str:
    reason = item.left_out_reason[language] if item.left_out_reason else ""
    facts = {"place": names.place(item), "asset": item.asset, "what": item.what[language], "due": item.due or "-"}
    if item.breach_from is not None and str(item.breach_from) not in reason:  # the planner's reason may say it already
        broken = PHRASES.say("breach_since", language, day=item.breach_from)
        reason = PHRASES.say("breach_reason", language, broken=broken, reason=reason).strip()
    return PHRASES.say("breach_line", language, reason=reason or PHRASES["breach_now"][language], **facts)


def goals(plan: InspectionList, language: Language) -> list[str]:
    """The day's goals, a line each."""
    return [
        PHRASES.say(
            "goal_line",
            language,
            what=result.what[language],
            wanted=result.wanted,
            total=result.total,
            planned=result.planned,
            met=PHRASES["goal_met" if result.met else "goal_not_met"][language],
        )
        for result in plan.goals
    ]


def gains(plan: InspectionList, language: Language) -> list[str]:
    """What a little more of each would buy, a line each."""
    return [
        PHRASES.say(
            "gain_line" if gain.breaches else "gain_line_harm",
            language,
            what=gain.what[language],
            items=gain.items,
            breaches=gain.breaches,
            harm=f"{gain.harm:.2g}",
        )
        for gain in plan.gains
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One person's day, in words."""

    number: int
    name: str
    qualifications: str
    hours: str
    start: str  # where they set out; "" = not said
    lunch: str
    work: int
    travel: int
    items: tuple[Item, ...]


def days(plan: InspectionList, language: Language) -> list[Day]:
    """Everybody who has something to do, in their order; two-person work stands on both days."""
    days = []
    rounds = {round.person: round for round in plan.rounds}
    numbers = sorted(set(rounds) | {number for item in plan.items for number in item.people})
    for number in numbers:
        items = tuple(sorted((item for item in plan.items if number in item.people), key=_in_time))
        round = rounds.get(number, Round(person=number, work_minutes=sum(i.minutes for i in items), travel_minutes=0))
        if items:
            days.append(_day(plan, round, items, language))
    return days


def _in_time(item: Item) -> tuple[time, int]:
    """The second of two people comes across work at its time, wherever the first has it on the list."""
    return item.start or time.max, item.number


def _day(plan: InspectionList, round: Round, items: tuple[Item, ...], language: Language) -> Day:
    person = plan.person(round.person)
    names_held = [qualification(key)[language] for key in person.qualifications] if person else []
    if person and person.contractor:
        names_held.append(PHRASES.say("contractor", language, firm=person.contractor))
    lunch = ""
    if round.lunch_start and round.lunch_end:
        lunch = PHRASES.say("lunch", language, start=clock(round.lunch_start), end=clock(round.lunch_end))
    return Day(
        number=round.person,
        name=who(plan, round.person, language),
        qualifications=("、" if language == "zh" else ", ").join(names_held) or PHRASES["all_round"][language],
        hours=between(round.start, round.end) or f"{plan.hours:g} h",
        start=PHRASES.say("from_place", language, place=round.start_place) if round.start_place else "",
        lunch=lunch,
        work=round.work_minutes,
        travel=round.travel_minutes,
        items=items,
    )


def clock(at: time | None) -> str:
    """A clock time; "" without one."""
    return f"{at:%H:%M}" if at else ""


def between(start: time | None, end: time | None) -> str:
    """From one clock time to another."""
    return f"{clock(start)}–{clock(end)}" if start and end else clock(start)
