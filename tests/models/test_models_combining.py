"""From p-values to probabilities: they mean what they say wherever trouble shows as it is supposed to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.assessment.fusion import PLAINEST, PRIOR, fleet_null, log_odds

chances = st.floats(1e-12, 0.999)


def probability(p, prior=PRIOR):
    return 1 / (1 + np.exp(-log_odds(np.asarray(p), prior)))


@given(chances, chances)
def test_less_likely_by_chance_is_likelier_trouble(one, other):
    low, high = sorted((one, other))
    assert probability(low) >= probability(high)


def test_the_odds_come_from_a_density():
    """Its integral over all p-values is one: what strong signs gain in belief, missing ones lose."""
    nats = np.linspace(1e-3, 400, 2_000_000)
    density = np.exp(log_odds(np.exp(-nats), 0.5))
    assert np.trapezoid(density * np.exp(-nats), nats) == pytest.approx(1.0, abs=2e-3)


def test_an_asset_that_looks_like_any_other_is_likelier_well_than_the_prior_says():
    assert 0.2 * PRIOR < probability(0.999) < 0.5 * PRIOR
    assert probability(1e-6) > 0.9


def fleet(share, count=20_000):
    """p-values of assets whose trouble shows anything from hardly to plainly, and which of them are ill."""
    random = np.random.default_rng(7)
    ill = random.random(count) < share
    shape = np.exp(random.uniform(np.log(PLAINEST), 0, count))
    return np.clip(np.where(ill, random.random(count) ** (1 / shape), random.random(count)), 1e-300, 0.999), ill


@pytest.mark.parametrize("share", [0.02, 0.12, 0.25])
def test_what_is_stated_comes_so(share):
    p, ill = fleet(share)
    stated = probability(p, share)
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 1.0)):
        inside = (stated >= low) & (stated < high)
        if inside.sum() < 100:
            continue
        error = np.sqrt(0.25 / inside.sum())
        assert stated[inside].mean() == pytest.approx(ill[inside].mean(), abs=3 * error)


def test_much_trouble_in_a_fleet_makes_more_likely():
    calm, troubled = (fleet_null(fleet(share)[0]).prior for share in (0.02, 0.12))
    assert calm < 0.05
    assert 0.07 < troubled < 0.15
