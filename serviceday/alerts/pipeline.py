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
from serviceday.alerts.shared_faults import shared_conditions


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
    whole: bool = False  # all that stands is among the conditions


@dataclass(frozen=True, slots=True)
class Kept:
    """What goes on, and what is held back."""

    conditions: list[Condition]
    withheld: list[HeldBack]


Stage = Callable[[Sequence[Condition], Around], Kept]


def hold_back_out_of_use(conditions: Sequence[Condition], around: Around) -> Kept:
    """What is bad at an asset that somebody said is not in use."""
    today = around.now.astimezone(around.timezone).date()

    def why(condition: Condition) -> Text | None:
        unused = spell_on(around.spells.get(condition.asset, ()), today) is not None
        return PHRASES["held_out_of_use"] if unused else None

    return _split(conditions, Reason.OUT_OF_USE, why)


def hold_back_inhibited(conditions: Sequence[Condition], around: Around) -> Kept:
    """What is explained by something else that is wrong: a panel without power explains its detectors."""
    explanations = Explanations(conditions, around.open_alerts, around.assets)

    def why(condition: Condition) -> Text | None:
        source = explanations.of(condition)
        return None if source is None else PHRASES["held_inhibited"].filled(asset=source.asset, reason=source.reason)

    return _split(conditions, Reason.INHIBITED, why)


PIPELINE: tuple[Stage, ...] = (hold_back_out_of_use, hold_back_inhibited)


def through(stages: Sequence[Stage], conditions: Sequence[Condition], around: Around) -> Kept:
    """Conditions through every stage."""
    passed = Kept(list(conditions), [])
    for stage in stages:
        after = stage(passed.conditions, around)
        passed = Kept(after.conditions, passed.withheld + after.withheld)
    return passed


def settle(
    turn: Turn,
    conditions: Sequence[Condition],
    around: Around,
    *,
    withheld: Sequence[HeldBack] = (),
    released: Collection[str] = (),
) -> AlertChanges:
    """Open, change and clear alerts after what holds of the causes in `conditions`, within one transaction.

    `withheld` was held back before it became a condition; `released` are causes that no longer are.
    """
    of_sites = shared_conditions(conditions, around.open_alerts, around.assets, whole=around.whole, now=around.now)
    passed = through(PIPELINE, [*of_sites, *conditions], around)
    standing = grouped(passed.conditions, around.open_alerts, list(around.assets.values()))
    decisions = decide(
        around.open_alerts, standing, turn.last_closed({condition.cause for condition in standing}), now=around.now
    )
    notes = {condition.cause: condition.note for condition in standing if condition.note}
    opened = turn.keep(
        decisions.opened,
        [(change.alert, change.step, change.note) for change in decisions.changed],
        now=around.now,
        notes=notes,
    )
    judged = {condition.cause for condition in conditions} | {condition.cause for condition in withheld} | set(released)
    turn.hold([*withheld, *passed.withheld], judged=judged, now=around.now)
    return AlertChanges(
        opened=tuple(opened),
        updated=tuple(
            change.alert for change in decisions.changed if change.step in ("worsened", "recurred", "revised")
        ),
        cleared=tuple(
            change.alert for change in decisions.changed if change.step in ("returned", "closed", "withdrawn")
        ),
    )


def _split(conditions: Sequence[Condition], reason: Reason, why: Callable[[Condition], Text | None]) -> Kept:
    passed, back = [], []
    for condition in conditions:
        detail = why(condition) if condition.verdict is Verdict.BAD else None
        if detail is None:
            passed.append(condition)
        else:
            back.append(_held_back(condition, reason, detail))
    return Kept(passed, back)


def _held_back(condition: Condition, reason: Reason, detail: Text) -> HeldBack:
    return HeldBack(
        cause=condition.cause,
        asset=condition.asset,
        channel=condition.channel,
        reason=reason,
        detail=detail,
        since=condition.seen_at,
    )
