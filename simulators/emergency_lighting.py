"""Emergency-lighting groups: a weekly automatic duration test shows what the charge display hides.

The group tests itself for its rated time once a week (DALI-2 part 202 reports the result in two-minute steps). Fade
takes a few per cent of the duration with every test, while the charge stays at full.
"""

from __future__ import annotations

import numpy as np

from simulators.sheet import Sheet
from simulators.surroundings import lagged
from simulators.weather import DAY_S

RATED_MIN = 90.0


def simulate(sheet: Sheet) -> None:
    """Readings of emergency-lighting groups: batteries, tests, fittings."""
    lot, around, condition = sheet.lot, sheet.around, sheet.condition
    fade = condition("emergency_battery_fade")
    zeros = np.zeros(len(around.ticks))
    room = 0.25 * lagged(around.weather.temperature, 2) + 0.75 * 21.0

    weekday, hour = lot.whole("test_weekday", 0, 4), lot.between("test_quarter", 1.0, 4.0)
    hour = round(hour * 4) / 4
    since = ((around.weekday - weekday) % 7) * DAY_S / 3600 + around.hour - hour
    since = np.where(since < 0, since + 168.0, since)  # hours since the last test began
    used = np.where(since < 1.5, since / 1.5, np.exp(-(since - 1.5) / 5.0))  # share of the discharge not yet made good

    charge = 253.0 - 9.0 * used + 0.6 * sheet.noise("charge")
    voltage = lot.between("float", 26.9, 27.3) - 0.018 * (room - 21.0) - 1.6 * used - 0.32 * np.asarray(fade)
    voltage = voltage + 0.03 * sheet.noise("voltage")
    current = lot.between("trickle", 0.05, 0.09) + 0.28 * used * (since >= 1.5) + 0.05 * np.asarray(fade)
    current = current + 0.004 * sheet.noise("current")

    at = sheet.at_local(hour, weekday)
    fresh = lot.between("duration", 118.0, 170.0)
    lasting = fresh * (1 - 0.32 * np.asarray(fade)) + 0.25 * (room - 21.0) + 1.3 * sheet.noise("duration") + zeros
    lasting = np.floor(np.maximum(lasting, 0.0) / 2) * 2
    failed = np.zeros(len(around.ticks))
    failed[:] = np.where((fresh * (1 - 0.32 * np.asarray(fade)) < RATED_MIN) & (zeros == 0), 4.0, 0.0)

    sheet.hourly(
        battery_charge=np.clip(charge, 0, 254),
        battery_voltage=voltage,
        charge_current=np.maximum(current, 0.0),
    )
    done = np.zeros(len(around.ticks))
    done[at] = np.minimum(lasting[at], RATED_MIN) / 60
    sheet.daily(5.0, lamp_time=sheet.total("lamp_time", done, start=lot.between("lamp_time", 20, 300)))
    sheet.states("failure_status", failed, [], rest=0.0)
    if len(at):
        lux = lot.between("lux", 2.2, 6.0) * (1 - 0.06 * np.asarray(fade) + zeros) * (1 + 0.03 * sheet.noise("lux"))
        delay = lot.between("changeover", 0.4, 1.4) + 0.08 * np.abs(sheet.noise("changeover"))
        sheet.tested(
            at,
            np.array([120], dtype=np.int64),
            changeover_time=delay[at][:, None],
            emergency_illuminance=lux[at][:, None],
        )
        sheet.tested(at, np.array([3 * 3600], dtype=np.int64), duration_result=lasting[at][:, None])
