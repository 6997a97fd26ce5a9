"""Telling as a loop: each second, by a file of rules that is read again when it changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from commands.app.messages import say, told
from commands.app.output import tell
from facility.errors import ServicedayError
from facility.i18n.phrases import Language

if TYPE_CHECKING:
    from facility.records import Records
    from serviceday.notification.rules import Rules
    from serviceday.notification.service import NotificationService, Pass

PAUSE = 1.0  # seconds between passes
PAUSE_IN_TROUBLE = 15.0  # and while the records do not answer

log = logging.getLogger(__name__)


def rules_path(data: Path, file: Path | None = None) -> Path:
    """The file of rules: the one that is named, else that of the data folder."""
    from serviceday.notification.rules import NAME

    return file or data / NAME


def service(records: Records, data: Path, rules: Rules) -> NotificationService:
    """The telling of a data folder, in the words of the command line."""
    from commands.app.messages import SENTENCES
    from serviceday.notification.service import NotificationService

    def translated(words: str, language: Language) -> str:
        return SENTENCES.say(words, language)

    return NotificationService(records=records, folder=data, rules=rules, say=translated)


class Telling:
    """Tells by a file of rules. Raises `Problems` at once where the file is wrong."""

    def __init__(self, records: Records, data: Path, path: Path) -> None:
        from serviceday.notification.checking import read_rules

        self._records, self._data, self._path = records, data, path
        self._version = self._seen = _version(path)
        self._service = service(records, data, read_rules(path))

    def once(self) -> Pass:
        return self._service.deliver(datetime.now(UTC))

    def until(self, stop: threading.Event, on_pass: Callable[[Pass], None] = lambda _: None) -> None:
        """Pass after pass until told to stop. Records that do not answer are waited for."""
        while not stop.is_set():
            try:
                outcome = self.once()
            except ServicedayError as error:
                log.warning("nobody can be told (%s); it is tried again", error)
                stop.wait(PAUSE_IN_TROUBLE)
                continue
            if not outcome.idle:
                on_pass(outcome)
            if not outcome.sent:  # more may wait than one pass sends
                stop.wait(PAUSE)
            self._follow_file()

    def _follow_file(self) -> None:
        """Read it again when it has changed and stands still: what is just being written is half a file."""
        before, self._seen = self._seen, _version(self._path)
        if self._seen != self._version and self._seen == before:
            self._version = self._seen
            self._read_again()

    def _read_again(self) -> None:
        """By the file as it is now; a file that is wrong is told, and the old rules stay in force."""
        from serviceday.notification.checking import read_rules

        try:
            self._service = service(self._records, self._data, read_rules(self._path))
        except ServicedayError as error:
            tell(f"! {told(error)}", error=True)
            tell(say("notify.old_rules"), error=True)
        else:
            tell(say("notify.read_again", file=self._path), error=True)


def _version(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return (0, 0)
    return state.st_mtime_ns, state.st_size
