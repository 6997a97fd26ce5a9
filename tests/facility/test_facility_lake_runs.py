"""Merging as a stream: the same rows as all at once, in order, however the files reach into each other."""

from datetime import date
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from store_tools import table

from facility.store.deduplication import FRAME, IDENTITY, frame_of
from facility.store.lake import compaction, merge
from facility.store.lake import table as lake_table
from facility.store.lake.lake import Lake
from facility.store.lake.location import Place
from facility.store.lake.table import Table

DAY = date(2026, 3, 1)
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 900)), min_size=1, max_size=60)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(ROWS, min_size=1, max_size=5), at_once=st.integers(1, 40))
def test_a_stream_gives_every_row_once_and_in_order(tmp_path_factory, monkeypatch, files, at_once):
    monkeypatch.setattr(merge, "LEAST", 1)
    folder = tmp_path_factory.mktemp("runs")
    Table.create(Place(str(folder)), FRAME)
    kept = Table(Place(str(folder)), frame=FRAME, time="time")
    frames = [frame_of(table([(*key, 1.0) for key in sorted(set(rows))])) for rows in files]
    listed = pl.DataFrame(
        {"path": [kept.write(frame, DAY).path for frame in frames], "rows": [f.height for f in frames]}
    )
    given_ = list(kept.merged(listed, at_once))
    assert_frame_equal(pl.concat(given_), pl.concat(frames).sort(IDENTITY))
    ends = [(frame.row(0)[:3], frame.row(-1)[:3]) for frame in given_]
    assert all(before[1] < after[0] for before, after in pairwise(ends))
    assert max(frame.height for frame in given_) <= 2 * at_once + 2 * len(files)


def test_blocks_of_a_day_become_larger_ones_and_end_apart_by_assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compaction, "SMALL_FILES", 3)
    monkeypatch.setattr(compaction, "SMALL_ROWS", 8)
    monkeypatch.setattr(compaction, "BLOCK_ROWS", 40)
    monkeypatch.setattr(compaction, "FILE_ROWS", 90)
    monkeypatch.setattr(compaction, "OPEN_FILES", 4)
    monkeypatch.setattr(lake_table, "AT_ONCE", 20)
    monkeypatch.setattr(merge, "LEAST", 4)
    lake = Lake(tmp_path / "readings", create=True)
    for minute in range(100):
        lake.append(table([(asset, "x", minute, float(minute)) for asset in "abcd"]))
        if minute % 5 == 4:
            lake.maintain()
            assert lake.readings_files().height <= 3 * 4
    before = lake.read()
    lake.compact()
    files = lake.readings_files().sort("asset_first")
    assert files.height > 1
    assert (files["asset_last"].shift(1) < files["asset_first"])[1:].all()
    assert lake.read().equals(before)


def test_an_hour_that_is_over_is_not_written_again(tmp_path: Path):
    lake = Lake(tmp_path / "readings", create=True)
    for hour in range(4):
        lake.append(table([("a", "x", 60 * hour + minute, 1.0) for minute in range(30)]))
        lake.maintain()
    files = set(lake._hours.snapshot().files["path"].to_list())
    assert len(files) == 4
    lake.append(table([("a", "x", 230, 2.0)]))
    lake.maintain()
    assert len(files & set(lake._hours.snapshot().files["path"].to_list())) == 3
    lake.append(table([("a", "x", 45, 2.0)]))  # late: only its own hour
    lake.maintain()
    assert lake.rollups()["count"].to_list() == [31, 30, 30, 31]
    assert len(files & set(lake._hours.snapshot().files["path"].to_list())) == 2
