"""Small changes to the logic that decides, one at a time, and whether the nearest tests notice.

    python tests/mutation/mutants.py                      # every area, a sample of each
    python tests/mutation/mutants.py alerts --sample 0    # one area, every mutant
    python tests/mutation/mutants.py alerts --show        # with the survivors' changed lines

The mutants are made by cosmic-ray's operators (a comparison turned, `and` for `or`, a sign or a `not` lost, plus for
minus, a constant doubled). Each is tried in a process of its own, forked from one that has imported the libraries;
nothing on disk is changed, so that several can be tried at once.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.abc
import importlib.util
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import parso
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators import boolean_replacer, provider
from cosmic_ray.operators.operator import Operator

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 80  # mutants an area, if not said otherwise
LIBRARIES = ("polars", "numpy", "scipy.stats", "sklearn.linear_model", "hypothesis", "sqlalchemy", "pydantic", "pytest")
_NO_LOGIC = re.compile(r"^@(dataclass|lru_cache)|(^\s*|[(,] ?)\*,|strict=True")  # declarations, caches, assertions
PATIENCE = 20.0  # seconds beyond ten times what the unchanged code takes: a loop without end is noticed too


@dataclass(frozen=True, slots=True)
class Area:
    """Code that decides, and the tests nearest to it, the quickest first."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


AREAS = {
    "alerts": Area(
        (
            "facility/alert_life.py",
            "serviceday/alerts/lifecycle.py",
            "serviceday/alerts/limits.py",
            "serviceday/alerts/track.py",
            "serviceday/alerts/predictions.py",
            "serviceday/alerts/grouping.py",
            "serviceday/alerts/inhibition.py",
        ),
        (
            "tests/serviceday/test_serviceday_alert_edges.py",
            "tests/serviceday/test_serviceday_alert_conditions.py",
            "tests/serviceday/test_serviceday_alert_grouping.py",
            "tests/serviceday/test_serviceday_alert_lifecycle.py",
            "tests/serviceday/test_serviceday_watch.py",
            "tests/serviceday/test_serviceday_watch_silence.py",
        ),
    ),
    "admission": Area(
        (
            "ingest/admission/admission.py",
            "ingest/admission/decoding.py",
            "ingest/admission/sentinels.py",
            "ingest/admission/units.py",
        ),
        (
            "tests/ingest/test_ingest_admission.py",
            "tests/ingest/test_ingest_values.py",
            "tests/ingest/test_ingest_decoding.py",
        ),
    ),
    "staleness": Area(("ingest/monitor/liveness.py",), ("tests/ingest/test_ingest_liveness.py",)),
    "due dates": Area(
        ("facility/intervals.py", "facility/standing.py", "serviceday/planning/demand/duties.py"),
        (
            "tests/facility/test_facility_intervals.py",
            "tests/facility/test_facility_standing.py",
            "tests/serviceday/test_serviceday_due_dates.py",
        ),
    ),
    "planning": Area(
        (
            "serviceday/planning/demand/goals.py",
            "serviceday/planning/demand/candidates.py",
            "serviceday/planning/demand/items.py",
            "serviceday/planning/demand/requests.py",
            "serviceday/planning/schedule/exclusion_reasons.py",
            "serviceday/planning/schedule/notes.py",
        ),
        (
            "tests/serviceday/test_serviceday_candidates.py",
            "tests/serviceday/test_serviceday_goals.py",
            "tests/serviceday/test_serviceday_left_out.py",
        ),
    ),
    "sensor checks": Area(
        ("models/sensors/checks.py", "models/sensors/stuck.py", "models/sensors/unit_changes.py"),
        ("tests/models/test_models_sensing.py", "tests/models/test_models_sensor_edges.py"),
    ),
    "fusion": Area(
        ("models/assessment/fusion.py",),
        ("tests/models/test_models_fusion_edges.py", "tests/models/test_models_combining.py"),
    ),
}


