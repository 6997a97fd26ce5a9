"""The figures of a brief, each from its formula in docs/service-day.md, with the records that were counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facility.i18n.phrases import Text
from facility.inspections import Item
from facility.reports import Kind
from facility.results import Answer
from serviceday.brief.facts import WARNING, DayFacts, Facts, refs
from serviceday.brief.figures import Figure, figure, masked
from serviceday.brief.goals import GoalOutcome
from serviceday.brief.phrases import PHRASES


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures under one heading."""

    key: str
    title: Text
    figures: tuple[Figure, ...]


def _made(key: str, records: Sequence[str], whole: Sequence[str] | None = None, label: Text | None = None) -> Figure:
    return figure(key, label or PHRASES[f"figure_{key}"], records, whole)


def demand(facts: Facts, site_name: Callable[[str], str]) -> Section:
    """Reports that came in since the service day before: all, by class, by site."""
    found = [_made("reports", [f"R{one.id}" for one in facts.reports])]
    for kind in Kind:
        those = [f"R{one.id}" for one in facts.reports if one.category.kind is kind]
        if those:
            found.append(_made(f"reports_kind_{kind}", those, label=PHRASES[f"kind_{kind}"]))
    sites = sorted({one.place.site for one in facts.reports})
    for site in sites if len(sites) > 1 else ():
        those = [f"R{one.id}" for one in facts.reports if one.place.site == site]
        name = site_name(site)
        label = Text(zh=name, en=name) if name else PHRASES["no_site"]
        found.append(_made(f"reports_site_{site}", those, label=label))
    return _section("demand", found)


def goals(outcomes: Sequence[GoalOutcome]) -> Section:
    found = []
    if outcomes:
        counted = [f"G{one.number}" for one in outcomes if one.total]
        found.append(_made("goals_met", [f"G{one.number}" for one in outcomes if one.total and one.met], counted))
    for one in outcomes:
        words = masked(one.goal)
        verdict = PHRASES["goal_met" if one.met else "goal_not_met"] if one.total else PHRASES["goal_empty"]
        label = PHRASES["goal_label"].filled(goal=words, wanted=one.wanted, total=one.total, verdict=verdict)
        found.append(_made(f"goal_{one.number}", one.reached, label=label))
    return _section("goals", found)


def work(day: DayFacts) -> Section:
    planned = [day.ref(one) for one in day.items]
    done = [day.ref(one) for one in day.items if _is_done(day, one)]
    assets = [f"A:{one.asset}" for one in day.items if _is_done(day, one) and one.asset not in ("", one.request)]
    return _section(
        "work",
        [
            _made("planned", planned),
            _made("done", done),
            _made("assets", assets),
            _made("completion", done, planned),
            _made("on_time", [day.ref(one) for one in day.items if _on_time(day, one)], done),
            _made("late", [day.ref(one) for one in day.items if (found := day.result(one)) and found.late]),
            _made("not_applicable", _answered(day, Answer.NOT_APPLICABLE)),
            _made("no_access", _answered(day, Answer.NO_ACCESS)),
            _made("disputed", [day.ref(one) for one in day.items if _disputed(day, one)]),
            _made("unanswered", [day.ref(one) for one in day.items if one.number not in day.standing]),
            _made("answered_reports", _reports_answered(day)),
        ],
    )


def problems(facts: Facts) -> Section:
    day = facts.day
    warned = {one.asset for one in day.items if one.task == WARNING}
    due = [one for one in facts.deficiencies if one.deadline is not None and one.deadline <= facts.today]
    return _section(
        "problems",
        [
            _made("opened", refs(day.opened)),
            _made("repeats", refs(day.repeated)),
            _made("mended_on_spot", refs(one for one in day.opened if one.mended_on_spot)),
            _made("left", refs(one for one in day.found if one.state.open)),
            _made("foreseen", refs(one for one in day.found if one.asset in warned), refs(day.found)),
            _made("rectification", refs(one for one in due if one.rectified), refs(due)),
            _made("overdue", refs(one for one in facts.deficiencies if one.overdue(facts.today))),
        ],
    )


def warnings(day: DayFacts) -> Section:
    """Of the flagged targets: what was suspected, nothing, another fault; and those nobody looked at."""
    flagged = [one for one in day.items if one.task == WARNING]
    looked = [one for one in flagged if _is_done(day, one)]
    confirmed = [day.ref(one) for one in looked if _finding(day, one) == "confirmed"]
    other = [day.ref(one) for one in looked if _finding(day, one) == "other"]
    return _section(
        "warnings",
        [
            _made("flagged", [day.ref(one) for one in flagged]),
            _made("confirmed", confirmed),
            _made("other", other),
            _made("not_found", [day.ref(one) for one in looked if _finding(day, one) == "not_found"]),
            _made("not_looked_at", [day.ref(one) for one in flagged if not _is_done(day, one)]),
            _made("precision", [*confirmed, *other], [day.ref(one) for one in looked]),
        ],
    )


COMPARED = (
    *("planned", "done", "completion", "on_time", "opened", "mended_on_spot"),
    *("flagged", "confirmed", "other", "not_found", "precision"),
)


def comparable(day: DayFacts) -> list[Figure]:
    """What a day is compared by with another."""
    spot = refs(one for one in day.opened if one.mended_on_spot)
    found = [
        *work(day).figures,
        _made("opened", refs(day.opened)),
        _made("mended_on_spot", spot),
        *warnings(day).figures,
    ]
    by_key = {one.key: one for one in found}
    return [by_key[key] for key in COMPARED]


def _section(key: str, found: Sequence[Figure]) -> Section:
    return Section(key=key, title=PHRASES[f"section_{key}"], figures=tuple(found))


def _is_done(day: DayFacts, item: Item) -> bool:
    result = day.result(item)
    return result is not None and result.answer.done


def _on_time(day: DayFacts, item: Item) -> bool:
    """Done by the item's own date, or on the day where it has none. The day is the place's."""
    result = day.result(item)
    if result is None or not result.answer.done or day.plan is None:
        return False
    return result.done_at.astimezone(day.timezone).date() <= (item.due or day.day)


def _disputed(day: DayFacts, item: Item) -> bool:
    one = day.standing.get(item.number)
    return one is not None and bool(one.conflict)


def _answered(day: DayFacts, answer: Answer) -> list[str]:
    return [day.ref(one) for one in day.items if (found := day.result(one)) and found.answer is answer]


def _reports_answered(day: DayFacts) -> list[str]:
    return [
        one.request
        for one in day.items
        if one.request.startswith("R") and (found := day.result(one)) and found.answer is Answer.NORMAL
    ]


def _finding(day: DayFacts, item: Item) -> str:
    result = day.result(item)
    if result is None or result.answer is Answer.NORMAL:
        return "not_found"
    return "confirmed" if result.mode in ("", item.mode) else "other"
