"""Warnings of a long-running command, on standard error and in the user's language."""

from __future__ import annotations

import logging
from copy import copy

from commands.app.messages import told


class _Told(logging.Formatter):
    """Says a record in the user's language: its message is a template like those of errors, and stands beside them."""

    def format(self, record: logging.LogRecord) -> str:
        said = copy(record)
        said.msg = told(record.msg)
        if isinstance(record.args, tuple):
            said.args = tuple(one if isinstance(one, int | float) else told(one) for one in record.args)
        return super().format(said)


def log_to_console() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Told("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
