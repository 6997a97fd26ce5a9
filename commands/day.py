"""`day`: the service day as a thing, and what was found on it: sheets read back, answers, conflicts decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import printable, show_json, show_table, tell
from commands.day_lists import answers, carried_out, local_moment, plan_of
from commands.day_standing import plain, progress, refused_places, tell_conflicts, tell_taken
from facility.errors import CannotDo, CannotParse
from facility.folder import DataFolder
from facility.i18n.phrases import preferred
from facility.results import Answer
from facility.rounds import PhotoKind

if TYPE_CHECKING:
    from facility.records import Records
    from facility.service_days import DayMove, ServiceDay
    from serviceday.execution.results import Reply

Date = Annotated[str, typer.Argument(help=say("day.date"), metavar="DATE")]
PlanNumber = Annotated[int, typer.Argument(help=say("day.plan"), metavar="PLAN")]
ItemNumber = Annotated[int, typer.Argument(help=say("day.item"), metavar="ITEM")]
AnswerWord = Annotated[str, typer.Argument(help=say("day.answer"), metavar="normal|abnormal|not-applicable|no-access")]
By = Annotated[str, typer.Option("--by", help=say("day.by"), metavar="NAME")]
Note = Annotated[str, typer.Option("--note", help=say("day.note"), metavar="TEXT")]
At = Annotated[str, typer.Option("--at", help=say("day.at"), metavar="TIME")]
Measured = Annotated[str, typer.Option("--measured", help=say("day.measured"), metavar="VALUE")]
Mode = Annotated[str, typer.Option("--mode", help=say("day.mode"), metavar="MODE")]
Mended = Annotated[bool, typer.Option("--mended", help=say("day.mended"))]
Words = Annotated[list[str], typer.Option("--goal", help=say("day.goal"), metavar="GOAL")]
Theme = Annotated[str, typer.Option("--theme", help=say("day.theme"), metavar="TEXT")]
Sites = Annotated[list[str], typer.Option("--site", help=say("day.site"), metavar="SITE")]
People = Annotated[list[str], typer.Option("--person", help=say("day.person"), metavar="NAME")]
OfPlan = Annotated[int, typer.Option("--plan", help=say("day.plan"), metavar="PLAN")]

REFUSED = 2  # exit code where something of a sheet was refused


def results(
    plan: PlanNumber,
    file: Annotated[Path, typer.Argument(help=say("day.file"), metavar="FILE.xlsx")],
    data: options.Data = options.DATA,
    by: By = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Read a list back as it was filled in (XLSX)."""
    from commands.installation import recorded
    from serviceday.execution.sheet import read_sheet

    with recorded(data) as records:
        plan_list = plan_of(records, plan)
        more: dict[str, int] = {}
        if file.suffix.lower() == ".json":
            from commands.rounds import import_round

            receipt = import_round(records, plan_list, file, data, options.zone(timezone))
            taken, rows, refused = receipt.taken, len(receipt.answers), receipt.refused
            more = {"reports": len(receipt.reports), "photos": receipt.new_photos}
        else:
            reading = read_sheet(file, plan_list, timezone=options.zone(timezone), by=by)
            with DataFolder(data).settling():
                taken = answers(records, plan_list, data, timezone).take(
                    reading.replies, who=by, source=file.name, sheet=reading.digest
                )
            rows, refused = reading.rows, [*reading.refused, *taken.refused]
    if as_json:
        show_json(
            {"file": file.name, "rows": rows, **plain(plan_list, taken), **more, "refused": refused_places(refused)}
        )
    else:
        values = {"rows": rows, "new": len(taken.new), "known": taken.known, "refused": len(refused)}
        tell(say("day.results_done", file=file.name, number=plan_list.number, **values))
        if more:
            tell(say("day.round_more", **more))
        tell_taken(plan_list, taken)
        for where, what in refused:
            tell(f"  {printable(where)}: {printable(told(what))}", error=True)
    if refused:
        raise typer.Exit(REFUSED)


