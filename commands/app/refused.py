"""Rows of a file that were refused: told by line, kept for a second try, and the exit code that says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from commands.app.messages import say, told
from commands.app.output import tell

if TYPE_CHECKING:
    from facility.files import Refusal

FOLDER = "refused"  # of the data folder
EXIT_CODE = 2  # where something of a file was refused and the rest was taken


def kept(refusals: Sequence[Refusal], columns: Sequence[str], *, file: Path, data: Path) -> str:
    """The file in which the refused rows wait to be mended; "" where none was refused. Raises `CannotDo`."""
    from facility.files import keep_refused

    return str(keep_refused(data / FOLDER, file.name, columns, refusals)) if refusals else ""


def tell_refused(refusals: Sequence[Refusal], refused_file: str) -> None:
    """Say on standard error which rows were refused, those that are alike together, and where they are kept."""
    from facility.files import grouped

    for problem in grouped(refusals):
        tell(f"  {told(problem)}", error=True)
    if refused_file:
        tell(say("import.refused", file=refused_file), error=True)


def plain(refusals: Sequence[Refusal]) -> list[dict[str, object]]:
    """Each with its line and why, for JSON."""
    return [{"line": refusal.line, "why": str(refusal.what)} for refusal in refusals]
