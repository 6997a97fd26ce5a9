"""What a brief counts: the list of a day with its answers, the findings, the reports, and the day before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import catalogue
from facility.deficiencies import Deficiency, DeficiencyStep, Move, State, replay
from facility.i18n.phrases import Text
from facility.inspections import RANDOM_CHECK, InspectionList, Item
from facility.records import Records
from facility.reports import Report
from facility.results import Result, Standing, standings
from facility.service_days import ServiceDay
from facility.surveys import Survey, SurveyAnswer
from serviceday.brief.phrases import PHRASES
from serviceday.reports.taxonomy import taxonomy

WARNING = "warning"
_FIRST_PERIOD = timedelta(days=30)  # of the reports before a first service day


@dataclass(frozen=True, slots=True)
class DayFacts:
    """A day's list and what came of it."""

    day: date
    timezone: ZoneInfo
    plan: InspectionList | None
    standing: Mapping[int, Standing]
    opened: tuple[Deficiency, ...]  # found for the first time
    repeated: tuple[Deficiency, ...]  # found again

    @property
    def items(self) -> tuple[Item, ...]:
        return self.plan.items if self.plan else ()

    def ref(self, item: Item) -> str:
        return f"{self.plan.number}/{item.number}" if self.plan else ""

    def result(self, item: Item) -> Result | None:
        state = self.standing.get(item.number)
        return state.result if state else None

    @property
    def found(self) -> tuple[Deficiency, ...]:
        return (*self.opened, *(deficiency for deficiency in self.repeated if deficiency not in self.opened))


@dataclass(frozen=True, slots=True)
class SurveyFacts:
    """A survey of the day with what was answered."""

    survey: Survey
    handed_out: int
    answers: tuple[SurveyAnswer, ...]

    def rating(self, answer: SurveyAnswer) -> int | None:
        """How satisfied a household is, 1..5; None where it does not say."""
        question = self.survey.form.satisfaction
        return answer.ratings.get(question.key) if question else None


def surveys_of(records: Records, day: date) -> tuple[SurveyFacts, ...]:
    """The surveys that belong to a service day."""
    return tuple(
        SurveyFacts(
            survey, sum(records.surveys.handed_out(survey.id).values()), tuple(records.surveys.answers(survey.id))
        )
        for survey in records.surveys.all(service_day=day)
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the brief of a day draws on, as it stands at `now`."""

    now: datetime
    timezone: ZoneInfo
    service_day: ServiceDay | None
    day: DayFacts
    before: DayFacts | None
    since: date  # reports from this day on
    reports: tuple[Report, ...]
    deficiencies: tuple[Deficiency, ...]
    surveys: tuple[SurveyFacts, ...] = ()

    @property
    def today(self) -> date:
        return self.now.astimezone(self.timezone).date()


def gathered(records: Records, day: date, plan: InspectionList | None, *, now: datetime, timezone: ZoneInfo) -> Facts:
    """The facts of a day. `plan` is the list that it carried out; None where there was none."""
    trails = records.deficiencies.trails()
    earlier = [
        plan_list
        for number in records.results.plans()
        if (plan_list := records.plans.get(number)) and plan_list.service_day < day
    ]
    last = max(earlier, key=lambda earlier_list: (earlier_list.service_day, earlier_list.number), default=None)
    since = last.service_day + timedelta(days=1) if last else day - _FIRST_PERIOD
    reports = [
        report for report in records.reports.all(merged=True) if since <= report.at.astimezone(timezone).date() <= day
    ]
    return Facts(
        now=now,
        timezone=timezone,
        service_day=records.service_days.get(day),
        day=day_facts(records, day, plan, trails, timezone),
        before=day_facts(records, last.service_day, last, trails, timezone) if last else None,
        since=since,
        reports=tuple(sorted(reports, key=lambda report: report.id)),
        deficiencies=tuple(
            deficiency for deficiency in map(replay, trails.values()) if deficiency.state is not State.REJECTED
        ),
        surveys=surveys_of(records, day),
    )


def list_of(records: Records, day: date, about: ServiceDay | None) -> InspectionList | None:
    """The list of a day: the one its service day names, else the one that was answered, else the newest."""
    if about is not None and about.plan:
        return records.plans.get(about.plan)
    plans, answered = records.plans.on(day), set(records.results.plans())
    return next((plan for plan in reversed(plans) if plan.number in answered), plans[-1] if plans else None)


def day_facts(
    records: Records,
    day: date,
    plan: InspectionList | None,
    trails: Mapping[int, list[DeficiencyStep]],
    timezone: ZoneInfo,
) -> DayFacts:
    """A day's list with its answers, and the findings of `trails` that belong to it."""
    number = plan.number if plan else 0
    entries = records.results.of(number) if number else []

    def belongs(step: DeficiencyStep) -> bool:
        """From the day's list; or, where it is from no list, on the day."""
        return step.plan == number if step.plan else step.at.astimezone(timezone).date() == day

    opened, repeated = [], []
    for trail in trails.values():
        now = replay(trail)
        if now.state is State.REJECTED:
            continue
        if belongs(trail[0]):
            opened.append(now)
        if any(each.move is Move.RECURRED and belongs(each) for each in trail):
            repeated.append(now)
    standing = {item: state for (_, item), state in standings(entries).items()}
    return DayFacts(day, timezone, plan, standing, tuple(opened), tuple(repeated))


def subject_of(report: Report) -> Text:
    """What a report is about, in the taxonomy's words: never in its own."""
    subject = taxonomy().subjects.get(report.category.subject)
    return subject.name if subject else PHRASES[f"kind_{report.category.kind}"]


def subject_name(key: str) -> Text:
    """What a subject of the taxonomy is called."""
    subject = taxonomy().subjects.get(key)
    return subject.name if subject else Text(zh=key, en=key)


def work_of(item: Item, subjects: Mapping[str, Text]) -> Text:
    """What an item is, without the words of whoever asked for it."""
    if item.request.startswith("R"):
        return PHRASES["item_request"].filled(subject=subjects.get(item.request, PHRASES["kind_unclear"]))
    return PHRASES["item_follow_up"].filled(number=item.request) if item.request else item.what


def fault_of(deficiency: Deficiency, subjects: Mapping[str, Text]) -> Text:
    """What is wrong, without the words of whoever asked for it or noted it."""
    kind = catalogue().get(deficiency.kind)
    fault = deficiency.fault.removeprefix("other:")
    if deficiency.report:
        return subjects.get(f"R{deficiency.report}", PHRASES["kind_unclear"])
    if kind is not None and fault in kind.modes:
        return kind.modes[fault].name
    if kind is not None and fault in kind.duties:
        return PHRASES["fault_at"].filled(work=kind.duties[fault].name)
    if fault in (WARNING, "sensor", "inspection", RANDOM_CHECK):
        return PHRASES[f"fault_{fault}"]
    return deficiency.description


def refs(deficiencies: Iterable[Deficiency]) -> list[str]:
    """The numbers under which findings stand in the annex."""
    return [deficiency.number for deficiency in deficiencies]
