"""`asset`: what is registered and whether it is in use: retired, out of use for a time, moved, replaced."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import printable, show_json, show_table, tell
from facility.errors import CannotConvert, CannotDo, CannotParse
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from pathlib import Path

    from facility.estate import Asset
    from facility.records import Records
    from facility.standing import AssetStep, Spell, StepKind

AssetId = Annotated[str, typer.Argument(help=say("asset.asset"), metavar="ASSET")]
On = Annotated[str, typer.Option("--on", help=say("asset.on"), metavar="DATE")]
By = Annotated[str, typer.Option("--by", help=say("asset.by"), metavar="NAME")]
Why = Annotated[str, typer.Option("--why", help=say("asset.why"), metavar="TEXT")]

_LONGEST = 500
STATES = ("in_use", "out_of_use", "retired", "replaced")


def list_assets(
    data: options.Data = options.DATA,
    kind: options.Kind = "",
    site: Annotated[str, typer.Option("--site", help=say("asset.site"), metavar="SITE")] = "",
    state: Annotated[str, typer.Option("--state", help=say("asset.state"), metavar="STATE")] = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """The registered assets, and whether they are in use."""
    from commands.app.papers import named
    from commands.installation import recorded, registered
    from facility.catalogue.catalogue import catalogue
    from facility.folder import DataFolder
    from facility.standing import spell_on

    if state and state not in STATES:
        raise CannotParse("{state!r} is not a state of an asset", "Say {known}", state=state, known=list(STATES))
    today = datetime.now(options.zone(timezone)).date()
    with recorded(data) as records:
        assets, names = registered(records, DataFolder(data), kind), named(records)
        spells = records.trail.spells()
    rows = [(asset, spell_on(spells.get(asset.id, ()), today)) for asset in assets if site in ("", asset.site)]
    rows = [(asset, spell) for asset, spell in rows if state in ("", _state(spell))]
    if as_json:
        show_json([_plain(asset, spell) for asset, spell in rows])
        return
    classes = catalogue()
    show_table(
        say("asset.title", count=len(rows)),
        [say("column.place"), say("column.asset"), say("asset.column_kind"), say("column.state")],
        [
            (names.place(asset), asset.id, classes.kind(asset.kind).name[preferred()], _standing(spell))
            for asset, spell in rows
        ],
    )


def show(
    asset: AssetId,
    data: options.Data = options.DATA,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """One asset: its place, its state, when its duties were done and are due, its trail."""
    from commands.app.papers import named
    from commands.installation import recorded
    from facility.catalogue.catalogue import catalogue
    from facility.standing import spell_on
    from serviceday.planning import last_date, next_due

    zone = options.zone(timezone)
    today = datetime.now(zone).date()
    with recorded(data) as records:
        one, names = registered_asset(records, asset), named(records)
        own, steps = records.trail.spells().get(asset, ()), records.trail.steps(asset)
        last = records.duties.last_done()
    spell, there = spell_on(own, today), catalogue().kind(one.kind).duties
    duties = [
        (duty, done, next_due(duty, done, own, one.commissioned) if done else None)
        for key, duty in there.items()
        for done in (last_date(there, asset, key, last, today),)
    ]
    if as_json:
        told = [{"duty": duty.key, "last_done": done, "due": due} for duty, done, due in duties]
        show_json({**_plain(one, spell), "duties": told, "trail": [asdict(step) for step in steps]})
        return
    tell(f"{one.id}  {names.place(one)}  {catalogue().kind(one.kind).name[preferred()]}  {_standing(spell)}")
    for name, value in one.attributes.items():
        tell(f"  {printable(name)}: {printable(value)}")
    show_table(
        say("asset.duties"),
        [say("column.work"), say("asset.column_last"), say("asset.column_due")],
        [(duty.name[preferred()], done or say("asset.no_date"), due or "–") for duty, done, due in duties],
    )
    for step in steps:
        moment = f"{step.at.astimezone(zone):%Y-%m-%d %H:%M}"
        span = f"{step.start} – {step.end}" if step.end else str(step.start)
        more = " ".join(f"{key}={value}" for key, value in step.detail.items())
        words = (moment, say(f"asset.step_{step.kind.value}"), span, more, step.who, step.why)
        tell("  " + "  ".join(printable(word) for word in words if word))


def retire(
    asset: AssetId,
    data: options.Data = options.DATA,
    on: On = "",
    by: By = "",
    why: Why = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Retire an asset: nothing is due any more, its history stays."""
    from facility.standing import StepKind

    _take_out(data, _step(asset, StepKind.RETIRED, (_day(on, timezone), None), by, why), as_json)


