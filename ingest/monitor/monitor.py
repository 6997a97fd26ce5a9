"""Watches a running ingest: keeps what is heard, says how it is, and answers who asks over HTTP."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from facility.catalogue.catalogue import Catalogue
from facility.estate import Asset
from facility.i18n.phrases import LANGUAGES, preferred
from ingest.findings import Finding
from ingest.journal.journal import Journal
from ingest.monitor import channel_state, clock_offset
from ingest.monitor.channel_state import SAVED_AT_ONCE, Hearing
from ingest.monitor.health import QUIET_AFTER, Facts, findings, healthy
from ingest.monitor.host_clock import HostClock
from ingest.monitor.http import JSON, TEXT, Answer, as_json
from ingest.monitor.metrics import exposition
from ingest.monitor.status import Overview, read_overview, reading
from ingest.monitor.uptime import Listening, expect, read_listening, save_listening, write_note
from ingest.mqtt.address import BrokerAddress
from ingest.mqtt.probe import probe

log = logging.getLogger(__name__)

COUNTED_EVERY = 10.0  # seconds; between, /metrics repeats what it counted last


class Connection(Protocol):
    """What is watched of the receiver."""

    @property
    def connected(self) -> bool: ...
    @property
    def refusing(self) -> str: ...
    @property
    def last_packet(self) -> float: ...


class Watch:
    """Of one running ingest. Its methods may be called from any thread."""

    def __init__(
        self,
        journal: Journal,
        directory: Callable[[], Mapping[str, Asset]],
        catalogue: Catalogue,
        *,
        quiet_after: float = QUIET_AFTER,
    ) -> None:
        self.hearing = Hearing()
        self.host_clock = HostClock()
        self.store_error = ""
        self._journal = journal
        self._directory = directory
        self._catalogue = catalogue
        self._quiet_after = quiet_after
        self._started = time.monotonic()
        self._receiver: Connection | None = None
        self._expected: set[str] = set()
        self._moved_at = time.monotonic()
        self._position = -1
        self._counted: tuple[float, Overview] | None = None
        self._counting = threading.Lock()
        with reading(journal.file) as connection:
            self._listening = read_listening(connection)
            self.hearing.load(connection)
            self.host_clock.load(connection)

    def attend(self, receiver: Connection) -> None:
        """From now on ingest listens through this receiver."""
        self._receiver = receiver
        self._started = time.monotonic()

    def save(self, *, ended: bool = False) -> None:
        """Bring to disk what was heard, and how we are, a little at a time."""
        now_us = time.time_ns() // 1000
        while rows := self.hearing.unsaved():
            with self._journal.transaction() as writer:
                channel_state.save(writer, rows)
        while ways := self.hearing.clocks.unsaved(SAVED_AT_ONCE):
            with self._journal.transaction() as writer:
                clock_offset.save(writer, ways, now_us)
        new = [asset for asset in self._directory() if asset not in self._expected]
        problems = findings(self.facts())
        with self._journal.transaction() as writer:
            expect(writer, new, now_us)
            self.host_clock.save(writer)
            if self._receiver is not None and self._receiver.connected:
                self._listening = self._listening.going_on(now_us)
                save_listening(writer, self._listening)
            write_note(writer, "health", _told(problems) | {"at_us": now_us, "ended": ended}, now_us)
        self._expected.update(new)

    def learn_of_broker(self, address: BrokerAddress) -> None:
        """Probe the broker, tell the operator what will hurt, a line each, and note it for `status`."""
        limits = probe(address)
        if limits is None:
            log.warning("broker %s could not be probed", address)
            return
        problems = limits.findings()
        for finding in problems:
            log.warning("broker %s: %s", address, finding.words[preferred()])
        with self._journal.transaction() as writer:
            write_note(
                writer, "broker", limits.shown() | {"advice": _told(problems)["findings"]}, time.time_ns() // 1000
            )

    def facts(self) -> Facts:
        receiver, counts = self._receiver, self._journal.counts()
        now, position = time.monotonic(), self._journal.position()
        room, filling = self._journal.room(), self._journal.filling()
        if position != self._position or not counts.pending:
            self._moved_at, self._position = now, position
        return Facts(
            connected=receiver is not None and receiver.connected,
            quiet_for=now - max(self._started, receiver.last_packet if receiver else 0.0),
            quiet_after=self._quiet_after,
            expecting=bool(counts.messages_received or self._directory()),
            refusing=receiver.refusing if receiver else "",
            pending=counts.pending,
            stuck_for=now - self._moved_at,
            store_error=self.store_error,
            adds_up=min(counts.pending, counts.quarantined) >= 0
            and counts.messages_received == counts.messages_journalled + counts.messages_redelivered,
            journal_scarce=str(room) if room.scarce else "",
            skew_us=self.host_clock.state.skew_us,
            skew_devices=self.host_clock.state.devices,
            quarantine_full=str(filling) if filling.full else "",
        )

    def pages(self) -> dict[str, Answer]:
        return {"/healthz": self._healthz, "/metrics": self._metrics}

    @property
    def listening(self) -> Listening:
        return self._listening

    def _healthz(self) -> tuple[int, str, bytes]:
        problems = findings(self.facts())
        return (200 if healthy(problems) else 503), JSON, as_json(_told(problems))

    def _metrics(self) -> tuple[int, str, bytes]:
        facts, assets = self.facts(), self._directory()
        sites = frozenset(asset.site for asset in assets.values())
        return 200, TEXT, exposition(self._overview(assets), facts, findings(facts), sites)

    def _overview(self, assets: Mapping[str, Asset]) -> Overview:
        with self._counting:
            if self._counted is None or time.monotonic() - self._counted[0] > COUNTED_EVERY:
                with reading(self._journal.file) as connection:
                    overview = read_overview([connection], assets, self._catalogue, datetime.now(UTC))
                self._counted = (time.monotonic(), overview)
            return self._counted[1]


def _told(problems: list[Finding]) -> dict[str, object]:
    return {
        "healthy": healthy(problems),
        "findings": [
            {"key": finding.key, "fault": finding.fault, "values": finding.values}
            | {language: finding.words[language] for language in LANGUAGES}
            for finding in problems
        ],
    }
