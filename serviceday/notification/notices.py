"""What travels through the pipeline: a notice is one step of an alert that somebody may have to be told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from facility.alerts import Alert
from facility.i18n.phrases import Language
from facility.notifications import Message, MessageState, Reason
from serviceday.notification.rules import Rules
from serviceday.notification.schema import Route

TELLING = ("opened", "worsened", "recurred", "unshelved")
RECOVERY = ("returned", "withdrawn", "closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One step of an alert; after the routes, for one receiver; after the channels, by one channel."""

    alert: Alert  # as it is now
    step: int
    what: str  # the step's word
    level: int = 0
    again: bool = False  # looked at once more, after what held it back was over
    route: Route | None = None
    target: str = ""  # person:NAME, roster:NAME or channel:NAME, as the route says
    receiver: str = ""  # person:NAME or channel:NAME
    channel: str = ""
    ways: tuple[str, ...] = ()  # channels after that one
    due: datetime | None = None  # when it is told together with others
    because: Reason | None = None  # why it waits

    @property
    def recovery(self) -> bool:
        return self.what in RECOVERY

    @property
    def key(self) -> str:
        """What it is about: whoever gets a key twice was told once."""
        return f"{self.alert.id}.{self.step}.{self.level}.{self.receiver}.{self.channel}"

    def message(self, now: datetime, *, held: Held | None = None) -> Message:
        """As it is kept, without words yet."""
        reason = held.reason if held else self.because
        waits = MessageState.COLLECTED if self.due else MessageState.QUEUED
        return Message(
            key=f"{self.key}!{reason}" if held else self.key,
            alert=self.alert.id,
            step=self.step,
            level=self.level,
            receiver=self.receiver or self.target,
            channel=self.channel,
            what=self.what,
            route=self.route.name if self.route else "",
            severity=self.alert.severity,
            state=MessageState.HELD if held else waits,
            queued_at=now,
            due_at=self.due or now,
            reason=reason,
            detail=held.detail if held else "",
            ways=self.ways,
        )


@dataclass(frozen=True, slots=True)
class Held:
    """A notice that goes no further, and why. `again`: when to look at the alert anew."""

    notice: Notice
    reason: Reason
    detail: str = ""
    again: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """What a stage lets through, and what it holds back."""

    notices: list[Notice] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an asset is."""

    site: str
    site_name: str
    kind: str
    words: str  # for people


class Ledger(Protocol):
    """What was told before."""

    def existing(self, keys: Collection[str]) -> set[str]: ...

    def recent(self, receiver: str, since: datetime) -> int: ...

    def about(self, alert: int) -> list[Message]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What stages look at beside the notices."""

    rules: Rules
    places: Mapping[str, Place]
    ledger: Ledger

    def place(self, asset: str) -> Place:
        return self.places.get(asset) or Place(site="", site_name="", kind="", words=asset)

    def language(self, receiver: str) -> Language:
        kind, _, name = receiver.partition(":")
        if kind == "person":
            person = self.rules.people.get(name)
            return person.language if person else "zh"
        channel = self.rules.channels.get(name)
        return channel.language if channel else "zh"


Stage = Callable[[Sequence[Notice], datetime, Context], Passed]


def through(stages: Sequence[Stage], notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """The notices that pass every stage, and all that were held back on the way."""
    passed = Passed(list(notices))
    for stage in stages:
        outcome = stage(passed.notices, now, context)
        passed = Passed(outcome.notices, passed.held + outcome.held)
    return passed


def sorted_out(notices: Sequence[Notice], hold: Callable[[Notice], Held | None]) -> Passed:
    """Let through what `hold` has nothing to say of."""
    passed = Passed()
    for notice in notices:
        stopped = hold(notice)
        if stopped is None:
            passed.notices.append(notice)
        else:
            passed.held.append(stopped)
    return passed
