"""The life of ingest: claim the folder, receive, drain, keep house, and end cleanly."""

from __future__ import annotations

import logging
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import FrameType

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import Store
from ingest.devices.setup import DeviceSetup
from ingest.journal.codec_state import load_codec_state
from ingest.journal.damage import corrupt, damaged_journal
from ingest.journal.journal import LIMIT, Journal
from ingest.journal.quarantine_room import QUARANTINE_LIMIT
from ingest.journal.store_identity import note_identity, refuse_strange
from ingest.monitor.http import served
from ingest.monitor.monitor import Watch
from ingest.mqtt.address import BrokerAddress
from ingest.mqtt.receiver import Receiver
from ingest.sink import Sink
from ingest.topics import Rules

APPEND_EVERY = 1.0  # seconds between appends of a trickle
SYNC_EVERY = 10.0
MAINTAIN_EVERY = 20.0
KEEP_MESSAGES = 60.0  # seconds after the store has them on disk, whatever the clock says
RETRY_AT_MOST = 30.0  # seconds
LAST_DRAIN = 20.0
TURN = 0.001  # seconds a thread may compute before others get their turn: a broker waits for acknowledgements
REPLAYS_EVERY = 1.0  # seconds between looks for replays that were asked for, while nothing arrives

log = logging.getLogger(__name__)


