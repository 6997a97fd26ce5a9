"""Output: JSON for scripts, tables and progress for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from facility.errors import CannotDo

if TYPE_CHECKING:
    from rich.progress import Progress


def show_json(value: object) -> None:
    """One JSON document on standard output; times as ISO 8601."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def printable(text: str) -> str:
    """Words from a file or the network: control characters are spelled out, so that they do nothing to a terminal."""
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def tell(words: object, *, error: bool = False) -> None:
    """Lines for people, on standard output or standard error. Whatever they quote does nothing to the terminal."""
    lines = map(printable, str(words).split("\n"))
    print("\n".join(lines), file=sys.stderr if error else sys.stdout, flush=True)


def cell(text: str, most: int) -> str:
    """Words in a table, cut where they are long."""
    return text[:most] + ("…" if len(text) > most else "")


def show_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()
) -> None:
    """A table for people. Cells are shown as they are: nothing in them is markup, nothing reaches the terminal raw."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(title)), title_justify="left", header_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(Text(column), justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("\n".join(map(printable, str(value).split("\n")))) for value in row))
    Console().print(table)


def spare_existing(files: Iterable[Path | None], *, force: bool) -> None:
    """Ask before a file is replaced, where somebody can answer. Raises `CannotDo` where nobody can or they say no."""
    from commands.app.messages import say

    for file in files:
        if force or file is None or not file.is_file():
            continue
        if sys.stdin.isatty() and sys.stderr.isatty():
            import typer

            if typer.confirm(say("option.replace", file=printable(str(file))), err=True):
                continue
        raise CannotDo("{file} is there already", "Say --force to replace it, or name another file", file=file)


@contextmanager
def progress(quiet: bool = False) -> Iterator[Progress]:
    """A progress display on standard error, so that standard output stays clean for scripts.

    Where nobody watches (standard error is no terminal) each task leaves one line when it is done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    watched = sys.stderr.isatty()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=quiet or not watched,
    ) as shown:
        yield shown
    if not (quiet or watched):
        for task in shown.tasks:
            tell(f"{task.description}: {task.completed:,.0f}, {task.elapsed or 0:.1f} s", error=True)
