"""A brief in one language, in the order in which it is read: what the forms share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from facility.errors import CannotDo
from facility.i18n.phrases import Language
from serviceday.brief.content import Brief, Line
from serviceday.brief.correction import Change, Correction
from serviceday.brief.counting import Section
from serviceday.brief.figures import Figure
from serviceday.brief.phrases import PHRASES
from serviceday.brief.pictures import printed
from serviceday.brief.proposals import Proposal
from serviceday.brief.recall import Recall
from serviceday.documents.charts import Bar, BarChart, Pattern, drawn
from serviceday.documents.fonts import Typefaces
from serviceday.documents.pictures import PrintedPicture
from serviceday.execution.phone.photos import PhotoFolder

CHARTS = {  # which figures of a section make its chart, and how each bar is filled
    "demand": (("reports_kind_", Pattern.SOLID),),
    "work": (
        ("done", Pattern.SOLID),
        ("no_access", Pattern.HATCHED),
        ("not_applicable", Pattern.DOTTED),
        ("disputed", Pattern.DOTTED),
        ("unanswered", Pattern.EMPTY),
    ),
    "problems": (("opened", Pattern.SOLID), ("mended_on_spot", Pattern.HATCHED), ("left", Pattern.EMPTY)),
    "warnings": (
        ("confirmed", Pattern.SOLID),
        ("other", Pattern.HATCHED),
        ("not_found", Pattern.DOTTED),
        ("not_looked_at", Pattern.EMPTY),
    ),
}


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure: its name, its value and where it is traced."""

    label: str
    value: str
    number: int


@dataclass(frozen=True, slots=True)
class FigureTable:
    """Figures under a heading."""

    title: str
    rows: tuple[FigureRow, ...]
    chart: BarChart | None = None
    note: str = ""  # what the figures can say together, and what they can't


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One figure beside those of other days."""

    label: str
    now: str
    now_number: int
    before: str
    before_number: int


@dataclass(frozen=True, slots=True)
class RecordTable:
    """Records under a heading, a row each."""

    title: str
    rows: tuple[tuple[str, str, str, str, str, str], ...]  # record, what, place, state, who, due


@dataclass(frozen=True, slots=True)
class AnnexFigure:
    """A figure with the records counted, and those of its whole that were not."""

    number: int
    label: str
    value: str
    records: tuple[str, ...]
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnnexRow:
    """One figure's records, in the annex."""

    id: str
    what: str
    place: str
    state: str


