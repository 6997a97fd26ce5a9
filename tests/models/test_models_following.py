"""Following a fleet hour by hour comes to what a whole look would have come to, at an hour's cost."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from facility.errors import CannotDo, CannotParse
from facility.estate import Asset
from models.assessment.blocks import blocks_of
from models.assessment.checkpoint import conditions, load, save
from models.assessment.incremental import follow, stand
from models.assessment.pipeline import assess

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
PEERS = 12


def failing(hours):
    """A charger that gives way over the last two days."""
    return -0.02 * (hours > 38 * 24) * (hours - 38 * 24)


def ageing(hours):
    return -0.06 * np.clip(hours / 24 - 30, 0, None)


def charging(hours):
    return 0.03 * np.clip(hours / 24 - 30, 0, None)


AGED = {"battery_voltage": ageing, "charge_current": charging}


@pytest.fixture
def fleet(panels):
    return panels(
        40, changes={5: {"battery_voltage": failing}, 9: {"battery_voltage": ageing, "charge_current": charging}}
    )


@pytest.fixture
def followed(fleet, end):
    store, assets = fleet
    return store, assets, *stand(store, assets, as_of=end - 23 * HOUR, horizon=WEEK, timezone=ZONE)


def on(store, standing, assets, end, **options):
    return follow(store, standing, assets, as_of=end, horizon=WEEK, timezone=ZONE, peers=PEERS, **options)


def cold(store, assets, moment):
    return {one.asset: one for one in assess(store, assets, as_of=moment, horizon=WEEK, timezone=ZONE)}


def altered(store, assets, change):
    """The store with `change(frame)` in place of the rows of one asset or several."""
    theirs = pl.col("asset").is_in(assets)
    return type(store)(pl.concat([store.hourly.filter(~theirs), change(store.hourly.filter(theirs))]))


def test_a_whole_look_says_what_assess_says(followed, end):
    store, assets, _, first = followed
    assert first == assess(store, assets, as_of=end - 23 * HOUR, horizon=WEEK, timezone=ZONE)


def test_hour_after_hour_it_says_what_whole_looks_say(followed, end):
    """Flags differ only where a whole look is in two minds; twelve peers tell a class less well than forty do."""
    store, assets, standing, first = followed
    believed = {one.asset: one for one in first}
    for back in range(22, -1, -2):
        moment = end - back * HOUR
        hour = on(store, standing, assets, moment)
        standing = hour.standing
        believed |= {one.asset: one for one in hour.assessments}
        whole = cold(store, assets, moment)
        sure = {asset for asset, one in whole.items() if not 0.25 < one.probability < 0.75}
        assert all(believed[asset].flagged == whole[asset].flagged for asset in sure)
        assert len(sure) >= 38
        for one in hour.assessments:
            assert one.probability == pytest.approx(whole[one.asset].probability, abs=0.25)
            assert one.mode == whole[one.asset].mode or not whole[one.asset].flagged
            assert one.as_of == moment
        assert len(hour.assessments) <= 8
    assert believed["F-0005"].flagged
    assert believed["F-0009"].flagged


def test_what_was_judged_is_not_judged_again_unless_it_moves(followed, end):
    store, assets, standing, _ = followed
    once = on(store, standing, assets, end)
    assert "F-0005" in {one.asset for one in once.assessments}
    assert not on(store, once.standing, assets, end).assessments


def test_only_the_last_day_of_the_unremarkable_is_read(followed, end):
    store, assets, standing, _ = followed
    asked = []
    real = store.rollups

    def watched(**options):
        asked.append((options["start"], len(options["assets"])))
        return real(**options)

    store.rollups = watched
    on(store, standing, assets, end)
    assert [count for start, count in asked if start == end - timedelta(days=1)] == [40]
    assert max(count for start, count in asked if start < end - timedelta(days=1)) <= PEERS + 8


def test_late_data_revise_what_was_believed(followed, end):
    """Days of a failing charger arrive in one piece, and the last of them is long over."""
    store, assets, standing, _ = followed

    def drained(frame):
        here = (pl.col("channel") == "battery_voltage") & pl.col("hour").is_between(
            end - timedelta(days=9), end - timedelta(days=1, hours=1)
        )
        columns = ("mean", "min", "max", "first", "last")
        return frame.with_columns(*(pl.when(here).then(pl.col(c) - 2.0).otherwise(pl.col(c)).alias(c) for c in columns))

    late = altered(store, ["F-0020"], drained)
    assert "F-0020" not in {one.asset for one in on(late, standing, assets, end).assessments}
    told = {one.asset: one for one in on(late, standing, assets, end, late=["F-0020"]).assessments}
    whole = cold(late, assets, end)["F-0020"]
    assert told["F-0020"].probability == pytest.approx(whole.probability, abs=0.1)
    assert told["F-0020"].evidence[0].channel == whole.evidence[0].channel == "battery_voltage"


def test_assets_come_and_go_and_are_described_anew(followed, end):
    store, assets, standing, _ = followed
    changed = replace(assets[7], attributes={"criticality": "5"})
    today = [Asset(id="F-new", kind="fire_panel"), *assets[:3], *assets[4:7], changed, *assets[8:]]
    hour = on(store, standing, today, end)
    again = {one.asset for one in hour.assessments}
    assert {"F-new", "F-0007", "F-0005"} <= again
    assert "F-0003" not in hour.standing.assets
    assert len(hour.standing.assets) == 40
    assert hour.standing.expected.owner.max() == 39
    assert not on(store, hour.standing, today, end).assessments
    whole = cold(store, today, end)
    for one in hour.assessments:
        assert one.probability == pytest.approx(whole[one.asset].probability, abs=0.1)


def test_a_unit_that_changes_within_the_day_is_sensor_trouble(followed, end):
    store, assets, standing, _ = followed

    def in_millivolts(frame):
        here = (pl.col("channel") == "battery_voltage") & (pl.col("hour") >= end - 20 * HOUR)
        columns = ("mean", "min", "max", "first", "last", "std")
        return frame.with_columns(
            *(pl.when(here).then(pl.col(c) * 1000).otherwise(pl.col(c)).alias(c) for c in columns)
        )

    swapped = altered(store, ["F-0020"], in_millivolts)
    told = {one.asset: one for one in on(swapped, standing, assets, end).assessments}
    whole = cold(swapped, assets, end)["F-0020"]
    assert told["F-0020"].flagged == whole.flagged is False
    assert told["F-0020"].sensor_probability == whole.sensor_probability


def test_what_falls_silent_is_looked_at(followed, end):
    store, assets, standing, _ = followed
    quiet = altered(store, ["F-0020"], lambda frame: frame.filter(pl.col("hour") < end - 22 * HOUR))
    hour = on(quiet, standing, assets, end)
    told = {one.asset: one for one in hour.assessments}
    assert told["F-0020"].coverage == cold(quiet, assets, end)["F-0020"].coverage
    assert not on(quiet, hour.standing, assets, end).assessments


def test_a_look_of_yesterday_is_too_old_and_one_of_tomorrow_no_use(followed, end):
    store, assets, standing, _ = followed
    with pytest.raises(CannotDo, match="too old"):
        on(store, standing, assets, end + 2 * HOUR)
    with pytest.raises(CannotDo):
        on(store, standing, assets, standing.seen_at - HOUR)


def test_where_much_has_changed_the_whole_fleet_is_due(followed, end):
    store, assets, standing, _ = followed
    with pytest.raises(CannotDo, match="have changed"):
        on(store, standing, assets, end, late=[one.id for one in assets[:25]])


def test_a_standing_is_kept_whole_or_not_at_all(followed, end, tmp_path, monkeypatch):
    store, assets, standing, _ = followed
    file = tmp_path / "standing.npz"
    assert load(file) is None
    save(file, replace(standing, conditions="x", cursor="7"))
    kept = load(file)
    assert kept is not None
    assert (kept.conditions, kept.cursor, kept.whole_at) == ("x", "7", standing.whole_at)
    assert on(store, kept, assets, end).assessments == on(store, standing, assets, end).assessments
    before = file.read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        save(file, standing)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "objects", "other"])
def test_a_broken_standing_is_refused(followed, tmp_path, damage):
    _, _, standing, _ = followed
    file = tmp_path / "standing.npz"
    save(file, standing)
    content = file.read_bytes()
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "flipped":
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :])
    else:
        arrays = dict(np.load(file))
        if damage == "objects":
            arrays["owner"] = np.array([object()] * len(arrays["owner"]), dtype=object)
        else:
            arrays["owner"] = arrays["owner"][:-1]
        out = io.BytesIO()
        np.savez(out, **arrays)
        file.write_bytes(out.getvalue())
    with pytest.raises(CannotParse):
        load(file)


def test_other_conditions_have_another_word(tmp_path, monkeypatch):
    once = conditions("fleet-1", WEEK)
    assert conditions("fleet-1", WEEK) == once
    assert conditions("fleet-3", WEEK) != once
    assert conditions("fleet-1", 2 * WEEK) != once
    monkeypatch.setattr("models.assessment.checkpoint.FOLDER", tmp_path)
    (tmp_path / "lift.toml").write_text("another catalogue")
    assert conditions("fleet-1", WEEK) != once


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_word_is_the_same_in_every_process(seed):
    script = "from models.assessment.checkpoint import conditions; print(conditions('x'))"
    environment = os.environ | {"PYTHONHASHSEED": seed}
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == conditions("x")


def test_blocks_hold_every_asset_once_and_keep_small_classes_together():
    kinds = ["lift"] * 700 + ["fire_panel"] * 250 + ["tank"] * 30
    assets = [Asset(id=str(i), kind=kind, site=f"s{i % 7}") for i, kind in enumerate(kinds)]
    blocks = blocks_of(assets, largest=300)
    assert sorted(place for block in blocks for place in block) == list(range(980))
    assert max(len(block) for block in blocks) <= 400
    of_tanks = [sum(assets[place].kind == "tank" for place in block) for block in blocks]
    assert sorted(of_tanks)[-1] == 30
    assert len(blocks_of(assets)) == 1
    assert [len(block) for block in blocks_of([])] == [0]


def test_in_blocks_the_same_is_found(panels, end, monkeypatch):
    """Class figures come from fewer assets; who is ill does not change."""
    changes = {
        5: {"battery_voltage": failing},
        9: {"battery_voltage": ageing, "charge_current": charging},
        33: {"battery_voltage": ageing, "charge_current": charging},
    }
    store, assets = panels(40, changes=changes)
    whole = cold(store, assets, end)
    monkeypatch.setattr("models.assessment.blocks.LARGEST", 20)
    monkeypatch.setattr("models.assessment.fault_isolation.blocks_of", lambda them: blocks_of(them, largest=20))
    monkeypatch.setattr("models.assessment.blocks.MEMBERS", 15)
    parts = cold(store, assets, end)
    assert list(parts) == list(whole)
    assert {a for a, one in parts.items() if one.flagged} == {a for a, one in whole.items() if one.flagged}
    for asset, one in parts.items():
        assert one.probability == pytest.approx(whole[asset].probability, abs=0.15)
