"""The checklist of a workbook: one row an item of every entry, to be answered one by one."""

from __future__ import annotations

from collections.abc import Iterator

from facility.i18n.phrases import Language
from facility.inspections import InspectionList
from serviceday.documents.branding import PHRASES, Names
from serviceday.documents.checklists import answer_words, lines_of
from serviceday.documents.inspection_list.columns import RESULTS
from serviceday.documents.sanitize import clean

COLUMNS = (
    ("column_number", 4.0), ("column_asset", 10.0), ("column_place", 16.0), ("column_check_duty", 16.0),
    ("column_check_number", 9.0), ("column_check_item", 26.0), ("column_passes", 30.0), ("column_check_band", 10.0),
    ("column_check_answer", 13.0), ("column_check_channel", 12.0), ("column_check_clause", 18.0),
    ("column_result", 9.0), ("column_measured", 9.0), ("column_check_note", 18.0),
)  # fmt: skip
RESULT = 11  # the column to choose from


def titles(language: Language) -> list[str]:
    """The headings of the checklist's columns."""
    return [PHRASES[key][language] for key, _ in COLUMNS]


def rows(plan: InspectionList, language: Language, names: Names) -> Iterator[list[object]]:
    """Cells of every item, in the order of the list."""
    for item in plan.items:
        for line in lines_of([item]):
            words = (
                item.asset,
                names.place(item),
                line.duty[language],
                line.number,
                line.what[language],
                line.passes[language],
                line.band[language],
                answer_words(line)[language],
                line.channel[language],
                line.clause[language],
            )
            yield [item.number, *(clean(each) for each in words), "", "", ""]


def choices(language: Language) -> list[str]:
    """The words from which a result is chosen."""
    return [PHRASES[key][language] for key in RESULTS]