def result(
    plan: PlanNumber,
    item: ItemNumber,
    answer: AnswerWord,
    data: options.Data = options.DATA,
    measured: Measured = "",
    mode: Mode = "",
    mended: Mended = False,
    note: Note = "",
    by: By = "",
    at: At = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Record the result of one item of a list."""
    from commands.installation import recorded

    with recorded(data) as records:
        plan_list = plan_of(records, plan)
        reply = _reply(item, answer, by, timezone, measured=measured, mode=mode, mended=mended, note=note, at=at)
        with DataFolder(data).settling():
            taken = answers(records, plan_list, data, timezone).take([reply], who=by)
    if taken.refused:
        raise CannotDo("{reason}", "Mend it and say it again", reason=taken.refused[0][1])
    if as_json:
        show_json(plain(plan_list, taken))
        return
    tell(say("day.result_new" if taken.new else "day.result_known", number=plan_list.number, item=item))
    if taken.new and taken.new[0].late:
        tell(say("day.late"))
    tell_taken(plan_list, taken)


def resolve(
    plan: PlanNumber,
    item: ItemNumber,
    answer: AnswerWord,
    data: options.Data = options.DATA,
    measured: Measured = "",
    mode: Mode = "",
    mended: Mended = False,
    note: Note = "",
    by: By = "",
    at: At = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Where two people disagree, say what holds; what each of them said stays on record."""
    from commands.installation import recorded

    with recorded(data) as records:
        plan_list = plan_of(records, plan)
        reply = _reply(item, answer, by, timezone, measured=measured, mode=mode, mended=mended, note=note, at=at)
        with DataFolder(data).settling():
            taken = answers(records, plan_list, data, timezone).decide(reply, who=by)
    if as_json:
        show_json(plain(plan_list, taken))
        return
    tell(say("day.resolved", number=plan_list.number, item=item, answer=say(f"day.answer_{answer}")))
    tell_taken(plan_list, taken)


def new(
    on: Date,
    data: options.Data = options.DATA,
    theme: Theme = "",
    sites: Sites = [],  # noqa: B006
    goals: Words = [],  # noqa: B006
    people: People = [],  # noqa: B006
    plan: OfPlan = 0,
    by: By = "",
    as_json: options.Json = False,
) -> None:
    """Make a service day."""
    from commands.installation import recorded
    from facility.service_days import DayMove

    day = options.day(on)
    detail = {"theme": theme, "sites": sites, "goals": goals, "people": people, "plan": plan}
    with recorded(data) as records:
        _possible(records, day, sites, goals, plan)
        service_day = _step(records, day, DayMove.MADE, by, detail=detail)
    _show_day(service_day, as_json)


def change(
    on: Date,
    data: options.Data = options.DATA,
    theme: Theme = "",
    sites: Sites = [],  # noqa: B006
    goals: Words = [],  # noqa: B006
    people: People = [],  # noqa: B006
    plan: OfPlan = 0,
    by: By = "",
    note: Note = "",
    as_json: options.Json = False,
) -> None:
    """Change a service day's theme, sites, goals, people or list; what was said before stays in the trail."""
    from commands.installation import recorded
    from facility.service_days import DayMove

    day = options.day(on)
    given = {"theme": theme, "sites": sites, "goals": goals, "people": people, "plan": plan}
    detail = {name: value for name, value in given.items() if value}
    if not detail:
        raise CannotParse("nothing is changed", "Give --theme, --site, --goal, --person or --plan")
    with recorded(data) as records:
        _possible(records, day, sites, goals, plan)
        service_day = _step(records, day, DayMove.CHANGED, by, note=note, detail=detail)
    _show_day(service_day, as_json)


def _possible(records: Records, day: date, sites: Sequence[str], goals: Sequence[str], plan: int) -> None:
    """Raises where a service day cannot be so."""
    from serviceday.planning import parse_goal

    for goal in goals:
        parse_goal(goal)
    registered = {record.id for record in records.estate.sites()} | {record.site for record in records.estate.assets()}
    for site in sites:
        if site not in registered:
            raise CannotDo("no site {site!r} is registered", "Known: {known}", site=site, known=sorted(registered))
    if plan and plan_of(records, plan).service_day != day:
        raise CannotDo("list {plan} is not of {day}", "See `serviceday plan list`", plan=plan, day=day)


def list_days(data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    """List service days."""
    from commands.installation import recorded

    with recorded(data) as records:
        days = records.service_days.all()
    if as_json:
        show_json([asdict(service_day) for service_day in days])
        return
    show_table(
        say("day.list_title", count=len(days)),
        [say(f"day.column_{name}") for name in ("date", "state", "theme", "sites", "plan")],
        [
            (
                service_day.day,
                say(f"day.state_{service_day.state}"),
                service_day.theme,
                " ".join(service_day.sites),
                service_day.plan or "",
            )
            for service_day in days
        ],
    )


def show(
    on: Date, data: options.Data = options.DATA, timezone: options.Zone = options.ZONE, as_json: options.Json = False
) -> None:
    """How a service day stands: what of its list is done, what is disputed, who did what when."""
    from commands.installation import recorded
    from facility.results import standings

    day = options.day(on)
    with recorded(data) as records:
        about, trail = records.service_days.get(day), records.service_days.trail(day)
        plan_list = carried_out(records, day, about)
        entries = records.results.of(plan_list.number) if plan_list else []
        kinds = [photo.kind for photo in records.rounds.photos(plan_list.number)] if plan_list else []
    sent = {
        "from_phones": sum(bool(entry.device) for entry in entries),
        "late": sum(entry.late for entry in entries),
        "photos": kinds.count(PhotoKind.PHOTO),
        "signatures": kinds.count(PhotoKind.SIGNATURE),
    }
    if about is None and plan_list is None:
        raise CannotDo("nothing is on record of {day}", "Make a plan or a service day", day=day)
    standing = {item: state for (_, item), state in standings(entries).items()}
    if as_json:
        steps = [asdict(each) for each in trail]
        list_ = (
            progress(plan_list, standing) | {"plan": plan_list.number, "entries": len(entries), **sent}
            if plan_list
            else None
        )
        show_json({"day": asdict(about) if about else None, "list": list_, "trail": steps})
        return
    if about is not None:
        _show_day(about, False)
    if plan_list is not None:
        counts = progress(plan_list, standing)
        shown = {name: len(value) if isinstance(value, list) else value for name, value in counts.items()}
        tell(say("day.progress", number=plan_list.number, **shown))
        if entries or kinds:
            tell(say("day.came", **sent))
        tell_conflicts(standing)
    place = options.zone(timezone)
    for step in trail:
        moment = f"{step.at.astimezone(place):%Y-%m-%d %H:%M}"
        tell(f"  {moment} {say(f'day.move_{step.move}')} {printable(f'{step.who} {step.note}')}".rstrip())


def announce(
    on: Date, data: options.Data = options.DATA, by: By = "", note: Note = "", as_json: options.Json = False
) -> None:
    """Record that the notice went out (`serviceday announce` makes it)."""
    from facility.service_days import DayMove

    _moved(data, on, DayMove.ANNOUNCED, by, note, as_json)


def start(
    on: Date, data: options.Data = options.DATA, by: By = "", note: Note = "", as_json: options.Json = False
) -> None:
    """The service day begins."""
    from facility.service_days import DayMove

    _moved(data, on, DayMove.STARTED, by, note, as_json)


def close(
    on: Date, data: options.Data = options.DATA, by: By = "", note: Note = "", as_json: options.Json = False
) -> None:
    """The service day ends; answers that come later are taken and marked."""
    from facility.service_days import DayMove

    _moved(data, on, DayMove.CLOSED, by, note, as_json)


def _moved(data: Path, on: str, move: DayMove, by: str, note: str, as_json: bool) -> None:
    from commands.installation import recorded

    with recorded(data) as records:
        service_day = _step(records, options.day(on), move, by, note=note)
    _show_day(service_day, as_json)


def _step(
    records: Records, day: date, move: DayMove, by: str, note: str = "", detail: Mapping[str, object] | None = None
) -> ServiceDay:
    from facility.service_days import ServiceDayStep

    step = ServiceDayStep(day=day, at=datetime.now(UTC), who=by, move=move, note=note, detail=detail or {})
    return records.service_days.add(step)


def _reply(item: int, answer: str, by: str, timezone: str, **more: Any) -> Reply:
    from serviceday.execution.results import Reply

    if answer not in tuple(Answer):
        raise CannotParse("{answer!r} is not an answer", "Say {known}", answer=answer, known=list(Answer))
    at = more.pop("at")
    moment = local_moment(at, timezone) if at else None
    return Reply(item=item, answer=Answer(answer), by=by, done_at=moment, **more)


def _show_day(service_day: ServiceDay, as_json: bool) -> None:
    if as_json:
        show_json(asdict(service_day))
        return
    language = preferred()
    between = "、" if language == "zh" else ", "
    tell(say("day.shown", day=service_day.day, state=say(f"day.state_{service_day.state}")))
    for name, value in (
        ("theme", service_day.theme),
        ("sites", between.join(service_day.sites)),
        ("goals", between.join(service_day.goals)),
        ("people", between.join(service_day.people)),
        ("plan", str(service_day.plan or "")),
    ):
        if value:
            tell(f"  {say(f'day.column_{name}')}: {printable(value)}")
