"""Warnings of a long-running command, on standard error and in the user's language."""

from __future__ import annotations

import logging
from copy import copy

from commands.app.messages import told


class _Told(logging.Formatter):
    """Says a record in the user's language: its message is a template like those of errors, and stands beside them."""

    def format(self, record: logging.LogRecord) -> str:
        log_record = copy(record)
        log_record.msg = told(record.msg)
        if isinstance(record.args, tuple):
            log_record.args = tuple(arg if isinstance(arg, int | float) else told(arg) for arg in record.args)
        return super().format(log_record)


def log_to_console() -> None:
    """Warnings of the program on standard error, in the user's language."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Told("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
