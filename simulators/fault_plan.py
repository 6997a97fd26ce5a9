"""Who falls ill: draws faults for an estate so that a given share is detectably faulty at the end.

Besides those there are assets that were repaired earlier, a few whose trouble has begun but can't be seen yet, and a
few with a broken sensor. A draw whose fault doesn't show by the end is drawn again, a little worse.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from facility.assessments import Trouble
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset, Estate
from simulators.detectability import SIGMAS, detectable_from
from simulators.faults import COURSES, NOT_SIMULATED, SENSOR_FAULTS, Fault, Shape
from simulators.physics import day_number, simulate, surroundings
from simulators.sheet import Batch
from simulators.surroundings import Span, Surroundings

DEFAULT_SHARE = 0.125
REPAIRED = 0.4  # for each detectably faulty asset: so many repaired earlier,
LATENT = 0.16  # with trouble that doesn't show yet,
SENSORS = 0.32  # and with a broken sensor
_TRIES = 8
_HIDDEN = 1.0  # standard deviations below which trouble counts as not showing yet

Draw = Callable[[Asset, Sequence[Batch]], Fault | None]


def plan_faults(
    estate: Estate,
    start: datetime,
    end: datetime,
    seed: int,
    share: float = DEFAULT_SHARE,
    *,
    timezone: str = "Asia/Shanghai",
    confounders: bool = True,
) -> tuple[Fault, ...]:
    """Faults of an estate between start and end (UTC). Nothing at all with `share` 0. Sorted by asset."""
    count = round(share * len(estate.assets))
    if share <= 0 or not estate.assets:
        return ()
    span = Span(day_number(start), day_number(end) + 1)
    around = surroundings(
        estate, span, seed=seed, zone=ZoneInfo(timezone), origin_day=span.first_day, confounders=confounders
    )
    return tuple(_Planner(estate, start, end, seed, around).plan(count, share * len(estate.assets)))


class _Planner:
    """One planning run: who is still healthy, which modes were drawn."""

    def __init__(self, estate: Estate, start: datetime, end: datetime, seed: int, around: Surroundings) -> None:
        self.start, self.end, self.around = start, end, around
        self.dice = random.Random(f"{seed}/faults")
        self.healthy = list(estate.assets)
        self.dice.shuffle(self.healthy)
        self.drawn: Counter[str] = Counter()

    def plan(self, count: int, expected: float) -> list[Fault]:
        faults: list[Fault] = []
        self._fill(faults, count, self._showing)
        self._fill(faults, round(REPAIRED * expected), self._repaired)
        self._fill(faults, round(LATENT * expected), self._latent)
        for asset in [self.healthy.pop() for _ in range(min(round(SENSORS * expected), len(self.healthy)))]:
            faults.append(self._sensor(asset))
        return sorted(faults, key=lambda fault: fault.asset)

    def _fill(self, faults: list[Fault], count: int, draw: Draw) -> None:
        left: list[Asset] = []
        while self.healthy and count > 0:
            asset = self.healthy.pop()
            fault = draw(asset, simulate(asset, (), self.around, {}))
            if fault is None:
                left.append(asset)
                continue
            faults.append(fault)
            count -= 1
        self.healthy = left + self.healthy

    def _mode(self, asset: Asset) -> str:
        modes = [mode for mode in catalogue()[asset.kind].modes if mode not in NOT_SIMULATED]
        if asset.attributes.get("control", "photocell") != "photocell":
            modes = [mode for mode in modes if mode != "photocell_failed"]
        rarest = min(self.drawn[mode] for mode in modes)
        return self.dice.choice([mode for mode in modes if self.drawn[mode] <= rarest])

    def _draw(self, asset: Asset, mode: str, severity: float, until: datetime, interval: tuple[float, float]) -> Fault:
        """A fault that has run a share in `interval` of its way by `until`, begun after its asset was seen healthy."""
        course = COURSES[mode]
        lead = timedelta(days=self.dice.uniform(*course.lead_days))
        seen_healthy = self.start + min(timedelta(days=14), (until - self.start) * 0.35) * self.dice.uniform(0.6, 1.0)
        onset = until - lead * (1.0 if course.shape is Shape.STEP else self.dice.uniform(*interval))
        onset = max(onset, seen_healthy).replace(microsecond=0)
        failure = onset if course.shape is Shape.STEP else (onset + lead).replace(microsecond=0)
        return Fault(
            asset=asset.id,
            mode=mode,
            trouble=Trouble.EQUIPMENT,
            onset=onset,
            failure_time=failure,
            severity=round(severity, 2),
        )

    def _seen(
        self, asset: Asset, fault: Fault, twin: Sequence[Batch], until: datetime, sigmas: float = SIGMAS
    ) -> datetime | None:
        ill = simulate(asset, (fault,), self.around, {})
        return detectable_from(ill, twin, asset.kind, fault.mode, until, sigmas=sigmas)

    def _showing(self, asset: Asset, twin: Sequence[Batch]) -> Fault | None:
        mode = self._mode(asset)
        for attempt in range(_TRIES):
            severity = self.dice.uniform(0.65, 1.35) * 1.08**attempt
            fault = self._draw(asset, mode, severity, self.end, (0.55, 1.1))
            moment = self._seen(asset, fault, twin, self.end)
            if moment is not None:
                self.drawn[mode] += 1
                return replace(fault, detectable_from=moment)
        return None

    def _repaired(self, asset: Asset, twin: Sequence[Batch]) -> Fault:
        mode = self._mode(asset)
        self.drawn[mode] += 1
        back = self.start + (self.end - self.start) * self.dice.uniform(0.45, 0.85)
        back = back.replace(minute=0, second=0, microsecond=0)
        fault = self._draw(asset, mode, self.dice.uniform(0.6, 1.3), back, (0.6, 1.1))
        confirmed = max(fault.onset, back - timedelta(hours=self.dice.randint(2, 30)))
        fault = replace(fault, confirmed_at=confirmed, repaired_at=back)
        return replace(fault, detectable_from=self._seen(asset, fault, twin, back))

    def _latent(self, asset: Asset, twin: Sequence[Batch]) -> Fault | None:
        gradual = [m for m in catalogue()[asset.kind].modes if m in COURSES and COURSES[m].shape is not Shape.STEP]
        if not gradual:
            return None
        fault = self._draw(asset, self.dice.choice(gradual), self.dice.uniform(0.4, 0.8), self.end, (0.03, 0.12))
        return fault if self._seen(asset, fault, twin, self.end, sigmas=_HIDDEN) is None else None

    def _sensor(self, asset: Asset) -> Fault:
        rarest = min(self.drawn[mode] for mode in SENSOR_FAULTS)
        mode = self.dice.choice([mode for mode in SENSOR_FAULTS if self.drawn[mode] <= rarest])
        self.drawn[mode] += 1
        onset = self.start + (self.end - self.start) * self.dice.uniform(0.45, 0.92)
        onset = onset.astimezone(UTC).replace(microsecond=0)
        return Fault(
            asset=asset.id,
            mode=mode,
            trouble=Trouble.SENSOR,
            onset=onset,
            detectable_from=min(onset + timedelta(days=1), self.end),
            failure_time=onset,
            severity=round(self.dice.uniform(0.7, 1.3), 2),
        )
