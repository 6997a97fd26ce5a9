"""A fault that nobody mends stays in assessments, alerts and plans, until somebody records what was found."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from commands.app.program import app
from commands.installation import installation
from facility.alerts import AlertState
from facility.estate import Asset, Estate
from facility.store import READINGS

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, SINCE = 130, 50
RUNNER = CliRunner()


def readings():
    """Eight hydrant zones of 0.45 MPa, hour by hour; the third falls to 0.36 on day 50 for good: within its limits."""
    random = np.random.default_rng(3)
    stamps = pl.Series([BEGIN + timedelta(hours=hour, minutes=7) for hour in range(DAYS * 24)])
    values = 0.45 + 0.004 * random.standard_normal((8, DAYS * 24))
    values[2, SINCE * 24 :] -= 0.09
    frame = pl.DataFrame(
        {
            "asset": np.repeat([f"Z-{number}" for number in range(8)], DAYS * 24),
            "channel": "end_pressure",
            "time": pl.concat([stamps.cast(pl.Datetime("us", "UTC"))] * 8),
            "value": values.ravel(),
            "arrived": BEGIN + timedelta(days=DAYS),
        },
        schema_overrides={"arrived": pl.Datetime("us", "UTC")},
    )
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS)


@pytest.fixture
def data(tmp_path):
    with installation(tmp_path / "data", create=True) as here:
        zones = [Asset(id=f"Z-{number}", kind="hydrant_zone", site="north") for number in range(8)]
        here.records.estate.put(Estate(assets=tuple(zones)))
        here.store.append(readings())
    return tmp_path / "data"


def called(data, *arguments):
    done = RUNNER.invoke(app, [*arguments, "--data", str(data)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def scored(data, day):
    moment = (BEGIN + timedelta(days=day)).date().isoformat()
    return json.loads(called(data, "score", "--as-of", moment, "--timezone", "UTC", "--json"))


def test_an_unmended_fault_is_flagged_and_planned_until_an_outcome_is_recorded(data):
    for day in range(56, DAYS - 14, 10):
        assert scored(data, day)["flagged"] == ["Z-2"], day
    with installation(data) as here:
        (alert,) = here.records.alerts.open()
        assert alert.state is AlertState.UNACKNOWLEDGED, "what is not mended does not return to normal"
        assert abs(alert.began - (BEGIN + timedelta(days=SINCE))) <= timedelta(days=2)
        assert alert.began_after <= BEGIN + timedelta(days=SINCE) <= alert.began_before
    day = (BEGIN + timedelta(days=DAYS - 14)).date().isoformat()
    planned = json.loads(called(data, "plan", "--service-day", day, "--timezone", "UTC", "--json"))
    assert any(item["asset"] == "Z-2" and item["ground"] == "risk" for item in planned["items"])
    listed = called(data, "alerts", "list")
    assert "2026-02-2" in listed
    shown = called(data, "alerts", "show", str(alert.id))
    assert "2026-02-2" in shown
    at = (BEGIN + timedelta(days=DAYS - 20)).isoformat()
    called(data, "outcome", "add", "Z-2", "confirmed", "--by", "Wang", "--at", at)
    after = scored(data, DAYS - 3)
    assert after["flagged"] == []
    assert scored(data, DAYS)["states"]["assessed"] == 8
