"""`simulate`: a fleet with hidden faults, published to any broker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands import options
from commands.shown import progress, show_json
from commands.words import say
from facility.errors import CannotDo

if TYPE_CHECKING:
    from facility.folder import DataFolder
    from simulators.simulation import Simulation

Assets = Annotated[int, typer.Option("--assets", help=say("simulate.assets"), min=1)]
History = Annotated[str, typer.Option("--history", help=say("simulate.history"), metavar="SPAN")]
Until = Annotated[str, typer.Option("--until", help=say("simulate.until"), metavar="DATE")]
Seed = Annotated[int, typer.Option("--seed", help=say("option.seed"))]
Faults = Annotated[float, typer.Option("--faults", help=say("simulate.faults"), min=0, max=1)]
Speed = Annotated[float, typer.Option("--speed", help=say("demo.speed"), min=0.01)]


def simulation(
    folder: DataFolder,
    *,
    assets: int,
    history: timedelta,
    until: str,
    seed: int,
    faults: float,
    timezone: ZoneInfo,
) -> Simulation:
    """The folder's simulation, gone on with if there is one, begun otherwise. Raises `CannotDo` if it is another one."""
    from simulators.simulation import Simulation

    if Simulation.exists(folder):
        found = Simulation.resume(folder)
        if (found.assets, found.seed, found.faults) != (assets, seed, faults):
            raise CannotDo(
                f"{folder.path} holds another simulation ({found.assets} assets, seed {found.seed}, faults {found.faults:g})",
                "Say the same --assets, --seed and --faults, or choose another folder with --data",
            )
        return found
    end = options.midnight(options.day(until), timezone) if until else _full_hour(datetime.now(UTC))
    refuse_if_too_long(folder, assets=assets, history=history)
    return Simulation.create(
        folder, assets=assets, seed=seed, start=end - history, end=end, faults=faults, timezone=timezone
    )


def refuse_if_too_long(folder: DataFolder, *, assets: int, history: timedelta) -> None:
    """Raises `CannotDo` if the history would not fit on the disk with room to spare."""
    import shutil

    from simulators.simulation import estimate_bytes

    needed = estimate_bytes(assets=assets, history=history)
    free = shutil.disk_usage(folder.path).free
    if needed > 0.8 * free:
        raise CannotDo(
            f"{history.days} days of {assets} assets need about {needed / 1e9:,.1f} GB and"
            f" {folder.path} has {free / 1e9:,.1f} GB free",
            "Ask for a shorter --history or fewer --assets, or choose another disk with --data",
        )


def _full_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
