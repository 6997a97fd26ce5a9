"""`score`, `rank` and `plan` in an estate's first days: they work, and say how little is known."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import models.assessment.scoring
from commands.app.program import app
from commands.installation import installation
from facility.estate import Asset, Estate
from facility.store import READINGS

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
RUNNER = CliRunner(env={"SERVICEDAY_LANGUAGE": "en", "COLUMNS": "200"})


def readings(days):
    """Five pump sets: two test runs each, and a motor that is measured hourly; one more never reports."""
    rows = [
        (f"P-{number}", "discharge_pressure", NOW - timedelta(days=back), 8.0 + 0.01 * number)
        for number in range(5)
        for back in np.linspace(0.1, days * 0.9, 2)
    ]
    rows += [
        (f"L-{number}", "motor_temperature", NOW - timedelta(hours=hour + 1), 40.0 + np.sin(hour))
        for number in range(3)
        for hour in range(int(days * 24))
    ]
    frame = pl.DataFrame(rows, schema=["asset", "channel", "time", "value"], orient="row").with_columns(
        pl.col("time").cast(pl.Datetime("us", "UTC")), pl.lit(NOW).cast(pl.Datetime("us", "UTC")).alias("arrived")
    )
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS)


@pytest.fixture
def data(tmp_path):
    with installation(tmp_path / "data", create=True) as here:
        pumps = [Asset(id=f"P-{n}", kind="pump_set", site="north") for n in range(6)]
        lifts = [Asset(id=f"L-{n}", kind="lift", site="north") for n in range(3)]
        here.records.estate.put(Estate(assets=(*pumps, *lifts)))
        here.store.append(readings(5))
    return tmp_path / "data"


def called(*arguments):
    done = RUNNER.invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_five_days_are_scored_and_planned_and_called_little(data):
    told = json.loads(called("score", "--data", str(data), "--json"))
    assert told["states"] == {"assessed": 0, "too_little_data": 8, "never_heard": 1, "not_assessed": 0}
    assert told["not_known"]["never_heard"] == ["P-5"]
    assert told["flagged"] == []
    words = called("score", "--data", str(data), "--full")
    assert "Too little data to tell: 8" in words
    assert "Never heard of: 1 (P-5)" in words
    assert "Nothing unusual" not in words
    ranked = json.loads(called("rank", "--data", str(data), "--json"))
    assert {row["state"] for row in ranked} == {"too_little_data", "never_heard"}
    day = (NOW + timedelta(days=3)).date().isoformat()
    called("plan", "--data", str(data), "--service-day", day, "--json")


def test_what_was_set_aside_is_named(data, monkeypatch):
    real = models.assessment.scoring.recent_change

    def fails(windows):
        if "P-2" in {asset.id for asset in windows.assets}:
            raise ZeroDivisionError("no such slope")
        return real(windows)

    monkeypatch.setattr(models.assessment.scoring, "recent_change", fails)
    told = json.loads(called("score", "--data", str(data), "--json"))
    assert told["set_aside"] == [{"asset": "P-2", "failure": "ZeroDivisionError: no such slope"}]
    assert told["states"]["not_assessed"] == 1
    assert "set aside because their assessment failed (P-2)" in called("score", "--data", str(data), "--full")
