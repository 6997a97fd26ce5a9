"""What is found in worlds unlike the default one: any share ill, any age, cadence, size and length, one at a time.

`make bench ARGS=worlds`; SERVICEDAY_SEED (2700) chooses other fleets, SERVICEDAY_WORLDS some of the rows. One JSON
line a world, then the table of docs/models.md, whose worst figures are bold. Each fleet is looked at for the first time
three weeks before its end (half of its days, if it has fewer) and once a week from then on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import polars as pl

from commands.trial_evaluation import ENDS, ZONE
from commands.trials import RememberedHours, Trial, _hours, _true
from facility.catalogue.catalogue import Aggregate, catalogue
from facility.store import Store
from facility.store.hourly import KEY, finish
from models.assessment.memory import Memory
from models.assessment.pipeline import assess
from simulators.physics import day_number, surroundings
from simulators.simulation import Simulation
from simulators.surroundings import Span

DAY, WEEK = timedelta(days=1), timedelta(days=7)
WATCHED = 21  # days
AFTERMATH = timedelta(days=3)
TWICE = (2, 14)  # hours of the day


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One row of the table: how its fleets differ from the default ones."""

    name: str
    fleets: int = 4
    assets: int = 60
    days: int = 45
    faults: float = 0.125
    older: int = 0  # days that the faults have run on beyond the day they were planned to show by
    hours: tuple[int, ...] = ()  # of the day in which a device says one reading; () = as the simulated devices do
    single: bool = False  # one reading an hour


WORLDS = (
    World(name="the default: 60 assets, 45 days, 12 % ill"),
    World(name="0 % ill", faults=0.0),
    World(name="45 % ill", faults=0.45, fleets=3),
    World(name="100 % ill", faults=1.0, fleets=3),
    World(name="faults 60 days older", older=60, assets=40, fleets=3),
    World(name="faults a year older", older=365, assets=24, fleets=3),
    World(name="one reading an hour", single=True),
    World(name="two readings a day", hours=TWICE),
    World(name="3 assets, one ill", assets=3, faults=0.34, fleets=24),
    World(name="24 assets", assets=24, fleets=8),
    World(name="120 assets", assets=120, fleets=2),
    World(name="5 days", days=5),
    World(name="30 days", days=30),
    World(name="200 days", days=200, fleets=2),
)


@dataclass(slots=True)
class Tally:
    """Counts over all looks at all fleets of a world."""

    ill: int = 0  # asset-weeks
    found: int = 0
    well: int = 0
    wrong: int = 0  # well and flagged
    new_wrong: int = 0  # and not flagged at the look before
    squares: float = 0.0
    base: float = 0.0

    @property
    def looks(self) -> int:
        return self.ill + self.well

    def figures(self) -> dict[str, float | None]:
        flagged = self.found + self.wrong
        return {
            "ill_asset_weeks": self.ill,
            "found": self.found / self.ill if self.ill else None,
            "precision": self.found / flagged if flagged and self.ill else None,
            "new_false_flags": self.new_wrong / self.well if self.well else None,
            "brier": self.squares / self.looks,
            "brier_of_base_rate": self.ill * self.well / self.looks**2,
        }


def fleet(world: World, seed: int, end: datetime) -> Trial:
    """A fleet of that world; its faults were planned to show by `end` less what they are older."""
    planned = end - world.older * DAY
    made = Simulation.create(
        assets=world.assets,
        seed=seed,
        start=planned - world.days * DAY,
        end=planned,
        faults=world.faults,
        timezone=ZONE,
    )
    span = Span(day_number(made.start), day_number(end) + 1)
    around = surroundings(made.estate, span, seed=seed, zone=ZONE, origin_day=span.first_day, confounders=True)
    hourly = [
        _hours(asset, [f for f in made.injected if f.asset == asset.id], around, made.start, end)
        for asset in made.estate.assets
    ]
    kinds = {asset.id: asset.kind for asset in made.estate.assets}
    rollups = finish(pl.concat(hourly).sort(KEY))
    return Trial(
        assets=made.estate.assets,
        hours=RememberedHours(thinned(rollups, world, kinds)),
        truth=tuple(_true(fault) for fault in made.injected),
        end=end,
    )


