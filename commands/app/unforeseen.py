"""What nobody foresaw: told in one line, its trace kept in a file for whoever mends it."""

from __future__ import annotations

import tempfile
import traceback

from commands.app.messages import say
from commands.app.output import printable


def told_of(error: Exception) -> str:
    """One line that names the fault and the private file with its trace."""
    words = printable(" ".join(f"{type(error).__name__}: {error}".split())[:300])
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="serviceday-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return say("program.unforeseen", error=words)
    return say("program.unforeseen_in", error=words, file=file.name)
