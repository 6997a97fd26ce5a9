"""Rules tried on the past: what they would have told, to whom, had they been in force. Nothing is sent or kept."""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby

from facility.alerts import Alert, Severity, Step
from facility.notifications import Decided, Look, Message, MessageState
from facility.records import Records
from serviceday.notification.deciding import decide
from serviceday.notification.notices import Context, Place
from serviceday.notification.places import Places
from serviceday.notification.rules import Rules

_AT_ONCE = 5000
Trail = Sequence[tuple[int, Step]]


@dataclass(slots=True)
class Memory:
    """A log that is forgotten afterwards."""

    messages: list[Message] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _about: dict[int, list[Message]] = field(default_factory=lambda: defaultdict(list))
    _times: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def existing(self, keys: Collection[str]) -> set[str]:
        return self._keys & set(keys)

    def recent(self, receiver: str, since: datetime) -> int:
        times = self._times[receiver]
        return len(times) - bisect_right(times, since)

    def about(self, alert: int) -> list[Message]:
        return self._about[alert]

    def keep(self, decided: Decided) -> None:
        for message in decided.messages:
            if message.key not in self._keys:
                self._keys.add(message.key)
                self.messages.append(message)
                self._about[message.alert].append(message)
                if message.state is MessageState.QUEUED:
                    insort(self._times[message.receiver], message.queued_at)


def told_by(rules: Rules, records: Records, since: datetime, now: datetime) -> list[Message]:
    """What the rules would have told and held back since then, in order; every message is taken to arrive."""
    trail = _trail(records)
    alerts = records.alerts.numbered([step.alert for _, step in trail if step.at >= since])
    places = Places(records).of([], now)
    return replayed(rules, [each for each in trail if each[1].at >= since], Past(alerts, trail), places, now)


def replayed(rules: Rules, trail: Trail, past: Past, places: Mapping[str, Place], now: datetime) -> list[Message]:
    """The messages that rules would have sent over a past trail. Nothing is sent."""
    memory = Memory()
    context = Context(rules=rules, places=places, ledger=memory)
    coming = [(at, list(steps)) for at, steps in groupby(trail, key=lambda each: each[1].at)]
    looks: list[tuple[datetime, int, Look]] = []
    number, place = 0, 0
    while place < len(coming) or looks:
        at = min([steps_at for steps_at, _ in coming[place : place + 1]] + [due_at for due_at, _, _ in looks[:1]])
        if at > now:
            break
        steps = coming[place][1] if place < len(coming) and coming[place][0] == at else []
        place += bool(steps)
        due = []
        while looks and looks[0][0] <= at:
            due.append(heapq.heappop(looks)[2])
        named = {step.alert for _, step in steps} | {look.alert for look in due}
        alerts = {alert: past.alert(alert, at) for alert in named if alert in past.alerts}
        decided = decide(steps, due, alerts, at, context)
        memory.keep(decided)
        for look in decided.looks:
            number += 1
            heapq.heappush(looks, (look.due_at, number, look))
    return [
        replace(message, state=MessageState.SENT, sent_at=message.queued_at)
        if message.state is MessageState.QUEUED
        else message
        for message in memory.messages
    ]


class Past:
    """Alerts as they were, from their trails."""

    def __init__(self, alerts: Mapping[int, Alert], trail: Trail) -> None:
        self.alerts = alerts
        self._steps: dict[int, list[Step]] = defaultdict(list)
        for _, step in trail:
            self._steps[step.alert].append(step)

    def alert(self, number: int, at: datetime) -> Alert:
        """An alert as it stood at a moment; titles and reasons are those of today."""
        alert, steps = self.alerts[number], self._steps[number]
        first = next((step.note for step in steps if step.what == "worsened"), "")
        then = replace(
            alert,
            severity=_severity(first.partition(" -> ")[0], alert.severity),
            returned_at=None,
            acknowledged_at=None,
            acknowledged_by="",
            closed_at=None,
            closed_by="",
            shelved_until=None,
        )
        for step in steps:
            if step.at <= at:
                then = _after(then, step)
        return then


def _after(alert: Alert, step: Step) -> Alert:
    match step.what:
        case "worsened":
            return replace(alert, severity=_severity(step.note.partition(" -> ")[2], alert.severity))
        case "withdrawn" if alert.acknowledged_at is not None:
            return replace(alert, returned_at=step.at, closed_at=step.at)
        case "returned" | "withdrawn":
            return replace(alert, returned_at=step.at)
        case "recurred":
            return replace(alert, returned_at=None)
        case "acknowledged":
            return replace(alert, acknowledged_at=step.at, acknowledged_by=step.who)
        case "closed":
            return replace(alert, closed_at=step.at, closed_by=step.who)
        case "unshelved":
            return replace(alert, shelved_until=None)
        case "shelved":
            until, _, why = step.note.partition(" UTC: ")
            return replace(alert, shelved_until=_moment(until), shelved_by=step.who, shelved_why=why)
    return alert


def _severity(word: str, otherwise: Severity) -> Severity:
    return Severity(word) if word in list(Severity) else otherwise


def _moment(words: str) -> datetime | None:
    try:
        return datetime.strptime(words, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except ValueError:
        return None


def _trail(records: Records) -> list[tuple[int, Step]]:
    trail: list[tuple[int, Step]] = []
    while more := records.alerts.steps_after(trail[-1][0] if trail else 0, most=_AT_ONCE):
        trail += more
    return sorted(trail, key=lambda each: (each[1].at, each[0]))
