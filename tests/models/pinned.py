"""Answers of the models kept in a file beside the tests: what changes them shows, line by line, in the file's diff."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "pinned"


def rounded(value: Any) -> Any:
    """The same with numbers to six significant digits."""
    if isinstance(value, dict):
        return {str(key): rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    if isinstance(value, bool | str | int) or value is None:
        return value
    return None if value != value else float(f"{value:.6g}")


def alike(one: Any, other: Any) -> bool:
    """Equal, numbers to one in a thousand: machines differ in the last digits."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-9)
    return bool(one == other)


def assert_pinned(name: str, answers: dict[str, Any]) -> None:
    """Compare with the kept answers; SERVICEDAY_PIN=1 keeps these instead, after somebody has looked at the diff."""
    path = FOLDER / f"{name}.json"
    answers = rounded(answers)
    if os.environ.get("SERVICEDAY_PIN"):
        lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in answers.items()]
        path.parent.mkdir(exist_ok=True)
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert list(answers) == list(kept)
    different = {key: (kept[key], answer) for key, answer in answers.items() if not alike(answer, kept[key])}
    assert not different, f"{len(different)} of {len(answers)} answers are not what they were: {different}"
