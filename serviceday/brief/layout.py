"""A brief in one language, in the order in which it is read: what the forms share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo

from facility.i18n.phrases import Language
from serviceday.brief.content import Brief, Line
from serviceday.brief.figures import Figure
from serviceday.brief.phrases import PHRASES


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

    def plain(self) -> dict[str, object]:
        return asdict(self)


_WORDS = (
    "annex_note", "none", "section_annex_figures", "section_annex_records", "column_figure", "column_value",
    "column_before", "column_now", "column_record", "column_what", "column_place", "column_state", "column_who",
    "column_due", "column_records",
)  # fmt: skip


def laid_out(brief: Brief, language: Language, *, company: str = "") -> Layout:
    """The brief in a language."""

    def say(key: str, **values: object) -> str:
        return PHRASES.say(key, language, **values)

    as_of = f"{brief.as_of.astimezone(ZoneInfo(brief.timezone)):%Y-%m-%d %H:%M}"
    named = (("mended", brief.mended), ("left", brief.left), ("wrong", brief.wrong_warnings), ("next", brief.next))
    return Layout(
        language=language,
        company=company,
        title=say("title"),
        subtitle=say("subtitle", day=brief.day, as_of=as_of),
        scope_title=say("section_scope"),
        scope=tuple(_scope(brief, language)),
        figures=tuple(
            FigureTable(
                section.title[language],
                tuple(FigureRow(figure.label[language], figure.shown(), figure.number) for figure in section.figures),
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
    )


def _scope(brief: Brief, language: Language) -> Sequence[str]:
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
