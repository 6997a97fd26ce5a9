"""Tells people what the alerts' trail says: one pass at a time, in whatever process calls it.

    steps of the trail, alerts to look at again -> pipeline -> kept -> sent, each with its truth

What a pass decides is kept in one transaction with how far it came, so that a process may be killed between any two
steps: nothing is lost, and what is sent twice carries the same key.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from facility.alerts import Alert, Severity
from facility.errors import CannotDo
from facility.i18n.phrases import Language
from facility.notifications import Decided, Message, MessageState
from facility.records import Records
from serviceday.notification.acknowledging import Acknowledgements, nonce_of
from serviceday.notification.deciding import decide
from serviceday.notification.delivery import Delivered, Delivery, dead_channels
from serviceday.notification.notices import Context
from serviceday.notification.places import Places
from serviceday.notification.routing import behind, channels_of
from serviceday.notification.rules import Rules
from serviceday.notification.senders import Envelope, Sender, sender_of
from serviceday.notification.wording import Wording, test_message

_RECENT = timedelta(days=3)  # how old an assessment may be to say what to look for


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass did."""

    steps: int = 0
    queued: int = 0
    collected: int = 0
    held: int = 0
    sent: int = 0
    retried: int = 0
    failed: int = 0
    replaced: int = 0
    elsewhere: bool = False  # another process is telling; nothing was done

    @property
    def idle(self) -> bool:
        return not any((self.steps, self.queued, self.sent, self.retried, self.failed, self.replaced))


