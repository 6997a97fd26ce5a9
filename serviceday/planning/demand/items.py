"""How a candidate is written on a list: what to do, by which method, and when it passes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from facility.catalogue.catalogue import Band, Channel, Duty, catalogue
from facility.catalogue.duties import clause_words, visit_minutes
from facility.estate import Asset
from facility.i18n.phrases import Language, Phrases, Text
from facility.i18n.units import symbol
from facility.inspections import Ground, Item, Priority

PHRASES = Phrases(Path(__file__).parents[1] / "phrases.toml")


def authority(duty: Duty) -> Text:
    """Who asks for a duty: the standard with its edition and clause, or good practice where no law does."""
    if not duty.statutory or not duty.standard:
        return PHRASES["good_practice"] if not duty.statutory else clause_words(duty.source)
    standard = "-".join(filter(None, (duty.standard, duty.edition)))
    clause = duty.clause.partition(":")[0].partition("(clause")[0].partition(";")[0].strip()
    words = ", ".join(filter(None, (standard, clause)))
    return clause_words(words)


def duty_item(asset: Asset, duty: Duty, ground: Ground, reason: Text, priority: Priority, due: date | None) -> Item:
    """A duty as a line of the list."""
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
        minutes=visit_minutes(catalogue()[asset.kind].duties, duty.key),
        due=due,
        out_of_service=duty.out_of_service,
        or_qualified=duty.or_qualified,
        hands=duty.people,
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
    or_qualified: tuple[str, ...] = (),
    hands: int = 1,
) -> Item:
    """A line of the list, with the place taken from the asset."""
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
        or_qualified=or_qualified,
        hands=hands,
    )


def _names(channels: Sequence[Channel]) -> Text:
    return Text(
        zh="、".join(channel.name.zh for channel in channels), en=", ".join(channel.name.en for channel in channels)
    )


def passes_within(channel: Channel | None) -> Text:
    """When it passes: the channel's limit, or what is normal, or no finding at all."""
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
    """A probability in whole per cent."""
    return f"{100 * probability:.0f} %"
