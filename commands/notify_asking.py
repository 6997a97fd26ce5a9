"""`notify log`, `who`, `explain` and `try`: what was told, who is told, who was not and why, what would be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import cell, show_json, show_table, tell
from commands.notify import RulesFile
from commands.telling import rules_path
from facility.errors import CannotDo
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from facility.alerts import Alert
    from facility.notifications import Message

LISTED = 200
Since = Annotated[str, typer.Option("--since", help=say("notify.since"), metavar="WHEN")]


def log(
    data: options.Data = options.DATA,
    since: Since = "7d",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """What was told and what was held back, newest first."""
    from commands.installation import recorded

    place = options.zone(timezone)
    with recorded(data) as records:
        messages = records.notifications.log(since=options.moment(since), most=10_000 if as_json else LISTED)
    if as_json:
        show_json([_plain(message) for message in messages])
    elif not messages:
        tell(say("notify.nothing"))
    else:
        _show(messages, say("notify.log_title", zone=place.key), place)


def who(
    data: options.Data = options.DATA,
    file: RulesFile = None,
    at: Annotated[str, typer.Option("--at", help=say("notify.at"), metavar="WHEN")] = "",
    as_json: options.Json = False,
) -> None:
    """Who is on duty at a moment and in the seven days after it."""
    from serviceday.notification.checking import read_rules

    rules = read_rules(rules_path(data, file), secrets=False)
    moment = options.moment(at) if at else datetime.now(UTC)
    if not rules.timetables:
        raise CannotDo("the file has no roster", "Write one: see docs/notifications.md")
    rows, plain = [], []
    for name, timetable in rules.timetables.items():
        for period in timetable.periods(moment, moment + timedelta(days=7)):
            person = rules.people.get(period.person)
            plain.append({"roster": name} | asdict(period))
            rows.append(
                (
                    name,
                    options.local(period.begins, timetable.zone),
                    options.local(period.ends, timetable.zone),
                    (person.title or person.name) if person else say("notify.nobody"),
                    say(f"notify.duty.{period.why}"),
                )
            )
    if as_json:
        show_json(plain)
        return
    columns = ("roster", "from", "to", "person", "why")
    show_table(say("notify.who_title"), [say(f"notify.column.{column}") for column in columns], rows)


def explain(
    number: Annotated[int, typer.Argument(help=say("notify.alert"), metavar="ALERT")],
    data: options.Data = options.DATA,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Who was told of an alert, who was not, and why."""
    from commands.installation import recorded

    place = options.zone(timezone)
    with recorded(data) as records:
        alert, messages = records.alerts.get(number), records.notifications.about(number)
        start = records.notifications.start()
        followed = start is not None and records.alerts.last_step(number) > start
        parcels = _parcels(records, messages)
        attempts = {message.key: records.notifications.attempts(message.key) for message in messages}
    before = not messages and not followed
    if as_json:
        show_json(
            {
                "alert": number,
                "before_start": before,
                "messages": [
                    _plain(message)
                    | {"attempts": [asdict(each) for each in attempts[message.key]]}
                    | {"parcel_state": parcels[message.parcel].state if message.parcel in parcels else ""}
                    for message in messages
                ],
            }
        )
        return
    _tell_alert(alert)
    if before:
        tell(say("notify.never" if start is None else "notify.before_start"))
    elif not messages:
        tell(say("notify.not_yet"))
    for message in messages:
        tell(f"  {options.shown(message.queued_at, place)}  {_story(message, parcels, place)}")
        failures = [attempt for attempt in attempts[message.key] if attempt.outcome != "sent"]
        for error, group in groupby(failures, key=lambda attempt: attempt.error):
            tries = list(group)
            last = options.shown(tries[-1].at, place)
            tell(f"      {say('notify.tries', count=len(tries), last=last)} {told(error)}")


