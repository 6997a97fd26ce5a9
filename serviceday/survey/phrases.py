"""The words of surveys: the page, the paper."""

from pathlib import Path

from facility.i18n.phrases import Phrases

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")
