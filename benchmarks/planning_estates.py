"""Estates made up for planning: buildings in clusters of a town, equipment of every class, duties and warnings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from facility.assessments import Assessment
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset, Building
from facility.i18n.phrases import Text
from serviceday.planning.crew.crew import Crew, Lunch, Place, Span, Validity, Worker

DAY = date(2026, 11, 30)
NOW = datetime(2026, 11, 29, 18, tzinfo=UTC)
_LIFTS = ("电梯作业人员", "电梯安全管理员")
_SHARES = {"lift": 0.3, "fire_door": 0.2, "smoke_detector": 0.15, "lighting_circuit": 0.15, "hydrant_zone": 0.08}


@dataclass(frozen=True, slots=True)
class Made:
    assets: list[Asset]
    buildings: list[Building]
    assessments: dict[str, Assessment]
    done: dict[tuple[str, str], date]
    crew: Crew


def estate(candidates: int, people: int, *, seed: int, law: float = 0.08) -> Made:
    """About so many candidates; `law` is the share of assets whose law-bound duties are due."""
    chance = np.random.default_rng(seed)
    kinds = list(catalogue())
    weights = np.array([_SHARES.get(kind, 0.02) for kind in kinds])
    size = round(candidates / 1.05)
    houses = max(4, size // 12)
    centres = chance.uniform(-0.06, 0.06, (max(2, houses // 12), 2))
    buildings = []
    for number in range(houses):
        spot = centres[number % len(centres)] + chance.normal(0, 0.006, 2)
        site = f"S{number % len(centres)}"
        buildings.append(Building(id=f"{number}", site=site, latitude=31.2 + spot[0], longitude=121.4 + 1.15 * spot[1]))
    assets, beliefs, done = [], {}, {}
    for number in range(size):
        house = buildings[int(chance.integers(houses))]
        kind = kinds[int(chance.choice(len(kinds), p=weights / weights.sum()))]
        asset = Asset(
            id=f"A{number:05d}", kind=kind, site=house.site, building=house.id, floor=str(int(chance.integers(1, 25)))
        )
        assets.append(asset)
        probability = float(chance.beta(1.2, 4.0)) * 0.9 + 0.1
        beliefs[asset.id] = _belief(asset.id, probability, flagged=probability > 0.6)
        due = chance.random() < law
        for key, duty in catalogue()[kind].duties.items():
            if duty.routine:
                continue
            late = int(chance.integers(0, 6)) if due and duty.interval.days <= 31 else -int(chance.integers(1, 9))
            done[asset.id, key] = DAY - timedelta(days=duty.interval.days + late)
    return Made(assets, buildings, beliefs, done, crew(people, buildings, chance))


def crew(people: int, buildings: list[Building], chance: np.random.Generator) -> Crew:
    """Two thirds lift workers and fire operators, some electricians; each starts at a building, with lunch."""
    skills = [(*_LIFTS,), ("消防设施操作员",), (*_LIFTS, "低压电工"), ("消防设施操作员", "低压电工")]
    workers = []
    for number in range(people):
        start = buildings[int(chance.integers(len(buildings)))]
        workers.append(
            Worker(
                id=f"p{number}",
                name=f"P{number}",
                qualifications={one: Validity() for one in skills[number % len(skills)]},
                hours=Span(8 * 60, 17 * 60),
                lunch=Lunch(within=Span(11 * 60 + 30, 13 * 60 + 30), minutes=60),
                start=Place(site=start.site, building=start.id),
            )
        )
    return Crew(workers=tuple(workers), named=True, people=people)


def _belief(asset: str, probability: float, *, flagged: bool) -> Assessment:
    return Assessment(
        asset=asset,
        as_of=NOW,
        horizon_days=7,
        probability=probability,
        sensor_probability=0.0,
        flagged=flagged,
        score=probability,
        mode="",
        reason=Text(zh="指标恶化", en="getting worse"),
        coverage=1.0,
        model="made up",
    )
