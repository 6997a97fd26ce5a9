"""A believable fleet: sites near one another, their buildings, and equipment of every class in them."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo
from facility.estate import Asset, Building, Estate, Site
from simulators.chance import Lot

# Share of the fleet, letter of the id, words for one of them.
_MIX: dict[str, tuple[float, str, str, str]] = {
    "lift": (0.34, "L", "号客梯", "Lift"),
    "lighting_circuit": (0.13, "C", "号照明回路", "Lighting circuit"),
    "emergency_lighting": (0.09, "E", "号应急照明组", "Emergency lighting"),
    "smoke_detector": (0.09, "S", "号感烟探测器", "Smoke detector"),
    "hydrant_zone": (0.08, "H", "号消火栓分区", "Hydrant zone"),
    "electrical_fire": (0.07, "R", "号电气火灾监控", "Electrical-fire monitor"),
    "fire_door": (0.06, "D", "号防火门", "Fire door"),
    "pump_set": (0.05, "P", "号消防泵组", "Fire pump set"),
    "tank": (0.05, "T", "号消防水箱", "Fire-water tank"),
    "fire_panel": (0.04, "F", "号火灾报警控制器", "Fire-alarm panel"),
}
_ALL_FROM = 40  # assets, from which every class has at least two
_SITES = (
    ("binhe", "滨河花园", "Riverside Garden", "residential"),
    ("xinghe", "星河中心", "Galaxy Centre", "office"),
    ("nanmen", "南门广场", "South Gate Plaza", "mall"),
    ("renai", "仁爱医院", "Ren'ai Hospital", "hospital"),
    ("cuiyuan", "翠苑小区", "Emerald Court", "residential"),
    ("keji", "科技园", "Science Park", "office"),
)
_ASSETS_A_SITE, _ASSETS_A_BUILDING = 25, 8
_LATITUDE, _LONGITUDE = 31.2304, 121.4737
_NEWEST = date(2023, 6, 1)


def make_fleet(count: int, seed: int) -> Estate:
    """An estate of `count` assets. Raises `CannotDo` if there is to be none."""
    if count < 1:
        raise CannotDo("a fleet of {count} assets cannot be simulated", "Ask for at least 1 with --assets", count=count)
    sites = 1 + min(count // _ASSETS_A_SITE, 5 + count // 400)
    buildings = _buildings(max(sites, -(-count // _ASSETS_A_BUILDING)), sites, seed)
    uses = {site.id: _SITES[index % len(_SITES)][3] for index, site in enumerate(_make_sites(sites))}
    assets: list[Asset] = []
    kinds = _kinds(count)
    counts: Counter[tuple[str, str]] = Counter()
    numbers: Counter[str] = Counter()
    for index, kind in enumerate(kinds):
        numbers[kind] += 1
        building = buildings[(index * len(buildings) // count + numbers[kind]) % len(buildings)]
        counts[building.id, kind] += 1
        assets.append(_asset(kind, numbers[kind], counts[building.id, kind], building, uses[building.site], seed))
    return Estate(sites=_make_sites(sites), buildings=buildings, assets=tuple(assets))


def _make_sites(count: int) -> tuple[Site, ...]:
    turns = [(_SITES[index % len(_SITES)], index // len(_SITES)) for index in range(count)]
    return tuple(
        Site(id=key + (f"-{turn + 1}" if turn else ""), name=zh + (f"{turn + 1}期" if turn else ""))
        for (key, zh, _, _), turn in turns
    )


def _buildings(count: int, sites: int, seed: int) -> tuple[Building, ...]:
    buildings = []
    for index in range(count):
        site = _make_sites(sites)[index % sites]
        lot = Lot(seed, f"building/{index}")
        centre = Lot(seed, f"site/{site.id}")
        number = index // sites + 1
        buildings.append(
            Building(
                id=f"{site.id}-{number}",
                site=site.id,
                name=f"{number}号楼",
                latitude=round(
                    _LATITUDE + centre.between("north", -0.03, 0.03) + lot.between("north", -0.002, 0.002), 5
                ),
                longitude=round(
                    _LONGITUDE + centre.between("east", -0.035, 0.035) + lot.between("east", -0.002, 0.002), 5
                ),
            )
        )
    return tuple(buildings)


def _kinds(count: int) -> list[str]:
    """How many of each class: by largest remainder, every class at least twice in larger fleets."""
    least = 2 if count >= _ALL_FROM else 0
    spare = count - least * len(_MIX)
    exact = {kind: max(mix[0] * count - least, 0.0) for kind, mix in _MIX.items()}
    scale = spare / sum(exact.values())
    counts = {kind: least + int(share * scale) for kind, share in exact.items()}
    by_remainder = sorted(_MIX, key=lambda kind: -(exact[kind] * scale - int(exact[kind] * scale)))
    for kind in by_remainder[: count - sum(counts.values())]:
        counts[kind] += 1
    return [kind for kind in _MIX for _ in range(counts[kind])]


def _asset(kind: str, number: int, in_building: int, building: Building, use: str, seed: int) -> Asset:
    _, letter, zh, en = _MIX[kind]
    identity = f"{letter}-{number:04d}"
    lot = Lot(seed, f"fleet/{identity}")
    floors = Lot(seed, f"floors/{building.id}").whole("floors", 6, 32)
    floor = {"pump_set": "B1", "tank": "RF", "fire_panel": "1F", "lift": ""}.get(
        kind, f"{lot.whole('floor', 1, floors)}F"
    )
    attributes = {"use": use, "name_en": f"{en} {in_building}", "class_en": catalogue()[kind].name.en}
    if kind == "lighting_circuit":
        share = lot.share("control")
        attributes["control"] = "photocell" if share < 0.6 else "schedule" if share < 0.85 else "always"
    if kind == "hydrant_zone":
        coarse = Lot(seed, f"site/{building.site}").share("coarse") < 0.35
        attributes["pressure_step"] = "0.1 MPa" if coarse else "1 kPa"
    return Asset(
        id=identity,
        kind=kind,
        site=building.site,
        building=building.id,
        floor=floor,
        name=f"{in_building}{zh}",
        commissioned=_NEWEST - timedelta(days=lot.whole("age", 0, 15 * 365)),
        latitude=building.latitude,
        longitude=building.longitude,
        attributes=attributes,
    )
