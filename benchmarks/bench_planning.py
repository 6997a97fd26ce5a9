"""Planning a service day: time and gap against size; harm covered beside what planners do without a planner.

`python -m benchmarks planning` runs everything; PLANNING_PARTS=sizes,estates,lifts chooses. The real lifts are read
from ../shared/data/db-lifts and left out where they are not. PLANNING_PICTURES=DIR draws time and gap. Seconds are
processor seconds of one core: neighbours at work don't count; `wall_seconds` is what the clock said for all three.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.planning_baselines import by_due_date, greedy, harm, last_years_round
from benchmarks.planning_estates import DAY, NOW, Made, estate
from facility.inspections import Directive, InspectionList, Instruction
from serviceday.planning import Policy, plan
from serviceday.planning.demand.candidates import gather
from serviceday.planning.solver.problem import Problem, build
from serviceday.planning.solver.travel_times import Stops

SIZES = ((100, 3), (250, 6), (500, 12), (1_000, 20), (2_500, 40), (5_000, 60))
ESTATES, ESTATE_SIZE, ESTATE_PEOPLE = 30, 500, 6  # as many candidates a person as the largest size
FIRST_SEED = 1_000  # what is reported was never tuned on


def main() -> None:
    parts = os.environ.get("PLANNING_PARTS", "sizes,estates,lifts").split(",")
    if "sizes" in parts:
        _sizes()
    if "estates" in parts:
        _estates()
    if "lifts" in parts:
        from benchmarks.planning_lifts import lifts

        _print(lifts())


def _print(row: dict[str, Any]) -> None:
    print(json.dumps(row, ensure_ascii=False), flush=True)


def _planned(made: Made, effort: int, **more: Any) -> tuple[InspectionList, float]:
    begun = time.process_time()
    found = plan(
        made.assets,
        made.assessments,
        made.done,
        service_day=DAY,
        now=NOW,
        crew=made.crew,
        buildings=made.buildings,
        policy=Policy(effort=effort),
        **more,
    )
    return found, time.process_time() - begun


def _sizes() -> None:
    rows = []
    wanted = os.environ.get("PLANNING_SIZES", "")
    for candidates, people in SIZES:
        if wanted and str(candidates) not in wanted.split(","):
            continue
        made = estate(candidates, people, seed=FIRST_SEED + candidates)
        begun = time.perf_counter()
        found, seconds = _planned(made, Policy().effort)
        item = found.items[len(found.items) // 2]
        told = Instruction(asset=item.asset, task=item.task, directive=Directive.BAN)
        again, replanned = _planned(made, Policy().effort, before=found, instructions=[told], with_bound=False)
        ill = replace(made, crew=replace(made.crew, workers=made.crew.workers[1:]))
        _, without = _planned(ill, Policy().effort, before=found, with_bound=False)
        before, after = {one.key for one in found.items}, {one.key for one in again.items}
        row = {
            "benchmark": "planning",
            "part": "size",
            "candidates": len(problem_of(made)),
            "people": people,
            "seconds": round(seconds, 2),
            "replan_seconds": round(replanned, 2),
            "replan_one_ill_seconds": round(without, 2),
            "wall_seconds": round(time.perf_counter() - begun, 2),
            "kept": round(len(after & before) / len(before), 3),
            "items": len(found.items),
            "harm": round(found.harm, 2),
            "gap_to_bound": None if found.gap is None else round(found.gap, 4),
        }
        if candidates == 500:
            best, longer = _planned(made, 4 * Policy().effort, with_bound=False, seed=1)
            row |= {"best_known_harm": round(best.harm, 2), "best_known_seconds": round(longer, 1)}
            row["gap_to_best_known"] = round(max(0.0, 1 - found.harm / max(best.harm, found.harm)), 4)
        _print(row)
        rows.append(row)
    if pictures := os.environ.get("PLANNING_PICTURES"):
        _draw(rows, Path(pictures))


def problem_of(made: Made, *, risk_floor: float = 0.1) -> Problem:
    ordered = sorted(made.assets, key=lambda one: one.id)
    policy = Policy(risk_floor=risk_floor)
    found = gather(ordered, made.assessments, made.done, service_day=DAY, policy=policy)
    stops = Stops(found.places, made.buildings, policy, made.crew.ways)
    return build(found.possible, stops, found.places, made.crew, DAY, ())


def _estates() -> None:
    ratios, ways, gaps, laws = {}, {}, [], []
    worst = 9.0
    for number in range(ESTATES):
        made = estate(ESTATE_SIZE, ESTATE_PEOPLE, seed=FIRST_SEED + number)
        found, _ = _planned(made, Policy().effort)
        problem = problem_of(made)
        others = {
            "greedy": greedy(problem),
            "due_date": by_due_date(problem),
            "last_year": last_years_round(problem, number),
        }
        gaps.append(found.gap or 0.0)
        ways.setdefault("planner", []).append(found.travel_minutes / 60)
        for name, rounds in others.items():
            ratios.setdefault(name, []).append(found.harm / max(harm(problem, rounds), 1e-9))
            ways.setdefault(name, []).append(rounds.travel / 60)
        worst = min(worst, ratios["greedy"][-1])
        law = sum(one.ground == "statutory" for one in found.items)
        done = sum(problem.candidates[c].item.ground == "statutory" for c in np.flatnonzero(~others["greedy"].free))
        laws.append(law - done)
    _print(
        {
            "benchmark": "planning",
            "part": "estates",
            "estates": ESTATES,
            "harm_covered_against": {name: round(float(np.mean(each)), 3) for name, each in ratios.items()},
            "worst_against_greedy": round(worst, 3),
            "hours_of_ways": {name: round(float(np.mean(each)), 2) for name, each in ways.items()},
            "fewest_more_law_items_than_greedy": min(laws),
            "mean_gap_to_bound": round(float(np.mean(gaps)), 4),
        }
    )


def _draw(rows: list[dict[str, Any]], folder: Path) -> None:
    """Seconds and gap against the number of candidates, as one SVG without a library."""
    from benchmarks.planning_picture import picture

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "planning-time-and-gap.svg").write_text(picture(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