@dataclass(slots=True, kw_only=True)
class NotificationService:
    """The telling of one data folder by one file of rules.

    `say` puts a kept error into a language; without it errors stay English.
    """

    records: Records
    folder: Path
    rules: Rules
    say: Callable[[str, Language], str] = field(default=lambda words, _language: words)
    _places: Places = field(init=False)
    _senders: dict[str, Sender] = field(init=False, default_factory=dict)
    _links: Acknowledgements = field(init=False)
    _now: datetime = field(init=False, default=datetime.min)

    def __post_init__(self) -> None:
        self._places = Places(self.records)
        self._links = Acknowledgements(self.folder, self.records)

    def deliver(self, now: datetime) -> Pass:
        """One pass: follow the trail, decide, keep, send. Does nothing while another process is at it."""
        self._now = now
        with self._alone() as alone:
            if not alone:
                return Pass(elsewhere=True)
            steps, decided = self._follow(now)
            self._keep(decided, now)
            self._put_together(now)
            self._tell_of_dead_channels(now)
            delivered = Delivered()
            Delivery(records=self.records, sender=self._sender, seal=self._sealed).send_due(now, delivered)
        states = [message.state for message in decided.messages]
        return Pass(
            steps=steps,
            queued=states.count(MessageState.QUEUED),
            collected=states.count(MessageState.COLLECTED),
            held=states.count(MessageState.HELD),
            sent=delivered.sent,
            retried=delivered.retried,
            failed=delivered.failed,
            replaced=delivered.replaced,
        )

    def test(self, receiver: str, channel: str, now: datetime) -> None:
        """Really send a test message, past log and pace. Raises `NotDelivered` with the truth, or `CannotDo`."""
        language = self._context([], now).language(receiver)
        subject, body = test_message(now.astimezone(self.rules.zone), language)
        envelope = Envelope(
            key=f"test.{receiver}.{channel}.{now.timestamp():.0f}",
            subject=subject,
            body=body,
            receiver=receiver,
            address=self._address(receiver, channel),
            language=language,
            facts={"alerts": [], "base_url": self.rules.settings.base_url},
        )
        sender = self._sender(channel)
        for number, part in enumerate(sender.parts(envelope)):
            sender.send(envelope, part, number)
        self.records.notifications.works(channel, now)

    # One pass.

    def _follow(self, now: datetime) -> tuple[int, Decided]:
        cursor, _ = self.records.notifications.begin(now)
        steps = self.records.alerts.steps_after(cursor)
        looks = self.records.notifications.due_looks(now)
        alerts = self.records.alerts.numbered([step.alert for _, step in steps] + [look.alert for look in looks])
        context = self._context([alert.asset for alert in alerts.values()], now)
        decided = decide(steps, looks, alerts, now, context)
        return len(steps), replace(decided, messages=self._worded(decided.messages, alerts, context))

    def _worded(self, messages: Sequence[Message], alerts: dict[int, Alert], context: Context) -> list[Message]:
        wording = self._wording(context)
        worded = []
        for message in messages:
            if message.state is not MessageState.HELD and message.alert in alerts:
                subject, body = wording.message(message, alerts[message.alert])
                message = replace(message, subject=subject, body=body)
            worded.append(message)
        return worded

    def _keep(self, decided: Decided, now: datetime) -> None:
        if decided.cursor or decided.messages or decided.looked:
            self.records.notifications.keep(decided)

    def _put_together(self, now: datetime) -> None:
        """What was collected and is due becomes one message a receiver and channel."""
        groups: dict[tuple[str, str], list[Message]] = {}
        for message in self.records.notifications.due_messages(MessageState.COLLECTED, now):
            groups.setdefault((message.receiver, message.channel), []).append(message)
        if not groups:
            return
        alerts = self.records.alerts.numbered([each.alert for group in groups.values() for each in group])
        wording = self._wording(self._context([alert.asset for alert in alerts.values()], now))
        parcels: dict[str, list[str]] = {}
        together = []
        for (receiver, _), group in groups.items():
            what = "summary" if any(each.reason == "flood" for each in group) else "digest"
            last, alone = group[-1], len({each.alert for each in group}) == 1 and what == "summary"
            if alone and last.alert in alerts:
                subject, body = wording.message(last, alerts[last.alert])
            else:
                alone = False
                subject, body = wording.together(what, group, alerts, receiver)
            parcel = replace(
                last if alone else group[0],
                key=f"{what}.{group[0].key}",
                alert=last.alert if alone else 0,
                step=last.step,
                what=last.what if alone else what,
                severity=min((each.severity for each in group), key=lambda severity: severity.rank),
                state=MessageState.QUEUED,
                reason=None,
                subject=subject,
                body=body,
                queued_at=now,
                due_at=now,
                detail=",".join(f"{each.alert}" for each in group)[:1000],
            )
            together.append(parcel)
            parcels[parcel.key] = [each.key for each in group]
        self.records.notifications.keep(Decided(cursor=0, messages=together, parcels=parcels))

    def _tell_of_dead_channels(self, now: datetime) -> None:
        """A word about a dead channel, by channels that are not."""
        health = self.records.notifications.health()
        for dead in dead_channels(health, now):
            if dead.name not in self.rules.channels:
                continue
            context, words = self._context([], now), []
            wording = self._wording(context)
            for receiver in self._guardians(now):
                ways = [way for way in channels_of(receiver, None, self.rules) if way != dead.name]
                if not ways:
                    continue
                subject, body = wording.dead(dead, self.say, receiver)
                since = dead.failing_since or now
                words.append(
                    Message(
                        key=f"dead.{dead.name}.{since:%Y%m%dT%H%M%S}.{receiver}.{ways[0]}",
                        alert=0,
                        step=0,
                        level=0,
                        receiver=receiver,
                        channel=ways[0],
                        ways=tuple(ways[1:]),
                        what="channel_dead",
                        route="",
                        severity=Severity.HIGH,
                        state=MessageState.QUEUED,
                        queued_at=now,
                        due_at=now,
                        subject=subject,
                        body=body,
                    )
                )
            self.records.notifications.tell_dead(dead.name, words, now)

    def _guardians(self, now: datetime) -> list[str]:
        """Who hears of dead channels: the fallback, else whoever the first route names."""
        targets = self.rules.settings.fallback or self.rules.routes[0].to
        return list(dict.fromkeys(filter(None, (behind(target, now, self.rules) for target in targets))))

    # What a message needs to go.

    def _sealed(self, message: Message) -> Envelope:
        several = [int(each) for each in message.detail.split(",") if each.isdigit()]
        alerts = self.records.alerts.numbered([message.alert] if message.alert else several)
        context = self._context([alert.asset for alert in alerts.values()], self._now)
        wording = self._wording(context)
        facts = [wording.facts(alert, message) for alert in alerts.values()]
        body = "\n".join(filter(None, (message.body, self._acknowledge_link(message, alerts, wording))))
        return Envelope(
            key=message.key,
            subject=message.subject,
            body=body,
            receiver=message.receiver,
            address=self._address(message.receiver, message.channel),
            language=context.language(message.receiver),
            facts={"alerts": facts, "what": message.what, "base_url": self.rules.settings.base_url},
        )

    def _acknowledge_link(self, message: Message, alerts: dict[int, Alert], wording: Wording) -> str:
        """A link for one person and one alert that waits for somebody; groups get none, for it bears a name."""
        settings, alert = self.rules.settings, alerts.get(message.alert)
        waits = alert is not None and alert.closed_at is None and alert.acknowledged_at is None
        address = settings.acknowledge_url or (
            f"{settings.base_url.rstrip('/')}/acknowledge" if settings.base_url else ""
        )
        if not (address and waits and message.receiver.startswith("person:")):
            return ""
        expires = (message.queued_at + settings.acknowledge_within).replace(microsecond=0)
        token = self._links.token(message.alert, message.receiver, nonce=nonce_of(message.key), expires=expires)
        joint = "&" if "?" in address else "?"
        return wording.acknowledge(f"{address}{joint}token={token}", expires, message.receiver)

    def _address(self, receiver: str, channel: str) -> str:
        person = self.rules.people.get(receiver.removeprefix("person:")) if receiver.startswith("person:") else None
        return person.address.get(channel, "") if person else ""

    def _sender(self, channel: str) -> Sender:
        if channel not in self.rules.channels:
            raise CannotDo("the rules have no channel {name!r} any more", "Put it back, or wait", name=channel)
        if channel not in self._senders:
            self._senders[channel] = sender_of(self.rules.channels[channel], self.rules.path.parent)
        return self._senders[channel]

    def _context(self, assets: Sequence[str], now: datetime) -> Context:
        return Context(rules=self.rules, places=self._places.of(assets, now), ledger=self.records.notifications)

    def _wording(self, context: Context) -> Wording:
        return Wording(context=context, mode=self._mode)

    def _mode(self, alert: Alert) -> str:
        history = self.records.assessments.history(alert.asset, since=alert.last_seen_at - _RECENT)
        return max(history, key=lambda each: each.as_of).mode if history else ""

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no other process tells from this folder now."""
        with (self.folder / "notify.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True
