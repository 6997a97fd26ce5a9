"""`alerts`: what is wrong now, who is on it, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import show_json, show_table, tell
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from facility.alerts import Alert

SURE = timedelta(days=4)  # an interval of an onset that is no longer is told as a day
Number = Annotated[int, typer.Argument(help=say("alerts.id"), metavar="ALERT")]
By = Annotated[str, typer.Option("--by", help=say("alerts.by"), metavar="NAME")]
Note = Annotated[str, typer.Option("--note", help=say("alerts.note"), metavar="TEXT")]


def list_alerts(
    data: options.Data = options.DATA,
    closed: Annotated[bool, typer.Option("--all", help=say("alerts.all"))] = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    from commands.announce import placed
    from commands.installation import recorded

    place = options.zone(timezone)
    with recorded(data) as records:
        found = records.alerts.all() if closed else records.alerts.open()
        places = placed(records)
    if as_json:
        show_json([_plain(alert) | {"place": places.get(alert.asset, "")} for alert in found])
    elif not found:
        tell(say("alerts.none"))
    else:
        language = preferred()
        show_table(
            say("alerts.title", zone=place.key),
            [
                "#",
                say("column.severity"),
                say("column.place"),
                say("column.asset"),
                say("column.reason"),
                say("column.onset"),
                say("column.noticed"),
                say("column.state"),
            ],
            [
                (
                    one.id,
                    say(f"alerts.severity.{one.severity}"),
                    places.get(one.asset, ""),
                    one.asset,
                    one.reason[language],
                    _onset(one, place),
                    options.local(one.opened_at, place),
                    say(f"alerts.state.{one.state}"),
                )
                for one in found
            ],
            right=[0],
        )


def show(
    number: Number,
    data: options.Data = options.DATA,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    from commands.installation import recorded

    place = options.zone(timezone)
    with recorded(data) as records:
        alert, trail = records.alerts.get(number), records.alerts.trail(number)
    if as_json:
        show_json(_plain(alert) | {"trail": [asdict(step) for step in trail]})
        return
    language = preferred()
    tell(
        f"{alert.id} {alert.asset} · {say(f'alerts.severity.{alert.severity}')} · {say(f'alerts.state.{alert.state}')}"
    )
    tell(f"{alert.title[language]}: {alert.reason[language]}")
    tell(say("alerts.onset", onset=_onset(alert, place, full=True), noticed=options.shown(alert.opened_at, place)))
    for step in trail:
        who = f" {step.who}" if step.who else ""
        tell(f"  {options.shown(step.at, place)}  {say(f'alerts.step.{step.what}')}{who}  {step.note}")


def acknowledge(number: Number, by: By, data: options.Data = options.DATA, note: Note = "") -> None:
    from commands.installation import recorded

    with recorded(data) as records:
        alert = records.alerts.acknowledge(number, by=by, now=datetime.now(UTC), note=note)
    tell(say("alerts.done", id=alert.id, state=say(f"alerts.state.{alert.state}")))


def close(number: Number, by: By, data: options.Data = options.DATA, note: Note = "") -> None:
    from commands.installation import recorded

    with recorded(data) as records:
        alert = records.alerts.close(number, by=by, now=datetime.now(UTC), note=note)
    tell(say("alerts.done", id=alert.id, state=say(f"alerts.state.{alert.state}")))


def _plain(alert: Alert) -> dict[str, Any]:
    return asdict(alert) | {"state": str(alert.state)}


def _local_day(moment: datetime, place: ZoneInfo) -> str:
    return f"{moment.astimezone(place):%Y-%m-%d}"


def _onset(alert: Alert, place: ZoneInfo, *, full: bool = False) -> str:
    """When it began, as surely as it is known; `full`: with its 90 % interval."""
    if alert.began is None:
        return say("alerts.before", moment=_local_day(alert.began_before, place)) if alert.began_before else "–"
    told = _local_day(alert.began, place)
    if alert.began_before is None:
        return told
    if alert.began_after is None:
        return say("alerts.before", moment=_local_day(alert.began_before, place))
    sure = alert.began_before - alert.began_after <= SURE
    if full and not sure:
        return say(
            "alerts.between",
            onset=told,
            after=_local_day(alert.began_after, place),
            before=_local_day(alert.began_before, place),
        )
    return told if sure else say("alerts.about", moment=told)
