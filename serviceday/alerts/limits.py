"""Readings beyond their limits.

Between bad and good lies a deadband, and both take several hours to be believed: one odd value opens nothing, and one
good one resolves nothing. Tests and daily figures are finished measurements; of those one is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from math import inf, isfinite

import polars as pl

from facility.alerts import Severity, Source
from facility.catalogue.catalogue import Aggregate, Channel, catalogue
from facility.estate import Asset
from facility.i18n.phrases import LANGUAGES, Text
from facility.i18n.units import symbol
from serviceday.alerts.conditions import PHRASES, Condition, Verdict

# All design values (D).
ON_HOURS = 2  # hours in a row beyond the limit before an alert opens
OFF_HOURS = 3  # hours in a row well within it before it has returned
GAPS = 2.0  # of a device's own usual gaps between readings: its last reading speaks for so long
DEADBAND = 0.02  # of the limit: how far within is "well within"
FAR_BEYOND = 0.5  # of the limit: how far beyond is grave

_SINGLE = (Aggregate.SPARSE, Aggregate.DAILY)  # each value is a finished measurement: one is enough


def limit_channels() -> dict[tuple[str, str], Channel]:
    """Every channel with a limit, by kind and key."""
    return {
        (kind.key, channel.key): channel
        for kind in catalogue().values()
        for channel in kind.channels.values()
        if channel.limit.bounded
    }


def service_channels() -> dict[tuple[str, str], Channel]:
    """Every channel that tells whether equipment is in normal use, by kind and key."""
    return {
        (kind.key, channel.key): channel
        for kind in catalogue().values()
        for channel in kind.channels.values()
        if channel.in_service
    }


def limit_conditions(
    hours: pl.DataFrame, assets: Sequence[Asset], *, now: datetime, timezone: tzinfo = UTC
) -> list[Condition]:
    """Conditions from hourly rollups (columns of `Store.rollups`) of the hours before `now`.

    Only conditions that are bad or good are given; whatever has no fresh data is unknown by its absence. Fresh is what
    the catalogue says or, of a device that reports more rarely, its own habit. What is measured hour by hour counts
    only while the equipment is in normal use: a lift under maintenance is no alarm.
    Reasons tell times by the clock of `timezone`.
    """
    if hours.is_empty() or not assets:
        return []
    channels = limit_channels()
    kinds = {asset.id: asset.kind for asset in assets}
    judged = (
        hours.lazy()
        .join(pl.LazyFrame({"asset": list(kinds), "kind": list(kinds.values())}), on="asset")
        .join(_limits(channels), on=["kind", "channel"])
        .join(_out_of_service(hours, kinds), on=["asset", "hour"], how="left")
        .filter(pl.col("single") | pl.col("out_of_service").is_null())
        .with_columns(value=pl.when(pl.col("at_last")).then("last").otherwise("mean"))
        .filter(pl.col("value").is_between("possible_low", "possible_high"))
        .with_columns(
            bad=~pl.col("value").is_between("low", "high"),
            good=pl.col("value").is_between("low_good", "high_good"),
        )
        .sort("asset", "channel", "hour")
        .group_by("asset", "channel", maintain_order=True)
        .agg(
            pl.col("kind", "hour", "value", "stale_us", "on_hours", "off_hours", "single").last(),
            gap_us=pl.col("hour").diff().dt.total_microseconds().median(),
            bad_run=pl.col("bad").reverse().cast(pl.Int64).cum_min().sum(),
            good_run=pl.col("good").reverse().cast(pl.Int64).cum_min().sum(),
            hours=pl.col("hour"),
        )
        .with_columns(
            stale_us=pl.when("single")
            .then("stale_us")
            .otherwise(pl.max_horizontal("stale_us", GAPS * pl.col("gap_us").fill_null(0.0)))
        )
        .with_columns(is_bad=pl.col("bad_run") >= pl.col("on_hours"), is_good=pl.col("good_run") >= pl.col("off_hours"))
        .filter(pl.col("is_bad") | pl.col("is_good"))
        .filter(
            pl.lit(now.astimezone(UTC)) - pl.col("hour")
            <= pl.duration(microseconds=pl.col("stale_us")) + pl.duration(hours=1)
        )
        .with_columns(since=pl.col("hours").list.get(-pl.col("bad_run"), null_on_oob=True))
        .with_columns(earlier=pl.col("bad_run") == pl.col("hours").list.len())
        .select("asset", "channel", "kind", "hour", "value", "is_bad", "since", "earlier")
        .collect()
    )
    return [
        _limit_condition(channels[kind, channel], asset, *rest, timezone=timezone)
        for asset, channel, kind, *rest in judged.iter_rows()
    ]


def _limits(channels: Mapping[tuple[str, str], Channel]) -> pl.LazyFrame:
    rows = []
    for (kind, key), channel in channels.items():
        margin = deadband(channel)
        single = channel.aggregate in _SINGLE
        rows.append(
            {
                "kind": kind,
                "channel": key,
                "low": channel.limit.low,
                "high": channel.limit.high,
                "low_good": channel.limit.low + margin,
                "high_good": channel.limit.high - margin,
                "possible_low": channel.physical.low,
                "possible_high": channel.physical.high,
                "single": single,
                "at_last": channel.aggregate in (*_SINGLE, Aggregate.STATE),
                "stale_us": int(channel.stale_after.total_seconds() * 1e6),
                "on_hours": 1 if single else ON_HOURS,
                "off_hours": 1 if single else OFF_HOURS,
            }
        )
    return pl.LazyFrame(rows)


def _out_of_service(hours: pl.DataFrame, kinds: Mapping[str, str]) -> pl.LazyFrame:
    """Asset and hour of everything that was not, or not throughout, in normal use."""
    rows = [
        {"kind": kind, "channel": key, "state": float(state)}
        for (kind, key), channel in service_channels().items()
        for state in channel.in_service
    ]
    frame = pl.LazyFrame(rows, schema={"kind": pl.String, "channel": pl.String, "state": pl.Float64})
    return (
        hours.lazy()
        .join(pl.LazyFrame({"asset": list(kinds), "kind": list(kinds.values())}), on="asset")
        .join(frame.select("kind", "channel").unique(), on=["kind", "channel"], how="semi")
        .join(
            frame.with_columns(known=True),
            left_on=["kind", "channel", "mean"],
            right_on=["kind", "channel", "state"],
            how="left",
        )
        .filter(pl.col("known").is_null())
        .select("asset", "hour", out_of_service=pl.lit(value=True))
        .unique()
    )


def deadband(channel: Channel) -> float:
    """How far within the limit a value must be; at most a tenth of the way from the limit to the normal band.

    A state has none: its values are names.
    """
    if channel.aggregate is Aggregate.STATE:
        return 0.0
    sizes = [abs(edge) for edge in (channel.limit.low, channel.limit.high) if abs(edge) != inf]
    gaps = [
        abs(normal - limit) / 10
        for normal, limit in (
            (channel.normal.low, channel.limit.low),
            (channel.normal.high, channel.limit.high),
        )
        if abs(normal) != inf and abs(limit) != inf and normal != limit
    ]
    return min([DEADBAND * max(sizes), *gaps])


def _limit_condition(
    channel: Channel,
    asset: str,
    hour: datetime,
    value: float,
    bad: bool,
    since: datetime | None,
    earlier: bool,
    *,
    timezone: tzinfo,
) -> Condition:
    """`earlier`: it was bad for as long as was looked, so it may have begun before `since`."""
    above = value > channel.limit.high or channel.limit.low == -inf
    limit = channel.limit.high if above else channel.limit.low
    reason = PHRASES["limit_above" if above else "limit_below"].filled(
        channel=channel.name,
        value=quantity(channel, value),
        limit=quantity(channel, limit),
        since=PHRASES["or_earlier" if earlier else "from"].filled(moment=told_at(since or hour, timezone)),
    )
    sure = bad and since is not None and not earlier
    return Condition(
        cause=f"{asset}/limit/{channel.key}",
        verdict=Verdict.BAD if bad else Verdict.GOOD,
        asset=asset,
        channel=channel.key,
        source=Source.LIMIT,
        severity=limit_severity(channel, value, limit),
        title=PHRASES["limit_title"].filled(channel=channel.name),
        reason=reason,
        seen_at=hour,
        began=since if sure else None,
        began_between=(since, since + timedelta(hours=1)) if since is not None and sure else (None, since),
    )


def told_at(moment: datetime, timezone: tzinfo) -> str:
    """A moment by the clock of a zone, to the minute."""
    return f"{moment.astimezone(timezone):%Y-%m-%d %H:%M}{' UTC' if timezone is UTC else ''}"


def excess_scale(channel: Channel, limit: float) -> float:
    """What an excess is measured by: the limit itself, beside a limit of zero the width of the normal band."""
    width = channel.normal.high - channel.normal.low
    return abs(limit) or (width if isfinite(width) else 1.0)


def limit_severity(channel: Channel, value: float, limit: float) -> Severity:
    """Life safety and the size of the excess decide. A state has no size, and a daily figure is yesterday's news."""
    life_safety = catalogue().kind(channel.kind).life_safety
    span = excess_scale(channel, limit)
    far = channel.aggregate not in (Aggregate.STATE, Aggregate.DAILY) and abs(value - limit) >= FAR_BEYOND * span
    if life_safety:
        return Severity.HIGH if far else Severity.MEDIUM
    return Severity.MEDIUM if far else Severity.LOW


def quantity(channel: Channel, value: float) -> Text:
    """A value with its unit, or the name of the state that it stands for."""
    state = channel.states.get(int(value)) if value == int(value) else None
    if state is not None:
        return state
    return Text(**{language: f"{value:.3g} {symbol(channel.unit, language)}".strip() for language in LANGUAGES})
