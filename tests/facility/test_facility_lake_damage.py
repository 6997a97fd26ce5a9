"""Whatever is done to a file of a lake: it is named, nothing is lost unsaid, and good readings go on."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_tools import table

from facility.checksum import checksum, mended
from facility.store.checking import check
from facility.store.lake.lake import Lake
from facility.store.lake.layout import StoreDamaged, rebuild_logs

SPOILS = ("bit", "half", "nul", "gone", "block")
PLACES = int(os.environ.get("SERVICEDAY_SOAK_PLACES", "100"))


def rows_of(number: int) -> list[tuple[str, str, int, float]]:
    return [(asset, "x", number * 700 + minute, float(minute)) for asset in "abcd" for minute in range(0, 700, 5)]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with merged and fresh files, checkpoints, summaries; all of it synced."""
    lake = Lake(tmp_path_factory.mktemp("healthy") / "readings", create=True)
    for number in range(9):
        lake.append(table(rows_of(number)), source="s", cursor=number + 1)
        if number == 2:
            lake.compact()
        if number == 5:
            lake.maintain()
    lake.maintain()
    lake.sync()
    assert check(lake).problems == []
    return lake


def spoil(file: Path, how: str, chance: random.Random) -> None:
    content = bytearray(file.read_bytes())
    if how == "gone":
        file.unlink()
        return
    if how == "bit":
        bit = chance.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
    elif how == "block":
        begin = chance.randrange(len(content))
        content[begin : begin + 512] = bytes(len(content[begin : begin + 512]))
    else:
        content = content[: len(content) // 2] if how == "half" else bytearray(len(content))
    file.write_bytes(content)


def kept_files(lake: Lake) -> list[Path]:
    files = (file.relative_to(lake.folder) for file in lake.folder.rglob("*") if file.is_file())
    return sorted(file for file in files if file.suffix != ".lock")


def survives(healthy: Lake, folder: Path, spoilt: Path, how: str, chance: random.Random) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(healthy.folder, folder)
    truth = healthy.read()
    live = {f"{name}/{path}" for name in ("raw", "hours", "latest") for path in live_of(healthy, name)}
    spoil(folder / spoilt, how, chance)
    case = f"{how}: {spoilt}"
    lake = Lake(folder)
    before = check(lake)
    if spoilt.as_posix() in live:
        assert any(spoilt.as_posix() in str(problem) for problem in before.problems), case
    restored = lake.repair()
    again = Lake(folder)
    assert check(again).problems == [], case
    found = again.read()
    key = ["asset", "channel", "time", "value"]
    assert truth.join(found, on=key, how="anti").height == restored.readings_lost, case
    assert found.join(truth, on=key, how="anti").is_empty(), case
    assert found.select(key[:3]).is_unique().all(), case
    if restored.readings_lost:
        assert any(spoilt.as_posix() in str(words) for words in restored.lost), case
        assert again.rollups().height == healthy.rollups().height, "hourly summaries stand for what is gone"
    if how == "bit":
        assert not restored.readings_lost, "one flipped bit loses nothing"
    assert again.append(table([("new", "x", 1, 1.0)])).stored == 1


def live_of(lake: Lake, name: str) -> list[str]:
    return list(getattr(lake, f"_{name}").snapshot().files["path"])


@pytest.mark.parametrize("how", SPOILS)
def test_damage_is_named_and_repaired(healthy: Lake, tmp_path: Path, how: str) -> None:
    chance = random.Random(how)
    for spoilt in chance.sample(kept_files(healthy), 6):
        survives(healthy, tmp_path / "readings", spoilt, how, chance)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", ["raw/day", "hours/day", "latest/day", "_delta_log/0", "checkpoint", "store.json"])
def test_a_hundred_places_of_every_kind_of_file(healthy: Lake, tmp_path: Path, kind: str) -> None:
    chance = random.Random(kind)
    files = [file for file in kept_files(healthy) if kind in file.as_posix()]
    for number in range(PLACES):
        how = SPOILS[number % len(SPOILS)]
        survives(healthy, tmp_path / "readings", chance.choice(files), how, chance)


def test_good_readings_flow_on_beside_a_damaged_file(healthy: Lake, tmp_path: Path) -> None:
    """Late readings are looked up in it, merging reads it: neither is stopped."""
    shutil.copytree(healthy.folder, tmp_path / "readings")
    lake = Lake(tmp_path / "readings")
    path = lake.readings_files().sort("first")["path"][0]
    file = lake.folder / "raw" / path
    file.write_bytes(file.read_bytes()[:100])
    late = [("a", "x", 3, 5.0), ("a", "x", 5, 1.0)]
    assert lake.append(table(late), source="s", cursor=99).stored >= 1
    lake.compact()
    assert check(lake).problems == []
    assert any(lake.folder.joinpath("damaged").iterdir()), "it is set aside and not deleted"


def test_reading_a_damaged_file_says_what_to_do(healthy: Lake, tmp_path: Path) -> None:
    shutil.copytree(healthy.folder, tmp_path / "readings")
    lake = Lake(tmp_path / "readings")
    file = lake.folder / "raw" / lake.readings_files()["path"][0]
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(StoreDamaged, match="store repair"):
        lake.read()


def test_what_a_backup_has_is_taken_from_there(healthy: Lake, tmp_path: Path) -> None:
    shutil.copytree(healthy.folder, tmp_path / "readings")
    lake = Lake(tmp_path / "readings")
    for path in lake.readings_files()["path"]:
        (lake.folder / "raw" / path).unlink()
    restored = lake.repair(backup=healthy)
    assert restored.readings_lost == 0
    assert lake.read().equals(healthy.read())


def test_a_log_that_is_gone_for_good_is_made_anew_from_the_files(healthy: Lake, tmp_path: Path) -> None:
    shutil.copytree(healthy.folder, tmp_path / "readings")
    shutil.rmtree(tmp_path / "readings" / "raw" / "_copies")
    for file in (tmp_path / "readings" / "raw" / "_delta_log").iterdir():
        file.write_bytes(b"?")
    with pytest.raises(StoreDamaged, match="store repair"):
        Lake(tmp_path / "readings")
    assert rebuild_logs(healthy.place.__class__.of(tmp_path / "readings"))
    lake = Lake(tmp_path / "readings")
    assert lake.repair().lost == []
    assert lake.read().equals(healthy.read())
    assert check(lake).problems == []


def test_a_store_of_the_last_version_opens_and_answers_the_same(healthy: Lake, tmp_path: Path) -> None:
    """Files without checksums in their names, no copies, a mark without identity."""
    shutil.copytree(healthy.folder, tmp_path / "readings")
    folder = tmp_path / "readings"
    (folder / "store.json").write_text('{"format": 2, "raw_days": null, "hourly_days": null, "raw_from": null}')
    (folder / "store.json.copy").unlink()
    for name in ("raw", "hours", "latest"):
        shutil.rmtree(folder / name / "_copies")
    lake = Lake(folder)
    assert lake.read().equals(healthy.read())
    assert lake.append(table(rows_of(3))).stored == 0
    assert lake.identity() == Lake(folder).identity() != ""
    assert check(lake).problems == []


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_one_flipped_bit_is_found_and_two_are_not_taken_for_one(content: bytes, data: st.DataObject) -> None:
    proof = checksum([content])
    bits = data.draw(st.sets(st.integers(0, 8 * len(content) - 1), min_size=1, max_size=3))
    spoilt = bytearray(content)
    for bit in bits:
        spoilt[bit // 8] ^= 1 << bit % 8
    assert mended(bytes(spoilt), proof) == (content if len(bits) == 1 else None)


def test_the_newest_survives_the_loss_of_its_table(healthy: Lake, tmp_path: Path) -> None:
    shutil.copytree(healthy.folder, tmp_path / "readings")
    lake = Lake(tmp_path / "readings")
    for path in live_of(lake, "latest") + live_of(lake, "hours"):
        for name in ("latest", "hours"):
            (lake.folder / name / path).unlink(missing_ok=True)
    lake.repair()
    assert lake.latest().equals(healthy.latest())
    same = pl.concat([lake.rollups(), healthy.rollups()]).unique(["asset", "channel", "hour", "count", "last"])
    assert same.height == healthy.rollups().height
