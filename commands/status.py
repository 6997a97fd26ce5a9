"""`status`: the ledger of what came in, whether it adds up, who is silent, whose clock is off, and how ingest is."""

from __future__ import annotations

import time
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.messages import told as told_words
from commands.app.output import cell, show_json, show_table, tell
from facility.folder import DataFolder
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from ingest.monitor.status import Overview

LISTED = 40  # rows of a table; --json has them all
SAID_WITHIN = 60.0  # seconds; older news of a running ingest is no news


def picture(folder: DataFolder) -> dict[str, Any]:
    """The ledger and the store's counts of a data folder, as plain values."""
    from facility.store import open_store
    from ingest.journal.ledger import ledger
    from ingest.journal.store_identity import refuse_missing, strange

    refuse_missing(folder)
    store = open_store(folder.readings)
    try:
        size = store.size()
        problem = strange(folder, store.identity()) if folder.journals() else None
    finally:
        store.close()
    counts: dict[str, Any] = ledger(folder)
    return {
        "ledger": counts,
        "store": {
            "readings": size.readings,
            "bytes": size.bytes,
            "files": size.files,
            "first": size.first.isoformat() if size.first else None,
            "last": size.last.isoformat() if size.last else None,
            "problem": None if problem is None else str(problem),
        },
        "adds_up": counts["journalled"]
        == counts["stored"] + counts["duplicates"] + counts["quarantined"] + counts["dropped"],
    }


def overview(folder: DataFolder) -> Overview | None:
    """What is known of its ingest; None where it never ran."""
    from facility.catalogue.catalogue import catalogue
    from facility.records import Records
    from ingest.monitor.status import read_overview, reading

    if not folder.journals():
        return None
    with Records(folder.records) if folder.records.exists() else nullcontext() as records:
        assets = {asset.id: asset for asset in records.estate.assets()} if records else {}
    with ExitStack() as stack:
        journals = [stack.enter_context(reading(journal)) for journal in folder.journals()]
        return read_overview(journals, assets, catalogue(), datetime.now(UTC))


def notified(folder: DataFolder) -> dict[str, Any]:
    """Channels that deliver nothing, and how many messages wait."""
    from facility.notifications import MessageState
    from facility.records import Records

    if not folder.records.exists():
        return {"dead": [], "waiting": 0}
    now = datetime.now(UTC)
    with Records(folder.records) as records:
        health = records.notifications.health().values()
        waiting = len(records.notifications.due_messages(MessageState.QUEUED, now + timedelta(days=1)))
    dead = [each for each in health if each.dead(now)]
    return {
        "dead": [
            {"name": each.name, "since": each.failing_since and each.failing_since.isoformat(), "error": each.error}
            for each in dead
        ],
        "waiting": waiting,
    }


def assessed(folder: DataFolder) -> dict[str, int]:
    """How many of the registered assets in use are assessed, and how many are not and why; empty without records."""
    from facility.assessments import by_knowledge
    from facility.records import Records
    from facility.standing import in_use

    if not folder.records.exists():
        return {}
    with Records(folder.records) as records:
        assets = records.estate.assets()
        used = in_use(assets, records.trail.spells(), datetime.now(UTC).date())
        states = by_knowledge([asset.id for asset in used], records.assessments.latest())
    return {
        "registered": len(assets),
        "out_of_use": len(assets) - len(used),
        **{state.value: len(ids) for state, ids in states.items()},
    }


def watching(folder: DataFolder) -> dict[str, Any] | None:
    """What the watcher last said of itself, as plain values; None where none ever ran."""
    from serviceday.watch.heartbeat import read_heartbeat

    sign = read_heartbeat(folder.heartbeat)
    if sign is None:
        return None
    return {
        "running": sign.runs(datetime.now(UTC)),
        "since": sign.since.isoformat(),
        "looked_at": sign.looked_at.isoformat(),
        "readings": sign.readings,
        "problem": sign.problem or None,
    }


