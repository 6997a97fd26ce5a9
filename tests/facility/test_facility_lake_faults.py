"""What a lake does when it does not get what it needs: clear errors, nothing damaged, no broken promises."""

import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, Schema, write_deltalake
from store_tools import at, table

from facility.errors import CannotCommunicate, CannotDo
from facility.store import READINGS, Appended, open_store
from facility.store.checking import check
from facility.store.lake.lake import Lake

ROWS = [(asset, "x", minute, float(minute)) for asset in "abc" for minute in range(0, 3000, 20)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "readings", create=True)


def unsynced(lake: Lake) -> list[Path]:
    return sorted((lake.folder / "raw" / "_delta_log").glob("[0-9]*.json"))


# -- what is not a store ----------------------------------------------------------------------------------------------


def test_folders_that_are_no_store_are_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(CannotDo, match="no readings"):
        open_store(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("x")
    for create in (False, True):
        with pytest.raises(CannotDo, match="not a serviceday store"):
            Lake(tmp_path / "photos", create=create)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(CannotDo, match="is a file"):
        Lake(tmp_path / "file", create=True)


def test_a_newer_store_is_refused_and_left_alone(lake: Lake) -> None:
    lake.append(table(ROWS))
    mark = lake.folder / "store.json"
    mark.write_text(json.dumps({"format": 99, "future": True}))
    before = {path: path.stat().st_mtime for path in lake.folder.rglob("*")}
    with pytest.raises(CannotDo, match="newer serviceday"):
        Lake(lake.folder, create=True)
    assert {path: path.stat().st_mtime for path in lake.folder.rglob("*")} == before


def test_a_store_whose_mark_is_spoilt_says_so(lake: Lake) -> None:
    (lake.folder / "store.json").write_text("{")
    assert Lake(lake.folder).identity() == lake.identity()  # there is a copy of it
    (lake.folder / "store.json.copy").write_text("{")
    with pytest.raises(CannotDo, match="cannot be read"):
        Lake(lake.folder)


def test_an_interrupted_creation_is_finished(lake: Lake) -> None:
    (lake.folder / "store.json").unlink()
    assert Lake(lake.folder, create=True).append(table(ROWS)) == Appended(len(ROWS), 0, 0)


def test_a_store_of_format_1_is_migrated(tmp_path: Path) -> None:
    """As the first version wrote it: raw/ and hourly/, the latter without a time-weighted mean."""
    folder = tmp_path / "old"
    rows = pl.DataFrame(pl.from_arrow(table(ROWS))).with_columns(pl.col("time").dt.date().alias("day"))
    write_deltalake(folder / "raw", rows.to_arrow(compat_level=pl.CompatLevel.oldest()), partition_by=["day"])
    DeltaTable.create(folder / "hourly", schema=Schema.from_arrow(READINGS))
    (folder / "store.json").write_text('{"format": 1}')
    lake = Lake(folder)
    assert lake.size().readings == len(ROWS)
    before = lake.rollups()
    assert before["time_weighted"].null_count() == 0
    lake.maintain()
    assert lake.rollups().equals(before)
    assert not (folder / "hourly").exists()
    assert lake.append(table(ROWS)) == Appended(0, len(ROWS), 0)
    assert check(lake).problems == []


# -- what cannot be written -------------------------------------------------------------------------------------------


def no_space(where: Path, *_: object, **__: object) -> None:
    where.write_bytes(b"half a file")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_loses_nothing_and_leaves_no_rubbish(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.append(table(ROWS[:10]), source="s", cursor=1)
    before = set(lake.folder.rglob("*.parquet"))
    with monkeypatch.context() as patch:
        patch.setattr("facility.store.lake.parquet.pq.ParquetWriter", no_space)
        with pytest.raises(CannotCommunicate, match="No space left"):
            lake.append(table(ROWS), source="s", cursor=2)
        assert set(lake.folder.rglob("*.parquet")) == before
    assert lake.cursor("s") == (1, Appended(10, 0, 0), "")
    assert lake.append(table(ROWS), source="s", cursor=2) == Appended(len(ROWS) - 10, 10, 0)
    assert check(lake).problems == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_disk_that_really_is_full(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        lake = Lake(small / "readings", create=True)

        def append(number: int) -> Appended:
            rows = [("a", "x", 1000 * number + minute, minute * 1.1) for minute in range(1000)]
            return lake.append(table(rows), source="s", cursor=number)

        number = 0
        with pytest.raises(CannotCommunicate, match=r"(?i)no space|os error 28"):  # noqa: PT012
            while append(number):
                number += 1
        assert number > 3
        again = Lake(lake.folder)
        kept = again.cursor("s")
        assert kept is not None
        assert kept[0] == number - 1
        assert again.size().readings == 1000 * number
        assert again.read(start=at(1000 * (number - 1))).height == 1000
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.fixture
def lake_apart() -> Iterator[Lake]:
    """Not below pytest's folder, which any other run of pytest closes to other users."""
    with tempfile.TemporaryDirectory() as name:
        yield Lake(Path(name) / "readings", create=True)


def test_a_read_only_folder_can_be_read_and_says_why_it_cannot_be_written(lake_apart: Lake) -> None:
    """In a process of another user: root may write anywhere."""
    lake = lake_apart
    lake.append(table(ROWS))
    lake.maintain()
    for path in (lake.folder, *lake.folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from facility.errors import ServicedayError\n"
        "from facility.store.lake.lake import Lake\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from store_tools import table\n"
        "rows = table([('a', 'x', 1, 1.0)])\n"
        "Lake(Path(sys.argv[1])).rollups()\n"
        "os.getuid() or os.setuid(65534)\n"
        "lake = Lake(Path(sys.argv[1]))\n"
        "print(lake.size().readings, lake.rollups().height > 0, lake.latest().height)\n"
        "try:\n"
        "    lake.append(rows)\n"
        "except ServicedayError as error:\n"
        "    print(error)\n"
    )
    for folder in lake.folder.parents:
        if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
            folder.chmod(folder.stat().st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", code, lake.folder, Path(__file__).parent], capture_output=True, text=True, check=False
    )
    for path in (lake.folder, *lake.folder.rglob("*")):
        path.chmod(0o755)
    assert done.stdout.startswith(f"{len(ROWS)} True 3\n"), done.stdout + done.stderr
    assert "Permission denied" in done.stdout
    assert "Check space and permissions" in done.stdout
    assert check(lake).problems == []


# -- power cuts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", ["commit emptied", "readings emptied", "readings halved"])
def test_after_a_power_cut_what_was_synced_is_there_and_the_rest_is_taken_again(lake: Lake, spoil: str) -> None:
    """The files of commits that were not synced may be there without their content."""
    lake.append(table(ROWS[:200]), source="s", cursor=1)
    lake.maintain()
    lake.sync()
    lake.append(table(ROWS[200:300]), source="s", cursor=2)
    lake.append(table(ROWS[300:]), source="s", cursor=3)
    spoilt = unsynced(lake)[-2]
    if spoil == "commit emptied":
        spoilt.write_bytes(b"")
        (lake.folder / "raw" / "_copies" / "commits").write_bytes(b"")
    else:
        actions = [json.loads(line) for line in spoilt.read_text().splitlines()]
        file = lake.folder / "raw" / next(one["add"]["path"] for one in actions if "add" in one)
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if spoil == "readings halved" else b"")
    again = Lake(lake.folder)
    assert again.append(table(ROWS[200:300]), source="s", cursor=2) == Appended(100, 0, 0)
    assert again.append(table(ROWS[300:]), source="s", cursor=3) == Appended(len(ROWS) - 300, 0, 0)
    assert again.size().readings == len(ROWS)
    again.maintain()
    assert check(again).problems == []


def test_files_are_synced_before_sync_returns_and_merged_ones_before_they_count(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facility.store.lake import compaction
    from facility.store.lake import table as lake_table

    synced: list[str] = []
    real = lake_table.sync_path
    monkeypatch.setattr(lake_table, "sync_path", lambda path: (synced.append(str(path)), real(path)))
    monkeypatch.setattr(compaction, "SMALL_FILES", 1)
    lake.sync()
    for minute in range(4):
        lake.append(table([("a", "x", minute, 1.0)]))
    lake.sync()
    listed = lake.readings_files()["path"].to_list()
    assert len(listed) == 4
    assert {str(lake.folder / "raw" / path) for path in listed} <= set(synced)
    assert {str(path) for path in unsynced(lake)[1:]} <= set(synced)
    synced.clear()
    commit = lake_table.Table.commit

    def watched(self, added, *arguments, **options):
        if options.get("rearranged"):
            assert {str(lake.folder / "raw" / one.path) for one in added} <= set(synced)
        return commit(self, added, *arguments, **options)

    monkeypatch.setattr(lake_table.Table, "commit", watched)
    lake.maintain()
    assert len(lake.readings_files()) == 1


# -- several at once --------------------------------------------------------------------------------------------------


def test_threads_may_append_and_merge_at_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facility.store.lake.compaction.SMALL_FILES", 2)
    failed: list[BaseException] = []

    def guarded(work) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told by the test below
            failed.append(error)

    def write(asset: str) -> None:
        for minute in range(25):
            assert lake.append(table([(asset, "x", minute, 1.0), (asset, "x", minute, 2.0)])).stored == 1

    def revise() -> None:
        for minute in range(25):
            lake.append(table([("z", "x", 5, float(minute))]))

    def house() -> None:
        for _ in range(6):
            lake.maintain()
            lake.sync()

    work = [lambda: write("a"), lambda: write("b"), revise, house]
    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert lake.size().readings == 51
    lake.maintain()
    assert check(lake).problems == []


def test_a_reader_asleep_while_the_log_was_cleaned_finds_its_way(lake: Lake) -> None:
    reader = Lake(lake.folder)
    assert reader.size().readings == 0
    for minute in range(120):
        lake.append(table([("a", "x", minute, 1.0)]))
    lake._raw.snapshot()
    lake._raw._delta.create_checkpoint()
    for file in unsynced(lake)[:-1]:
        file.unlink()
    assert reader.size().readings == 120
    assert reader.rollups()["count"].sum() == 120
    assert reader.changes("0").whole


def test_vacuum_leaves_what_a_reader_may_still_hold(lake: Lake) -> None:
    for minute in range(40):
        lake.append(table([("a", "x", minute, 1.0)]))
    held = lake._raw.scan(lake.readings_files()["path"].to_list())
    lake.compact()
    assert held.collect().height == 40
    lake._grace = -1.0
    lake.compact()
    assert len(list((lake.folder / "raw").glob("day=*/*.parquet"))) == 1
    assert lake.rollups()["count"].to_list() == [40]


# -- checking ---------------------------------------------------------------------------------------------------------


def test_check_tells_what_is_missing_short_or_twice(lake: Lake) -> None:
    lake.append(table(ROWS))
    lake.append(table([("a", "x", 5000, 1.0)]))
    lake.maintain()
    assert check(lake).problems == []
    assert check(lake).readings == len(ROWS) + 1
    again = pl.DataFrame(pl.from_arrow(table(ROWS[:3]))).with_columns(pl.col("time").dt.date().alias("day"))
    write_deltalake(lake.folder / "raw", again.to_arrow(compat_level=pl.CompatLevel.oldest()), mode="append")
    assert any("more than once" in problem for problem in map(str, check(lake).problems))
    lake.compact()  # repeats go for good
    assert check(lake).problems == []
    gone = lake.folder / "raw" / lake.readings_files()["path"][0]
    gone.unlink()
    assert any("missing" in problem for problem in map(str, check(lake).problems))


def test_retention_refuses_what_is_older_and_keeps_the_hours(lake: Lake) -> None:
    from datetime import UTC, datetime

    from facility.store import Refused, Retention

    lake.append(table(ROWS))
    hours = lake.rollups()
    lake.retain(Retention(raw=datetime.now(UTC) - at(60 * 36)))
    lake.maintain()
    assert lake.read().height == sum(1 for row in ROWS if row[2] >= 60 * 24)
    assert lake.rollups().equals(hours)
    done = lake.append(table([("a", "x", 7, 1.0), ("a", "x", 9000, 1.0)]))
    assert (done.stored, done.refused) == (1, 1)
    assert done.refusals == (Refused(0, "older than the readings kept (from 2026-03-02)"),)
    lake.retain(Retention(raw=timedelta(days=1), hourly=timedelta(days=1)))
    lake.maintain()
    assert lake.rollups().is_empty()
    assert lake.latest().is_empty()
