"""Lifts: traffic drives trips, door cycles, motor heat and machine-room temperature.

What is measured a trip or a door cycle is absent while the lift stands still. Fortnightly maintenance (TSG T5002) puts
the lift into mode 2. A healthy lift shows what the field shows: a stop off the door zone for up to 45 s, a
door-open-while-running glitch under 30 s, some minutes out of service now and then.
"""

from __future__ import annotations

import numpy as np

from simulators.chance import FloatArray
from simulators.sheet import Sheet
from simulators.surroundings import LEAD_IN, TICK_S, lagged

_TICK_H = TICK_S / 3600
_WINDOW = LEAD_IN - 4


def simulate(sheet: Sheet) -> None:
    """Readings of lifts: traffic, doors, drive, ride, temperatures."""
    lot, around, condition = sheet.lot, sheet.around, sheet.condition
    sky = around.weather
    works = around.works(sheet.asset.building)
    busy = around.busy(sheet.use)

    door, sill = condition("door_operator_wear"), condition("door_sill_obstruction")
    brake, guide = condition("brake_lining_wear"), condition("guide_rail_wear")
    bearing, rope = condition("machine_bearing"), condition("rope_stretch")
    traction, cooling = condition("traction_loss"), condition("machine_room_cooling")

    serviced = _maintenance(sheet)
    dead = _standing(sheet, door, brake, bearing, traction, sill)
    day_level = np.exp(0.09 * lot.stream("day_level").normal(around.local_day))
    peak = lot.between("peak_trips", 7.0, 22.0)
    running = np.where(serviced > 0, 0.35, 1.0) * (1.0 - dead)
    trips = sheet.counts("trips", np.maximum(peak * busy * day_level * (1 + 0.5 * works) * running, 0.0))
    moved = trips > 0
    per_trip = np.sqrt(np.maximum(trips, 1.0))
    load = np.clip(0.18 + 0.35 * busy + 0.04 * sheet.wander("load", 3), 0.02, 0.95)

    def measured(values: FloatArray) -> FloatArray:
        return np.where(moved, values, np.nan)

    # Doors: cold grease closes slower; wear slows and scatters the doors and loads their motor.
    closing = lot.between("door_close", 2.15, 2.75)
    cold = 0.004 * np.maximum(18.0 - sky.temperature, 0.0)
    close_time = closing * (1 + 0.33 * door) + cold + 0.02 * sheet.wander("door_wander", 30)
    close_time = close_time + (1 + 1.6 * door) * 0.09 / per_trip * sheet.noise("door_close")
    open_time = lot.between("door_open", 1.85, 2.4) * (1 + 0.08 * door) + 0.7 * cold
    open_time = open_time + 0.07 / per_trip * sheet.noise("door_open")
    current = lot.between("door_current", 0.9, 1.5) * (1 + 0.4 * door) + 3.0 * cold
    current = current + 0.05 * sheet.noise("door_current") / np.sqrt(per_trip)

    # Levelling: rope stretch is one-sided and grows with load; a worn brake drifts and spreads.
    side = 1.0 if lot.share("side") < 0.5 else -1.0
    spread = lot.between("level_spread", 1.6, 2.6) * (1 + 0.9 * brake + 0.7 * traction)
    levelling = lot.between("level_bias", -2.2, 2.2) - 1.5 * (load - 0.3)
    levelling = (
        levelling + side * 4.0 * brake - 6.5 * rope * (0.6 + load) + spread / per_trip * sheet.noise("levelling")
    )

    vertical = lot.between("vertical", 0.11, 0.19) * (1 + 0.05 * (load - 0.3)) + 0.075 * bearing + 0.04 * traction
    vertical = vertical + 0.016 / np.sqrt(per_trip) * sheet.noise("vertical") + 0.003 * sheet.wander("vertical", 40)
    bump = (sheet.chance("joint") < 0.15 + 0.4 * np.minimum(guide, 1.0)) * 0.03 * guide
    horizontal = lot.between("horizontal", 0.07, 0.12) + 0.045 * guide + bump
    horizontal = horizontal + 0.012 / np.sqrt(per_trip) * sheet.noise("horizontal")
    sound = lot.between("noise", 45.0, 51.0) + 2.6 * guide + 3.0 * bearing
    sound = sound + 0.8 * load + 0.6 * sheet.noise("noise") / np.sqrt(per_trip) + 1.5 * works * sheet.chance("drill")

    # Heat: a first-order motor in a room that is cooled, unless the cooling is lost.
    duty = np.minimum(trips / 30.0, 1.0)
    heat = lagged(duty, lot.between("motor_lag_h", 1.0, 1.6))
    setpoint = lot.between("room_setpoint", 22.0, 26.0)
    follows = lot.between("room_follows", 0.18, 0.32) + 0.22 * np.minimum(cooling, 1.0)
    room = setpoint + follows * (lagged(sky.temperature, 1.5) - setpoint) + 3.0 * heat
    room = room + cooling * (7.5 + 9.0 * heat) + 1.2 * serviced + 0.25 * sheet.noise("room")
    friction = np.maximum(np.asarray(bearing) - 0.3, 0.0)
    motor = room + lot.between("motor_rise", 26.0, 44.0) * heat * (1 + 0.2 * bearing) + 2.0 + 11.0 * friction
    motor = motor + 0.5 * sheet.noise("motor")

    drive = lot.between("drive", 13.0, 24.0) * (0.82 + 0.5 * load) * (1 + 0.07 * bearing)
    mean_current = 0.8 + drive * np.minimum(duty * 0.9, 1.0) + 0.25 * sheet.noise("drive")

    reversing = lot.between("reversals", 1.0, 2.4) * (1 + 0.35 * busy) * (1 + 0.5 * works) * (1 + 2.4 * door)
    blocked = _gate(sheet, "sill_gate", 9.0, 0.3) * sill
    reversing = reversing * (1 + 2.6 * blocked)
    closings = trips * lot.between("closings_a_trip", 1.05, 1.3)
    again = sheet.counts("reversals", np.maximum(closings * reversing / 100.0, 0.0))
    # Controllers report reversals per hundred closings over the last day's closings: an hour has too few.
    shut = _last_day(closings)
    reversals = np.where(
        moved & (shut >= 5), np.minimum(100.0 * _last_day(again) / np.maximum(shut, 5.0), 100.0), np.nan
    )

    stopping = lot.between("stopping", 60.0, 105.0) * (1 + 0.5 * brake) + 6.0 * (load - 0.3)
    stopping = stopping + 2.2 * sheet.noise("stopping")
    release = lot.between("release", 150.0, 260.0) * (1 + 0.22 * brake) + 5.0 * sheet.noise("release")
    slip = lot.between("slip", 0.8, 2.0) + 6.5 * traction + 0.25 * sheet.noise("slip")

    sheet.quarter_hourly(
        door_open_time=measured(open_time),
        door_close_time=measured(close_time),
        door_motor_current=measured(np.maximum(current, 0.05)),
        levelling_error=measured(levelling),
        vibration_vertical=measured(np.maximum(vertical, 0.01)),
        vibration_horizontal=measured(np.maximum(horizontal, 0.01)),
        noise=measured(sound),
        motor_temperature=motor,
        machine_room_temperature=room,
        drive_current=np.maximum(mean_current, 0.3),
    )
    rise = lot.between("travel_m", 9.0, 32.0)
    speed = lot.between("speed", 1.0, 2.5)
    energy = (0.25 + drive * 0.4 * duty * 1.2) * _TICK_H
    years = lot.between("used", 500.0, 4000.0)
    sheet.hourly(
        trips=sheet.total("trips", trips, start=float(int(220 * years))),
        run_time=sheet.total("run_time", trips * (rise / speed + 3.0) / 3600, start=2.2 * years),
        travel_distance=sheet.total("travel_distance", trips * rise, start=float(int(220 * years * rise))),
        door_openings=sheet.total("door_openings", np.rint(closings + again), start=float(int(250 * years))),
        rope_bends=sheet.total("rope_bends", trips * 3, start=float(int(660 * years))),
        energy=sheet.total("energy", energy, start=20 * years),
        door_reversals=reversals,
        stopping_distance=measured(stopping),
        brake_release_time=measured(release),
        rope_slip=measured(np.maximum(slip, 0.0)),
    )
    mode = np.where(serviced > 0, 2.0, np.where(dead > 0, 0.0, 1.0))
    sheet.states("service_mode", mode, [], rest=1.0)
    sheet.states("fault_code", np.zeros(len(mode)), _codes(sheet, door, sill, brake, traction, busy), rest=0.0)
    short = (sheet.chance("short_stop") < 0.0008) * lot.stream("short").uniform(around.ticks) * 14.0
    sheet.day_sum("downtime_min", dead * TICK_S / 60 + short, high=1440.0)


