"""`simulate`: a fleet with hidden faults, published to any broker."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import progress, show_json, tell
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

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # ingest takes an older time for a clock that was never set


def simulation(
    folder: DataFolder,
    *,
    assets: int,
    history: timedelta,
    end: datetime,
    seed: int,
    faults: float,
    timezone: ZoneInfo,
) -> Simulation:
    """The folder's simulation: gone on with, or begun if there is none. Raises `CannotDo` if it is another one."""
    from simulators.simulation import Simulation

    if Simulation.exists(folder):
        simulation = Simulation.resume(folder)
        if (simulation.assets, simulation.seed, simulation.faults) != (assets, seed, faults):
            raise CannotDo(
                "{path} holds another simulation ({assets} assets, seed {seed}, faults {faults:g})",
                "Say the same --assets, --seed and --faults, or choose another folder with --data",
                path=folder.path,
                assets=simulation.assets,
                seed=simulation.seed,
                faults=simulation.faults,
            )
        return simulation
    if history > end - EARLIEST:
        raise CannotDo(
            "a history of {days} days up to {end:%Y-%m-%d} begins before {earliest:%Y-%m-%d}",
            "Ask for a shorter --history",
            days=history.days,
            end=end,
            earliest=EARLIEST,
        )
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
            "{days} days of {assets} assets need about {needed:,.1f} GB and {path} has {free:,.1f} GB free",
            "Ask for a shorter --history or fewer --assets, or choose another disk with --data",
            days=history.days,
            assets=assets,
            needed=needed / 1e9,
            path=folder.path,
            free=free / 1e9,
        )


def history_end(until: str, timezone: ZoneInfo, *, behind: timedelta = timedelta(0)) -> datetime:
    """Where a history ends: the start of the day named, or the last full hour (`behind` now)."""
    if until:
        end = options.midnight(options.day(until), timezone)
        if end > datetime.now(UTC):
            raise CannotDo(
                "--until {until} is in the future",
                "A history ends today at the latest; leave it out for now",
                until=until,
            )
        return end
    return (datetime.now(UTC) - behind).replace(minute=0, second=0, microsecond=0)


def register(folder: DataFolder, running: Simulation) -> None:
    """Put the simulated estate on record, as `import assets` does with a real one."""
    from facility.records import Records
    from simulators.maintenance import last_dates

    with Records(folder.records) as records:
        records.estate.put(running.estate, moves=True)  # a fleet of another size numbers its sites anew
        if not records.duties.last_done():
            done = last_dates(running.estate.assets, today=running.end.date(), seed=running.seed)
            records.duties.record(done, at=datetime.now(UTC), who="", source="simulate")


def simulate(
    broker: Annotated[
        str, typer.Option("--broker", envvar="SERVICEDAY_BROKER", help=say("simulate.broker"), metavar="URL")
    ] = "mqtt://127.0.0.1:1883",
    ca: options.Ca = None,
    cert: options.Cert = None,
    key: options.Key = None,
    data: options.Data = options.DATA,
    assets: Assets = 60,
    history: History = "45d",
    until: Until = "",
    seed: Seed = 7,
    faults: Faults = 0.125,
    live: Annotated[bool, typer.Option("--live", help=say("simulate.live"))] = False,
    speed: Speed = 1.0,
    dialect: Annotated[
        list[str] | None, typer.Option("--dialect", help=say("simulate.dialect"), metavar="NAME")
    ] = None,
    rate: Annotated[float, typer.Option("--rate", help=say("simulate.rate"), min=1)] = 500.0,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Simulate a fleet and publish its readings to a broker; the injected faults go to a side file."""
    from commands.app.processes import asked_to_stop
    from facility.folder import DataFolder
    from ingest.mqtt.address import BrokerAddress
    from simulators.publishing import publish_history, publish_live

    address = BrokerAddress.parse(broker).identified(os.environ).secured(ca, cert, key)
    place = options.zone(timezone)
    folder = DataFolder(data).prepare()
    with asked_to_stop() as stop:
        running = simulation(
            folder,
            assets=assets,
            history=options.span(history),
            end=history_end(until, place),
            seed=seed,
            faults=faults,
            timezone=place,
        )
        register(folder, running)
        translate = None
        if dialect:
            from commands.dialects import Interpreter

            translate = Interpreter(dialect, folder.path, place, at_most(rate, stop))
            translate.introduce(running.estate.assets)
        end = running.end if until or not running.resumed else max(running.published_until, datetime.now(UTC))
        with progress(as_json) as shown:
            task = shown.add_task(say("demo.publishing"), total=running.expected_readings(end))
            sent = publish_history(
                address,
                running,
                until=end,
                stop=stop,
                pace=None if translate else at_most(rate, stop),
                translate=translate,
                on_progress=lambda done: shown.update(task, completed=done),
            )
            shown.update(task, completed=sent.readings, total=sent.readings)
        if as_json:
            show_json({"published": running.published, "truth": str(folder.truth), **asdict(sent)})
        else:
            tell(
                say(
                    "simulate.done",
                    readings=f"{sent.readings:,}",
                    messages=f"{sent.messages:,}",
                    seconds=f"{sent.seconds:.1f}",
                    truth=folder.truth,
                )
            )
        if live and not stop.is_set():
            tell(say("simulate.live_now", speed=f"{speed:g}"), error=True)
            publish_live(address, running, datetime.now(UTC), speed=speed, stop=stop, translate=translate)


def at_most(rate: float, stop: threading.Event) -> Callable[[int], None]:
    """A pace of so many messages a second."""
    began = time.monotonic()

    def pace(sent: int) -> None:
        stop.wait(max(0.0, sent / rate - (time.monotonic() - began)))

    return pace
