"""Looks for the best rounds: an adaptive large-neighbourhood search over them, after Ropke and Pisinger (2006).

Rounds are first filled by insertion, what is worth most per minute (the way there included) first. Then, again and
again, part of a few neighbouring rounds is taken out and filled anew, a little differently each time; what is no worse
than a slowly closing margin is kept. All chance comes from the seed and effort is counted in attempts, never in
seconds: the same day gives the same rounds on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from serviceday.planning.solver.insertion import Pool
from serviceday.planning.solver.local_search import shorten
from serviceday.planning.solver.problem import HEAVY, Floats, Integers
from serviceday.planning.solver.solution import Rounds

_POOL = 320  # candidates looked at when a few rounds are filled anew
_MARGIN = 0.06  # of a round's worth: what an attempt may lose at first
_NOISES = (0.0, 0.05, 0.15)
_LONGEST = 1_500  # minutes; nothing takes longer
_STRING = 8  # items of one round taken out together
_AIM = 40  # attempts between two looks at which ways of taking out have paid


Bonus = Callable[[Rounds], float]  # extra worth of a state, beside what is done in it


def fill(rounds: Rounds, people: Collection[int] | None = None, pool: Integers | None = None) -> None:
    """Put in what fits, the best worth per minute first, until nothing does."""
    everybody = sorted(people if people is not None else range(len(rounds.routes)))
    waiting = -1
    while (left := int(rounds.free.sum())) != waiting:  # work that waited for other work may go now
        waiting = left
        _insert(rounds, everybody, pool, None, 1.0, pairs_at_most=len(rounds.problem))


def improve(
    rounds: Rounds,
    *,
    attempts: int,
    seed: int,
    bonus: Bonus | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    seen: Callable[[Rounds], None] | None = None,
) -> Rounds:
    """The best rounds found in so many attempts."""
    problem = rounds.problem
    if not problem.workers or not len(problem):
        return rounds
    chance = np.random.Generator(np.random.PCG64(seed))
    ways = [_take_strings, _take_near, _take_poor, _take_segments]
    paid, tried = np.ones(len(ways)), np.ones(len(ways))
    value = _valued(bonus)
    now = rounds
    now_value = value(now)
    best, best_value = now.copy(), now_value
    locks = int(problem.locked[~now.free].sum())
    margin = _MARGIN * _weighed(now) / len(problem.workers) + 30 * problem.travel_cost
    since = 0
    for attempt in range(attempts):
        if on_progress is not None:
            on_progress(attempt, attempts)
        share = paid / tried
        way = int(chance.choice(len(ways), p=share / share.sum()))
        now.mark()
        removed = ways[way](now, chance)
        people = now.take_out(removed)
        noise = _NOISES[int(chance.integers(len(_NOISES)))]
        power = float(chance.uniform(0.6, 1.3))
        blur = np.exp(noise * chance.standard_normal(len(problem))) if noise else None
        people |= _neighbour(now, people, chance)
        _insert(now, sorted(people), _promising(now, sorted(people), removed, chance), blur, power)
        for person in sorted(people):
            shorten(now, person)
        new_value = value(now)
        tried[way] += 1
        allowed = margin * (1 - attempt / attempts) * float(chance.random())
        if new_value < now_value - allowed or int(problem.locked[~now.free].sum()) < locks:
            now.restore()
        else:
            paid[way] += new_value > now_value + 1e-9
            now_value = new_value
            if seen is not None:
                seen(now)
        since += 1
        if now_value > best_value + 1e-9:
            best, best_value, since = now.copy(), now_value, 0
            locks = int(problem.locked[~best.free].sum())
        elif since > max(attempts // 8, 50):
            now, now_value, since = best.copy(), best_value, 0
        if attempt % _AIM == _AIM - 1:
            paid, tried = 0.5 + 0.5 * paid, 0.5 + 0.5 * tried
    return best


def _valued(bonus: Bonus | None) -> Callable[[Rounds], float]:
    if bonus is None:
        return lambda rounds: rounds.worth
    return lambda rounds: rounds.worth + bonus(rounds)


def _weighed(rounds: Rounds) -> float:
    worth = rounds.problem.worth[~rounds.free]
    return float(worth[worth < HEAVY].sum())


# --- putting in ------------------------------------------------------------------------------------------------------


def _insert(
    rounds: Rounds,
    people: Sequence[int],
    pool: Integers | None,
    blur: Floats | None,
    power: float,
    pairs_at_most: int = 40,
) -> None:
    problem = rounds.problem
    free = np.flatnonzero(rounds.free) if pool is None else pool[rounds.free[pool]]
    pairs, single = free[problem.pair[free]], free[~problem.pair[free]]
    early = blur is not None and blur[0] > 1  # by chance
    later = _put_pairs(rounds, pairs, pairs_at_most, everything=early)
    _insert_single(rounds, people, single, blur, power)
    for item in later:
        rounds.put_pair(item)
    if problem.before or pairs.size:  # what waited may go now, and pairs that went first may have left gaps
        _insert_single(rounds, people, single[rounds.free[single]], blur, power)


def _put_pairs(rounds: Rounds, pairs: Integers, at_most: int, *, everything: bool) -> list[int]:
    """Put two-person work in, the best worth per minute first: what the law asks for, or everything."""
    problem = rounds.problem
    order = pairs[np.argsort(-problem.worth[pairs] / problem.minutes[pairs], kind="stable")]
    later = []
    for item in order[:at_most].tolist():
        if everything or problem.worth[item] >= HEAVY:
            rounds.put_pair(item)
        else:
            later.append(item)
    return later


def _insert_single(rounds: Rounds, people: Sequence[int], free: Integers, blur: Floats | None, power: float) -> None:
    problem = rounds.problem
    if not free.size or not people:
        return
    pool = Pool(problem, free)
    worth = problem.worth[free] if blur is None else problem.worth[free] * blur[free]
    share = np.append(np.arange(1, _LONGEST, dtype=float) ** -power, 0.0)  # of the worth that a minute gets
    rate = np.zeros((len(people), free.size))
    legs = np.zeros((len(people), free.size), dtype=np.int64)

    def look(row: int) -> None:
        """What each candidate is worth a minute in one round."""
        extra, leg = rounds.extras(people[row], pool)
        np.multiply(worth, share.take(extra - 1, mode="clip"), out=rate[row])
        legs[row] = leg

    for row in range(len(people)):
        look(row)
    reaches = bool(problem.needs) or rounds.owner.size > 1 or bool(problem.before)
    while True:
        row, place = divmod(int(rate.argmax()), free.size)
        if rate[row, place] <= 0:
            return
        if rounds.put(people[row], int(free[place]), int(legs[row, place])):
            rate[:, place] = 0.0
            for again in range(len(people)) if reaches else (row,):
                look(again)
        else:
            rate[row, place] = 0.0


def _promising(
    rounds: Rounds, people: Sequence[int], removed: Collection[int], chance: np.random.Generator
) -> Integers:
    """The free candidates best worth their minutes near these rounds."""
    problem = rounds.problem
    free = np.flatnonzero(rounds.free & problem.may[people].any(axis=0) | rounds.free & problem.pair)
    if free.size <= _POOL:
        return free
    anchors = [int(problem.place[item]) for person in people for item in rounds.routes[person].items]
    anchors += [int(problem.place[item]) for item in sorted(removed)]
    anchors += [problem.first[person] for person in people if problem.workers[person].start is not None]
    worth = problem.worth[free] / (problem.minutes[free] + 3.0)
    if chance.random() < 0.3 or not anchors:  # somewhere else, where much is to be had
        top = free[np.argsort(-worth, kind="stable")[:_POOL]]
        anchors.append(int(problem.place[top[int(chance.integers(top.size))]]))
    near = problem.travel[np.array(anchors)[:, None], problem.place[free][None, :]].min(axis=0)
    worth = problem.worth[free] / (problem.minutes[free] + 0.8 * near)
    return np.sort(free[np.argpartition(-worth, _POOL)[:_POOL]])


def _neighbour(rounds: Rounds, people: set[int], chance: np.random.Generator) -> set[int]:
    """Now and then somebody else may take over too."""
    if len(people) >= len(rounds.routes) or chance.random() < 0.5:
        return set()
    others = [person for person in range(len(rounds.routes)) if person not in people]
    return {others[int(chance.integers(len(others)))]}


# --- taking out ------------------------------------------------------------------------------------------------------


def _some_people(rounds: Rounds, chance: np.random.Generator, most: int) -> list[int]:
    """A person and the nearest others who have something to do."""
    busy = [route.person for route in rounds.routes if route.items]
    if not busy:
        return []
    problem = rounds.problem
    first = busy[int(chance.integers(len(busy)))]
    count = int(chance.integers(1, most + 1))
    if count == 1 or len(busy) == 1:
        return [first]
    here = problem.place[rounds.routes[first].items[int(chance.integers(len(rounds.routes[first].items)))]]

    def away(person: int) -> tuple[int, int]:
        places = problem.place[list(rounds.routes[person].items)]
        return int(problem.travel[here, places].min()), person

    return [first, *sorted((item for item in busy if item != first), key=away)[: count - 1]]


def _take_segments(rounds: Rounds, chance: np.random.Generator) -> list[int]:
    removed: list[int] = []
    for person in _some_people(rounds, chance, 3):
        items = rounds.routes[person].items
        length = max(1, round(len(items) * float(chance.uniform(0.2, 0.7))))
        begin = int(chance.integers(0, len(items) - length + 1))
        removed.extend(items[begin : begin + length])
    return removed


def _take_poor(rounds: Rounds, chance: np.random.Generator) -> list[int]:
    """What is worth least for its minutes and its detour."""
    problem = rounds.problem
    removed: list[int] = []
    for person in _some_people(rounds, chance, 3):
        route = rounds.routes[person]
        places = [problem.first[person], *(int(problem.place[item]) for item in route.items), problem.last[person]]
        rates = []
        for number, one in enumerate(route.items):
            before, here, after = places[number : number + 3]
            detour = int(problem.travel[before, here]) + int(problem.travel[here, after])
            detour -= int(problem.travel[before, after])
            rates.append(float(problem.worth[one]) / max(int(problem.minutes[one]) + detour, 1))
        blurred = np.array(rates) * np.exp(0.3 * chance.standard_normal(len(rates)))
        count = max(1, round(len(rates) * float(chance.uniform(0.15, 0.5))))
        removed.extend(route.items[int(place)] for place in np.argsort(blurred, kind="stable")[:count])
    return removed


def _take_near(rounds: Rounds, chance: np.random.Generator) -> list[int]:
    """Everything around one point, whoever does it."""
    problem = rounds.problem
    planned = np.flatnonzero(~rounds.free)
    if not planned.size:
        return []
    centre = problem.place[planned[int(chance.integers(planned.size))]]
    away = problem.travel[centre, problem.place[planned]]
    count = min(int(chance.integers(4, 24)), planned.size)
    return [int(item) for item in planned[np.argsort(away, kind="stable")[:count]]]


def _take_strings(rounds: Rounds, chance: np.random.Generator) -> list[int]:
    """Short strings of neighbouring rounds, all around one point (Christiaens and Vanden Berghe 2020)."""
    problem = rounds.problem
    planned = np.flatnonzero(~rounds.free)
    if not planned.size:
        return []
    centre = planned[int(chance.integers(planned.size))]
    near = planned[np.argsort(problem.travel[problem.place[centre], problem.place[planned]], kind="stable")]
    longest = int(chance.integers(2, _STRING + 1))
    count = int(chance.integers(1, 4))
    removed: list[int] = []
    visited: set[int] = set()
    for item in near.tolist():
        person = rounds.leader[item]
        if person in visited:
            continue
        visited.add(person)
        items = rounds.routes[person].items
        length = min(longest, len(items))
        place = items.index(item)
        begin = int(chance.integers(max(0, place - length + 1), min(place, len(items) - length) + 1))
        removed.extend(items[begin : begin + length])
        if len(visited) == count:
            break
    return removed
