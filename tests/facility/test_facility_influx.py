"""Writing to InfluxDB and every way in which it can go wrong.

The write path runs against a real server, Debian's victoria-metrics, which takes `/api/v2/write` (and is neither
durable before it answers nor able to answer Flux). The faults are the ones that InfluxDB's documentation lists, given
by a stand-in; what the store makes of right answers is tested by the contract suite.
"""

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from influx_stand_in import ORG, TOKEN, StandIn, parsed
from store_tools import START, table

from facility.errors import CannotCommunicate, CannotDo, CannotParse
from facility.store import Appended
from facility.store.configuration import Choice, chosen
from facility.store.deduplication import frame_of
from facility.store.influx import flux
from facility.store.influx.line_protocol import from_tag, reading_lines, to_tag
from facility.store.influx.server import Server
from facility.store.influx.store import Influx
from facility.store.influx.target import Target

VICTORIA = shutil.which("victoria-metrics")
ROWS = [(asset, "x", minute, minute / 3) for asset in "ab" for minute in range(50)]


class VictoriaMetrics:
    def __init__(self, folder: Path) -> None:
        assert VICTORIA
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [
                *(VICTORIA, f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}"),
                *("-retentionPeriod=100y", "-search.latencyOffset=0s", "-loggerLevel=ERROR"),
            ],
            stderr=subprocess.DEVNULL,
        )
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("victoria-metrics did not start")

    def series(self, match: str) -> list[dict]:
        """What it has kept, once it lets it be seen."""
        urllib.request.urlopen(f"{self.url}/internal/force_flush").read()  # noqa: S310
        asked = urllib.parse.urlencode({"match[]": match})
        with urllib.request.urlopen(f"{self.url}/api/v1/export?{asked}") as answer:  # noqa: S310
            return [json.loads(line) for line in answer]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    if VICTORIA is None:
        pytest.skip("victoria-metrics is not installed")
    server = VictoriaMetrics(tmp_path / "victoria")
    yield server
    server.stop()


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


def target(url: str, **said: str) -> Target:
    return Target(**{"url": url, "org": ORG, "bucket": "readings", "token": TOKEN} | said)


def lines(rows: list[tuple[str, str, int, float]]) -> pl.Series:
    return reading_lines(frame_of(table(rows)), {"a": "north"})


# -- a real server ----------------------------------------------------------------------------------------------------


def test_what_is_written_arrives_in_a_real_server(victoria: VictoriaMetrics) -> None:
    odd = [("电梯 1,=", "x", minute, minute * 0.1) for minute in range(3)]
    assert Server(target(victoria.url)).write("readings", lines(ROWS + odd)) == {}
    values = {one["metric"]["asset"]: one for one in victoria.series('{__name__="readings_value"}')}
    assert values.keys() == {"a", "b", "电梯 1,="}
    assert values["a"]["metric"] | {"db": ""} == {
        "__name__": "readings_value",
        "asset": "a",
        "channel": "x",
        "site": "north",
        "db": "",
    }
    assert values["b"]["values"] == pytest.approx([minute / 3 for minute in range(50)])
    assert values["b"]["timestamps"] == [int(START.timestamp() + 60 * minute) * 1000 for minute in range(50)]
    arrivals = victoria.series('{__name__="readings_arrived"}')
    assert {value for one in arrivals for value in one["values"]} == {(START.timestamp() + 30 * 86_400) * 1e6}


def test_a_server_that_goes_down_and_comes_back(victoria: VictoriaMetrics, tmp_path: Path) -> None:
    server = Server(target(victoria.url))
    victoria.stop()
    with pytest.raises(CannotCommunicate, match=r"no answer from InfluxDB at http://127.0.0.1"):
        server.write("readings", lines(ROWS))
    with pytest.raises(CannotCommunicate, match="no answer"):
        server.version()


