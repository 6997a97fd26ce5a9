"""`quarantine`: what was not admitted and why; have it understood again, drop it, approve who is not registered."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import cell, show_json, show_table, tell
from commands.approving import show_waiting
from commands.choosing import Asset, Everything, Member, Numbers, Reason, Since, Site, Until, Yes, chosen, review
from commands.replaying import replayed, show_carried_out
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from ingest.refusals import Quarantined


def list_rows(
    data: options.Data = options.DATA,
    member: Member = 1,
    reason: Reason = "",
    asset: Asset = "",
    site: Site = "",
    since: Since = "",
    until: Until = "",
    dropped: Annotated[bool, typer.Option("--dropped", help=say("quarantine.dropped"))] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help=say("quarantine.waiting"))] = False,
    limit: Annotated[int, typer.Option("--limit", help=say("quarantine.limit"), min=1)] = 30,
    page: Annotated[int, typer.Option("--page", help=say("quarantine.page"), min=1)] = 1,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """List what is in quarantine, the newest first; --waiting lists assets that wait for approval."""
    place = options.zone(timezone)
    selection = chosen([], reason, asset, site, since, until, dropped=dropped)
    with review(data, member) as quarantine:
        if waiting:
            show_waiting(quarantine, place, as_json)
            return
        heaps = quarantine.heaps(selection)
        rows = quarantine.rows(selection, limit=limit, offset=(page - 1) * limit)
    total = sum(heap.rows for heap in heaps)
    if as_json:
        show_json(
            {
                "rows": total,
                "items": sum(heap.items for heap in heaps),
                "page": page,
                "counted_only": sum(heap.counted for heap in heaps),
                "reasons": {heap.reason.value: {"rows": heap.rows, "items": heap.items} for heap in heaps},
                "quarantine": [_plain(row) for row in rows],
            }
        )
        return
    if not heaps:
        tell(say("quarantine.none"))
        return
    language = preferred()
    show_table(
        say("quarantine.by_reason"),
        [say("column.reason"), "--reason", say("quarantine.rows"), say("quarantine.items")],
        [(heap.reason.words[language], heap.reason.value, f"{heap.rows:,}", f"{heap.items:,}") for heap in heaps],
        right=[2, 3],
    )
    if counted := sum(heap.counted for heap in heaps):
        tell(say("quarantine.counted_only", items=f"{counted:,}"))
    if not rows:
        return
    show_table(
        say("quarantine.title"),
        [
            "#",
            say("quarantine.arrived", zone=place.key),
            say("column.reason"),
            say("quarantine.topic"),
            say("quarantine.found"),
        ],
        [
            (
                f"{row.id}{'*' if row.asked else ''}",
                options.local(row.arrived, place),
                row.reason.value,
                cell(row.topic, 60),
                cell(told(row.detail), 60),
            )
            for row in rows
        ],
        right=[0],
    )
    tell(say("quarantine.pages", first=(page - 1) * limit + 1, last=(page - 1) * limit + len(rows), total=total))


def show(
    number: Annotated[int, typer.Argument(help=say("quarantine.number"), metavar="NUMBER")],
    data: options.Data = options.DATA,
    member: Member = 1,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """One row: topic, reason, payload."""
    place = options.zone(timezone)
    with review(data, member) as quarantine:
        row = quarantine.one(number)
    if as_json:
        show_json(_plain(row))
        return
    for key, value in (
        ("#", row.id),
        (say("quarantine.arrived", zone=place.key), f"{row.arrived.astimezone(place):%Y-%m-%d %H:%M:%S.%f}"),
        (say("quarantine.topic"), row.topic),
        (say("column.reason"), f"{row.reason.words[preferred()]} ({row.reason.value})"),
        (say("quarantine.found"), told(row.detail)),
        (say("quarantine.items"), row.count),
        (say("quarantine.state"), say("quarantine.is_asked") if row.asked else row.dropped),
    ):
        if value != "":
            tell(f"{key}: {value}")
    tell(row.payload.decode("utf-8", "backslashreplace")[:100_000])


def replay(
    numbers: Numbers = None,
    data: options.Data = options.DATA,
    member: Member = 1,
    reason: Reason = "",
    asset: Asset = "",
    site: Site = "",
    since: Since = "",
    until: Until = "",
    everything: Everything = False,
    vouched: Annotated[bool, typer.Option("--vouch", help=say("quarantine.vouch"))] = False,
    as_json: options.Json = False,
) -> None:
    """Have rows understood again."""
    selection = chosen(numbers or [], reason, asset, site, since, until, everything=everything, needed=True)
    with review(data, member) as quarantine:
        before = replayed(data)
        count = quarantine.ask_for_replay(selection, vouched=vouched)
    show_carried_out(data, member, count, as_json, before=before)


def drop(
    numbers: Numbers = None,
    data: options.Data = options.DATA,
    member: Member = 1,
    reason: Reason = "",
    asset: Asset = "",
    site: Site = "",
    since: Since = "",
    until: Until = "",
    everything: Everything = False,
    by: Annotated[str, typer.Option("--by", help=say("alerts.by"), metavar="NAME")] = "",
    for_good: Annotated[bool, typer.Option("--for-good", help=say("quarantine.for_good"))] = False,
    yes: Yes = False,
    as_json: options.Json = False,
) -> None:
    """Drop: asks first, is counted in a column of its own, and can be restored until it is purged."""
    selection = chosen(numbers or [], reason, asset, site, since, until, everything=everything, needed=True)
    with review(data, member) as quarantine:
        heaps = quarantine.heaps(selection)
        rows, items = sum(heap.rows for heap in heaps), sum(heap.items for heap in heaps)
        if items and not yes:
            question = "quarantine.really_for_good" if for_good else "quarantine.really"
            typer.confirm(say(question, rows=f"{rows:,}", items=f"{items:,}"), abort=True)
        if for_good:
            rows, items = quarantine.drop_for_good(selection)
        else:
            rows, items = quarantine.drop(selection, by=by or _somebody(), now=datetime.now(UTC))
    _show_moved("emptied" if for_good else "dropped", rows, items, as_json)


def restore(
    numbers: Numbers = None,
    data: options.Data = options.DATA,
    member: Member = 1,
    reason: Reason = "",
    asset: Asset = "",
    site: Site = "",
    everything: Everything = False,
    as_json: options.Json = False,
) -> None:
    """Take a drop back."""
    selection = chosen(numbers or [], reason, asset, site, "", "", everything=everything, needed=True, dropped=True)
    with review(data, member) as quarantine:
        rows, items = quarantine.restore(selection)
    _show_moved("restored", rows, items, as_json)


def purge(
    data: options.Data = options.DATA,
    member: Member = 1,
    older: Annotated[str, typer.Option("--older", help=say("quarantine.older"), metavar="SPAN")] = "30d",
    timezone: options.Zone = options.ZONE,
    yes: Yes = False,
) -> None:
    """Delete for good what was dropped long ago; the ledger goes on counting it as dropped."""
    before = datetime.now(UTC) - (timedelta(0) if older == "0" else options.span(older))
    if not yes:
        typer.confirm(say("quarantine.really_purge", before=options.shown(before, options.zone(timezone))), abort=True)
    with review(data, member) as quarantine:
        tell(say("quarantine.purged", rows=f"{quarantine.purge(before):,}"))


def _plain(row: Quarantined) -> Mapping[str, Any]:
    return {
        "id": row.id,
        "arrived": row.arrived.isoformat(),
        "topic": row.topic,
        "reason": row.reason.value,
        "detail": row.detail,
        "items": row.count,
        "payload": row.payload.decode("utf-8", "backslashreplace"),
        "replay_asked": row.asked,
        "dropped_by": row.dropped or None,
    }


def _show_moved(what: str, rows: int, items: int, as_json: bool) -> None:
    if as_json:
        show_json({what: rows, "items": items})
    else:
        tell(say(f"quarantine.{what}_now", rows=f"{rows:,}", items=f"{items:,}"))


def _somebody() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "-"
