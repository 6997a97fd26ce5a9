"""A page about a trained model that a person can read: what it learned from, how it was judged, where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facility.i18n.phrases import Language, Phrases

_PHRASES = Phrases(Path(__file__).parent / "phrases.toml")


def model_card(card: Mapping[str, Any], language: Language) -> str:
    """Markdown from a model's summary."""

    def say(key: str, **more: object) -> str:
        return _PHRASES.say(key, language, **{**card, **more})

    parts = [say("title"), say("purpose"), say("data"), say("method")]
    if "held_out_days" in card:
        first, last = card["held_out_days"]
        parts.append(say("held_out", held_first=first, held_last=last))
        parts.append(_table(say("candidates"), _judged(card, say("baseline"))))
        parts.append(say("brier"))
        parts.append(_table(say("reliability"), card["held_out_reliability"]))
    else:
        parts.append(say("held_out.none"))
    if "comparison" in card:
        compared = card["comparison"]
        parts.append(
            say("comparison", adopted=say("yes" if compared["adopted"] else "no"), why=why(compared, language))
        )
    parts.append(say("limits"))
    return "\n\n".join(parts) + "\n"


def findings_card(card: Mapping[str, Any], language: Language) -> str:
    """Markdown from what was learned of inspections."""

    def say(key: str) -> str:
        return _PHRASES.say(key, language, **card)

    parts = [say("title"), say("findings.purpose"), say("findings.data")]
    if "held_out_from" in card:
        parts += [say("findings.held_out"), say("brier"), _table(say("reliability"), card["held_out_reliability"])]
    else:
        parts.append(say("findings.held_out.none"))
    compared = card["comparison"]
    yes_or_no = _PHRASES.say("yes" if compared["adopted"] else "no", language)
    parts.append(_PHRASES.say("comparison", language, adopted=yes_or_no, why=why(compared, language)))
    parts.append(say("findings.limits"))
    return "\n\n".join(parts) + "\n"


def why(comparison: Mapping[str, object], language: Language) -> str:
    """In a sentence: why the model took over, or did not."""
    return _PHRASES.say(f"why.{comparison['why']}", language, **comparison)


def _judged(card: Mapping[str, Any], baseline: str) -> list[tuple[str, float]]:
    return [*card["held_out_average_precision"].items(), (baseline, card["held_out_baseline"])]


def _table(head: str, rows: list[Any]) -> str:
    return "\n".join([head, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])
