"""The columns of an inspection list, the same in every format: what is printed, and what people fill in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from facility.inspections import InspectionList, Item
from facility.language import Language, Phrases
from facility.qualifications import qualification

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")
RESULTS = ("result_normal", "result_abnormal", "result_not_applicable")

Cell = str | int | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its phrase, how wide it is printed (characters), and what it says of an item."""

    key: str
    width: int
    cell: Callable[[Item, Language], Cell]

    def title(self, language: Language) -> str:
        return PHRASES[f"column_{self.key}"][language]


def _blank(_item: Item, _language: Language) -> Cell:
    return ""


_NUMBER = Column("number", 4, lambda item, _: item.number or None)
_PLACE = Column("place", 15, lambda item, _: item.place)
_ASSET = Column("asset", 10, lambda item, _: item.asset)
_WHAT = Column("what", 13, lambda item, language: item.what[language])
_METHOD = Column("method", 19, lambda item, language: item.method[language])
_PASSES = Column("passes", 13, lambda item, language: item.passes[language])
_REASON = Column("reason", 27, lambda item, language: item.reason[language])
_GROUND = Column("ground", 12, lambda item, language: PHRASES[f"ground_{item.ground}"][language])
_PRIORITY = Column("priority", 7, lambda item, language: PHRASES[f"priority_{item.priority}"][language])
_INSPECTOR = Column(
    "inspector",
    8,
    lambda item, language: PHRASES.say("inspector", language, number=item.person) if item.person else "",
)
_QUALIFICATION = Column("qualification", 11, lambda item, language: qualification(item.qualification)[language])
_MINUTES = Column("minutes", 6, lambda item, _: item.minutes)
_DUE = Column("deadline", 11, lambda item, _: item.due)
_BREACH = Column("breach", 8, lambda item, language: PHRASES["yes"][language] if item.breach else "")
_LEFT_OUT = Column(
    "left_out", 36, lambda item, language: item.left_out_reason[language] if item.left_out_reason else ""
)


def list_columns(service_day: date) -> tuple[Column, ...]:
    """What planners expect on the list, in their order. What has no due date of its own is due on the day."""
    return (
        _NUMBER,
        _PLACE,
        _ASSET,
        _WHAT,
        _METHOD,
        _PASSES,
        _REASON,
        _PRIORITY,
        _INSPECTOR,
        _QUALIFICATION,
        _MINUTES,
        Column("deadline", 11, lambda item, _: min(item.due or service_day, service_day)),
        Column("result", 8, _blank),
        Column("measured", 8, _blank),
        Column("photo", 6, _blank),
        Column("signature", 9, _blank),
        Column("verifier", 9, _blank),
    )


LEFT_OUT_COLUMNS = (
    _BREACH,
    _PLACE,
    _ASSET,
    _WHAT,
    _GROUND,
    _REASON,
    _LEFT_OUT,
    _PRIORITY,
    _MINUTES,
    _DUE,
)


def csv_columns(service_day: date) -> tuple[Column, ...]:
    """The list's columns, and at the end what tells the left-out rows from the list."""
    return (*list_columns(service_day), _GROUND, _BREACH, _LEFT_OUT)


def row(columns: Sequence[Column], item: Item, language: Language) -> list[Cell]:
    return [column.cell(item, language) for column in columns]


def subtitle(plan: InspectionList, language: Language) -> str:
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
