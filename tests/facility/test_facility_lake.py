from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facility.errors import CannotDo
from facility.store import READINGS, Appended, open_store
from facility.store.hourly import HOURLY, KEY
from facility.store.lake.lake import Lake
from facility.store.lake.query import in_order

START = datetime(2026, 3, 1, tzinfo=UTC)


def table(rows: list[tuple[str, str, int, float]]) -> pa.Table:
    """(asset, channel, minutes after START, value)"""
    return pa.table(
        {
            "asset": [row[0] for row in rows],
            "channel": [row[1] for row in rows],
            "time": [START + timedelta(minutes=row[2]) for row in rows],
            "value": [row[3] for row in rows],
            "arrived": [START + timedelta(days=30)] * len(rows),
        },
        schema=READINGS,
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "readings", create=True)


def test_what_is_appended_is_read_back_sorted(lake: Lake) -> None:
    lake.append(table([("b", "x", 0, 1.0), ("a", "x", 5, 2.0), ("a", "x", 0, 3.0)]))
    assert lake.read().select("asset", "value").rows() == [("a", 3.0), ("a", 2.0), ("b", 1.0)]


def test_repeats_count_as_duplicates_wherever_they_stand(lake: Lake) -> None:
    first = table([("a", "x", 0, 1.0), ("a", "x", 1, 2.0)])
    assert lake.append(first) == Appended(2, 0, 0)
    assert lake.append(first) == Appended(0, 2, 0)
    assert lake.append(table([("a", "x", 3, 1.0), ("a", "x", 3, 1.0)])) == Appended(1, 1, 0)
    assert lake.size().readings == 3


def test_late_readings_are_kept_and_counted(lake: Lake) -> None:
    lake.append(table([("a", "x", 100, 1.0)]))
    assert lake.append(table([("a", "x", 50, 2.0), ("a", "y", 10, 2.0)])) == Appended(2, 0, 1)


def test_another_value_for_the_same_identity_replaces_the_old(lake: Lake) -> None:
    lake.append(table([("a", "x", 0, 1.0), ("a", "x", 1, 5.0), ("b", "x", 0, 9.0)]))
    assert lake.append(table([("a", "x", 0, 2.0), ("a", "x", 2, 6.0)])) == Appended(1, 1, 0)
    assert lake.read()["value"].to_list() == [2.0, 5.0, 6.0, 9.0]


def test_a_reopened_store_still_knows_duplicates(lake: Lake) -> None:
    lake.append(table([("a", "x", 0, 1.0)]))
    lake.maintain()
    again = Lake(lake.folder)
    assert again.append(table([("a", "x", 0, 1.0), ("a", "x", 9, 1.0)])) == Appended(1, 1, 0)


def test_cursor_travels_with_the_rows(lake: Lake) -> None:
    assert lake.cursor("journal") is None
    lake.append(table([("a", "x", 0, 1.0)]), source="journal", cursor=7, tally="seven")
    lake.append(table([("b", "x", 0, 1.0)]))
    lake.maintain()
    assert Lake(lake.folder).cursor("journal") == (7, Appended(1, 0, 0), "seven")
    lake.append(table([("a", "x", 0, 1.0)]), source="journal", cursor=8, tally="eight")
    assert lake.cursor("journal") == (8, Appended(0, 1, 0), "eight")


def test_rollups_summarise_each_hour_and_handle_resets(lake: Lake) -> None:
    lake.append(table([("a", "n", 0, 10.0), ("a", "n", 30, 14.0), ("a", "n", 60, 15.0), ("a", "n", 90, 2.0)]))
    rows = lake.rollups().rows(named=True)
    assert [row["increase"] for row in rows] == [4.0, 3.0]
    assert [row["count"] for row in rows] == [2, 2]
    assert (rows[0]["mean"], rows[0]["first"], rows[0]["last"], rows[0]["std"]) == (12.0, 10.0, 14.0, 2.0)


def test_late_data_revises_rollups_that_were_kept(lake: Lake) -> None:
    lake.append(table([("a", "x", 0, 1.0), ("a", "x", 3000, 5.0)]))
    lake.maintain()
    lake.append(table([("a", "x", 30, 3.0)]))
    assert lake.rollups()["mean"].to_list() == [2.0, 5.0]
    lake.maintain()
    assert lake.rollups()["mean"].to_list() == [2.0, 5.0]


def test_rollups_end_where_asked_even_within_an_hour(lake: Lake) -> None:
    lake.append(table([("a", "x", 0, 1.0), ("a", "x", 30, 3.0), ("a", "x", 70, 9.0)]))
    lake.maintain()
    end = START + timedelta(minutes=20)
    assert lake.rollups(end=end)["mean"].to_list() == [1.0]


def test_many_small_commits_are_compacted_without_loss(lake: Lake) -> None:
    for minute in range(30):
        lake.append(table([("a", "x", minute, float(minute))]))
    lake.maintain()
    assert lake.size().files == 1
    assert lake.read()["value"].to_list() == [float(m) for m in range(30)]
    lake.sync()
    lake.append(table([("a", "x", 40, 0.0)]))
    lake.sync()


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotDo, match="no readings"):
        open_store(tmp_path / "none")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    with pytest.raises(CannotDo, match="not a serviceday store"):
        open_store(tmp_path / "other", create=True)
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "store.json").write_text('{"format": 99}')
    with pytest.raises(CannotDo, match="newer serviceday"):
        open_store(tmp_path / "newer")


ROW = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 4000), st.integers(0, 3).map(float))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.tuples(st.lists(ROW, max_size=12), st.booleans()), min_size=1, max_size=6))
def test_the_lake_agrees_with_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[list[tuple[str, str, int, float]], bool]]
) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake") / "readings", create=True)
    model: dict[tuple[str, str, int], float] = {}
    for rows, maintain in batches:
        before = len(model)
        model.update({row[:3]: row[3] for row in rows})
        done = lake.append(table(rows))
        assert (done.stored, done.stored + done.duplicates) == (len(model) - before, len(rows))
        if maintain:
            lake.maintain()
    found = {
        (a, c, round((t - START).total_seconds() / 60)): v
        for a, c, t, v in lake.read().select("asset", "channel", "time", "value").rows()
    }
    assert found == model
    newest = {(a, c): max(m for x, y, m in model if (x, y) == (a, c)) for a, c, _ in model}
    latest = {(r["asset"], r["channel"]): r["value"] for r in lake.latest().rows(named=True)}
    assert latest == {(a, c): model[a, c, m] for (a, c), m in newest.items()}
    rollups = lake.rollups()
    assert int(rollups["count"].sum()) == len(model)
    assert rollups.equals(Lake(lake.folder).rollups())
    assert isinstance(rollups, pl.DataFrame)


def test_runs_of_a_channel_that_reach_into_each_other_are_put_in_order() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)

    def run(channel: str, *hours: int) -> pl.DataFrame:
        rows = [{"asset": "a", "channel": channel, "hour": start + timedelta(hours=hour)} for hour in hours]
        return pl.DataFrame(rows, schema=HOURLY)

    one = pl.concat([run("x", *range(24)), run("y", *range(24), *range(72, 96))])
    other = pl.concat([run("x", *range(24, 48)), run("y", *range(24, 48))])
    made = in_order([one, other])
    assert made.equals(made.sort(KEY))
    assert made.height == one.height + other.height
