"""Which readings may enter the store: of a known asset, on a known channel, possible in time and in value.

Worked out for all readings at once; only the few (asset, channel) pairs and the refused are looked at one by one.
Sentinel values that sensors send when they fail (85 or -127 degC, 65535) are refused where they are physically
impossible for the channel, by the catalogue's `physical` band.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from facility.channels import Catalogue
from facility.estate import Asset
from facility.store import READINGS
from ingest.codec import Decoded
from ingest.packing import Message
from ingest.quarantine import Reason, Refusal, batched

FUTURE_US = 10 * 60 * 1_000_000  # further ahead of its arrival a reading has a wrong clock (D)
ANCIENT_US = 946_684_800 * 1_000_000  # 2000-01-01 UTC: a clock that was never set

_REASONS = tuple(Reason)
_CODES = {reason: code for code, reason in enumerate(_REASONS)}
_ADMITTED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    readings: pa.Table  # of `READINGS`
    refusals: list[Refusal]


def admit(
    decoded: Decoded, messages: Sequence[Message], *, assets: Mapping[str, Asset], catalogue: Catalogue
) -> Admitted:
    """Part readings that may be stored from those that may not."""
    arrived = pl.Series("arrived", [message.arrived_us for message in messages], dtype=pl.Int64)
    frame = decoded.readings
    frame = frame.with_columns(arrived.gather(frame["message"]))
    pairs = frame.select("place", "channel").unique(maintain_order=True)
    verdicts = _verdicts(pairs, decoded, assets, catalogue)
    judged = frame.join(verdicts, on=["place", "channel"], how="left", maintain_order="left").with_columns(
        pl.when(pl.col("verdict") != _ADMITTED)
        .then(pl.col("verdict"))
        .when(pl.col("time") > pl.col("arrived") + FUTURE_US)
        .then(_CODES[Reason.FUTURE])
        .when(pl.col("time") < ANCIENT_US)
        .then(_CODES[Reason.ANCIENT])
        .when(~pl.col("value").is_between(pl.col("low"), pl.col("high")))
        .then(_CODES[Reason.OUT_OF_RANGE])
        .otherwise(_ADMITTED)
        .alias("verdict")
    )
    good = judged.filter(pl.col("verdict") == _ADMITTED)
    bad = judged.filter(pl.col("verdict") != _ADMITTED)
    return Admitted(readings=_table(good, decoded), refusals=_refusals(bad, decoded, messages) if bad.height else [])


def _verdicts(pairs: pl.DataFrame, decoded: Decoded, assets: Mapping[str, Asset], catalogue: Catalogue) -> pl.DataFrame:
    rows = []
    for place, channel in pairs.iter_rows():
        site, name = decoded.places[place]
        asset = assets.get(name)
        low, high, verdict = -math.inf, math.inf, _ADMITTED
        if asset is None:
            verdict = _CODES[Reason.UNKNOWN_ASSET]
        elif asset.site != site:
            verdict = _CODES[Reason.WRONG_SITE]
        elif asset.kind not in catalogue or decoded.channels[channel] not in catalogue[asset.kind].channels:
            verdict = _CODES[Reason.UNKNOWN_CHANNEL]
        else:
            band = catalogue[asset.kind].channels[decoded.channels[channel]].physical
            low, high = band.low, band.high
        rows.append((place, channel, low, high, verdict))
    schema = {"place": pl.Int32, "channel": pl.Int32, "low": pl.Float64, "high": pl.Float64, "verdict": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _table(good: pl.DataFrame, decoded: Decoded) -> pa.Table:
    assets = pl.Series("asset", [asset for _, asset in decoded.places], dtype=pl.String)
    channels = pl.Series("channel", decoded.channels, dtype=pl.String)
    moment = pl.Datetime("us", "UTC")
    frame = pl.DataFrame(
        {
            "asset": assets.gather(good["place"]),
            "channel": channels.gather(good["channel"]),
            "time": good["time"].cast(moment),
            "value": good["value"],
            "arrived": good["arrived"].cast(moment),
        }
    )
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS)


def _refusals(bad: pl.DataFrame, decoded: Decoded, messages: Sequence[Message]) -> list[Refusal]:
    """One record a message and reason, with the readings concerned as a payload that can be sent again."""
    sizes = np.bincount(decoded.readings["message"].to_numpy(), minlength=len(messages))
    apart = {refusal.seq for refusal in decoded.refusals}
    refusals = []
    for group in bad.partition_by("message", "verdict", maintain_order=True):
        first = group.row(0, named=True)
        message = messages[first["message"]]
        whole = group.height == sizes[first["message"]] and message.seq not in apart
        refusals.append(
            Refusal(
                seq=message.seq,
                reason=_REASONS[first["verdict"]],
                detail=_detail(first, decoded),
                payload=message.payload if whole else _payload(group, decoded.channels),
                count=group.height,
            )
        )
    return refusals


def _detail(row: Mapping[str, Any], decoded: Decoded) -> str:
    site, asset = decoded.places[int(row["place"])]
    channel = decoded.channels[int(row["channel"])]
    match _REASONS[int(row["verdict"])]:
        case Reason.UNKNOWN_ASSET:
            return asset
        case Reason.WRONG_SITE:
            return f"{asset}: {site}"
        case Reason.UNKNOWN_CHANNEL:
            return f"{asset}: {channel[:200]}"
        case Reason.OUT_OF_RANGE:
            return f"{channel} {row['value']:g} ({row['low']:g} .. {row['high']:g})"
        case _:
            return f"{channel} {row['time'] // 1000} ms"


def _payload(group: pl.DataFrame, channels: Sequence[str]) -> bytes:
    rows = group.select(pl.col("time") // 1000, "channel", "value").iter_rows()
    return batched([(time, channels[channel], value) for time, channel, value in rows])
