"""`demo`: the whole job on a simulated fleet, through the ordinary commands and the ordinary configuration."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import demo_result, simulate
from commands.app import options
from commands.app.messages import say
from commands.app.output import progress, tell
from commands.app.processes import (
    GRACE,
    Children,
    answers_or_refuse,
    asked_to_stop,
    die_with_parent,
    free_port_or_refuse,
)
from commands.dashboard_command import HOST, PORT
from commands.main import EXIT_INTERRUPTED
from facility.errors import CannotCommunicate
from facility.folder import DataFolder
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from ingest.mqtt.address import BrokerAddress
    from simulators.simulation import Simulation

SILENCE = 120.0  # seconds without a new reading before we stop waiting for the rest
QUEUED = 500  # messages under way between us and the journal; mosquitto queues 1000 and drops the rest
SCORE_EVERY = 300.0  # seconds between assessments while live
INCIDENT_AFTER = timedelta(seconds=60)  # of the live part: a lift moves with open doors, and an alert opens
INCIDENT_LASTS = timedelta(minutes=2)
LIVE_FROM = timedelta(minutes=20)  # the history ends so long ago; live data catches up with the clock from there


def demo(
    data: Annotated[
        Path | None,
        typer.Option("--data", envvar="SERVICEDAY_DATA", help=say("demo.data"), metavar="DIR", parser=options.folder),
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
    speed: simulate.Speed = 12.0,
    timezone: options.Zone = options.ZONE,
    summary: Annotated[Path | None, typer.Option("--json", help=say("demo.json_out"), metavar="FILE")] = None,
) -> None:
    """The whole job in one command."""
    from ingest.mqtt.address import BrokerAddress

    began = time.monotonic()
    place, span = options.zone(timezone), options.span(history)
    folder = DataFolder(data or _own_folder(assets, span, seed, faults, until)).prepare()
    with folder.claim("demo"):
        pass
    if not headless:
        free_port_or_refuse(HOST, port)
    if broker:
        answers_or_refuse(BrokerAddress.parse(broker))
    with ExitStack() as stack, asked_to_stop() as stop:
        running = simulate.simulation(
            folder,
            assets=assets,
            history=span,
            end=simulate.history_end(until, place, behind=timedelta(0) if headless else LIVE_FROM),
            seed=seed,
            faults=faults,
            timezone=place,
        )
        tell(
            say("demo.resumes", folder=folder.path)
            if running.resumed
            else say("demo.fleet", assets=assets, history=history, seed=seed),
            error=True,
        )
        address = _broker(stack, broker, broker_port)
        children = stack.enter_context(Children())
        simulate.register(folder, running)
        _start_ingest(children, folder, broker or str(address), probe=bool(broker))
        end = running.end
        if running.resumed and not until:
            end = max(running.published_until, datetime.now(UTC) - LIVE_FROM)
        _publish(folder, running, address, end, children, stop)
        if not stop.is_set():
            _settle(folder, running, children, stop)
        if not stop.is_set():
            result = demo_result.assess_and_plan(folder, running, place, end, hours=hours, people=people)
            result["seconds"] = round(time.monotonic() - began, 1)
            demo_result.show(result, summary)
        if not stop.is_set() and not headless:
            _live(children, folder, running, address, port, speed, timezone, stop)
        if stop.is_set():
            tell(say("demo.stopping"), error=True)
    if stop.is_set() and headless:
        raise typer.Exit(EXIT_INTERRUPTED)


def _own_folder(assets: int, span: timedelta, seed: int, faults: float, until: str) -> Path:
    """One folder for each set of arguments, so that a repeated command goes on and another begins anew."""
    parts = [f"{assets}-assets", f"{span.days}d", f"seed-{seed}"]
    if faults != 0.125:
        parts.append(f"faults-{faults:g}")
    if until:
        parts.append(until)
    return options.DATA / ("demo-" + "-".join(parts))


def _broker(stack: ExitStack, broker: str, port: int) -> BrokerAddress:
    from ingest.mqtt.address import BrokerAddress
    from ingest.mqtt.embedded import embedded_broker

    return BrokerAddress.parse(broker) if broker else stack.enter_context(embedded_broker(port=port))


def _start_ingest(children: Children, folder: DataFolder, url: str, *, probe: bool) -> None:
    """The ordinary `serviceday ingest`, in a process of its own; returns when it takes messages in."""
    children.start_and_wait(
        "ingest",
        [
            *(sys.executable, "-m", "commands.main", "ingest", "--data", str(folder.path)),
            *(() if probe else ("--no-probe",)),  # the embedded broker's limits are our own
        ],
        environment={"SERVICEDAY_BROKER": url},  # not on the command line: others could read a password there
        log=folder.path / "ingest.log",
    )


def _publish(
    folder: DataFolder,
    running: Simulation,
    address: BrokerAddress,
    end: datetime,
    children: Children,
    stop: threading.Event,
) -> None:
    """Publish the history no faster than ingest journals it, so that no broker's queue overflows."""
    from ingest.journal.ledger import ledger
    from simulators.publishing import publish_history

    def journalled() -> int:
        counts: dict[str, Any] = ledger(folder)
        return int(counts["messages"]["journalled"])

    already = journalled()

    def pace(sent: int) -> None:
        while sent - (journalled() - already) > QUEUED and not stop.wait(0.01):
            children.check()

    with progress() as shown:
        total = running.expected_readings(end)
        task = shown.add_task(say("demo.publishing"), total=total)

        def seen(readings: int) -> None:
            shown.update(task, completed=readings, total=max(total, readings))
            children.check()

        sent = publish_history(address, running, until=end, stop=stop, pace=pace, on_progress=seen)
        shown.update(task, completed=sent.readings, total=sent.readings)


