"""The whole of a brief, in both languages: what every form shows, and what is kept when it is published.

Nothing of who reported what, and no words of theirs, ever comes in here: reports are named by their number and by the
taxonomy's words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import catalogue
from facility.deficiencies import Deficiency
from facility.i18n.phrases import Text
from facility.inspections import InspectionList, Item
from facility.records import Records
from facility.reports import Report
from facility.results import Answer
from facility.surveys import SurveyAnswer
from serviceday.brief import counting
from serviceday.brief.correction import Correction
from serviceday.brief.counting import Section
from serviceday.brief.facts import WARNING, DayFacts, Facts, SurveyFacts, fault_of, gathered, subject_of, work_of
from serviceday.brief.figures import Figure, masked
from serviceday.brief.goals import GoalOutcome, goal_outcomes
from serviceday.brief.phrases import PHRASES
from serviceday.brief.pictures import BriefPicture, chosen_pictures
from serviceday.brief.proposals import Proposal, proposals
from serviceday.brief.recall import Recall, recall
from serviceday.brief.satisfaction import Satisfaction, satisfaction
from serviceday.documents.branding import Names

NOTHING = Text(zh="", en="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something that was found, or is left over: one row of a table."""

    record: str
    what: Text
    place: str
    state: Text
    who: str = ""
    due: date | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A figure beside the same of the service day before."""

    now: Figure
    before: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnexRecord:
    """One record that was counted, as the annex shows it."""

    id: str
    what: Text
    place: str = ""
    state: Text = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A service day, counted."""

    day: date
    as_of: datetime  # UTC
    timezone: str
    list: int  # number of the list it carried out; 0 = none
    theme: str = ""
    sites: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    reports_since: date
    before: date | None = None
    sections: tuple[Section, ...]
    compared: tuple[Compared, ...] = ()
    mended: tuple[Line, ...] = ()
    left: tuple[Line, ...] = ()
    wrong_warnings: tuple[Line, ...] = ()
    next: tuple[Line, ...] = ()  # proposed for the day after
    annex: tuple[AnnexRecord, ...] = ()
    drawn: bool = False  # whether anything was drawn by lot
    recall: Recall | None = None  # an estimate from the figures on warnings and random checks
    satisfaction: Satisfaction | None = None  # None = nobody rated, or nobody was asked
    proposed: tuple[Proposal, ...] = ()  # goals and a theme for the day after
    pictures: tuple[BriefPicture, ...] = ()  # that somebody chose
    corrections: tuple[Correction, ...] = ()  # of what was published before it, the first first

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All of them, in the order of their numbers."""
        compared = [figure.before for figure in self.compared]
        return (*(figure for section in self.sections for figure in section.figures), *compared)

    def figure(self, key: str) -> Figure:
        """A figure of the day by its key. Raises `KeyError`."""
        return next(figure for section in self.sections for figure in section.figures if figure.key == key)


def brief(
    records: Records,
    day: date,
    plan: InspectionList | None,
    *,
    now: datetime,
    timezone: ZoneInfo,
    names: Names,
    photos: Sequence[int] = (),
) -> Brief:
    """The brief of a day, from what is on record now. `plan` is the list that it carried out.

    `photos` are the numbers of those to be shown. Raises `CannotDo` for one that shows no finding of the day.
    """
    facts = gathered(records, day, plan, now=now, timezone=timezone)
    everybody = {f"R{report.id}": report for report in records.reports.all(merged=True)}
    subjects = {key: subject_of(entry) for key, entry in everybody.items()}
    outcomes = goal_outcomes(facts, everybody)
    sections = [
        counting.demand(facts, names.site),
        counting.survey(facts),
        counting.goals(outcomes),
        counting.work(facts.day),
        counting.problems(facts),
        counting.warnings(facts.day),
        counting.random_checks(facts.day),
        counting.praise(facts),
    ]
    lot = counting.stratum(facts.day)
    by_key = {figure.key: figure for section in sections for figure in section.figures}
    before = counting.comparable(facts.before) if facts.before else []
    shown = _Shown(facts, names, subjects)
    content = Brief(
        day=day,
        as_of=now,
        timezone=timezone.key,
        list=plan.number if plan else 0,
        theme=masked(facts.service_day.theme) if facts.service_day else "",
        sites=_sites(facts, names),
        people=_people(facts),
        reports_since=facts.since,
        before=facts.before.day if facts.before else None,
        sections=tuple(part for part in sections if part.figures),
        compared=tuple(
            Compared(now=by_key[figure.key], before=replace(figure, key=f"before_{figure.key}")) for figure in before
        ),
        mended=tuple(shown.deficiency(deficiency) for deficiency in facts.day.found if deficiency.mender),
        left=tuple(
            shown.deficiency(deficiency)
            for deficiency in facts.day.found
            if deficiency.state.open and not deficiency.mender
        ),
        wrong_warnings=tuple(shown.item(facts.day, item) for item in facts.day.items if _wrong(facts.day, item)),
        next=tuple(shown.proposed()),
        satisfaction=satisfaction(facts.surveys),
        proposed=proposals(facts),
        drawn=lot is not None,
        recall=recall([lot]) if lot else None,
        pictures=chosen_pictures(records, photos, facts.day.found, subjects, timezone),
    )
    content = _numbered(content)
    return replace(content, annex=tuple(_annex(content, facts, shown, everybody, outcomes)))


def _numbered(content: Brief) -> Brief:
    count = 0

    def next_number() -> int:
        nonlocal count
        count += 1
        return count

    sections = tuple(
        replace(section, figures=tuple(replace(each, number=next_number()) for each in section.figures))
        for section in content.sections
    )
    numbered = {each.key: each for section in sections for each in section.figures}
    compared = tuple(
        Compared(now=numbered[figure.now.key], before=replace(figure.before, number=next_number()))
        for figure in content.compared
    )
    return replace(content, sections=sections, compared=compared)


def _sites(facts: Facts, names: Names) -> tuple[str, ...]:
    chosen = facts.service_day.sites if facts.service_day else ()
    there = chosen or (facts.day.plan.sites if facts.day.plan else ())
    return tuple(filter(None, (names.site(entry) for entry in there)))


def _people(facts: Facts) -> tuple[str, ...]:
    if facts.service_day and facts.service_day.people:
        return tuple(map(masked, facts.service_day.people))
    voices = [voice.by for state in facts.day.standing.values() for voice in state.voices]
    return tuple(dict.fromkeys(map(masked, voices)))


def _wrong(day: DayFacts, item: Item) -> bool:
    result = day.result(item)
    return item.task == WARNING and result is not None and result.answer is Answer.NORMAL


class _Shown:
    """Records in words that anybody may read."""

    def __init__(self, facts: Facts, names: Names, subjects: Mapping[str, Text]) -> None:
        self._facts, self._names, self._subjects = facts, names, subjects

    def deficiency(self, deficiency: Deficiency) -> Line:
        fault = fault_of(deficiency, self._subjects)
        return Line(
            record=deficiency.number,
            what=Text(zh=masked(fault.zh), en=masked(fault.en)),
            place=self._place(deficiency.site, deficiency.building, deficiency.asset),
            state=PHRASES[f"state_{deficiency.state}"],
            who=masked(" ".join(filter(None, (deficiency.person, deficiency.department))) or deficiency.mender),
            due=deficiency.deadline,
            overdue=deficiency.overdue(self._facts.today),
        )

    def item(self, day: DayFacts, item: Item) -> Line:
        standing = day.standing.get(item.number)
        result = standing.result if standing else None
        if result is not None:
            state = PHRASES[f"answer_{result.answer}"]
            if result.late:
                state = PHRASES["with_late"].filled(state=state)
        else:
            state = PHRASES["answer_disputed" if standing else "answer_none"]
        asset = "" if item.asset == item.request else item.asset
        return Line(
            record=day.ref(item),
            what=work_of(item, self._subjects),
            place=self._place(item.site, item.building, asset),
            state=state,
            who=masked(result.by) if result else "",
            due=item.due,
        )

    def proposed(self) -> Iterable[Line]:
        """What is left for the next day: findings that are open, the first due first, and items nobody did."""
        left = [deficiency for deficiency in self._facts.deficiencies if deficiency.state.open]
        yield from map(
            self.deficiency, sorted(left, key=lambda deficiency: (deficiency.deadline or date.max, deficiency.id))
        )
        day = self._facts.day
        for item in day.items:
            result = day.result(item)
            if item.request.startswith("F") or (result is not None and result.answer is not Answer.NO_ACCESS):
                continue
            yield self.item(day, item)

    def _place(self, site: str, building: str, asset: str) -> str:
        return " ".join(filter(None, (self._names.whereabouts(site, building), asset)))

    def whereabouts(self, site: str, building: str) -> str:
        return self._names.whereabouts(site, building)

    def report(self, report: Report) -> AnnexRecord:
        day = report.at.astimezone(self._facts.timezone).date()
        closed = PHRASES["report_closed" if report.closed_at else "report_open"]
        return AnnexRecord(
            id=f"R{report.id}",
            what=self._subjects[f"R{report.id}"],
            place=self._names.whereabouts(report.place.site, report.place.building),
            state=PHRASES["report_state"].filled(day=day, state=closed),
        )


def _annex(
    content: Brief, facts: Facts, shown: _Shown, reports: Mapping[str, Report], outcomes: Iterable[GoalOutcome]
) -> Iterable[AnnexRecord]:
    """A row for each record that any figure counts, and for each that a table names."""
    lines = (*content.mended, *content.left, *content.wrong_warnings, *content.next)
    counted = dict.fromkeys(
        [
            *(record for figure in content.figures for record in figure.traced),
            *(line.record for line in lines),
            *(picture.record for picture in content.pictures),
        ]
    )
    days = [entry for entry in (facts.day, facts.before) if entry is not None]
    rows: dict[str, Callable[[], AnnexRecord]] = {}
    for day in days:
        for item in day.items:
            rows[day.ref(item)] = _row(shown.item, day, item)
            rows.setdefault(f"A:{item.asset}", _asset_row(item, content, shown))
        for deficiency in (*day.opened, *day.repeated):
            rows[deficiency.number] = _line_row(shown.deficiency(deficiency))
    for deficiency in facts.deficiencies:
        rows[deficiency.number] = _line_row(shown.deficiency(deficiency))
    for key, report in reports.items():
        rows[key] = _report_row(shown, report)
    for entry in facts.surveys:
        for answer in entry.answers:
            rows[answer.ref] = _answer_row(entry, answer, shown)
    for outcome in outcomes:
        words = masked(outcome.goal)
        rows[f"G{outcome.number}"] = _goal_row(outcome.number, words)
    for record in counted:
        yield rows[record]()


def _row(item: Callable[[DayFacts, Item], Line], day: DayFacts, entry: Item) -> Callable[[], AnnexRecord]:
    return lambda: _line_row(item(day, entry))()


def _line_row(line: Line) -> Callable[[], AnnexRecord]:
    state = line.state
    if line.who:
        state = Text(zh=f"{state.zh}，{line.who}", en=f"{state.en}, {line.who}")
    return lambda: AnnexRecord(id=line.record, what=line.what, place=line.place, state=state)


def _asset_row(item: Item, content: Brief, shown: _Shown) -> Callable[[], AnnexRecord]:
    kind = catalogue().get(item.kind)
    name = kind.name if kind else Text(zh=item.kind, en=item.kind)
    place = shown._place(item.site, item.building, item.asset)
    return lambda: AnnexRecord(id=f"A:{item.asset}", what=name, place=place)


def _report_row(shown: _Shown, report: Report) -> Callable[[], AnnexRecord]:
    return lambda: shown.report(report)


def _goal_row(number: int, words: str) -> Callable[[], AnnexRecord]:
    return lambda: AnnexRecord(id=f"G{number}", what=Text(zh=words, en=words))


def _answer_row(entry: SurveyFacts, answer: SurveyAnswer, shown: _Shown) -> Callable[[], AnnexRecord]:
    rating = entry.rating(answer)
    state = PHRASES["rated"].filled(rating=rating) if rating is not None else PHRASES["not_rated"]
    place = shown.whereabouts(answer.site, answer.building)
    return lambda: AnnexRecord(id=answer.ref, what=PHRASES["survey_answer"], place=place, state=state)
