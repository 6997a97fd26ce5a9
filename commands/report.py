"""`report`: what residents say is wrong; where that is, what became of it, and, apart from it, who said so."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import report_words
from commands.app import options, refused
from commands.app.messages import say, told
from commands.app.output import printable, show_json, show_table, tell
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from facility.records import Records
    from serviceday.reports import Intake

Number = Annotated[int, typer.Argument(help=say("report.number"), metavar="REPORT")]
By = Annotated[str, typer.Option("--by", help=say("report.by"), metavar="NAME")]
Note = Annotated[str, typer.Option("--note", help=say("report.note"), metavar="TEXT")]
KindOf = Annotated[str, typer.Option("--kind", help=say("report.kind"), metavar="KIND")]
_BY_HAND = ("desk", "box", "steward")  # of `facility.reports.Channel`
SubjectOf = Annotated[str, typer.Option("--subject", help=say("report.subject"), metavar="SUBJECT")]


def add(
    text: Annotated[str, typer.Argument(help=say("report.text"), metavar="TEXT")],
    data: options.Data = options.DATA,
    place: Annotated[str, typer.Option("--place", help=say("report.place"), metavar="PLACE")] = "",
    name: Annotated[str, typer.Option("--name", help=say("report.name"), metavar="NAME")] = "",
    phone: Annotated[str, typer.Option("--phone", help=say("report.phone"), metavar="PHONE")] = "",
    category: Annotated[str, typer.Option("--category", help=say("report.category"), metavar="CATEGORY")] = "",
    via: Annotated[str, typer.Option("--via", help=say("report.via"), metavar="desk|box|steward")] = "desk",
    by: By = "",
    as_json: options.Json = False,
) -> None:
    """Take in one report; category, place and whether it was reported before are worked out, and said why."""
    from uuid import uuid4

    from commands.app.papers import named
    from commands.installation import recorded
    from facility.errors import CannotParse
    from serviceday.reports import Said

    if not text.strip():
        raise CannotParse("a report without words", 'Write what is wrong: serviceday report add "三号楼电梯关门很慢"')
    if via not in _BY_HAND:
        raise CannotParse("{via!r} is no way a report comes in by hand", "Say {known}", via=via, known=list(_BY_HAND))
    now = datetime.now(UTC)
    message = Said(text=text, at=now, place=place, category=category, name=name, phone=phone)
    with recorded(data) as records:
        report, reporter = _intake(records).take(message, source=via)
        (kept,) = records.reports.add([(f"{via}-{uuid4().hex}", report, reporter)], now=now, by=by)
        names = named(records)
    if as_json:
        show_json(report_words.plain(kept))
        return
    language = preferred()
    tell(say("report.added", id=kept.id))
    tell(f"  {report_words.about(kept)} ({kept.category.sure:.0%}; {kept.category.why[language]})")
    tell(f"  {report_words.where(kept, names)} ({kept.place.why[language]})")
    if kept.merged_into is not None:
        tell(f"  {say('report.merged', into=kept.merged_into)}")
    elif not kept.place.resolved:
        tell(f"  {say('report.unresolved', id=kept.id)}")


def import_file(
    file: Annotated[Path, typer.Argument(help=say("import.file"), metavar="FILE")],
    data: options.Data = options.DATA,
    mapped: options.Maps = [],  # noqa: B006 - typer copies it
    timezone: options.Zone = options.ZONE,
    by: By = "",
    encoding: options.Encoding = "",
    separator: options.Separator = "",
    sheet: options.Sheet = "",
    date_order: options.DateOrder = "",
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Import reports from a hotline's or a spreadsheet's export (CSV, XLSX)."""
    from commands.installation import recorded
    from serviceday.reports import keys, read_report_file, unpacked

    now = datetime.now(UTC)
    form = options.file_form(encoding=encoding, separator=separator, sheet=sheet, order=date_order, timezone=timezone)
    read = read_report_file(file, mapping=options.mapping(mapped), options=form, now=now)
    saids, notes = read.reports, [told(note) for note in read.notes]
    if dry_run:
        columns = {column.field: column.name for column in read.columns if column.field}
        if as_json:
            plainly = refused.plain(read.refusals)
            show_json({"rows": len(saids), "columns": columns, "notes": notes, "refused": plainly, "dry_run": True})
            raise typer.Exit(refused.EXIT_CODE if read.refusals else 0)
        for ours, theirs in columns.items():
            tell(f"  {printable(theirs)} -> {ours}")
        for note in notes:
            tell(f"  {note}")
        for message in saids[:5]:
            moment = message.at.astimezone(form.zone)
            tell(f"  {moment:%Y-%m-%d %H:%M} | {printable(message.place)} | {printable(message.text[:80])}")
        lines = len({refusal.line for refusal in read.refusals})
        tell(say("report.import.would", rows=len(saids) + lines, refused=lines))
        refused.tell_refused(read.refusals, "")
        raise typer.Exit(refused.EXIT_CODE if read.refusals else 0)
    with recorded(data) as records:
        named = dict(zip(keys(saids), saids, strict=True))
        on_record = records.reports.known(named)
        intake = _intake(records)
        new = [
            (f"{key}-{part}" if part else key, *intake.take(message, source=file.name))
            for key, whole in named.items()
            if key not in on_record
            for part, message in enumerate(unpacked(whole))
        ]
        reports = records.reports.add(new, now=now, by=by)
    refused_file = refused.kept(read.refusals, [column.name for column in read.columns], file=file, data=data)
    lines = len({refusal.line for refusal in read.refusals})
    counts = {
        "rows": len(saids) + lines,
        "added": len(reports),
        "known": len(on_record),
        "merged": sum(report.merged_into is not None for report in reports),
        "place_unresolved": sum(not report.place.resolved for report in reports),
        "category_unclear": sum(report.category.kind.value == "unclear" for report in reports),
        "urgent": sum(report.category.urgent for report in reports),
    }
    if as_json:
        show_json(
            counts
            | {"notes": notes, "refused": refused.plain(read.refusals), "refused_file": refused_file}
            | {"reports": [report_words.plain(report) for report in reports]}
        )
        raise typer.Exit(refused.EXIT_CODE if read.refusals else 0)
    for note in notes:
        tell(f"  {note}", error=True)
    tell(say("report.import.done", **counts, refused=lines))
    for words, count in Counter(report_words.about(report) for report in reports).most_common():
        tell(f"  {count:>5}  {words}")
    refused.tell_refused(read.refusals, refused_file)
    if read.refusals:
        raise typer.Exit(refused.EXIT_CODE)


