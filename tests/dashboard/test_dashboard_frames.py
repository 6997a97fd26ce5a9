from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from dashboard import frames, traces
from facility.alerts import Alert, Severity, Source
from facility.assessments import Assessment, Evidence, Trouble
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.phrases import Text
from serviceday.documents.branding import Names

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
WORDS = Text(zh="原因", en="reason")
LATEST = {"asset": pl.String, "channel": pl.String, "time": pl.Datetime("us", "UTC"), "value": pl.Float64}


def _assessment(
    asset: str, probability: float, *, flagged: bool = False, evidence: tuple[Evidence, ...] = ()
) -> Assessment:
    return Assessment(
        asset=asset,
        as_of=NOW,
        horizon_days=7,
        probability=probability,
        sensor_probability=0,
        flagged=flagged,
        score=probability,
        mode="",
        reason=WORDS,
        coverage=1,
        model="m",
        evidence=evidence,
    )


def _alert(asset: str, source: Source, severity: Severity) -> Alert:
    return Alert(
        id=1,
        asset=asset,
        cause=f"{asset}/{source.value}",
        channel="",
        source=source,
        severity=severity,
        title=WORDS,
        reason=WORDS,
        opened_at=NOW,
        last_seen_at=NOW,
    )


def _latest(*rows: tuple[str, str, timedelta]) -> pl.DataFrame:
    return pl.DataFrame([(asset, channel, NOW - age, 1.0) for asset, channel, age in rows], schema=LATEST, orient="row")


def _lifts(*ids: str) -> list[Asset]:
    return [Asset(id=one, kind="lift", building="A") for one in ids]


def test_the_worst_that_is_said_of_an_asset_is_its_state() -> None:
    fleet = frames.fleet(
        _lifts("urgent", "warned", "flagged", "doubted", "silent", "partly", "fine", "unheard"),
        {"flagged": _assessment("flagged", 0.7, flagged=True), "fine": _assessment("fine", 0.01)},
        [
            _alert("urgent", Source.LIMIT, Severity.HIGH),
            _alert("warned", Source.LIMIT, Severity.LOW),
            _alert("doubted", Source.SENSOR, Severity.LOW),
        ],
        _latest(
            *((one, "trips", timedelta()) for one in ("urgent", "warned", "flagged", "doubted", "partly", "fine")),
            ("partly", "door_close_time", timedelta(days=9)),
            ("silent", "trips", timedelta(days=9)),
        ),
        now=NOW,
        language="en",
    )
    states = dict(fleet.select("asset", "state").iter_rows())
    assert states == {
        "urgent": "alarm",
        "warned": "attention",
        "flagged": "attention",
        "doubted": "sensor",
        "silent": "silent",
        "partly": "not_assessed",
        "fine": "normal",
        "unheard": "never_heard",
    }
    stale = dict(fleet.select("asset", "stale").iter_rows())
    assert (stale["partly"], stale["silent"], stale["fine"]) == (1, 1, 0)
    assert fleet["asset"][0] == "flagged", "the likeliest comes first"
    counted = {state: number for state, number in frames.by_state(fleet).items() if number}
    assert counted == {
        "alarm": 1, "attention": 2, "sensor": 1, "silent": 1, "never_heard": 1, "not_assessed": 1, "normal": 1
    }  # fmt: skip


def test_nothing_at_all_is_still_a_fleet() -> None:
    fleet = frames.fleet([], {}, [], _latest(), now=NOW, language="zh")
    assert fleet.is_empty()
    assert sum(frames.by_state(fleet).values()) == 0
    assert frames.grid(frames.abreast(fleet, most=3)[0]).is_empty()


def test_the_grid_counts_trouble_and_shows_the_worst() -> None:
    fleet = frames.fleet(
        _lifts("a", "b", "c"),
        {},
        [_alert("b", Source.EQUIPMENT, Severity.MEDIUM)],
        _latest(("a", "trips", timedelta()), ("b", "trips", timedelta())),
        now=NOW,
        language="en",
    )
    assert frames.grid(frames.abreast(fleet, most=3)[0]).to_dicts() == [
        {"column": "A", "kind": "Lift", "state": "attention", "total": 3, "troubled": 1}
    ]


def _estate(sites: int, buildings: int) -> pl.DataFrame:
    """A fleet of one lift a building; building 2 of the last site is in trouble."""
    assets = [
        Asset(id=f"{site}-{building}", kind="lift", site=f"s{site}", building=f"B{building}")
        for site in range(sites)
        for building in range(buildings)
    ]
    alerts = [_alert(f"{sites - 1}-2", Source.LIMIT, Severity.HIGH)]
    return frames.fleet(assets, {}, alerts, _latest(), now=NOW, language="en")


