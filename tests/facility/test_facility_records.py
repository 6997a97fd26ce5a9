"""The records through a real database: what is put is got, by many processes at once, through migrations."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from facility.assessments import Assessment, Evidence, Knowledge, Trouble
from facility.errors import CannotConvert, CannotDo
from facility.estate import Asset, Building, Estate, Site
from facility.i18n.phrases import Text
from facility.inspections import Finding, Outcome
from facility.records import Changes, Records
from facility.records.opening import HEAD, MIGRATIONS, open_engine
from facility.records.tables import Table

T0 = datetime(2026, 3, 10, 12, tzinfo=UTC)
ESTATE = Estate(
    sites=(Site(id="s", name="Harbour"),),
    buildings=(Building(id="1", site="s", latitude=1.0, longitude=2.0),),
    assets=(
        Asset(id="EL-1", kind="lift", site="s", building="1", commissioned=date(2020, 1, 1), attributes={"a": "b"}),
        Asset(id="PS-1", kind="pump_set", site="s"),
    ),
)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records(tmp_path / "records.sqlite") as opened:
        yield opened


def test_importing_again_changes_nothing(records: Records) -> None:
    assert records.estate.put(ESTATE) == Changes(2, 0, 0)
    assert records.estate.put(ESTATE) == Changes(0, 0, 2)
    assert records.estate.assets() == list(ESTATE.assets)
    assert records.estate.sites() == list(ESTATE.sites)
    assert records.estate.buildings("s") == list(ESTATE.buildings)


def test_a_changed_asset_is_changed_and_the_others_stay(records: Records) -> None:
    records.estate.put(ESTATE)
    moved = Asset(id="EL-1", kind="lift", site="t", building="9")
    with pytest.raises(CannotConvert, match=r"'EL-1' is registered at site 's' and would move to 't'"):
        records.estate.put(Estate(assets=(moved,)))
    assert records.estate.asset("EL-1") != moved
    assert records.estate.put(Estate(assets=(moved,)), moves=True) == Changes(0, 1, 0)
    assert records.estate.asset("EL-1") == moved
    assert [asset.id for asset in records.estate.assets(kind="pump_set", site="s")] == ["PS-1"]
    assert [site.id for site in records.estate.sites()] == ["s", "t"]
    assert records.estate.asset("none") is None


def test_a_bare_mention_does_not_erase_what_is_known(records: Records) -> None:
    records.estate.put(ESTATE)
    records.estate.put(Estate(sites=(Site(id="s"),), buildings=(Building(id="1", site="s"),)))
    assert records.estate.buildings() == list(ESTATE.buildings)
    assert records.estate.sites() == list(ESTATE.sites)


def assessment(asset: str, as_of: datetime, probability: float = 0.5) -> Assessment:
    evidence = Evidence(
        channel="door_close_time",
        detector="trend",
        trouble=Trouble.EQUIPMENT,
        pattern="trend",
        since=as_of - timedelta(days=3),
        value=3.5,
        expected=2.5,
        score=7.0,
        crosses_limit_at=None,
        sentence=Text(zh="关门变慢", en="doors close slower"),
    )
    return Assessment(
        asset=asset,
        as_of=as_of,
        horizon_days=7,
        probability=probability,
        sensor_probability=0.1,
        flagged=True,
        score=1.5,
        mode="door_operator_wear",
        reason=Text(zh="门机磨损", en="door operator wears"),
        coverage=0.9,
        model="1",
        evidence=(evidence,),
    )


def test_the_latest_assessment_is_that_of_the_newest_moment_not_of_the_last_put(records: Records) -> None:
    newer, older = assessment("A", T0), assessment("A", T0 - timedelta(days=1))
    records.assessments.put([newer])
    records.assessments.put([older, assessment("B", T0)])
    records.assessments.put([])
    assert records.assessments.latest() == {"A": newer, "B": assessment("B", T0)}
    assert records.assessments.history("A") == [older, newer]
    assert records.assessments.history("A", since=T0) == [newer]


def test_scoring_the_same_moment_again_replaces_it(records: Records) -> None:
    records.assessments.put([assessment("A", T0, 0.2), assessment("A", T0, 0.3)])
    records.assessments.put([assessment("A", T0, 0.9)])
    assert [one.probability for one in records.assessments.history("A")] == [0.9]


def test_times_need_a_zone_and_come_back_in_utc(records: Records) -> None:
    with pytest.raises(Exception, match="no time zone"):
        records.assessments.put([assessment("A", datetime(2026, 1, 1))])
    records.assessments.put([assessment("A", T0)])
    assert records.assessments.latest()["A"].as_of.utcoffset() == timedelta(0)


def test_duties_keep_every_date_and_tell_the_last(records: Records) -> None:
    dates = {("EL-1", "half_monthly"): date(2026, 3, 1), ("EL-1", "yearly"): date(2025, 5, 1)}
    assert records.duties.put(dates, by="Li") == 2
    assert records.duties.put(dates, by="Li") == 0
    records.duties.done("EL-1", "half_monthly", date(2026, 2, 14))
    assert records.duties.last_done() == dates


def test_outcomes_are_given_back_until_a_moment(records: Records) -> None:
    found = [
        Outcome(asset="A", at=T0 + timedelta(days=day), finding=finding, by="Li", mode="m")
        for day, finding in enumerate(Finding)
    ]
    for one in [*found, found[0]]:
        records.outcomes.put(one)
    assert records.outcomes.all() == found
    assert records.outcomes.all(until=T0 + timedelta(days=1)) == found[:1]
    assert records.outcomes.all(asset="B") == []


def test_the_migrations_build_the_tables_of_the_code(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]
    engine = open_engine(tmp_path / "records.sqlite")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def test_assessments_of_before_there_were_states_are_migrated(tmp_path: Path) -> None:
    """Those without any data were called well; they were never heard of."""
    path = tmp_path / "records.sqlite"
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for asset, coverage in (("A", 0.0), ("B", 1.0)):
            connection.exec_driver_sql(
                "INSERT INTO assessment (asset, as_of, horizon_days, probability, sensor_probability, flagged, score, "
                "mode, reason_zh, reason_en, coverage, model, evidence) "
                "VALUES (?, '2026-01-01 00:00:00', 7, 0.1, 0.1, 0, -2, '', 'x', 'x', ?, 'm', '[]')",
                (asset, coverage),
            )
    engine.dispose()
    with Records(path) as records:
        states = {name: one.state for name, one in records.assessments.latest().items()}
    assert states == {"A": Knowledge.NEVER_HEARD, "B": Knowledge.ASSESSED}


_CHILD = """
import sys
from pathlib import Path
from facility.estate import Asset, Estate
from facility.records import Records
with Records(Path(sys.argv[1])) as records:
    for day in range(20):
        records.duties.done(sys.argv[2], "yearly", __import__("datetime").date(2026, 1, 1 + day))
    print(records.estate.put(Estate(assets=(Asset(id=sys.argv[2], kind="lift"),))).added)
