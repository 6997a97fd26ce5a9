"""Duties: what the law or good practice wants done, item by item, and how far the text behind it was read.

They are data: those of a country in `facility/catalogue/law/<set>/`, one TOML file a class; good practice, and what an
operator's own class wants, in the class's file; an operator's own checklists in `catalogue/duties/` of the data folder.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from facility.i18n.phrases import Text, text
from facility.intervals import Interval

LAW = Path(__file__).parent / "law"
SETS = ("cn", "eu", "uk", "us")
DEFAULT_SET = "cn"


class Verified(StrEnum):
    """How far the text that a duty stands on was read."""

    TEXT = "text"  # the standard itself
    COPY = "copy"  # a copy of its text that somebody else made
    CITED = "cited"  # what others who cite it say of it
    NO = "no"  # not at all: held to be so by the trade, or our own design


class Answer(StrEnum):
    """What an item of a checklist asks for."""

    STATE = "state"  # normal, abnormal, not applicable
    MEASURED = "measured"  # a value, within a band where one is named
    PHOTO = "photo"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckItem:
    """One line of a checklist."""

    number: str  # as the standard numbers it
    what: Text
    passes: Text  # the criterion
    method: Text | None = None  # None: as the item says
    answer: Answer = Answer.STATE
    unit: str = ""  # of a measured value
    low: float = -math.inf  # of a measured value, where the standard has figures
    high: float = math.inf
    channel: str = ""  # of the class: what a sensor says of it
    clause: str = ""  # "" = the duty's
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Work the law or good practice asks for at an interval."""

    kind: str
    key: str
    name: Text
    interval: Interval
    interval_source: str  # who counts so, with the clause; D = our design, U = not verified against the text
    minutes: int  # of what it adds to the duties that it includes
    qualification: str
    statutory: bool
    passes: Text
    channels: tuple[str, ...]  # channels that speak to it
    source: str
    out_of_service: bool = False  # the asset is stopped for as long as the work goes on
    standard: str = ""
    edition: str = ""
    clause: str = ""
    verified: Verified = Verified.NO
    read: Text | None = None  # where it was read, and what could not be
    grace: int = 0  # days after the due date before the law is broken
    or_qualified: tuple[str, ...] = ()  # other certificates that do as well
    people: int = 1
    includes: tuple[str, ...] = ()  # duties of the class that it contains: whoever does it has done these
    routine: bool = False  # kept by the keeper day by day: on lists only where its dates are recorded
    ages: tuple[int, Interval] | None = None  # older than so many years it recurs at another interval
    items: tuple[CheckItem, ...] = ()

    def due(self, last: date, commissioned: date | None = None) -> date:
        """The day by which it is due again, for an asset of that age."""
        due = self.interval.after(last)
        if self.ages is None or commissioned is None:
            return due
        years, interval = self.ages
        turns = Interval.of(f"{years} years").after(commissioned)  # the last day on which the longer interval holds
        if turns == date.max:
            return due
        return min(due, max(interval.after(last), turns + timedelta(days=1)))


_CLAUSES = (
    ("Regulations on Safety Supervision of Special Equipment", "特种设备安全监察条例"),
    ("Fire Protection Law of the PRC", "中华人民共和国消防法"),
    ("SAMR order", "市场监管总局令"),
    ("annex", "附件"),
    ("table", "表"),
    ("item", "第"),
    ("chapter", "章"),
    ("art.", "条"),
    ("reg.", "条"),
    ("(clause not verified)", "（条号未核对）"),
    ("(number not verified)", "（条号未核对）"),
    ("daily control", "日管控"),
    ("weekly review", "周排查"),
    ("monthly meeting", "月调度"),
    ("half-monthly", "半月"),
    ("at least every 15 days", "至少每 15 天"),
    ("in crowded public places and basements", "（人员密集场所、地下室等）"),
    ("daily in winter", "冬季每日"),
    ("daily", "每日"),
    ("weekly", "每周"),
    ("monthly", "每月"),
    ("quarterly", "每季度"),
    ("in batches", "分批"),
    ("yearly", "每年"),
    ("annually", "每年"),
    ("duration", "时间"),
    ("with TSG", "与 TSG"),
    ("manufacturer", "制造单位"),
)


