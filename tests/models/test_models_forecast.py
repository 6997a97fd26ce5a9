"""Outage forecasts: labels, features, training, keeping, ranking the past with what was known then."""

from __future__ import annotations

import contextlib
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotConvert, CannotDo, CannotParse
from facility.estate import Asset
from models.assessment.pipeline import assess
from models.assessment.ranking import ordered, running
from models.evaluation.backtest import paired_bootstrap, ranked, walk_forward
from models.outages.asset_features import Traits, groups
from models.outages.estimators import HeldOut
from models.outages.features import features
from models.outages.forecast import outlooks
from models.outages.history import Outages, days_since, decayed, eligible, events_within, read_outages, starts
from models.outages.label import Label, parse_label
from models.outages.trained_model import kept, load, newest_before
from models.outages.training import train

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = date(2026, 1, 1)
DAYS, LIFTS = 120, 80
LABEL = Label("downtime_min", ">=", 120.0)


@pytest.fixture(scope="module")
def lifts(shelf):
    """Eighty lifts of which a quarter are bad ones. Short stops tell of them, and longer ones of most outages four days
    ahead, which a count of outages does not see."""
    random = np.random.default_rng(1)
    weak = random.random(LIFTS) < 0.25
    chance = np.where(weak, 0.10, 0.008)[:, None]
    out = random.random((LIFTS, DAYS)) < chance
    short = np.where(weak[:, None], random.integers(0, 60, (LIFTS, DAYS)), random.integers(0, 20, (LIFTS, DAYS)))
    ahead = np.array([np.roll(out, -day, axis=1) for day in range(1, 5)]).any(axis=0) & (random.random(out.shape) < 0.7)
    short = np.where(ahead, random.integers(60, 120, out.shape), short)
    minutes = np.where(out, random.integers(120, 960, (LIFTS, DAYS)), short)
    rows = [
        {
            "asset": f"L-{i:03d}",
            "channel": "downtime_min",
            "time": datetime(2026, 1, 1, tzinfo=BERLIN) + timedelta(days=d),
            "value": float(minutes[i, d]),
        }
        for i in range(LIFTS)
        for d in range(DAYS)
    ]
    frame = pl.DataFrame(rows).with_columns(pl.col("time").dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC")))
    frame = frame.with_columns(arrived=pl.col("time"))
    hourly = pl.DataFrame(
        schema={"asset": pl.String, "channel": pl.String, "hour": pl.Datetime("us", "UTC")}
        | dict.fromkeys(("mean", "std", "min", "max", "first", "last", "count", "increase"), pl.Float64)
    )
    assets = [Asset(id=f"L-{i:03d}", kind="lift") for i in range(LIFTS)]
    return shelf(hourly, frame), assets, minutes, weak


def midnight(day: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=BERLIN) + timedelta(days=day)


@pytest.fixture(scope="module")
def trained(lifts, tmp_path_factory):
    store, assets, _, _ = lifts
    folder = tmp_path_factory.mktemp("models")
    return train(store, assets, until=midnight(100), timezone=BERLIN, folder=folder, label=LABEL), folder


def test_what_is_usual_for_its_kind_is_not_worth_a_word(lifts, trained):
    store, assets, minutes, weak = lifts
    week = timedelta(days=7)
    found = outlooks(store, assets, as_of=midnight(100), horizon=week, timezone=BERLIN, model=trained[0])
    down = {a.id for a, now in zip(assets, minutes[:, 99] >= 120, strict=True) if now}
    speaking = {name for name, one in found.items() if one.speaks}
    usual = np.mean([one.probability for one in found.values()])
    assert down <= speaking
    assert all(found[name].probability > 1.5 * usual for name in speaking - down)
    assert 0 < len(speaking - down) <= weak.sum()


class TestLabel:
    @pytest.mark.parametrize("words", ["downtime_min >= 120", "downtime_min>=120.0", "  downtime_min  >=  1.2e2 "])
    def test_forms_of_one_label(self, words):
        assert parse_label(words, catalogue()) == LABEL

    @pytest.mark.parametrize(
        "words", ["", "downtime_min", "downtime_min = 3", ">= 120", "downtime_min >= many", "a>=1;b"]
    )
    def test_anything_else_is_refused_with_an_example(self, words):
        with pytest.raises(CannotParse, match="downtime_min >= 120"):
            parse_label(words)

    def test_an_unknown_channel_is_told_with_the_known(self):
        with pytest.raises(CannotConvert, match="downtime_min"):
            parse_label("uptime >= 3", catalogue())

    @given(st.text(max_size=40))
    def test_no_text_crashes(self, words):
        with contextlib.suppress(CannotParse):
            assert isinstance(parse_label(words), Label)

    @given(st.sampled_from([">=", ">", "<=", "<"]), st.integers(-1000, 1000))
    def test_what_is_written_is_read(self, comparison, limit):
        label = Label("downtime_min", comparison, float(limit))
        assert parse_label(str(label)) == label

    def test_absence_is_no_event(self):
        assert LABEL.holds(np.array([np.nan, 119.0, 120.0])).tolist() == [False, False, True]


class TestHistory:
    def test_days_are_local_and_end_before_the_moment(self, lifts):
        store, assets, minutes, _ = lifts
        outages = read_outages(store, assets, LABEL, end=midnight(50), timezone=BERLIN)
        assert outages is not None
        assert (outages.first, outages.days) == (FIRST, 50)
        assert np.array_equal(outages.values, minutes[:, :50])

    def test_starts_and_decay(self):
        down = np.array([[1, 1, 0, 1, 0, 0]], dtype=bool)
        assert starts(down).tolist() == [[True, False, False, True, False, False]]
        assert decayed(starts(down), 30.0)[0] == pytest.approx(np.exp(-5 / 30) + np.exp(-2 / 30))
        assert days_since(down)[0] == 3

    def test_features_know_nothing_of_the_day_or_after(self, lifts):
        store, assets, _, _ = lifts
        whole = read_outages(store, assets, LABEL, end=midnight(DAYS), timezone=BERLIN)
        part = read_outages(store, assets, LABEL, end=midnight(60), timezone=BERLIN)
        assert np.array_equal(features(whole, [60], Traits())[0], features(part, [60], Traits())[0])
        together = features(whole, [30, 60, 90], Traits())[0]
        assert np.array_equal(together[1], features(part, [60], Traits())[0][0])


class TestTraining:
    def test_it_finds_the_bad_lifts(self, lifts, trained):
        store, assets, _, weak = lifts
        model, _ = trained
        outages = read_outages(store, assets, LABEL, end=midnight(110), timezone=BERLIN)
        p = model.probability(model.table(outages, 110))
        assert p[weak].mean() > 2 * p[~weak].mean()
        truth = events_within(read_outages(store, assets, LABEL, end=midnight(117), timezone=BERLIN), 110, 7)
        assert abs(p.mean() - truth.mean()) < 0.12

    def test_training_saw_only_outcomes_before_its_day(self, lifts, trained, tmp_path):
        """Changing everything from that day on changes nothing."""
        store, assets, _, _ = lifts
        model, _ = trained
        later = pl.col("time") >= midnight(100).astimezone(UTC)
        changed = type(store)(
            store.hourly, store.readings.with_columns(pl.when(later).then(999.0).otherwise("value").alias("value"))
        )
        again = train(changed, assets, until=midnight(100), timezone=BERLIN, folder=tmp_path, label=LABEL)
        assert again.card == model.card
        table = np.random.default_rng(0).random((5, len(model.features)))
        assert np.array_equal(again.probability(table), model.probability(table))

    def test_saved_and_loaded_it_says_the_same(self, trained):
        model, folder = trained
        table = np.random.default_rng(0).random((50, len(model.features)))
        loaded = load(folder)
        assert loaded is not None
        assert np.array_equal(loaded.probability(table), model.probability(table))
        assert (loaded.label, loaded.card) == (model.label, model.card)

    def test_no_model_yet(self, tmp_path):
        assert load(tmp_path) is None
        assert newest_before(tmp_path, date(2026, 1, 1)) is None

    def test_a_model_is_never_asked_about_a_past_it_has_seen(self, trained):
        _, folder = trained
        assert newest_before(folder, FIRST + timedelta(days=99)) is None
        assert newest_before(folder, FIRST + timedelta(days=100)) is not None

    def test_a_challenger_is_judged_beside_an_older_model_that_has_not_seen_the_days(self, lifts, tmp_path):
        store, assets, _, _ = lifts
        for day in (75, 118):
            model = train(store, assets, until=midnight(day), timezone=BERLIN, folder=tmp_path, label=LABEL)
        comparison = model.card["comparison"]
        assert comparison["rival"] == "downtime_min-7d-2026-03-17"
        assert comparison["adopted"] == (comparison["new"] >= comparison["of_rival"])
        assert [one["version"] for one in kept(tmp_path)] == [comparison["rival"], model.version]

    def test_what_is_not_proven_does_not_speak(self, lifts, tmp_path):
        """Six weeks hold no days out, however many assets there are: the count goes on."""
        store, assets, _, _ = lifts
        model = train(store, assets, until=midnight(42), timezone=BERLIN, folder=tmp_path, label=LABEL)
        assert (model.card["adopted"], model.card["comparison"]["why"]) == (False, "short")
        assert newest_before(tmp_path, FIRST + timedelta(days=60)) is None

    def test_a_version_before_that_adopted_it_is_not_believed(self, trained, tmp_path):
        model, folder = trained
        shutil.copytree(folder, tmp_path / "models")
        file = tmp_path / "models" / model.version / "model.json"
        about = json.loads(file.read_text())
        about["card"]["comparison"] = {"adopted": True, "why": "short"}
        file.write_text(json.dumps(about))
        assert newest_before(tmp_path / "models", date(2026, 12, 31)) is None

    @given(st.integers(0, 2**32 - 1), st.integers(30, 400), st.integers(1, 14))
    @settings(max_examples=25, deadline=None)
    def test_chance_proves_nothing_whatever_the_fleet(self, seed, fleet, days):
        """No better than the count is not proven, a perfect order is, but for too few events."""
        random = np.random.default_rng(seed)
        came = tuple(random.random(fleet) < 0.2 for _ in range(days))
        noise = tuple(random.standard_normal(fleet) for _ in range(days))
        right = tuple(y.astype(float) for y in came)
        told = {"chance": noise, "right": right}
        beside_chance = HeldOut(first=0, days=tuple(range(days)), said=told, came=came, counts=noise)
        beside_right = HeldOut(first=0, days=tuple(range(days)), said=told, came=came, counts=right)
        assert not beside_chance.proven("chance")
        assert not beside_right.proven("right")
        assert not beside_right.proven("chance")
        assert beside_chance.proven("right") == (beside_chance.events >= 20)

    def test_a_model_that_lost_is_kept_and_never_asked(self, trained, tmp_path):
        model, folder = trained
        shutil.copytree(folder, tmp_path / "models")
        file = tmp_path / "models" / model.version / "model.json"
        about = json.loads(file.read_text())
        about["card"]["adopted"] = False
        file.write_text(json.dumps(about))
        assert [one["version"] for one in kept(tmp_path / "models")] == [model.version]
        assert newest_before(tmp_path / "models", date(2026, 12, 31)) is None

    def test_the_card_is_written_in_both_languages(self, trained):
        model, folder = trained
        for language, word in (("zh", "衰减计数"), ("en", "decayed count")):
            card = (folder / model.version / f"card.{language}.md").read_text(encoding="utf-8")
            assert word in card
            assert "{" not in card

    def test_new_assets_blanks_and_silent_days(self, trained):
        """Who was not there at training, and a day on which nobody reported, are no reason to stop or to forget."""
        model, _ = trained
        values = np.zeros((3, 40))
        values[0, 30:34] = 300.0
        values[:, 36:38] = np.nan
        new = (
            Asset(id="N-1", kind="lift", latitude=52.5, longitude=13.4, attributes={"manufacturer": "Brand new"}),
            Asset(id="N-2", kind="lift"),
            Asset(id="N-3", kind="lift", latitude=52.5, longitude=13.4),
        )
        outages = Outages(assets=new, label=LABEL, first=FIRST, values=values)
        p = model.probability(model.table(outages, 40))
        assert np.isfinite(p).all()
        assert p[0] > p[1]
        quiet = Outages(assets=new, label=LABEL, first=FIRST, values=np.delete(values, [36, 37], axis=1))
        assert np.array_equal(p, model.probability(model.table(quiet, 38)))

    def test_a_damaged_model_is_told_of(self, trained, tmp_path):
        model, folder = trained
        target = tmp_path / model.version
        target.mkdir()
        (tmp_path / "current").write_text(model.version)
        (target / "model.json").write_text((folder / model.version / "model.json").read_text())
        (target / "estimator-0.skops").write_bytes(b"no zip")
        with pytest.raises(CannotParse, match="cannot be read"):
            load(tmp_path)

    def test_untrusted_types_are_not_loaded(self, trained, tmp_path):
        from sklearn.preprocessing import FunctionTransformer
        from skops import io

        model, folder = trained
        target = tmp_path / model.version
        target.mkdir()
        (tmp_path / "current").write_text(model.version)
        about = json.loads((folder / model.version / "model.json").read_text())
        (target / "model.json").write_text(json.dumps(about | {"estimators": 1}))
        io.dump(FunctionTransformer(parse_label), target / "estimator-0.skops")
        with pytest.raises(CannotParse, match="not trusted"):
            load(tmp_path)

    def test_no_history_and_too_little(self, lifts, shelf, tmp_path):
        store, assets, _, _ = lifts
        with pytest.raises(CannotDo, match="no readings of downtime_min"):
            train(shelf(store.hourly), assets, until=midnight(50), timezone=BERLIN, folder=tmp_path)
        with pytest.raises(CannotDo, match="too few"):
            train(store, assets, until=midnight(20), timezone=BERLIN, folder=tmp_path)
        never = Label("downtime_min", ">=", 1e6)
        with pytest.raises(CannotDo, match="nothing to learn"):
            train(store, assets, until=midnight(100), timezone=BERLIN, folder=tmp_path, label=never)

    def test_a_model_of_another_format_is_listed_and_never_asked(self, trained, tmp_path):
        model, folder = trained
        shutil.copytree(folder, tmp_path / "models")
        file = tmp_path / "models" / model.version / "model.json"
        about = json.loads(file.read_text())
        file.write_text(json.dumps({k: v for k, v in about.items() if k not in ("format", "weights")}))
        assert [one["version"] for one in kept(tmp_path / "models")] == [model.version]
        assert newest_before(tmp_path / "models", date(2026, 12, 31)) is None


def history(values, **about):
    values = np.asarray(values, dtype=np.float64)
    assets = tuple(Asset(id=f"A-{i}", kind="lift", **about) for i in range(len(values)))
    return Outages(assets=assets, label=LABEL, first=FIRST, values=values)


class TestOddFleets:
    @pytest.mark.parametrize("assets", [1, 2, 30])
    @pytest.mark.parametrize("days", [1, 10, 40])
    @pytest.mark.parametrize("kind", ["none", "always", "silent", "some"])
    def test_every_fleet_has_finite_features(self, assets, days, kind):
        random = np.random.default_rng(0)
        values = {
            "none": np.zeros((assets, days)),
            "always": np.full((assets, days), 960.0),
            "silent": np.full((assets, days), np.nan),
            "some": np.where(random.random((assets, days)) < 0.2, 300.0, 0.0),
        }[kind]
        one = history(values)
        table, names = features(one, [min(5, days), days], Traits.of(one.assets))
        assert table.shape == (2, assets, len(names))
        assert np.isfinite(table).all()

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 39))
    def test_the_future_changes_no_feature(self, seed, day):
        random = np.random.default_rng(seed)
        values = random.choice([0.0, 20.0, 200.0, np.nan], (25, 40), p=[0.7, 0.1, 0.1, 0.1])
        values[:, random.integers(0, 40, 3)] = random.choice([0.0, 960.0, np.nan])
        other = values.copy()
        other[:, day:] = random.choice([0.0, 500.0, np.nan], other[:, day:].shape)
        a, b = (features(history(v), [day], Traits())[0] for v in (values, other))
        assert np.array_equal(a, b)
        assert np.array_equal(history(values).told[:day], history(other).told[:day])

    def test_a_feed_that_slept_or_lost_all_tells_nothing(self):
        values = np.where(np.random.default_rng(0).random((200, 40)) < 0.2, 30.0, 0.0)
        values[:, 20], values[:, 30] = 0.0, 960.0
        found = history(values)
        assert np.flatnonzero(~found.told).tolist() == [20, 30]
        assert not found.down.any()
        without = history(np.delete(values, [20, 30], axis=1))
        assert np.array_equal(features(found, [40], Traits())[0], features(without, [38], Traits())[0])

    def test_a_fleet_that_is_mostly_down_is_believed(self):
        assert history(np.full((200, 40), 960.0)).told.all()

    def test_entries_of_the_registry_make_groups_and_blanks_make_none(self):
        assets = [Asset(id=str(i), kind="lift", attributes={"maker": "XY"[i % 2], "number": str(i)}) for i in range(8)]
        assets += [Asset(id="9", kind="lift"), Asset(id="10", kind="lift", attributes={"maker": " "})]
        traits = Traits.of(assets)
        assert traits.kin == ("maker",)
        assert Traits.from_dict(json.loads(json.dumps(traits.as_dict()))) == traits
        assert len(set(groups(assets, "maker"))) == 4


