"""`train`: learn from what was found, or from a channel that crossed a limit."""

from __future__ import annotations

from typing import Annotated

import typer

from commands import options
from commands.shown import progress, show_json
from commands.words import say


def train(
    until: Annotated[str, typer.Option("--until", help=say("train.until"), metavar="DATE")],
    data: options.Data = options.DATA,
    label: Annotated[str, typer.Option("--label", help=say("option.label"), metavar="RULE")] = "",
    horizon: Annotated[str, typer.Option("--horizon", help=say("option.horizon"), metavar="SPAN")] = "7d",
    kind: options.Kind = "",
    timezone: options.Zone = options.ZONE,
    seed: Annotated[int, typer.Option("--seed", help=say("option.seed"))] = 0,
    as_json: options.Json = False,
) -> None:
    from commands.installation import installation
    from facility.channels import catalogue
    from models.labels import parse_label
    from models.training import train as learn

    place, length = options.zone(timezone), options.span(horizon)
    end = options.midnight(options.day(until), place)
    wanted = parse_label(label, catalogue()) if label else None
    with installation(data) as here, progress(as_json) as shown:
        task = shown.add_task(say("train.progress"), total=None)
        trained = learn(
            here.store,
            here.assets(kind),
            until=end,
            label=wanted,
            horizon=length,
            timezone=place,
            folder=here.folder.models,
            seed=seed,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    if as_json:
        show_json({"version": trained.version, "label": str(trained.label), **trained.card})
        return
    typer.echo(say("train.done", version=trained.version, label=trained.label, until=until))
    for name, value in trained.card.items():
        typer.echo(f"  {name}: {value}")
