"""Which readings may enter the store: of a known asset, on a known channel, possible in time and in value.

Worked out for all readings at once; only the few (asset, channel) pairs, the suspicious and the refused are looked at
one by one. Values that a device declares in another unit are converted; what a sensor sends instead of a value
(85 or -127 degC, 65535) is told from what it measured by `ingest.admission.sentinels`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from facility.catalogue.catalogue import Catalogue, Channel
from facility.estate import Asset
from facility.store import READINGS
from ingest.admission.sentinels import sentinel, suspicious
from ingest.admission.units import conversion
from ingest.codecs.contract import Decoded
from ingest.codecs.native import TELEMETRY, batched
from ingest.journal.source_ledger import OTHERS, source_of
from ingest.messages import AdmittedReadings, Message
from ingest.refusals import Reason, Refusal

FUTURE_US = 10 * 60 * 1_000_000  # further ahead of its arrival a reading has a wrong clock (D)
ANCIENT_US = 946_684_800 * 1_000_000  # 2000-01-01 UTC: a clock that was never set
UNIT_ATTRIBUTE = "unit."  # asset attribute `unit.motor_temperature = [degF]`: what this device measures in
DIRECT = 4_000_000  # (place, channel) combinations for which a plain table is the fastest index

_REASONS = tuple(Reason)
_CODES = {reason: code for code, reason in enumerate(_REASONS)}
_ADMITTED = -1

Before = Callable[[str, str], float | None]  # asset, channel -> the last believed value


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What of a run of messages may be stored, and what may not."""

    readings: pa.Table  # of `READINGS`
    refusals: list[Refusal]
    per_place: NDArray[np.int64]  # readings admitted of each of `Decoded.places`
    known_places: list[bool]  # of each of them: whether it is a registered asset of its site
    said: AdmittedReadings  # the same readings, for those who listen


class _Pair(NamedTuple):
    """What holds for one channel of one place."""

    verdict: int = _ADMITTED
    low: float = -math.inf
    high: float = math.inf
    factor: float = 1.0
    offset: float = 0.0
    channel: Channel | None = None


def _nothing_before(_asset: str, _channel: str) -> float | None:
    return None


