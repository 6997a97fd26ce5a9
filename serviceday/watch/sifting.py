"""Readings in bulk, judged one by one without looking at any of them in Python: most are good and say nothing new."""

from __future__ import annotations

import polars as pl

SIFTED = ("asset", "channel", "kind", "time", "value", "arrived", "bad", "good", "far", "code")


def sift(readings: pl.DataFrame, kinds: pl.DataFrame, bands: pl.DataFrame) -> pl.DataFrame:
    """The readings of watched channels, each judged.

    `readings` has the columns of a store's, `kinds` (asset, kind), `bands` those of `serviceday.alerts.rules.bands`.
    Gives `SIFTED`, sorted by asset, channel and time: time, arrived (i64, microseconds since 1970); bad, good, far and
    code (bool; code: the value is one that is trouble by itself). What a sensor can't measure is left out.
    """
    return (
        readings.lazy()
        .join(kinds.lazy(), on="asset")
        .join(bands.lazy(), on=["kind", "channel"])
        .filter(pl.col("value").is_between("possible_low", "possible_high"))
        .select(
            "asset",
            "channel",
            "kind",
            pl.col("time").dt.epoch("us"),
            "value",
            pl.col("arrived").dt.epoch("us"),
            bad=~pl.col("value").is_between("low", "high"),
            good=pl.col("value").is_between("low_good", "high_good"),
            far=(pl.col("value") <= pl.col("far_low")) | (pl.col("value") >= pl.col("far_high")),
            code=pl.col("codes").list.contains(pl.col("value")),
        )
        .sort("asset", "channel", "time")
        .collect()
    )


def by_series(sifted: pl.DataFrame) -> pl.DataFrame:
    """One row for each channel of each asset: asset, channel, kind, first, last (times), arrived (latest), trouble.

    Trouble: any of its readings is bad, or a code.
    """
    return sifted.group_by("asset", "channel", maintain_order=True).agg(
        pl.col("kind").first(),
        first=pl.col("time").first(),
        last=pl.col("time").last(),
        arrived=pl.col("arrived").max(),
        trouble=(pl.col("bad") | pl.col("code")).any(),
    )
