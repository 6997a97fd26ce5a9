"""Units of one recording: each by its own beginning or all by theirs together, ranked by how far gone they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from facility.errors import CannotDo
from models.recordings import Recording
from models.recordings.detecting import detect
from models.recordings.units import detect_units, part_of, units_of


def fleet(lengths, wear=0.0, seed=0, channels=5):
    """Units that differ a little from each other and wear in their last third, each by its own share of `wear`."""
    random = np.random.default_rng(seed)
    values, names, shares = [], [], []
    for number, rows in enumerate(lengths):
        own = 0.3 * random.standard_normal(channels)
        shares.append(float(random.uniform(0, wear)))
        worn = shares[-1] * np.clip((np.arange(rows) / rows - 0.66) * 3, 0, 1)
        values.append(random.standard_normal((rows, channels)) + own + worn[:, None] * np.array([1, -1, 0, 0, 0.5]))
        names += [f"u{number}"] * rows
    table = np.vstack(values)
    seconds = np.concatenate([np.arange(rows, dtype=np.float64) for rows in lengths])
    columns = tuple(f"c{i}" for i in range(channels))
    return Recording(channels=columns, values=table, seconds=seconds, times=None, units=tuple(names)), np.array(shares)


def test_those_farthest_gone_come_first():
    recording, worn = fleet([150] * 40, wear=4.0)
    judged = detect_units(recording, units_of(recording))
    standing = {one.unit.name: one.standing for one in judged}
    assert [one.standing for one in judged] == sorted(standing.values(), reverse=True)
    assert spearmanr([standing[f"u{i}"] for i in range(40)], worn)[0] > 0.85
    assert all(one.pooled for one in judged)


def test_the_budget_holds_on_healthy_units():
    shares = []
    for seed in range(3):
        recording, _ = fleet([150] * 40, seed=seed)
        judged = detect_units(recording, units_of(recording), budget=0.02)
        shares += [one.detected.flag[one.unit.healthy :].mean() for one in judged]
    assert np.mean(shares) <= 0.02


def test_a_unit_of_enough_rows_is_judged_as_if_it_were_alone():
    recording, _ = fleet([2000, 90, 90], wear=3.0)
    units = units_of(recording)
    judged = {one.unit.name: one for one in detect_units(recording, units)}
    assert [judged[f"u{i}"].pooled for i in range(3)] == [False, True, True]
    alone = detect(part_of(recording, units[0].places), train_rows=300)
    assert np.array_equal(judged["u0"].detected.score, alone.score)


def test_rows_of_units_may_be_mixed_in_the_file():
    recording, _ = fleet([60, 80, 70], wear=2.0)
    order = np.random.default_rng(0).permutation(recording.rows)
    order = order[np.argsort(recording.seconds[order], kind="stable")]
    mixed = Recording(
        channels=recording.channels,
        values=recording.values[order],
        seconds=recording.seconds[order],
        times=None,
        units=tuple(recording.units[place] for place in order),
    )
    apart = {one.unit.name: one.standing for one in detect_units(recording, units_of(recording))}
    together = {one.unit.name: one.standing for one in detect_units(mixed, units_of(mixed))}
    assert apart.keys() == together.keys()
    assert all(abs(apart[name] - together[name]) < 0.35 for name in apart)  # blocks held out differ with the order


def test_units_may_be_judged_by_another_recording():
    healthy, _ = fleet([150] * 20, seed=1)
    worn, shares = fleet([30] * 20, wear=6.0, seed=2)
    judged = detect_units(worn, units_of(worn), healthy=healthy)
    standing = {one.unit.name: one.standing for one in judged}
    assert spearmanr([standing[f"u{i}"] for i in range(20)], shares)[0] > 0.7
    assert {one.detected.healthy_rows for one in judged} == {0}


def test_too_few_rows_of_all_units_together():
    recording, _ = fleet([4, 5])
    with pytest.raises(CannotDo, match="2 units together"):
        detect_units(recording, units_of(recording))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_every_row_of_every_unit_is_scored_once(lengths, seed):
    recording, _ = fleet([*lengths, 60], seed=seed)
    random = np.random.default_rng(seed)
    recording.values[random.random(recording.values.shape) < 0.2] = np.nan
    units = units_of(recording)
    assert sorted(np.concatenate([unit.places for unit in units]).tolist()) == list(range(recording.rows))
    for one in detect_units(recording, units):
        assert len(one.detected.score) == len(one.unit.places)
        assert np.isfinite(one.detected.score).all()
        assert np.isfinite(one.standing)
