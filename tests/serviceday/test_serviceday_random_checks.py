"""Assets drawn by lot: the same again, each as likely as any, off by default, said on the list; and what recall is."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phone_rounds import DAY, NOW, ZONE, item, plan_of

from facility.assessments import Assessment
from facility.errors import Problems
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.inspections import RANDOM_CHECK, Ground, InspectionList, RandomDraw
from facility.records import Records
from facility.results import Answer
from serviceday.brief import brief, write_brief
from serviceday.brief.recall import Stratum, interval, recall
from serviceday.documents.branding import NO_NAMES
from serviceday.documents.inspection_list import FORMS
from serviceday.execution.grades import read_grades
from serviceday.execution.results import Reply, Results
from serviceday.planning import parse_crew, plan
from serviceday.planning.demand.random_checks import drawn_by_lot
from serviceday.planning.policy import Policy

MORNING = datetime(2026, 3, 11, 20, tzinfo=UTC)
ASSETS = [Asset(id=f"L-{number:02}", kind="lift", site="park", building="1") for number in range(1, 21)]


def belief(asset: str, probability: float, *, flagged: bool = False) -> Assessment:
    return Assessment(
        asset=asset, as_of=MORNING, horizon_days=7, probability=probability, sensor_probability=0, flagged=flagged,
        score=probability, mode="", reason=Text(zh="x", en="x"), coverage=1, model="m",
    )  # fmt: skip


def planned(assets: list[Asset], checks: int, *, seed: int = 0, before: InspectionList | None = None) -> InspectionList:
    beliefs = {asset.id: belief(asset.id, 0.02) for asset in assets}
    beliefs |= {"L-01": belief("L-01", 0.9, flagged=True), "L-02": belief("L-02", 0.3)}
    return plan(
        assets, beliefs, {}, service_day=DAY, now=MORNING, policy=Policy(random_checks=checks, effort=50), seed=seed,
        before=before, with_bound=False,
    )  # fmt: skip


def looks(made: InspectionList) -> list[str]:
    return [entry.asset for entry in (*made.items, *made.left_out) if entry.task == RANDOM_CHECK]


def test_nothing_is_drawn_unless_it_was_asked_for() -> None:
    made = planned(ASSETS, 0)
    assert made.random is None
    assert not looks(made)
    assert not any("by lot" in note.en for note in made.notes)


def test_the_draw_is_of_those_without_a_sign_and_said_on_the_list() -> None:
    made = planned(ASSETS, 3, seed=5)
    assert made.random is not None
    assert (made.random.pool, made.random.seed, len(made.random.drawn)) == (18, 5, 3)
    assert sorted(looks(made)) == list(made.random.drawn)
    assert not {"L-01", "L-02"} & set(made.random.drawn), "one has a warning, the other a weak sign"
    others = [asset.id for asset in ASSETS[2:]]
    assert made.random.drawn == drawn_by_lot(others, 3, seed=5, service_day=DAY), "anybody can draw it again"
    shuffled = random.Random(1).sample(ASSETS, len(ASSETS))
    assert planned(shuffled, 3, seed=5).random == made.random
    assert any("3 of the 18 assets" in note.en and "seed 5" in note.en for note in made.notes)
    entry = next(entry for entry in made.items if entry.task == RANDOM_CHECK)
    assert entry.ground is Ground.RANDOM
    assert "by lot" in entry.reason.en
    for form in (".csv", ".json", ".xlsx"):
        assert FORMS[form](made, language="en")
    assert "随机抽查" in FORMS[".csv"](made, language="zh").decode("utf-8-sig")


def test_more_than_there_are_draws_all_of_them() -> None:
    assert planned(ASSETS, 200).random == RandomDraw(
        wanted=200, seed=0, pool=18, drawn=tuple(asset.id for asset in ASSETS[2:])
    )


def test_a_changed_list_keeps_its_draw() -> None:
    first = replace(planned(ASSETS, 3, seed=5), number=1)
    assert first.random is not None
    gone = first.random.drawn[0]
    fewer = [asset for asset in ASSETS if asset.id != gone]
    second = planned(fewer, 3, seed=5, before=first)
    assert second.random is not None
    assert set(first.random.drawn[1:]) <= set(second.random.drawn)
    assert len(second.random.drawn) == 3


@settings(max_examples=40)
@given(st.sets(st.integers(0, 30), min_size=1), st.integers(0, 40), st.integers(0, 9), st.integers(0, 400))
def test_a_draw_is_a_sample_whatever_the_order(pool: set[int], count: int, seed: int, later: int) -> None:
    names, day = [f"A-{number}" for number in pool], DAY + timedelta(days=later)
    drawn = drawn_by_lot(names, count, seed=seed, service_day=day)
    assert len(drawn) == len(set(drawn)) == min(count, len(names))
    assert set(drawn) <= set(names)
    assert drawn == drawn_by_lot(list(reversed(names)) * 2, count, seed=seed, service_day=day)


def test_each_asset_is_as_likely_as_any_other() -> None:
    names = [f"A-{number}" for number in range(10)]
    counts = Counter(
        itertools.chain.from_iterable(
            drawn_by_lot(names, 3, seed=seed, service_day=date(2026, 1, 1)) for seed in range(2000)
        )
    )
    expected = 600
    assert sum((counts[name] - expected) ** 2 / expected for name in names) < 30, "chi square, 9 degrees of freedom"


def test_the_crew_file_sets_it_and_says_what_is_wrong() -> None:
    assert parse_crew("[random]\nchecks = 4\n").random_checks == 4
    assert parse_crew("").random_checks == 0
    for wrong in ("-1", "true", '"x"', "201", "1.5"):
        with pytest.raises(Problems, match="line 2") as told:
            parse_crew(f"[random]\nchecks = {wrong}\n")
        assert "from 0 to 200" in str(told.value)
    with pytest.raises(Problems, match="knows no"):
        parse_crew("[random]\ncheck = 4\n")


@given(st.integers(0, 40).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_an_interval_holds_its_share_and_turns_round(counts: tuple[int, int]) -> None:
    hits, trials = counts
    low, high = interval(hits, trials)
    assert 0 <= low <= high <= 1
    if trials:
        assert low <= hits / trials <= high
        mirrored = interval(trials - hits, trials)
        assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.3085), (1, 10, 0.0025, 0.4450), (5, 20, 0.0866, 0.4910), (10, 10, 0.6915, 1.0)],
)
def test_the_interval_is_that_of_the_tables(hits: int, trials: int, low: float, high: float) -> None:
    assert interval(hits, trials) == pytest.approx((low, high), abs=1e-4)


STRATA = st.lists(
    st.builds(
        lambda caught, pool, looked, faulty: Stratum(
            caught=caught, pool=pool, looked=min(looked, pool), faulty=min(faulty, looked, pool)
        ),
        st.integers(0, 20), st.integers(0, 300), st.integers(0, 20), st.integers(0, 20),
    ),
    max_size=5,
)  # fmt: skip


@given(STRATA)
def test_recall_is_said_only_where_somebody_looked_and_stays_in_its_interval(strata: list[Stratum]) -> None:
    known = recall(strata)
    counted = [stratum for stratum in strata if stratum.looked]
    if not counted or not sum(stratum.caught + stratum.faulty for stratum in counted):
        assert known is None
        return
    assert known is not None
    assert 0 <= known.low <= known.value + 1e-12
    assert known.value <= known.high + 1e-12
    assert known.high <= 1


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    """A pool of 200 assets, 12 of them faulty, 18 faults flagged: 18 of 30 have a sign."""
    chance = random.Random(3)
    covered = 0
    for _ in range(300):
        faulty = sum(number < 12 for number in chance.sample(range(200), 25))
        known = recall([Stratum(caught=18, pool=200, looked=25, faulty=faulty)])
        assert known is not None
        covered += known.low <= 18 / 30 <= known.high
    assert covered >= 285


def drawn_day(tmp_path: Path, *answers: tuple[int, Answer]) -> tuple[Records, InspectionList]:
    records = Records(tmp_path / "records.sqlite")
    items = [
        item(1, "warning", ground=Ground.RISK), item(2, RANDOM_CHECK, ground=Ground.RANDOM),
        item(3, RANDOM_CHECK, ground=Ground.RANDOM),
    ]  # fmt: skip
    made = replace(plan_of(*items), random=RandomDraw(wanted=2, seed=4, pool=40, drawn=("L-2", "L-3")))
    kept = records.plans.kept(made)
    at = datetime.combine(DAY, time(9), ZONE)
    results = Results(records, kept, now=NOW, timezone=ZONE, grades=read_grades())
    results.take([Reply(item=number, answer=said, by="Li", done_at=at) for number, said in answers])
    return records, kept


def test_the_brief_counts_the_lot_and_says_what_is_not_known(tmp_path: Path) -> None:
    records, kept = drawn_day(tmp_path, (1, Answer.ABNORMAL), (2, Answer.NORMAL), (3, Answer.ABNORMAL))
    made = brief(records, DAY, kept, now=NOW, timezone=ZONE, names=NO_NAMES)
    faulty = made.figure("random_faulty")
    assert (faulty.value, faulty.whole) == (1, ("1/2", "1/3"))
    assert made.recall is not None
    assert made.recall.value == pytest.approx(1 / 21), "one caught; half of forty without a sign are faulty"
    write_brief(made, [tmp_path / "b.html"], language="en")
    assert "had a warning or a weak sign" in (tmp_path / "b.html").read_text()
    records.close()


def test_where_nobody_looked_recall_is_not_known(tmp_path: Path) -> None:
    records, kept = drawn_day(tmp_path, (1, Answer.ABNORMAL), (2, Answer.NO_ACCESS))
    made = brief(records, DAY, kept, now=NOW, timezone=ZONE, names=NO_NAMES)
    assert made.recall is None
    write_brief(made, [tmp_path / "b.html"], language="en")
    assert "Nobody looked at the assets drawn by lot" in (tmp_path / "b.html").read_text()
    without = brief(records, DAY, replace(kept, random=None), now=NOW, timezone=ZONE, names=NO_NAMES)
    write_brief(without, [tmp_path / "c.html"], language="en")
    assert "No assets without a sign were drawn" in (tmp_path / "c.html").read_text()
    records.close()
