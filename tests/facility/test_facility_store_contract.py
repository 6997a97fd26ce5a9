"""The contract of `facility.store.Store` in code: every implementation passes the same suite.

The lake runs always, on a disk and on an object store. InfluxDB runs where `SERVICEDAY_TEST_INFLUX_URL`, `_TOKEN` and
`_ORG` name a server (2.x) that the tests may create and delete buckets on; otherwise it is skipped, visibly.
"""

import math
from datetime import timedelta
from itertools import pairwise

import polars as pl
import pytest
from store_tools import START, at, table

from facility.store import READINGS, Appended, Retention, Store

SHOWN = ["asset", "channel", "hour", "count", "mean", "std", "min", "max", "first", "last", "increase", "time_weighted"]


def near(found: list[float], expected: list[float]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9), (found, expected)


def test_what_is_appended_is_read_back_sorted(store: Store) -> None:
    store.append(table([("b", "x", 0, 1.0), ("a", "x", 5, 2.0), ("a", "x", 0, 3.0)]))
    found = store.read()
    assert found.columns == READINGS.names
    assert found.schema["time"] == pl.Datetime("us", "UTC")
    assert found.select("asset", "time", "value").rows() == [("a", at(0), 3.0), ("a", at(5), 2.0), ("b", at(0), 1.0)]
    assert found["arrived"].to_list() == [START + timedelta(days=30)] * 3


def test_microseconds_negative_and_tiny_values_survive(store: Store) -> None:
    values = [-1.5, 1e-300, 1.7e308, 0.1 + 0.2, 3.0]
    rows = [("a", "x", minute, value) for minute, value in enumerate(values)]
    odd = table(rows)
    shifted = pl.DataFrame(pl.from_arrow(odd)).with_columns(pl.col("time") + pl.duration(microseconds=123_457))
    store.append(shifted.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS))
    found = store.read()
    assert found["value"].to_list() == values
    assert found["time"].to_list() == [at(minute) + timedelta(microseconds=123_457) for minute in range(5)]


def test_names_with_spaces_quotes_and_chinese_survive(store: Store) -> None:
    names = ["L 1", "a,b=c", 'q"u\\o"te', "电梯-1", "tail\\", "x' or 1=1", "$var {n}"]
    store.append(table([(name, "x", 0, float(number)) for number, name in enumerate(names)]))
    assert store.read()["asset"].to_list() == sorted(names)
    for number, name in enumerate(names):
        assert store.read(assets=[name])["value"].to_list() == [float(number)], name
    assert store.delete('q"u\\o"te') == 1
    assert store.delete("x' or 1=1") == 1
    assert store.size().readings == len(names) - 2


def test_ranges_are_half_open_and_filters_join(store: Store) -> None:
    store.append(table([(a, c, m, float(m)) for a in "abc" for c in "xy" for m in (0, 10, 20)]))
    found = store.read(assets=["a", "c"], channels=["y"], start=at(10), end=at(20))
    assert found.select("asset", "channel", "value").rows() == [("a", "y", 10.0), ("c", "y", 10.0)]
    assert store.read(assets=[]).is_empty()
    assert store.read(assets=["zz"]).is_empty()
    assert store.read(start=at(500)).columns == READINGS.names


def test_repeats_count_as_duplicates_wherever_they_stand(store: Store) -> None:
    first = table([("a", "x", 0, 1.0), ("a", "x", 1, 2.0)])
    assert store.append(first) == Appended(2, 0, 0)
    assert store.append(first) == Appended(0, 2, 0)
    assert store.append(table([("a", "x", 3, 1.0), ("a", "x", 3, 5.0)])) == Appended(1, 1, 0)
    assert store.read(start=at(3))["value"].to_list() == [5.0]
    assert store.size().readings == 3


def test_an_empty_append_moves_the_cursor(store: Store) -> None:
    assert store.append(READINGS.empty_table(), source="s", cursor=3, tally="t") == Appended(0, 0, 0)
    assert store.cursor("s") == (3, Appended(0, 0, 0), "t")


