"""`duty`: when duties were last done: recorded by hand and from files, listed, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options, refused
from commands.app.messages import say
from commands.app.output import show_json, show_table, tell
from facility.errors import CannotConvert, CannotDo, CannotParse
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from facility.catalogue.catalogue import Duty
    from facility.estate import Asset
    from facility.inspections import DutyDone, InspectionList, Item
    from facility.records import Recorded, Records
    from serviceday.documents.inspection_list import Names
    from serviceday.execution import Given, Reading

AssetId = Annotated[str, typer.Argument(help=say("duty.asset"), metavar="ASSET")]
DutyName = Annotated[str, typer.Argument(help=say("duty.duty"), metavar="DUTY")]
By = Annotated[str, typer.Option("--by", help=say("duty.by"), metavar="NAME")]
Note = Annotated[str, typer.Option("--note", help=say("duty.note"), metavar="TEXT")]

_SHOWN = 5


def done(
    asset: Annotated[str, typer.Argument(help=say("duty.asset"), metavar="[ASSET]")] = "",
    duty: Annotated[str, typer.Argument(help=say("duty.duty"), metavar="[DUTY]")] = "",
    data: options.Data = options.DATA,
    on: Annotated[str, typer.Option("--on", help=say("duty.on"), metavar="DATE")] = "",
    plan: Annotated[int, typer.Option("--plan", help=say("duty.plan"), metavar="NUMBER")] = 0,
    items: Annotated[str, typer.Option("--items", help=say("duty.items"), metavar="1-5,8")] = "",
    by: By = "",
    note: Note = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Record that a duty was done at an asset."""
    from commands.installation import recorded
    from serviceday.execution import Given

    if bool(plan) == bool(asset and duty) or (items and not plan):
        raise CannotParse("neither one duty nor a plan's", "Name an asset and a duty, or --plan with --items")
    now = datetime.now(UTC)
    today = now.astimezone(options.zone(timezone)).date()
    with recorded(data) as records:
        if plan:
            inspection_list = _plan(records, plan)
            chosen = _numbers(items, len(inspection_list.items))
            day = options.day(on) if on else inspection_list.service_day
            entries = [
                valid(records, Given(asset=item.asset, duty=item.task, on=day, by=by, note=note), today)
                for item in _duties_of(inspection_list)
                if item.number in chosen
            ]
            done = records.duties.record(entries, at=now, who=by, source=f"plan {plan}", again=True)
            _tell_completed(inspection_list, done, len(chosen) - len(entries), as_json)
            return
        entry = valid(records, Given(asset=asset, duty=duty, on=on or today, by=by, note=note), today)
        result = records.duties.record([entry], at=now, who=by, source="hand", again=True)
        due = _next_due(records, entry)
    if as_json:
        show_json({**plain(entry), "new": bool(result.new), "due": due})
        return
    tell(say("duty.recorded" if result.new else "duty.known", **_words(records, entry)))
    tell(say("duty.next", due=due) if due else say("duty.next_none"))


def _plan(records: Records, number: int) -> InspectionList:
    inspection_list = records.plans.get(number)
    if inspection_list is None:
        raise CannotDo("plan {number} is not on record", "See `serviceday plan list`", number=number)
    return inspection_list


def _duties_of(inspection_list: InspectionList) -> list[Item]:
    """The items that are duties of the catalogue; a warning that was looked into is none."""
    from facility.catalogue.catalogue import catalogue

    return [
        item
        for item in inspection_list.items
        if item.kind in catalogue() and item.task in catalogue()[item.kind].duties
    ]


def _tell_completed(inspection_list: InspectionList, done: Recorded, other: int, as_json: bool) -> None:
    if as_json:
        entries = [plain(duty_done) for duty_done in done.new]
        show_json({"plan": inspection_list.number, "new": len(done.new), "known": done.known, "entries": entries})
        return
    values = {
        "number": inspection_list.number,
        "day": inspection_list.service_day,
        "new": len(done.new),
        "known": done.known,
    }
    tell(say("duty.completed", **values, other=other))


def _numbers(words: str, most: int) -> set[int]:
    """`1-5,8` as numbers of items; without words all. Raises `CannotParse` for what the list does not have."""
    if not words:
        return set(range(1, most + 1))
    found: set[int] = set()
    for part in words.replace("，", ",").split(","):
        first, _, last = part.strip().partition("-")
        low, high = (int(one) if one.isdecimal() and len(one) < 7 else 0 for one in (first, last or first))
        if not 1 <= low <= high <= most:
            raise CannotParse("{part!r} is no item of the list", "It has 1 to {most}", part=part.strip(), most=most)
        found.update(range(low, high + 1))
    return found


def valid(records: Records, given: Given, today: date) -> DutyDone:
    """The entry, if it can be so. Raises `CannotConvert` otherwise."""
    from serviceday.execution import checked

    entries, wrong = checked([given], {asset.id: asset for asset in records.estate.assets()}, today=today)
    if wrong:
        raise CannotConvert(
            "{reason}", "See `serviceday duty list --missing` for assets and duties", reason=wrong[0][1]
        )
    return entries[0]


