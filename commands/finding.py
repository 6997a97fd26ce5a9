"""`finding`: what was found to be wrong, and how it is put right: assigned, mended, verified by another, closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import cell, printable, show_json, show_table, spare_existing, tell
from facility.deficiencies import Origin, State
from facility.errors import CannotConvert, CannotParse
from facility.i18n.phrases import Text, preferred

if TYPE_CHECKING:
    from facility.deficiencies import Deficiency
    from facility.records import Records
    from serviceday.execution.grades import Grades
    from serviceday.execution.rectification import Rectification

Number = Annotated[int, typer.Argument(help=say("finding.number"), metavar="NUMBER")]
By = Annotated[str, typer.Option("--by", help=say("finding.by"), metavar="NAME")]
Why = Annotated[str, typer.Option("--why", help=say("finding.why"), metavar="TEXT")]
Note = Annotated[str, typer.Option("--note", help=say("finding.note"), metavar="TEXT")]
Grade = Annotated[str, typer.Option("--grade", help=say("finding.grade"), metavar="GRADE")]
Until = Annotated[str, typer.Option("--until", help=say("finding.until"), metavar="DATE")]
Site = Annotated[str, typer.Option("--site", help=say("finding.site"), metavar="SITE")]
Asset = Annotated[str, typer.Option("--asset", help=say("finding.asset"), metavar="ASSET")]
Overdue = Annotated[bool, typer.Option("--overdue", help=say("finding.overdue"))]
Everything = Annotated[bool, typer.Option("--all", help=say("finding.all"))]


def list_findings(
    data: options.Data = options.DATA,
    site: Site = "",
    asset: Asset = "",
    state: Annotated[str, typer.Option("--state", help=say("finding.state"), metavar="STATE")] = "",
    overdue: Overdue = False,
    everything: Everything = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """List open findings."""
    if state and state not in tuple(State):
        raise CannotParse("{state!r} is not a state", "Known: {known}", state=state, known=list(State))
    today = datetime.now(options.zone(timezone)).date()
    with _opened(data, timezone) as (records, _, grades):
        deficiencies = [
            deficiency
            for deficiency in records.deficiencies.all()
            if (everything or state or deficiency.state.open)
            and state in ("", deficiency.state)
            and site in ("", deficiency.site)
            and asset in ("", deficiency.asset)
            and (not overdue or deficiency.overdue(today))
        ]
    if as_json:
        show_json([_plain(deficiency, timezone) for deficiency in deficiencies])
        return
    language = preferred()
    names = ("number", "grade", "place", "asset", "what", "state", "deadline", "person")
    show_table(
        say("finding.title", count=len(deficiencies)),
        [say(f"finding.column_{name}") for name in names],
        [
            (
                deficiency.number,
                grades.name(deficiency.grade)[language],
                cell(_place(deficiency), 60),
                deficiency.asset,
                cell(deficiency.description[language], 60),
                say(f"finding.state_{deficiency.state}"),
                f"{deficiency.deadline}{say('finding.is_overdue') if deficiency.overdue(today) else ''}",
                cell(" ".join(filter(None, (deficiency.person, deficiency.department))), 30),
            )
            for deficiency in deficiencies
        ],
    )


def show(
    number: Number,
    data: options.Data = options.DATA,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """One finding with its whole trail, and its photos."""
    from facility.folder import DataFolder
    from serviceday.execution.evidence import PictureBook, evidence_of
    from serviceday.execution.phone.photos import PhotoFolder

    with _opened(data, timezone) as (records, _, grades):
        deficiency, trail = records.deficiencies.get(number), records.deficiencies.trail(number)
        shown = evidence_of(records, number)
    folder = PhotoFolder(DataFolder(data).photos)
    if as_json:
        photos = [
            {"stage": entry.stage, **asdict(entry.photo), "file": str(folder.file(entry.photo))} for entry in shown
        ]
        show_json({**_plain(deficiency, timezone), "trail": [asdict(step) for step in trail], "photos": photos})
        return
    _tell(deficiency, grades, timezone)
    book = PictureBook(folder, options.zone(timezone), preferred())
    for entry in shown:
        file = folder.file(entry.photo)
        key = "finding.photo" if file.exists() else "finding.photo_gone"
        tell("  " + say(key, number=entry.photo.id, caption=printable(book.caption(entry)), file=printable(str(file))))
    place = options.zone(timezone)
    for step in trail:
        moment = f"{step.at.astimezone(place):%Y-%m-%d %H:%M}"
        words = printable(" ".join(filter(None, (step.who, step.why))))
        tell(f"  {moment} {say(f'finding.move_{step.move}')} {words}".rstrip())


def add(
    description: Annotated[str, typer.Argument(help=say("finding.description"), metavar="TEXT")],
    data: options.Data = options.DATA,
    asset: Asset = "",
    site: Site = "",
    place: Annotated[str, typer.Option("--place", help=say("finding.place"), metavar="TEXT")] = "",
    mode: Annotated[str, typer.Option("--mode", help=say("finding.mode"), metavar="MODE")] = "",
    grade: Grade = "",
    suggestion: Annotated[str, typer.Option("--suggestion", help=say("finding.suggestion"), metavar="TEXT")] = "",
    origin: Annotated[str, typer.Option("--origin", help=say("finding.origin"), metavar="ORIGIN")] = "snapshot",
    at: Annotated[str, typer.Option("--at", help=say("day.at"), metavar="TIME")] = "",
    mended: Annotated[bool, typer.Option("--mended", help=say("day.mended"))] = False,
    draft: Annotated[bool, typer.Option("--draft", help=say("finding.draft"))] = False,
    by: By = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Put a finding on record; abnormal answers to a list do so by themselves."""
    from commands.day_lists import local_moment
    from serviceday.execution.rectification import NewDeficiency

    if origin not in tuple(Origin):
        raise CannotParse("{origin!r} is not an origin", "Known: {known}", origin=origin, known=list(Origin))
    if not description.strip() or not by.strip():
        raise CannotParse("a finding needs words and somebody who says so", "Give a text and --by NAME")
    moment = local_moment(at, timezone) if at else datetime.now(UTC)
    if moment > datetime.now(UTC):
        raise CannotConvert("{words!r} is not a time", "Write it as 2026-03-31T14:05", words=at)
    with _opened(data, timezone) as (records, rectification, grades):
        there = _where(records, asset, site, place, mode)
        deficiency, new = rectification.open(
            NewDeficiency(
                asset=there["asset"],
                kind=there["kind"],
                site=there["site"],
                building=there["building"],
                place=there["place"],
                fault=mode or f"hand:{' '.join(description.split())}",
                description=Text(zh=description.strip(), en=description.strip()),
                grade=grades.named(grade).key if grade else grades.of_kind(there["kind"]).key,
                found_at=moment,
                found_by=by,
                origin=Origin(origin),
                suggestion=Text(zh=suggestion, en=suggestion),
                mended=description if mended else None,
            ),
            draft=draft,
        )
    if as_json:
        show_json({**_plain(deficiency, timezone), "new": new})
        return
    tell(say("finding.opened" if new else "finding.joined", number=deficiency.number))
    _tell(deficiency, grades, timezone)


