"""`watch`: alerts within seconds, for as long as it runs."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.console_log import log_to_console
from commands.app.messages import say
from commands.app.output import tell
from commands.app.processes import asked_to_stop
from commands.telling import Telling, rules_path
from facility.errors import CannotParse, ServicedayError
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.alerts import Alert
    from serviceday.alerts import AlertChanges
    from serviceday.alerts.conditions import Condition
    from serviceday.watch.heartbeat import DeadMansSwitch
    from serviceday.watch.watcher import Watcher

LISTEN_EVERY = 30.0  # seconds between looks at who is silent and how ingest is
WAIT_AT_MOST = 30.0  # seconds between tries while the store does not answer

log = logging.getLogger(__name__)


def watch(
    data: options.Data = options.DATA,
    every: Annotated[float, typer.Option("--every", help=say("watch.every"), min=0.05, max=60)] = 1.0,
    once: Annotated[bool, typer.Option("--once", help=say("watch.once"))] = False,
    alive: Annotated[
        str, typer.Option("--alive", envvar="SERVICEDAY_ALIVE", help=say("watch.alive"), metavar="URL|FILE")
    ] = "",
    telling: Annotated[bool, typer.Option("--tell/--no-tell", help=say("watch.tell"))] = True,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Follow what is stored: alerts open within seconds."""
    from commands.installation import installation
    from serviceday.watch.heartbeat import DeadMansSwitch
    from serviceday.watch.watcher import Watcher

    place = options.zone(timezone)
    if "://" in alive and not alive.startswith(("http://", "https://")):
        raise CannotParse(
            "{alive!r} is no address that can be asked", "Give http:// or https://, or a file", alive=alive
        )
    log_to_console()
    with (
        installation(data) as here,
        here.folder.watch(),
        asked_to_stop() as stop,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="listening") as beside,
        _telling(here, stop, wanted=telling and not once),
    ):
        if not as_json:
            tell(say("watch.ready", folder=here.folder.path))
        turns = _Turns(
            here=here,
            watcher=Watcher(here.records, here.store, timezone=place),
            switch=DeadMansSwitch(alive),
            place=place,
            as_json=as_json,
            beside=beside,
        )
        if once:
            turns.catch_up()
        else:
            turns.until(stop, every)
        turns.end()


@contextmanager
def _telling(here: Installation, stop: threading.Event, *, wanted: bool) -> Iterator[None]:
    """Tell people beside the looks, where the data folder has rules for it; wrong ones are refused at the start."""
    path = rules_path(here.folder.path)
    if not (wanted and path.exists()):
        yield
        return
    thread = threading.Thread(target=Telling(here.records, here.folder.path, path).until, args=[stop], name="telling")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@dataclass(kw_only=True)
class _Turns:
    """Looks, one after the other, and says what each brought."""

    here: Installation
    watcher: Watcher
    switch: DeadMansSwitch
    place: ZoneInfo
    as_json: bool
    beside: ThreadPoolExecutor
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    looked_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    readings: int = 0
    listening: Future[list[Condition]] | None = None
    listened: float = float("-inf")
    failures: int = 0

    def catch_up(self) -> None:
        """Listen, and look until there is nothing more."""
        self._listen(datetime.now(UTC))
        wait([future for future in [self.listening] if future])
        while self.look():
            pass

    def until(self, stop: threading.Event, every: float) -> None:
        """Look every so many seconds, at once where more is waiting, until told to stop."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                more = self.look()
                self.failures = 0
            except ServicedayError as error:
                more = False
                self._failed(error)
            pause = every if not self.failures else min(WAIT_AT_MOST, every * 2**self.failures)
            if not more:
                stop.wait(max(0.0, pause - (time.monotonic() - began)))

    def look(self) -> bool:
        """One look. Whether there is more to be had at once."""
        now = datetime.now(UTC)
        look = self.watcher.look(now, self._listen(now))
        self.readings += look.readings
        self.looked_at = now
        self._beat()
        self.switch.press(now)
        self._say(look.changes)
        return look.more

    def _listen(self, now: datetime) -> list[Condition]:
        """Who is silent and how ingest is, now and then; found out beside the looks, which do not wait for it."""
        from commands.listening import heard_conditions

        conditions: list[Condition] = []
        if self.listening is not None and self.listening.done():
            listening, self.listening = self.listening, None
            try:
                conditions = listening.result()
            except ServicedayError as error:
                log.warning("who is silent cannot be told (%s); it is tried again", error)
        if self.listening is None and time.monotonic() - self.listened >= LISTEN_EVERY:
            self.listened = time.monotonic()
            self.listening = self.beside.submit(heard_conditions, self.here, now=now, timezone=self.place)
        return conditions

    def _failed(self, error: ServicedayError) -> None:
        """The store or the records do not answer. If the records do, that is an alert."""
        from serviceday.watch.health import store_trouble, system_conditions

        self.failures += 1
        log.warning("cannot look (%s); it is tried again", error)
        self._beat(str(error))
        if self.failures == 2:
            now = datetime.now(UTC)
            try:
                self._say(self.watcher.tell(now, system_conditions([store_trouble(str(error))], [], now=now)))
            except ServicedayError as again:
                log.warning("cannot look (%s); it is tried again", again)

    def end(self) -> None:
        """Say that it was told to end: nobody need be alarmed that it no longer looks."""
        self._beat(ended=True)

    def _beat(self, problem: str = "", *, ended: bool = False) -> None:
        from serviceday.watch.heartbeat import Heartbeat, write_heartbeat

        sign = Heartbeat(
            pid=os.getpid(),
            since=self.since,
            looked_at=self.looked_at,
            readings=self.readings,
            problem=problem,
            ended=ended,
        )
        write_heartbeat(self.here.folder.heartbeat, sign)

    def _say(self, changes: AlertChanges) -> None:
        for what in ("opened", "updated", "cleared"):
            for alert in getattr(changes, what):
                self._say_alert(what, alert)

    def _say_alert(self, what: str, alert: Alert) -> None:
        now = datetime.now(UTC)
        if self.as_json:
            plain = {"at": now.isoformat(), "what": what, "alert": alert.id, "asset": alert.asset}
            plain |= {"cause": alert.cause, "severity": alert.severity.value, "state": alert.state.value}
            tell(json.dumps(plain | {"title": alert.title[preferred()], "reason": alert.reason[preferred()]}))
            return
        words = f"{alert.title[preferred()]}: {alert.reason[preferred()]}"
        severity = say(f"alerts.severity.{alert.severity}")
        moment = options.shown(now, self.place)
        tell(f"{moment}  #{alert.id} {say(f'watch.{what}')} [{severity}] {alert.asset}  {words}")