def test_late_readings_are_kept_and_counted(store: Store) -> None:
    store.append(table([("a", "x", 100, 1.0)]))
    assert store.append(table([("a", "x", 50, 2.0), ("a", "y", 10, 2.0)])) == Appended(2, 0, 1)


def test_another_value_for_the_same_identity_replaces_the_old(store: Store) -> None:
    store.append(table([("a", "x", 0, 1.0), ("a", "x", 1, 5.0), ("b", "x", 0, 9.0)]))
    assert store.append(table([("a", "x", 0, 2.0), ("a", "x", 2, 6.0)])) == Appended(1, 1, 0)
    assert store.read()["value"].to_list() == [2.0, 5.0, 6.0, 9.0]
    store.append(table([("a", "x", 2, 7.0)]))
    assert store.latest(assets=["a"])["value"].to_list() == [7.0]
    near(store.rollups(assets=["a"])["mean"].to_list(), [14 / 3])


def test_a_reopened_store_still_knows_duplicates(store: Store, reopened) -> None:
    store.append(table([("a", "x", 0, 1.0)]))
    store.maintain()
    again = reopened()
    assert again.append(table([("a", "x", 0, 1.0), ("a", "x", 9, 1.0)])) == Appended(1, 1, 0)


def test_two_writers_take_turns_and_count_each_other(store: Store, reopened) -> None:
    other = reopened()
    assert store.append(table([("a", "x", 0, 1.0)])) == Appended(1, 0, 0)
    assert other.append(table([("a", "x", 0, 1.0), ("a", "x", 1, 1.0)])) == Appended(1, 1, 0)
    assert store.append(table([("a", "x", 1, 1.0), ("a", "x", 2, 1.0)])) == Appended(1, 1, 0)
    assert store.size().readings == 3
    assert other.append(table([("new", "y", 0, 1.0)])) == Appended(1, 0, 0)
    assert store.append(table([("new", "y", 0, 1.0), ("newer", "z", 0, 1.0)])) == Appended(1, 1, 0)


def test_cursor_travels_with_the_rows(store: Store, reopened) -> None:
    assert store.cursor("journal") is None
    store.append(table([("a", "x", 0, 1.0)]), source="journal", cursor=7, tally="seven")
    store.append(table([("b", "x", 0, 1.0)]), source="files", cursor=99)
    store.append(table([("c", "x", 0, 1.0)]))
    store.maintain()
    assert reopened().cursor("journal") == (7, Appended(1, 0, 0), "seven")
    store.append(table([("a", "x", 0, 1.0)]), source="journal", cursor=8, tally="eight")
    assert store.cursor("journal") == (8, Appended(0, 1, 0), "eight")


def test_latest_is_by_device_time_not_by_arrival(store: Store) -> None:
    store.append(table([("a", "x", 100, 1.0), ("b", "y", 5, 2.0)]))
    store.maintain()
    store.append(table([("a", "x", 50, 3.0), ("b", "y", 6, 4.0), ("c", "z", 1, 5.0)]))
    found = store.latest()
    assert found.columns == READINGS.names
    assert found.select("asset", "channel", "time", "value").rows() == [
        ("a", "x", at(100), 1.0),
        ("b", "y", at(6), 4.0),
        ("c", "z", at(1), 5.0),
    ]
    assert store.latest(assets=["c"])["value"].to_list() == [5.0]


