"""When assets are not in use, from the trail; and data folders from before there was one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.records import Records
from facility.records.opening import MIGRATIONS
from facility.standing import AssetStep, Spell, StepKind, in_use, spell_on, spells
from serviceday.planning import next_due

DAY = date(2026, 11, 28)
NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
DAYS = st.integers(-400, 400).map(lambda days: DAY + timedelta(days=days))


@st.composite
def trails(draw: st.DrawFn) -> list[AssetStep]:
    found = []
    for kind in draw(st.lists(st.sampled_from(StepKind), max_size=8)):
        start = draw(DAYS)
        length = draw(st.none() | st.integers(0, 90)) if kind is StepKind.OUT_OF_USE else None
        end = None if length is None else start + timedelta(days=length)
        found.append(AssetStep(asset="A", kind=kind, start=start, end=end, at=NOW))
    return found


@given(trails(), DAYS)
def test_after_a_return_an_asset_is_in_use(steps: list[AssetStep], day: date) -> None:
    own = spells([*steps, AssetStep(asset="A", kind=StepKind.RETURNED, start=day, at=NOW)]).get("A", [])
    assert all(spell_on(own, day + timedelta(days=later)) is None for later in (0, 1, 100, 1000))
    before = spells(steps).get("A", [])
    for earlier in (1, 30, 300):
        asked = day - timedelta(days=earlier)
        assert (spell_on(own, asked) is None) == (spell_on(before, asked) is None), "what was, stays"


@given(trails(), DAYS, DAYS)
def test_what_is_due_is_never_due_while_out_of_use_and_never_early(
    steps: list[AssetStep], last: date, other: date
) -> None:
    own = spells(steps).get("A", [])
    for duty in catalogue()["lift"].duties.values():
        due = next_due(duty, last, own)
        plain = duty.interval.after(last)
        if due is None:
            assert spell_on(own, plain) is not None
            continue
        assert due >= plain
        assert spell_on(own, due) is None
        assert due == plain or spell_on(own, due - timedelta(days=1)) is not None
        later = next_due(duty, max(last, other), own)
        assert later is None or later >= due


def _step(kind: StepKind, days: int, end: int | None = None) -> AssetStep:
    last = None if end is None else DAY + timedelta(days=end)
    return AssetStep(asset="A", kind=kind, start=DAY + timedelta(days=days), end=last, at=NOW)


def test_a_return_ends_what_lasts_and_leaves_what_was_over() -> None:
    trail = [
        _step(StepKind.OUT_OF_USE, -30, -20),  # over on the day before the return
        _step(StepKind.OUT_OF_USE, -25, 40),
        _step(StepKind.OUT_OF_USE, -19, 50),  # begins on the day of the return
        _step(StepKind.RETURNED, -19),
        _step(StepKind.MOVED, -5),
    ]
    ends = [(one.start, one.end) for one in spells(trail)["A"]]
    day = DAY - timedelta(days=20)
    assert ends == [(DAY - timedelta(days=30), day), (DAY - timedelta(days=25), day)]
    begun = spells([_step(StepKind.OUT_OF_USE, -20, 50), _step(StepKind.RETURNED, -19)])["A"]
    assert [(one.start, one.end) for one in begun] == [(day, day)], "it was away for that day"


def test_a_move_takes_nothing_out_of_use() -> None:
    assert spells([_step(StepKind.MOVED, -5)]) == {}


def test_of_several_spells_the_one_that_lasts_longest_speaks() -> None:
    own = spells([_step(StepKind.OUT_OF_USE, -9, 3), _step(StepKind.REPLACED, -2), _step(StepKind.OUT_OF_USE, -1, 9)])
    spell = spell_on(own["A"], DAY)
    assert spell is not None
    assert spell.kind is StepKind.REPLACED
    assert [one.start for one in own["A"]] == sorted(one.start for one in own["A"])


def test_assets_in_use_are_told_by_the_day() -> None:
    lifts = [Asset(id=one, kind="lift") for one in "AB"]
    known = {"A": [Spell(StepKind.OUT_OF_USE, DAY, DAY)], "B": [Spell(StepKind.RETIRED, DAY + timedelta(days=1))]}
    assert [[one.id for one in in_use(lifts, known, DAY + timedelta(days=days))] for days in (-1, 0, 1)] == [
        ["A", "B"],
        ["B"],
        ["A"],
    ]


def test_a_data_folder_from_before_opens_with_all_it_held(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(text("INSERT INTO duty_done VALUES ('L-1', 'yearly', '2026-03-01', 'Zhang', '')"))
        body = (
            '{"service_day":"2026-03-12","created_at":"2026-03-11T18:00:00Z","people":1,"hours":8.0,'
            '"items":[],"left_out":[]}'
        )
        connection.execute(
            text("INSERT INTO plan VALUES (1, '2026-03-12', '2026-03-11 18:00:00', :body)"), {"body": body}
        )
    engine.dispose()
    with Records(path) as records:
        assert records.duties.last_done() == {("L-1", "yearly"): date(2026, 3, 1)}
        assert records.trail.spells() == {}
        plan = records.plans.newest()
        assert plan is not None
        assert plan.law is None, "nobody counted then, and the papers say so"
        assert records.duties.undo("L-1", "yearly", at=NOW, who="Li", note="") is not None
        assert records.duties.last_done() == {}
