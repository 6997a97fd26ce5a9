"""The columns of an inspection list, the same in every format: what is printed, and what people fill in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from facility.catalogue.qualifications import qualification
from facility.i18n.phrases import Language
from facility.inspections import InspectionList, Item
from serviceday.documents.branding import NO_NAMES, PHRASES, Names, who
from serviceday.documents.inspection_list.summary import clock
from serviceday.documents.row_key import row_key
from serviceday.documents.sanitize import clean

RESULTS = ("result_normal", "result_abnormal", "result_not_applicable", "result_no_access")

Cell = str | int | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its phrase, how wide it is printed (characters), and what it says of an item."""

    key: str
    width: float
    cell: Callable[[Item, Language], Cell]

    def title(self, language: Language) -> str:
        return PHRASES[f"column_{self.key}"][language]


def _blank(_item: Item, _language: Language) -> Cell:
    return ""


_NUMBER = Column("number", 4, lambda item, _: item.number or None)
_TIME = Column("time", 5.5, lambda item, _: clock(item.start))
_ASSET = Column("asset", 9.5, lambda item, _: item.asset)
_CODE = Column("code", 9.5, _blank)
_WHAT = Column("what", 13, lambda item, language: item.what[language])
_METHOD = Column("method", 19, lambda item, language: item.method[language])
_PASSES = Column("passes", 12, lambda item, language: item.passes[language])
_REASON = Column("reason", 24, lambda item, language: item.reason[language])
_GROUND = Column("ground", 12, lambda item, language: PHRASES[f"ground_{item.ground}"][language])
_PRIORITY = Column("priority", 6.5, lambda item, language: PHRASES[f"priority_{item.priority}"][language])
_QUALIFICATION = Column("qualification", 10, lambda item, language: _qualification(item, language))
_MINUTES = Column("minutes", 6, lambda item, _: item.minutes)
_DUE = Column("deadline", 11, lambda item, _: item.due)
_BREACH = Column("breach", 8, lambda item, language: PHRASES["yes"][language] if item.breach else "")
_BREACH_FROM = Column("breach_from", 11, lambda item, _: item.breach_from)
_LEFT_OUT = Column(
    "left_out", 36, lambda item, language: item.left_out_reason[language] if item.left_out_reason else ""
)


def left_out_columns(names: Names = NO_NAMES) -> tuple[Column, ...]:
    """What is said of a candidate that is not on the list."""
    return (
        _BREACH, _place(names), _ASSET, _WHAT, _GROUND, _REASON, _LEFT_OUT, _PRIORITY, _MINUTES, _DUE,
    )  # fmt: skip


def list_columns(plan: InspectionList, names: Names = NO_NAMES) -> tuple[Column, ...]:
    """What planners expect on the list, in their order. What has no due date of its own is due on the day."""
    day = plan.service_day
    return (
        _NUMBER,
        _TIME,
        _place(names),
        _ASSET,
        _CODE,
        _WHAT,
        _METHOD,
        _PASSES,
        _REASON,
        _PRIORITY,
        Column("inspector", 8, lambda item, language: _inspectors(plan, item, language)),
        _QUALIFICATION,
        _MINUTES,
        Column("deadline", 10.5, lambda item, _: min(item.due or day, day)),
        Column("result", 8, _blank),
        Column("measured", 8, _blank),
        Column("photo", 6, _blank),
        Column("signature", 9, _blank),
        Column("verifier", 9, _blank),
    )


def answer_columns(plan: InspectionList) -> tuple[Column, ...]:
    """What is filled in on a screen beside the printed columns, and the key by which a row is read back."""
    return (
        Column("fault", 16, _blank),
        Column("mended", 8, _blank),
        Column("note", 24, _blank),
        Column("done", 15, _blank),
        Column("by", 9, _blank),
        Column("key", 26, lambda item, _: row_key(plan, item)),
    )


def csv_columns(plan: InspectionList, names: Names = NO_NAMES) -> tuple[Column, ...]:
    """The list's columns without the drawing, and at the end what a script wants beside them."""
    return (
        *(column for column in list_columns(plan, names) if column is not _CODE),
        Column("end", 6, lambda item, _: clock(item.end)),
        Column("name", 12, lambda item, _: item.asset_name),
        Column("request", 8, lambda item, _: item.request),
        Column("out_of_service", 8, lambda item, language: PHRASES["yes"][language] if item.out_of_service else ""),
        _GROUND,
        _BREACH,
        _BREACH_FROM,
        _LEFT_OUT,
    )


def row(columns: Sequence[Column], item: Item, language: Language) -> list[Cell]:
    """The cells of an item; texts fit for every file format."""
    cells = [column.cell(item, language) for column in columns]
    return [clean(cell) if isinstance(cell, str) else cell for cell in cells]


def _place(names: Names) -> Column:
    return Column("place", 15, lambda item, _: names.place(item))


def _qualification(item: Item, language: Language) -> str:
    return qualification(item.qualification)[language] if item.qualification else ""


def _inspectors(plan: InspectionList, item: Item, language: Language) -> str:
    names = [who(plan, number, language) for number in item.people]
    return ("、" if language == "zh" else ", ").join(names)