def clause_words(source: str) -> Text:
    """A source in both languages; names and numbers of standards stay as they are."""
    zh = source
    for english, chinese in _CLAUSES:
        zh = zh.replace(english, chinese)
    return Text(zh=zh, en=source)


def with_included(duties: Mapping[str, Duty], key: str) -> tuple[str, ...]:
    """The duty and all that it contains, the longest interval first."""
    duty = duties[key]
    return (key, *(each for each in duty.includes if each in duties))


def visit_minutes(duties: Mapping[str, Duty], key: str) -> int:
    """Minutes of a visit for a duty, with all that it contains."""
    return sum(duties[each].minutes for each in with_included(duties, key))


def checklist(duties: Mapping[str, Duty], keys: Iterable[str]) -> list[tuple[Duty, CheckItem]]:
    """The items of a visit for some duties, the most frequent duty's first, each once."""
    wanted = dict.fromkeys(each for key in keys if key in duties for each in with_included(duties, key))
    ordered = sorted(wanted, key=lambda key: (duties[key].interval.days, list(duties).index(key)))
    return [(duties[key], item) for key in ordered for item in duties[key].items]


def duties_of(
    kind: str, tables: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]], file: str
) -> dict[str, Duty]:
    """Duties from the tables of a file."""
    lines: dict[str, list[CheckItem]] = {}
    for row in items:
        lines.setdefault(row["duty"], []).append(_item(row, file))
    return {row["key"]: _duty(kind, row, tuple(lines.get(row["key"], ())), file) for row in tables}


def _duty(kind: str, row: Mapping[str, Any], items: tuple[CheckItem, ...], file: str) -> Duty:
    def named(field: str) -> Text:
        return text(row[field], f"{file}: {row['key']}.{field}")

    standard, edition, clause = row.get("standard", ""), row.get("edition", ""), row.get("clause", "")
    stands = ", ".join(filter(None, ("-".join(filter(None, (standard, edition))), clause)))
    ages = row.get("ages")
    return Duty(
        kind=kind,
        key=row["key"],
        name=named("name"),
        interval=Interval.of(row["interval"]),
        interval_source=row.get("interval_source") or stands,
        minutes=row["minutes"],
        qualification=row["qualification"],
        statutory=row["statutory"],
        passes=named("passes"),
        channels=tuple(row.get("channels", ())),
        source=row.get("source") or stands,
        out_of_service=row.get("out_of_service", False),
        standard=standard,
        edition=edition,
        clause=clause,
        verified=Verified(row.get("verified", "no")),
        read=named("read") if "read" in row else None,
        grace=row.get("grace", 0),
        or_qualified=tuple(row.get("or_qualified", ())),
        people=row.get("people", 1),
        includes=tuple(row.get("includes", ())),
        routine=row.get("routine", False),
        ages=(ages["older_than"], Interval.of(ages["interval"])) if ages else None,
        items=items,
    )


def _item(row: Mapping[str, Any], file: str) -> CheckItem:
    def named(field: str) -> Text:
        return text(row[field], f"{file}: {row['duty']} {row['number']}.{field}")

    return CheckItem(
        number=row["number"],
        what=named("what"),
        passes=named("passes"),
        method=named("method") if "method" in row else None,
        answer=Answer(row.get("answer", "state")),
        unit=row.get("unit", ""),
        low=float(row.get("low", -math.inf)),
        high=float(row.get("high", math.inf)),
        channel=row.get("channel", ""),
        clause=row.get("clause", ""),
        note=named("note") if "note" in row else None,
    )


def read_duties(file: Path) -> dict[str, dict[str, Duty]]:
    """The duties of a file of their own, by class and key."""
    with file.open("rb") as stream:
        raw: dict[str, Any] = tomllib.load(stream)
    kind = raw["class"]
    return {kind: duties_of(kind, raw.get("duty", []), raw.get("item", []), file.name)}