def _maintenance(sheet: Sheet) -> FloatArray:
    """1.0 in the fortnightly maintenance window, else 0.0."""
    if not sheet.around.confounders:
        return np.zeros(len(sheet.around.ticks))
    begins = sheet.lot.whole("maintenance_hour", 9, 15)
    today = (sheet.around.local_day + sheet.lot.whole("maintenance_day", 0, 13)) % 14 == 0
    hour = sheet.around.hour
    return np.where(today & (hour >= begins) & (hour < begins + 1.25), 1.0, 0.0)


def _gate(sheet: Sheet, name: str, hours: float, above: float) -> FloatArray:
    """Intermittence: 1.0 while a slow meander stands above a level, else 0.0."""
    return (sheet.wander(name, hours) > above - 0.5).astype(np.float64)


def _last_day(counts: FloatArray) -> FloatArray:
    """Sum over the 23 hours up to each tick."""
    running = np.concatenate([np.zeros(_WINDOW), np.cumsum(counts)])
    return np.asarray(running[_WINDOW:] - running[:-_WINDOW], dtype=np.float64)


def _standing(sheet: Sheet, *troubles: FloatArray | float) -> FloatArray:
    """1.0 while the lift is out of service: rare in health, an hour or more at a time as a fault nears its end."""
    worst = np.zeros(len(sheet.around.ticks))
    for trouble in troubles:
        worst = np.maximum(worst, trouble)
    starts = sheet.chance("breakdown") < 0.00012 + 0.006 * np.maximum(worst - 0.55, 0.0)
    lasts = 1 + (sheet.lot.stream("repair").uniform(sheet.around.ticks) * 5).astype(np.int64)
    out = np.zeros(len(starts))
    for start in np.flatnonzero(starts):
        out[start : start + lasts[start]] = 1.0
    return out


def _codes(
    sheet: Sheet,
    door: FloatArray | float,
    sill: FloatArray | float,
    brake: FloatArray | float,
    traction: FloatArray | float,
    busy: FloatArray,
) -> list[tuple[FloatArray, float, float]]:
    """Fault codes as blips: (happens, code, seconds). The first two are healthy noise."""

    def often(name: str, a_day: FloatArray | float) -> FloatArray:
        return (sheet.chance(name) < np.asarray(a_day) / 96 * busy * 2).astype(np.float64)

    return [
        (often("off_zone", 0.12 + 1.2 * brake), 4.0, 35.0),
        (often("door_glitch", 0.08), 8.0, 20.0),
        (often("close_fault", 0.02 + 2.5 * door + 1.5 * sill), 2.0, 120.0),
        (often("cycling", 0.01 + 1.5 * door), 14.0, 90.0),
        (often("lost", 0.005 + 1.0 * traction), 7.0, 180.0),
        (often("button", 0.02), 90.0, 15.0),
    ]
