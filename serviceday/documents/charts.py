"""Charts for papers, drawn by Typst: letters become outlines, so that a chart looks the same wherever it is put.

They read in black and white: parts are told apart by pattern, series by mark and dash, and every value stands beside
its bar or point in figures.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import typst

from facility.errors import CannotDo
from facility.i18n.phrases import Language
from serviceday.documents.fonts import Typefaces
from serviceday.documents.sanitize import clean
from serviceday.documents.typesetting import template_source

PPI = 200  # of a chart drawn as pixels


class Pattern(StrEnum):
    """How a bar is filled."""

    SOLID = "solid"
    HATCHED = "hatched"
    DOTTED = "dotted"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `value` gives its length, `shown` stands at its end."""

    label: str
    value: float
    shown: str
    pattern: Pattern = Pattern.SOLID


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars below each other, all on one scale."""

    title: str
    bars: tuple[Bar, ...]

    @property
    def words(self) -> str:
        """The chart for whoever can't see it."""
        return f"{self.title}: " + "; ".join(f"{bar.label} {bar.shown}" for bar in self.bars)

    def plain(self) -> dict[str, Any]:
        largest = max((bar.value for bar in self.bars), default=0) or 1
        bars = [asdict(bar) | {"share": bar.value / largest} for bar in self.bars]
        return {"kind": "bars", "title": self.title, "bars": bars}


@dataclass(frozen=True, slots=True)
class Point:
    """A value of one day; None where nothing can be said, which is shown as a gap."""

    label: str
    value: float | None
    shown: str


@dataclass(frozen=True, slots=True)
class TrendChart:
    """One figure over the days, oldest first, from zero to `top`."""

    title: str
    points: tuple[Point, ...]
    top: float

    @property
    def words(self) -> str:
        """The chart for whoever can't see it."""
        return f"{self.title}: " + "; ".join(f"{point.label} {point.shown}" for point in self.points)

    def plain(self) -> dict[str, Any]:
        top = self.top or 1
        points = [
            {"label": point.label, "shown": point.shown, "share": None if point.value is None else point.value / top}
            for point in self.points
        ]
        return {"kind": "trend", "title": self.title, "points": points}


Chart = BarChart | TrendChart


def drawn(charts: Sequence[Chart], *, language: Language, faces: Typefaces) -> list[bytes]:
    """Each chart as SVG. Raises `CannotDo` where no font can write it."""
    return [_compiled(chart, language, faces, "svg") for chart in charts]


def pixels(charts: Sequence[Chart], *, language: Language, faces: Typefaces) -> list[bytes]:
    """Each chart as PNG. Raises `CannotDo` where no font can write it."""
    return [_compiled(chart, language, faces, "png") for chart in charts]


def _compiled(chart: Chart, language: Language, faces: Typefaces, form: str) -> bytes:
    if not faces.families or (language == "zh" and not faces.chinese):
        raise CannotDo("no font was found to print with", "Install one (Debian: fonts-dejavu-core)")
    words = json.dumps(chart.plain(), ensure_ascii=False)
    data = {**json.loads(faces.fit(clean(words))), "language": language, "fonts": faces.families}
    page: Any = typst.compile(
        template_source("chart.typ"),
        font_paths=faces.fonts,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        format=form,  # type: ignore[call-overload]
        ppi=PPI,
    )
    return bytes(page[0] if isinstance(page, list) else page)
