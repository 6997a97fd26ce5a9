"""`demo`: the whole job on a simulated fleet, through the ordinary commands and the ordinary configuration."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import options, simulate
from commands.serve import HOST, PORT
from commands.shown import progress, show_table
from commands.words import say
from facility.errors import CannotCommunicate
from facility.folder import DataFolder
from facility.language import preferred

if TYPE_CHECKING:
    from commands.running import Children
    from ingest.address import BrokerAddress
    from simulators.simulation import Simulation

SETTLES_WITHIN = 600.0  # seconds for the last reading to reach the store
SCORE_EVERY = 300.0  # seconds between assessments while live
HORIZON = timedelta(days=7)


def demo(
    data: Annotated[
        Path | None, typer.Option("--data", envvar="SERVICEDAY_DATA", help=say("demo.data"), metavar="DIR")
    ] = None,
    assets: simulate.Assets = 60,
    history: simulate.History = "45d",
    until: simulate.Until = "",
    seed: simulate.Seed = 7,
    faults: simulate.Faults = 0.125,
    broker: options.Broker = "",
    broker_port: Annotated[int, typer.Option("--broker-port", help=say("demo.broker_port"), min=0, max=65535)] = 0,
    headless: Annotated[bool, typer.Option("--headless", help=say("demo.headless"))] = False,
    port: Annotated[int, typer.Option("--port", help=say("demo.port"), min=1, max=65535)] = PORT,
    hours: Annotated[float, typer.Option("--hours", help=say("demo.hours"))] = 8.0,
    people: Annotated[int, typer.Option("--people", help=say("demo.people"), min=1)] = 2,
    speed: simulate.Speed = 60.0,
    timezone: options.Zone = options.ZONE,
    summary: Annotated[Path | None, typer.Option("--json", help=say("demo.json_out"), metavar="FILE")] = None,
) -> None:
    from commands.running import Children, free_port_or_refuse

    began = time.monotonic()
    place, span = options.zone(timezone), options.span(history)
    folder = DataFolder(data or _own_folder(assets, span, seed, faults, until)).prepare()
    with folder.claim("demo"):
        pass
    if not headless:
        free_port_or_refuse(HOST, port)
    with ExitStack() as held, _ended_by_signal() as ending:
        running = simulate.simulation(
            folder, assets=assets, history=span, until=until, seed=seed, faults=faults, timezone=place
        )
        typer.echo(
            say("demo.resumes", folder=folder.path)
            if running.resumed
            else say("demo.fleet", assets=assets, history=history, seed=seed),
            err=True,
        )
        simulate.register(folder, running)
        address = _broker(held, broker, broker_port)
        children = held.enter_context(Children())
        _start_ingest(children, folder, broker or str(address))
        end = running.end if not running.resumed else datetime.now(UTC)
        _publish(running, address, end, children)
        _settle(folder, running, children)
        result = _assess_and_plan(folder, running, place, end, hours, people)
        result["seconds"] = round(time.monotonic() - began, 1)
        if summary is not None:
            _write_summary(summary, result)
        _show(result)
        if not headless:
            _live(children, folder, running, address, port, speed, timezone, ending)
        typer.echo(say("demo.stopping"), err=True)


def _own_folder(assets: int, span: timedelta, seed: int, faults: float, until: str) -> Path:
    """One folder for each set of arguments, so that a repeated command goes on and another begins anew."""
    parts = [f"{assets}-assets", f"{span.days}d", f"seed-{seed}"]
    if faults != 0.125:
        parts.append(f"faults-{faults:g}")
    if until:
        parts.append(until)
    return options.DATA / ("demo-" + "-".join(parts))


def _broker(held: ExitStack, broker: str, port: int) -> BrokerAddress:
    from ingest.address import BrokerAddress
    from ingest.broker import embedded_broker

    return BrokerAddress.parse(broker) if broker else held.enter_context(embedded_broker(port=port))


def _start_ingest(children: Children, folder: DataFolder, url: str) -> None:
    """The ordinary `serviceday ingest`, in a process of its own; returns when it takes messages in."""
    children.start_and_wait(
        "ingest",
        [sys.executable, "-m", "commands.main", "ingest", "--data", str(folder.path)],
        environment={"SERVICEDAY_BROKER": url},  # not on the command line: others could read a password there
        log=folder.path / "ingest.log",
    )


def _publish(running: Simulation, address: BrokerAddress, end: datetime, children: Children) -> None:
    with progress() as shown:
        total = running.expected_readings(end)
        task = shown.add_task(say("demo.publishing"), total=total)

        def seen(readings: int) -> None:
            shown.update(task, completed=min(readings, total))
            children.check()

        running.publish_history(address, until=end, on_progress=seen)
        shown.update(task, completed=total)


def _settle(folder: DataFolder, running: Simulation, children: Children) -> None:
    """Wait until every reading published is accounted for."""
    from ingest.ledger import ledger

    deadline = time.monotonic() + SETTLES_WITHIN
    with progress() as shown:
        task = shown.add_task(say("demo.storing"), total=running.published)
        while True:
            counts = ledger(folder)
            shown.update(task, completed=min(int(counts["journalled"]), running.published))
            if counts["journalled"] >= running.published and counts["pending"] == 0:
                return
            children.check()
            if time.monotonic() > deadline:
                raise CannotCommunicate(
                    f"only {counts['journalled']:,} of {running.published:,} readings arrived within"
                    f" {SETTLES_WITHIN:.0f} s",
                    f"See {folder.path / 'ingest.log'}; run the same command again to go on",
                )
            time.sleep(0.2)
