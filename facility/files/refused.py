"""Rows that were refused: told in few lines, and kept in a file that can be mended and imported again."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from facility.errors import CannotDo
from facility.files.cells import Refusal, Value, at_line, words
from facility.files.columns import REASON_COLUMN
from facility.i18n.messages import Sentence

FIRST = 5  # lines named of many that are alike
MOST = 20  # of one kind that are told apart


def grouped(refusals: Sequence[Refusal]) -> list[Sentence]:
    """One sentence for refusals that are alike, with a count and the first lines; few of a kind stay apart."""
    same: dict[str, list[Refusal]] = {}
    for refusal in refusals:
        same.setdefault(str(refusal.what), []).append(refusal)
    kinds: dict[str, list[list[Refusal]]] = {}
    for group in same.values():
        kinds.setdefault(_template(group[0].what), []).append(group)
    problems: list[tuple[int, Sentence]] = []
    for groups in kinds.values():
        if len(groups) > MOST:
            merged = sorted((refusal for group in groups for refusal in group), key=lambda refusal: refusal.line)
            groups = [merged]
        problems += [(group[0].line, _told(group)) for group in groups]
    return [what for _, what in sorted(problems, key=lambda pair: pair[0])]


def _template(what: Sentence) -> str:
    inner = [_template(value) for value in what.values.values() if isinstance(value, Sentence)]
    return "\n".join([what.template, *inner])


def _told(group: Sequence[Refusal]) -> Sentence:
    first = group[0]
    if len(group) == 1:
        return at_line(first.line, first.what)
    lines = list(dict.fromkeys(refusal.line for refusal in group))
    if len(lines) == 1:
        return at_line(first.line, first.what)
    return Sentence(
        "{count:,} rows alike (lines {lines}): {what}",
        count=len(lines),
        lines=[*map(str, lines[:FIRST]), *(["…"] if len(lines) > FIRST else [])],
        what=first.what,
    )


def keep_refused(folder: Path, name: str, columns: Sequence[str], refusals: Sequence[Refusal]) -> Path:
    """Write the refused rows as CSV, with a last column that says why, and return the file.

    The same rows give the same file; other rows never replace a file that is there. Raises `CannotDo`.
    """
    stream = io.StringIO(newline="")
    table = csv.writer(stream, lineterminator="\n")
    width = max(len(columns), *(len(refusal.cells) for refusal in refusals))
    table.writerow([*columns, *[""] * (width - len(columns)), REASON_COLUMN])
    reasons: dict[tuple[int, tuple[Value, ...]], list[str]] = {}
    for one in refusals:
        reasons.setdefault((one.line, one.cells), []).append(str(one.what))
    for (line, cells), whys in reasons.items():
        shown = [_written(cell) for cell in cells]
        table.writerow([*shown, *[""] * (width - len(shown)), f"line {line}: {'; '.join(whys)}"])
    content = stream.getvalue().encode("utf-8-sig")
    stem = Path(name).name.split(".")[0] or "file"
    number = 1
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            path = folder / (f"{stem}.csv" if number == 1 else f"{stem}-{number}.csv")
            if not path.exists():
                path.write_bytes(content)
                path.chmod(0o600)
                return path
            if path.read_bytes() == content:
                return path
            number += 1
    except OSError as error:
        raise CannotDo(
            "{path} cannot be written: {error}", "Check space and permissions", path=folder, error=error
        ) from None


def _written(cell: Value) -> str:
    if isinstance(cell, datetime | date):
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat()
    return words(cell) if not isinstance(cell, str) else cell
