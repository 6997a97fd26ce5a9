"""The words of the brief."""

from pathlib import Path

from facility.i18n.phrases import Phrases

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")