def test_a_grid_has_no_more_columns_than_can_be_read() -> None:
    few, columns = frames.abreast(_estate(1, 4), most=4)
    assert (columns, sorted(set(few["column"]))) == ("buildings", ["B0", "B1", "B2", "B3"])
    twice, columns = frames.abreast(_estate(2, 3), most=6)
    assert (columns, twice["column"].n_unique()) == ("buildings", 6), "a building's id may stand at two sites"
    names = Names(sites={"s0": "滨河花园", "s1": "星河中心"}, buildings={("s0", "B0"): "1号楼"}, several=True)
    called, _ = frames.abreast(_estate(2, 3), most=6, names=names)
    assert {"滨河花园 1号楼", "滨河花园 B1", "星河中心 B0"} <= set(called["column"]), "by their names, not their ids"
    called, _ = frames.abreast(_estate(2, 100), most=4, names=names)
    assert set(called["column"]) == {"滨河花园", "星河中心"}
    sites, columns = frames.abreast(_estate(3, 100), most=4)
    assert (columns, sorted(set(sites["column"]))) == ("sites", ["s0", "s1", "s2"])
    worst, columns = frames.abreast(_estate(1, 300), most=4)
    assert (columns, worst["column"].n_unique()) == ("worst_buildings", 4)
    assert "B2" in set(worst["column"]), "the one in trouble is among them"


def test_matching_narrows_by_kind_state_and_words() -> None:
    fleet = frames.fleet(
        [*_lifts("L-1", "L-2"), Asset(id="T-1", kind="tank")],
        {"L-2": _assessment("L-2", 0.9, flagged=True)},
        [],
        _latest(("L-1", "trips", timedelta()), ("L-2", "trips", timedelta())),
        now=NOW,
        language="en",
    )
    assert frames.matching(fleet, kind="tank")["asset"].to_list() == ["T-1"]
    assert frames.matching(fleet, state="attention")["asset"].to_list() == ["L-2"]
    assert frames.matching(fleet, words=" REASON ")["asset"].to_list() == ["L-2"]
    assert frames.matching(fleet, words="(").is_empty()


def _window(channel: str, values: list[float | None], increase: list[float | None]) -> pl.DataFrame:
    times = [NOW - timedelta(hours=len(values) - place) for place in range(len(values))]
    return pl.DataFrame(
        {"channel": [channel] * len(values), "time": times, "value": values, "low": values, "high": values}
        | {"last": values, "increase": increase},
        schema_overrides=dict.fromkeys(("value", "low", "high", "last", "increase"), pl.Float64),
    )


def test_channels_that_speak_for_trouble_come_first_with_their_forecast() -> None:
    lift = catalogue()["lift"]
    said = Evidence(
        channel="motor_temperature",
        detector="trend",
        trouble=Trouble.EQUIPMENT,
        pattern="trend",
        since=None,
        value=70,
        expected=50,
        score=5,
        crosses_limit_at=NOW + timedelta(days=2),
        sentence=WORDS,
    )
    latest = _latest(
        ("x", "trips", timedelta()),
        ("x", "door_close_time", timedelta(days=9)),
        ("x", "motor_temperature", timedelta()),
    )
    drawn = traces.traces(
        lift, _window("trips", [5.0, 9.0], [None, 4.0]), latest, _assessment("x", 0.9, evidence=(said,)), now=NOW
    )
    assert [one.channel.key for one in drawn] == ["motor_temperature", "door_close_time", "trips"]
    assert drawn[0].forecast is not None
    assert drawn[0].forecast.limit == lift.channels["motor_temperature"].limit.high
    assert drawn[1].stale
    assert drawn[2].frame["value"].to_list() == [4.0], "a counter is shown by its growth"


def test_a_value_beyond_its_limit_is_marked() -> None:
    lift = catalogue()["lift"]
    latest = _latest(("x", "door_close_time", timedelta())).with_columns(pl.lit(9.0).alias("value"))
    (only,) = traces.traces(lift, _window("door_close_time", [9.0], [None]), latest, None, now=NOW)
    assert only.beyond_limit
    assert traces.last_words(only, "zh") == "9 秒"
    assert "≤ 3.7 s" in traces.bounds_words(only.channel, "en")


def test_thinning_keeps_extremes_and_bounds_the_rows() -> None:
    times = pl.datetime_range(NOW - timedelta(hours=4999), NOW, "1h", eager=True, time_zone="UTC")
    frame = pl.DataFrame({"time": times, "value": [float(place % 100) for place in range(5000)]})
    thin = traces.thin(frame, 700)
    assert thin.height <= 700
    assert (thin["low"].min(), thin["high"].max()) == (0.0, 99.0)
    assert traces.thin(frame.head(10), 700).height == 10


def test_a_wrong_coordinate_does_not_shrink_the_map() -> None:
    assets = [Asset(id=str(one), kind="lift", latitude=50 + one / 10, longitude=9 + one / 10) for one in range(20)]
    wrong = [Asset(id="null", kind="lift", latitude=0.0, longitude=0.0), Asset(id="none", kind="lift")]
    fleet = frames.fleet([*assets, *wrong], {}, [], _latest(), now=NOW, language="en")
    assert set(frames.placed(fleet)["asset"]) == {one.id for one in assets}
    assert frames.placed(fleet.filter(pl.col("asset") == "3")).height == 1
    assert frames.placed(fleet.filter(pl.col("asset") == "none")).is_empty()
