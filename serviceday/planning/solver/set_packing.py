"""The best crew out of all rounds seen: each person one of theirs, nothing done twice (set packing, by CP-SAT).

A search finds good rounds at different moments, seldom all at once. CP-SAT runs with one worker and a deterministic
limit, so that the same rounds always give the same choice.
"""

from __future__ import annotations

from ortools.sat.python import cp_model

from serviceday.planning.solver.route import Route
from serviceday.planning.solver.solution import Rounds

_MOST = 150  # rounds of one person that are weighed, the worthiest
_FINE = 1_000  # units of worth to the whole number that CP-SAT wants, at the least


class Seen:
    """Rounds met on the way, by person."""

    def __init__(self, rounds: Rounds) -> None:
        self._found: list[dict[tuple[int, ...], tuple[float, Route]]] = [{} for _ in rounds.routes]
        self._last: list[Route | None] = [None for _ in rounds.routes]
        self(rounds)

    def __call__(self, rounds: Rounds) -> None:
        problem = rounds.problem
        for route in rounds.routes:
            if route is self._last[route.person]:
                continue
            self._last[route.person] = route
            if any(item in rounds.frozen for item in route.items):
                continue
            worth = float(problem.worth[list(route.items)].sum()) - problem.travel_cost * route.travel
            key = tuple(sorted(route.items))
            earlier = self._found[route.person].get(key)
            if earlier is None or worth > earlier[0]:
                self._found[route.person][key] = (worth, route)

    def best(self, now: Rounds, *, effort: float = 2.0) -> Rounds:
        """`now`, or something better made of rounds seen. `effort` is CP-SAT's deterministic time."""
        problem = now.problem
        fixed = {route.person for route in now.routes if any(item in now.frozen for item in route.items)}
        taken = {item for person in fixed for item in now.routes[person].items}
        taken |= {other for item in taken for other in problem.neighbours[item]}  # one asset, one crew
        model = cp_model.CpModel()
        scale = _FINE / max(problem.travel_cost, 1e-9) * 1e-3
        top = max((worth for each in self._found for worth, _ in each.values()), default=1.0)
        scale = min(scale, 2**50 / max(top * len(self._found), 1.0))
        uses: dict[object, list[cp_model.IntVar]] = {}
        columns: list[tuple[cp_model.IntVar, Route, float]] = []
        for person, routes in enumerate(self._found):
            if person in fixed:
                continue
            mine = sorted(routes.values(), key=lambda pair: (-pair[0], pair[1].items))[:_MOST]
            current = now.routes[person]
            if not any(set(route.items) == set(current.items) for _, route in mine):
                worth = float(problem.worth[list(current.items)].sum()) - problem.travel_cost * current.travel
                mine.append((worth, current))
            several = []
            for worth, route in mine:
                if taken.intersection(route.items):
                    continue
                used = model.new_bool_var("")
                model.add_hint(used, set(route.items) == set(current.items))
                several.append(used)
                columns.append((used, route, worth))
                for one in route.items:
                    uses.setdefault(one, []).append(used)
                for place in sorted({problem.places[item] for item in route.items if problem.neighbours[item]}):
                    uses.setdefault(("place", place), []).append(used)
                for group in sorted({int(problem.group[item]) for item in route.items} - {0}):
                    uses.setdefault(("group", group), []).append(used)
            model.add_at_most_one(several)
        for using in uses.values():
            if len(using) > 1:
                model.add_at_most_one(using)
        self._tools(model, now, fixed, columns)
        model.maximize(sum(round(worth * scale) * used for used, _, worth in columns))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_deterministic_time = effort
        solver.parameters.catch_sigint_signal = False  # it would leave Ctrl-C without the handler of who asked
        solver.parameters.linearization_level = 2
        if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return now
        days = {route.person: list(route.items) for used, route, _ in columns if solver.value(used)}
        days |= {person: list(now.routes[person].items) for person in fixed}
        rounds = Rounds(problem)
        rounds.adopt(days, now.second, now.frozen)
        return rounds if rounds.worth > now.worth else now

    @staticmethod
    def _tools(
        model: cp_model.CpModel, now: Rounds, fixed: set[int], columns: list[tuple[cp_model.IntVar, Route, float]]
    ) -> None:
        problem = now.problem
        for tool, need in problem.needs.items():
            users = [
                used
                for used, route, _ in columns
                if not problem.own_tools[tool][route.person] and any(need[item] for item in route.items)
            ]
            in_use = sum(count > 0 and person in fixed for person, count in now.held[tool].items())
            if users:
                model.add(sum(users) <= problem.stock[tool] - in_use)
