"""What the watcher asks of ingest: whether it runs and is well, and who is not received."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.alerts import Alert
    from ingest.monitor.status import Voices
    from serviceday.alerts.conditions import Condition
    from serviceday.watch.health import Trouble

SAID_WITHIN = 60.0  # seconds; older news of a running ingest is no news


def heard_conditions(here: Installation, *, now: datetime, timezone: tzinfo) -> list[Condition]:
    """Silences, and the health of ingest and store. Nobody is called silent while nothing is taken in."""
    from serviceday.watch.health import store_trouble, system_conditions

    alerts = here.records.alerts.open()
    health = here.store.health()
    voices = _voices(here, now)
    troubles = [
        *([] if health.ok else [store_trouble(health.detail)]),
        *([] if voices is None else _ingest_troubles(voices, now)),
    ]
    conditions = system_conditions(troubles, alerts, now=now)
    if troubles or voices is None:  # without a journal readings come from files, or ingest runs elsewhere
        return conditions
    return conditions + _silences(here, voices, alerts, now, timezone)


def watcher_conditions(here: Installation, *, now: datetime, timezone: tzinfo) -> list[Condition]:
    """That the watcher has died, if it has: it can't tell that itself."""
    from serviceday.alerts.limits import told_at
    from serviceday.watch.health import system_conditions, watcher_trouble
    from serviceday.watch.heartbeat import read_heartbeat

    sign = read_heartbeat(here.folder.heartbeat)
    if sign is None or not sign.died(now):
        return []
    return system_conditions([watcher_trouble(told_at(sign.looked_at, timezone))], [], now=now)


def _voices(here: Installation, now: datetime) -> Voices | None:
    from facility.catalogue.catalogue import catalogue
    from ingest.monitor.status import read_voices, reading

    journals = here.folder.journals()
    if not journals:
        return None
    assets = {asset.id: asset for asset in here.records.estate.assets()}
    with ExitStack() as opened:
        connections = [opened.enter_context(reading(journal)) for journal in journals]
        return read_voices(connections, assets, catalogue(), now)


def _ingest_troubles(voices: Voices, now: datetime) -> list[Trouble]:
    from facility.i18n.phrases import Text
    from serviceday.watch.health import ingest_trouble

    health = voices.notes.get("health")
    runs = bool(health and not health["ended"] and now.timestamp() - health["at_us"] / 1e6 < SAID_WITHIN)
    if not health:
        return []
    if not runs:
        return [ingest_trouble(None)]
    if health["healthy"]:
        return []
    findings = [Text(zh=entry["zh"], en=entry["en"]) for entry in health["findings"] if entry.get("fault", True)]
    return [ingest_trouble(findings)]


def _silences(
    here: Installation, voices: Voices, alerts: list[Alert], now: datetime, timezone: tzinfo
) -> list[Condition]:
    from facility.standing import in_use
    from ingest.monitor.liveness import State
    from serviceday.watch.silence import Listened, Quiet, habits, silence_conditions

    assets = in_use(here.records.estate.assets(), here.records.trail.spells(), now.astimezone(timezone).date())
    silent = [entry for entry in voices.lives if entry.state is State.NOT_RECEIVED and entry.since is not None]
    heard = Counter(entry.asset for entry in voices.lives if entry.channel and entry.state is not State.NEVER)
    latest: dict[str, datetime] = {}
    for entry in voices.lives:
        if entry.advanced is not None and (entry.asset not in latest or entry.advanced > latest[entry.asset]):
            latest[entry.asset] = entry.advanced
    quiet = [Quiet(entry.asset, entry.channel, entry.since) for entry in silent if entry.since]
    listened = Listened(quiet, heard, latest)
    by_id = {asset.id: asset for asset in assets}
    return silence_conditions(listened, by_id, alerts, habits(here.store), now=now, timezone=timezone)
