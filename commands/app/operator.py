"""Who types a command."""

from __future__ import annotations

import getpass
import os


def operator() -> str:
    """The user of the operating system, marked as that: no account of the pages."""
    try:
        return f"os:{getpass.getuser()}"
    except (OSError, KeyError):
        return f"os:{os.getuid()}"
