"""One cause, one alert: what sees the same trouble at one asset speaks with one voice.

A closed valve is a limit passed by the pressure, another by the test, and a model's warning. They are one cause where a
failure mode of the catalogue has the channels among its signs, or the warning rests on the channel. They stand under
the alert that is open already, so that nothing opens twice, and it stays bad as long as any of them is.
Doubts about a sensor and silence stay apart: they are mended by somebody else. So does a fault that equipment reports:
its code names the cause, and whoever is trapped is not told of as one more sign of a worn door.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from facility.alerts import Alert, Source
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from serviceday.alerts.conditions import PHRASES, Condition, Verdict

_TOGETHER = (Source.LIMIT, Source.EQUIPMENT)
Channels = frozenset[str]


def grouped(conditions: Iterable[Condition], open_alerts: Iterable[Alert], assets: Sequence[Asset]) -> list[Condition]:
    """The conditions with those of one trouble folded into one, under the cause of an alert that is open for it."""
    kinds = {asset.id: asset.kind for asset in assets}
    alerts = defaultdict[str, list[Alert]](list)
    for alert in sorted(open_alerts, key=lambda alert: (alert.opened_at, alert.id)):
        if alert.source in _TOGETHER:
            alerts[alert.asset].append(alert)
    by_asset = defaultdict[str, list[Condition]](list)
    folded = []
    for condition in {condition.cause: condition for condition in conditions}.values():
        if condition.source in _TOGETHER:
            by_asset[condition.asset].append(condition)
        else:
            folded.append(condition)
    for asset, own in by_asset.items():
        signs = _signs(kinds.get(asset, ""))
        folded += _fold(own, alerts[asset], signs)
    return folded


def _signs(kind: str) -> list[Channels]:
    """The channels that each failure mode of the class moves."""
    equipment_class = catalogue().get(kind)
    return [] if equipment_class is None else [frozenset(mode.signs) for mode in equipment_class.modes.values()]


def _fold(conditions: Sequence[Condition], alerts: Sequence[Alert], signs: Sequence[Channels]) -> list[Condition]:
    bad = [condition for condition in conditions if condition.verdict is Verdict.BAD]
    if len(bad) + len(alerts) < 2:
        return list(conditions)
    verdicts = {condition.cause: condition for condition in conditions}
    for group in _groups(bad, alerts, signs):
        if not group.conditions:
            continue
        for condition in group.conditions:
            del verdicts[condition.cause]
        causes = {alert.cause for alert in group.alerts}
        own = [condition for condition in group.conditions if condition.cause in causes]
        if len(own) > 1:  # opened apart by an earlier version: each keeps its own until it is mended
            verdicts |= {condition.cause: condition for condition in own}
            continue
        spoken = _spoken(group.conditions, group.alerts[0].cause if group.alerts else "")
        verdicts[spoken.cause] = spoken
    return list(verdicts.values())


@dataclass(slots=True)
class _Group:
    """What is about one trouble."""

    conditions: list[Condition]
    alerts: list[Alert]  # the oldest first
    channels: set[str]

    @property
    def causes(self) -> set[str]:
        return {condition.cause for condition in self.conditions} | {alert.cause for alert in self.alerts}


def _groups(bad: Sequence[Condition], alerts: Sequence[Alert], signs: Sequence[Channels]) -> list[_Group]:
    """Conditions and open alerts of one asset, those that are about the same trouble together."""
    alone = [_Group([], [alert], {alert.channel} - {""}) for alert in alerts]
    alone += [_Group([condition], [], {*condition.rests_on, condition.channel} - {""}) for condition in bad]
    groups: list[_Group] = []
    for new in alone:
        rest = []
        for group in groups:
            if new.causes & group.causes or _related(new.channels, group.channels, signs):
                new = _Group(
                    group.conditions + new.conditions, group.alerts + new.alerts, group.channels | new.channels
                )
            else:
                rest.append(group)
        groups = [*rest, new]
    for group in groups:
        group.alerts.sort(key=lambda alert: (alert.opened_at, alert.id))
    return groups


def _related(ours: Iterable[str], theirs: Iterable[str], signs: Sequence[Channels]) -> bool:
    first, second = set(ours), set(theirs)
    return bool(first & second) or any(first & mode and second & mode for mode in signs)


def _spoken(members: Sequence[Condition], cause: str) -> Condition:
    """The members as one condition: what is gravest leads, the others stand after it."""
    ordered = sorted(
        members,
        key=lambda condition: (
            condition.severity.rank,
            condition.source is not Source.EQUIPMENT,
            condition.channel,
            condition.cause,
        ),
    )
    first, *others = ordered
    onsets = [condition for condition in members if condition.began is not None]
    earliest = min(onsets, key=lambda condition: condition.began or condition.seen_at) if onsets else first
    reason = first.reason
    for other in others:
        reason = PHRASES["and_also"].filled(first=reason, other=other.reason)
    return replace(
        first,
        cause=cause or first.cause,
        reason=reason,
        seen_at=max(condition.seen_at for condition in members),
        began=earliest.began,
        began_between=earliest.began_between,
        rests_on=frozenset[str]().union(*(condition.rests_on | {condition.channel} for condition in members)),
        off_after=max(condition.off_after for condition in members),
    )
