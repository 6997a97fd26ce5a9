"""From devices to assets: what the device map says of each value that a codec has understood.

Worked out once for each (device, value). What cannot be placed is refused as it was said, by the device's own names,
so that it can be understood again once the map, the registry or the profile is mended: a message that is refused as a
whole with its payload as it came, the rest of one that was taken in part under a topic of its own
(`ingest.codecs.kept`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from facility.catalogue.catalogue import Catalogue
from facility.estate import Asset
from facility.i18n.messages import Sentence
from ingest.admission.units import conversion
from ingest.codecs.contract import Decoded
from ingest.codecs.kept import kept_topic, rest
from ingest.devices.device_map import DeviceMap
from ingest.messages import Message, Presence
from ingest.refusals import Reason, Refusal

_UNWANTED = -1
RESOLVED_BY_MAP = frozenset(  # refused before a value was given to an asset, if its topic is a foreign one
    {Reason.UNKNOWN_DEVICE, Reason.UNKNOWN_ASSET, Reason.UNKNOWN_CHANNEL, Reason.WRONG_UNIT}
)


@dataclass(frozen=True, slots=True)
class Estate:
    """What devices may be mapped to."""

    device_map: DeviceMap
    assets: Mapping[str, Asset]
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What holds for one value of one device: where it goes, or why it goes nowhere."""

    place: int = _UNWANTED
    channel: int = 0
    reason: Reason | None = None
    detail: str = ""


def resolve(decoded: Decoded, messages: Sequence[Message], estate: Estate, repeatable: Collection[str]) -> Decoded:
    """The same readings of assets and channels. `repeatable`: codecs whose messages can be understood again later."""
    frame = decoded.readings
    place, channel = (frame[name].to_numpy().astype(np.int64) for name in ("place", "channel"))
    keys, index = np.unique(place * max(1, len(decoded.channels)) + channel, return_inverse=True)
    places: dict[tuple[str, str], int] = {}
    channels: dict[tuple[str, str], int] = {}
    outcomes = [_outcome(decoded, divmod(int(key), len(decoded.channels)), estate, (places, channels)) for key in keys]
    targets = np.array([outcome.place for outcome in outcomes], dtype=np.int32)[index]
    refused = np.array([outcome.reason is not None for outcome in outcomes], dtype=np.bool_)[index]
    good = targets >= 0
    readings = frame.filter(pl.Series(good)).with_columns(
        pl.Series("place", targets[good], dtype=pl.Int32),
        pl.Series("channel", np.array([outcome.channel for outcome in outcomes], dtype=np.int32)[index][good]),
    )
    refusals = list(decoded.refusals)
    if refused.any():
        bad = frame.with_columns(pl.Series("pair", index)).filter(pl.Series(refused))
        refusals += _refusals(decoded, messages, bad, outcomes, repeatable)
    return replace(
        decoded,
        readings=readings,
        places=list(places),
        channels=[key for key, _ in channels],
        units=[unit for _, unit in channels],
        refusals=refusals,
        presence=[placed for each in decoded.presence if (placed := _presence(each, estate))],
    )


def _outcome(
    decoded: Decoded,
    pair: tuple[int, int],
    estate: Estate,
    built: tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]],
) -> _Outcome:
    codec, device = decoded.places[pair[0]]
    value, declared = decoded.channels[pair[1]], decoded.units[pair[1]]
    if not estate.device_map.knows(codec, device):
        return _Outcome(reason=Reason.UNKNOWN_DEVICE, detail=f"{codec}:{device}")
    target = estate.device_map.target(codec, device, value)
    if target is None:
        sentence = Sentence("{codec}:{device} says {value}, which devices.csv does not place",
                            codec=codec, device=device, value=value)  # fmt: skip
        return _Outcome(reason=Reason.UNKNOWN_CHANNEL, detail=str(sentence))
    if not target.asset:
        return _Outcome()
    asset = estate.assets.get(target.asset)
    if asset is None:
        return _Outcome(reason=Reason.UNKNOWN_ASSET, detail=target.asset)
    kind = estate.catalogue[asset.kind].channels if asset.kind in estate.catalogue else {}
    if target.channel not in kind:
        sentence = Sentence("{asset}: {channel} (of {codec}:{device}, {value})", asset=asset.id, channel=target.channel,
                            codec=codec, device=device, value=value)  # fmt: skip
        return _Outcome(reason=Reason.UNKNOWN_CHANNEL, detail=str(sentence))
    unit = target.unit or declared
    if conversion(unit, kind[target.channel].unit) is None:
        detail = f"{target.channel}: {unit[:40]} -> {kind[target.channel].unit}"
        return _Outcome(reason=Reason.WRONG_UNIT, detail=detail)
    places, channels = built
    return _Outcome(
        place=places.setdefault((asset.site, asset.id), len(places)),
        channel=channels.setdefault((target.channel, unit), len(channels)),
    )


def _refusals(
    decoded: Decoded,
    messages: Sequence[Message],
    bad: pl.DataFrame,
    outcomes: Sequence[_Outcome],
    repeatable: Collection[str],
) -> list[Refusal]:
    sizes = np.bincount(decoded.readings["message"].to_numpy(), minlength=len(messages))
    apart = {refusal.seq for refusal in decoded.refusals}
    reasons = list(Reason)
    codes = [-1 if outcome.reason is None else reasons.index(outcome.reason) for outcome in outcomes]
    marked = bad.with_columns(pl.Series("reason", np.array(codes, dtype=np.int32)[bad["pair"].to_numpy()]))
    refusals = []
    for group in marked.partition_by("message", "place", "reason", maintain_order=True):
        first = group.row(0, named=True)
        message = messages[first["message"]]
        codec, device = decoded.places[first["place"]]
        whole = codec in repeatable and group.height == sizes[first["message"]] and message.seq not in apart
        outcome = outcomes[first["pair"]]
        refusals.append(
            Refusal(
                seq=message.seq,
                reason=outcome.reason or Reason.UNKNOWN_CHANNEL,
                detail=outcome.detail[:200],
                payload=message.payload if whole else _rest(group, decoded),
                count=group.height,
                topic="" if whole else kept_topic(codec, device),
            )
        )
    return refusals


def _rest(group: pl.DataFrame, decoded: Decoded) -> bytes:
    rows = list(group.select(pl.col("time") // 1000, "channel", "value").iter_rows())
    units = {decoded.channels[column]: decoded.units[column] for _, column, _ in rows if decoded.units[column]}
    return rest([(time, decoded.channels[column], value) for time, column, value in rows], units)


def _presence(presence: Presence, estate: Estate) -> Presence | None:
    """A device's sign of life under the site of its asset; of one that is not mapped there is no site to tell of."""
    mapped = estate.device_map
    of_it = mapped.assets(presence.site, presence.gateway) or mapped.assets_below(presence.site, presence.gateway)
    for asset in of_it:
        if asset in estate.assets:
            return replace(presence, site=estate.assets[asset].site, gateway=f"{presence.site}:{presence.gateway}")
    return None
