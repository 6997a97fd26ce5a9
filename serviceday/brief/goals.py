"""Goals of the day: how far what was done goes towards what was wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from facility.inspections import Ground, Item
from facility.reports import Report
from serviceday.brief.facts import Facts
from serviceday.planning.demand.goals import Goal, parse_goal


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalOutcome:
    """A goal and the records that were done for it."""

    number: int  # from 1
    goal: str
    total: int  # what it counts
    wanted: int
    reached: tuple[str, ...]

    @property
    def met(self) -> bool:
        return len(self.reached) >= self.wanted


def goal_outcomes(facts: Facts, reports: Mapping[str, Report]) -> list[GoalOutcome]:
    """Of the goals that the list was made for, and those that only the service day names."""
    plan = facts.day.plan
    planned = {entry.goal: entry for entry in plan.goals} if plan else {}
    own = facts.service_day.goals if facts.service_day else ()
    outcomes = []
    for number, words in enumerate(dict.fromkeys((*planned, *own)), start=1):
        goal = parse_goal(words)
        everything = (*plan.items, *plan.left_out) if plan else ()
        counted = {_unit(goal, item, facts) for item in everything if _counts(goal, item, reports, facts)}
        reached = [
            _unit(goal, item, facts)
            for item in facts.day.items
            if _counts(goal, item, reports, facts) and (result := facts.day.result(item)) and result.answer.done
        ]
        total = planned[words].total if words in planned else len(counted)
        target = planned[words].wanted if words in planned else goal.wanted(total)
        done = tuple(dict.fromkeys(reached))
        outcomes.append(GoalOutcome(number=number, goal=words, total=total, wanted=target, reached=done))
    return outcomes


def _unit(goal: Goal, item: Item, facts: Facts) -> str:
    """What counts once: an asset, or an item; one that is not on the list has no number and counts by its key."""
    if goal.reported_before is None and goal.due_before is None:
        return f"A:{item.asset}"
    return facts.day.ref(item) if item.number else "/".join(item.key)


def _counts(goal: Goal, item: Item, reports: Mapping[str, Report], facts: Facts) -> bool:
    report = reports.get(item.request)
    category = report.category.subject if report else ""
    has = {
        "class": item.kind, "site": item.site, "building": item.building, "asset": item.asset, "category": category,
    }  # fmt: skip
    if not all(any(fnmatchcase(has[key], pattern) for pattern in patterns) for key, patterns in goal.narrowed):
        return False
    if goal.reported_before is not None:
        return report is not None and _day(report, facts) < goal.reported_before
    if goal.due_before is not None:
        law = item.ground in (Ground.STATUTORY, Ground.PROMISE)
        return law and item.due is not None and item.due < goal.due_before
    return item.asset not in ("", item.request)


def _day(report: Report, facts: Facts) -> date:
    return report.at.astimezone(facts.timezone).date()