def thinned(rollups: pl.DataFrame, world: World, kinds: dict[str, str]) -> pl.DataFrame:
    """The same fleet behind devices that report less often: one reading in each hour that is left."""
    if not (world.single or world.hours):
        return rollups
    known = catalogue()
    often = [
        f"{asset}/{key}"
        for asset, kind in kinds.items()
        for key, channel in known[kind].channels.items()
        if channel.aggregate not in (Aggregate.SPARSE, Aggregate.DAILY)
    ]
    name = pl.concat_str("asset", pl.lit("/"), "channel").is_in(often)
    kept = rollups.filter(~name | pl.col("hour").dt.hour().is_in(world.hours or range(24)))
    last = pl.col("last")
    before = last.shift(1).over("asset", "channel")
    counters = {key for kind in known.values() for key, c in kind.channels.items() if c.aggregate is Aggregate.COUNTER}
    counted = pl.col("channel").is_in(counters)
    grown = pl.when(counted).then((last - before).clip(0).fill_null(0.0)).otherwise(0.0)
    return kept.with_columns(
        pl.when(name).then(1).otherwise("count").cast(kept.schema["count"]).alias("count"),
        *(pl.when(name).then(last).otherwise(column).alias(column) for column in ("mean", "min", "max", "first")),
        pl.when(name).then(0.0).otherwise("std").alias("std"),
        pl.when(name).then(grown).otherwise("increase").alias("increase"),
    )


def judged(world: World, first_seed: int) -> Tally:
    tally = Tally()
    for number in range(world.fleets):
        end = datetime(*ENDS[number % len(ENDS)], tzinfo=UTC)
        trial = fleet(world, first_seed + number, end)
        before: dict[str, bool] = {}
        memory = Memory(cold=True)
        for back in range(min(WATCHED, world.days // 2) // 7 * 7, -1, -7):
            moment = end - back * DAY
            found = assess(
                cast(Store, trial.hours),
                trial.assets,
                as_of=moment,
                horizon=WEEK,
                timezone=ZONE,
                memory=memory,
            )
            memory = Memory(before={one.asset: one for one in found if one.flagged})
            machine = [fault for fault in trial.truth if fault.trouble == "equipment"]
            ill = {fault.asset for fault in machine if fault.present(moment)}
            begun = {
                fault.asset
                for fault in machine
                if fault.onset <= moment and (fault.repaired_at is None or moment < fault.repaired_at + AFTERMATH)
            }
            for one in found:
                so = one.asset in ill
                if not so and one.asset in begun:
                    continue  # ill, and not so that it could be seen
                tally.ill += so
                tally.well += not so
                tally.found += so and one.flagged
                tally.wrong += not so and one.flagged
                tally.new_wrong += not so and one.flagged and not before.get(one.asset, False)
                tally.squares += (one.probability - so) ** 2
            before = {one.asset: one.flagged for one in found}
    return tally


def table(rows: Sequence[tuple[str, dict[str, float | None]]]) -> str:
    """Markdown; the worst figure of each column is bold."""
    lines = [
        "| world | ill asset-weeks | flagged | of the flags right | new false flags an asset-week | Brier (base rate) |"
    ]
    lines.append("|---|---|---|---|---|---|")
    worst: dict[str, float] = {}
    for key, pick in (("found", min), ("precision", min), ("new_false_flags", max)):
        worst[key] = pick(value for _, row in rows if (value := row[key]) is not None)

    def cell(key: str, row: dict[str, float | None], form: str) -> str:
        value = row[key]
        if value is None:
            return "–"
        text = format(value, form).replace("%", " %")
        return f"**{text}**" if value == worst[key] else text

    for name, row in rows:
        lines.append(
            f"| {name} | {row['ill_asset_weeks']} | {cell('found', row, '.0%')} | {cell('precision', row, '.0%')} "
            f"| {cell('new_false_flags', row, '.4f')} | {row['brier']:.3f} ({row['brier_of_base_rate']:.3f}) |"
        )
    return "\n".join(lines)


def main() -> None:
    seed = int(os.environ.get("SERVICEDAY_SEED", "2700"))
    wanted = os.environ.get("SERVICEDAY_WORLDS", "")
    rows = []
    for number, world in enumerate(WORLDS):
        if wanted and not any(word in world.name for word in wanted.split(",")):
            continue
        figures = judged(world, seed + 50 * number).figures()
        rows.append((world.name, figures))
        print(json.dumps({"benchmark": "worlds", "world": world.name, "fleets": world.fleets, **figures}), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
