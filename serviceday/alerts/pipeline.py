"""From conditions to alerts, in one line.

    PIPELINE, then group by cause, then decide, then keep

Each stage of `PIPELINE` takes conditions and gives those that go on and those that it holds back, with the reason. What
is held back is kept with its reason, so that "why was I not told?" has an answer. Whoever evaluates, the watcher every
second or `score` every hour, goes through here: there is one alert a cause, whoever saw it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from facility.alerts import Alert, HeldBack, Reason
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.records.watching import Turn
from facility.standing import NO_SPELLS, Spells, spell_on
from serviceday.alerts.conditions import PHRASES, Condition, Verdict
from serviceday.alerts.grouping import grouped
from serviceday.alerts.inhibition import Explanations
from serviceday.alerts.lifecycle import decide


@dataclass(frozen=True, slots=True)
class AlertChanges:
    """What an evaluation did. `updated` are those that worsened or recurred, not mere sightings."""

    opened: tuple[Alert, ...]
    updated: tuple[Alert, ...]
    cleared: tuple[Alert, ...]  # returned to normal, or withdrawn

    def __add__(self, other: AlertChanges) -> AlertChanges:
        return AlertChanges(self.opened + other.opened, self.updated + other.updated, self.cleared + other.cleared)

    def __bool__(self) -> bool:
        return bool(self.opened or self.updated or self.cleared)


NOTHING = AlertChanges((), (), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a stage may look at beside the conditions."""

    now: datetime
    assets: Mapping[str, Asset]
    open_alerts: Sequence[Alert] = ()
    spells: Spells = field(default_factory=lambda: NO_SPELLS)
    timezone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Kept:
    """What goes on, and what is held back."""

    conditions: list[Condition]
    held: list[HeldBack]


Stage = Callable[[Sequence[Condition], Around], Kept]


def hold_back_out_of_use(conditions: Sequence[Condition], around: Around) -> Kept:
    """What is bad at an asset that somebody said is not in use."""
    today = around.now.astimezone(around.timezone).date()

    def held(one: Condition) -> Text | None:
        unused = spell_on(around.spells.get(one.asset, ()), today) is not None
        return PHRASES["held_out_of_use"] if unused else None

    return _split(conditions, Reason.OUT_OF_USE, held)


def hold_back_inhibited(conditions: Sequence[Condition], around: Around) -> Kept:
    """What is explained by something else that is wrong: a panel without power explains its detectors."""
    explanations = Explanations(conditions, around.open_alerts, around.assets)

    def held(one: Condition) -> Text | None:
        source = explanations.of(one)
        return None if source is None else PHRASES["held_inhibited"].filled(asset=source.asset, reason=source.reason)

    return _split(conditions, Reason.INHIBITED, held)


PIPELINE: tuple[Stage, ...] = (hold_back_out_of_use, hold_back_inhibited)


def through(stages: Sequence[Stage], conditions: Sequence[Condition], around: Around) -> Kept:
    """Conditions through every stage."""
    kept = Kept(list(conditions), [])
    for stage in stages:
        after = stage(kept.conditions, around)
        kept = Kept(after.conditions, kept.held + after.held)
    return kept


def settle(
    turn: Turn,
    conditions: Sequence[Condition],
    around: Around,
    *,
    held: Sequence[HeldBack] = (),
    released: Collection[str] = (),
) -> AlertChanges:
    """Open, change and clear alerts after what holds of the causes in `conditions`, within one transaction.

    `held` was held back before it became a condition; `released` are causes that no longer are.
    """
    kept = through(PIPELINE, conditions, around)
    standing = grouped(kept.conditions, around.open_alerts, list(around.assets.values()))
    decisions = decide(around.open_alerts, standing, turn.last_closed({one.cause for one in standing}), now=around.now)
    notes = {one.cause: one.note for one in standing if one.note}
    opened = turn.keep(
        decisions.opened, [(one.alert, one.step, one.note) for one in decisions.changed], now=around.now, notes=notes
    )
    judged = {one.cause for one in conditions} | {one.cause for one in held} | set(released)
    turn.hold([*held, *kept.held], judged=judged, now=around.now)
    return AlertChanges(
        opened=tuple(opened),
        updated=tuple(one.alert for one in decisions.changed if one.step in ("worsened", "recurred", "revised")),
        cleared=tuple(one.alert for one in decisions.changed if one.step in ("returned", "closed", "withdrawn")),
    )


def _split(conditions: Sequence[Condition], reason: Reason, held: Callable[[Condition], Text | None]) -> Kept:
    kept, back = [], []
    for one in conditions:
        detail = held(one) if one.verdict is Verdict.BAD else None
        if detail is None:
            kept.append(one)
        else:
            back.append(_held_back(one, reason, detail))
    return Kept(kept, back)


def _held_back(one: Condition, reason: Reason, detail: Text) -> HeldBack:
    return HeldBack(
        cause=one.cause, asset=one.asset, channel=one.channel, reason=reason, detail=detail, since=one.seen_at
    )