"""


def test_many_processes_open_a_new_database_at_once(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    children = [
        subprocess.Popen([sys.executable, "-c", _CHILD, path, f"A{number}"], stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    assert [child.communicate(timeout=240)[0].strip() for child in children] == ["1"] * 4
    with Records(path) as records:
        assert len(records.estate.assets()) == 4
        assert set(records.duties.last_done().values()) == {date(2026, 1, 20)}


def test_records_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "noise.sqlite").write_bytes(b"this is no database, it is a note to self" * 100)
    with pytest.raises(CannotDo, match="are damaged"):
        Records(tmp_path / "noise.sqlite")
    with pytest.raises(CannotDo):
        Records(tmp_path / "no-such-folder" / "records.sqlite")
    with pytest.raises(CannotDo, match="no database URL"):
        Records("://")
    with pytest.raises(CannotDo, match="no driver"):
        Records("postgresql+nosuchdriver://localhost/x")


def test_records_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    Records(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CannotDo, match="newer serviceday"):
        Records(path)


def test_no_field_is_longer_than_the_records_keep_whichever_way_it_comes(tmp_path: Path) -> None:
    long = "x" * 100_000
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with Records(tmp_path / "r.sqlite") as records:
        for write in (
            lambda: records.estate.put(Estate(assets=(Asset(id="L-1", kind="lift", site="s", name=long),))),
            lambda: records.outcomes.put(Outcome(asset="L-1", at=now, finding=Finding.CONFIRMED, by=long)),
            lambda: records.outcomes.put(Outcome(asset="L-1", at=now, finding=Finding.CONFIRMED, note=long)),
        ):
            with pytest.raises(CannotConvert, match="100000 characters, beginning 'xxx"):
                write()
        assert records.estate.assets() == []
        assert records.outcomes.all() == []
