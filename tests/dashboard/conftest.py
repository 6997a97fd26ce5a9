"""A data folder as an installation has it: real store, real records, one lift whose door wears out."""

from __future__ import annotations

import math
import shutil
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from facility.alerts import Alert, Severity, Source
from facility.assessments import Assessment, Evidence, Prognosis, Trouble
from facility.catalogue.catalogue import Aggregate, catalogue
from facility.estate import Asset, Building, Estate, Site
from facility.folder import DataFolder
from facility.i18n.phrases import Text
from facility.records import Records
from facility.store import open_store

sys.path.insert(0, str(Path(__file__).parents[1] / "serviceday"))  # phone_rounds

DAYS = 10
WORN = "L-01"
DOUBTED = "TK-01"


def estate() -> Estate:
    assets = [
        Asset(id="L-01", kind="lift", site="s1", building="A", floor="1F", name="客梯 1"),
        Asset(id="L-02", kind="lift", site="s1", building="B", floor="1F", name="<b>客梯 2</b>"),
        Asset(id="TK-01", kind="tank", site="s1", building="B", floor="RF", name="Roof tank"),
        Asset(id="HZ-01", kind="hydrant_zone", site="s1", building="A", name="高区"),
        Asset(id="SD-01", kind="smoke_detector", site="s1", building="C", floor="3F"),
    ]
    buildings = [Building(id=one, site="s1") for one in "ABC"]
    return Estate(sites=(Site(id="s1"),), buildings=tuple(buildings), assets=tuple(assets))


def readings(now: datetime) -> pl.DataFrame:
    """Hourly readings of every channel in the middle of its band; the door of L-01 slows; SD-01 has none."""
    hours = [now - timedelta(hours=hour) for hour in range(24 * DAYS)]
    rows = []
    for asset in estate().assets:
        if asset.kind == "smoke_detector":
            continue
        for channel in catalogue()[asset.kind].channels.values():
            low = channel.normal.low if math.isfinite(channel.normal.low) else 0.0
            high = channel.normal.high if math.isfinite(channel.normal.high) else low + 10
            for place, time in enumerate(hours):
                age = len(hours) - place
                value = (low + high) / 2 + 0.1 * (high - low) * math.sin(place / 4)
                if channel.aggregate is Aggregate.COUNTER:
                    value = 1000.0 + 3 * age
                elif channel.aggregate is Aggregate.STATE:
                    value = float(min(channel.states, default=0))
                elif (asset.id, channel.key) == (WORN, "door_close_time"):
                    value = 2.5 + age / 220
                rows.append((asset.id, channel.key, time, value, time))
    schema = {
        "asset": pl.String,
        "channel": pl.String,
        "time": pl.Datetime("us", "UTC"),
        "value": pl.Float64,
        "arrived": pl.Datetime("us", "UTC"),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def assessments(now: datetime) -> list[Assessment]:
    sentence = Text(zh="关门时间上升到 3.6 秒（常态 2.5 秒）", en="Door close time rose to 3.6 s (usually 2.5 s)")
    slow = Evidence(
        channel="door_close_time",
        detector="trend",
        trouble=Trouble.EQUIPMENT,
        pattern="trend",
        since=now - timedelta(days=6),
        value=3.6,
        expected=2.5,
        score=7.2,
        crosses_limit_at=now + timedelta(days=3),
        sentence=sentence,
        series=(2.5, 2.5, 2.6, 2.4, None, 2.7, 2.9, 3.1, 3.4, 3.6),
        usual=(2.5, 2.5, 2.5, 2.5, None, 2.5, 2.5, 2.5, 2.5, 2.5),
    )
    foreseen = Prognosis(
        consequence=4.5,
        days_to_limit=3.0,
        days_between=(2.2, 5.6),
        alternatives=("door_sill_obstruction",),
        refuted_if=Text(zh="若关门时间自行回到 2.5 s 左右，则不成立", en="Door close time back at about 2.5 s"),
    )
    calm = Text(zh="未见异常", en="Nothing unusual")
    made = []
    for asset in estate().assets:
        worn, doubted = asset.id == WORN, asset.id == DOUBTED
        if asset.kind == "smoke_detector":
            continue
        made.append(
            Assessment(
                asset=asset.id,
                as_of=now,
                horizon_days=7,
                probability=0.83 if worn else 0.02,
                sensor_probability=0.9 if doubted else 0.01,
                flagged=worn,
                score=7.2 if worn else 0.4,
                mode="door_operator_wear" if worn else "",
                reason=sentence if worn else calm,
                coverage=0.98,
                model="test-1",
                evidence=(slow,) if worn else (),
                prognosis=foreseen if worn else None,
            )
        )
    return made


def alerts(now: datetime) -> list[Alert]:
    def one(asset: str, source: Source, severity: Severity, zh: str, en: str, *, days: int) -> Alert:
        return Alert(
            id=0,
            asset=asset,
            cause=f"{asset}/{source.value}",
            channel="door_close_time" if asset == WORN else "",
            source=source,
            severity=severity,
            title=Text(zh=zh, en=en),
            reason=Text(zh=f"{zh}，已持续", en=f"{en}, still so"),
            opened_at=now - timedelta(days=days),
            last_seen_at=now,
        )

    return [
        one(WORN, Source.EQUIPMENT, Severity.HIGH, "开关门机磨损", "Door operator wear", days=2),
        one(DOUBTED, Source.SENSOR, Severity.LOW, "液位传感器可疑", "Level sensor doubtful", days=400),
    ]


def fill(folder: DataFolder, now: datetime) -> None:
    folder.prepare()
    with Records(folder.records) as records:
        records.estate.put(estate())
        records.assessments.put(assessments(now))
        records.alerts.keep(alerts(now), [], now=now)
        records.duties.put({(WORN, next(iter(catalogue()["lift"].duties))): (now - timedelta(days=3)).date()})
    store = open_store(folder.readings, create=True)
    store.append(readings(now).to_arrow(compat_level=pl.CompatLevel.oldest()))
    store.maintain()
    store.close()


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory, now: datetime) -> Path:
    folder = tmp_path_factory.mktemp("installation") / "data"
    fill(DataFolder(folder), now)
    return folder


@pytest.fixture
def installation(_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A filled data folder that the app is told to show; each test has its own."""
    folder = tmp_path / "data"
    shutil.copytree(_template, folder)
    monkeypatch.setenv("SERVICEDAY_DATA", str(folder))
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")
    monkeypatch.setenv("SERVICEDAY_TIMEZONE", "Asia/Shanghai")
    return folder


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
