"""How long `serviceday --help` takes, beside an empty Python and pip's own help."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 15


def seconds(command: list[str]) -> float:
    """Median of several runs, the first left out: it warms the disk cache."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def main() -> None:
    ours = seconds([sys.executable, "-m", "commands.main", "--help"])
    empty = seconds([sys.executable, "-c", "pass"])
    pip = seconds([sys.executable, "-m", "pip", "--help"])
    print(
        json.dumps(
            {
                "help_seconds": round(ours, 3),
                "python_seconds": round(empty, 3),
                "pip_help_seconds": round(pip, 3),
                "times_pip": round(ours / pip, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
