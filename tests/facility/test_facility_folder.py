"""The data folder is its owner's alone, unless a group was let in on purpose."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from facility.folder import DataFolder
from facility.records import Records


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_all(path: Path) -> DataFolder:
    """A data folder as an earlier version left it."""
    path.mkdir(mode=0o755)
    folder = DataFolder(path)
    Records(folder.records).close()
    for file in path.iterdir():
        file.chmod(0o644)
    path.chmod(0o755)
    return folder


def test_a_new_folder_is_closed_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        DataFolder(tmp_path / "data").prepare()
    finally:
        os.umask(before)
    assert rights(tmp_path / "data") == 0o700


@pytest.mark.parametrize("start", [DataFolder.existing, DataFolder.prepare])
def test_a_folder_that_was_open_is_closed_at_the_next_start(tmp_path: Path, start) -> None:
    folder = open_to_all(tmp_path / "data")
    start(folder)
    assert rights(folder.path) == 0o700
    assert {rights(file) for file in folder.path.iterdir()} == {0o600}


def test_a_group_let_in_by_the_setgid_bit_stays_in(tmp_path: Path) -> None:
    folder = open_to_all(tmp_path / "data")
    folder.path.chmod(0o2755)
    folder.existing()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o2750
    assert {rights(file) for file in folder.path.iterdir()} == {0o640}


def test_a_folder_that_holds_nothing_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    (tmp_path / "letter.txt").chmod(0o644)
    tmp_path.chmod(0o755)
    DataFolder(tmp_path).prepare()
    assert (rights(tmp_path), rights(tmp_path / "letter.txt")) == (0o755, 0o644)


@pytest.mark.slow
def test_what_commands_write_is_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "assets.csv").write_text("id,kind,site,building\nL-1,lift,s,b\n")
    command = [sys.executable, "-m", "commands.main", "import", "assets", str(tmp_path / "assets.csv"), "--data"]
    subprocess.run([*command, str(tmp_path / "data")], check=True, preexec_fn=lambda: os.umask(0))
    written = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert tmp_path / "data/records.sqlite" in written
    assert not [file for file in written if rights(file) & 0o077]
