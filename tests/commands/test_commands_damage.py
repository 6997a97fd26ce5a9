"""Damaged records end in a line that says so, never in a traceback."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from facility.alerts import Alert, Severity, Source
from facility.errors import ServicedayError
from facility.estate import Asset, Estate
from facility.folder import DataFolder
from facility.i18n.phrases import Text
from facility.inspections import Finding, InspectionList, Outcome
from facility.records import Records

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data").prepare()
    with Records(folder.records) as records:
        records.estate.put(
            Estate(assets=tuple(Asset(id=f"L-{n}", kind="lift", site="s", building="b") for n in range(9)))
        )
        records.outcomes.put(Outcome(asset="L-1", at=NOW, finding=Finding.CONFIRMED, by="Li"))
        day = NOW.date()
        records.plans.put(InspectionList(service_day=day, created_at=NOW, people=1, hours=8, items=(), left_out=()))
        words = Text(zh="题", en="title")
        alert = Alert(
            id=0, asset="L-1", cause="L-1/equipment", channel="", source=Source.EQUIPMENT, severity=Severity.LOW,
            title=words, reason=words, opened_at=NOW, last_seen_at=NOW,
        )  # fmt: skip
        records.alerts.keep([alert], [], now=NOW)
    return folder


def read_everything(folder: DataFolder) -> None:
    with Records(folder.records) as records:
        records.estate.assets()
        records.outcomes.all()
        records.plans.all()
        records.alerts.open()
        records.assessments.latest()
        records.duties.last_done()
        records.trail.spells()
        records.reports.all(closed=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outcome SET finding = 'maybe'",
        "UPDATE alert SET severity = 'dire'",
        "UPDATE plan SET body = '{'",
        "UPDATE plan SET body = '[[[[' || hex(zeroblob(50000))",
        "UPDATE asset SET attributes = 'not json'",
        "UPDATE asset SET attributes = replace(hex(zeroblob(60000)), '00', '[')",
        "DROP TABLE alembic_version",
        "DROP TABLE alert_step; DROP TABLE outcome",
        "DELETE FROM alembic_version",
        "UPDATE alembic_version SET version_num = '9999'",
    ],
)
def test_damaged_rows_and_lost_tables_are_named(folder: DataFolder, statement: str) -> None:
    with sqlite3.connect(folder.records) as raw:
        raw.executescript(statement)
    with pytest.raises(ServicedayError) as refusal:
        read_everything(folder)
    assert "permissions" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_flipped_bits_are_told_or_harmless(folder: DataFolder, tmp_path: Path) -> None:
    whole = folder.records.read_bytes()
    chance = random.Random(20260301)
    for number in range(60):
        copy = DataFolder(tmp_path / f"copy-{number}").prepare()
        damaged = bytearray(whole)
        for _ in range(8):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        copy.records.write_bytes(bytes(damaged))
        with suppress(ServicedayError):
            read_everything(copy)
        shutil.rmtree(copy.path)


@pytest.mark.slow
def test_what_nobody_foresaw_is_one_line_and_a_file(folder: DataFolder, tmp_path: Path) -> None:
    code = (
        "import commands.alerts as c, sys\n"
        "def broken(*a, **k): raise ZeroDivisionError('deep \\x1b[2J inside')\n"
        "import commands.installation as i; i.recorded = broken\n"
        "from commands.main import run\n"
        f"sys.argv = ['serviceday', 'alerts', 'list', '--data', {str(folder.path)!r}]\n"
        "run()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin"}
    )
    assert ended.returncode == 70
    (line,) = ended.stderr.strip().splitlines()
    assert "ZeroDivisionError" in line
    assert "\x1b" not in line
    (log,) = tmp_path.glob("serviceday-*.log")
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
