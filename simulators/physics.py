"""Which module knows the physics of which equipment class, and how one asset is simulated over a span."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from facility.assessments import Trouble
from facility.estate import Asset, Estate
from simulators import (
    electrical_fire,
    emergency_lighting,
    fire_doors,
    fire_panels,
    hydrant_zones,
    lifts,
    lighting,
    pump_sets,
    sensor_faults,
    smoke_detectors,
    tanks,
)
from simulators.faults import Condition, Fault
from simulators.sheet import Batch, Sheet
from simulators.surroundings import Span, Surroundings
from simulators.weather import DAY_S

PHYSICS: dict[str, Callable[[Sheet], None]] = {
    "lift": lifts.simulate,
    "lighting_circuit": lighting.simulate,
    "emergency_lighting": emergency_lighting.simulate,
    "hydrant_zone": hydrant_zones.simulate,
    "pump_set": pump_sets.simulate,
    "tank": tanks.simulate,
    "smoke_detector": smoke_detectors.simulate,
    "fire_panel": fire_panels.simulate,
    "electrical_fire": electrical_fire.simulate,
    "fire_door": fire_doors.simulate,
}

_LATITUDE, _LONGITUDE = 31.23, 121.47


def day_number(moment: datetime) -> int:
    """Days since 1970-01-01, UTC."""
    return int(moment.astimezone(UTC).timestamp() // DAY_S)


def surroundings(
    estate: Estate, span: Span, *, seed: int, zone: ZoneInfo, origin_day: int, confounders: bool = True
) -> Surroundings:
    """What lies around the whole estate over a span. Buildings without coordinates stand in Shanghai."""
    placed = next((b for b in estate.buildings if b.latitude is not None and b.longitude is not None), None)
    latitude = placed.latitude if placed and placed.latitude is not None else _LATITUDE
    longitude = placed.longitude if placed and placed.longitude is not None else _LONGITUDE
    return Surroundings(span, seed, latitude, longitude, zone, origin_day, confounders)


def simulate(asset: Asset, faults: Sequence[Fault], around: Surroundings, carry: dict[str, float]) -> list[Batch]:
    """All that one asset's devices report over a span; `carry` is moved on to the span's end."""
    equipment = [fault for fault in faults if fault.trouble is Trouble.EQUIPMENT]
    sheet = Sheet(asset, around, Condition(equipment, around.utc_s), carry)
    PHYSICS[asset.kind](sheet)
    sensors = [fault for fault in faults if fault.trouble is Trouble.SENSOR]
    if sensors:
        sensor_faults.disturb(sheet.batches, sensors, asset.kind, around.seed, carry)
    return sheet.batches