class TestUse:
    @pytest.mark.parametrize("with_model", [True, False])
    def test_lifts_with_only_a_history_are_ranked_by_it(self, lifts, trained, with_model):
        store, assets, minutes, weak = lifts
        found = assess(
            store, assets, as_of=midnight(100), horizon=timedelta(days=7), timezone=BERLIN,
            model=trained[0] if with_model else None,
        )  # fmt: skip
        top = [int(one.asset[2:]) for one in ordered(found)[:12]]
        assert weak[top].mean() >= 0.75
        assert all(0 < one.probability < 1 for one in found)
        assert all(one.reason.zh and one.reason.en and "{" not in one.reason.en for one in found)
        assert {one.evidence[0].pattern for one in found} == {"history", "down"}
        down = {f"L-{i:03d}" for i in np.flatnonzero(minutes[:, 99] >= 120)}
        assert {one.asset for one in found} - {one.asset for one in running(found)} == down

    def test_readings_after_the_moment_change_nothing(self, lifts, trained):
        store, assets, _, _ = lifts
        options = {"as_of": midnight(100), "horizon": timedelta(days=7), "timezone": BERLIN, "model": trained[0]}
        cut = type(store)(store.hourly, store.readings.filter(pl.col("time") < midnight(100).astimezone(UTC)))
        assert assess(store, assets, **options) == assess(cut, assets, **options)

    def test_walking_forward(self, lifts):
        store, assets, _, _ = lifts
        walk = walk_forward(
            store,
            assets,
            first=FIRST + timedelta(days=90),
            last=FIRST + timedelta(days=97),
            timezone=BERLIN,
            label=LABEL,
        )
        assert len(walk.days) == 2
        assert walk.model.average_precision > walk.random.average_precision
        assert walk.decayed_count.average_precision > walk.random.average_precision
        assert walk.brier < walk.brier_of_base_rate * 1.1
        assert json.loads(json.dumps(walk.as_dict()))["label"] == "downtime_min >= 120"

    def test_the_count_speaks_while_nothing_is_proven(self, lifts):
        """Before day 56 no days can be held out: whatever was learned, the order is the count's (but for its ties)."""
        store, assets, _, _ = lifts
        span = {"first": FIRST + timedelta(days=40), "last": FIRST + timedelta(days=47), "timezone": BERLIN}
        walk = walk_forward(store, assets, label=LABEL, **span)
        for day in walk.days:
            assert day.model.average_precision == pytest.approx(day.decayed_count.average_precision, abs=0.05)
        again = walk_forward(store, assets, label=LABEL, seed=7, **span)
        assert again.brier == walk.brier

    def test_days_that_cannot_be_judged_are_refused(self, lifts):
        store, assets, _, _ = lifts
        with pytest.raises(CannotDo, match="no service day"):
            walk_forward(store, assets, first=FIRST, last=FIRST + timedelta(days=7), timezone=BERLIN, label=LABEL)


