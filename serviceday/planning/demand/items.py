"""How a candidate is written on a list: what to do, by which method, and when it passes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from facility.catalogue.catalogue import Band, Channel, Duty, catalogue
from facility.estate import Asset
from facility.i18n.phrases import Language, Phrases, Text
from facility.i18n.units import symbol
from facility.inspections import Ground, Item, Priority

PHRASES = Phrases(Path(__file__).parents[1] / "phrases.toml")


_STANDARD = re.compile(r"^((?:GB|TSG|EN|ISO|NFPA)\b[^;(]*)")


def authority(duty: Duty) -> Text:
    """Who asks for a duty: the standard without the catalogue's remarks, or good practice where none is named."""
    named = _STANDARD.match(duty.source)
    if named is None:
        return PHRASES["good_practice"]
    standard = named[1].strip()
    return Text(zh=standard.replace(", annex ", " 附件 "), en=standard)


def duty_item(asset: Asset, duty: Duty, ground: Ground, reason: Text, priority: Priority, due: date | None) -> Item:
    channels = [channel for key in duty.channels if (channel := catalogue()[asset.kind].channels.get(key))]
    if channels:
        method = PHRASES["method_duty_channels"].filled(source=authority(duty), channels=_names(channels))
    else:
        method = PHRASES["method_duty"].filled(source=authority(duty))
    return item(
        asset,
        task=duty.key,
        what=duty.name,
        method=method,
        passes=duty.passes,
        ground=ground,
        reason=reason,
        priority=priority,
        qualification=duty.qualification,
        minutes=duty.minutes,
        due=due,
        out_of_service=duty.out_of_service,
    )


def item(
    asset: Asset,
    *,
    task: str,
    what: Text,
    method: Text,
    passes: Text,
    ground: Ground,
    reason: Text,
    priority: Priority,
    qualification: str,
    minutes: int,
    due: date | None,
    out_of_service: bool = False,
) -> Item:
    return Item(
        asset=asset.id,
        kind=asset.kind,
        site=asset.site,
        building=asset.building,
        floor=asset.floor,
        place=asset.place,
        asset_name=asset.name,
        task=task,
        what=what,
        method=method,
        passes=passes,
        ground=ground,
        reason=reason,
        priority=priority,
        qualification=qualification,
        minutes=minutes,
        due=due,
        out_of_service=out_of_service,
    )


def _names(channels: Sequence[Channel]) -> Text:
    return Text(
        zh="、".join(channel.name.zh for channel in channels), en=", ".join(channel.name.en for channel in channels)
    )


def passes_within(channel: Channel | None) -> Text:
    if channel is None or not (channel.limit.bounded or channel.normal.bounded):
        return PHRASES["passes_warning"]
    band = channel.limit if channel.limit.bounded else channel.normal
    words = Text(zh=_band(band, channel, "zh"), en=_band(band, channel, "en"))
    return PHRASES["passes_band"].filled(channel=channel.name, band=words)


def _band(band: Band, channel: Channel, language: Language) -> str:
    unit = symbol(channel.unit, language)
    unit = f" {unit}" if unit else ""
    if band.low == float("-inf"):
        return f"≤ {band.high:g}{unit}"
    if band.high == float("inf"):
        return f"≥ {band.low:g}{unit}"
    return f"{band.low:g} … {band.high:g}{unit}"


def percent(probability: float) -> str:
    return f"{100 * probability:.0f} %"
