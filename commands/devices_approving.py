"""Taking unknown devices in, or saying that nobody wants them: one, several, or all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.operator import operator
from commands.app.output import show_json, tell
from commands.choosing import Member, review
from commands.devices import Codec, named
from commands.replaying import carried_out, replayed, show_carried_out
from facility.errors import CannotConvert, CannotDo, ServicedayError
from facility.folder import DataFolder
from facility.i18n.messages import Sentence

if TYPE_CHECKING:
    from facility.estate import Asset
    from ingest.devices.device_map import Assignment
    from ingest.quarantine.strangers import Stranger

Devices = Annotated[list[str] | None, typer.Argument(help=say("devices.devices"), metavar="[DEVICE ...]")]
Everything = Annotated[bool, typer.Option("--all", help=say("devices.all"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What whoever approves says of the assets to be."""

    kind: str
    site: str
    building: str
    asset: str


def approve(
    devices: Devices = None,
    everything: Everything = False,
    kind: Annotated[str, typer.Option("--class", "--kind", help=say("devices.kind"), metavar="CLASS")] = "",
    asset: Annotated[str, typer.Option("--asset", help=say("devices.asset"), metavar="ID")] = "",
    site: Annotated[str, typer.Option("--site", help=say("devices.site"), metavar="ID")] = "",
    building: Annotated[str, typer.Option("--building", help=say("quarantine.building"), metavar="ID")] = "",
    codec: Codec = "",
    data: options.Data = options.DATA,
    member: Member = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=say("devices.dry_run"))] = False,
    as_json: options.Json = False,
) -> None:
    """Map devices to assets, registering those that are new, and take in what they sent."""
    from commands.installation import installation
    from facility.catalogue.catalogue import catalogue
    from facility.estate import Estate
    from ingest.devices.device_map import read_assignments, write_assignments
    from ingest.devices.settings import open_devices, read_settings
    from ingest.quarantine.strangers import strangers

    if kind:
        catalogue().kind(kind)
    folder = DataFolder(data).existing()
    settings = read_settings(data)
    with installation(data) as here, strangers(folder.journal_of(member), open_devices(data)) as unknown:
        keys = _chosen(data, unknown.keys(codec), devices or [], everything)
        if asset and len(keys) != 1:
            raise CannotDo("--asset names one asset, and {count} devices are meant", "Approve them one by one",
                           count=len(keys))  # fmt: skip
        registry = {each.id: each for each in here.records.estate.assets()}
        wish = _Wish(kind=kind, site=site or _only_site(registry), building=building, asset=asset)
        new: list[Asset] = []
        rows: list[Assignment] = []
        done: list[str] = []
        problems: list[Sentence] = []
        for stranger in unknown.named(keys):
            try:
                new_asset, assignments = _mapped(stranger, registry, wish)
            except ServicedayError as error:
                problems.append(Sentence("{device}: {what}", device=stranger.key, what=error.sentence))
                continue
            if new_asset is not None:
                new.append(new_asset)
                registry[new_asset.id] = new_asset
            rows += assignments
            done.append(stranger.key)
        if not dry_run and done:
            here.records.estate.put(Estate(assets=tuple(new)))
            write_assignments(settings.map_file, [*read_assignments(settings.map_file, settings.known()), *rows])
        before = replayed(data)
        waiting = 0 if dry_run else unknown.ask_for(done)
    if as_json:
        came = {} if dry_run else carried_out(data, member, waiting, before=before, quiet=True)
        show_json({**_plain(done, rows, problems), "dry_run": dry_run, **came})
    else:
        _tell(done, rows, problems, dry_run=dry_run)
        if not dry_run and done:
            show_carried_out(data, member, waiting, as_json, before=before)
    if problems:
        raise typer.Exit(1)


def ignore(
    devices: Devices = None,
    everything: Everything = False,
    codec: Codec = "",
    data: options.Data = options.DATA,
    member: Member = 1,
    as_json: options.Json = False,
) -> None:
    """Say that nothing of some devices is wanted: what they sent is dropped, and what they will send is passed over."""
    from ingest.devices.device_map import ALL, UNWANTED, Assignment, read_assignments, write_assignments
    from ingest.devices.settings import open_devices, read_settings
    from ingest.quarantine.review import Wanted
    from ingest.quarantine.strangers import strangers

    folder = DataFolder(data).existing()
    settings = read_settings(data)
    with strangers(folder.journal_of(member), open_devices(data)) as unknown:
        keys = _chosen(data, unknown.keys(codec), devices or [], everything)
        numbers = unknown.rows(keys)
    rows = [
        Assignment(codec=key.partition(":")[0], device=key.partition(":")[2], value=ALL, target=UNWANTED)
        for key in keys
    ]
    write_assignments(settings.map_file, [*read_assignments(settings.map_file, settings.known()), *rows])
    dropped = 0
    with review(data, member) as quarantine:
        for begin in range(0, len(numbers), 500):
            portion = Wanted(ids=tuple(numbers[begin : begin + 500]))
            dropped += quarantine.drop(portion, by=operator(), now=datetime.now(UTC))[0]
    if as_json:
        show_json({"ignored": keys, "dropped": dropped})
    else:
        tell(say("devices.ignored", devices=f"{len(keys):,}", messages=f"{dropped:,}"))


