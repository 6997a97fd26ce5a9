"""What a phone gets of a round: one person's items in walking order, and what the sensors say at that moment.

Plain values that become JSON; words in both languages, so that the page can change its language without a network.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import Aggregate, Band, Channel, EquipmentClass, FailureMode, catalogue
from facility.catalogue.qualifications import qualification
from facility.i18n.phrases import LANGUAGES, Text
from facility.i18n.units import symbol
from facility.inspections import InspectionList, Item
from facility.results import Result, Standing
from serviceday.documents.branding import NO_NAMES, Names
from serviceday.documents.row_key import row_key
from serviceday.execution.phone.links import name_of

FORM = "serviceday-round"
VERSION = 1
_MEASURED = (Aggregate.MEAN, Aggregate.SPARSE, Aggregate.DAILY)  # what a person can measure with an instrument
_WARNING = "warning"


@dataclass(frozen=True, slots=True)
class SensorReading:
    """The newest reading of a channel."""

    value: float
    at: datetime  # UTC


Readings = Mapping[tuple[str, str], SensorReading]  # by asset and channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a round is shown with: names of places, newest readings, and the moment."""

    now: datetime
    timezone: ZoneInfo
    names: Names = NO_NAMES
    readings: Readings = field(default_factory=dict)


def items_of(plan: InspectionList, person: int) -> list[Item]:
    """What a person has to do, alone or as the second, in walking order."""
    return [item for item in plan.items if person in item.people]


def round_id(plan: InspectionList, person: int) -> str:
    """What tells rounds on a phone apart, of whatever data folder they are."""
    stamp = hashlib.sha256(plan.created_at.isoformat().encode()).hexdigest()[:8]
    return f"{plan.number}-{person}-{stamp}"


def round_of(plan: InspectionList, person: int, around: Surroundings) -> dict[str, object]:
    """A person's round. Keys are those that the page reads; numbers in the units of the catalogue."""
    names = around.names.over(plan)
    return {
        "form": FORM,
        "version": VERSION,
        "id": round_id(plan, person),
        "plan": plan.number,
        "person": person,
        "name": name_of(plan, person),
        "day": plan.service_day.isoformat(),
        "timezone": around.timezone.key,
        "loaded_at": around.now.isoformat(),
        "items": [_item(plan, item, person, names, around) for item in items_of(plan, person)],
    }


def _item(plan: InspectionList, item: Item, person: int, names: Names, around: Surroundings) -> dict[str, object]:
    about = catalogue().get(item.kind)
    mode = about.modes.get(item.mode) if about else None
    channels = _channels(item, about, mode)
    measures = [_measure(channel) for channel in channels if _measurable(channel)]
    readings = [(channel, around.readings.get((item.asset, channel.key))) for channel in channels]
    return {
        "number": item.number,
        "key": row_key(plan, item),
        "start": f"{item.start:%H:%M}" if item.start else "",
        "end": f"{item.end:%H:%M}" if item.end else "",
        "minutes": item.minutes,
        "where": names.whereabouts(item.site, item.building),
        "place": names.place(item),
        "floor": item.floor,
        "asset": "" if item.asset == item.request else item.asset,
        "asset_name": item.asset_name,
        "kind": _both(about.name) if about else None,
        "what": _both(item.what),
        "method": _both(item.method),
        "passes": _both(item.passes),
        "look_for": _both(mode.look_for) if mode else None,
        "reason": _both(item.reason),
        "ground": item.ground.value,
        "priority": item.priority.value,
        "due": item.due.isoformat() if item.due else "",
        "with": [name_of(plan, other) for other in item.people if other != person],
        "qualification": _both(qualification(item.qualification)) if item.qualification else None,
        "out_of_service": item.out_of_service,
        "suspected": item.mode,
        "modes": [{"key": key, "name": _both(one.name)} for key, one in (about.modes if about else {}).items()],
        "measures": measures,
        "sensors": [_sensor(channel, reading) for channel, reading in readings if reading is not None],
        "sensors_expected": bool(channels),
    }


def _channels(item: Item, about: EquipmentClass | None, mode: FailureMode | None) -> list[Channel]:
    """The channels that speak to an item, those with a limit first."""
    if about is None:
        return []
    duty = about.duties.get(item.task)
    keys: Sequence[str] = duty.channels if duty else tuple(mode.signs) if mode else ()
    channels = [about.channels[key] for key in keys if key in about.channels]
    return sorted(channels, key=lambda channel: not channel.limit.bounded)


def _measurable(channel: Channel) -> bool:
    return channel.aggregate in _MEASURED and (channel.limit.bounded or channel.normal.bounded)


def _measure(channel: Channel) -> dict[str, object]:
    return {
        "key": channel.key,
        "name": _both(channel.name),
        "unit": _unit(channel),
        "limit": _band(channel.limit),
        "usual": _band(channel.normal),
        "possible": _band(channel.physical),
    }


def _sensor(channel: Channel, reading: SensorReading) -> dict[str, object]:
    state = channel.states.get(round(reading.value)) if channel.aggregate is Aggregate.STATE else None
    return {
        "key": channel.key,
        "name": _both(channel.name),
        "value": reading.value if math.isfinite(reading.value) else None,
        "state": _both(state) if state else None,
        "unit": _unit(channel),
        "at": reading.at.isoformat(),
        "beyond": channel.limit.bounded and not channel.limit.holds(reading.value),
    }


def _band(band: Band) -> list[float | None]:
    """Both ends; None where it is open."""
    return [end if math.isfinite(end) else None for end in (band.low, band.high)]


def _unit(channel: Channel) -> dict[str, str]:
    return {language: symbol(channel.unit, language) for language in LANGUAGES}


def _both(words: Text) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en}


def standing_of(standing: Mapping[int, Standing]) -> dict[str, object]:
    """What the answers come to, as a phone shows it, by item number."""
    return {
        str(item): {
            "holds": _voice(state.result) if state.result else None,
            "conflict": [_voice(voice) for voice in state.conflict],
        }
        for item, state in standing.items()
    }


def _voice(result: Result) -> dict[str, object]:
    return {
        "by": result.by,
        "answer": result.answer.value,
        "measured": result.measured,
        "mode": result.mode,
        "mended": result.mended,
        "note": result.note,
        "late": result.late,
        "device": result.device,
        "seq": result.seq,
    }
