"""Real lifts: five mechanics in Berlin, Hamburg and Munich, every Monday of May and June 2019.

Each Monday the project's own ranking, by a model trained on earlier days only, says what is at risk; the list is made
by the planner and by the baselines; what was out of service in the week that followed decides.
"""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.planning_baselines import by_due_date, greedy, harm, last_years_round
from commands.installation import installation
from facility.assessments import Assessment
from facility.estate import Asset
from models.assessment.pipeline import assess
from serviceday.planning import Crew, Policy, plan
from serviceday.planning.crew.crew import Place, Span, Worker
from serviceday.planning.demand.candidates import gather
from serviceday.planning.solver.problem import build
from serviceday.planning.solver.solution import Rounds
from serviceday.planning.solver.travel_times import Stops

DATA = Path(__file__).parents[2] / "shared" / "data" / "db-lifts"
TOWNS = {"Berlin": (52.5251, 13.3694, 3), "Hamburg": (53.5528, 10.0067, 1), "München": (48.1402, 11.5584, 1)}
MONDAYS = [date(2019, 5, 6) + timedelta(weeks=week) for week in range(8)]
TRAINED_UNTIL = "2019-05-01"
ZONE = ZoneInfo("Europe/Berlin")
DOWN = 24  # polls of five minutes: two hours
POLICY = Policy(risk_floor=0.0)


def lifts() -> dict[str, Any]:
    if not DATA.exists():
        return {"benchmark": "planning", "part": "lifts", "skipped": "the real lifts are not here"}
    down = _down()
    crew = _crew()
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    gaps = []
    with tempfile.TemporaryDirectory() as folder:
        _trained(Path(folder))
        with installation(Path(folder)) as here:
            towns = [one for one in here.assets("lift") if one.attributes.get("town") in TOWNS]
            for week, monday in enumerate(MONDAYS):
                up = [one for one in towns if down[one.id].get(monday - timedelta(days=1), 0) < DOWN]
                beliefs = {one.asset: one for one in _beliefs(here, up, monday)}
                gaps.append(_week(found, up, beliefs, down, crew, monday, week))
    return {
        "benchmark": "planning",
        "part": "lifts",
        "mondays": len(MONDAYS),
        "lifts": len(towns),
        "trained_until": TRAINED_UNTIL,
        "out_of_service_in_the_week": int(sum(found["planner"]["failing"])),
        "had_been_on_the_list": {name: int(sum(each["hits"])) for name, each in found.items()},
        "on_the_list": {name: int(sum(each["listed"])) for name, each in found.items()},
        "harm_covered": {name: round(sum(each["harm"]), 2) for name, each in found.items()},
        "harm_against_greedy_by_monday": [
            round(a / b, 3) for a, b in zip(found["planner"]["harm"], found["greedy"]["harm"], strict=True)
        ],
        "hours_of_ways": {name: round(sum(each["ways"]) / 60, 1) for name, each in found.items()},
        "mean_gap_to_bound": round(float(np.mean(gaps)), 4),
    }


def _week(
    found: dict[str, dict[str, list[float]]],
    up: list[Asset],
    beliefs: dict[str, Assessment],
    down: dict[str, dict[date, int]],
    crew: Crew,
    monday: date,
    week: int,
) -> float:
    failing = {
        one.id for one in up if any(down[one.id].get(monday + timedelta(days=day), 0) >= DOWN for day in range(7))
    }
    now = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
    made = plan(up, beliefs, {}, service_day=monday, now=now, crew=crew, policy=POLICY)
    warned = [one for one in made.items if one.task == "warning"]
    _add(found, "planner", {one.asset for one in warned}, failing, made.harm, made.travel_minutes)
    ordered = sorted(up, key=lambda one: one.id)
    candidates = gather(ordered, beliefs, {}, service_day=monday, policy=POLICY)
    problem = build(candidates.possible, Stops(candidates.places, (), POLICY), candidates.places, crew, monday, ())
    others = {"greedy": greedy(problem), "due_date": by_due_date(problem), "last_year": last_years_round(problem, week)}
    for name, rounds in others.items():
        _add(found, name, _assets(rounds), failing, harm(problem, rounds), rounds.travel)
    return made.gap or 0.0


def _assets(rounds: Rounds) -> set[str]:
    done = [rounds.problem.candidates[one].item for one in np.flatnonzero(~rounds.free).tolist()]
    return {one.asset for one in done if one.task == "warning"}


def _add(
    found: dict[str, dict[str, list[float]]], name: str, listed: set[str], failing: set[str], worth: float, way: int
) -> None:
    row = found[name]
    row["hits"].append(len(listed & failing))
    row["listed"].append(len(listed))
    row["failing"].append(len(failing))
    row["harm"].append(worth)
    row["ways"].append(way)


def _crew() -> Crew:
    workers = []
    for town, (latitude, longitude, count) in TOWNS.items():
        place = Place(name=f"{town} Hbf", latitude=latitude, longitude=longitude)
        for number in range(1, count + 1):
            one = Worker(
                id=f"{town}-{number}", name=f"{town} {number}", all_round=True, hours=Span(480, 960), start=place
            )
            workers.append(one)
    return Crew(workers=tuple(workers), named=True, people=len(workers))


def _down() -> dict[str, dict[date, int]]:
    found: dict[str, dict[date, int]] = defaultdict(dict)
    with gzip.open(DATA / "downtime.csv.gz", "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            found[row["asset"]][date.fromisoformat(row["date"])] = int(float(row["inactive_polls"]))
    return found


def _trained(folder: Path) -> None:
    """The registry and the readings imported, and a model trained, as a user does it."""
    name = ("--data", str(folder))
    steps = [
        ("import", "assets", str(DATA / "assets.csv"), "--kind", "lift", "--map", "id=asset"),
        (
            *("import", "readings", str(DATA / "downtime.csv.gz"), "--channel", "downtime_min", "--scale", "5"),
            *("--map", "asset=asset", "--map", "time=date", "--map", "value=inactive_polls"),
            *("--timezone", ZONE.key),
        ),
        ("train", "--until", TRAINED_UNTIL, "--label", "downtime_min >= 120", "--timezone", ZONE.key),
    ]
    for step in steps:
        command = [sys.executable, "-m", "commands.main", *step, *name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(step)}: {done.stderr[-500:]}")


def _beliefs(here: Any, up: list[Asset], monday: date) -> list[Assessment]:
    morning = datetime(monday.year, monday.month, monday.day, tzinfo=ZONE).astimezone(UTC)
    return assess(here.store, up, as_of=morning, horizon=timedelta(days=7), timezone=ZONE, folder=here.folder.models)
