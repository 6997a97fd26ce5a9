"""The truth file: which faults were injected. A side file for evaluation and tests; it never travels over MQTT."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from facility.assessments import Trouble
from facility.errors import Problems
from facility.i18n.messages import Sentence
from simulators.faults import Fault

COLUMNS = (
    "asset",
    "mode",
    "trouble",
    "onset",
    "detectable_from",
    "failure_time",
    "confirmed_at",
    "severity",
    "repaired_at",
)
FILE = "faults.csv"


def write_truth(path: Path, faults: Iterable[Fault]) -> None:
    """Write faults as CSV; times are ISO 8601 in UTC, empty where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for fault in faults:
            writer.writerow([_cell(getattr(fault, column)) for column in COLUMNS])


def read_truth(path: Path) -> tuple[Fault, ...]:
    """Read what `write_truth` wrote. Raises `Problems` with every line that is not a fault."""
    faults, problems = list[Fault](), list[Sentence]()
    with path.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise Problems(str(path), [Sentence("line 1: expected the columns {columns}", columns=list(COLUMNS))])
        for row in rows:
            try:
                faults.append(
                    Fault(
                        asset=row["asset"],
                        mode=row["mode"],
                        trouble=Trouble(row["trouble"]),
                        onset=datetime.fromisoformat(row["onset"]),
                        detectable_from=_moment(row["detectable_from"]),
                        failure_time=_moment(row["failure_time"]),
                        confirmed_at=_moment(row["confirmed_at"]),
                        severity=float(row["severity"]),
                        repaired_at=_moment(row["repaired_at"]),
                    )
                )
            except (ValueError, TypeError) as error:
                problems.append(Sentence("line {line}: {what}", line=rows.line_num, what=error))
    if problems:
        raise Problems(str(path), problems)
    return tuple(faults)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _moment(cell: str) -> datetime | None:
    return datetime.fromisoformat(cell) if cell else None
