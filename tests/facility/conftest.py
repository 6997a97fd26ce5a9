"""The stores that the contract is tried on."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from influxdb_client import InfluxDBClient

from facility.store import Store
from facility.store.influx.store import Influx
from facility.store.influx.target import Target
from facility.store.lake.lake import Lake

sys.path.insert(0, str(Path(__file__).parent))  # store_tools

from influx_stand_in import ORG, TOKEN, StandIn

Opened = tuple[Store, Callable[[], Store]]

SITES = {"a": "north", "b": "south side"}


def _lake(folder: Path) -> Iterator[Opened]:
    yield Lake(folder, create=True), lambda: Lake(folder)


def _influx(target: Target, folder: Path) -> Opened:
    return Influx(target, folder, create=True, sites=lambda: SITES), lambda: Influx(target, folder, sites=lambda: SITES)


def _stand_in(folder: Path) -> Iterator[Opened]:
    with StandIn() as server:
        yield _influx(Target(url=server.url, org=ORG, bucket="readings", token=TOKEN), folder)


@contextmanager
def _bucket() -> Iterator[Target]:
    """A bucket name of its own on the real InfluxDB 2.x that is named, if one is; gone afterwards."""
    url = os.environ.get("SERVICEDAY_TEST_INFLUX_URL")
    if not url:
        pytest.skip("SERVICEDAY_TEST_INFLUX_URL (with _TOKEN and _ORG) names no InfluxDB 2.x to test with")
    said = {name: os.environ[f"SERVICEDAY_TEST_INFLUX_{name.upper()}"] for name in ("token", "org")}
    target = Target(url=url, bucket=f"serviceday-test-{uuid.uuid4().hex[:12]}", **said)
    yield target
    with InfluxDBClient(url=url, **said) as client:
        for name in (target.bucket, f"{target.bucket}_hourly"):
            if found := client.buckets_api().find_bucket_by_name(name):
                client.buckets_api().delete_bucket(found)


def _live(folder: Path) -> Iterator[Opened]:
    with _bucket() as target:
        yield _influx(target, folder)


KINDS = {"lake": _lake, "influx": _live, "influx-stand-in": _stand_in}


@pytest.fixture(params=list(KINDS))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    yield from KINDS[request.param](tmp_path / "readings")


@pytest.fixture
def store(opened: Opened) -> Store:
    return opened[0]


@pytest.fixture
def reopened(opened: Opened) -> Callable[[], Store]:
    """Opens the same store once more, as another process would."""
    return opened[1]


@pytest.fixture
def real_influx() -> Iterator[Target]:
    with _bucket() as target:
        yield target
