"""`day links`, `day sheet`: a round for a phone, by a link or as one file; and what a phone exported, read back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import printable, show_json, spare_existing, tell
from facility.errors import CannotDo, CannotParse

if TYPE_CHECKING:
    from facility.inspections import InspectionList
    from facility.records import Records
    from serviceday.execution.phone.submission import Receipt

ServiceDay = Annotated[str, typer.Option("--service-day", help=say("day.date"), metavar="DATE")]
BaseUrl = Annotated[
    str, typer.Option("--base-url", envvar="SERVICEDAY_BASE_URL", help=say("day.base_url"), metavar="URL")
]
Revoke = Annotated[str, typer.Option("--revoke", help=say("day.revoke"), metavar="PERSON")]
Person = Annotated[str, typer.Option("--person", help=say("day.whose"), metavar="PERSON")]
Html = Annotated[bool, typer.Option("--html", help=say("day.html"))]
Output = Annotated[Path | None, typer.Option("-o", "--output", help=say("day.sheet_file"), metavar="FILE.html")]
Slips = Annotated[Path | None, typer.Option("-o", "--output", help=say("day.slips"), metavar="FILE.html")]
By = Annotated[str, typer.Option("--by", help=say("day.by"), metavar="NAME")]


def links(
    service_day: ServiceDay,
    data: options.Data = options.DATA,
    base_url: BaseUrl = "",
    revoke: Revoke = "",
    output: Slips = None,
    force: options.Force = False,
    by: By = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Give each person of a list a link to their round, good for one day."""
    from commands.installation import recorded
    from facility.folder import DataFolder
    from serviceday.execution.phone import page
    from serviceday.execution.phone.links import Links, address, expiry, link_key, person_named, walking

    if output is not None and not base_url:
        raise CannotParse("codes need the address of the dashboard", "Give --base-url")
    spare_existing([output], force=force)
    with recorded(data) as records:
        plan = _list_of(records, service_day)
        if revoke:
            number = person_named(plan, revoke)
            records.rounds.revoke_link(plan.number, number, who=by, now=datetime.now(UTC))
        clock = _clock(plan, timezone)
        makes = Links(link_key(DataFolder(data).link_key), records)
        rows = [
            {"person": number, "name": name, "link": address(base_url, makes.token(plan, number, timezone=clock))}
            for number, name in walking(plan)
            if not revoke or number == person_named(plan, revoke)
        ]
        until = expiry(plan, clock)
    if output is not None:
        _write(output, page.slips(str(plan.service_day), [(str(row["name"]), str(row["link"])) for row in rows]))
    if as_json:
        about = {"day": plan.service_day, "plan": plan.number, "valid_until": until}
        show_json({**about, "revoked": bool(revoke), "links": rows})
        return
    if revoke:
        tell(say("day.link_revoked", name=printable(str(rows[0]["name"]))))
    tell(say("day.links_title", number=plan.number, day=plan.service_day, until=options.shown(until, clock)))
    for row in rows:  # whole lines: a link that a table has broken opens nothing
        tell(f"{row['name']}\n  {row['link']}")
    if not base_url:
        tell(say("day.links_bare"), error=True)


def sheet(
    service_day: ServiceDay,
    person: Person = "",
    data: options.Data = options.DATA,
    html: Html = False,
    output: Output = None,
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Write a person's round as one file that works without any server."""
    from commands.app.papers import named
    from commands.installation import recorded
    from facility.folder import DataFolder
    from serviceday.execution.phone import page
    from serviceday.execution.phone.links import name_of, person_named, walking
    from serviceday.execution.phone.newest import newest_readings
    from serviceday.execution.phone.round_data import Surroundings, items_of, round_of

    if not html or output is None:
        raise CannotParse("a sheet for a phone is HTML", "Say `--html -o round.html`; workbooks are made by `plan`")
    with recorded(data) as records:
        plan = _list_of(records, service_day)
        people = walking(plan)
        if not person and len(people) != 1:
            raise CannotParse("--person is missing", "On the list are {known}", known=[name for _, name in people])
        number = person_named(plan, person) if person else people[0][0]
        around = Surroundings(
            now=datetime.now(UTC),
            timezone=_clock(plan, timezone),
            names=named(records),
            readings=newest_readings(
                DataFolder(data).readings, {item.asset for item in items_of(plan, number) if item.asset}
            ),
        )
        body = page.alone(round_of(plan, number, around))
    spare_existing([output], force=force)
    _write(output, body)
    facts = {
        "file": str(output),
        "plan": plan.number,
        "name": name_of(plan, number),
        "items": len(items_of(plan, number)),
    }
    if as_json:
        show_json(facts)
    else:
        tell(say("day.sheet_done", **facts))


def import_round(records: Records, plan: InspectionList, file: Path, data: Path, timezone: ZoneInfo) -> Receipt:
    """What a phone exported as a file, taken in. Raises `CannotParse` where it is none."""
    from facility.folder import DataFolder
    from serviceday.execution.grades import read_grades
    from serviceday.execution.phone.photos import PhotoFolder
    from serviceday.execution.phone.submission import RoundIntake

    folder = DataFolder(data)
    grades = read_grades(folder.path / "grades.toml")
    intake = RoundIntake(
        records, plan, PhotoFolder(folder.photos), now=datetime.now(UTC), timezone=timezone, grades=grades
    )
    with folder.settling():
        return intake.import_file(file)


def _write(file: Path, body: bytes) -> None:
    try:
        file.write_bytes(body)
    except OSError as error:
        raise CannotDo(
            "{path} cannot be written: {error}", "Choose another place with -o", path=file, error=error
        ) from None


def _list_of(records: Records, words: str) -> InspectionList:
    """The list that is carried out on a day. Raises `CannotDo` where there is none."""
    from commands.day_lists import carried_out

    day = options.day(words)
    plan = carried_out(records, day, records.service_days.get(day))
    if plan is None:
        raise CannotDo("no list is kept for {day}", "Make one with `serviceday plan --keep`", day=day)
    return plan


def _clock(plan: InspectionList, timezone: str) -> ZoneInfo:
    return ZoneInfo(plan.timezone) if plan.timezone else options.zone(timezone)
