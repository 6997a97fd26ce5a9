"""A plan for a date: what the law wants done by then, then the most harm avoided, within the hours of the crew.

Everything that could be done ends on the list or among the left-out, with its reason. The same input and seed give the
same list, in whatever order the input comes. `docs/planning.md` tells the rules in prose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from facility.assessments import Assessment
from facility.errors import CannotDo
from facility.estate import Asset, Building
from facility.i18n.messages import Sentence
from facility.inspections import Asked, Directive, Gain, InspectionList, Instruction, LeftOut
from facility.requests import Request
from facility.standing import NO_SPELLS, Spells, in_use
from serviceday.planning.crew.crew import Crew, Theme
from serviceday.planning.demand.candidates import Candidate, Candidates, Tier, gather
from serviceday.planning.demand.duties import law_record
from serviceday.planning.demand.goals import Goal, apply_goals
from serviceday.planning.demand.items import PHRASES
from serviceday.planning.demand.random_checks import with_random_checks
from serviceday.planning.demand.visits import as_planned, as_visits
from serviceday.planning.policy import Policy
from serviceday.planning.schedule.exclusion_reasons import left_out
from serviceday.planning.schedule.marginal_gains import gains
from serviceday.planning.schedule.notes import drawn, notes
from serviceday.planning.schedule.timetable import items_of, persons_of, rounds_of
from serviceday.planning.solver.alns import fill, improve
from serviceday.planning.solver.local_search import tidy
from serviceday.planning.solver.problem import HEAVY, NEVER, Problem, build, speaks
from serviceday.planning.solver.relaxation import upper_bound
from serviceday.planning.solver.set_packing import Seen
from serviceday.planning.solver.solution import Rounds
from serviceday.planning.solver.travel_times import Stops, natural
from serviceday.planning.solver.visit_steps import cut_down, widen
from serviceday.planning.solver.warm_start import as_before, make_room, settled, staying
from serviceday.planning.solver.workload_balance import share

_DEFAULT_CREW = Crew()
_DEFAULT_POLICY = Policy()
_NOT_ASKED = Asked()
_RETRY = 12  # attempts, per person, to change a plan that exists
_LEGS = 3
_EACH = 16  # attempts for a candidate
_MOST = 6_000  # candidates the search looks at; of more, the best worth their minutes

Progress = Callable[[int, int], None]


def plan(
    assets: Sequence[Asset],
    assessments: Mapping[str, Assessment],
    duties_done: Mapping[tuple[str, str], date],
    *,
    service_day: date,
    now: datetime,
    crew: Crew = _DEFAULT_CREW,
    buildings: Sequence[Building] = (),
    policy: Policy = _DEFAULT_POLICY,
    requests: Sequence[Request] = (),
    goals: Sequence[Goal] = (),
    themes: Sequence[Theme] = (),
    instructions: Sequence[Instruction] = (),
    before: InspectionList | None = None,
    spells: Spells = NO_SPELLS,
    seed: int = 0,
    with_gains: bool = False,
    with_bound: bool = True,
    on_progress: Progress | None = None,
) -> InspectionList:
    """The inspection list of a service day.

    `assessments` by asset; `duties_done` is the last date by (asset, duty). `now` is only written down. `before` is the
    list to change as little as possible. `spells` say when assets are out of use: they are passed over then. Raises
    `CannotDo` for orders that go in a circle, and for instructions that can't be kept.
    """
    ordered = sorted(in_use(assets, spells, service_day), key=lambda asset: asset.id)
    asked = sorted(requests, key=lambda request: request.id)
    candidates = gather(
        ordered, assessments, duties_done, service_day=service_day, policy=policy, requests=asked, spells=spells
    )
    candidates, draw = with_random_checks(
        candidates, asked, count=policy.random_checks, seed=seed, service_day=service_day, before=before
    )
    candidates = _themed(candidates, themes)
    candidates, counted = apply_goals(candidates, goals, asked, service_day)
    candidates = as_visits(_banned(candidates, instructions))
    if before is not None:
        keys = {item.key for item in before.items}
        possible = [as_planned(candidate, keys) for candidate in candidates.possible]
        candidates = replace(candidates, possible=possible)
    stops = Stops(candidates.places, buildings, policy, crew.ways)
    tried, spare = _promising(candidates.possible, crew.on(service_day) != ())
    problem = build(tried, stops, candidates.places, crew, service_day, instructions)
    _known(instructions, candidates, problem)
    rounds = _solve(problem, policy, seed, before, on_progress)
    places = candidates.places
    rounds = cut_down(rounds, lambda several: build(several, stops, places, crew, service_day, instructions))
    problem = rounds.problem
    _kept(problem, rounds, instructions)
    if before is None and crew.even:
        share(rounds)
    _fill_up(rounds, _walking(problem, stops))
    widen(rounds)
    if not crew.named and before is None:
        rounds = _fullest_first(rounds)
    harm = _harm(problem, rounds)
    bound = upper_bound(problem, rounds) if with_bound and not spare else None
    items = items_of(problem, rounds)
    out = left_out(problem, rounds, candidates.refused, spare, crew, service_day)
    more: Sequence[Gain] = (
        gains(problem, rounds, crew, service_day, stops, candidates.places, out) if with_gains else ()
    )
    return InspectionList(
        service_day=service_day,
        created_at=now,
        people=len(problem.workers),
        hours=_hours(crew, problem),
        items=tuple(items),
        left_out=tuple(out),
        rounds=tuple(rounds_of(problem, rounds, items)),
        notes=(
            *notes(ordered, candidates, assessments, out, problem, service_day, policy, now),
            *drawn(draw, items),
        ),
        follows=before.number if before else 0,
        persons=tuple(persons_of(problem, service_day)) if crew.named else (),
        seed=seed,
        harm=harm,
        bound=None if bound is None else max(bound, harm),
        gains=tuple(more),
        goals=tuple(goal.result(items) for goal in counted),
        law=law_record(ordered, duties_done, service_day),
        random=draw,
        asked=replace(
            _NOT_ASKED,
            crew=crew.text,
            crew_folder=crew.folder,
            goals=tuple(goal.text for goal in goals),
            themes=tuple(theme.key for theme in themes),
            instructions=tuple(instructions),
        ),
    )


def _fill_up(rounds: Rounds, walking: Callable[[int], tuple[object, ...]]) -> None:
    """Walk in the natural order, and put in what fits after all now that work has been moved and ways are shorter."""
    rounds.one_owner = False
    waiting = -1
    while (left := int(rounds.free.sum())) != waiting:
        waiting = left
        tidy(rounds, walking)
        fill(rounds)
    tidy(rounds, walking)


def _solve(
    problem: Problem, policy: Policy, seed: int, before: InspectionList | None, on_progress: Progress | None
) -> Rounds:
    rounds = Rounds(problem)
    people = len(problem.workers)
    if before is not None:
        rounds.one_owner = False
        as_before(rounds, before)
        make_room(rounds)
        fill(rounds)
        if settled(rounds, before):
            return rounds
        bonus = staying(problem, before)
        best = improve(rounds, attempts=_RETRY * people, seed=seed, bonus=bonus, on_progress=on_progress)
        if not (problem.locked & best.free).any():
            return best
        rounds = Rounds(problem)
    fill(rounds)
    attempts = min(policy.effort, _EACH * len(problem))
    if not rounds.free.any():  # everything is done; only ways can be saved
        attempts = min(attempts, 10 * people)
    best = _searched(rounds, attempts, seed, on_progress)
    make_room(best)
    fill(best)
    return best


def _searched(rounds: Rounds, attempts: int, seed: int, on_progress: Progress | None) -> Rounds:
    """Search in legs; after each the best of all rounds met so far are put together."""
    if attempts < _LEGS or len(rounds.routes) < 2:
        return improve(rounds, attempts=attempts, seed=seed, on_progress=on_progress)
    seen = Seen(rounds)
    best = rounds
    for leg in range(_LEGS):
        progress = _part(on_progress, leg, _LEGS)
        best = improve(best, attempts=attempts // _LEGS, seed=seed + 7919 * leg, on_progress=progress, seen=seen)
        seen(best)
        best = seen.best(best)
        fill(best)
    return best


def _part(on_progress: Progress | None, leg: int, legs: int) -> Progress | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress(leg * total + done, legs * total)


def _fullest_first(rounds: Rounds) -> Rounds:
    """Nameless people are the same to us: the first of them does what is worth most."""
    worth = rounds.problem.worth
    order = sorted(
        range(len(rounds.routes)), key=lambda person: (-float(worth[list(rounds.routes[person].items)].sum()), person)
    )
    number = {old: new for new, old in enumerate(order)}
    renumbered = Rounds(rounds.problem)
    renumbered.one_owner = rounds.one_owner
    days = {number[route.person]: list(route.items) for route in rounds.routes}
    renumbered.adopt(days, {item: number[who] for item, who in rounds.second.items()}, rounds.frozen)
    return renumbered


def _themed(candidates: Candidates, themes: Sequence[Theme]) -> Candidates:
    weights: dict[str, float] = {}
    for theme in themes:
        for kind in theme.kinds:
            weights[kind] = max(weights.get(kind, 1.0), theme.weight)
    if not weights:
        return candidates
    possible = [
        replace(candidate, value=candidate.value * weights[candidate.item.kind])
        if candidate.item.kind in weights
        else candidate
        for candidate in candidates.possible
    ]
    return replace(candidates, possible=possible)


def _banned(candidates: Candidates, instructions: Sequence[Instruction]) -> Candidates:
    bans = [instruction for instruction in instructions if instruction.directive is Directive.BAN]
    if not bans:
        return candidates
    possible, refused = [], list(candidates.refused)
    for candidate in candidates.possible:
        if any(speaks(ban, candidate.item) for ban in bans):
            words = PHRASES["banned"]
            refused.append(replace(candidate.item, left_out=LeftOut.BANNED, left_out_reason=words))
        else:
            possible.append(candidate)
    return replace(candidates, possible=possible, refused=refused)


def _promising(possible: Sequence[Candidate], anybody: bool) -> tuple[list[Candidate], list[Candidate]]:
    """The candidates the search is given, and those too many for it to look at: the least worth their minutes."""
    if len(possible) <= _MOST or not anybody:
        return list(possible), []
    rank = sorted(
        range(len(possible)),
        key=lambda number: (
            min(possible[number].tier, Tier.RISK),
            -possible[number].value / max(possible[number].item.minutes, 1),
            number,
        ),
    )
    chosen = set(rank[:_MOST])
    return (
        [candidate for number, candidate in enumerate(possible) if number in chosen],
        [candidate for number, candidate in enumerate(possible) if number not in chosen],
    )


def _known(instructions: Sequence[Instruction], candidates: Candidates, problem: Problem) -> None:
    """Refuse instructions about what is not there."""
    people = {worker.id for worker in problem.workers}
    for instruction in instructions:
        if instruction.person and instruction.person not in people:
            raise CannotDo(
                "{asset} is pinned to {person!r}, who does not work that day",
                "Working: {known}; unlock it or name one of these",
                asset=instruction.asset,
                person=instruction.person,
                known=sorted(people) or Sentence("nobody"),
            )
        if instruction.directive is not Directive.BAN and not any(
            speaks(instruction, each.item) for each in candidates.possible
        ):
            raise CannotDo(
                "{item} is locked onto the list, but nothing is to be done there that day",
                "Unlock it, or look at it with `serviceday plan explain`",
                item=f"{instruction.asset} {instruction.task}".strip(),
            )


def _kept(problem: Problem, rounds: Rounds, instructions: Sequence[Instruction]) -> None:
    missing = [number for number in range(len(problem)) if problem.locked[number] and rounds.free[number]]
    if not missing:
        return
    named = [f"{problem.candidates[number].item.asset} {problem.candidates[number].item.task}" for number in missing]
    why: list[Sentence] = []
    for one in missing:
        item = problem.candidates[one].item
        pinned = [each.person for each in instructions if each.person and speaks(each, item)]
        if pinned and not problem.may[:, one].any():
            why.append(Sentence("{people} may not do it", people=pinned))
        elif not problem.may[:, one].any():
            why.append(Sentence("nobody who works that day may do it"))
        elif not (problem.opens[:, one] < NEVER).any():
            why.append(Sentence("it is not open at that time"))
        else:
            why.append(Sentence("it fits into no round"))
    sentences = [
        Sentence("{name}: {reason}", name=name, reason=reason) for name, reason in zip(named, why, strict=True)
    ]
    raise CannotDo(
        "{count} locked items can't be done: {why}",
        "Unlock them, give the crew more hours, or plan without them by --fresh",
        count=len(missing),
        why=sentences,
    )


def _walking(problem: Problem, stops: Stops) -> Callable[[int], tuple[object, ...]]:
    """Sort key of a walk: stop, floor, asset; at an asset the law before risk."""

    def key(number: int) -> tuple[object, ...]:
        candidate = problem.candidates[number]
        item = candidate.item
        return (
            int(stops.of[candidate.asset_number]),
            natural(item.floor),
            natural(item.asset),
            candidate.tier,
            item.task,
        )

    return key


def _harm(problem: Problem, rounds: Rounds) -> float:
    worth = problem.worth[~rounds.free]
    return float(worth[worth < HEAVY].sum())


def _hours(crew: Crew, problem: Problem) -> float:
    if not crew.named:
        return crew.hours
    return max((worker.minutes / 60 for worker in problem.workers), default=0.0)
