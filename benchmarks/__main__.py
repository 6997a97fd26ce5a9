"""Run every benchmark, or those named: `python -m benchmarks [NAME ...]`. Prints one JSON line a benchmark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main(names: list[str]) -> int:
    found = sorted(file.stem for file in Path(__file__).parent.glob("bench_*.py"))
    chosen = [name for name in found if not names or any(word in name for word in names)]
    if not chosen:
        print(f"no benchmark named {' '.join(names)}; there are: {', '.join(found)}", file=sys.stderr)
        return 2
    failed = 0
    for name in chosen:
        print(f"-- {name.removeprefix('bench_')}", flush=True)
        command = [sys.executable, "-c", f"from benchmarks.{name} import main; main()"]
        failed |= subprocess.run(command, check=False).returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
