"""What a little more would buy: the day planned on with an hour more for everybody, or with one more person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from facility.catalogue.qualifications import qualification
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.inspections import Gain, Item, LeftOut
from serviceday.planning.crew.crew import Crew, Validity, Worker
from serviceday.planning.demand.items import PHRASES
from serviceday.planning.solver.alns import fill, improve
from serviceday.planning.solver.problem import HEAVY, Problem, build
from serviceday.planning.solver.solution import Rounds
from serviceday.planning.solver.travel_times import Stops

_HOUR = 60
_KINDS = 3  # of people, the most wanted ones
_ATTEMPTS = 4  # per person: enough to use what is new, not to look for another plan


def gains(
    problem: Problem,
    rounds: Rounds,
    crew: Crew,
    service_day: date,
    stops: Stops,
    places: Sequence[Asset],
    left_out: Sequence[Item],
) -> list[Gain]:
    """At least what is said: the rounds are changed only as far as the new time reaches."""
    if not rounds.free.any():
        return []
    gains = []
    if problem.workers:
        longer = crew.with_more(service_day, minutes=_HOUR)
        gains.append(_gain(PHRASES["gain_hour"], problem, rounds, longer, service_day, stops, places))
    for what, worker in _wanted(problem, crew, left_out):
        larger = crew.with_more(service_day, worker=worker)
        gains.append(_gain(what, problem, rounds, larger, service_day, stops, places))
    return [gain for gain in gains if gain.harm > 1e-9 or gain.items > 0 or gain.breaches > 0]


def _gain(
    what: Text, problem: Problem, rounds: Rounds, crew: Crew, day: date, stops: Stops, places: Sequence[Asset]
) -> Gain:
    more = build(problem.candidates, stops, places, crew, day, ())
    more = replace(more, worth=problem.worth, locked=problem.locked)
    again = Rounds(more)
    again.one_owner = False
    days = {route.person: list(route.items) for route in rounds.routes}
    again.adopt(days, rounds.second, rounds.frozen)
    fill(again)
    if more.workers:
        again = improve(again, attempts=_ATTEMPTS * len(more.workers), seed=0)
    harm = _weighed(more, again) - _weighed(problem, rounds)
    return Gain(
        what=what,
        harm=max(round(harm, 6), 0.0),
        items=int((~again.free).sum()) - int((~rounds.free).sum()),
        breaches=_breaches(problem, rounds, day) - _breaches(more, again, day),
    )


def _weighed(problem: Problem, rounds: Rounds) -> float:
    worth = problem.worth[~rounds.free]
    return float(worth[worth < HEAVY].sum())


def _breaches(problem: Problem, rounds: Rounds, day: date) -> int:
    return sum(
        item.breach_from is not None and item.breach_from <= day + timedelta(days=1)
        for item in (problem.candidates[number].item for number in np.flatnonzero(rounds.free).tolist())
    )


def _wanted(problem: Problem, crew: Crew, left_out: Sequence[Item]) -> list[tuple[Text, Worker]]:
    """One more person of the kinds that most of the left-out work asks for."""
    example = problem.workers[0] if problem.workers else Worker(id="")
    if not crew.named:
        return [(PHRASES["gain_person"], replace(example, id="+1"))]
    minutes: dict[str, int] = {}
    for item in left_out:
        if item.left_out in (LeftOut.NO_TIME, LeftOut.NO_QUALIFICATION, LeftOut.TWO_PEOPLE, LeftOut.NOBODY):
            minutes[item.qualification] = minutes.get(item.qualification, 0) + item.minutes
    kinds = sorted((minute for minute in minutes if minute), key=lambda kinds: (-minutes[kinds], kinds))
    return [
        (
            PHRASES["gain_qualified"].filled(qualification=qualification(kind)),
            replace(
                example,
                id=f"+{kind}",
                name="",
                qualifications={kind: Validity()},
                kinds=frozenset(),
                contractor="",
                off=frozenset(),
            ),
        )
        for kind in kinds[:_KINDS]
    ]