def test_a_server_that_is_no_influxdb_2_is_refused(
    victoria: VictoriaMetrics, stand_in: StandIn, tmp_path: Path
) -> None:
    with pytest.raises(CannotDo, match=r"no InfluxDB 2\.x but "):
        Influx(target(victoria.url), tmp_path / "readings", create=True)
    stand_in.version = "v3.0.1"
    with pytest.raises(CannotDo, match=r"but 3\.0\.1"):
        Influx(target(stand_in.url), tmp_path / "readings", create=True)


# -- faults -----------------------------------------------------------------------------------------------------------


def test_a_wrong_token_a_missing_bucket_and_a_missing_organisation(stand_in: StandIn, tmp_path: Path) -> None:
    with pytest.raises(CannotCommunicate, match="does not accept the token") as refused:
        Influx(target(stand_in.url, token="wrong-token"), tmp_path / "a", create=True)
    assert "wrong-token" not in str(refused.value)
    with pytest.raises(CannotDo, match="no bucket 'readings'"):
        Influx(target(stand_in.url), tmp_path / "b")
    store = Influx(target(stand_in.url), tmp_path / "c", create=True)
    del stand_in.buckets["readings"]
    with pytest.raises(CannotDo, match="no such organisation or bucket"):
        store.append(table(ROWS))
    assert not store.health().ok
    assert store.cursor("s") is None
    assert TOKEN not in repr(store.target)


def test_too_much_at_once_is_halved(stand_in: StandIn, tmp_path: Path) -> None:
    store = Influx(target(stand_in.url), tmp_path / "readings", create=True)
    stand_in.at_most = 1000
    assert store.append(table(ROWS)) == Appended(100, 0, 0)
    assert stand_in.asked.count("POST /api/v2/write") > 8
    assert store.read()["value"].to_list() == [row[3] for row in ROWS]


def test_lines_that_are_refused_are_found_and_told(stand_in: StandIn, tmp_path: Path) -> None:
    store = Influx(target(stand_in.url), tmp_path / "readings", create=True)
    stand_in.refuse = __import__("re").compile("asset=b.* value=(1|2).0,")
    done = store.append(table(ROWS), source="s", cursor=1)
    assert (done.stored, done.duplicates, done.refused) == (98, 0, 2)
    assert [ROWS[one.row][:3] for one in done.refusals] == [("b", "x", 3), ("b", "x", 6)]
    assert "partial write" in done.refusals[0].reason
    assert store.cursor("s") == (1, done, "")
    stand_in.refuse = __import__("re").compile(".")
    before = stand_in.asked.count("POST /api/v2/write")
    assert store.append(table([("c", "x", minute, 1.0) for minute in range(500)])).refused == 500
    assert stand_in.asked.count("POST /api/v2/write") - before == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for_as_long_as_it_asks(stand_in: StandIn, status: int) -> None:
    waited: list[float] = []
    stand_in.buckets["readings"] = {}
    server = Server(target(stand_in.url), sleep=waited.append)
    busy = ("/api/v2/write", status, {"Retry-After": "7"}, b'{"code":"too many requests","message":"slow down"}')
    stand_in.faults = [busy, busy]
    assert server.write("readings", lines(ROWS)) == {}
    assert waited == [7.0, 7.0]
    stand_in.faults = [("/api/v2/write", status, {"Retry-After": "3600"}, b"")]
    with pytest.raises(CannotCommunicate, match="left alone for 3600 s"):
        server.write("readings", lines(ROWS))
    stand_in.faults = [busy] * 9
    with pytest.raises(CannotCommunicate, match="too busy"):
        server.write("readings", lines(ROWS))


