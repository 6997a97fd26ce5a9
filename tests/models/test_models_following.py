"""Following a fleet hour by hour comes to what a full look would have come to, at an hour's cost."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from facility.errors import CannotDo
from models.assessing import assess
from models.following import follow, stand

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)


def failing(hours):
    """A charger that gives way over the last two days."""
    return -0.02 * (hours > 38 * 24) * (hours - 38 * 24)


@pytest.fixture
def followed(panels, end):
    store, assets = panels(24, changes={5: {"battery_voltage": failing}})
    standing, first = stand(store, assets, as_of=end - timedelta(hours=23), horizon=WEEK, timezone=ZONE)
    return store, assets, standing, first


def test_a_full_look_says_what_assess_says(followed, end):
    store, assets, _, first = followed
    assert first == assess(store, assets, as_of=end - timedelta(hours=23), horizon=WEEK, timezone=ZONE)


def test_what_turns_bad_between_two_looks_is_found_like_in_a_full_one(followed, end):
    store, assets, standing, _ = followed
    whole = {one.asset: one for one in assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)}
    newer = {one.asset: one for one in follow(store, standing, as_of=end, horizon=WEEK, timezone=ZONE)}
    assert "F-0005" in newer
    assert newer["F-0005"].flagged == whole["F-0005"].flagged is True
    assert newer["F-0005"].mode == whole["F-0005"].mode
    assert not any(one.flagged for name, one in newer.items() if name != "F-0005")
    assert len(newer) <= 6


def test_only_the_last_day_is_read(followed, end):
    store, _, standing, _ = followed
    asked = []
    real = store.rollups

    def watched(**options):
        asked.append(options)
        return real(**options)

    store.rollups = watched
    follow(store, standing, as_of=end, horizon=WEEK, timezone=ZONE)
    assert asked
    assert all(one["start"] == end - timedelta(days=1) for one in asked)


def test_a_look_of_yesterday_is_too_old(followed, end):
    store, _, standing, _ = followed
    with pytest.raises(CannotDo, match="too old"):
        follow(store, standing, as_of=end + timedelta(hours=2), horizon=WEEK, timezone=ZONE)