def import_file(
    file: Annotated[Path, typer.Argument(help=say("import.file"), metavar="FILE")],
    data: options.Data = options.DATA,
    mapped: options.Maps = [],  # noqa: B006 - typer copies it
    dry_run: Annotated[bool, typer.Option("--dry-run", help=say("duty.dry_run"))] = False,
    by: By = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Import last dates from a file (CSV, XLSX)."""
    from commands.installation import recorded
    from facility.files import Refusal
    from facility.records import Recorded
    from serviceday.execution import checked, read_duties

    now = datetime.now(UTC)
    today = now.astimezone(options.zone(timezone)).date()
    reading = read_duties(file, mapping=options.mapping(mapped))
    with recorded(data) as records:
        assets = {asset.id: asset for asset in records.estate.assets()}
        entries, wrong = checked(reading.given, assets, today=today)
        if dry_run:
            on_record = {duty_done.key for duty_done in records.duties.all()}
            new = tuple(duty_done for duty_done in entries if duty_done.key not in on_record)
            result = Recorded(new, len(entries) - len(new), ())
        else:
            result = records.duties.record(entries, at=now, who=by, source=file.name)
    rows = [
        Refusal(line=line, what=what, cells=tuple(reading.cells[line])) for line, what in [*reading.refused, *wrong]
    ]
    rows.sort(key=lambda refusal: refusal.line)
    refused_file = "" if dry_run else refused.kept(rows, reading.header, file=file, data=data)
    if as_json:
        show_json(
            {
                "file": file.name,
                "dry_run": dry_run,
                "columns": reading.columns,
                "rows": reading.rows,
                "dates": len(reading.given),
                "new": len(result.new),
                "known": result.known,
                "withdrawn": [plain(duty_done) for duty_done in result.withdrawn],
                "refused": refused.plain(rows),
                "refused_file": refused_file,
                "entries": [plain(duty_done) for duty_done in result.new],
            }
        )
    else:
        if dry_run:
            _as_understood(reading, entries, assets)
        words = "duty.import_dry" if dry_run else "duty.import_done"
        tell(say(words, file=file.name, new=len(result.new), known=result.known, refused=len(rows)))
        for one in result.withdrawn:
            tell(say("duty.import_withdrawn", asset=one.asset, duty=one.duty, on=one.on))
        refused.tell_refused(rows, refused_file)
    if rows:
        raise typer.Exit(refused.EXIT_CODE)


def _as_understood(reading: Reading, entries: Sequence[DutyDone], assets: dict[str, Asset]) -> None:
    show_table(
        say("duty.dry_columns"),
        [say("duty.column_ours"), say("duty.column_theirs")],
        [(ours, theirs) for ours, theirs in reading.columns.items()],
    )
    show_table(
        say("duty.dry_first"),
        [say("column.asset"), say("column.work"), say("duty.column_on")],
        [
            (duty_done.asset, _duty_name(assets[duty_done.asset].kind, duty_done.duty), duty_done.on)
            for duty_done in entries[:_SHOWN]
        ],
    )


def list_duties(
    data: options.Data = options.DATA,
    asset: Annotated[str, typer.Option("--asset", help=say("duty.asset"), metavar="ASSET")] = "",
    duty: Annotated[str, typer.Option("--duty", help=say("duty.duty"), metavar="DUTY")] = "",
    kind: options.Kind = "",
    history: Annotated[bool, typer.Option("--all", help=say("duty.all"))] = False,
    missing: Annotated[bool, typer.Option("--missing", help=say("duty.missing"))] = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """When each duty was last done, and when it is due again."""
    from commands.app.papers import named
    from commands.installation import recorded, registered
    from facility.catalogue.catalogue import catalogue
    from facility.folder import DataFolder
    from facility.standing import in_use
    from serviceday.execution import duty_named, nearest
    from serviceday.planning import next_due

    today = datetime.now(options.zone(timezone)).date()
    with recorded(data) as records:
        assets = {asset.id: asset for asset in registered(records, DataFolder(data), kind)}
        names, spells = named(records), records.trail.spells()
        if asset and asset not in assets:
            near = nearest(asset, list(assets))
            raise CannotConvert(
                "no asset {asset!r}; is it {near!r}?" if near else "no asset {asset!r} is registered",
                "See `serviceday asset list`",
                asset=asset,
                near=near,
            )
        chosen = {asset: assets[asset]} if asset else assets
        entries = records.duties.all(asset or None)
    wanted = {key: duty_named(key, duty) for key in catalogue()} if duty else {}
    if duty and not any(wanted.values()):
        known = [
            duty for key in dict.fromkeys(each.kind for each in chosen.values()) for duty in catalogue()[key].duties
        ]
        raise CannotConvert("no duty {duty!r}", "Known: {known}", duty=duty, known=known)

    def asks(key: str, what: str) -> bool:
        if key not in chosen:
            return False
        one = wanted.get(chosen[key].kind) if duty else None
        return not duty or (one is not None and one.key == what)

    dones = [duty_done for duty_done in entries if asks(duty_done.asset, duty_done.duty)]
    if missing:
        there = {(duty_done.asset, duty_done.duty) for duty_done in dones}
        absent = [
            (asset, each)
            for asset in in_use(chosen.values(), spells, today)
            for each in catalogue().kind(asset.kind).duties.values()
            if asks(asset.id, each.key) and not each.routine and (asset.id, each.key) not in there
        ]
        _tell_missing(absent, names, as_json)
        return
    if not history:
        first: dict[tuple[str, str], DutyDone] = {}
        for one in dones:
            first.setdefault((one.asset, one.duty), one)
        dones = list(first.values())
    dues = {
        duty_done.key: next_due(
            catalogue()[assets[duty_done.asset].kind].duties[duty_done.duty],
            duty_done.on,
            spells.get(duty_done.asset, ()),
            assets[duty_done.asset].commissioned,
        )
        for duty_done in dones
        if duty_done.duty in catalogue()[assets[duty_done.asset].kind].duties
    }
    if as_json:
        show_json(
            [
                {**plain(duty_done), "site": assets[duty_done.asset].site, "due": dues.get(duty_done.key)}
                for duty_done in dones
            ]
        )
        return
    if not dones:
        tell(say("duty.none"))
        return
    show_table(
        say("duty.title"),
        [
            *(say(name) for name in ("column.place", "column.asset", "column.work", "duty.column_on")),
            *(say(name) for name in ("duty.column_due", "duty.column_by", "column.note")),
        ],
        [
            (
                names.place(assets[duty_done.asset]),
                duty_done.asset,
                _duty_name(assets[duty_done.asset].kind, duty_done.duty),
                duty_done.on,
                dues.get(duty_done.key) or "–",
                duty_done.by,
                duty_done.note,
            )
            for duty_done in dones
        ],
    )


def _tell_missing(absent: Sequence[tuple[Asset, Duty]], names: Names, as_json: bool) -> None:
    if as_json:
        show_json(
            [{"asset": asset.id, "site": asset.site, "kind": asset.kind, "duty": duty.key} for asset, duty in absent]
        )
        return
    tell(say("duty.missing_count", count=len(absent)))
    if absent:
        show_table(
            say("duty.missing_title"),
            [say("column.place"), say("column.asset"), say("column.work"), say("duty.column_key")],
            [(names.place(asset), asset.id, duty.name[preferred()], duty.key) for asset, duty in absent],
        )


def undo(
    asset: AssetId,
    duty: DutyName,
    data: options.Data = options.DATA,
    on: Annotated[str, typer.Option("--on", help=say("duty.undo_on"), metavar="DATE")] = "",
    by: By = "",
    note: Note = "",
    as_json: options.Json = False,
) -> None:
    """Take back a date that was recorded wrongly; the trail keeps it."""
    from commands.installation import recorded
    from serviceday.execution import duty_named

    with recorded(data) as records:
        there = records.estate.asset(asset)
        meant = duty_named(there.kind, duty) if there else None
        key = meant.key if meant else duty
        entry = records.duties.undo(
            asset, key, options.day(on) if on else None, at=datetime.now(UTC), who=by, note=note
        )
        if entry is None:
            raise CannotDo(
                "{duty} of {asset} is not on record for {day}" if on else "{duty} of {asset} has no date on record",
                "See `serviceday duty list --all`",
                duty=duty,
                asset=asset,
                day=on,
            )
        left = records.duties.last_done().get((asset, key))
    if as_json:
        show_json({**plain(entry), "undone": True, "last_done": left})
        return
    tell(say("duty.undone", asset=asset, duty=_duty_name(there.kind if there else "", key), on=entry.on))
    tell(say("duty.now_last", last=left) if left else say("duty.now_none"))


def plain(duty_done: DutyDone) -> dict[str, object]:
    """A duty that was done, as plain values for JSON."""
    return {
        "asset": duty_done.asset,
        "duty": duty_done.duty,
        "last_done": duty_done.on,
        "by": duty_done.by,
        "note": duty_done.note,
    }


def _duty_name(kind: str, key: str) -> str:
    from facility.catalogue.catalogue import catalogue

    duties = catalogue()[kind].duties if kind in catalogue() else {}
    return duties[key].name[preferred()] if key in duties else key


def _words(records: Records, entry: DutyDone) -> dict[str, object]:
    asset = records.estate.asset(entry.asset)
    return {"asset": entry.asset, "duty": _duty_name(asset.kind if asset else "", entry.duty), "on": entry.on}


def _next_due(records: Records, entry: DutyDone) -> date | None:
    from facility.catalogue.catalogue import catalogue
    from serviceday.planning import next_due

    asset = records.estate.asset(entry.asset)
    if asset is None:
        return None
    last = records.duties.last_done()[entry.asset, entry.duty]
    spells = records.trail.spells().get(asset.id, ())
    return next_due(catalogue()[asset.kind].duties[entry.duty], last, spells, asset.commissioned)
