"""Service days beside each other: the same figures of each, counted from what is on record now.

A figure that can't be known of a day says why instead. Nothing is filled in, and nothing unknown counts as good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from facility.i18n.phrases import Text
from facility.records import Records
from facility.service_days import DayState
from serviceday.brief import counting
from serviceday.brief.availability import Availability, availability
from serviceday.brief.facts import DayFacts, SurveyFacts, day_facts, list_of, surveys_of
from serviceday.brief.figures import Figure, masked
from serviceday.brief.phrases import PHRASES
from serviceday.brief.recall import Recall, recall
from serviceday.brief.satisfaction import satisfaction

SHARES = ("completion", "on_time", "rectified", "precision", "recall", "availability")
COUNTS = ("planned", "done", "opened", "repeats", "hours")
MEASURES = (
    *("planned", "done", "completion", "on_time", "opened", "rectified", "repeats"),
    *("precision", "recall", "availability", "satisfaction", "hours"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure of one day; `value` is None where it can't be known, and `missing` then says why."""

    value: float | None = None  # a share 0..1, or a count, or hours
    counted: int | None = None  # of `whole`, for a share of records
    whole: int | None = None
    low: float | None = None  # 95 % interval, for an estimate
    high: float | None = None
    missing: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDay:
    """A service day with its measures."""

    day: date
    list: int  # that it carried out; 0 = none
    theme: str = ""
    state: DayState | None = None  # None = only a list was carried out
    measures: Mapping[str, Measure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Service days, the oldest first, and recall over all of them together."""

    days: tuple[ComparedDay, ...]
    recall: Recall | None = None
    lots: int = 0  # days on which assets were drawn by lot and looked at


def comparison(records: Records, *, now: datetime, timezone: ZoneInfo, last: int = 12) -> Comparison:
    """The last service days that are over or running, the oldest first."""
    today = now.astimezone(timezone).date()
    named = {about.day: about for about in records.service_days.all()}
    answered = {plan.service_day for number in records.results.plans() if (plan := records.plans.get(number))}
    days = sorted(day for day in {*named, *answered} if day <= today)[-last:]
    trails = records.deficiencies.trails()
    alerts = records.alerts.all(since=_midnight(days[0] - timedelta(days=31), timezone)) if days else []
    compared, strata = [], []
    for day in days:
        about = named.get(day)
        facts = day_facts(records, day, list_of(records, day, about), trails, timezone)
        until = min(_midnight(day, timezone), now)
        measured = availability(records, alerts, until=until)
        compared.append(
            ComparedDay(
                day=day,
                list=facts.plan.number if facts.plan else 0,
                theme=masked(about.theme) if about else "",
                state=about.state if about else None,
                measures=_measures(facts, measured, surveys_of(records, day), today),
            )
        )
        lot = counting.stratum(facts)
        if lot is not None:
            strata.append(lot)
    return Comparison(days=tuple(compared), recall=recall(strata), lots=sum(stratum.looked > 0 for stratum in strata))


def _midnight(day: date, timezone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), timezone)


def _measures(
    facts: DayFacts, measured: Availability | None, surveys: tuple[SurveyFacts, ...], today: date
) -> dict[str, Measure]:
    figures = {
        figure.key: figure
        for figure in (
            *counting.work(facts).figures,
            *counting.warnings(facts).figures,
            *counting.found_on(facts, today),
        )
    }
    listed = facts.plan is not None
    measures = {
        key: _measure(figures[key], listed or key in ("opened", "repeats", "rectified")) for key in MEASURES
        if key in figures
    }  # fmt: skip
    lot = counting.stratum(facts)
    measures["recall"] = _recall_measure(recall([lot]) if lot else None, drawn=lot is not None)
    measures["availability"] = _availability_measure(measured)
    measures["satisfaction"] = _satisfaction_measure(surveys)
    measures["hours"] = (
        Measure(value=sum(item.minutes for item in facts.items if _is_done(facts, item.number)) / 60)
        if listed
        else Measure(missing=PHRASES["why_no_list"])
    )
    return measures


def _is_done(facts: DayFacts, number: int) -> bool:
    standing = facts.standing.get(number)
    return standing is not None and standing.result is not None and standing.result.answer.done


def _measure(figure: Figure, listed: bool) -> Measure:
    if not listed:
        return Measure(missing=PHRASES["why_no_list"])
    if figure.whole is None:
        return Measure(value=figure.value)
    if figure.share is None:
        return Measure(counted=0, whole=0, missing=PHRASES[f"why_no_{figure.key}"])
    return Measure(value=figure.share, counted=figure.value, whole=len(figure.whole))


def _recall_measure(measured: Recall | None, *, drawn: bool) -> Measure:
    if measured is None:
        return Measure(missing=PHRASES["why_no_recall" if drawn else "why_no_lot"])
    return Measure(value=measured.value, low=measured.low, high=measured.high)


def _availability_measure(measured: Availability | None) -> Measure:
    if measured is None:
        return Measure(missing=PHRASES["why_no_availability"])
    return Measure(value=measured.value)


def _satisfaction_measure(surveys: tuple[SurveyFacts, ...]) -> Measure:
    measured = satisfaction(surveys)
    if measured is None:
        return Measure(missing=PHRASES["why_no_rating" if surveys else "why_no_survey"])
    return Measure(value=measured.average, counted=measured.rated)
