"""The command line's words, in the language asked for.

A key's first part names its file in `phrases/`: one file a command, read when the command says its first word, and
`command`, `option`, `column` and `program` for what several share.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from facility.i18n.messages import Dictionary
from facility.i18n.phrases import Phrases, preferred

FOLDER = Path(__file__).parents[1] / "phrases"
ROOMS = ("simulators", "ingest", "models", "serviceday", "dashboard", "commands")
SENTENCES = Dictionary(*(Path(__file__).parents[2] / room / "zh.toml" for room in ROOMS))


@cache
def phrases(file: str) -> Phrases:
    """The phrases of one file."""
    return Phrases(FOLDER / f"{file}.toml")


def known(key: str) -> bool:
    """Whether there are words for a key."""
    file, _, name = key.partition(".")
    return name in phrases(file)


def say(key: str, /, **values: object) -> str:
    """The words of a key in the user's language, with these values."""
    file, _, name = key.partition(".")
    return phrases(file).say(name, preferred(os.environ), **values)


def told(what: object) -> str:
    """An error, a sentence or a line of one in English, in the language asked for."""
    return SENTENCES.say(what, preferred(os.environ))