def out_of_use(
    asset: AssetId,
    data: options.Data = options.DATA,
    start: Annotated[str, typer.Option("--from", help=say("asset.from"), metavar="DATE")] = "",
    until: Annotated[str, typer.Option("--until", help=say("asset.until"), metavar="DATE")] = "",
    by: By = "",
    why: Why = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Take an asset out of use for a time: nothing is due meanwhile."""
    from facility.standing import StepKind

    days = (_day(start, timezone), options.day(until) if until else None)
    if days[1] is not None and days[1] < days[0]:
        raise CannotParse("it ends on {until}, before it begins on {start}", until=days[1], start=days[0])
    _take_out(data, _step(asset, StepKind.OUT_OF_USE, days, by, why), as_json)


def return_to_use(
    asset: AssetId,
    data: options.Data = options.DATA,
    on: On = "",
    by: By = "",
    why: Why = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Return an asset to use; also takes back a retirement that was a mistake."""
    from commands.installation import recorded
    from facility.standing import StepKind

    day = _day(on, timezone)
    with recorded(data) as records:
        one = registered_asset(records, asset)
        if not any(spell.end is None or spell.end >= day for spell in records.trail.spells().get(asset, ())):
            raise CannotDo("{asset} is in use on {day}", "See `serviceday asset show {asset}`", asset=asset, day=day)
        step = _step(asset, StepKind.RETURNED, (day, None), by, why)
        records.trail.add(step)
    _tell(one, step, as_json)


def move(
    asset: AssetId,
    data: options.Data = options.DATA,
    site: Annotated[str, typer.Option("--site", help=say("asset.to_site"), metavar="SITE")] = "",
    building: Annotated[str, typer.Option("--building", help=say("asset.to_building"), metavar="BUILDING")] = "",
    floor: Annotated[str, typer.Option("--floor", help=say("asset.to_floor"), metavar="FLOOR")] = "",
    name: Annotated[str, typer.Option("--name", help=say("asset.to_name"), metavar="NAME")] = "",
    on: On = "",
    by: By = "",
    why: Why = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Move an asset; the old place stays in its trail."""
    from commands.installation import recorded
    from facility.standing import StepKind

    to = {"site": site, "building": building, "floor": floor, "name": name}
    with recorded(data) as records:
        one = registered_asset(records, asset)
        detail = {key: value for key, value in to.items() if value and value != getattr(one, key)}
        if not detail:
            raise CannotParse("no new place", "Name --site, --building, --floor or --name")
        _fit(detail)
        sites = [each.id for each in records.estate.sites()]
        if "site" in detail and detail["site"] not in sites:
            raise CannotConvert("unknown site {site!r}; known: {known}", site=detail["site"], known=sites)
        step = replace(_step(asset, StepKind.MOVED, (_day(on, timezone), None), by, why), detail=detail)
        moved = records.trail.move(one, step)
    _tell(moved, step, as_json)


def replace_asset(
    asset: AssetId,
    new: Annotated[str, typer.Argument(help=say("asset.new"), metavar="NEW")],
    data: options.Data = options.DATA,
    on: On = "",
    by: By = "",
    why: Why = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Put a new asset in the place of an old one, whose history stays."""
    from commands.installation import recorded
    from facility.identity import bad_id
    from facility.standing import StepKind, spell_on

    day = _day(on, timezone)
    with recorded(data) as records:
        one = registered_asset(records, asset)
        if problem := bad_id(new):
            raise CannotParse("asset id {key!r} {problem}", "Choose another id", key=new, problem=problem)
        there = records.estate.asset(new)
        if new == asset or (there is not None and there.kind != one.kind):
            raise CannotDo(
                "{new!r} cannot stand in the place of {asset!r}", "Name an asset of its class", new=new, asset=asset
            )
        if spell := spell_on(records.trail.spells().get(asset, ()), day):
            raise _away(asset, spell)
        successor = there or replace(one, id=new, commissioned=day, attributes={})
        step = replace(_step(asset, StepKind.REPLACED, (day, None), by, why), detail={"by": new})
        records.trail.replace(step, successor)
    _tell(one, step, as_json)


def registered_asset(records: Records, asset: str) -> Asset:
    """The asset. Raises `CannotConvert` with the nearest id there is."""
    from serviceday.execution import nearest

    one = records.estate.asset(asset)
    if one is None:
        near = nearest(asset, [each.id for each in records.estate.assets()])
        raise CannotConvert(
            "no asset {asset!r}; is it {near!r}?" if near else "no asset {asset!r} is registered",
            "See `serviceday asset list`",
            asset=asset,
            near=near,
        )
    return one


def _take_out(data: Path, step: AssetStep, as_json: bool) -> None:
    from commands.installation import recorded

    with recorded(data) as records:
        asset = registered_asset(records, step.asset)
        for spell in records.trail.spells().get(step.asset, ()):
            if (spell.end is None or step.start <= spell.end) and (step.end is None or spell.start <= step.end):
                raise _away(step.asset, spell)
        records.trail.add(step)
    _tell(asset, step, as_json)


def _away(asset: str, spell: Spell) -> CannotDo:
    return CannotDo(
        "{asset} is not in use already, from {start} to {end}"
        if spell.end
        else "{asset} is not in use already, from {start}",
        "`serviceday asset return {asset}` first",
        asset=asset,
        start=spell.start,
        end=spell.end,
    )


def _step(asset: str, kind: StepKind, days: tuple[date, date | None], by: str, why: str) -> AssetStep:
    from facility.standing import AssetStep

    _fit({"by": by, "why": why})
    return AssetStep(asset=asset, kind=kind, start=days[0], end=days[1], at=datetime.now(UTC), who=by, why=why)


def _fit(words: dict[str, str]) -> None:
    for name, value in words.items():
        if len(value) > _LONGEST:
            raise CannotParse(
                "{name} has {count} characters; at most {most}", name=name, count=len(value), most=_LONGEST
            )


def _day(words: str, timezone: str) -> date:
    zone = options.zone(timezone)
    return options.day(words) if words else datetime.now(zone).date()


def _tell(asset: Asset, step: AssetStep, as_json: bool) -> None:
    if as_json:
        show_json(asdict(step))
        return
    values: dict[str, object] = {
        "asset": asset.id,
        "start": step.start,
        "end": step.end or "",
        "new": step.detail.get("by", ""),
    }
    key = f"asset.did_{step.kind.value}" + ("_until" if step.end else "")
    tell(say(key, **values, place=printable(asset.place)))


def _state(spell: Spell | None) -> str:
    return "in_use" if spell is None else spell.kind.value


def _standing(spell: Spell | None) -> str:
    if spell is None:
        return say("asset.state_in_use")
    until = say("asset.state_until", day=spell.end) if spell.end else ""
    return say(f"asset.state_{spell.kind.value}", day=spell.start) + until


def _plain(asset: Asset, spell: Spell | None) -> dict[str, object]:
    return {
        **asdict(asset),
        "state": _state(spell),
        "since": spell.start if spell else None,
        "until": spell.end if spell else None,
    }
