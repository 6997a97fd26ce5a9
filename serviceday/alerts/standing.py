"""What holds now, of the conditions that are followed reading by reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from facility.estate import Asset
from facility.records import Records
from serviceday.alerts.conditions import Condition, Verdict
from serviceday.alerts.rules import Rule, rules
from serviceday.alerts.track import Track
from serviceday.alerts.wording import condition, microseconds

Name = tuple[str, str, int]  # asset, channel, and the code or LIMIT
WATCHED = timedelta(minutes=5)  # a watcher that has looked since then is believed


def standing_conditions(
    records: Records, assets: Sequence[Asset], *, now: datetime, timezone: tzinfo = UTC
) -> list[Condition] | None:
    """What the watcher believes of the readings at `now`; None if none has looked at about that time."""
    watching = records.watch.watching()
    if watching is None or abs(now - watching.looked_at) > WATCHED:
        return None
    kinds = {asset.id: asset.kind for asset in assets}
    tracks = (((entry.asset, entry.channel, entry.code), Track.of(entry.body)) for entry in records.watch.remembered())
    return what_holds(tracks, rules(), kinds, now=now, timezone=timezone)


def what_holds(
    tracks: Iterable[tuple[Name, Track]],
    compiled: Mapping[tuple[str, str], Rule],
    kinds: Mapping[str, str],
    *,
    now: datetime,
    timezone: tzinfo = UTC,
) -> list[Condition]:
    """The conditions of tracks whose last reading still speaks. What is on its way is neither bad nor good."""
    now_us = microseconds(now)
    conditions = []
    for name, track in tracks:
        rule = compiled.get((kinds.get(name[0], ""), name[1]))
        if rule is None or track.fresh_until_us(rule.channel.stale_after) < now_us:
            continue
        if track.bad:
            conditions.append(condition(name, track, rule, Verdict.BAD, timezone=timezone))
        elif track.calm(now_us, rule.alarm, stands=rule.stands):
            conditions.append(condition(name, track, rule, Verdict.GOOD, timezone=timezone))
    return conditions