class DoubledNumber(Operator):
    """A constant doubled; 0 becomes 1."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        if isinstance(node, parso.python.tree.Number):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        number = float(node.value.replace("_", "")) if "x" not in node.value else float(int(node.value, 16))
        doubled = 2 * number or 1.0
        whole = doubled.is_integer() and not {".", "e", "E"} & set(node.value)
        return parso.python.tree.Number(f"{node.prefix}{int(doubled) if whole else doubled!r}", node.start_pos)

    @classmethod
    def examples(cls) -> Sequence[Any]:
        return ()


_TURNED = (
    *("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_Gt", "LtE_GtE", "Gt_Lt", "GtE_LtE"),
    *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
)
_ARITHMETIC = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul")
_core = provider.OperatorProvider()
OPERATORS: dict[str, Operator] = {
    **{f"comparison {name}": _core[f"ReplaceComparisonOperator_{name}"]() for name in _TURNED},
    **{f"arithmetic {name}": _core[f"ReplaceBinaryOperator_{name}"]() for name in _ARITHMETIC},
    "sign lost": _core["ReplaceUnaryOperator_Delete_USub"](),
    "not lost": _core["ReplaceUnaryOperator_Delete_Not"](),
    "not added": boolean_replacer.AddNot(),
    "and for or": boolean_replacer.ReplaceOrWithAnd(),
    "or for and": boolean_replacer.ReplaceAndWithOr(),
    "true for false": boolean_replacer.ReplaceFalseWithTrue(),
    "false for true": boolean_replacer.ReplaceTrueWithFalse(),
    "break for continue": _core["ReplaceContinueWithBreak"](),
    "doubled": DoubledNumber(),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    file: str
    operator: str
    occurrence: int
    line: int
    before: str
    after: str
    source: str

    @property
    def key(self) -> str:
        """What stays the same while other lines of the file change."""
        return f"{self.file}: {self.before.strip()} -> {self.after.strip()}"


def mutants(file: str) -> list[Mutant]:
    """Every mutant of one file, but of lines that only declare."""
    source = (ROOT / file).read_text(encoding="utf-8")
    lines = source.splitlines()
    made = []
    for name, operator in OPERATORS.items():
        occurrence = 0
        while (changed := mutate_code(source, operator, occurrence)) is not None:
            differing = [
                (number, before, after)
                for number, (before, after) in enumerate(zip(lines, changed.splitlines(), strict=False), 1)
                if before != after and not _NO_LOGIC.search(before)
            ]
            if differing:
                made.append(Mutant(file, name, occurrence, *differing[0], changed))
            occurrence += 1
    return made


def sample(all_mutants: Sequence[Mutant], size: int) -> list[Mutant]:
    """`size` of them, always the same while their lines stay (0: all)."""
    by_chance = sorted(all_mutants, key=lambda mutant: hashlib.sha256(mutant.key.encode()).digest())
    return by_chance[: size or None]


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module its changed source, before anything on the path is asked."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.module = mutant.file.removesuffix(".py").replace("/", ".")

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        return importlib.util.spec_from_file_location(fullname, ROOT / self.mutant.file, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.mutant.source, str(ROOT / self.mutant.file), "exec"), module.__dict__)  # noqa: S102


def _try(mutant: Mutant | None, tests: Sequence[str]) -> None:
    """In a process of its own: run the tests over the changed module, and end with pytest's code."""
    import pytest

    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    if mutant is not None:
        sys.meta_path.insert(0, _Mutated(mutant))
    quiet = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow and not soak"]
    os._exit(pytest.main([*tests, *quiet]))


def _noticed(mutant: Mutant | None, tests: Sequence[str], seconds: float) -> bool:
    process = _SERVER.Process(target=_try, args=(mutant, tests))
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        return True
    return process.exitcode != 0


@dataclass(frozen=True, slots=True)
class Result:
    area: str
    tried: int
    survivors: tuple[Mutant, ...]

    @property
    def share(self) -> float:
        return 1 - len(self.survivors) / self.tried


def run(area: str, size: int, workers: int) -> Result:
    """Try an area's mutants. Raises `RuntimeError` where its tests fail on the unchanged code."""
    chosen = sample([mutant for file in AREAS[area].files for mutant in mutants(file)], size)
    tests = AREAS[area].tests
    before = time.monotonic()
    if _noticed(None, tests, 600):
        raise RuntimeError(f"the tests of {area} fail on the unchanged code")
    seconds = 10 * (time.monotonic() - before) + PATIENCE
    with ThreadPoolExecutor(workers) as pool:
        noticed = list(pool.map(lambda mutant: _noticed(mutant, tests, seconds), chosen))
    survivors = [mutant for mutant, seen in zip(chosen, noticed, strict=True) if not seen]
    return Result(area, len(chosen), tuple(sorted(survivors, key=lambda mutant: (mutant.file, mutant.line))))


_SERVER = multiprocessing.get_context("forkserver")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("areas", nargs="*", help=f"of {', '.join(AREAS)}; all if none is named")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="mutants an area; 0: all")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="the changed lines of those nobody noticed")
    parser.add_argument("--json", type=Path, help="write the survivors here")
    options = parser.parse_args()
    _SERVER.set_forkserver_preload(list(LIBRARIES))
    survivors = {}
    for area in options.areas or AREAS:
        result = run(area, options.sample, options.workers)
        print(f"{area}: {result.tried} tried, {result.share:.0%} noticed", flush=True)
        survivors[area] = [mutant.key for mutant in result.survivors]
        for mutant in result.survivors if options.show else ():
            print(f"  {mutant.file}:{mutant.line} {mutant.operator}")
            print(f"    - {mutant.before.strip()}\n    + {mutant.after.strip()}")
    if options.json:
        options.json.write_text(json.dumps(survivors, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
