"""Fire-alarm panels: the standby battery sags and draws current; earth faults come and go with the damp."""

from __future__ import annotations

import numpy as np

from simulators.sheet import Sheet
from simulators.surroundings import lagged


def simulate(sheet: Sheet) -> None:
    """Readings of fire-alarm panels: power, batteries, loops."""
    lot, around, condition = sheet.lot, sheet.around, sheet.condition
    ageing, earth = np.asarray(condition("panel_battery")), np.asarray(condition("panel_earth_fault"))
    damp = lagged(around.weather.humidity, 3)
    room = 0.2 * lagged(around.weather.temperature, 3) + 0.8 * 22.0

    voltage = lot.between("float", 27.0, 27.5) - 0.02 * (room - 22.0) - 0.75 * ageing + 0.03 * sheet.noise("voltage")
    voltage = voltage - 0.06 * ageing * np.abs(sheet.wander("sag", 8))
    current = lot.between("trickle", 0.06, 0.14) + 0.22 * ageing + 0.006 * sheet.noise("current")

    # Insulation falls with the damp; the fault bridges it while it is wet enough, several times a day.
    base = lot.between("insulation", 550.0, 1400.0)
    healthy = base * np.exp(-0.006 * (damp - 65.0) + 0.05 * sheet.wander("insulation", 30))
    wet = np.clip((damp - 58.0) / 18.0 + 0.5 * sheet.wander("seep", 7), 0.0, 1.0)
    kilo_ohm = healthy / (1 + 9.0 * earth * wet) * (1 + 0.02 * sheet.noise("insulation"))
    faults = sheet.counts("loop", 0.0002 + 0.06 * earth * wet)

    sheet.hourly(
        battery_voltage=voltage,
        charge_current=np.maximum(current, 0.0),
        earth_resistance=np.maximum(kilo_ohm, 5.0),
        humidity=np.clip(0.7 * damp + 16.0 + 0.8 * sheet.noise("humidity"), 10.0, 100.0),
        loop_faults=sheet.total("loop_faults", faults, start=lot.whole("loops", 0, 30)),
    )
