"""Any label: what is written is read, when it came about is known or left open, and no answer is a feature."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.catalogue.catalogue import Aggregate, Bad, Band, Channel, catalogue
from facility.errors import CannotConvert, CannotParse
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.label_events import LabelEvent, LabelEvents, read_events
from models.labels.history import Calendar, from_channel, from_events
from models.labels.label_model import over
from models.labels.target import Form, Target, parse_target
from models.wear.conditions import Conditions
from models.wear.daily_table import DailyTable
from models.wear.standing import standings
from models.wear.wear import WearModel
from simulators.engine_fleets import engine_fleet, failing_within

ZONE = ZoneInfo("UTC")
END = datetime(2026, 6, 1, tzinfo=UTC)
FIRST = date(2026, 4, 2)
DAYS = 60


def channel(key: str, aggregate: Aggregate = Aggregate.MEAN, unit: str = "1") -> Channel:
    whole = Band()
    return Channel(
        kind="engine",
        key=key,
        name=Text(zh=key, en=key),
        unit=unit,
        normal=whole,
        limit=whole,
        physical=whole,
        cadence=timedelta(days=1),
        stale_after=timedelta(days=3),
        aggregate=aggregate,
        bad=Bad.BOTH,
        source="D",
        brick="",
        states={},
    )


def calendar(heard: np.ndarray) -> Calendar:
    assets = tuple(Asset(id=f"E-{i}", kind="engine") for i in range(len(heard)))
    return Calendar(assets=assets, first=FIRST, heard=heard, end=END, timezone=ZONE)


def hours(shelf, key: str, figures: np.ndarray):
    rows = [
        {"asset": f"E-{i}", "channel": key, "hour": END - timedelta(days=figures.shape[1] - d, hours=-6), "value": v}
        for i, values in enumerate(figures.tolist())
        for d, v in enumerate(values)
        if not np.isnan(v)
    ]
    frame = pl.DataFrame(rows).with_columns(pl.col("hour").cast(pl.Datetime("us", "UTC")))
    same = {name: pl.col("value") for name in ("mean", "min", "max", "first", "last")}
    return shelf(frame.with_columns(**same, std=pl.lit(0.0), count=pl.lit(1.0), increase=pl.col("value")).drop("value"))


class TestTarget:
    KINDS = ("lift", "lighting_circuit")

    @pytest.mark.parametrize(
        ("words", "form"),
        [
            ("downtime_min >= 120", Form.RULE),
            ("door_close_time>4.5", Form.RULE),
            ("fault_code", Form.CHANNEL),
            ("entrapment", Form.EVENTS),
            ("困人", Form.EVENTS),
        ],
    )
    def test_each_form_is_read(self, words, form):
        assert parse_target(words, catalogue(), self.KINDS, ("entrapment", "困人")).form is form

    def test_a_near_name_is_offered(self):
        with pytest.raises(CannotConvert) as error:
            parse_target("door_closetime >= 4", catalogue(), self.KINDS, ())
        assert "door_close_time" in str(error.value.do)

    def test_a_name_with_two_meanings_is_not_guessed(self):
        with pytest.raises(CannotConvert, match="is a channel and the name of imported events"):
            parse_target("fault_code", catalogue(), self.KINDS, ("fault_code",))

    @given(st.text(max_size=40))
    def test_no_text_crashes(self, words):
        with contextlib.suppress(CannotParse, CannotConvert):
            assert isinstance(parse_target(words, catalogue(), self.KINDS, ("entrapment",)), Target)

    @given(st.sampled_from([">=", ">", "<=", "<"]), st.integers(-1000, 1000))
    def test_what_is_kept_is_the_same(self, comparison, limit):
        target = parse_target(f"door_close_time {comparison} {limit}", catalogue(), self.KINDS, ())
        assert Target.from_dict(target.as_dict()) == target
        assert parse_target(str(target), catalogue(), self.KINDS, ()) == Target(
            Form.RULE, str(target), "door_close_time", comparison, float(limit)
        )


class TestHistory:
    @given(st.integers(8, 50), st.integers(0, 45), st.integers(1, 20))
    def test_a_countdown_is_an_event_at_its_end_and_known_before(self, first_left, cut, horizon):
        """What is to come of an engine does not depend on how much of its countdown was written down."""
        left = np.full((2, DAYS), np.nan)
        length = min(first_left, max(cut, 7))
        left[0, :length] = first_left - np.arange(length)
        heard = np.ones((2, DAYS), dtype=np.bool_)
        heard[0, first_left + 1 :] = False

        def shelf(frame):
            return _Rollups(frame)

        history = from_channel(
            hours(shelf, "ttf", left), calendar(heard), Target(Form.CHANNEL, "ttf", "ttf"), channel("ttf", unit="d")
        )
        assert history is not None
        assert np.flatnonzero(history.came[0]).tolist() == ([first_left] if first_left < DAYS else [])
        for day in range(1, DAYS - horizon):
            assert history.outcome(day, horizon)[0] == (day <= first_left < day + horizon)
            assert not (history.eligible(day)[0] and day > first_left)

    def test_who_does_not_count_is_known_as_far_as_it_was_heard(self, shelf):
        left = np.full((2, DAYS), np.nan)
        left[0, :30] = 29 - np.arange(30.0)
        heard = np.ones((2, DAYS), dtype=np.bool_)
        heard[1, 40:] = False
        target = Target(Form.RULE, "ttf <= 10", "ttf", "<=", 10.0)
        history = from_channel(hours(shelf, "ttf", left), calendar(heard), target, channel("ttf", unit="d"))
        assert history is not None
        assert np.flatnonzero(history.came[0]).tolist() == list(range(19, 30))
        assert history.known_until.tolist() == [DAYS, 30]  # who ran until day 39 had more than ten left on day 29
        assert history.eligible(25)[0], "being near the end is what is to be told of a running engine"
        assert not history.judged(25, 10)[1]

    def test_neither_switch_nor_countdown_is_asked_about(self, shelf):
        figures = np.random.default_rng(0).normal(20, 3, (2, DAYS))
        heard = np.ones((2, DAYS), dtype=np.bool_)
        with pytest.raises(CannotConvert, match="what counts"):
            from_channel(hours(shelf, "t", figures), calendar(heard), Target(Form.CHANNEL, "t", "t"), channel("t"))

    def test_a_weekly_test_holds_until_the_next(self, shelf):
        figures = np.full((1, DAYS), np.nan)
        figures[0, 3::7] = 12.0
        figures[0, [24, 31]] = 10.0  # two tests failed
        heard = np.ones((1, DAYS), dtype=np.bool_)
        target = Target(Form.RULE, "v < 11", "v", "<", 11.0)
        history = from_channel(hours(shelf, "v", figures), calendar(heard), target, channel("v", Aggregate.SPARSE))
        assert history is not None
        assert np.flatnonzero(history.came[0]).tolist() == [24, 31]
        assert [day for day in range(20, 45) if not history.eligible(day)[0]] == list(range(25, 39))

    def test_what_fell_silent_with_its_event_is_over(self):
        heard = np.ones((3, DAYS), dtype=np.bool_)
        heard[0, 58:] = False  # failed two days ago
        heard[2, 30:] = False  # silent for a month, and nothing is known of why
        events = [LabelEvent(asset="E-0", label="broke", start=END - timedelta(days=3))]
        events.append(LabelEvent(asset="E-1", label="broke", start=END - timedelta(days=3)))
        history = from_events(calendar(heard), Target(Form.EVENTS, "broke"), events)
        assert history.over.tolist() == [True, False, False]
        assert history.silent.tolist() == [2, 0, 30]
        assert not history.eligible(59)[0]
        assert history.eligible(59)[1], "it runs again"


class _Rollups:
    def __init__(self, frame):
        self.frame = frame

    def rollups(self, **_):
        return self.frame


@pytest.fixture(scope="module", params=[1, 6], ids=["one condition", "six conditions"])
def engines(request):
    fleet = engine_fleet(77, failed=24, running=30, conditions=request.param)
    engines = [*fleet.failed, *fleet.running]
    days = max(engine.flown for engine in engines)
    values = np.full((len(engines), days, len(fleet.columns)), np.nan, dtype=np.float32)
    for row, engine in enumerate(engines):
        values[row, days - engine.flown :] = engine.values
    assets = tuple(Asset(id=engine.name, kind="engine") for engine in engines)
    channels = tuple(channel(name) for name in fleet.columns)
    table = DailyTable(assets=assets, channels=channels, first=FIRST, values=values)
    model = WearModel.learned(table)
    assert model is not None
    return fleet, table, request.param, model


class TestWear:
    def test_conditions_are_seen_where_there_are_any(self, engines):
        _, _, conditions, model = engines
        assert model.conditions.points == conditions

    def test_the_worn_come_first_without_a_label(self, engines):
        fleet, table, _, model = engines
        ahead = model.wear(table, [table.days]).ahead(30)[len(fleet.failed) :, -1]
        failing = failing_within(fleet, 30)
        pairs = ahead[failing][:, None] > ahead[~failing][None]
        assert pairs.mean() >= 0.85  # AUROC

    def test_the_future_changes_nothing(self, engines):
        """What is told of a morning is the same, whatever comes after it."""
        _, table, _, model = engines
        cut = table.days - 25
        whole, before = model.wear(table, [cut]), model.wear(table.until(cut), [cut])
        assert np.allclose(np.nan_to_num(whole.features), np.nan_to_num(before.features))

    def test_it_is_the_same_after_being_kept(self, engines):
        _, table, _, model = engines
        again = WearModel.from_dict(model.as_dict())
        assert np.array_equal(model.wear(table, [table.days]).features, again.wear(table, [table.days]).features)

    def test_what_wanders_alike_is_no_wear(self):
        """A season moves all alike: no direction, and nobody is told to be worn."""
        random = np.random.default_rng(5)
        season = 8 * np.sin(np.arange(200) / 60)[None, :, None]
        values = (season + random.standard_normal((30, 200, 6))).astype(np.float32)
        assets = tuple(Asset(id=f"E-{i}", kind="engine") for i in range(30))
        channels = tuple(channel(f"s{i}") for i in range(6))
        assert WearModel.learned(DailyTable(assets=assets, channels=channels, first=FIRST, values=values)) is None

    def test_assets_of_two_sizes_are_no_conditions(self):
        random = np.random.default_rng(6)
        days = [random.normal(100 if i % 2 else 900, 1.0, (40, 4)) for i in range(20)]
        assert Conditions.of(days).points == 1

    def test_an_order_says_no_more_than_it_can(self, engines):
        _, table, _, model = engines
        worn = model.wear(table, [table.days])
        chosen = ~np.isnan(worn.index[:, -1])
        standing = standings(worn, chosen, chosen, 30)
        assert standing.probability.max() <= 0.9
        assert np.all(standing.worse_than <= standing.among)


@given(st.floats(0, 1), st.integers(1, 60), st.integers(1, 60))
def test_a_longer_horizon_is_no_less_likely(p, trained, days):
    other = over(np.array([p]), trained, days)[0]
    assert 0 <= other <= 1
    assert (other >= p - 1e-9) if days >= trained else (other <= p + 1e-9)


class TestEvents:
    def test_rows_are_taken_or_refused_by_line(self, tmp_path):
        file = tmp_path / "log.csv"
        file.write_text(
            "设备编号,开始时间,结束时间,标签\n"
            "EL-1,2026-03-01 08:00,2026-03-01 10:00,困人\n"
            "EL-9,2026-03-02 08:00,,困人\n"
            "EL-2,2026-03-03 08:00,2026-03-02 08:00,困人\n"
            "EL-2,2026-03-04,,\n",
            encoding="utf-8",
        )
        read = read_events(file, label="", assets=["EL-1", "EL-2"])
        assert [event.asset for event in read.events] == ["EL-1"]
        assert [refusal.line for refusal in read.refusals] == [3, 4, 5]

    @given(
        st.lists(
            st.tuples(st.integers(1, 3), st.integers(0, 400), st.none() | st.integers(0, 40)), min_size=1, max_size=20
        )
    )
    def test_a_file_taken_in_twice_changes_nothing(self, tmp_path_factory, rows):
        events = [
            LabelEvent(
                asset=f"EL-{asset}",
                label="out",
                start=END - timedelta(hours=hour),
                end=None if length is None else END - timedelta(hours=hour - length),
            )
            for asset, hour, length in {(asset, hour): (asset, hour, length) for asset, hour, length in rows}.values()
        ]
        kept = LabelEvents(tmp_path_factory.mktemp("events"))
        assert kept.add(events).new == len(events)
        again = kept.add(events)
        assert (again.new, again.changed, again.known) == (0, 0, len(events))
        assert sorted(kept.read("out"), key=repr) == sorted(events, key=repr)

    def test_a_damaged_file_is_named(self, tmp_path):
        (tmp_path / "out.csv").write_text("asset,start,end\nEL-1,yesterday,\n", encoding="utf-8")
        with pytest.raises(CannotParse, match=r"out\.csv"):
            LabelEvents(tmp_path).read("out")
