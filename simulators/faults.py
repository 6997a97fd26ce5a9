"""What goes wrong: the course of every failure mode of the catalogue, and of sensor faults.

A fault is data: which asset, which mode, when it sets in, when the equipment would fail, how severe, when repaired. Its
*progress* at a moment is a number from 0 (healthy) to its severity (about 1 = as bad as it usually gets); each physics
module says what that does to its equipment. Leads follow the failure table in the domain notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from facility.assessments import Trouble
from simulators.chance import FloatArray, IntArray


class Shape(StrEnum):
    """How a fault grows over its course."""

    ACCELERATING = "accelerating"  # slow at first
    LINEAR = "linear"
    STEP = "step"  # at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a mode usually runs. For a step the lead is how long it stands before anybody would notice."""

    shape: Shape
    lead_days: tuple[float, float]


COURSES: dict[str, Course] = {
    "door_operator_wear": Course(shape=Shape.ACCELERATING, lead_days=(14, 28)),
    "door_sill_obstruction": Course(shape=Shape.STEP, lead_days=(2, 6)),
    "brake_lining_wear": Course(shape=Shape.ACCELERATING, lead_days=(21, 56)),
    "guide_rail_wear": Course(shape=Shape.LINEAR, lead_days=(28, 84)),
    "machine_bearing": Course(shape=Shape.LINEAR, lead_days=(21, 56)),
    "rope_stretch": Course(shape=Shape.LINEAR, lead_days=(40, 100)),
    "traction_loss": Course(shape=Shape.ACCELERATING, lead_days=(14, 42)),
    "machine_room_cooling": Course(shape=Shape.STEP, lead_days=(2, 6)),
    "led_depreciation": Course(shape=Shape.LINEAR, lead_days=(45, 150)),
    "driver_failing": Course(shape=Shape.ACCELERATING, lead_days=(6, 28)),
    "photocell_failed": Course(shape=Shape.STEP, lead_days=(2, 12)),
    "emergency_battery_fade": Course(shape=Shape.LINEAR, lead_days=(45, 120)),
    "zone_leak": Course(shape=Shape.ACCELERATING, lead_days=(7, 42)),
    "valve_closed": Course(shape=Shape.STEP, lead_days=(2, 10)),
    "pump_bearing": Course(shape=Shape.ACCELERATING, lead_days=(21, 42)),
    "pump_degradation": Course(shape=Shape.LINEAR, lead_days=(45, 120)),
    "float_fault": Course(shape=Shape.STEP, lead_days=(3, 9)),
    "detector_dust": Course(shape=Shape.LINEAR, lead_days=(30, 120)),
    "detector_low_chamber": Course(shape=Shape.STEP, lead_days=(2, 12)),
    "panel_battery": Course(shape=Shape.LINEAR, lead_days=(45, 120)),
    "panel_earth_fault": Course(shape=Shape.STEP, lead_days=(3, 10)),
    "insulation_ageing": Course(shape=Shape.LINEAR, lead_days=(14, 42)),
    "loose_terminal": Course(shape=Shape.ACCELERATING, lead_days=(7, 28)),
    "closer_wear": Course(shape=Shape.ACCELERATING, lead_days=(14, 56)),
}
NOT_SIMULATED = frozenset({"repeated_outage"})  # the name for what daily downtime of real lifts shows

SENSOR_FAULTS = (
    "sensor_stuck",
    "sensor_drift",
    "sensor_dropout",
    "sensor_spikes",
    "sensor_wrong_unit",
    "sensor_clock_skew",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One injected fault: a row of the truth file. Times are UTC."""

    asset: str
    mode: str
    trouble: Trouble
    onset: datetime
    detectable_from: datetime | None = None
    failure_time: datetime | None = None
    confirmed_at: datetime | None = None
    severity: float = 1.0
    repaired_at: datetime | None = None


def progress(fault: Fault, utc_s: IntArray) -> FloatArray:
    """0 before the onset and after the repair; between, the share of the way to failure times the severity."""
    onset = fault.onset.timestamp()
    failure = fault.failure_time.timestamp() if fault.failure_time else onset
    shape = COURSES[fault.mode].shape
    if shape is Shape.STEP or failure <= onset:
        way = (utc_s >= onset).astype(np.float64)
    else:
        way = np.clip((utc_s - onset) / (failure - onset), 0.0, 1.25)
        if shape is Shape.ACCELERATING:
            way = np.expm1(2.2 * way) / np.expm1(2.2)
    if fault.repaired_at:
        way = np.where(utc_s >= fault.repaired_at.timestamp(), 0.0, way)
    return np.asarray(way * fault.severity)


class Condition:
    """How far each failure mode of one asset has gone, tick by tick; plain 0.0 for the modes it doesn't have."""

    def __init__(self, faults: Sequence[Fault], utc_s: IntArray) -> None:
        self._progress: dict[str, FloatArray] = {}
        for fault in faults:
            if fault.trouble is not Trouble.EQUIPMENT:
                continue
            course = progress(fault, utc_s)
            self._progress[fault.mode] = np.maximum(course, self._progress.get(fault.mode, 0.0))

    def __call__(self, mode: str) -> FloatArray | float:
        return self._progress.get(mode, 0.0)

    def __contains__(self, mode: str) -> bool:
        return mode in self._progress
