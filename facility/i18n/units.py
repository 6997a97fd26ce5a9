"""How people write the units that the catalogue keeps as UCUM codes."""

from __future__ import annotations

from collections.abc import Mapping

from facility.i18n.phrases import Language, Text


def _same(symbol: str) -> Text:
    return Text(zh=symbol, en=symbol)


SYMBOLS: Mapping[str, Text] = {
    "1": _same(""),
    "%": _same("%"),
    "A": _same("A"),
    "Cel": _same("°C"),
    "MPa": _same("MPa"),
    "V": _same("V"),
    "W": _same("W"),
    "bar": _same("bar"),
    "dB[SPL]": _same("dB"),
    "h": Text(zh="小时", en="h"),
    "kOhm": _same("kΩ"),
    "kW.h": _same("kWh"),
    "lx": _same("lx"),
    "m": _same("m"),
    "m/s2": _same("m/s²"),
    "m3": _same("m³"),
    "mA": _same("mA"),
    "min": Text(zh="分钟", en="min"),
    "mm": _same("mm"),
    "mm/s": _same("mm/s"),
    "ms": Text(zh="毫秒", en="ms"),
    "s": Text(zh="秒", en="s"),
}


def symbol(unit: str, language: Language) -> str:
    """The unit as people write it; a code not listed is shown as it is. A pure number has none."""
    return SYMBOLS[unit][language] if unit in SYMBOLS else unit