@pytest.mark.parametrize("kept", [False, True], ids=["asked", "kept"])
def test_rollups_summarise_each_hour_and_handle_resets(store: Store, kept: bool) -> None:
    store.append(table([("a", "n", 0, 10.0), ("a", "n", 30, 14.0), ("a", "n", 60, 15.0), ("a", "n", 90, 2.0)]))
    if kept:
        store.maintain()
    found = store.rollups()
    assert found.columns == SHOWN
    assert found.schema["count"] == pl.Int32
    assert found["hour"].to_list() == [at(0), at(60)]
    near(found["increase"].to_list(), [4.0, 3.0])
    assert found["count"].to_list() == [2, 2]
    first = found.row(0, named=True)
    near([first[name] for name in ("mean", "std", "min", "max", "first", "last")], [12.0, 2.0, 10.0, 14.0, 10.0, 14.0])
    near(found["time_weighted"].to_list(), [12.0, 8.5])


@pytest.mark.parametrize("kept", [False, True], ids=["asked", "kept"])
def test_a_switch_weighs_by_the_time_it_was_on(store: Store, kept: bool) -> None:
    """On from 0:45, off from 1:15 and again from 1:45, silent for an hour, on at 3:30."""
    store.append(
        table([("a", "s", 0, 0), ("a", "s", 45, 1), ("a", "s", 75, 0), ("a", "s", 105, 1), ("a", "s", 210, 1)])
    )
    if kept:
        store.maintain()
    near(store.rollups()["time_weighted"].to_list(), [0.25, 0.5, 1.0])


def test_late_data_revises_the_rollups_it_touches(store: Store) -> None:
    store.append(table([("a", "x", 0, 1.0), ("a", "x", 3000, 5.0)]))
    store.maintain()
    before = store.rollups(start=at(60))
    store.append(table([("a", "x", 30, 3.0)]))
    near(store.rollups()["mean"].to_list(), [2.0, 5.0])
    store.maintain()
    near(store.rollups()["mean"].to_list(), [2.0, 5.0])
    assert store.rollups(start=at(60)).equals(before)


def test_a_counter_that_steps_back_once_counts_nothing_twice(store: Store) -> None:
    values = [120_000.0, 120_002.0, 119_999.0, 120_003.0, 3.0, 5.0]
    store.append(table([("a", "n", 20 * number, value) for number, value in enumerate(values)]))
    near([store.rollups()["increase"].sum()], [2.0 + 0.0 + 4.0 + 3.0 + 2.0])


def test_rollups_grow_with_the_running_hour(store: Store) -> None:
    values = [3.0, 5.0, 4.0, 8.0, 1.0, 2.5]
    for minute, value in enumerate(values):
        store.append(table([("a", "x", 10 * minute, value)]))
        store.maintain()
        seen = values[: minute + 1]
        found = store.rollups().row(0, named=True)
        mean = sum(seen) / len(seen)
        spread = math.sqrt(sum((one - mean) ** 2 for one in seen) / len(seen))
        grown = sum(b - a if b >= a else b if b < a * 0.5 else 0.0 for a, b in pairwise(seen))
        weighted = (sum(seen[:-1]) * 600 + seen[-1] * (3600 - 600 * minute)) / 3600
        near(
            [
                found[name]
                for name in ("count", "mean", "std", "min", "max", "first", "last", "increase", "time_weighted")
            ],
            [len(seen), mean, spread, min(seen), max(seen), seen[0], seen[-1], grown, weighted],
        )


def test_rollups_end_where_asked_even_within_an_hour(store: Store) -> None:
    store.append(table([("a", "x", 0, 1.0), ("a", "x", 30, 3.0), ("a", "x", 70, 9.0)]))
    store.maintain()
    near(store.rollups(end=at(20))["mean"].to_list(), [1.0])
    near(store.rollups(start=at(1))["mean"].to_list(), [9.0])
    assert store.rollups(assets=["a"], channels=["y"]).is_empty()


