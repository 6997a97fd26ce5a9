"""A page about a label's model: what it learned from, who speaks and why, how it was judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facility.i18n.phrases import Language, Phrases

_PHRASES = Phrases(Path(__file__).parent / "label_phrases.toml")


def label_card(card: Mapping[str, Any], language: Language) -> str:
    """Markdown from a label model's summary."""

    def say(key: str, **more: object) -> str:
        return _PHRASES.say(key, language, **{**card, **more})

    parts = [say("title"), say("purpose"), say("data"), say("speaks", who=voice(card["voice"], language))]
    parts.append(label_why(card, language))
    if "held_out_by" in card:
        parts.append(say(f"held_out.{card['held_out_by']}"))
        figures = card["held_out_average_precision"]
        parts.append(_table(say("candidates"), [(voice(name, language), figure) for name, figure in figures.items()]))
        parts.append(say("brier"))
        parts.append(_table(say("reliability"), card["held_out_reliability"]))
    if not card["examples"]:
        parts.append(say("no_likelihood"))
    parts.append(say("limits"))
    return "\n\n".join(parts) + "\n"


def label_why(card: Mapping[str, Any], language: Language) -> str:
    """In a sentence: why that voice speaks."""
    return _PHRASES.say(f"why.{card['comparison']['why']}", language, **card)


def voice(name: str, language: Language) -> str:
    """Who speaks, in words."""
    return _PHRASES.say(f"voice.{name}", language)


def _table(head: str, rows: list[Any]) -> str:
    return "\n".join([head, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])
