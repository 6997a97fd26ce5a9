"""Public lighting circuits: on by dusk, by schedule or always; lamps age, drivers fail, photocells stick.

`control` in the asset's attributes says which: a *photocell* opposes daylight, a *schedule* keeps hours, *always* is a
garage that never goes dark.
"""

from __future__ import annotations

import numpy as np

from simulators.chance import FloatArray
from simulators.sheet import Sheet
from simulators.surroundings import TICK_S, lagged


def simulate(sheet: Sheet) -> None:
    """Readings of lighting circuits: power, current, hours, lumen."""
    lot, around, condition = sheet.lot, sheet.around, sheet.condition
    sky = around.weather
    dim, failing, stuck = condition("led_depreciation"), condition("driver_failing"), condition("photocell_failed")

    on = _switched_on(sheet)
    on = np.maximum(on, np.minimum(stuck, 1.0))
    lit = on > 0.05
    voltage = 229.0 + lot.between("voltage", -4.0, 4.0) - 3.0 * around.busy(sheet.use)
    voltage = voltage + 1.2 * sheet.wander("voltage_wander", 5) + 0.7 * sheet.noise("voltage")

    lamps, watts = lot.whole("lamps", 12, 60), lot.between("watts", 12.0, 30.0)
    dead = 0.3 * np.clip(np.asarray(failing) - 0.85, 0.0, 0.5) / 0.5
    full = lamps * watts * (voltage / 229.0) ** 0.4 * (1 - dead)
    power = full * on * (1 + 0.008 * sheet.noise("power")) + lamps * 0.3

    # Cleaning lifts the light a little; dirt takes it away between two cleanings.
    since_clean = (around.local_day + lot.whole("cleaning", 0, 119)) % 120 if around.confounders else 60
    dirt = 1.0 - 0.03 * since_clean / 120.0
    age = lot.between("maintenance", 88.0, 99.0) - 0.004 * (around.local_day - around.origin_day)
    age = age * (1 - 0.13 * dim)
    design = (
        1.15 * {"always": 50.0, "schedule": 100.0, "photocell": 80.0}[_control(sheet)] * lot.between("lux", 0.9, 1.3)
    )
    daylight_share = 0.0 if _control(sheet) == "always" else lot.between("daylight_share", 0.001, 0.004)
    lux = design * on * (age / 95.0) * dirt * (1 - dead) + daylight_share * sky.daylight
    lux = lux * (1 + 0.012 * sheet.noise("lux")) + 0.6

    ambient = 0.6 * sky.temperature + 0.4 * 20.0
    driver = ambient + (lot.between("driver_rise", 16.0, 24.0) + 11.0 * failing) * lagged(on, 0.6)
    driver = driver + 0.5 * sheet.noise("driver")
    flicker = lot.between("flicker", 0.008, 0.02) + 0.05 * failing + 0.05 * failing * sheet.chance("flutter")
    flicker = flicker + 0.002 * np.abs(sheet.noise("flicker"))
    factor = lot.between("factor", 0.93, 0.97) - 0.05 * failing + 0.004 * sheet.noise("factor")

    sheet.quarter_hourly(
        circuit_power=np.maximum(power, 0.0),
        illuminance=np.maximum(lux, 0.0),
        daylight=np.rint(sky.daylight * lot.between("mast", 0.85, 1.1) / 10) * 10,
        supply_voltage=voltage,
        power_factor=np.where(lit, np.clip(factor, 0.0, 1.0), np.nan),
        driver_temperature=driver,
        flicker=np.where(lit, flicker, np.nan),
    )
    derating = sheet.counts("derating", on * (0.0008 + 0.35 * np.asarray(failing) ** 2))
    broken = sheet.counts("broken", on * (0.0002 + 0.06 * np.asarray(failing) ** 2))
    began = np.concatenate([[0.0], (lit[1:] & ~lit[:-1]).astype(np.float64)])
    used = lot.between("used_h", 800.0, 14_000.0)
    sheet.hourly(
        thermal_derating=sheet.total("thermal_derating", derating, start=lot.whole("derated", 0, 9)),
        light_source_faults=sheet.total("light_source_faults", broken, start=lot.whole("broken", 0, 4)),
        operating_time=sheet.total("operating_time", on * TICK_S / 3600, start=used),
        starts=sheet.total("starts", began, start=float(int(used / 9))),
    )
    sheet.daily(3.0, lumen_maintenance=age * dirt + 0.3 * sheet.noise("lumen"))


def _control(sheet: Sheet) -> str:
    return sheet.asset.attributes.get("control", "photocell")


def _switched_on(sheet: Sheet) -> FloatArray:
    """Share of each quarter hour the circuit is lit, dimming included."""
    lot, around = sheet.lot, sheet.around
    control = _control(sheet)
    if control == "always":
        return 0.5 + 0.5 * np.clip(around.busy(sheet.use) * 1.5, 0.0, 1.0)
    if control == "schedule":
        begins, ends = lot.between("begins", 6.0, 7.0), lot.between("ends", 22.0, 23.5)
        open_hours = np.clip((around.hour - begins) * 4, 0.0, 1.0) * np.clip((ends - around.hour) * 4, 0.0, 1.0)
        return 0.25 + 0.75 * open_hours * (1 - 0.3 * around.holiday)
    threshold = lot.between("threshold", 40.0, 150.0) * 10
    return np.clip((threshold - around.weather.daylight) / (0.5 * threshold) + 0.5, 0.0, 1.0)