@pytest.mark.parametrize("minutes", [1, 15, 60, 180, 1440])
def test_read_at_a_resolution(store: Store, minutes: int) -> None:
    rows = [("a", "x", minute, float(minute % 7)) for minute in range(0, 400, 5)]
    store.append(table(rows))
    found = store.read(resolution=timedelta(minutes=minutes))
    assert found.columns == ["asset", "channel", "time", "value", "min", "max", "last", "count"]
    groups: dict[int, list[float]] = {}
    for _, _, minute, value in rows:
        groups.setdefault(minute // minutes, []).append(value)
    assert found["time"].to_list() == [at(number * minutes) for number in groups]
    near(found["value"].to_list(), [sum(g) / len(g) for g in groups.values()])
    assert found["count"].to_list() == [len(g) for g in groups.values()]
    assert found["last"].to_list() == [g[-1] for g in groups.values()]
    assert found["min"].to_list() == [min(g) for g in groups.values()]
    inside = store.read(resolution=timedelta(minutes=minutes), start=at(7), end=at(123))
    assert int(inside["count"].sum()) == len([m for _, _, m, _ in rows if 7 <= m < 123])


def test_it_tells_whose_past_has_changed(store: Store) -> None:
    """Readings that come in time do not count; late ones, corrected ones and deletions do."""
    store.append(table([("a", "x", 0, 1.0), ("b", "x", 0, 2.0), ("c", "x", 0, 2.0)]))
    start = store.revised("", before=at(1800))
    assert start.assets is None
    store.append(table([("a", "x", 1800, 1.0), ("d", "x", 1860, 1.0)]))
    calm = store.revised(start.cursor, before=at(1800))
    assert calm.assets == frozenset()
    store.append(table([("b", "x", 5, 1.0), ("a", "x", 1920, 1.0)]))
    late = store.revised(calm.cursor, before=at(1800))
    assert late.assets is not None
    assert "b" in late.assets
    assert "d" not in late.assets
    store.delete("c")
    gone = store.revised(late.cursor, before=at(1800))
    assert gone.assets is None or "c" in gone.assets
    store.append(table([("b", "x", 0, 7.0)]))
    corrected = store.revised(gone.cursor, before=at(1800))
    assert corrected.assets is None or "b" in corrected.assets
    assert store.revised("9" * 12, before=at(1800)).assets is None


def test_a_deleted_asset_is_gone_and_may_come_again(store: Store) -> None:
    store.append(table([(a, "x", m, 1.0) for a in "abc" for m in (0, 70)]))
    store.maintain()
    assert store.delete("b") == 2
    assert store.delete("nobody") == 0
    assert store.read()["asset"].unique().sort().to_list() == ["a", "c"]
    assert store.latest()["asset"].to_list() == ["a", "c"]
    assert store.rollups()["asset"].unique().sort().to_list() == ["a", "c"]
    assert store.append(table([("b", "x", 70, 4.0)])) == Appended(1, 0, 0)
    assert store.latest(assets=["b"])["value"].to_list() == [4.0]
    near(store.rollups(assets=["b"])["mean"].to_list(), [4.0])
    store.maintain()
    near(store.rollups(assets=["b"])["mean"].to_list(), [4.0])


def test_size_says_how_much_there_is(store: Store) -> None:
    assert store.size().readings == 0
    assert store.size().first is None
    store.append(table([("a", "x", 0, 1.0), ("a", "x", 9000, 1.0), ("b", "x", 5, 1.0)]))
    size = store.size()
    assert (size.readings, size.first, size.last) == (3, at(0), at(9000))


def test_retention_is_remembered(store: Store, reopened) -> None:
    assert store.retention() == Retention()
    kept = Retention(raw=timedelta(days=36_500), hourly=timedelta(days=73_000))
    store.retain(kept)
    assert store.retention() == kept
    assert reopened().retention() == kept
    store.append(table([("a", "x", 0, 1.0)]))
    store.maintain()
    assert store.size().readings == 1


def test_health_speaks_for_itself(store: Store) -> None:
    health = store.health()
    assert health.ok
    assert health.kind in ("lake", "influx")
    assert health.detail


def test_syncing_and_closing_can_be_repeated(store: Store) -> None:
    store.append(table([("a", "x", 0, 1.0)]))
    for _ in range(2):
        store.sync()
        store.maintain()
    store.close()