@dataclass(frozen=True, slots=True)
class CorrectionBlock:
    """A correction as every form of a brief shows it."""

    title: str
    why: str
    rows: tuple[tuple[str, str, str, str], ...]  # what, before, now, records or that it goes on by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a form is written with, beside the brief itself."""

    company: str = ""
    faces: Typefaces | None = None  # without them charts stay words
    photos: PhotoFolder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A brief as every form of it is written: words, tables, annex."""

    language: Language
    company: str
    title: str
    subtitle: str
    scope_title: str
    scope: tuple[str, ...]
    figures: tuple[FigureTable, ...]
    compared_title: str
    compared: tuple[ComparedRow, ...]
    tables: tuple[RecordTable, ...]
    annex_figures: tuple[AnnexFigure, ...]
    annex_rows: tuple[AnnexRow, ...]
    words: dict[str, str]
    proposed: tuple[str, ...] = ()
    corrections: tuple[CorrectionBlock, ...] = ()
    pictures: tuple[PrintedPicture, ...] = ()
    faces: Typefaces | None = None

    def plain(self) -> dict[str, Any]:
        """As a Typst template takes it."""
        plain = asdict(replace(self, faces=None, pictures=()))
        drawings = iter(self.drawings())
        for table, shown in zip(plain["figures"], self.figures, strict=True):
            table["chart"] = {"caption": shown.chart.words, "codes": next(drawings).decode()} if shown.chart else None
        plain["pictures"] = [picture.plain() for picture in self.pictures]
        return plain

    @property
    def charts(self) -> tuple[BarChart, ...]:
        return tuple(table.chart for table in self.figures if table.chart)

    def drawings(self, draw: Callable[..., list[bytes]] = drawn) -> list[bytes]:
        """Each chart as SVG, or as `draw` draws it; b"" where there is no font to write it with."""
        if self.faces is None:
            return [b""] * len(self.charts)
        try:
            return draw(self.charts, language=self.language, faces=self.faces)
        except CannotDo:
            return [b""] * len(self.charts)


_WORDS = (
    "annex_note", "none", "section_annex_figures", "section_annex_records", "column_figure", "column_value",
    "column_before", "column_now", "column_record", "column_what", "column_place", "column_state", "column_who",
    "column_due", "column_records", "section_corrections", "section_proposed",
    "section_pictures", "column_published", "column_corrected",
    "column_difference",
)  # fmt: skip


NO_LOOK = Look()


def laid_out(brief: Brief, language: Language, look: Look = NO_LOOK) -> Layout:
    """The brief in a language."""

    def say(key: str, **values: object) -> str:
        return PHRASES.say(key, language, **values)

    as_of = f"{brief.as_of.astimezone(ZoneInfo(brief.timezone)):%Y-%m-%d %H:%M}"
    named = (("mended", brief.mended), ("left", brief.left), ("wrong", brief.wrong_warnings), ("next", brief.next))
    return Layout(
        language=language,
        company=look.company,
        title=say("title"),
        subtitle=say("subtitle", day=brief.day, as_of=as_of),
        scope_title=say("section_scope"),
        scope=tuple(text_of_scope(brief, language)),
        figures=tuple(
            FigureTable(
                section.title[language],
                tuple(FigureRow(figure.label[language], figure.shown(), figure.number) for figure in section.figures),
                _chart(section, language),
                _note(section, brief, language),
            )
            for section in brief.sections
        ),
        compared_title=say("section_compared", day=brief.before) if brief.before else "",
        compared=tuple(
            ComparedRow(
                figure.now.label[language],
                figure.now.shown(),
                figure.now.number,
                figure.before.shown(),
                figure.before.number,
            )
            for figure in brief.compared
        ),
        tables=tuple(_table(say(f"section_{key}"), lines, language) for key, lines in named),
        annex_figures=tuple(_annexed(figure, language) for figure in brief.figures),
        annex_rows=tuple(
            AnnexRow(record.id, record.what[language], record.place, record.state[language]) for record in brief.annex
        ),
        words={key: say(key) for key in _WORDS},
        proposed=tuple(proposal_words(proposal, language) for proposal in brief.proposed),
        corrections=tuple(_correction(correction, brief, language) for correction in brief.corrections),
        pictures=tuple(printed(picture, look.photos, language) for picture in brief.pictures),
        faces=look.faces,
    )


def _chart(section: Section, language: Language) -> BarChart | None:
    """The section's chart; None where every bar would be empty."""
    bars = [
        Bar(figure.label[language], figure.value, f"{figure.value} [{figure.number}]", pattern)
        for key, pattern in CHARTS.get(section.key, ())
        for figure in section.figures
        if (figure.key.startswith(key) if key.endswith("_") else figure.key == key)
    ]
    return BarChart(section.title[language], tuple(bars)) if any(bar.value for bar in bars) else None


def _note(section: Section, brief: Brief, language: Language) -> str:
    """What is known of the faults that warnings missed: beside the random checks, or that there were none."""
    if section.key == "warnings" and not brief.drawn:
        return PHRASES.say("recall_unknown", language)
    if section.key == "survey":
        return _satisfied(brief, language)
    if section.key != "random":
        return ""
    if brief.recall is None:
        looked = next((len(figure.traced) for figure in section.figures if figure.key == "random_faulty"), 0)
        return PHRASES.say("recall_nothing_found" if looked else "recall_nobody_looked", language)
    return recall_words(brief.recall, language)


