"""`alerts`: what is wrong now, who is on it, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
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
    shelved: Annotated[bool, typer.Option("--shelved", help=say("alerts.only_shelved"))] = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """List open alerts."""
    from commands.app.papers import placed
    from commands.installation import recorded

    place, now = options.zone(timezone), datetime.now(UTC)
    with recorded(data) as records:
        alerts = records.alerts.all() if closed else records.alerts.open()
        places = placed(records)
    aside = [alert for alert in alerts if alert.shelved(now)]
    if shelved:
        alerts = aside
    elif not (closed or as_json):
        alerts = [alert for alert in alerts if not alert.shelved(now)]
    if as_json:
        show_json(
            [_plain(alert) | {"place": places.get(alert.asset, ""), "shelved": alert.shelved(now)} for alert in alerts]
        )
    elif not alerts:
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
                    alert.id,
                    say(f"alerts.severity.{alert.severity}"),
                    places.get(alert.asset, ""),
                    alert.asset,
                    alert.reason[language],
                    _onset(alert, place),
                    options.local(alert.opened_at, place),
                    _state(alert, now, place),
                )
                for alert in alerts
            ],
            right=[0],
        )
    if aside and not (closed or shelved or as_json):
        tell(say("alerts.aside", count=len(aside)))


def show(
    number: Number,
    data: options.Data = options.DATA,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Everything that happened to one alert."""
    from commands.installation import recorded

    place = options.zone(timezone)
    with recorded(data) as records:
        alert, trail = records.alerts.get(number), records.alerts.trail(number)
    if as_json:
        show_json(_plain(alert) | {"trail": [asdict(step) for step in trail]})
        return
    language = preferred()
    state = _state(alert, datetime.now(UTC), place)
    tell(f"{alert.id} {alert.asset} · {say(f'alerts.severity.{alert.severity}')} · {state}")
    tell(f"{alert.title[language]}: {alert.reason[language]}")
    tell(say("alerts.onset", onset=_onset(alert, place, full=True), noticed=options.shown(alert.opened_at, place)))
    for step in trail:
        who = f" {step.who}" if step.who else ""
        tell(f"  {options.shown(step.at, place)}  {say(f'alerts.step.{step.what}')}{who}  {step.note}")


def acknowledge(number: Number, by: By, data: options.Data = options.DATA, note: Note = "") -> None:
    """Acknowledge: somebody is on it."""
    from commands.installation import recorded

    with recorded(data) as records:
        alert = records.alerts.acknowledge(number, by=by, now=datetime.now(UTC), note=note)
    tell(say("alerts.done", id=alert.id, state=say(f"alerts.state.{alert.state}")))


def close(number: Number, by: By, data: options.Data = options.DATA, note: Note = "") -> None:
    """Close; if it is still bad, the next assessment opens it again."""
    from commands.installation import recorded

    with recorded(data) as records:
        alert = records.alerts.close(number, by=by, now=datetime.now(UTC), note=note)
    tell(say("alerts.done", id=alert.id, state=say(f"alerts.state.{alert.state}")))


def redeem(
    token: Annotated[str, typer.Option("--token", help=say("alerts.token"), metavar="TOKEN")],
    data: options.Data = options.DATA,
    as_json: options.Json = False,
) -> None:
    """Acknowledge by the signed link of a message."""
    from commands.installation import recorded
    from serviceday.notification.acknowledging import Acknowledgements

    with recorded(data) as records:
        alert = Acknowledgements(data, records).redeem(token, datetime.now(UTC))
    if as_json:
        show_json(_plain(alert))
    else:
        tell(say("alerts.done", id=alert.id, state=say(f"alerts.state.{alert.state}")))


def assign(
    number: Number,
    person: Annotated[str, typer.Argument(help=say("alerts.person"), metavar="PERSON")],
    by: By,
    data: options.Data = options.DATA,
    note: Note = "",
) -> None:
    """Give an alert to somebody; an empty name takes it back."""
    from commands.installation import recorded

    with recorded(data) as records:
        alert = records.alerts.assign(number, to=person, by=by, now=datetime.now(UTC), note=note)
    tell(say("alerts.assigned", id=alert.id, person=alert.assigned_to or "–"))


def comment(number: Number, by: By, note: Note, data: options.Data = options.DATA) -> None:
    """Add a word to an alert's trail, of a closed one as well."""
    from commands.installation import recorded

    with recorded(data) as records:
        alert = records.alerts.comment(number, by=by, note=note, now=datetime.now(UTC))
    tell(say("alerts.commented", id=alert.id))


def shelve(
    number: Number,
    by: By,
    note: Note,
    span: Annotated[str, typer.Option("--for", help=say("alerts.span"), metavar="SPAN")] = "1d",
    data: options.Data = options.DATA,
    timezone: options.Zone = options.ZONE,
) -> None:
    """Put an alert aside for a time."""
    from commands.installation import recorded

    now, place = datetime.now(UTC), options.zone(timezone)
    with recorded(data) as records:
        alert = records.alerts.shelve(number, until=now + options.span(span), by=by, why=note, now=now)
    if alert.shelved_until is not None:
        tell(say("alerts.shelved", id=alert.id, until=options.shown(alert.shelved_until, place)))


def unshelve(number: Number, by: By, data: options.Data = options.DATA) -> None:
    """Bring an alert back before its time."""
    from commands.installation import recorded

    with recorded(data) as records:
        alert = records.alerts.unshelve(number, by=by, now=datetime.now(UTC))
    tell(say("alerts.done", id=alert.id, state=say(f"alerts.state.{alert.state}")))


def _state(alert: Alert, now: datetime, place: ZoneInfo) -> str:
    """How it stands, who has it, and until when it is put aside."""
    words = [say(f"alerts.state.{alert.state}")]
    if alert.assigned_to:
        words.append(alert.assigned_to)
    if alert.shelved(now) and alert.shelved_until is not None:
        words.append(say("alerts.until", until=options.local(alert.shelved_until, place)))
    return " · ".join(words)


def _plain(alert: Alert) -> dict[str, object]:
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
