"""A brief for people who stand: one page for the notice board, and a picture for a chat group.

Both show a choice of the brief's figures under their own numbers, and say where the whole is to be had.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from facility.i18n.phrases import Language
from serviceday.brief.content import Brief, Line
from serviceday.brief.layout import Look, laid_out, text_of_scope
from serviceday.brief.phrases import PHRASES
from serviceday.documents.sanitize import cut

TILES = ("done", "assets", "answered_reports", "opened", "mended_on_spot", "left")
_SECTIONS = ("work", "warnings")  # whose charts are shown
_ROWS = 5  # of a table
_LONGEST, _NAME = 30, 14  # characters in a cell: with three lines in each row all still fits a page


def on_the_board(content: Brief, language: Language, look: Look) -> dict[str, Any]:
    """The data of `board.typ` and `card.typ`."""

    def say(key: str, **values: object) -> str:
        return PHRASES.say(key, language, **values)

    shown = replace(content, sections=tuple(part for part in content.sections if part.key in _SECTIONS))
    layout = laid_out(shown, language, look)
    drawings = [
        {"caption": chart.words, "codes": drawing.decode()}
        for chart, drawing in zip(layout.charts, layout.drawings(), strict=True)
    ]
    left = sorted(content.left, key=lambda line: (line.due is None, line.due, line.record))
    return {
        "company": look.company,
        "title": layout.title,
        "subtitle": layout.subtitle,
        "scope": cut(" · ".join(text_of_scope(content, language)), 5 * _LONGEST),
        "tiles": [_tile(content, key, language) for key in TILES],
        "charts": drawings,
        "left_title": say("section_left"),
        "left": [_row(line, language) for line in left[:_ROWS]],
        "more": say("board_more", count=len(left) - _ROWS) if len(left) > _ROWS else "",
        "none": say("board_nothing_left"),
        "heads": [say(f"column_{name}") for name in ("record", "what", "place", "who", "due")],
        "corrected": say("board_corrected", count=len(content.corrections)) if content.corrections else "",
        "note": say("board_note"),
    }


def _tile(content: Brief, key: str, language: Language) -> dict[str, str]:
    figure = content.figure(key)
    value = f"{figure.value}/{content.figure('planned').value}" if key == "done" else str(figure.value)
    return {"value": value, "label": figure.label[language]}


def _row(line: Line, language: Language) -> list[str]:
    mark = PHRASES["overdue_mark"][language] if line.overdue else ""
    who = cut(line.who, _NAME)
    return [line.record, cut(line.what[language], _LONGEST), cut(line.place, _LONGEST), who, f"{line.due or ''}{mark}"]