def _satisfied(brief: Brief, language: Language) -> str:
    known = brief.satisfaction
    if known is None:
        return PHRASES.say("satisfaction_unknown", language)
    values = {"average": f"{known.average:.1f}", "rated": known.rated, "handed_out": known.handed_out}
    return PHRASES.say("satisfaction", language, **values)


def recall_words(recall: Recall, language: Language) -> str:
    """An estimate with its interval and what it rests on."""
    shares = {name: f"{100 * getattr(recall, name):.0f} %" for name in ("value", "low", "high")}
    counts = {name: getattr(recall, name) for name in ("caught", "looked", "faulty", "pool")}
    return PHRASES.say("recall", language, **shares, **counts)


def proposal_words(proposal: Proposal, language: Language) -> str:
    """A goal or a theme as it is typed, and why it is proposed."""
    return PHRASES.say("proposal", language, option=proposal.option, why=proposal.why[language])


def _correction(correction: Correction, brief: Brief, language: Language) -> CorrectionBlock:
    at = f"{correction.at.astimezone(ZoneInfo(brief.timezone)):%Y-%m-%d %H:%M}"
    return CorrectionBlock(
        title=PHRASES.say("correction_title", language, number=correction.number, at=at, who=correction.who),
        why=PHRASES.say("correction_why", language, why=correction.why),
        rows=tuple(_change(change, language) for change in correction.changes),
    )


def _change(change: Change, language: Language) -> tuple[str, str, str, str]:
    nothing = PHRASES.say("not_there", language)
    notes = []
    if change.added:
        notes.append(PHRASES.say("change_added", language, records=" ".join(change.added)))
    if change.removed:
        notes.append(PHRASES.say("change_removed", language, records=" ".join(change.removed)))
    if change.of_the_moment:
        notes.append(PHRASES.say("change_of_the_moment", language))
    return change.label[language], change.before or nothing, change.after or nothing, " ".join(notes)


def text_of_scope(brief: Brief, language: Language) -> Sequence[str]:
    """What the brief is about, a line each."""
    between = "、" if language == "zh" else ", "
    list_ = "scope_list" if brief.list else "scope_no_list"
    lines = [PHRASES.say(list_, language, **({"number": brief.list} if brief.list else {}))]
    if brief.theme:
        lines.append(PHRASES.say("scope_theme", language, theme=brief.theme))
    if brief.sites:
        lines.append(PHRASES.say("scope_sites", language, sites=between.join(brief.sites)))
    if brief.people:
        lines.append(PHRASES.say("scope_people", language, people=between.join(brief.people)))
    return [*lines, PHRASES.say("scope_period", language, since=brief.reports_since)]


def _table(title: str, lines: Sequence[Line], language: Language) -> RecordTable:
    mark = PHRASES["overdue_mark"][language]
    return RecordTable(
        title,
        tuple(
            (
                line.record, line.what[language], line.place, line.state[language], line.who,
                f"{line.due or ''}{mark if line.overdue else ''}",
            )
            for line in lines
        ),
    )  # fmt: skip


def _annexed(figure: Figure, language: Language) -> AnnexFigure:
    counted = set(figure.records)
    rest = tuple(record for record in figure.traced if record not in counted)
    return AnnexFigure(figure.number, figure.label[language], figure.shown(), figure.records, rest)


def chat(brief: Brief, language: Language) -> str:
    """Three lines for a chat group."""

    def count(key: str) -> int:
        return brief.figure(key).value

    lines = (
        PHRASES.say(
            "chat_first", language, day=brief.day, done=count("done"), planned=count("planned"),
            assets=count("assets"), reports=count("answered_reports"),
        ),
        PHRASES.say(
            "chat_second", language, opened=count("opened"), spot=count("mended_on_spot"), left=count("left")
        ),
        PHRASES.say(
            "chat_third", language, flagged=count("flagged"), confirmed=count("confirmed"), other=count("other"),
            wrong=count("not_found"),
        ),
    )  # fmt: skip
    return "\n".join(lines) + "\n"
