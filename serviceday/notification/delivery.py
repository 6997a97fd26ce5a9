"""Sends what is queued, at least once, and tells the truth about it.

Each channel is served by a thread of its own, so that one that stalls holds up no other. What was sent is kept at once;
a process that is killed in between sends that message again, under the same key.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from facility.errors import CannotDo, ServicedayError
from facility.notifications import DEAD_AFTER, Attempt, ChannelHealth, Message, MessageState, Reason
from facility.records import Records
from serviceday.notification.senders import Envelope, NotDelivered, Rejected, Sender, Unaddressed

PROBE_EVERY = timedelta(seconds=30)  # how often a dead channel is tried all the same
GIVE_UP_AFTER = timedelta(hours=24)
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 300.0  # seconds
_A_MINUTE = timedelta(minutes=1)
_AT_ONCE = 50  # messages of one channel in one pass


@dataclass(slots=True)
class Delivered:
    """What one pass sent."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    replaced: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, name: str) -> None:
        with self.lock:
            setattr(self, name, getattr(self, name) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Sends by the senders of the channels. `seal` makes the envelope of a message."""

    records: Records
    sender: Callable[[str], Sender]  # by channel; raises `ServicedayError` where it cannot be made
    seal: Callable[[Message], Envelope]

    def send_due(self, now: datetime, delivered: Delivered) -> None:
        """Send every message whose time has come."""
        due = self.records.notifications.due_messages(MessageState.QUEUED, now)
        by_channel: dict[str, list[Message]] = {}
        for message in sorted(due, key=lambda each: (each.severity.rank, each.id)):
            by_channel.setdefault(message.channel, []).append(message)
        if not by_channel:
            return
        health = self.records.notifications.health()
        with ThreadPoolExecutor(max_workers=min(16, len(by_channel))) as threads:
            tasks = [
                threads.submit(self._serve, channel, messages, health.get(channel), now, delivered)
                for channel, messages in by_channel.items()
            ]
        for task in tasks:
            task.result()

    def _serve(
        self,
        channel: str,
        messages: Sequence[Message],
        health: ChannelHealth | None,
        now: datetime,
        delivered: Delivered,
    ) -> None:
        """The messages of one channel, one after the other; after a failure the others go another way or wait."""
        rests = health is not None and health.dead(now) and not _probe_due(health, now)
        for message in messages[:_AT_ONCE] if not rests else messages:
            if rests:
                self._pass_on(message, health, now, delivered)
            elif not self._sent(message, health, now, delivered):
                rests, health = True, self.records.notifications.health().get(channel)

    def _sent(self, message: Message, health: ChannelHealth | None, now: datetime, delivered: Delivered) -> bool:
        """Whether the channel can take the next one."""
        try:
            sender = self.sender(message.channel)
        except ServicedayError as error:
            self._given_up(message, Attempt(message.key, now, message.channel, "refused", str(error)), now, delivered)
            return True
        try:
            envelope = self.seal(message)
            for number, part in enumerate(sender.parts(envelope)):
                if number < message.parts:
                    continue  # arrived before the process was ended, or before the last failure
                if sender.per_minute and (free_at := self._pace(message.channel, sender.per_minute, now)):
                    self.records.notifications.postponed(message, free_at)
                    return True
                sender.send(envelope, part, number)
                self.records.notifications.part_sent(message, number + 1, now)
        except Rejected as error:
            outcome = "unaddressed" if isinstance(error, Unaddressed) else "refused"
            self._given_up(message, Attempt(message.key, now, message.channel, outcome, str(error)), now, delivered)
            return True
        except NotDelivered as error:
            attempt = Attempt(message.key, now, message.channel, "later", str(error))
            self._later(message, attempt, error.retry_after, health, now, delivered)
            return False
        except CannotDo as error:
            self._given_up(message, Attempt(message.key, now, message.channel, "refused", str(error)), now, delivered)
            return True
        self.records.notifications.sent(message, now)
        delivered.count("sent")
        return True

    def _pace(self, channel: str, per_minute: int, now: datetime) -> datetime | None:
        """When the service takes the next part; `None` if it does now."""
        times = self.records.notifications.sent_times(channel, now - _A_MINUTE)
        return times[-per_minute] + _A_MINUTE if len(times) >= per_minute else None

    def _later(
        self,
        message: Message,
        attempt: Attempt,
        retry_after: float | None,
        health: ChannelHealth | None,
        now: datetime,
        delivered: Delivered,
    ) -> None:
        """Try again, by another way once this one has failed for `DEAD_AFTER`."""
        failing = [message.failing_since, health.failing_since if health else None]
        since = min((moment for moment in failing if moment is not None), default=now)
        if message.ways and now - since >= DEAD_AFTER:
            self.records.notifications.given_up(
                message, Reason.REPLACED, attempt=attempt, instead=self._instead(message, now)
            )
            delivered.count("replaced")
        elif now - message.queued_at >= GIVE_UP_AFTER:
            self.records.notifications.given_up(message, Reason.GAVE_UP, attempt=attempt)
            delivered.count("failed")
        else:
            until = now + timedelta(seconds=max(wait(message.key, message.attempts), retry_after or 0.0))
            if message.ways:  # not later than when the other way is taken
                until = min(until, max(since + DEAD_AFTER, now + timedelta(seconds=1)))
            self.records.notifications.failed(message, attempt, until)
            delivered.count("retried")

    def _pass_on(self, message: Message, health: ChannelHealth | None, now: datetime, delivered: Delivered) -> None:
        """A channel that just failed, or is dead, is not asked again for each message."""
        if message.ways and health is not None and health.dead(now):
            self.records.notifications.given_up(message, Reason.REPLACED, instead=self._instead(message, now))
            delivered.count("replaced")
        elif not message.ways and now - message.queued_at >= GIVE_UP_AFTER:
            self.records.notifications.given_up(message, Reason.GAVE_UP)
            delivered.count("failed")
        else:
            self.records.notifications.postponed(message, now + timedelta(seconds=wait(message.key, message.attempts)))

    def _given_up(self, message: Message, attempt: Attempt, now: datetime, delivered: Delivered) -> None:
        """It is refused: another way at once, where there is one."""
        instead = self._instead(message, now) if message.ways else None
        reason = Reason.REPLACED if instead else Reason.REFUSED
        self.records.notifications.given_up(message, reason, attempt=attempt, instead=instead)
        delivered.count("replaced" if instead else "failed")

    @staticmethod
    def _instead(message: Message, now: datetime) -> Message:
        """The same message by the next way."""
        stem = message.key.removesuffix(message.channel)
        return replace(
            message,
            key=f"{stem}{message.ways[0]}" if stem != message.key else f"{message.key}>{message.ways[0]}",
            channel=message.ways[0],
            ways=message.ways[1:],
            due_at=now,
            attempts=0,
            parts=0,
            failing_since=None,
            error="",
        )


def _probe_due(health: ChannelHealth, now: datetime) -> bool:
    return health.tried_at is None or now - health.tried_at >= PROBE_EVERY


def wait(key: str, attempts: int) -> float:
    """Seconds until the next try: doubling, capped, and a fifth either way by chance that the key decides."""
    chance = int.from_bytes(hashlib.sha256(f"{key}/{attempts}".encode()).digest()[:4], "big") / 2**32
    return float(min(_FIRST_WAIT * 2 ** min(attempts, 16), _LONGEST_WAIT) * (0.8 + 0.4 * chance))


def dead_channels(health: Mapping[str, ChannelHealth], now: datetime) -> list[ChannelHealth]:
    """Channels that are dead and of which nobody was told."""
    return [each for each in health.values() if each.dead(now) and each.told_at is None]