class TestFigures:
    def test_a_perfect_order_and_a_reversed_one(self):
        random = np.random.default_rng(0)
        truth = np.arange(100) < 10
        best, worst = ranked(-np.arange(100.0), truth, random), ranked(np.arange(100.0), truth, random)
        assert (best.p_at_5_percent, best.p_at_20, best.recall_at_5_percent) == (1, 0.5, 0.5)
        assert best.average_precision == pytest.approx(1)
        assert (worst.p_at_5_percent, worst.recall_at_5_percent) == (0, 0)

    def test_ties_fall_at_random(self):
        truth = np.arange(1000) < 100
        drawn = [ranked(np.zeros(1000), truth, np.random.default_rng(s)).p_at_5_percent for s in range(200)]
        assert np.mean(drawn) == pytest.approx(0.1, abs=0.02)

    def test_blocks_of_days_that_share_their_luck_widen_the_interval(self):
        days = np.repeat(np.random.default_rng(1).normal(0.1, 0.1, 10), 7)
        alone, blocks = (paired_bootstrap(days, np.random.default_rng(0), block) for block in (1, 7))
        assert blocks.high - blocks.low > 1.5 * (alone.high - alone.low)
        assert blocks.mean == alone.mean == pytest.approx(days.mean())

    def test_the_interval_holds_the_mean(self):
        better = paired_bootstrap(np.array([0.1, 0.2, 0.15, 0.12]), np.random.default_rng(0))
        assert better.low <= better.mean <= better.high
        assert better.low > 0

    def test_who_is_down_already_is_not_ranked(self, lifts):
        store, assets, minutes, _ = lifts
        outages = read_outages(store, assets, LABEL, end=midnight(60), timezone=BERLIN)
        assert np.array_equal(eligible(outages, 60), minutes[:, 59] < 120)
