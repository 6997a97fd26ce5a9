"""`train`: learn from what was found, or from a channel that crossed a limit. `models`: what was learned so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import progress, show_json, show_table, tell
from commands.learning import Request, taught_label
from facility.errors import CannotParse
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo


def train(
    until: Annotated[str, typer.Option("--until", help=say("train.until"), metavar="DATE")],
    data: options.Data = options.DATA,
    label: Annotated[list[str], typer.Option("--label", help=say("train.label"), metavar="LABEL")] = [],  # noqa: B006
    outcomes: Annotated[bool, typer.Option("--outcomes", help=say("train.outcomes"))] = False,
    horizon: Annotated[str, typer.Option("--horizon", help=say("option.horizon"), metavar="SPAN")] = "7d",
    kind: options.Kind = "",
    timezone: options.Zone = options.ZONE,
    seed: Annotated[int, typer.Option("--seed", help=say("option.seed"))] = 0,
    as_json: options.Json = False,
) -> None:
    """Learn from what was known before a date."""
    from commands.installation import installation
    from models.outages.label import DEFAULT_LABEL

    if outcomes and label:
        raise CannotParse("--outcomes and --label are two things to learn", "Run `serviceday train` once for each")
    place, length = options.zone(timezone), options.span(horizon)
    end = options.midnight(options.day(until), place)
    if outcomes:
        _from_outcomes(data, end, place, as_json)
        return
    request = Request(until=end, horizon=length, timezone=place, seed=seed)
    taught: list[tuple[dict[str, Any], Path]] = []
    with installation(data) as here, progress(as_json) as shown:
        task = shown.add_task(say("train.progress"), total=None)

        def advance(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        for words in label or [str(DEFAULT_LABEL)]:
            taught += taught_label(here, words, kind, request, advance)
    if as_json:
        cards = [card for card, _ in taught]
        show_json(cards[0] if len(cards) == 1 else cards)
        return
    for card, folder in taught:
        tell(say("train.done", version=card["version"], label=card["label"], until=until))
        if "voice" in card:
            _told_label(card, folder)
        else:
            _told(card, folder)


def _from_outcomes(data: Path, end: datetime, place: ZoneInfo, as_json: bool) -> None:
    from commands.installation import recorded
    from facility.folder import DataFolder
    from models.feedback import FOLDER, cases, learn

    folder = DataFolder(data).models
    with recorded(data) as records:
        outcomes = records.outcomes.all(until=end)
        history = {asset: records.assessments.history(asset) for asset in {o.asset for o in outcomes}}
    correction = learn(cases(outcomes, history, until=end), until=end, timezone=place, folder=folder)
    if as_json:
        show_json({"version": correction.version, **correction.card})
        return
    tell(say("train.outcomes_done", version=correction.version, cases=correction.card["cases"]))
    _told(correction.card, folder / FOLDER / correction.version)


def _told_label(card: dict[str, Any], folder: object) -> None:
    from models.cards.label_card import label_why, voice

    language = preferred()
    tell(say("train.speaks", who=voice(card["voice"], language), why=label_why(card, language)))
    tell(say("train.card", file=f"{folder}/card.{language}.md"))


def _told(card: dict[str, Any], folder: object) -> None:
    from models.cards import why

    adopted = say("train.adopted" if card["adopted"] else "train.rejected")
    tell(f"{adopted} {why(card['comparison'], preferred())}")
    tell(say("train.card", file=f"{folder}/card.{preferred()}.md"))


def list_models(data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    """List what was learned so far, each with its comparison with what spoke before."""
    from facility.folder import DataFolder
    from models import feedback
    from models.cards import why
    from models.cards.label_card import label_why
    from models.labels.label_model import kept as kept_labels
    from models.outages.trained_model import kept

    folder = DataFolder(data).existing().models
    cards = [
        *kept(folder),
        *kept_labels(folder),
        *({"version": correction.version, **correction.card} for correction in feedback.kept(folder)),
    ]
    if as_json:
        show_json(cards)
        return
    show_table(
        say("models.title", count=len(cards)),
        [say("column.version"), say("column.label"), say("column.until"), say("column.adopted"), say("column.reason")],
        [
            (
                card["version"],
                card.get("label", say("models.outcomes")),
                card["until"],
                say("program.yes" if card.get("adopted", True) else "program.no"),
                label_why(card, preferred())
                if "voice" in card
                else why(card["comparison"], preferred())
                if "comparison" in card
                else "",
            )
            for card in cards
        ],
    )
