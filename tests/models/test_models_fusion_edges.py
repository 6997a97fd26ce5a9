"""What scores of detectors come to, over sweeps of their size, kept in `pinned/`; and what must hold of any."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from level_windows import level_windows
from pinned import assert_pinned

from facility.catalogue.catalogue import catalogue
from models.assessment.fusion import (
    FLEET,
    PRIOR,
    UNREMARKABLE,
    FleetNull,
    better_scores,
    by_chance,
    fits,
    fleet_null,
    log_odds,
    materiality,
    series_scores,
    settled,
    share_of_way,
    threshold_within,
    unknown,
    verdicts,
)
from models.features.windows import Figure, Windows

KEYS = ("motor_temperature", "drive_current", "vibration_vertical", "levelling_error", "door_close_time")
DAYS = 40


def windows(assets: int = 1, *, change: float = 0.0, keys: tuple[str, ...] = KEYS, kind: str = "lift") -> Windows:
    """Assets whose channels have moved by `change` of their level in the last week."""
    levels = np.array([_level(kind, key) for _ in range(assets) for key in keys])
    adjusted = np.zeros((len(levels), DAYS))
    adjusted[:, -7:] = change * levels[:, None]
    return level_windows(kind, keys, adjusted, levels, np.ones(len(levels)))


def _level(kind: str, key: str) -> float:
    normal = catalogue()[kind].channels[key].normal
    ends = [end for end in (normal.low, normal.high) if np.isfinite(end)]
    return float(np.mean(ends)) or 1.0


def said(of: Any) -> list[Any]:
    return [
        of.statistic,
        of.chance,
        of.mirrored,
        of.log_odds,
        of.probability,
        of.mode,
        list(of.alternatives),
        list(of.series),
        of.floor,
        of.unknown,
    ]


def test_what_scores_come_to() -> None:
    answers: dict[str, Any] = {}
    modes = catalogue()["lift"].modes
    for mode in modes.values():
        keys = tuple(key for key in mode.signs if key in catalogue()["lift"].channels)
        if not keys:
            continue
        for size in (1.4, 1.6, 3.0, 6.0):
            signs = np.array([-1.0 if mode.signs[key].value == "down" else 1.0 for key in keys])
            own = windows(keys=keys)
            for name, direction in (("as the mode says", signs), ("the other way", -signs)):
                (verdict,) = verdicts(own, np.full(len(keys), size), direction, catalogue())
                answers[f"{mode.key} {name}, {size}"] = said(verdict)
    random = np.random.default_rng(3)
    for number in range(30):
        own = windows()
        strength = random.gamma(1.0, 2.0, len(KEYS)) * (random.random(len(KEYS)) < 0.7)
        (verdict,) = verdicts(own, strength, random.normal(0, 1, len(KEYS)), catalogue())
        answers[f"anything {number}"] = said(verdict)
    assert_pinned("fusion_verdicts", answers)


def test_how_much_scores_matter() -> None:
    answers: dict[str, Any] = {}
    for change in (-0.5, -0.06, -0.04, -0.02, 0.0, 0.01, 0.03, 0.049, 0.051, 0.3):
        own = windows(change=change)
        answers[f"changed by {change}"] = [
            list(materiality(own)),
            list(series_scores(own, {"residual": np.full(len(KEYS), 4.0), "subspace": np.full(len(KEYS), 5.0)})),
            list(better_scores(own, {"residual": np.full(len(KEYS), -4.0), "peers": np.full(len(KEYS), -9.0)})),
        ]
    own = windows(assets=3)
    for far in (0.9, 0.96, 1.0, 1.02, 1.2):
        values = own.values.copy()
        values[: len(KEYS)] *= far
        moved = level_windows("lift", KEYS, np.zeros_like(values), values[:, 0], own.scale)
        scores = {
            "peers": np.full(len(values), 4.0),
            "past": np.full(len(values), 1.0),
            "limit": np.full(len(values), 0.5),
        }
        answers[f"peers at {far}"] = list(series_scores(moved, scores))
    for way in (0.0, 0.02, 0.05, 0.5, 2.0):
        level = own.values[:, 0]
        answers[f"way of {way}"] = list(share_of_way(own, level, level * (1 + way)))
    for since in (1, 2, 3, 4, 6, 7, 9):
        own = windows()
        adjusted = np.zeros_like(own.adjusted)
        adjusted[:, -since:] = 0.04 * own.values[:, :1]
        late = level_windows("lift", KEYS, adjusted, own.values[:, 0], own.scale)
        answers[f"changed for {since} days"] = list(materiality(late))
    assert_pinned("fusion_materiality", answers)


@pytest.mark.parametrize("figure", [Figure.SPREAD, Figure.SHARE, Figure.TEST, Figure.RATE])
def test_other_figures_count_in_their_own_way(figure: Figure) -> None:

    answers: dict[str, Any] = {}
    for change in (0.0, 0.02, 0.2):
        own = replace(windows(change=change), figures=(figure,) * len(KEYS))
        answers[f"{change}"] = [
            list(materiality(own)),
            list(series_scores(own, {"residual": np.full(len(KEYS), 4.0)})),
            [
                [fits(own, row, np.array([sign] * len(KEYS)), mode) for row in range(len(KEYS))]
                for sign in (-1.0, 1.0)
                for mode in catalogue()["lift"].modes.values()
            ],
        ]
    assert_pinned(f"fusion_{figure.value}", answers)


def test_a_doubtful_sensor_speaks_for_nothing() -> None:

    own = windows(change=0.5)
    doubtful = replace(own, excluded=np.array([True] + [False] * (len(KEYS) - 1)))
    scores = series_scores(doubtful, {"residual": np.full(len(KEYS), 4.0)})
    assert scores[0] == 0
    assert (scores[1:] > 0).all()


def fleet(ill: float, count: int, *, shifted: float = 0.0, better: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """p-values of a fleet, and of its changes for the better."""
    random = np.random.default_rng(11)
    chance, mirrored = random.random(count), random.random(count)
    sick = np.arange(count) < ill * count
    chance = np.where(sick, chance**6, chance ** (1 + shifted))
    mirrored = np.where(random.random(count) < better, mirrored**8, mirrored)
    return np.clip(chance, 1e-12, UNREMARKABLE), np.clip(mirrored, 1e-12, UNREMARKABLE)


def test_what_a_fleet_tells_of_each_asset_in_it() -> None:
    answers: dict[str, Any] = {}
    for count in (1, FLEET - 1, FLEET, 60, 400):
        for ill in (0.0, 0.05, 0.3, 0.8):
            for shifted in (0.0, 1.5):
                for better in (0.0, 0.1):
                    chance, mirrored = fleet(ill, count, shifted=shifted, better=better)
                    null = fleet_null(chance, mirrored)
                    alone = fleet_null(chance)
                    answers[f"{count} assets, {ill} ill, shifted {shifted}, better {better}"] = [
                        *(null.shift, null.stretch, null.prior, null.ceiling),
                        *(alone.shift, alone.stretch, alone.prior, alone.ceiling),
                        *null.probability(np.array([1e-6, 1e-3, 0.05, 0.5])),
                    ]
    rarely = fleet(0.1, 100)[0]
    for share in (0.2, 0.24, 0.26, 0.5):
        mirrored = np.where(np.arange(100) < 100 * share, np.linspace(0.01, 0.9, 100), UNREMARKABLE)
        null = fleet_null(rarely, mirrored)
        answers[f"{share} with a change for the better"] = [null.shift, null.stretch, null.prior, null.ceiling]
    assert_pinned("fusion_fleets", answers)


@pytest.mark.parametrize("count", [1, 5, 50])
def test_a_verdict_of_a_fleet_is_the_verdict_of_its_null(count: int) -> None:
    own = windows(count)
    random = np.random.default_rng(count)
    strength = random.gamma(1.0, 2.0, len(own.channels))
    better = random.gamma(1.0, 1.0, len(own.channels))
    given_all = verdicts(own, strength, np.ones(len(own.channels)), catalogue(), better=better)
    chance = np.array([one.chance for one in given_all])
    mirrored = np.array([one.mirrored for one in given_all])
    expected = by_chance(np.array([one.statistic for one in given_all]), np.full(count, 1.5 * len(KEYS)))
    assert chance == pytest.approx(expected)
    strongest = better.reshape(count, -1).max(axis=1)
    assert mirrored == pytest.approx(by_chance(strongest, np.full(count, 1.5 * len(KEYS))))
    null = fleet_null(chance, mirrored)
    assert [one.log_odds for one in given_all] == pytest.approx(list(null.log_odds(chance)))
    assert [one.probability for one in given_all] == pytest.approx(list(null.probability(chance)))
    again = settled([*given_all, unknown(3.0)], null)
    assert [one.log_odds for one in again[:-1]] == pytest.approx([one.log_odds for one in given_all])
    assert again[-1] == unknown(3.0)
    assert (again[-1].probability, again[-1].statistic, again[-1].unknown) == (PRIOR, 3.0, True)
    assert again[-1].log_odds == pytest.approx(np.log(PRIOR / (1 - PRIOR)))
    for one, rows in zip(given_all, np.arange(len(strength)).reshape(count, -1), strict=True):
        loud = [row for row in rows if strength[row] > 0]
        assert list(one.series) == sorted(loud, key=lambda row: -strength[row])


@pytest.mark.parametrize(("floor", "probability"), [(0.0, 0.01), (0.3, 0.3), (0.001, 0.01)])
def test_no_probability_is_below_its_floor(floor: float, probability: float) -> None:

    (plain,) = verdicts(windows(), np.zeros(len(KEYS)), np.zeros(len(KEYS)), catalogue())
    null = FleetNull(0.0, 1.0, 0.01 * 3)
    free = float(null.probability(np.array([plain.chance]))[0])
    (bounded,) = settled([replace(plain, floor=floor)], null)
    assert bounded.probability == pytest.approx(max(free, floor))
    assert probability >= 0


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=40), st.floats(0.0, 5.0))
def test_a_threshold_keeps_the_false_flags_that_are_to_be_expected(probabilities: list[float], wrong: float) -> None:
    p = np.array(probabilities)
    threshold = threshold_within(p, wrong)
    flagged = p >= threshold
    if threshold == 1.0:
        assert 1 - p.max() > wrong
    else:
        highest = np.sort(p)[::-1]
        within = int(np.searchsorted(np.cumsum(1 - highest), wrong, side="right"))
        assert threshold == highest[within - 1]
        assert flagged.sum() >= within


@given(st.floats(1e-12, 0.999), st.floats(0.01, 0.5), st.floats(0.05, 1.0))
def test_the_ceiling_is_the_highest_belief(p: float, prior: float, ceiling: float) -> None:
    free, bounded = FleetNull(0.0, 1.0, prior), FleetNull(0.0, 1.0, prior, ceiling)
    chance = np.array([p])
    assert bounded.probability(chance)[0] == pytest.approx(ceiling * free.probability(chance)[0])
    assert free.log_odds(chance)[0] == pytest.approx(log_odds(chance, prior)[0])


@given(st.floats(1e-9, 0.99), st.floats(0.0, 1.0), st.floats(1.0, 3.0))
def test_a_null_that_is_drawn_back_makes_everything_likelier_by_chance(p: float, shift: float, stretch: float) -> None:
    corrected = FleetNull(shift, stretch, PRIOR).corrected(np.array([p]))[0]
    assert corrected >= p * (1 - 1e-9) or p > 0.5
    assert FleetNull(0.0, 1.0, PRIOR).corrected(np.array([p]))[0] == p
