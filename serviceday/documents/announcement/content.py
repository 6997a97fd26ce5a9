"""What residents are told before a service day: when, where, what is done, what will not work meanwhile, whom to call.

Nothing of risks, findings or people: a notice in a lobby is read by everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import time
from typing import Any

from facility.catalogue.catalogue import catalogue
from facility.i18n.phrases import Language, Text
from facility.inspections import Ground, InspectionList, Item
from serviceday.documents.branding import PHRASES, Names, Paper
from serviceday.documents.inspection_list.summary import between, made_on
from serviceday.reports.taxonomy import taxonomy

_REPAIRS = (Ground.REQUEST, Ground.FOLLOW_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A building that is visited."""

    place: str
    hours: str  # "" = sometime on the day
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Something that does not work meanwhile."""

    what: str
    place: str
    hours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A notice in one language, all in words."""

    title: str
    company: str
    greeting: str
    intro: str
    date: str
    hours: str
    content: tuple[str, ...]
    places: tuple[Where, ...]
    affected: tuple[Affected, ...]
    affected_note: str
    contact: str
    closing: str
    signed: str
    signed_on: str
    words: dict[str, str]

    def plain(self) -> dict[str, object]:
        return asdict(self)


def announcement(plan: InspectionList, *, language: Language, paper: Paper, names: Names) -> Announcement:
    """The notice for a plan's day."""

    def say(key: str, **values: object) -> str:
        return PHRASES.say(f"notice_{key}", language, **values)

    names = names.over(plan)
    affected = tuple(_affected(plan.items, language, names))
    starts = [item.start for item in plan.items if item.start]
    ends = [item.end for item in plan.items if item.end]
    keys = (
        "date",
        "hours",
        "content",
        "where",
        "when",
        "what",
        "affected",
        "affected_what",
        "contact",
        "place",
        "colon",
    )
    return Announcement(
        title=say("title"),
        company=paper.company,
        greeting=say("greeting"),
        intro=say("intro"),
        date=say("day", day=_day(plan, language), weekday=_weekday(plan, language)),
        hours=between(min(starts), max(ends)) if starts and ends else say("during_the_day"),
        content=tuple(_content(plan.items, language)) or (PHRASES["nothing_to_do"][language],),
        places=tuple(_places(plan.items, language, names)),
        affected=affected,
        affected_note=say("affected_note") if affected else say("affected_none"),
        contact=paper.contact or say("contact_office"),
        closing=say("closing"),
        signed=paper.company or say("signed"),
        signed_on=_day_of(made_on(plan), language),
        words={key: say(f"word_{key}") for key in keys},
    )


def as_text(notice: Announcement) -> str:
    """For a residents' chat group: short paragraphs, no markup."""
    words = notice.words
    colon = words["colon"]
    title = notice.title.upper() if notice.title.isascii() else f"【{notice.title}】"
    lines = [title, notice.greeting, notice.intro, "", f"{words['date']}{colon}{notice.date} {notice.hours}"]
    lines.append(f"{words['affected']}{colon}{notice.affected_note}")
    lines += [f"- {' '.join((affected.place, affected.what, affected.hours))}" for affected in notice.affected]
    lines += [f"{words['content']}{colon}".rstrip(), *(f"- {line}" for line in notice.content)]
    if notice.places:
        lines.append(f"{words['place']}{colon}".rstrip())
        lines += [f"- {' '.join(filter(None, (where.place, where.hours)))}" for where in notice.places]
    lines += [f"{words['contact']}{colon}{notice.contact}", "", notice.closing, notice.signed, notice.signed_on]
    return "\n".join(lines) + "\n"


def _content(items: Iterable[Item], language: Language) -> Iterable[str]:
    """What is done, by class of equipment, the most first; repairs that were asked for at the end."""
    items = list(items)
    assets: dict[str, set[str]] = {}
    for item in items:
        if item.kind and item.ground not in _REPAIRS:
            assets.setdefault(item.kind, set()).add(item.asset)
    for kind, group in sorted(assets.items(), key=lambda asset: (-len(asset[1]), asset[0])):
        yield PHRASES.say("notice_content_line", language, equipment=_equipment(kind)[language], count=len(group))
    repairs = sum(item.ground in _REPAIRS for item in items)
    if repairs:
        yield PHRASES.say("notice_content_repairs", language, count=repairs)


def _equipment(kind: str) -> Text:
    """The name of a class, or of what a report is about, where no equipment of ours is meant."""
    if kind in catalogue():
        return catalogue()[kind].name
    subject = taxonomy().subjects.get(kind)
    return subject.name if subject else Text(zh=kind, en=kind)


def _places(items: Iterable[Item], language: Language, names: Names) -> Iterable[Where]:
    there: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        there.setdefault((item.site, item.building), []).append(item)
    named = sorted(
        (names.whereabouts(*key) or PHRASES["notice_grounds"][language], items) for key, items in there.items()
    )
    for place, group in named:
        kinds = Counter(_equipment(item.kind)[language] for item in group if item.kind)
        listed = ("、" if language == "zh" else ", ").join(kind for kind, _ in kinds.most_common())
        yield Where(place=place, hours=_hours(group), content=listed)


def _affected(items: Iterable[Item], language: Language, names: Names) -> Iterable[Affected]:
    """Each asset that is taken out of service, once; lifts first, then by time."""
    out: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        if item.out_of_service:
            out.setdefault((item.site, item.asset), []).append(item)
    ordered = sorted(
        out.values(), key=lambda items: (items[0].kind != "lift", items[0].start or time.max, items[0].asset)
    )
    for group in ordered:
        first = group[0]
        name = first.asset_name or first.asset
        yield Affected(
            what=f"{_equipment(first.kind)[language]} {name}" if language == "en" else name,
            place=names.whereabouts(first.site, first.building) or first.place,
            hours=_hours(group) or PHRASES["notice_sometime"][language],
        )


def _hours(items: Iterable[Item]) -> str:
    items = list(items)
    starts, ends = [item.start for item in items if item.start], [item.end for item in items if item.end]
    return between(min(starts), max(ends)) if starts and ends else ""


def _day(plan: InspectionList, language: Language) -> str:
    return _day_of(plan.service_day, language)


def _day_of(day: Any, language: Language) -> str:
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {PHRASES['month_names'][language].split()[day.month - 1]} {day.year}"


def _weekday(plan: InspectionList, language: Language) -> str:
    return PHRASES["weekday_names"][language].split()[plan.service_day.weekday()]