def try_file(
    file: Annotated[Path, typer.Argument(help=say("notify.file"), metavar="FILE")],
    data: options.Data = options.DATA,
    since: Since = "30d",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """What a file would have told over the past trail, beside what the present one would have."""
    from commands.installation import recorded
    from serviceday.notification.checking import read_rules
    from serviceday.notification.trial import told_by

    begin, now, place = options.moment(since), datetime.now(UTC), options.zone(timezone)
    present = rules_path(data, None)
    with recorded(data) as records:
        proposed = told_by(read_rules(file, secrets=False), records, begin, now)
        current = told_by(read_rules(present, secrets=False), records, begin, now) if present.is_file() else []
        actual = [message for message in records.notifications.log(since=begin, most=100_000) if message.sent_at]
    figures = [_figures(messages) for messages in (proposed, current)]
    if as_json:
        show_json(
            {
                "proposed": {"figures": figures[0], "messages": [_plain(message) for message in proposed]},
                "present": {"figures": figures[1], "messages": [_plain(message) for message in current]},
                "really_sent": len(actual),
            }
        )
        return
    rows = [
        (receiver, f"{figures[0].get(receiver, 0):,}", f"{figures[1].get(receiver, 0):,}")
        for receiver in sorted({*figures[0], *figures[1]})
    ]
    columns = [say(f"notify.column.{column}") for column in ("receiver", "proposed", "present")]
    show_table(say("notify.try_title", since=options.shown(begin, place)), columns, rows, right=[1, 2])
    tell(say("notify.really_sent", count=f"{len(actual):,}"))
    if not present.is_file():
        tell(say("notify.no_present", file=present))
    _show(proposed[-LISTED:], say("notify.try_messages", zone=place.key), place)


def _figures(messages: Sequence[Message]) -> dict[str, int]:
    """Messages a receiver, those told together counted as what they were; and what was held back by reason."""
    counts = Counter[str]()
    for message in messages:
        if message.state == "held":
            counts[say(f"notify.reason.{message.reason}")] += 1
        else:
            counts[message.receiver] += 1
    return dict(counts)


def _show(messages: Sequence[Message], title: str, place: ZoneInfo) -> None:
    columns = ("when", "alert", "what", "receiver", "channel", "state")
    show_table(
        title,
        [say(f"notify.column.{column}") for column in columns],
        [
            (
                options.local(message.queued_at, place),
                message.alert or "",
                _what(message),
                message.receiver.removeprefix("person:"),
                message.channel,
                _state(message, place),
            )
            for message in messages
        ],
        right=[1],
    )


def _what(message: Message) -> str:
    if message.level:
        return say("notify.what.escalated", level=message.level)
    return say(f"notify.what.{message.what}")


def _state(message: Message, place: ZoneInfo) -> str:
    words = [say(f"notify.state.{message.state}")]
    if message.reason:
        words.append(say(f"notify.reason.{message.reason}"))
    if message.detail and message.alert:
        words.append(message.detail)
    if message.state == "collected" and not message.parcel:
        words.append(say("notify.until", until=options.local(message.due_at, place)))
    if message.error and message.state != "sent":
        words.append(cell(told(message.error), 120))
    return " · ".join(words)


def _story(message: Message, parcels: dict[str, Message], place: ZoneInfo) -> str:
    receiver = " ".join(filter(None, (message.receiver.removeprefix("person:"), message.channel)))
    words = " ".join(filter(None, (_what(message), receiver))) + ": " + _state(message, place)
    parcel = parcels.get(message.parcel)
    return f"{words} → {parcel.channel}: {_state(parcel, place)}" if parcel else words


def _parcels(records: Any, messages: Sequence[Message]) -> dict[str, Message]:
    """The messages that told these instead."""
    keys = {message.parcel for message in messages if message.parcel}
    return {key: message for key in keys if (message := records.notifications.by_key(key)) is not None}


def _tell_alert(alert: Alert) -> None:
    language = preferred()
    tell(f"{alert.id} {alert.asset} · {alert.title[language]}: {alert.reason[language]}")


def _plain(message: Message) -> dict[str, object]:
    return {key: value for key, value in asdict(message).items() if key not in ("id", "body")}