def _settle(folder: DataFolder, running: Simulation, children: Children, stop: threading.Event) -> None:
    """Wait until every reading published is accounted for."""
    from ingest.journal.ledger import ledger

    quiet_since, seen = time.monotonic(), -1
    with progress() as shown:
        task = shown.add_task(say("demo.storing"), total=running.published)
        while not stop.is_set():
            counts: dict[str, Any] = ledger(folder)
            shown.update(task, completed=min(counts["journalled"], running.published))
            if counts["journalled"] >= running.published and counts["pending"] == 0:
                return
            children.check()
            if counts["journalled"] != seen:
                quiet_since, seen = time.monotonic(), counts["journalled"]
            if time.monotonic() - quiet_since > SILENCE:
                raise CannotCommunicate(
                    "{seen:,} of {published:,} readings arrived, and none for {seconds:.0f} s",
                    "See {log}; run the same command again to go on",
                    seen=seen,
                    published=running.published,
                    seconds=SILENCE,
                    log=folder.path / "ingest.log",
                )
            stop.wait(0.2)


def _live(
    children: Children,
    folder: DataFolder,
    running: Simulation,
    address: BrokerAddress,
    port: int,
    speed: float,
    timezone: str,
    stop: threading.Event,
) -> None:
    """Serve the dashboard, watch, publish what falls due, and assess anew now and then, until told to stop."""
    from commands.dashboard_command import asks
    from dashboard.serve import address as page
    from dashboard.serve import command, environment
    from simulators.incident import moves_with_open_doors
    from simulators.publishing import publish_live

    children.start(
        "watch",
        [sys.executable, "-m", "commands.main", "watch", "--data", str(folder.path), "--timezone", timezone],
        log=folder.path / "watch.log",
    )
    children.start(
        "dashboard",
        command(folder.path, host=HOST, port=port, language=preferred(), timezone=timezone),
        environment=environment(),
        log=folder.path / "dashboard.log",
    )
    scoring = threading.Thread(target=_score_until, args=(folder, timezone, stop), daemon=True)
    scoring.start()
    tell(say("demo.live", address=page(HOST, port)))
    if not asks(folder):
        tell(say("demo.open"))
    now = datetime.now(UTC)
    running.besides = moves_with_open_doors(
        running.estate.assets, running.published_until, now, speed=speed, after=INCIDENT_AFTER, lasts=INCIDENT_LASTS
    )
    publish_live(
        address,
        running,
        now,
        speed=speed,
        stop=stop,
        on_progress=lambda _readings: children.check(),
    )
    stop.set()
    scoring.join(GRACE)


def _score_until(folder: DataFolder, timezone: str, stop: threading.Event) -> None:
    """The ordinary `serviceday score`, each time in a process of its own that gives its memory back."""
    command = [sys.executable, "-m", "commands.main", "score", "--data", str(folder.path), "--timezone", timezone]
    with (folder.path / "score.log").open("ab") as log:
        while not stop.wait(SCORE_EVERY):
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent
            )
            while child.poll() is None:
                if stop.wait(0.2):
                    child.terminate()
                    child.wait()
