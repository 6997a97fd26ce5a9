"""Service days beside each other, in words: a table, trends, what is missing and why; as HTML and CSV."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Language
from serviceday.brief.comparison import MEASURES, SHARES, ComparedDay, Comparison, Measure
from serviceday.brief.html import STYLE
from serviceday.brief.layout import recall_words
from serviceday.brief.phrases import PHRASES
from serviceday.documents.charts import Point, TrendChart, drawn
from serviceday.documents.fonts import Typefaces
from serviceday.documents.inspection_list.writer import write_together
from serviceday.documents.sanitize import clean, unformed

TRENDS = (
    "completion",
    "on_time",
    "rectified",
    "repeats",
    "precision",
    "recall",
    "availability",
    "satisfaction",
    "hours",
)
NOTHING = "–"
_TOPS = {"satisfaction": 5.0}


@dataclass(frozen=True, slots=True)
class ComparedWords:
    """A comparison in one language: what every form shows."""

    title: str
    subtitle: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # a day each, the newest first
    charts: tuple[TrendChart, ...]
    missing: tuple[str, ...]  # which figures of which days are not known, and why
    recall: str  # over all days; "" where it can't be said


def in_words(compared: Comparison, language: Language, *, now: datetime, timezone: ZoneInfo) -> ComparedWords:
    """The comparison in a language."""

    def say(key: str, **values: object) -> str:
        return PHRASES.say(key, language, **values)

    heads = (say("compare_day"), say("compare_theme"), *(say(f"figure_{key}") for key in MEASURES))
    return ComparedWords(
        title=say("compare_title"),
        subtitle=say("compare_subtitle", as_of=f"{now.astimezone(timezone):%Y-%m-%d %H:%M}", count=len(compared.days)),
        heads=heads,
        rows=tuple(
            (str(day.day), day.theme or NOTHING, *(shown(key, day.measures[key], language) for key in MEASURES))
            for day in reversed(compared.days)
        ),
        charts=tuple(chart for key in TRENDS if (chart := _trend(key, compared.days, language))),
        missing=tuple(_missing(compared.days, language)),
        recall=say("compare_recall_all", words=recall_words(compared.recall, language)) if compared.recall else "",
    )


def shown(key: str, measure: Measure, language: Language) -> str:
    """A figure as it is printed: `80 % (8/10)`, `12.5`, `83 % (61 % to 97 %)`; a dash where it is not known."""
    if measure.value is None:
        return NOTHING
    if measure.low is not None and measure.high is not None:
        shares = {name: f"{100 * value:.0f} %" for name, value in
                  (("value", measure.value), ("low", measure.low), ("high", measure.high))}  # fmt: skip
        return PHRASES.say("compare_interval", language, **shares)
    if key == "satisfaction":
        return f"{measure.value:.1f} ({measure.counted})"
    if key == "availability":
        return f"{100 * measure.value:.2f} %"
    if key in SHARES:
        return f"{100 * measure.value:.0f} % ({measure.counted}/{measure.whole})"
    return f"{measure.value:.1f}" if key == "hours" else f"{measure.value:.0f}"


def _trend(key: str, days: Sequence[ComparedDay], language: Language) -> TrendChart | None:
    """How a figure went; None where it is known of fewer than two days: nothing goes anywhere then."""
    values = [day.measures[key].value for day in days]
    there = [value for value in values if value is not None]
    if len(there) < 2:
        return None
    points = tuple(
        Point(f"{day.day:%m-%d}", value, _short(key, value))
        for day, value in zip(days, values, strict=True)
    )  # fmt: skip
    return TrendChart(
        PHRASES.say(f"figure_{key}", language), points, _TOPS.get(key, 1.0 if key in SHARES else max(*there, 1.0))
    )


def _short(key: str, value: float | None) -> str:
    if value is None:
        return NOTHING
    if key == "availability":
        return f"{100 * value:.1f} %"
    return (
        f"{100 * value:.0f} %"
        if key in SHARES
        else f"{value:.1f}"
        if key in ("hours", "satisfaction")
        else f"{value:.0f}"
    )


def _missing(days: Sequence[ComparedDay], language: Language) -> Sequence[str]:
    """A line for each figure and reason, with the days that lack it."""
    reasons: dict[tuple[str, str], list[date]] = {}
    for day in days:
        for key in MEASURES:
            why = day.measures[key].missing
            if why is not None:
                reasons.setdefault((key, why[language]), []).append(day.day)
    between = "、" if language == "zh" else ", "
    return [
        PHRASES.say(
            "compare_missing_line", language,
            label=PHRASES.say(f"figure_{key}", language), days=between.join(map(str, days_)), why=why,
        )
        for (key, why), days_ in reasons.items()
    ]  # fmt: skip


def drawings(words: ComparedWords, language: Language, faces: Typefaces) -> list[bytes]:
    """Each trend as SVG; none where no font can write them: the table says the same."""
    try:
        return drawn(words.charts, language=language, faces=faces)
    except CannotDo:
        return []


def as_page(words: ComparedWords, language: Language, faces: Typefaces) -> bytes:
    """One HTML file without script or anything from elsewhere."""
    say = PHRASES.say
    pictures = [
        f'<figure><img src="data:image/svg+xml;base64,{base64.b64encode(drawing).decode()}"'
        f' alt="{escape(clean(chart.words))}"></figure>'
        for chart, drawing in zip(words.charts, drawings(words, language, faces), strict=False)
    ]
    head = "".join(f'<th scope="col">{escape(clean(cell))}</th>' for cell in words.heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(clean(cell))}</td>" for cell in row) + "</tr>" for row in words.rows)
    missing = "".join(f"<li>{escape(clean(line))}</li>" for line in words.missing)
    parts = [
        f"<h1>{escape(words.title)}</h1><p>{escape(words.subtitle)}</p>",
        f"<p>{escape(say('compare_none', language))}</p>" if not words.rows else "",
        f"<h2>{escape(say('compare_table', language))}</h2>"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        if words.rows
        else "",
        f"<p>{escape(words.recall)}</p>" if words.recall else "",
        f"<h2>{escape(say('compare_charts', language))}</h2>" + "".join(pictures) if pictures else "",
        f"<h2>{escape(say('compare_missing', language))}</h2><ul>{missing}</ul>" if missing else "",
    ]
    page = (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        f'img-src data:"><title>{escape(words.title)}</title><style>{STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )
    return page.encode()


def as_csv(words: ComparedWords, _language: Language, _faces: Typefaces) -> bytes:
    """A row a day, with what is missing below, for a spreadsheet."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\r\n")
    sheet.writerow(words.heads)
    sheet.writerows([unformed(clean(cell)) for cell in row] for row in words.rows)
    return ("\ufeff" + out.getvalue()).encode()


FORMS: dict[str, Callable[[ComparedWords, Language, Typefaces], bytes]] = {".html": as_page, ".csv": as_csv}


def check_form(path: Path) -> Path:
    """The path, if its ending is known. Raises `CannotDo` otherwise."""
    if path.suffix.lower() not in FORMS:
        raise CannotDo(
            "{name} can't be written: the form {form!r} is unknown",
            "Name it {forms}",
            name=path.name,
            form=path.suffix or Sentence("(none)"),
            forms=list(FORMS),
        )
    return path


def write_comparison(
    words: ComparedWords, paths: Sequence[Path], *, language: Language, faces: Typefaces
) -> list[Path]:
    """Write the files, all or none."""
    return write_together([(path, FORMS[check_form(path).suffix.lower()](words, language, faces)) for path in paths])
