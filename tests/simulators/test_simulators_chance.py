"""Chance is a function: the same draw whatever was drawn before it, in any order and portion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.chance import Lot, Stream

KEYS = st.integers(0, 2**64 - 1)
INDICES = st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=50)


@given(KEYS, INDICES)
def test_a_draw_depends_on_key_and_index_alone(key: int, indices: list[int]) -> None:
    stream, index = Stream(key), np.array(indices, dtype=np.int64)
    together = stream.normal(index)
    alone = np.concatenate([stream.normal(index[i : i + 1]) for i in range(len(index))])
    assert np.array_equal(together, alone)
    assert np.isfinite(together).all()
    assert ((stream.uniform(index) >= 0) & (stream.uniform(index) < 1)).all()


@pytest.mark.parametrize("mean", [0.02, 0.7, 3.0, 5.9, 6.1, 40.0])
def test_counts_have_their_mean_and_spread(mean: float) -> None:
    counts = Lot(1, "counter").stream("counts").poisson(np.arange(40_000, dtype=np.int64), mean)
    assert counts.mean() == pytest.approx(mean, rel=0.06, abs=0.01)
    assert counts.var() == pytest.approx(mean, rel=0.1, abs=0.01)
    assert (counts >= 0).all()
    assert (counts == np.rint(counts)).all()


def test_normal_draws_are_normal() -> None:
    draws = Lot(2, "x").stream("y").normal(np.arange(100_000, dtype=np.int64))
    assert abs(draws.mean()) < 0.02
    assert draws.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(np.abs(draws) > 2) == pytest.approx(0.0455, abs=0.005)


def test_wander_is_the_same_in_portions_and_has_no_jumps() -> None:
    seconds = np.arange(0, 40 * 86_400, 900, dtype=np.int64)
    stream = Lot(3, "x").stream("front")
    whole = stream.wander(seconds, 86_400)
    assert np.allclose(whole[1000:], stream.wander(seconds[1000:], 86_400), atol=1e-9)
    assert np.abs(np.diff(whole)).max() < 0.1


def test_owners_and_names_do_not_share_their_luck() -> None:
    shares = {Lot(seed, owner).share(name) for seed in (1, 2) for owner in ("a", "b") for name in ("x", "y")}
    assert len(shares) == 8
