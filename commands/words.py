"""The command line's words, in the language asked for."""

from __future__ import annotations

import os
from pathlib import Path

from facility.language import Phrases, preferred

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")


def say(key: str, /, **values: object) -> str:
    return PHRASES.say(key, preferred(os.environ), **values)
