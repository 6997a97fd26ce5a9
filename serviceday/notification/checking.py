"""`notifications.toml`, read and held to its form: every problem at once, each with its line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from facility.errors import CannotDo, CannotParse, Problems, ServicedayError
from facility.i18n.messages import Sentence
from facility.toml_lines import TableLines, table_lines
from serviceday.notification.crosschecks import contradictions
from serviceday.notification.problems import Problem, line_of, mistake
from serviceday.notification.rules import Rules, rules_of
from serviceday.notification.schema import NotificationFile
from serviceday.notification.senders import sender_of


def read_rules(path: Path, *, secrets: bool = True) -> Rules:
    """The rules of a file. Raises `CannotDo`, `CannotParse` or `Problems` with every mistake and its line.

    `secrets`: whether those that channels need must be there.
    """
    parsed, lines = parse(path)
    if secrets:
        _refuse(path, list(_without_secrets(parsed, lines, path.parent)))
    return rules_of(parsed, path)


def parse(path: Path) -> tuple[NotificationFile, TableLines]:
    """A file held to its form, and the lines of its tables."""
    if not path.is_file():
        raise CannotDo("there is no {path}", "Write a first one: `serviceday notify init`", path=path)
    try:
        words = path.read_text(encoding="utf-8")
        raw = tomllib.loads(words)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CannotParse(
            "{name} is not TOML: {error}", "Mend that line and run it again", name=path.name, error=error
        ) from None
    lines = table_lines(words)
    try:
        parsed = NotificationFile.model_validate(raw)
    except ValidationError as error:
        _refuse(path, [(line_of(part["loc"], lines), mistake(dict(part))) for part in error.errors()])
        raise
    _refuse(path, contradictions(parsed, lines, path.parent))
    return parsed, lines


def _without_secrets(parsed: NotificationFile, lines: TableLines, folder: Path) -> Iterator[Problem]:
    """Channels that could not speak."""
    for place, channel in enumerate(parsed.channel):
        try:
            sender_of(channel, folder)
        except ServicedayError as error:
            yield line_of(("channel", place, "name"), lines), Sentence("{what}. {do}", what=error.what, do=error.do)


def _refuse(path: Path, problems: Sequence[Problem]) -> None:
    if problems:
        ordered = sorted(problems, key=lambda problem: problem[0])
        raise Problems(path.name, [Sentence("line {line}: {what}", line=line, what=what) for line, what in ordered])
