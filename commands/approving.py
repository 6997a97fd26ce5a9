"""Devices that speak and are not registered: who waits, and taking one into the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import cell, show_json, show_table, tell
from commands.choosing import Member, Site, review
from commands.replaying import replayed, show_carried_out
from facility.errors import CannotConvert, CannotDo

if TYPE_CHECKING:
    from ingest.quarantine.review import Review


def approve(
    name: Annotated[str, typer.Argument(help=say("quarantine.approved"), metavar="ASSET")],
    kind: Annotated[str, typer.Option("--kind", help=say("quarantine.kind"), metavar="KIND")] = "",
    site: Site = "",
    building: Annotated[str, typer.Option("--building", help=say("quarantine.building"), metavar="ID")] = "",
    point: Annotated[str, typer.Option("--name", help=say("quarantine.point"), metavar="TEXT")] = "",
    allow_alike: Annotated[bool, typer.Option("--allow-alike", help=say("quarantine.allow_alike"))] = False,
    data: options.Data = options.DATA,
    member: Member = 1,
    as_json: options.Json = False,
) -> None:
    """Register an asset that waits for approval, and take in what it said."""
    from commands.installation import installation
    from facility.catalogue.catalogue import catalogue
    from facility.estate import Asset as Registered
    from facility.estate import Estate
    from facility.identity import bad_id
    from ingest.quarantine.review import Wanted
    from ingest.refusals import Reason

    with review(data, member) as quarantine:
        found = [one for one in quarantine.waiting(catalogue(), asset=name) if site in ("", one.site)]
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
            if any(asset.id == name for asset in here.records.estate.assets()):
                raise CannotDo(
                    "{name!r} is registered already", "What waits is taken in by itself; see status", name=name
                )
            if problem := bad_id(name):
                raise CannotConvert(
                    "asset id {key!r} {problem}", "Give the device another id", key=name, problem=problem
                )
            before = replayed(data)
            asset = Registered(id=name, kind=kind or one.kinds[0], site=one.site, building=building, name=point)
            here.records.estate.put(Estate(assets=(asset,)), alike=allow_alike)
        waiting = Wanted(reason=Reason.UNKNOWN_ASSET, asset=name, site=one.site)
    if not as_json:
        tell(say("quarantine.registered", asset=name, kind=asset.kind, site=asset.site))
    show_carried_out(data, member, one.messages, as_json, before=before, waiting=waiting)


def show_waiting(quarantine: Review, place: ZoneInfo, as_json: bool) -> None:
    """Assets that wait for approval: what they sent, and which class that looks like."""
    from facility.catalogue.catalogue import catalogue

    waiting_assets = quarantine.waiting(catalogue())
    if as_json:
        show_json(
            [
                {
                    "site": waiting.site,
                    "asset": waiting.asset,
                    "messages": waiting.messages,
                    "readings": waiting.readings,
                    "first": waiting.first.isoformat(),
                    "last": waiting.last.isoformat(),
                    "channels": waiting.channels,
                    "kinds": waiting.kinds,
                }
                for waiting in waiting_assets
            ]
        )
        return
    if not waiting_assets:
        tell(say("quarantine.none_waiting"))
        return
    show_table(
        say("quarantine.waiting_title"),
        [
            say("column.asset"),
            say("quarantine.site_column"),
            say("quarantine.items"),
            say("quarantine.last", zone=place.key),
            say("quarantine.channels"),
            say("quarantine.kinds"),
        ],
        [
            (
                cell(waiting.asset, 60),
                cell(waiting.site, 40),
                f"{waiting.readings:,}",
                f"{waiting.last:%Y-%m-%d %H:%M}",
                cell(", ".join(waiting.channels), 80),
                ", ".join(waiting.kinds) or "-",
            )
            for waiting in waiting_assets
        ],
        right=[2],
    )
    tell(say("quarantine.how_to_approve"))
