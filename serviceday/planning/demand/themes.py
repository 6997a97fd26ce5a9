"""Themes of a day: classes that count for more. `fire` is the fire month's; a crew file may bring others."""

from __future__ import annotations

from collections.abc import Sequence

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotParse
from facility.i18n.phrases import Text
from serviceday.planning.crew.crew import Theme

_WEIGHT = 1.5  # (D)
_FIRE = (
    "electrical_fire",
    "emergency_lighting",
    "fire_door",
    "fire_panel",
    "hydrant_zone",
    "pump_set",
    "smoke_detector",
    "tank",
)
THEMES = (
    Theme(key="fire", name=Text(zh="消防月", en="fire month"), kinds=frozenset(_FIRE), weight=_WEIGHT),
    Theme(key="lifts", name=Text(zh="电梯安全", en="lift safety"), kinds=frozenset({"lift"}), weight=_WEIGHT),
    Theme(
        key="lighting",
        name=Text(zh="照明整治", en="public lighting"),
        kinds=frozenset({"lighting_circuit", "emergency_lighting"}),
        weight=_WEIGHT,
    ),
)


def themes(keys: Sequence[str], own: Sequence[Theme] = ()) -> list[Theme]:
    """The themes named. Raises `CannotParse` for one that is not known."""
    themes = {theme.key: theme for theme in (*THEMES, *own)}
    for key in keys:
        if key not in themes:
            raise CannotParse(
                "no theme {key!r}", "Known: {known}; a crew file may hold a [[theme]]", key=key, known=list(themes)
            )
    unknown = {kind for key in keys for kind in themes[key].kinds} - set(catalogue())
    if unknown:
        raise CannotParse(
            "theme with unknown classes {unknown}", "Known: {known}", unknown=sorted(unknown), known=list(catalogue())
        )
    return [themes[key] for key in keys]