def _chosen(data: Path, waiting: list[str], devices: Sequence[str], everything: bool) -> list[str]:
    """The keys that are meant. Raises `CannotDo` where nothing is, `CannotConvert` for one that does not wait."""
    if bool(devices) == everything:
        raise CannotDo("nothing is chosen", "Name devices, or --all for every one that waits")
    if everything:
        if not waiting:
            raise CannotDo("no device waits", "See `serviceday devices list`")
        return waiting
    keys = [named(data, waiting, device) for device in devices]
    for key in keys:
        if key not in waiting:
            raise CannotConvert("no device {device!r} waits", "See `serviceday devices list`", device=key)
    return list(dict.fromkeys(keys))


def _only_site(registry: dict[str, Asset]) -> str:
    sites = {asset.site for asset in registry.values()}
    return sites.pop() if len(sites) == 1 else ""


def _mapped(stranger: Stranger, registry: dict[str, Asset], wish: _Wish) -> tuple[Asset | None, list[Assignment]]:
    """The asset to register, if it is new, and a row for each value. Raises what is wrong or not clear."""
    from facility.catalogue.catalogue import catalogue
    from facility.estate import Asset
    from facility.identity import bad_id
    from ingest.devices.device_map import Assignment, Target
    from ingest.quarantine.suggestion import best, mapping, suggestions

    key = wish.asset or stranger.device
    registered = registry.get(key)
    kind = registered.kind if registered is not None else wish.kind
    if registered is not None and wish.kind not in ("", registered.kind):
        raise CannotConvert("{asset!r} is registered as {kind}", "Leave --class out, or name another --asset",
                            asset=key, kind=registered.kind)  # fmt: skip
    if not kind:
        suggestion = best(suggestions(stranger.values, catalogue()))
        if len(suggestion) != 1:
            raise CannotConvert(
                "it may be {kinds}" if suggestion else "it may be of no class of the catalogue",
                "Say which with --class", kinds=[each.kind for each in suggestion],
            )  # fmt: skip
        kind = suggestion[0].kind
    new_asset: Asset | None = None
    if registered is None:
        if problem := bad_id(key):
            raise CannotConvert("asset id {key!r} {problem}", "Name the asset with --asset", key=key, problem=problem)
        if not wish.site:
            raise CannotConvert("its site is not known", "Name it with --site")
        new_asset = Asset(id=key, kind=kind, site=wish.site, building=wish.building)
    channels = mapping(stranger.values, catalogue().kind(kind))
    if not channels:
        raise CannotConvert("none of its values fits a channel of {kind}: {values}",
                            "Write rows for it into devices.csv, or choose another --class",
                            kind=kind, values=[value.name for value in stranger.values][:10])  # fmt: skip
    rows = [
        Assignment(
            codec=stranger.codec,
            device=stranger.device,
            value=value.name,
            target=Target(key, channels[value.name]) if value.name in channels else Target(""),
        )
        for value in stranger.values
    ]
    return new_asset, rows


def _plain(done: Sequence[str], rows: Sequence[Assignment], problems: Sequence[Sentence]) -> dict[str, Any]:
    return {
        "approved": list(done),
        "rows": [
            {
                "device": f"{row.codec}:{row.device}",
                "value": row.value,
                "asset": row.target.asset or None,
                "channel": row.target.channel or None,
            }
            for row in rows
        ],
        "problems": [str(each) for each in problems],
    }


def _tell(done: Sequence[str], rows: Sequence[Assignment], problems: Sequence[Sentence], *, dry_run: bool) -> None:
    for row in rows:
        goes = f"{row.target.asset} {row.target.channel}" if row.target.asset else say("devices.unwanted")
        tell(f"{row.codec}:{row.device} {row.value} → {goes}")
    for problem in problems:
        tell(told(problem), error=True)
    tell(say("devices.would_approve" if dry_run else "devices.approved", devices=f"{len(done):,}"))