def test_a_server_that_fails_says_so_and_loses_nothing(stand_in: StandIn, tmp_path: Path) -> None:
    store = Influx(target(stand_in.url), tmp_path / "readings", create=True)
    stand_in.faults = [("/api/v2/write", 500, {}, b'{"code":"internal error","message":"out of memory"}')]
    with pytest.raises(CannotCommunicate, match="out of memory"):
        store.append(table(ROWS), source="s", cursor=1)
    assert store.cursor("s") is None
    assert store.append(table(ROWS), source="s", cursor=1) == Appended(100, 0, 0)
    stand_in.faults = [("/api/v2/query", 400, {}, b'{"code":"invalid","message":"compilation failed"}')]
    with pytest.raises(CannotCommunicate, match="compilation failed"):
        store.read()


def test_a_crash_between_the_points_and_the_note_counts_everything_once(stand_in: StandIn, tmp_path: Path) -> None:
    store = Influx(target(stand_in.url), tmp_path / "readings", create=True)
    store.append(table([("a", "x", 100, 1.0)]), source="s", cursor=1)
    mixed = table([("a", "x", 50, 1.0), ("a", "x", 100, 1.0), ("a", "x", 150, 1.0), ("b", "y", 1, 1.0)])

    class Died(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facility.store.influx.sidecar.Beside.commit", die)
        with pytest.raises(Died):
            store.append(mixed, source="s", cursor=2)
    again = Influx(target(stand_in.url), tmp_path / "readings")
    assert again.cursor("s") == (1, Appended(1, 0, 0), "")
    assert again.append(mixed, source="s", cursor=2) == Appended(3, 1, 1)
    assert again.append(mixed, source="s", cursor=3) == Appended(0, 4, 0)
    assert again.size().readings == 4


def test_a_lost_file_beside_is_made_anew_from_the_bucket(stand_in: StandIn, tmp_path: Path) -> None:
    store = Influx(target(stand_in.url), tmp_path / "one", create=True)
    store.append(table(ROWS))
    store.maintain()
    again = Influx(target(stand_in.url), tmp_path / "two", create=True)
    assert again.append(table(ROWS)) == Appended(0, 100, 0)
    assert again.rollups().equals(store.rollups())


def test_an_asset_that_moves_keeps_its_series(stand_in: StandIn, tmp_path: Path) -> None:
    sites = {"a": "north"}
    store = Influx(target(stand_in.url), tmp_path / "readings", create=True, sites=lambda: sites)
    store.append(table([("a", "x", 0, 1.0)]))
    sites["a"] = "south"
    assert store.append(table([("a", "x", 0, 2.0), ("a", "x", 1, 2.0)])) == Appended(1, 1, 0)
    assert {dict(series[1])["site"] for series in stand_in.buckets["readings"]} == {"north"}
    assert store.read()["value"].to_list() == [2.0, 2.0]


def test_changes_are_followed_by_hours(stand_in: StandIn, tmp_path: Path) -> None:
    store = Influx(target(stand_in.url), tmp_path / "readings", create=True)
    store.append(table([("a", "x", 0, 1.0), ("a", "x", 100, 1.0), ("b", "x", 0, 1.0)]))
    first = store.changes()
    assert (first.whole, first.readings.height) == (True, 3)
    store.append(table([("a", "x", 101, 2.0)]))
    store.delete("b")
    second = store.changes(first.cursor)
    assert second.deleted == ("b",)
    assert second.readings["value"].to_list() == [1.0, 2.0]
    assert store.changes(second.cursor).readings.is_empty()


# -- names and answers ------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_name_and_value_survive_line_protocol(name: str, value: float) -> None:
    assert from_tag(to_tag(name)) == name
    (line,) = lines([(name, "x", 5, value)]).to_list()
    assert line.count("\n") == 1
    found = {series: (moment, number) for series, moment, number in parsed(line.rstrip("\n"))}
    tags = {dict(series[1])["asset"] for series in found}
    assert {from_tag(tag) for tag in tags} == {name}
    assert (int(START.timestamp()) + 300) * 10**9, value in found.values()
    assert any(number == value for _, number in found.values())
    flux.text(to_tag(name))


def test_nothing_but_a_tag_can_stand_in_a_question() -> None:
    for wicked in ('x" or true', "a\\", "${x}", "a\nb"):
        with pytest.raises(ValueError, match="cannot stand"):
            flux.text(wicked)


CSV = (
    "#group,false,false,false,false,true,true\r\n"
    "#datatype,string,long,dateTime:RFC3339,double,string,string\r\n"
    "#default,values,,,,,\r\n"
    ",result,table,_time,value,asset,channel\r\n"
    ",,0,2026-03-01T00:00:00Z,1.5,L-1,x\r\n"
    ",,0,2026-03-01T00:00:00.123457Z,-2,L-1,x\r\n"
    "#group,false,false,false,false,true,true\r\n"
    "#datatype,string,long,dateTime:RFC3339,double,string,string\r\n"
    "#default,values,,,,,\r\n"
    ",result,table,asset,_time,value,channel\r\n"
    ',,1,"L,%22 2",2026-03-01T00:00:00.5Z,1e-7,y\r\n'
    "\r\n"
    "#group,false,false,false,false,true,true\r\n"
    "#datatype,string,long,dateTime:RFC3339,long,string,string\r\n"
    "#default,arrivals,,,,,\r\n"
    ",result,table,_time,arrived,asset,channel\r\n"
    ",,0,2026-03-01T00:00:00Z,1772323200000001,L-1,x\r\n"
    "\r\n"
)


def test_annotation_rows_may_come_again_and_columns_in_another_order() -> None:
    found = flux.tables(CSV.encode())
    assert [one.height for one in found] == [2, 1, 1]
    assert found[0]["value"].to_list() == [1.5, -2.0]
    assert found[0]["_time"][1].microsecond == 123457
    assert found[1]["asset"].to_list() == ['L," 2']
    assert found[2]["arrived"].to_list() == [1772323200000001]
    plain = "\r\n".join(line for line in CSV.split("\r\n") if not line.startswith("#"))
    assert [one.height for one in flux.tables(plain.encode())] == [2, 1, 1]
    assert flux.tables(b"") == []
    assert flux.tables(b"\r\n") == []


def test_an_answer_that_breaks_off_is_an_error() -> None:
    broken = (
        CSV.encode() + b"#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,died,897\r\n"
    )
    with pytest.raises(CannotCommunicate, match="died"):
        flux.tables(broken)


# -- which store ------------------------------------------------------------------------------------------------------


def test_an_installation_chooses_its_store(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(tmp_path, {}).kind == "lake"
    Choice(kind="influx", url=stand_in.url, org=ORG, bucket="b", token_file=str(tmp_path / "token")).write(tmp_path)
    choice = chosen(tmp_path, {})
    with pytest.raises(CannotParse, match="cannot be read"):
        choice.target({})
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert choice.target({}) == Target(url=stand_in.url, org=ORG, bucket="b", token=TOKEN)
    assert choice.target({"SERVICEDAY_INFLUX_TOKEN": "other"}).token == "other"
    assert TOKEN not in (tmp_path / "store.toml").read_text()
    from facility.store import open_store

    store = open_store(tmp_path / "readings", create=True)
    assert isinstance(store, Influx)
    assert chosen(tmp_path, {"SERVICEDAY_STORE": "lake"}).kind == "lake"


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ('kind = "influx"', "is not the address"),
        ('kind = "influx"\nurl = "http://user:secret@h:1"\norg = "o"', "holds a password"),
        ('kind = "influx"\nurl = "http://h:1"', "organisation"),
        ('kind = "mongo"', "not a kind of store"),
        ("kind = ", "cannot be read"),
        ('color = "red"', "says color"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(tmp_path: Path, said: str, wrong: str) -> None:
    (tmp_path / "store.toml").write_text(said)
    with pytest.raises(CannotParse, match=wrong) as refused:
        chosen(tmp_path, {})
    assert "secret" not in str(refused.value)
