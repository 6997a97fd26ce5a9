"""Alerts handled from the command line: given away, put aside with a reason, talked about, brought back."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from facility.alerts import Alert, Severity, Source
from facility.folder import DataFolder
from facility.i18n.phrases import Text
from facility.records import Records


def alert(asset: str) -> Alert:
    words, now = Text(zh="题", en="title"), datetime.now(UTC)
    return Alert(
        id=0, asset=asset, cause=f"{asset}/equipment", channel="", source=Source.EQUIPMENT, severity=Severity.LOW,
        title=words, reason=words, opened_at=now, last_seen_at=now,
    )  # fmt: skip


@pytest.mark.slow
def test_an_alert_is_handled_from_the_command_line(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data").prepare()
    with Records(folder.records) as records:
        records.alerts.keep([alert("L-1"), alert("L-2")], [], now=datetime.now(UTC))

    def serviceday(*arguments: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "commands.main", "--lang", "en", "alerts", *arguments, "--data", folder.path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    assert "assigned to Han" in serviceday("assign", "1", "Han", "--by", "Li")
    serviceday("comment", "1", "--by", "Han", "--note", "on Thursday")
    assert "until" in serviceday("shelve", "1", "--for", "3d", "--by", "Han", "--note", "waits for the part")
    listed = serviceday("list")
    assert "L-1" not in listed
    assert "1 more are put aside" in listed
    assert "L-1" in serviceday("list", "--shelved")
    everything = {entry["asset"]: entry for entry in json.loads(serviceday("list", "--json"))}
    assert (everything["L-1"]["shelved"], everything["L-1"]["assigned_to"]) == (True, "Han")
    assert not everything["L-2"]["shelved"]
    assert "30 days" not in serviceday("unshelve", "1", "--by", "Han")
    assert "is not put aside" in serviceday("unshelve", "1", "--by", "Han", code=2)
    assert "at the latest" in serviceday("shelve", "2", "--for", "90d", "--by", "Li", "--note", "x", code=2)
    assert "for a reason" in serviceday("shelve", "2", "--by", "Li", "--note", " ", code=2)
    shown = serviceday("show", "1")
    for step in ("assigned Li", "commented Han", "put aside Han", "brought back Han", "waits for the part"):
        assert step in " ".join(shown.split())
