"""Blocks of a fleet looked at and judged, and the assets that break it set aside: one never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

import numpy as np

from facility.catalogue.catalogue import catalogue
from facility.errors import ServicedayError
from facility.estate import Asset
from facility.store import Store
from models.assessment.baseline import Expectations, expectations
from models.assessment.blocks import blocks_of
from models.assessment.extraction import AT_ONCE, Looked, Progress, SensorView, look_at
from models.assessment.long_ago import look_back
from models.assessment.memory import Memory, renewed
from models.assessment.scoring import Beside, Judgement, judge
from models.assessment.sufficiency import FIRST_WEEK
from models.detectors import Detector, default_detectors
from models.features.normalisation import fleet_windows
from models.statistics import IntArray

NOBODYS_FAULT = (ServicedayError, OSError, MemoryError)  # errors that no single asset brings about


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBlock:
    """A block of a fleet with what its assets come to."""

    places: IntArray
    judged: list[Judgement]
    views: tuple[SensorView, ...]
    expected: Expectations


def judged_blocks(
    store: Store,
    assets: Sequence[Asset],
    *,
    as_of: datetime,
    timezone: ZoneInfo,
    on_progress: Progress | None,
    detectors: Sequence[Detector] | None,
    memory: Memory,
) -> list[JudgedBlock]:
    """Every block looked at and judged, two at once if there are several."""
    places = blocks_of(assets)
    progressed, counting = 0, Lock()

    def count(more: int) -> None:
        nonlocal progressed
        with counting:
            progressed += more
            if on_progress is not None:
                on_progress(progressed, len(assets))

    def look_and_judge(of_block: IntArray, further: Progress | None) -> JudgedBlock:
        some = tuple(assets[place] for place in of_block)
        at_once = 1 if len(places) > 1 else AT_ONCE
        looked = look_at(store, some, as_of=as_of, timezone=timezone, on_progress=further, at_once=at_once)
        daily = renewed(looked.daily, some, memory, looked.end)
        windows = fleet_windows(daily, some, looked.excluded, end=looked.end, timezone=timezone)
        views = _since_attended(looked, some, memory)
        young = np.array([view.days < FIRST_WEEK for view in views], dtype=np.bool_)
        chosen = default_detectors() if detectors is None else detectors
        expected = expectations(looked, windows, of_block)
        older = None
        if memory.cold:
            here = Expectations.joined([expectations(looked, windows, np.arange(len(some)))])
            older = look_back(store, some, windows, here, memory)
        beside = Beside(young=young, memory=memory, older=older)
        judged = judge(windows, catalogue(), chosen, timezone, beside)
        return JudgedBlock(places=of_block, judged=judged, views=views, expected=expected)

    def one(of_block: IntArray) -> JudgedBlock:
        before = 0

        def further(done: int, _: int) -> None:
            nonlocal before
            count(done - before)
            before = done

        return _without_the_broken(of_block, lambda some: look_and_judge(some, further if some is of_block else None))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, places))


def _since_attended(looked: Looked, assets: Sequence[Asset], memory: Memory) -> tuple[SensorView, ...]:
    """Of an asset that somebody has attended to, only the days since are a history of what it is now."""
    views = list(looked.views)
    for number, asset in enumerate(assets):
        moment = memory.attended.get(asset.id)
        if moment is not None and views[number].heard:
            since = (looked.end - moment) / timedelta(days=1)
            if since < views[number].days:
                views[number] = replace(views[number], days=max(since, 0.0), attended=True)
    return tuple(views)


def _without_the_broken(of_block: IntArray, look_and_judge: Callable[[IntArray], JudgedBlock]) -> JudgedBlock:
    """A block looked at and judged; the assets that break it are found by halving, set aside, and the rest is judged.

    What is nobody's fault (the store, memory) is raised.
    """
    try:
        return look_and_judge(of_block)
    except NOBODYS_FAULT:
        raise
    except Exception as error:  # noqa: BLE001 - whatever broke it, the others are judged
        if len(of_block) == 1:
            view = SensorView(evidence=(), coverage=0.0, heard=True)
            nothing = Expectations.joined([])
            return JudgedBlock(places=of_block, judged=[Judgement.failed(error)], views=(view,), expected=nothing)
    half = len(of_block) // 2
    parts = [_without_the_broken(some, look_and_judge) for some in (of_block[:half], of_block[half:])]
    broken = [
        (place, judgement, view)
        for part in parts
        for place, judgement, view in zip(part.places, part.judged, part.views, strict=True)
        if judgement.failure
    ]
    rest = np.setdiff1d(of_block, [place for place, _, _ in broken])
    if broken and rest.size:
        parts = [_without_the_broken(rest, look_and_judge)]
        aside = [row for row in broken if row[0] not in parts[0].places]
        parts.append(
            JudgedBlock(
                places=np.array([place for place, _, _ in aside], dtype=np.int64),
                judged=[judgement for _, judgement, _ in aside],
                views=tuple(view for _, _, view in aside),
                expected=Expectations.joined([]),
            )
        )
    return JudgedBlock(
        places=np.concatenate([part.places for part in parts]),
        judged=[judgement for part in parts for judgement in part.judged],
        views=tuple(view for part in parts for view in part.views),
        expected=Expectations.joined([part.expected for part in parts]),
    )
