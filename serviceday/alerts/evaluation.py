"""Re-evaluates every condition against the open alerts and keeps the outcome. Run on a timer or after scoring."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import polars as pl

from facility.alerts import Alert
from facility.assessments import Assessment
from facility.catalogue.catalogue import Aggregate
from facility.estate import Asset
from facility.records import Records
from facility.store import Store
from serviceday.alerts.grouping import grouped
from serviceday.alerts.lifecycle import decide
from serviceday.alerts.limits import ON_HOURS, limit_channels, limit_conditions, service_channels
from serviceday.alerts.predictions import assessment_conditions

DAY = timedelta(days=1)
FEW = 4  # hours a day: a device that is heard in no more reports by a habit of its own
SLOWEST = timedelta(days=15)  # how far that habit is looked for
_NEEDED = ("asset", "channel", "hour", "mean", "last")


@dataclass(frozen=True, slots=True)
class AlertChanges:
    """What an evaluation did. `updated` are those that worsened or recurred, not mere sightings."""

    opened: tuple[Alert, ...]
    updated: tuple[Alert, ...]
    cleared: tuple[Alert, ...]  # returned to normal


def evaluate_alerts(
    records: Records, store: Store, assessments: Iterable[Assessment], *, now: datetime, timezone: tzinfo = UTC
) -> AlertChanges:
    """Open, update and clear alerts after the readings before `now` and the newest assessments.

    Reasons tell times by the clock of `timezone`.
    """
    assets = records.estate.assets()
    conditions = limit_conditions(_recent_hours(store, assets, now), assets, now=now, timezone=timezone)
    conditions += assessment_conditions(assessments, assets, now=now)
    standing = records.alerts.open()
    conditions = grouped(conditions, standing, assets)
    last_closed = records.alerts.last_closed({one.cause for one in conditions})
    decisions = decide(standing, conditions, last_closed, now=now)
    opened = records.alerts.keep(
        decisions.opened, [(one.alert, one.step, one.note) for one in decisions.changed], now=now
    )
    return AlertChanges(
        opened=tuple(opened),
        updated=tuple(one.alert for one in decisions.changed if one.step in ("worsened", "recurred")),
        cleared=tuple(one.alert for one in decisions.changed if one.step in ("returned", "closed")),
    )


def _recent_hours(store: Store, assets: list[Asset], now: datetime) -> pl.DataFrame:
    """Rollups of the channels with limits, each back to where its data turn stale, and no further."""
    kinds = {asset.kind for asset in assets}
    depth: dict[timedelta, set[str]] = {}
    for (kind, key), channel in (limit_channels() | service_channels()).items():
        if kind in kinds:
            rare = channel.aggregate in (Aggregate.SPARSE, Aggregate.DAILY)
            back = channel.stale_after if rare else channel.stale_after + timedelta(hours=ON_HOURS)
            depth.setdefault(_whole_days(back), set()).add(key)
    frames = [
        store.rollups(channels=keys, start=now - back, end=now).select(_NEEDED) for back, keys in sorted(depth.items())
    ]
    slow = _slow(frames, assets, depth, now)
    for back, keys in sorted(depth.items()):
        some = {asset for asset, channel in slow if channel in keys}
        if some and back < SLOWEST:
            frames.append(
                store.rollups(assets=some, channels=keys, start=now - SLOWEST, end=now - back).select(_NEEDED)
            )
    # a key may stand in two groups (battery_voltage of panels and of doors); the hours are the same then
    return pl.concat(frames).unique() if frames else pl.DataFrame()


def _slow(
    frames: Sequence[pl.DataFrame], assets: Sequence[Asset], depth: Mapping[timedelta, Collection[str]], now: datetime
) -> set[tuple[str, str]]:
    """Channels of which hardly anything was heard in a day: their own habit tells how long a reading speaks."""
    often = {
        (asset, channel)
        for frame in frames
        for asset, channel, hours in frame.filter(pl.col("hour") >= now - DAY)
        .group_by("asset", "channel")
        .len()
        .iter_rows()
        if hours > FEW
    }
    regular = {key for keys in depth.values() for key in keys}
    channels: dict[str, list[str]] = {kind: [] for kind in {asset.kind for asset in assets}}
    for (kind, key), channel in limit_channels().items():
        if kind in channels and key in regular and channel.aggregate not in (Aggregate.SPARSE, Aggregate.DAILY):
            channels[kind].append(key)
    return {(one.id, key) for one in assets for key in channels[one.kind] if (one.id, key) not in often}


def _whole_days(back: timedelta) -> timedelta:
    return timedelta(days=back.days + 1)