def list_reports(
    data: options.Data = options.DATA,
    closed: Annotated[bool, typer.Option("--all", help=say("report.all"))] = False,
    unresolved: Annotated[bool, typer.Option("--unresolved", help=say("report.only_unresolved"))] = False,
    unclear: Annotated[bool, typer.Option("--unclear", help=say("report.only_unclear"))] = False,
    kind: KindOf = "",
    subject: SubjectOf = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Open reports, without names and phones."""
    from commands.app.papers import named
    from commands.installation import recorded
    from serviceday.reports import taxonomy
    from serviceday.reports import unclear as is_unclear

    clock = options.zone(timezone)
    kinds = {taxonomy().kind(kind).value} if kind else None
    subjects = {taxonomy().subject(subject).key} if subject else None
    with recorded(data) as records:
        reports = [
            report
            for report in records.reports.all(closed=closed)
            if (kinds is None or report.category.kind.value in kinds)
            and (subjects is None or report.category.subject in subjects)
            and not (unresolved and report.place.resolved)
            and not (unclear and not is_unclear(report.category))
        ]
        if unclear:  # danger first, then the least sure
            reports.sort(key=lambda report: (not report.category.urgent, report.category.sure, report.id))
        names = named(records)
    if as_json:
        show_json([report_words.plain(report) for report in reports])
    elif not reports:
        tell(say("report.none"))
    elif unclear:
        for report in reports:
            tell(f"{report.id:>5}  {report.category.sure:>4.0%}  {report_words.about(report)}  {report.text}")
        tell(say("report.unclear_next", id=reports[0].id))
    else:
        columns = ("#", "since", "category", "place", "report", "reporters", "state")
        show_table(
            say("report.title", zone=clock.key),
            [column if column == "#" else say(f"column.{column}") for column in columns],
            [
                (
                    report.id,
                    options.local(report.at, clock),
                    report_words.about(report),
                    report_words.where(report, names),
                    report.text,
                    report.reporters,
                    report_words.state(report),
                )
                for report in reports
            ],
            right=[0, 5],
        )


def show(
    number: Number,
    data: options.Data = options.DATA,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """One report: the reasons, what was merged into it, its trail."""
    from commands.app.papers import named
    from commands.installation import recorded

    clock = options.zone(timezone)
    with recorded(data) as records:
        report, trail = records.reports.get(number), records.reports.trail(number)
        merged, names = records.reports.merged(number), named(records)
    if as_json:
        show_json(
            report_words.plain(report)
            | {"merged": [report_words.plain(report) for report in merged], "trail": [asdict(step) for step in trail]}
        )
        return
    language = preferred()
    tell(f"{report.id} · {report_words.about(report)} · {report_words.state(report)}")
    tell(report.text)
    tell(f"  {report_words.where(report, names)}: {report.place.why[language]}")
    tell(f"  {report_words.about(report)} ({report.category.sure:.0%}): {report.category.why[language]}")
    for one in merged:
        tell(f"  + {one.id}  {options.shown(one.at, clock)}  {one.text}")
    for step in trail:
        words = say(f"report.step.{step.what}")
        tell(f"  {options.shown(step.at, clock)}  {' '.join(filter(None, (words, step.note, step.who)))}")


def edit(
    number: Number,
    by: By,
    data: options.Data = options.DATA,
    kind: KindOf = "",
    subject: SubjectOf = "",
    place: Annotated[str, typer.Option("--place", help=say("report.place"), metavar="PLACE")] = "",
    asset: Annotated[str, typer.Option("--asset", help=say("report.asset"), metavar="ASSET")] = "",
    note: Note = "",
) -> None:
    """Correct a report's category or place."""
    from commands.app.papers import named
    from commands.installation import recorded
    from facility.errors import CannotDo
    from serviceday.reports import decided, decided_place, taxonomy

    if not (kind or subject or place or asset):
        raise CannotDo("nothing to change", "Name --kind, --subject, --place or --asset")
    with recorded(data) as records:
        report = records.reports.get(number)
        category, where = report.category, report.place
        if kind or subject:
            category = decided(
                taxonomy().kind(kind) if kind else category.kind,
                taxonomy().subject(subject).key if subject else category.subject,
                by=by,
                urgent=category.urgent,
            )
        if place or asset:
            resolved = _gazetteer(records).find(asset or place, "", subject=category.subject)
            if not resolved.resolved or (asset and resolved.asset != asset):
                raise CannotDo(
                    "{name!r} is no place of the registry: {why}",
                    "Name it in full",
                    name=asset or place,
                    why=resolved.why,
                )
            where = decided_place(
                replace(resolved, unit=resolved.unit or where.unit, room=resolved.room or where.room), by=by
            )
        changed = records.reports.change(
            number, category=category, place=where, by=by, now=datetime.now(UTC), note=note
        )
        names = named(records)
    tell(f"{changed.id} · {report_words.about(changed)} · {report_words.where(changed, names)}")


def close(number: Number, by: By, data: options.Data = options.DATA, note: Note = "") -> None:
    """Close a report, and those merged into it."""
    from commands.installation import recorded

    with recorded(data) as records:
        report = records.reports.close(number, by=by, now=datetime.now(UTC), note=note)
    tell(f"{report.id} · {report_words.state(report)}")


def reopen(number: Number, by: By, data: options.Data = options.DATA, note: Note = "") -> None:
    """Open a closed report again."""
    from commands.installation import recorded

    with recorded(data) as records:
        report = records.reports.reopen(number, by=by, now=datetime.now(UTC), note=note)
    tell(f"{report.id} · {report_words.state(report)}")


def merge(
    number: Number,
    into: Annotated[int, typer.Argument(help=say("report.into"), metavar="INTO")],
    data: options.Data = options.DATA,
    by: By = "",
) -> None:
    """Merge a report into another: the same thing, said twice."""
    from commands.installation import recorded

    with recorded(data) as records:
        report = records.reports.merge(number, into, by=by, now=datetime.now(UTC))
    tell(say("report.speaks", id=report.id, count=report.reporters))


def split(number: Number, data: options.Data = options.DATA, by: By = "") -> None:
    """Undo a merge."""
    from commands.installation import recorded

    with recorded(data) as records:
        report = records.reports.split(number, by=by, now=datetime.now(UTC))
    tell(f"{report.id} · {report_words.state(report)}")


def contact(number: Number, by: By, data: options.Data = options.DATA) -> None:
    """Name and phone of who reported, for calling back; looking is recorded."""
    from commands.installation import recorded

    with recorded(data) as records:
        reporter = records.reports.reporter(number, by=by, now=datetime.now(UTC))
    tell(f"{reporter.name}  {reporter.phone}".strip() if reporter else say("report.nobody"))


def forget(
    by: By,
    numbers: Annotated[list[int], typer.Argument(help=say("report.numbers"), metavar="REPORT")] = [],  # noqa: B006
    data: options.Data = options.DATA,
    closed_before: Annotated[
        str, typer.Option("--closed-before", help=say("report.closed_before"), metavar="SPAN")
    ] = "",
) -> None:
    """Delete the name and phone of who reported; the report stays."""
    from commands.installation import recorded
    from facility.errors import CannotDo

    if not (numbers or closed_before):
        raise CannotDo("nobody to forget", "Name reports, or --closed-before 180d")
    now = datetime.now(UTC)
    with recorded(data) as records:
        chosen = list(numbers)
        if closed_before:
            until = now - options.span(closed_before)
            everything = records.reports.all(merged=True)
            chosen += [report.id for report in everything if report.closed_at is not None and report.closed_at < until]
        erased = records.reports.forget(list(dict.fromkeys(chosen)), by=by, now=now)
    tell(say("report.forgotten", count=erased))


def _intake(records: Records) -> Intake:
    from serviceday.reports import Intake

    everything = records.reports.all(merged=True)
    return Intake(_gazetteer(records), [report for report in everything if report.open], decided=everything)


def _gazetteer(records: Records) -> Any:
    from serviceday.reports import Gazetteer

    estate = records.estate
    return Gazetteer(estate.sites(), estate.buildings(), estate.assets())
