"""Re-evaluates every condition against the open alerts and keeps the outcome. Run on a timer or after scoring."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import polars as pl

from facility.assessments import Assessment
from facility.catalogue.catalogue import Aggregate
from facility.estate import Asset
from facility.records import Records
from facility.store import Store
from serviceday.alerts.conditions import Condition
from serviceday.alerts.limits import ON_HOURS, limit_channels, limit_conditions, service_channels
from serviceday.alerts.pipeline import AlertChanges, Around, settle
from serviceday.alerts.predictions import assessment_conditions
from serviceday.alerts.standing import standing_conditions

DAY = timedelta(days=1)
FEW = 4  # hours a day: a device that is heard in no more reports by a habit of its own
SLOWEST = timedelta(days=15)  # how far that habit is looked for
_NEEDED = ("asset", "channel", "hour", "mean", "last")


def evaluate_alerts(
    records: Records,
    store: Store,
    assessments: Iterable[Assessment],
    *,
    now: datetime,
    timezone: tzinfo = UTC,
    extra: Sequence[Condition] = (),
) -> AlertChanges:
    """Open, update and clear alerts after the readings before `now` and the newest assessments.

    Where a watcher follows the readings, what it believes of them holds here too; otherwise they are judged by the
    hour. `extra` are conditions that others found. Reasons tell times by the clock of `timezone`.
    """
    assets, spells = records.estate.assets(), records.trail.spells()
    conditions = standing_conditions(records, assets, now=now, timezone=timezone)
    if conditions is None:
        conditions = limit_conditions(_recent_hours(store, assets, now), assets, now=now, timezone=timezone)
    conditions += [*assessment_conditions(assessments, assets, now=now), *extra]
    with records.watch.turn() as turn:
        around = Around(
            now=now,
            assets={asset.id: asset for asset in assets},
            open_alerts=turn.open_alerts(),
            spells=spells,
            timezone=timezone,
        )
        return settle(turn, conditions, around)


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
    return {(asset.id, key) for asset in assets for key in channels[asset.kind] if (asset.id, key) not in often}


def _whole_days(back: timedelta) -> timedelta:
    return timedelta(days=back.days + 1)
