"""`score` goes on from where it left off: over a real store, through crashes, late data and a changed registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from commands.installation import installation
from commands.scoring import keep, score_now
from facility.estate import Asset, Estate
from facility.standing import AssetStep, StepKind
from facility.store import READINGS
from models.assessment.checkpoint import load

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
COUNT, DAYS = 220, 14
ZONE = ZoneInfo("UTC")


def readings(numbers, hours, values, minute=7):
    """Rows of the battery voltage of some panels; `values` (assets, hours)."""
    stamps = pl.Series([NOW + hour * HOUR + timedelta(minutes=minute) for hour in hours]).cast(pl.Datetime("us", "UTC"))
    frame = pl.DataFrame(
        {
            "asset": np.repeat([f"F-{n:03d}" for n in numbers], len(hours)),
            "channel": "battery_voltage",
            "time": pl.concat([stamps] * len(numbers)),
            "value": values.ravel(),
            "arrived": NOW,
        },
        schema_overrides={"arrived": pl.Datetime("us", "UTC")},
    )
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS)


def voltages(numbers, hours):
    random = np.random.default_rng(len(hours) * 1000 + numbers[0])
    own = 27.2 + 0.02 * (np.array(numbers) % 7)
    return own[:, None] + 0.02 * random.standard_normal((len(numbers), len(hours)))


@pytest.fixture
def data(tmp_path):
    with installation(tmp_path / "data", create=True) as here:
        here.records.estate.put(Estate(assets=tuple(Asset(id=f"F-{n:03d}", kind="fire_panel") for n in range(COUNT))))
        hours = range(-DAYS * 24, 0)
        values = voltages(range(COUNT), hours)
        values[5, -30:] -= 1.0  # the charger of one of them has given way
        here.store.append(readings(range(COUNT), hours, values))
    return tmp_path / "data"


def scored(data, moment, *, kept=True, **options):
    """One run of the command's work, in an installation opened anew; not `kept`: it died before it could keep it."""
    with installation(data) as here:
        made = score_now(here, now=moment, horizon=timedelta(days=7), timezone=ZONE, **options)
        if kept:
            keep(here, made)
    return made


def add(data, numbers, hours, minute=7):
    values = voltages(numbers, hours)
    if 5 in numbers:
        values[list(numbers).index(5)] -= 1.5
    with installation(data) as here:
        here.store.append(readings(numbers, hours, values, minute))


def test_an_hour_costs_an_hour_and_a_crash_costs_nothing(data):
    first = scored(data, NOW)
    assert (first.why, first.again) == ("first", COUNT)
    add(data, range(COUNT), range(20))
    died = scored(data, NOW + 20 * HOUR, kept=False)
    again = scored(data, NOW + 20 * HOUR)
    assert again.found == died.found
    assert (again.why, len(again.found)) == ("", COUNT)
    assert 1 <= again.again <= 20
    assert again.found[0].asset == "F-005"
    whole = scored(data, NOW + 20 * HOUR, full=True, kept=False)
    assert whole.why == "asked"
    assert {one.asset for one in whole.found if one.flagged} == {one.asset for one in again.found if one.flagged}
    with installation(data) as here:
        latest = here.records.assessments.latest()
    assert latest["F-005"] == again.found[0]
    assert latest["F-006"].as_of == NOW
    assert scored(data, NOW + 20 * HOUR).again == 0
    assert scored(data, NOW + 25 * HOUR).why == "due"


def test_beliefs_kept_and_the_standing_lost_is_no_harm(data):
    """Killed between the two: the next look judges the same again, from the older standing."""
    scored(data, NOW)
    add(data, range(COUNT), range(8))
    with installation(data) as here:
        before = load(here.folder.standing)
        made = score_now(here, now=NOW + 8 * HOUR, horizon=timedelta(days=7), timezone=ZONE)
        here.records.assessments.put(made.fresh)
        assert load(here.folder.standing).seen_at == before.seen_at
    again = scored(data, NOW + 8 * HOUR)
    assert again.why == ""
    assert again.found == made.found


def test_what_came_late_is_found_by_the_store(data):
    scored(data, NOW)
    add(data, range(COUNT), range(6))
    add(data, [17], range(-100, -40), minute=40)
    late = scored(data, NOW + 6 * HOUR)
    assert late.why == ""
    assert "F-017" in {one.asset for one in late.fresh}
    add(data, [17], range(-100, -40), minute=40)  # nothing new
    assert scored(data, NOW + 6 * HOUR).again == 0
    with installation(data) as here:
        here.store.append(readings([18], range(-90, -80), voltages([18], range(-90, -80)) + 1))
    assert scored(data, NOW + 6 * HOUR).why == "late"  # corrected: the store knows the hours, not whose


def test_other_conditions_and_broken_files_mean_a_whole_look(data):
    scored(data, NOW)
    moment = NOW + HOUR
    other = scored(data, moment, kept=False)
    assert other.why == ""
    with installation(data) as here:
        made = score_now(here, now=moment, horizon=timedelta(days=9), timezone=ZONE)
        assert made.why == "changed"
        here.folder.standing.write_bytes(b"PK rubbish")
    assert scored(data, moment).why == "broken"
    assert scored(data, moment).why == ""
    assert scored(data, moment - 2 * HOUR).why == "due"


def test_the_registry_may_change(data):
    scored(data, NOW)
    with installation(data) as here:
        known = {one.id: one for one in here.assets()}
        here.records.estate.put(
            Estate(assets=(Asset(id="F-new", kind="fire_panel"), replace(known["F-003"], floor="3")))
        )
    made = scored(data, NOW + HOUR)
    assert made.why == ""
    assert {"F-new", "F-003"} <= {one.asset for one in made.fresh}
    assert len(made.found) == COUNT + 1


def test_a_budget_flags_within_all_that_is_believed(data):
    scored(data, NOW)
    add(data, range(COUNT), range(20))
    made = scored(data, NOW + 20 * HOUR, false_flags=1.0)
    assert made.why == ""
    flagged = [one for one in made.found if one.flagged]
    assert sum(1 - one.probability for one in flagged) <= 1.0
    assert "F-005" in {one.asset for one in flagged}


def test_what_is_not_in_use_is_not_assessed_and_comes_back_with_its_return(data):
    """A panel that is put out of use falls silent; that is nobody's trouble."""
    scored(data, NOW)
    with installation(data) as here:
        here.records.trail.add(AssetStep(asset="F-007", kind=StepKind.OUT_OF_USE, start=NOW.date(), at=NOW))
    add(data, [n for n in range(COUNT) if n != 7], range(20))
    away = scored(data, NOW + 20 * HOUR)
    assert "F-007" not in {one.asset for one in away.found}
    assert len(away.found) == COUNT - 1
    later = NOW + 22 * HOUR
    with installation(data) as here:
        here.records.trail.add(AssetStep(asset="F-007", kind=StepKind.RETURNED, start=NOW.date(), at=later))
    assert "F-007" in {one.asset for one in scored(data, later).found}