def admit(
    decoded: Decoded,
    messages: Sequence[Message],
    *,
    assets: Mapping[str, Asset],
    catalogue: Catalogue,
    before: Before = _nothing_before,
    vouched: Collection[int] = (),
) -> Admitted:
    """Part readings that may be stored from those that may not.

    `vouched` are the `seq` of messages whose suspicious values a person has looked at and believes.
    """
    message = decoded.readings["message"].to_numpy()
    arrived = np.fromiter((message.arrived_us for message in messages), np.int64, len(messages))[message]
    trusted = np.isin(message, [i for i, message in enumerate(messages) if message.seq in vouched]) if vouched else None
    judged = judge(decoded, arrived, assets=assets, catalogue=catalogue, before=before, trusted=trusted)
    verdicts, values, pairs, index = judged.verdicts, judged.values, judged.pairs, judged.index
    place, channel, times = (decoded.readings[name].to_numpy() for name in ("place", "channel", "time"))
    good = verdicts == _ADMITTED
    every = bool(good.all())
    if not every:
        place, channel, times, arrived, index_of = place[good], channel[good], times[good], arrived[good], index[good]
    else:
        index_of = index
    taken = values if every else values[good]
    names = [decoded.places[key // len(decoded.channels)][1] for key in judged.keys.tolist()]
    columns = [decoded.channels[key % len(decoded.channels)] for key in judged.keys.tolist()]
    return Admitted(
        readings=_table(decoded, place, channel, times, taken, arrived),
        refusals=[] if every else _refusals(decoded, messages, pairs, index, verdicts, values),
        per_place=np.bincount(place, minlength=len(decoded.places)),
        known_places=[name in assets and assets[name].site == site for site, name in decoded.places],
        said=AdmittedReadings(
            names=list(zip(names, columns, strict=True)), series=index_of, times=times, values=taken, arrived=arrived
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict for each reading, and what it was reached from."""

    verdicts: NDArray[np.float64]  # an index of the reasons, or admitted
    values: NDArray[np.float64]  # in the catalogue's units
    pairs: Sequence[_Pair]
    keys: NDArray[np.int64]  # of each pair: place * channels + channel
    index: NDArray[np.int64]  # of each reading: its pair

    @property
    def good(self) -> NDArray[np.bool_]:
        return np.asarray(self.verdicts == _ADMITTED)

    def reason(self, row: int) -> Reason:
        """Why a reading that is not good was refused."""
        return _REASONS[int(self.verdicts[row])]

    def band(self, row: int) -> tuple[float, float]:
        pair = self.pairs[int(self.index[row])]
        return pair.low, pair.high


def judge(
    decoded: Decoded,
    arrived: NDArray[np.int64],
    *,
    assets: Mapping[str, Asset],
    catalogue: Catalogue,
    before: Before = _nothing_before,
    trusted: NDArray[np.bool_] | None = None,
) -> Judged:
    """Which readings may be stored, whichever way they came; `arrived` (microseconds) and `trusted` go by reading."""
    frame = decoded.readings
    place, channel = (frame[name].to_numpy() for name in ("place", "channel"))
    times, raw = frame["time"].to_numpy(), frame["value"].to_numpy()
    keys, index = _distinct(place, channel, len(decoded.places), len(decoded.channels))
    pairs = [_pair(decoded, *divmod(int(key), len(decoded.channels)), assets, catalogue) for key in keys]
    verdicts, low, high, factor, offset = (
        np.array([pair[i] for pair in pairs], dtype=np.float64)[index] if pairs else np.empty(0) for i in range(5)
    )
    with np.errstate(over="ignore"):  # what grows beyond floating point is beyond what a sensor measures, too
        values = raw * factor + offset
    judgeable = verdicts == _ADMITTED
    outside = ~((values >= low) & (values <= high) & np.isfinite(values))
    verdicts[judgeable & outside] = _CODES[Reason.OUT_OF_RANGE]
    doubtful = judgeable & (np.isin(raw, suspicious()) | np.isin(values, suspicious()))
    if doubtful.any():
        for row in _sentinels(decoded, pairs, index, times, values, raw, doubtful, outside, before):
            if trusted is None or outside[row] or not trusted[row]:
                verdicts[row] = _CODES[Reason.SENTINEL]
    verdicts[judgeable & (times < ANCIENT_US)] = _CODES[Reason.ANCIENT]
    verdicts[judgeable & (times > arrived + FUTURE_US)] = _CODES[Reason.FUTURE]
    return Judged(verdicts=verdicts, values=values, pairs=pairs, keys=keys, index=index)


def _distinct(
    place: NDArray[np.int32], channel: NDArray[np.int32], places: int, channels: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every (place, channel) there is, as one number, and which of them each reading is of."""
    key = place.astype(np.int64) * channels + channel
    if places * channels > DIRECT:
        present, index = np.unique(key, return_inverse=True)
        return present, index
    present = np.flatnonzero(np.bincount(key, minlength=1))
    table = np.zeros(max(1, places * channels), dtype=np.int64)
    table[present] = np.arange(len(present))
    return present, table[key]


def _pair(decoded: Decoded, place: int, column: int, assets: Mapping[str, Asset], catalogue: Catalogue) -> _Pair:
    site, name = decoded.places[place]
    key, declared = decoded.channels[column], decoded.units[column]
    asset = assets.get(name)
    if asset is None:
        return _Pair(_CODES[Reason.UNKNOWN_ASSET])
    if asset.site != site:
        return _Pair(_CODES[Reason.WRONG_SITE])
    channel = catalogue[asset.kind].channels.get(key) if asset.kind in catalogue else None
    if channel is None:
        return _Pair(_CODES[Reason.UNKNOWN_CHANNEL])
    converted = conversion(declared or asset.attributes.get(UNIT_ATTRIBUTE + key, ""), channel.unit)
    if converted is None:
        return _Pair(_CODES[Reason.WRONG_UNIT], channel=channel)
    band = channel.physical
    return _Pair(_ADMITTED, band.low, band.high, converted.factor, converted.offset, channel)


def _sentinels(
    decoded: Decoded,
    pairs: Sequence[_Pair],
    index: NDArray[np.int64],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    raw: NDArray[np.float64],
    doubtful: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    before: Before,
) -> list[int]:
    """The rows whose value is no value; each series is walked once, in the order of its times."""
    rejected: list[int] = []
    concerned = np.unique(index[doubtful])
    rows = np.flatnonzero(np.isin(index, concerned))
    rows = rows[np.lexsort((times[rows], index[rows]))]
    series, believed = -1, None
    for row in rows.tolist():
        if index[row] != series:
            series = int(index[row])
            channel = pairs[series].channel
            believed = None
            if channel is not None:
                believed = before(decoded.places[decoded.readings["place"][row]][1], channel.key)
        value = float(values[row])
        if doubtful[row] and channel is not None and sentinel(channel, value, float(raw[row]), believed):
            rejected.append(row)
        elif not outside[row]:
            believed = value
    return rejected


def _table(
    decoded: Decoded,
    place: NDArray[np.int32],
    channel: NDArray[np.int32],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    arrived: NDArray[np.int64],
) -> pa.Table:
    assets = pl.Series("asset", [asset for _, asset in decoded.places], dtype=pl.String)
    channels = pl.Series("channel", decoded.channels, dtype=pl.String)
    moment = pl.Datetime("us", "UTC")
    frame = pl.DataFrame(
        {
            "asset": assets.gather(pl.Series(place, dtype=pl.UInt32)),
            "channel": channels.gather(pl.Series(channel, dtype=pl.UInt32)),
            "time": pl.Series(times, dtype=pl.Int64).cast(moment),
            "value": values,
            "arrived": pl.Series(arrived, dtype=pl.Int64).cast(moment),
        }
    )
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS)


def _refusals(
    decoded: Decoded,
    messages: Sequence[Message],
    pairs: Sequence[_Pair],
    index: NDArray[np.int64],
    verdicts: NDArray[np.float64],
    values: NDArray[np.float64],
) -> list[Refusal]:
    """One record a message and reason, with the readings concerned as a payload that can be sent again."""
    sizes = np.bincount(decoded.readings["message"].to_numpy(), minlength=len(messages))
    apart = {refusal.seq for refusal in decoded.refusals}
    judged = decoded.readings.with_columns(
        pl.Series("verdict", verdicts.astype(np.int32)), pl.Series("pair", index), pl.Series("ours", values)
    )
    bad = judged.filter(pl.col("verdict") != _ADMITTED)
    refusals = []
    for group in bad.partition_by("message", "place", "verdict", maintain_order=True):
        first = group.row(0, named=True)
        message = messages[first["message"]]
        whole = group.height == sizes[first["message"]] and message.seq not in apart
        site, asset = decoded.places[first["place"]]
        foreign = not whole and source_of(message.topic) == OTHERS
        refusals.append(
            Refusal(
                seq=message.seq,
                reason=_REASONS[first["verdict"]],
                detail=_detail(first, decoded, pairs[first["pair"]]),
                payload=message.payload if whole else _payload(group, decoded),
                count=group.height,
                topic=TELEMETRY.format(site=site, asset=asset) if foreign else "",
                source=(site, asset),
            )
        )
    return refusals


def _detail(row: Mapping[str, Any], decoded: Decoded, pair: _Pair) -> str:
    site, asset = decoded.places[int(row["place"])]
    channel = decoded.channels[int(row["channel"])]
    match _REASONS[row["verdict"]]:
        case Reason.UNKNOWN_ASSET:
            return asset
        case Reason.WRONG_SITE:
            return f"{asset}: {site}"
        case Reason.UNKNOWN_CHANNEL:
            return f"{asset}: {channel[:200]}"
        case Reason.WRONG_UNIT:
            ours = pair.channel.unit if pair.channel else ""
            return f"{channel}: {decoded.units[row['channel']][:40] or UNIT_ATTRIBUTE + channel} -> {ours}"
        case Reason.OUT_OF_RANGE:
            return f"{channel} {row['ours']:g} ({pair.low:g} .. {pair.high:g})"
        case Reason.SENTINEL:
            return f"{channel} {row['value']:g}"
        case _:
            return f"{channel} {row['time'] // 1000} ms"


def _payload(group: pl.DataFrame, decoded: Decoded) -> bytes:
    rows = list(group.select(pl.col("time") // 1000, "channel", "value").iter_rows())
    units = {decoded.channels[column]: decoded.units[column] for _, column, _ in rows if decoded.units[column]}
    return batched([(time, decoded.channels[column], value) for time, column, value in rows], units)