def assign(
    number: Number,
    data: options.Data = options.DATA,
    person: Annotated[str, typer.Option("--to", help=say("finding.to"), metavar="NAME")] = "",
    department: Annotated[str, typer.Option("--department", help=say("finding.department"), metavar="NAME")] = "",
    until: Until = "",
    grade: Grade = "",
    by: By = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Approve it and say who puts it right by when; may be said anew."""
    end = options.day(until) if until else None
    with _opened(data, timezone) as (_, rectification, grades):
        deficiency = rectification.assign(number, by=by, person=person, department=department, until=end, grade=grade)
    _result(deficiency, grades, timezone, as_json)


def start(
    number: Number, data: options.Data = options.DATA, by: By = "", timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:  # fmt: skip
    """Work on it begins."""
    with _opened(data, timezone) as (_, rectification, grades):
        deficiency = rectification.start(number, by=by)
    _result(deficiency, grades, timezone, as_json)


def done(
    number: Number, data: options.Data = options.DATA, by: By = "", note: Note = "",
    timezone: options.Zone = options.ZONE, as_json: options.Json = False,
) -> None:  # fmt: skip
    """It is mended and waits to be verified."""
    with _opened(data, timezone) as (_, rectification, grades):
        deficiency = rectification.done(number, by=by, measures=note)
    _result(deficiency, grades, timezone, as_json)


def verify(
    number: Number, data: options.Data = options.DATA, by: By = "", note: Note = "",
    timezone: options.Zone = options.ZONE, as_json: options.Json = False,
) -> None:  # fmt: skip
    """Verify and close it; by somebody else than who mended it."""
    with _opened(data, timezone) as (_, rectification, grades):
        deficiency = rectification.verify(number, by=by, note=note)
    _result(deficiency, grades, timezone, as_json)


def reject(
    number: Number, data: options.Data = options.DATA, by: By = "", why: Why = "",
    timezone: options.Zone = options.ZONE, as_json: options.Json = False,
) -> None:  # fmt: skip
    """Reject it: it is no finding; where it waits to be verified, send it back."""
    with _opened(data, timezone) as (_, rectification, grades):
        deficiency = rectification.reject(number, by=by, why=why)
    _result(deficiency, grades, timezone, as_json)


def postpone(
    number: Number, data: options.Data = options.DATA, until: Until = "", by: By = "", why: Why = "",
    timezone: options.Zone = options.ZONE, as_json: options.Json = False,
) -> None:  # fmt: skip
    """Give it a later deadline, with a reason."""
    if not until:
        raise CannotParse("postponed to no day", "Give --until 2026-12-31 and --why")
    with _opened(data, timezone) as (_, rectification, grades):
        deficiency = rectification.postpone(number, options.day(until), by=by, why=why)
    _result(deficiency, grades, timezone, as_json)


def close(
    number: Number, data: options.Data = options.DATA, by: By = "", why: Why = "",
    timezone: options.Zone = options.ZONE, as_json: options.Json = False,
) -> None:  # fmt: skip
    """Close it without its having been mended, with a reason; it does not count as rectified."""
    with _opened(data, timezone) as (_, rectification, grades):
        deficiency = rectification.close(number, by=by, why=why)
    _result(deficiency, grades, timezone, as_json)


def correct(
    number: Number,
    data: options.Data = options.DATA,
    description: Annotated[str, typer.Option("--description", help=say("finding.description"), metavar="TEXT")] = "",
    suggestion: Annotated[str, typer.Option("--suggestion", help=say("finding.suggestion"), metavar="TEXT")] = "",
    grade: Grade = "",
    by: By = "",
    why: Why = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Correct description, suggestion or grade; what was said before stays in the trail."""
    with _opened(data, timezone) as (_, rectification, grades):
        detail = {
            "suggestion_zh": suggestion,
            "suggestion_en": suggestion,
            "grade": grades.named(grade).key if grade else "",
        }
        detail |= {"description_zh": description, "description_en": description}
        detail = {name: value for name, value in detail.items() if value}
        if not detail:
            raise CannotParse("nothing is corrected", "Give --description, --suggestion or --grade")
        deficiency = rectification.correct(number, by=by, why=why, detail=detail)
    _result(deficiency, grades, timezone, as_json)


def export(
    data: options.Data = options.DATA,
    outputs: Annotated[list[Path], typer.Option("--output", "-o", help=say("finding.output"), metavar="FILE")] = [],  # noqa: B006
    force: options.Force = False,
    numbers: Annotated[list[int], typer.Option("--number", help=say("finding.number"), metavar="NUMBER")] = [],  # noqa: B006
    site: Site = "",
    everything: Everything = False,
    timezone: options.Zone = options.ZONE,
) -> None:
    """Export the register of findings (XLSX) and rectification notices (PDF)."""
    from commands.app.papers import named, paper, pictured
    from serviceday.documents.rectification import Register, check_register_form, write_register

    if not outputs:
        raise CannotParse("no file to write", "Name one with -o, for example -o findings.xlsx or -o notice.pdf")
    spare_existing(outputs, force=force)
    for file in outputs:
        check_register_form(file)
    with _opened(data, timezone) as (records, _, grades):
        deficiencies = [
            deficiency
            for deficiency in records.deficiencies.all()
            if (everything or numbers or deficiency.state.open)
            and (not numbers or deficiency.id in numbers)
            and site in ("", deficiency.site)
        ]
        scale = {deficiency.grade: grades.name(deficiency.grade) for deficiency in deficiencies}
        place = options.zone(timezone)
        pictures = pictured(records, data, [deficiency.id for deficiency in deficiencies], place)
        register = Register(
            tuple(deficiencies), named(records), paper(), scale, datetime.now(UTC), place, preferred(), pictures
        )
    for file in write_register(register, outputs):
        tell(say("finding.exported", count=len(deficiencies), file=file))


@contextmanager
def _opened(data: Path, timezone: str) -> Iterator[tuple[Records, Rectification, Grades]]:
    from commands.installation import recorded
    from facility.folder import DataFolder
    from serviceday.execution.grades import read_grades
    from serviceday.execution.rectification import Rectification

    grades = read_grades(DataFolder(data).path / "grades.toml")
    with recorded(data) as records:
        now, zone = datetime.now(UTC), options.zone(timezone)
        yield records, Rectification(records, now=now, timezone=zone, grades=grades), grades


def _where(records: Records, asset: str, site: str, place: str, mode: str) -> dict[str, str]:
    from facility.catalogue.catalogue import catalogue
    from serviceday.execution import nearest

    if not asset:
        if mode:
            raise CannotParse("a failure mode without an asset", "Name the asset with --asset")
        return {"asset": "", "kind": "", "site": site or "default", "building": "", "place": place}
    assets = {record.id: record for record in records.estate.assets()}
    if asset not in assets:
        near = nearest(asset, list(assets))
        raise CannotConvert(
            "no asset {asset!r}; is it {near!r}?" if near else "no asset {asset!r} is registered",
            "See `serviceday asset list`",
            asset=asset,
            near=near,
        )
    registered = assets[asset]
    modes = catalogue()[registered.kind].modes if registered.kind in catalogue() else {}
    if mode and mode not in modes:
        raise CannotConvert(
            "{kind} has no failure mode {mode!r}", "It has {known}", kind=registered.kind, mode=mode, known=list(modes)
        )
    plain = {name: getattr(registered, name) for name in ("kind", "site", "building")}
    return {"asset": asset, "place": place or registered.place, **plain}


def _plain(deficiency: Deficiency, timezone: str) -> dict[str, object]:
    today = datetime.now(options.zone(timezone)).date()
    return {
        **asdict(deficiency),
        "number": deficiency.number,
        "overdue": deficiency.overdue(today),
        "rectified": deficiency.rectified,
    }


def _place(deficiency: Deficiency) -> str:
    return " ".join(filter(None, ("" if deficiency.site == "default" else deficiency.site, deficiency.place)))


def _result(deficiency: Deficiency, grades: Grades, timezone: str, as_json: bool) -> None:
    if as_json:
        show_json(_plain(deficiency, timezone))
        return
    _tell(deficiency, grades, timezone)


def _tell(deficiency: Deficiency, grades: Grades, timezone: str) -> None:
    language, today = preferred(), datetime.now(options.zone(timezone)).date()
    late = say("finding.is_overdue") if deficiency.overdue(today) else ""
    values = {
        "number": deficiency.number,
        "state": say(f"finding.state_{deficiency.state}"),
        "grade": grades.name(deficiency.grade)[language],
    }
    tell(say("finding.shown", **values, deadline=f"{deficiency.deadline}{late}"))
    words = (_place(deficiency), deficiency.asset, deficiency.description[language])
    tell(f"  {printable(' '.join(filter(None, words)))}")
    for name, value in (
        ("person", " ".join(filter(None, (deficiency.person, deficiency.department)))),
        ("suggestion", deficiency.suggestion[language]),
        ("mender", " ".join(filter(None, (deficiency.mender, deficiency.measures)))),
        ("verifier", " ".join(filter(None, (deficiency.verifier, deficiency.verification)))),
        ("repeats", str(deficiency.repeats or "")),
    ):
        if value:
            tell(f"  {say(f'finding.column_{name}')}: {printable(value)}")
