"""Following a fleet hour by hour: a new hour costs an hour's work.

A whole look (`models.assessment.pipeline`) reads weeks of hours; between two of them only the last day is read. Every
series gets its newest daily figure, and a gate compares it with what was to be expected. Assets that pass
unremarkably keep what was last believed of them. The remarkable, those that have fallen silent, the suspects that
have moved, and whatever late data or the registry have changed, are looked at again from their hours on, sensors and
all, beside healthy assets of their classes and under the null that the whole fleet shows.

What comes of it is what a whole look would have said, but for the class figures, which fewer assets tell, and for slow
courses that pass the gate: those wait for the next whole look, one a day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Assessment
from facility.errors import CannotDo
from facility.estate import Asset
from facility.store import Store
from models.assessment.baseline import Expectations
from models.assessment.checkpoint import Standing, fingerprints
from models.assessment.extraction import Progress
from models.assessment.fusion import fleet_null
from models.assessment.memory import Memory
from models.assessment.newest import newest_figures
from models.assessment.pipeline import believe
from models.features.normalisation import CLASS_SIZE
from models.features.windows import Figure
from models.statistics import BoolArray, FloatArray, IntArray, grouped_median

DAY = timedelta(days=1)
GATE = 3.5  # healthy standard deviations of a newest figure that are remarkable
SUSPECT = 0.2  # probability from which an asset is judged again as soon as it moves
MOVED = 1.0  # standard deviations that a figure has moved since it was judged: below it belief stands
PEERS = 100  # healthy assets of each class looked at along, so that the class is known
WORTH = 0.5  # of the fleet: where more than that is to be looked at, all of it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What an hour's work comes to."""

    assessments: list[Assessment]  # of the assets that were looked at again; of the others belief stands
    standing: Standing  # to go on from


def stand(
    store: Store,
    assets: Sequence[Asset],
    *,
    as_of: datetime,
    horizon: timedelta,
    timezone: ZoneInfo,
    folder: Path | None = None,
    on_progress: Progress | None = None,
    memory: Memory | None = None,
) -> tuple[Standing, list[Assessment]]:
    """A whole look, with what the next hours can go on from. `folder`: of the trained models."""
    belief = believe(
        store,
        assets,
        as_of=as_of,
        horizon=horizon,
        timezone=timezone,
        folder=folder,
        on_progress=on_progress,
        memory=memory,
    )
    standing = Standing(
        whole_at=as_of,
        seen_at=as_of,
        assets=tuple(asset.id for asset in assets),
        fingerprints=fingerprints(assets),
        chance=belief.chance,
        expected=belief.expected,
    )
    return standing, belief.assessments


def follow(
    store: Store,
    standing: Standing,
    assets: Sequence[Asset],
    *,
    as_of: datetime,
    horizon: timedelta,
    timezone: ZoneInfo,
    folder: Path | None = None,
    late: Collection[str] = (),
    peers: int = PEERS,
    on_progress: Progress | None = None,
    memory: Memory | None = None,
) -> Followed:
    """Assessments of the assets that the last day makes worth looking at again.

    `late`: assets of which readings older than a day have come, or were revised, since the last look. New assets, and
    those the registry describes otherwise than it did, are looked at too; those it no longer holds are forgotten.

    Raises `CannotDo` if the whole look is a day old or more, or if so much has changed that another one is due.
    """
    if not (standing.seen_at <= as_of and as_of - standing.whole_at < DAY):
        raise CannotDo(
            "the last look at the whole fleet, of {as_of}, is too old",
            "Look at the whole fleet again",
            as_of=standing.whole_at.isoformat(),
        )
    carried = standing.carried_to(assets)
    newest = newest_figures(store, carried.expected, assets, as_of)
    suspect = carried.unknown.copy()
    suspect[[place for place, asset in enumerate(assets) if asset.id in late]] = True
    probability = fleet_null(*carried.chance.T).probability(carried.chance[:, 0])
    suspect |= _remarkable(carried.expected, newest, probability, assets)
    chosen = _with_peers(assets, suspect, probability, peers)
    if suspect.any() and len(chosen) > WORTH * len(assets):
        raise CannotDo(
            "{changed} of {assets} assets have changed",
            "Look at the whole fleet again",
            changed=int(suspect.sum()),
            assets=len(assets),
        )
    again = np.flatnonzero(suspect)
    standing = replace(
        standing,
        seen_at=as_of,
        assets=tuple(asset.id for asset in assets),
        fingerprints=fingerprints(assets),
        chance=carried.chance,
        expected=carried.expected,
    )
    if not again.size:
        return Followed(assessments=[], standing=standing)
    belief = believe(
        store,
        [assets[place] for place in chosen],
        as_of=as_of,
        horizon=horizon,
        timezone=timezone,
        folder=folder,
        on_progress=on_progress,
        told_of=np.searchsorted(chosen, again).tolist(),
        fleet=assets,
        beside=carried.chance[~suspect],
        memory=memory,
    )
    standing.chance[again] = belief.chance[np.searchsorted(chosen, again)]
    return Followed(
        assessments=belief.assessments,
        standing=replace(standing, expected=_revised(carried.expected, belief.expected, chosen, suspect)),
    )