def running(ledger: Overview | None) -> bool:
    """Whether a running ingest said of itself lately how it is."""
    health = ledger.notes.get("health") if ledger else None
    return bool(health and not health["ended"] and time.time() - health["at_us"] / 1e6 < SAID_WITHIN)


def told(ledger: Overview, runs: bool) -> dict[str, Any]:
    """The overview as plain values, complete."""
    from ingest.monitor.liveness import State

    health = ledger.notes["health"] if runs else {"healthy": False, "findings": []}
    return {
        "running": runs,
        "health": {"healthy": health["healthy"], "findings": health["findings"]},
        "sources_add_up": ledger.adds_up,
        "quarantine": {reason.value: items for reason, items in ledger.quarantine.items()},
        "quarantine_bytes": ledger.quarantine_bytes,
        "quarantine_counted_only": ledger.counted_only,
        "channels": {state.value: many for state, many in ledger.states.items()},
        "silent": [_life(life) for life in ledger.lives if life.state in (State.NOT_RECEIVED, State.FROZEN)],
        "clocks": [asdict(clock) | {"wrong": clock.wrong} for clock in ledger.clocks],
        "sources": [asdict(source) for source in ledger.sources],
        "broker": ledger.notes.get("broker"),
    }


def status(
    data: options.Data = options.DATA,
    sources: Annotated[bool, typer.Option("--sources", help=say("status.sources_help"))] = False,
    silent: Annotated[bool, typer.Option("--silent", help=say("status.silent_help"))] = False,
    clocks: Annotated[bool, typer.Option("--clocks", help=say("status.clocks_help"))] = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """What was received, journalled, stored, duplicate, late, quarantined; and whether it adds up."""
    folder, place = DataFolder(data).existing(), options.zone(timezone)
    facts, ledger, assets = picture(folder), overview(folder), assessed(folder)
    runs = running(ledger)
    watcher = watching(folder)
    if ledger is not None:
        facts["adds_up"] = facts["adds_up"] and ledger.adds_up
    telling = notified(folder)
    if as_json:
        extra = {"assets": assets, "watch": watcher, "telling": telling}
        show_json(facts | extra | (told(ledger, runs) if ledger else {"running": runs}))
        return
    counts = [
        (say(f"status.ledger.{key}"), f"{value:,}") for key, value in facts["ledger"].items() if isinstance(value, int)
    ]
    show_table(say("status.ledger"), [say("column.what"), say("column.count")], counts, right=[1])
    tell(say("status.adds_up") if facts["adds_up"] else say("status.does_not_add_up"))
    store = facts["store"]
    tell(
        say(
            "status.store",
            readings=f"{store['readings']:,}",
            megabytes=f"{store['bytes'] / 1e6:.1f}",
            first=_shown(store["first"], place),
            last=_shown(store["last"], place),
        )
    )
    if store["problem"] is not None:
        tell(f"! {told_words(store['problem'])} {say('status.store_problem')}")
    if watcher is not None:
        _show_watcher(watcher, place)
    if assets:
        unclear = [f"{say(f'status.assets.{state}')} {count:,}" for state, count in assets.items() if count]
        tell(say("status.assets", states=", ".join(unclear)))
    for channel in telling["dead"]:
        since = _shown(channel["since"], place)
        tell(f"! {say('status.channel_dead', channel=channel['name'], since=since)} {told_words(channel['error'])}")
    if telling["waiting"]:
        tell(say("status.telling", waiting=f"{telling['waiting']:,}"))
    if ledger is not None:
        _show(ledger, runs)
        if sources:
            _show_sources(ledger, place)
        if silent:
            _show_silent(ledger, place)
        if clocks:
            _show_clocks(ledger)


def _show_watcher(watcher: dict[str, Any], place: ZoneInfo) -> None:
    since, looked_at = _shown(watcher["since"], place), _shown(watcher["looked_at"], place)
    tell(say("status.watched" if watcher["running"] else "status.not_watched", since=since, looked_at=looked_at))
    if watcher["problem"]:
        tell(f"! {watcher['problem']}")


def _show(ledger: Overview, runs: bool) -> None:
    from ingest.monitor.liveness import State

    language = preferred()
    health = ledger.notes.get("health", {"findings": []})
    if not runs:
        tell(say("status.not_running"))
    else:
        for finding in health["findings"]:
            tell(f"! {finding[language]}")
        if not health["findings"]:
            tell(say("status.flows"))
    for advice in (ledger.notes.get("broker") or {}).get("advice", []):
        tell(f"! {advice[language]}")
    states = ledger.states
    tell(say("status.channels", **{state.value: f"{states[state]:,}" for state in State}))
    wrong = [clock for clock in ledger.clocks if clock.wrong]
    if wrong:
        tell(say("status.clocks", devices=len(wrong), worst=wrong[0].asset, offset=_span(wrong[0].offset_us)))
    waiting = ledger.quarantine
    if waiting:
        listed = ", ".join(f"{reason.words[language]} {items:,}" for reason, items in waiting.items())
        tell(say("status.quarantine", reasons=listed))
    if ledger.counted_only:
        megabytes = f"{ledger.quarantine_bytes / 1e6:.1f}"
        tell(say("status.quarantine_counted", items=f"{ledger.counted_only:,}", megabytes=megabytes))


def _shown(moment: str | None, place: ZoneInfo) -> str:
    return options.shown(datetime.fromisoformat(moment), place) if moment else "-"


def _show_sources(ledger: Overview, place: ZoneInfo) -> None:
    rows = sorted(ledger.sources, key=lambda source: (-source.quarantined, -source.messages))
    columns = ("asset", "site", "messages", "admitted", "quarantined", "dropped", "last")
    show_table(
        say("status.sources"),
        [say(f"status.source.{column}", zone=place.key) for column in columns],
        [
            (
                cell(source.name, 40) or say("status.others"),
                cell(source.site, 40),
                *(f"{figure:,}" for figure in (source.messages, source.admitted, source.quarantined, source.dropped)),
                options.local(datetime.fromtimestamp(source.arrived_us / 1e6, UTC), place)
                if source.arrived_us
                else "-",
            )
            for source in rows[:LISTED]
        ],
        right=[2, 3, 4, 5],
    )
    _show_rest(len(rows))


def _show_silent(ledger: Overview, place: ZoneInfo) -> None:
    from ingest.monitor.liveness import State

    order = [State.FROZEN, State.NOT_RECEIVED, State.UNCHANGED]
    rows = sorted((life for life in ledger.lives if life.state in order), key=lambda life: order.index(life.state))
    show_table(
        say("status.silent", zone=place.key),
        [say("column.asset"), say("status.channel"), say("column.state"), say("column.since"), say("status.value")],
        [
            (
                life.asset,
                life.channel or say("status.nothing_at_all"),
                say(f"status.life.{life.state}"),
                options.local(life.since, place) if life.since else "-",
                "-" if life.value is None else f"{life.value:g}",
            )
            for life in rows[:LISTED]
        ],
        right=[4],
    )
    _show_rest(len(rows))


def _show_clocks(ledger: Overview) -> None:
    show_table(
        say("status.clocks_title"),
        [say("column.asset"), say("status.offset"), say("status.drift")],
        [
            (
                clock.asset,
                _span(clock.offset_us),
                "-" if clock.drift_us_per_day is None else _span(clock.drift_us_per_day),
            )
            for clock in ledger.clocks[:LISTED]
        ],
        right=[1, 2],
    )
    _show_rest(len(ledger.clocks))


def _show_rest(rows: int) -> None:
    if rows > LISTED:
        tell(say("status.more", more=f"{rows - LISTED:,}"))


def _life(life: Any) -> dict[str, Any]:
    return {
        "asset": life.asset,
        "channel": life.channel or None,
        "state": life.state.value,
        "since": life.since.isoformat() if life.since else None,
        "value": life.value,
    }


def _span(microseconds: float) -> str:
    """A signed length of time, in the unit that suits it."""
    seconds = microseconds / 1e6
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:+,.1f} {unit}"
    return f"{seconds:+.1f} s"
