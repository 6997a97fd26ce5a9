"""A file of ways between buildings that somebody measured: CSV with the columns from, to, minutes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from facility.errors import CannotParse
from facility.registry.rows import Report, read_text

_COLUMNS = ("from", "to", "minutes")
_MOST = 24 * 60


def read_matrix(name: str, folder: Path | None, line: int, report: Report) -> dict[tuple[str, str], float]:
    """Minutes by (from, to). A way told in one direction only holds in both."""
    try:
        words = read_text((folder or Path()) / name)
    except CannotParse as error:
        report.add(line, "matrix: {what}", what=error.what)
        return {}
    rows = csv.DictReader(io.StringIO(words, newline=""))
    if tuple(name.strip() for name in rows.fieldnames or ()) != _COLUMNS:
        report.add(line, "matrix {name}: its first line has to be {columns}", name=name, columns=",".join(_COLUMNS))
        return {}
    found: dict[tuple[str, str], float] = {}
    for row in rows:
        values = [(row.get(key) or "").strip() for key in _COLUMNS]
        try:
            minutes = float(values[2])
        except ValueError:
            minutes = -1.0
        if not (values[0] and values[1]) or not 0 <= minutes <= _MOST:
            report.add(
                line,
                "matrix {name}, line {row}: {found} is not from,to,minutes",
                name=name,
                row=rows.line_num,
                found=",".join(values),
            )
            continue
        found[values[0], values[1]] = minutes
    return {(there, here): minutes for (here, there), minutes in found.items()} | found