def _remarkable(
    expected: Expectations, newest: FloatArray, probability: FloatArray, assets: Sequence[Asset]
) -> BoolArray:
    """Which assets have a series far from what was expected, one that a suspect has moved, or one fallen silent."""
    kinds = {kind: code for code, kind in enumerate({asset.kind for asset in assets})}
    names = {name: code for code, name in enumerate(set(expected.name))}
    kind = np.array([kinds[asset.kind] for asset in assets], dtype=np.int64)[expected.owner]
    group = kind * len(names) + np.array([names[name] for name in expected.name], dtype=np.int64)
    count = len(kinds) * len(names)

    def own(before: FloatArray) -> FloatArray:
        """How far each series has come since, in standard deviations, but for what its class has in common."""
        with np.errstate(invalid="ignore"):
            moved = np.where(np.isfinite(expected.scale), (newest - before) / expected.scale, np.nan)
        size = np.bincount(group[~np.isnan(moved)], minlength=count)
        common = np.where(size >= CLASS_SIZE, np.nan_to_num(grouped_median(moved, group, count)), 0.0)
        return np.asarray(np.abs(moved - common[group]))

    off, since = np.nan_to_num(own(expected.expected)), np.nan_to_num(own(expected.newest), nan=np.inf)
    worth = (off > GATE) | (probability >= SUSPECT)[expected.owner]
    moved = worth & (off > 0) & (since > MOVED)
    level = np.array([name.endswith(f"/{Figure.LEVEL}") for name in expected.name], dtype=np.bool_)
    silent = level & np.isnan(newest) & ~np.isnan(expected.newest)
    out = np.zeros(len(probability), dtype=np.bool_)
    out[expected.owner[(moved | silent) & ~expected.excluded]] = True
    return out


def _with_peers(assets: Sequence[Asset], suspect: BoolArray, probability: FloatArray, peers: int) -> IntArray:
    """The suspects and some healthy others of their kinds, evenly out of the list, in the order of the assets."""
    chosen = suspect.copy()
    kinds = {asset.kind for asset, chosen_so in zip(assets, suspect, strict=True) if chosen_so}
    by_kind: dict[str, list[int]] = {}
    for place, asset in enumerate(assets):
        if not suspect[place] and asset.kind in kinds and probability[place] < SUSPECT:
            by_kind.setdefault(asset.kind, []).append(place)
    for places in by_kind.values():
        step = max(1, len(places) // peers)
        chosen[places[::step][:peers]] = True
    return np.flatnonzero(chosen)


def _revised(before: Expectations, after: Expectations, chosen: IntArray, suspect: BoolArray) -> Expectations:
    """What stood, with what was found of the suspects put in its place."""
    trusted = np.flatnonzero(~suspect[before.owner])
    owner = chosen[after.owner]
    fresh = np.flatnonzero(suspect[owner])
    return Expectations.joined([before.taking(trusted, before.owner[trusted]), after.taking(fresh, owner[fresh])])
