"""What a real InfluxDB 2.x refuses, and what others see in our buckets (the contract suite does the rest).

Runs where `SERVICEDAY_TEST_INFLUX_URL` (with `_TOKEN`, of an operator or of all access, and `_ORG`) names one.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from influxdb_client import InfluxDBClient, Permission, PermissionResource, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS
from store_tools import START, table

from facility.errors import CannotCommunicate, CannotDo
from facility.store import Appended, Retention
from facility.store.influx.server import Server
from facility.store.influx.store import Influx
from facility.store.influx.target import Target

ROWS = [(asset, "x", minute, minute / 3) for asset in "ab" for minute in range(130)]


def client(target: Target) -> InfluxDBClient:
    return InfluxDBClient(url=target.url, token=target.token, org=target.org)


def test_a_wrong_token(real_influx: Target, tmp_path: Path) -> None:
    with pytest.raises(CannotCommunicate, match="does not accept the token") as refused:
        Influx(replace(real_influx, token="no-such-token"), tmp_path / "readings", create=True)
    assert "no-such-token" not in str(refused.value)


def test_a_token_that_may_only_read(real_influx: Target, tmp_path: Path) -> None:
    Influx(real_influx, tmp_path / "readings", create=True).close()
    with client(real_influx) as admin:
        org = admin.organizations_api().find_organizations(org=real_influx.org)[0].id
        only = [Permission(action="read", resource=PermissionResource(type="buckets", org_id=org))]
        given = admin.authorizations_api().create_authorization(org_id=org, permissions=only)
        try:
            reader = Influx(replace(real_influx, token=given.token), tmp_path / "readings")
            assert reader.latest().is_empty()
            with pytest.raises(CannotCommunicate, match="does not accept the token"):
                reader.append(table(ROWS))
            with pytest.raises(CannotCommunicate, match="does not accept the token"):
                Influx(replace(real_influx, token=given.token), tmp_path / "readings", create=True)
        finally:
            admin.authorizations_api().delete_authorization(given)


def test_a_missing_bucket_and_a_missing_organisation(real_influx: Target, tmp_path: Path) -> None:
    with pytest.raises(CannotDo, match="no bucket"):
        Influx(real_influx, tmp_path / "readings")
    with pytest.raises((CannotDo, CannotCommunicate), match=r"organi[sz]ation"):
        Influx(replace(real_influx, org="no-such-org"), tmp_path / "readings", create=True)
    store = Influx(real_influx, tmp_path / "readings", create=True)
    with client(real_influx) as admin:
        admin.buckets_api().delete_bucket(admin.buckets_api().find_bucket_by_name(real_influx.bucket))
    with pytest.raises(CannotDo, match="no such organisation or bucket"):
        store.append(table(ROWS), source="s", cursor=1)
    assert store.cursor("s") is None
    assert not store.health().ok


def test_lines_of_another_type_are_found_and_told_and_the_rest_is_kept(real_influx: Target, tmp_path: Path) -> None:
    """Somebody wrote texts into our measurement: the server takes no numbers for the week of that shard."""
    store = Influx(real_influx, tmp_path / "readings", create=True)
    month = 43_200
    rows = table([(asset, "x", minute + week, 1.5) for asset in "ab" for minute in range(60) for week in (0, month)])
    moment = int(START.timestamp())
    with client(real_influx) as other:
        line = f'readings,asset=b,channel=x value="wrong" {moment}'
        other.write_api(SYNCHRONOUS).write(real_influx.bucket, record=line, write_precision=WritePrecision.S)
    done = store.append(rows, source="s", cursor=1)
    assert (done.stored, done.refused) == (120, 120)
    assert {rows["time"][one.row].as_py().month for one in done.refusals} == {START.month}
    assert "type" in done.refusals[0].reason
    assert store.read(assets=["a"], start=START + timedelta(days=1)).height == 60
    assert store.cursor("s") == (1, done, "")


def test_what_is_older_than_the_server_keeps_is_told(real_influx: Target) -> None:
    server = Server(real_influx)
    server.bucket(real_influx.bucket, keep=timedelta(days=2), create=True)
    now = int(datetime.now(UTC).timestamp())
    ages = [0, 60, 10 * 86_400, 120, 20 * 86_400]
    lines = pl.Series([f"readings,asset=a,channel=x value=1.0 {now - age}000000000\n" for age in ages])
    assert server.write(real_influx.bucket, lines).keys() == {2, 4}


def test_the_hours_read_well_for_somebody_else(real_influx: Target, tmp_path: Path) -> None:
    store = Influx(real_influx, tmp_path / "readings", create=True, sites=lambda: {"a": "north side"})
    assert store.append(table(ROWS)) == Appended(260, 0, 0)
    store.maintain()
    asked = f"""from(bucket: "{real_influx.bucket}_hourly") |> range(start: 0)
        |> filter(fn: (r) => r._measurement == "hours" and r._field == "mean" and r.site == "north side")"""
    with client(real_influx) as other:
        found = [row for one in other.query_api().query(asked) for row in one.records]
    assert [row["asset"] for row in found] == ["a", "a"]
    assert found[0].get_value() == pytest.approx(sum(range(60)) / 180)


def test_retention_is_the_buckets(real_influx: Target, tmp_path: Path) -> None:
    store = Influx(real_influx, tmp_path / "readings", create=True)
    store.retain(Retention(timedelta(days=400), timedelta(days=3650)))
    with client(real_influx) as other:
        rules = other.buckets_api().find_bucket_by_name(real_influx.bucket).retention_rules
    assert rules[0].every_seconds == 400 * 86_400
    assert Influx(real_influx, tmp_path / "readings").retention() == Retention(
        timedelta(days=400), timedelta(days=3650)
    )
