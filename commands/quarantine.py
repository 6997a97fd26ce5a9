"""`quarantine`: what was not admitted and why; have it understood again, drop it, approve who is not registered."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import options
from commands.replaying import show_carried_out
from commands.shown import show_json, show_table
from commands.words import say, told
from facility.errors import CannotConvert, CannotDo
from facility.folder import DataFolder
from facility.language import preferred

if TYPE_CHECKING:
    from ingest.quarantine.refusals import Quarantined
    from ingest.quarantine.review import Review, Wanted

Numbers = Annotated[list[int] | None, typer.Argument(help=say("quarantine.numbers"), metavar="[NUMBER ...]")]
Reason = Annotated[str, typer.Option("--reason", help=say("quarantine.reason"), metavar="REASON")]
Asset = Annotated[str, typer.Option("--asset", help=say("quarantine.asset"), metavar="ID")]
Site = Annotated[str, typer.Option("--site", help=say("quarantine.site"), metavar="ID")]
Since = Annotated[str, typer.Option("--since", help=say("quarantine.since"), metavar="TIME")]
Until = Annotated[str, typer.Option("--until", help=say("quarantine.until"), metavar="TIME")]
Everything = Annotated[bool, typer.Option("--all", help=say("quarantine.everything"))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=say("quarantine.yes"))]

Member = Annotated[int, typer.Option("--member", help=say("quarantine.member"), min=1)]


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
    as_json: options.Json = False,
) -> None:
    wanted = _wanted([], reason, asset, site, since, until, dropped=dropped)
    with _review(data, member) as quarantine:
        if waiting:
            _show_waiting(quarantine, as_json)
            return
        heaps = quarantine.heaps(wanted)
        rows = quarantine.rows(wanted, limit=limit, offset=(page - 1) * limit)
    total = sum(heap.rows for heap in heaps)
    if as_json:
        show_json(
            {
                "rows": total,
                "items": sum(heap.items for heap in heaps),
                "page": page,
                "reasons": {heap.reason.value: {"rows": heap.rows, "items": heap.items} for heap in heaps},
                "quarantine": [_plain(row) for row in rows],
            }
        )
        return
    if not rows:
        typer.echo(say("quarantine.none"))
        return
    language = preferred()
    show_table(
        say("quarantine.by_reason"),
        [say("column.reason"), "--reason", say("quarantine.rows"), say("quarantine.items")],
        [(one.reason.words[language], one.reason.value, f"{one.rows:,}", f"{one.items:,}") for one in heaps],
        right=[2, 3],
    )
    show_table(
        say("quarantine.title"),
        ["#", say("quarantine.arrived"), say("column.reason"), say("quarantine.topic"), say("quarantine.found")],
        [
            (
                f"{row.id}{'*' if row.asked else ''}",
                f"{row.arrived:%Y-%m-%d %H:%M:%S}",
                row.reason.value,
                printable(row.topic, 60),
                printable(told(row.detail), 60),
            )
            for row in rows
        ],
        right=[0],
    )
    typer.echo(say("quarantine.pages", first=(page - 1) * limit + 1, last=(page - 1) * limit + len(rows), total=total))


def show(
    number: Annotated[int, typer.Argument(help=say("quarantine.number"), metavar="NUMBER")],
    data: options.Data = options.DATA,
    member: Member = 1,
    as_json: options.Json = False,
) -> None:
    with _review(data, member) as quarantine:
        row = quarantine.one(number)
    if as_json:
        show_json(_plain(row))
        return
    for key, value in (
        ("#", row.id),
        (say("quarantine.arrived"), f"{row.arrived:%Y-%m-%d %H:%M:%S.%f} UTC"),
        (say("quarantine.topic"), printable(row.topic, 1000)),
        (say("column.reason"), f"{row.reason.words[preferred()]} ({row.reason.value})"),
        (say("quarantine.found"), printable(told(row.detail), 1000)),
        (say("quarantine.items"), row.count),
        (say("quarantine.state"), say("quarantine.is_asked") if row.asked else row.dropped),
    ):
        if value != "":
            typer.echo(f"{key}: {value}")
    typer.echo(printable(row.payload.decode("utf-8", "backslashreplace"), 100_000))


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
    wanted = _wanted(numbers or [], reason, asset, site, since, until, everything=everything, needed=True)
    with _review(data, member) as quarantine:
        asked = quarantine.ask_for_replay(wanted, vouched=vouched)
    show_carried_out(data, member, asked, as_json)


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
    yes: Yes = False,
    as_json: options.Json = False,
) -> None:
    wanted = _wanted(numbers or [], reason, asset, site, since, until, everything=everything, needed=True)
    with _review(data, member) as quarantine:
        heaps = quarantine.heaps(wanted)
        rows, items = sum(heap.rows for heap in heaps), sum(heap.items for heap in heaps)
        if rows and not yes:
            typer.confirm(say("quarantine.really", rows=f"{rows:,}", items=f"{items:,}"), abort=True)
        rows, items = quarantine.drop(wanted, by=by or _somebody(), now=datetime.now(UTC))
    _show_moved("dropped", rows, items, as_json)


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
    wanted = _wanted(numbers or [], reason, asset, site, "", "", everything=everything, needed=True, dropped=True)
    with _review(data, member) as quarantine:
        rows, items = quarantine.restore(wanted)
    _show_moved("restored", rows, items, as_json)


def purge(
    data: options.Data = options.DATA,
    member: Member = 1,
    older: Annotated[str, typer.Option("--older", help=say("quarantine.older"), metavar="SPAN")] = "30d",
    yes: Yes = False,
) -> None:
    before = datetime.now(UTC) - (timedelta(0) if older == "0" else options.span(older))
    if not yes:
        typer.confirm(say("quarantine.really_purge", before=f"{before:%Y-%m-%d %H:%M} UTC"), abort=True)
    with _review(data, member) as quarantine:
        typer.echo(say("quarantine.purged", rows=f"{quarantine.purge(before):,}"))


def approve(
    name: Annotated[str, typer.Argument(help=say("quarantine.approved"), metavar="ASSET")],
    kind: Annotated[str, typer.Option("--kind", help=say("quarantine.kind"), metavar="KIND")] = "",
    site: Site = "",
    building: Annotated[str, typer.Option("--building", help=say("quarantine.building"), metavar="ID")] = "",
    point: Annotated[str, typer.Option("--name", help=say("quarantine.point"), metavar="TEXT")] = "",
    data: options.Data = options.DATA,
    member: Member = 1,
    as_json: options.Json = False,
) -> None:
    from commands.installation import installation
    from facility.channels import catalogue
    from facility.estate import Asset as Registered
    from facility.estate import Estate
    from ingest.quarantine.review import Wanted

    with _review(data, member) as quarantine:
        found = [one for one in quarantine.waiting(catalogue()) if one.asset == name and site in ("", one.site)]
        if len({one.site for one in found}) != 1:
            raise CannotConvert(
                "{name!r} speaks at {count} sites" if found else "{name!r} is not waiting for approval",
                "Name it with --site" if found else "See `serviceday quarantine list --waiting`",
                name=name,
                count=len(found),
            )
        (one,) = found
        if not kind and len(one.kinds) != 1:
            raise CannotConvert(
                "{name!r} may be {kinds}" if one.kinds else "{name!r} may be of no class of the catalogue",
                "Say which with --kind",
                name=name,
                kinds=list(one.kinds),
            )
        catalogue().kind(kind or one.kinds[0])
        with installation(data) as here:
            if any(known.id == name for known in here.records.estate.assets()):
                raise CannotDo(
                    "{name!r} is registered already", "What waits is taken in by itself; see status", name=name
                )
            asset = Registered(id=name, kind=kind or one.kinds[0], site=one.site, building=building, name=point)
            here.records.estate.put(Estate(assets=(asset,)))
        waiting = Wanted(reason=_reason("unknown_asset"), asset=name, site=one.site)
    if not as_json:
        typer.echo(say("quarantine.registered", asset=name, kind=asset.kind, site=asset.site))
    show_carried_out(data, member, one.messages, as_json, waiting)


# -- what they share ----------------------------------------------------------------------------------------------


def printable(text: str, most: int) -> str:
    """What came over the network, safe on a terminal: control characters are spelled out."""
    shown = "".join(one if one.isprintable() or one == " " else repr(one)[1:-1] for one in text[:most])
    return shown.replace("[", "\\[") + ("…" if len(text) > most else "") if most < 1000 else shown


def _review(data: Path, member: int) -> Any:
    from ingest.quarantine.review import review

    return review(DataFolder(data).existing().journal_of(member))


def _reason(word: str) -> Any:
    from ingest.quarantine.refusals import Reason as Reasons

    try:
        return Reasons(word)
    except ValueError:
        raise CannotConvert("{word!r} is not a reason", "Known: {known}", word=word, known=list(Reasons)) from None


def _wanted(
    numbers: list[int],
    reason: str,
    asset: str,
    site: str,
    since: str,
    until: str,
    *,
    everything: bool = False,
    needed: bool = False,
    dropped: bool = False,
) -> Wanted:
    from ingest.quarantine.review import Wanted

    if needed and not (numbers or reason or asset or site or since or until or everything):
        raise CannotDo("nothing is chosen", "Name numbers, --reason, --asset, --site, --since, --until, or --all")
    return Wanted(
        ids=tuple(numbers),
        reason=_reason(reason) if reason else None,
        asset=asset,
        site=site,
        since=options.moment(since) if since else None,
        until=options.moment(until) if until else None,
        dropped=dropped,
    )


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


def _show_waiting(quarantine: Review, as_json: bool) -> None:
    from facility.channels import catalogue

    found = quarantine.waiting(catalogue())
    if as_json:
        show_json(
            [
                {
                    "site": one.site,
                    "asset": one.asset,
                    "messages": one.messages,
                    "readings": one.readings,
                    "first": one.first.isoformat(),
                    "last": one.last.isoformat(),
                    "channels": one.channels,
                    "kinds": one.kinds,
                }
                for one in found
            ]
        )
        return
    if not found:
        typer.echo(say("quarantine.none_waiting"))
        return
    show_table(
        say("quarantine.waiting_title"),
        [
            say("column.asset"),
            say("quarantine.site_column"),
            say("quarantine.items"),
            say("quarantine.last"),
            say("quarantine.channels"),
            say("quarantine.kinds"),
        ],
        [
            (
                printable(one.asset, 60),
                printable(one.site, 40),
                f"{one.readings:,}",
                f"{one.last:%Y-%m-%d %H:%M}",
                printable(", ".join(one.channels), 80),
                ", ".join(one.kinds) or "-",
            )
            for one in found
        ],
        right=[2],
    )
    typer.echo(say("quarantine.how_to_approve"))


def _show_moved(what: str, rows: int, items: int, as_json: bool) -> None:
    if as_json:
        show_json({what: rows, "items": items})
    else:
        typer.echo(say(f"quarantine.{what}_now", rows=f"{rows:,}", items=f"{items:,}"))


def _somebody() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "-"