class Ingest:
    """Takes readings into one data folder. One process at a time may (`CannotDo` for a second).

    With `share` any number may, each with a journal of its own: they divide the messages of that group among them.
    """

    def __init__(
        self,
        folder: DataFolder,
        store: Store,
        address: BrokerAddress,
        directory: Callable[[], Mapping[str, Asset]],
        *,
        rules: Rules | None = None,
        http: str = "",
        probe_broker: bool = False,
        share: str = "",
        journal_limit: int = LIMIT,
        quarantine_limit: int = QUARANTINE_LIMIT,
        devices: DeviceSetup | None = None,
    ) -> None:
        self._share = share
        self._journal_limit = journal_limit
        self._quarantine_limit = quarantine_limit
        self._rules = rules or Rules()
        self._devices = devices or DeviceSetup(rules=self._rules)
        self._http = http
        self._probe_broker = probe_broker
        self._folder = folder
        self._store = store
        self._address = address
        self._directory = directory
        self._held = ExitStack()
        self._ending = threading.Event()
        self._hurry = threading.Event()
        self._journalled = threading.Event()
        self._scarce = False
        self._safe: list[tuple[float, int]] = []  # when which position was safe in the store
        self._quarantine_full = False
        self._settled = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._receiver: Receiver
        self._journal: Journal
        self._watch: Watch
        self.page = ""  # where /healthz and /metrics are, if they are served

    def start(self) -> None:
        """Begin. Returns once the broker delivers to us; raises `CannotDo` or `CannotCommunicate` otherwise."""
        member = self._held.enter_context(self._folder.claim("ingest", shared=bool(self._share)))
        try:
            self._journal = Journal(
                self._folder.journal_of(member), limit=self._journal_limit, quarantine_limit=self._quarantine_limit
            )
            self._held.callback(self._journal.close)
            refuse_strange(self._folder, identity := self._store.identity())
            with self._journal.transaction() as writer:
                note_identity(writer, identity)
            with self._journal.transaction() as connection:
                self._devices.state.load(load_codec_state(connection))
            learned = self._devices.dialects.learned(self._devices.state)
            self._watch = Watch(self._journal, self._directory, catalogue())
            if self._http:
                self.page = self._held.enter_context(served(self._http, self._watch.pages()))
            self._receiver = Receiver(
                self._address,
                self._journal,
                on_journalled=self._journalled,
                filters=(*self._rules.filters, *self._devices.dialects.topic_filters, *learned),
                share=self._share,
                host_state=None if self._share else self._devices.host_state,
            )
            self._receiver.start()
            self._watch.attend(self._receiver)
        except BaseException:
            self._held.close()
            raise
        self._journalled.set()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("sink", self._drain_until_ended), ("housekeeping", self._keep_house_until_ended))
        ]
        for thread in self._threads:
            thread.start()
        if self._probe_broker:
            threading.Thread(target=self._learn_of_broker, name="probe", daemon=True).start()

    def stop(self) -> None:
        """End: bring to disk what has arrived, into the store what can be, and leave the folder to others."""
        self._receiver.stop()
        if not self.drain(LAST_DRAIN):
            log.warning("%s messages wait in the journal for the next start", self._journal.counts().pending)
        self._ending.set()
        self._journalled.set()
        self._hurry.set()
        for thread in self._threads:
            thread.join()
        self._watch.save(ended=True)
        self._held.close()

    def run(self, on_ready: Callable[[], object] | None = None) -> None:
        """Start, say so, serve until SIGINT or SIGTERM, stop. Call from the main thread."""
        event = threading.Event()

        def ask(_signal: int, _frame: FrameType | None) -> None:
            event.set()

        sys.setswitchinterval(TURN)
        before = {signals: signal.signal(signals, ask) for signals in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.start()
            try:
                if on_ready is not None:
                    on_ready()
                while not event.wait(1):
                    pass
            finally:
                self.stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def drain(self, timeout: float) -> bool:
        """Wait until all that was received is decoded and in the store. False if it took longer than `timeout`."""
        deadline = time.monotonic() + timeout
        self._hurry.set()
        try:
            with self._settled:
                while self._receiver.waiting() or self._journal.counts().pending:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        return False
                    self._settled.wait(min(left, 0.1))
            return True
        finally:
            self._hurry.clear()

    def __enter__(self) -> Ingest:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- threads --------------------------------------------------------------------------------------------------

    def _learn_of_broker(self) -> None:
        try:
            self._watch.learn_of_broker(self._address)
        except Exception as error:  # noqa: BLE001 - good to know, and not needed
            log.info("the broker could not be probed: %s", error)

    def _drain_until_ended(self) -> None:
        sink = Sink(
            self._journal,
            self._store,
            self._directory,
            catalogue(),
            devices=self._devices,
            publish=self._receiver.publish,
            subscribe=self._receiver.subscribe,
            hearing=self._watch.hearing,
            host_clock=self._watch.host_clock,
        )
        recovered = False
        failures = 0
        while not self._ending.is_set():
            try:
                if not recovered:
                    sink.recover()
                    recovered = True
                self._journalled.clear()
                if self._ending.is_set():  # asked after the loop looked: the wake-up was just cleared
                    return
                began = time.monotonic()
                if sink.step():
                    with self._settled:
                        self._settled.notify_all()
                    if not sink.behind:
                        self._hurry.wait(max(0.0, APPEND_EVERY - (time.monotonic() - began)))
                else:
                    self._journalled.wait(REPLAYS_EVERY)
                failures = 0
                self._watch.store_error = ""
            except Exception as error:  # noqa: BLE001 - store and registry may fail in any way; the journal keeps all
                recovered = False
                wait = min(RETRY_AT_MOST, 0.5 * 2**failures)
                failures += 1
                if isinstance(error, sqlite3.Error) and corrupt(error):
                    error = damaged_journal(self._journal.file, error)
                self._watch.store_error = str(error)
                log.warning("cannot store (%s); the journal keeps everything, next try in %.1f s", error, wait)
                self._ending.wait(wait)

    def _keep_house_until_ended(self) -> None:
        maintained = time.monotonic()
        while not self._ending.wait(SYNC_EVERY):
            try:
                self._watch.save()
                self._sync_and_trim()
                self._warn_of_scarce_room()
                if time.monotonic() - maintained >= MAINTAIN_EVERY:
                    self._store.maintain()
                    maintained = time.monotonic()
            except Exception as error:  # noqa: BLE001 - as above
                log.warning("housekeeping failed (%s); it is tried again", error)

    def _sync_and_trim(self) -> None:
        """Delete messages some time after the store had them on disk, by a clock that nobody sets."""
        position = self._journal.position()
        self._store.sync()
        self._safe.append((time.monotonic(), position))
        old = [safe for moment, safe in self._safe if time.monotonic() - moment >= KEEP_MESSAGES]
        if old:
            self._safe = self._safe[len(old) :]
            self._journal.trim(old[-1])

    def _warn_of_scarce_room(self) -> None:
        room = self._journal.room()
        if room.scarce and not self._scarce:
            log.warning("the journal will soon take nothing more (%s); is the store taking readings?", room)
        self._scarce = room.scarce
        filling = self._journal.filling()
        if filling.full and not self._quarantine_full:
            log.warning(
                "quarantine is full (%s): what is refused is only counted, good readings flow on; to empty it:"
                " serviceday quarantine drop --all --for-good",
                filling,
            )
        self._quarantine_full = filling.full
