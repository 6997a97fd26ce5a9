"""The state machine of findings: whatever steps are tried, in whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.deficiencies import (
    REASONED,
    TRANSITIONS,
    DeficiencyStep,
    IllegalMove,
    Move,
    State,
    next_state,
    predecessor,
    replay,
)
from facility.records import Records

T0 = datetime(2026, 3, 1, 8, tzinfo=UTC)
PEOPLE = ("Li", "Wang", "Zhao", "")
DETAIL = {
    "asset": "L-1", "kind": "lift", "site": "park", "building": "1", "place": "1-L-1", "fault": "f", "grade": "general",
    "description_zh": "门", "description_en": "door", "origin": "inspection", "deadline": "2026-03-31", "report": "0",
}  # fmt: skip


def opening(at: datetime = T0, **more: str) -> DeficiencyStep:
    return DeficiencyStep(at=at, who="Li", move=Move.OPENED, state=State.DRAFT, detail={**DETAIL, **more})


attempts = st.lists(
    st.tuples(st.sampled_from(list(Move)), st.sampled_from(PEOPLE), st.sampled_from(["", "why"])), max_size=25
)


@given(attempts)
def test_only_what_the_table_allows_ever_happens(tried: list[tuple[Move, str, str]]) -> None:
    trail = [opening()]
    for hour, (move, who, why) in enumerate(tried, start=1):
        before = replay(trail)
        legal = (before.state, move) in TRANSITIONS
        state = TRANSITIONS.get((before.state, move), State.DRAFT)
        later = {"deadline": "2026-05-01"} if move is Move.POSTPONED else {}
        step = DeficiencyStep(at=T0 + timedelta(hours=hour), who=who, move=move, state=state, why=why, detail=later)
        refused = (
            not legal or (move in REASONED and not why) or (move is Move.VERIFIED and (not who or who == before.mender))
        )
        if refused:
            with pytest.raises(IllegalMove):
                replay([*trail, step])
            continue
        trail.append(step)
        after = replay(trail)
        assert after.state is state
        assert after == replay(list(trail)), "the same trail is the same finding"
        assert after.first_deadline == date(2026, 3, 31), "postponing keeps what was first promised"
        if after.rectified:
            assert after.verifier != after.mender
            assert after.mender or not any(one.move in (Move.DONE, Move.MENDED) for one in trail)
        assert after.repeats == sum(one.move is Move.RECURRED for one in trail)
        assert (after.closed_at is not None) == (not after.state.open)
        assert not (after.overdue(date(2027, 1, 1)) and not after.state.open)
        with pytest.raises(IllegalMove):
            replay([*trail[:-1], replace(step, state=next(one for one in State if one is not state))])


def test_every_state_can_be_reached_and_left_or_is_an_end() -> None:
    reached = {State.DRAFT, *TRANSITIONS.values()}
    assert reached == set(State)
    for state in State:
        leads = {to for (start, move), to in TRANSITIONS.items() if start is state and to is not state}
        assert bool(leads) == (state is not State.REJECTED)
    with pytest.raises(IllegalMove):
        next_state(State.REJECTED, Move.DONE)
    for wrong in ([], [replace(opening(), move=Move.STARTED)]):
        with pytest.raises(IllegalMove):
            replay(wrong)


@given(attempts)
def test_records_keep_the_legal_steps_and_nothing_of_the_others(tried: list[tuple[Move, str, str]]) -> None:
    with Records("sqlite://") as records:
        number = records.deficiencies.open([opening()]).id
        kept = 1
        for move, who, why in tried:
            now = records.deficiencies.get(number)
            state = TRANSITIONS.get((now.state, move), now.state)
            step = DeficiencyStep(at=T0, who=who, move=move, state=state, why=why)
            try:
                after = records.deficiencies.add(number, [step])
            except IllegalMove:
                assert records.deficiencies.get(number) == now
            else:
                kept += 1
                assert records.deficiencies.get(number) == after == replay(records.deficiencies.trail(number))
        assert len(records.deficiencies.trail(number)) == kept


@given(st.integers(0, 60), st.sampled_from(["f", "g"]), st.sampled_from(["L-1", "L-2"]))
def test_the_same_fault_within_thirty_days_belongs_to_the_one_before(days: int, fault: str, asset: str) -> None:
    before = replay([replace(opening(), deficiency=1)])
    found = predecessor([before], asset, fault, T0 + timedelta(days=days))
    assert (found is not None) == (days <= 30 and fault == "f" and asset == "L-1")


def test_a_finding_is_opened_once_for_an_item_and_joined_for_the_same_fault(tmp_path: Path) -> None:
    with Records(tmp_path / "records.sqlite") as records:
        first = replace(opening(), plan=3, item=7)
        never = lambda known: None  # noqa: E731
        one, new = records.deficiencies.open_or_join([first], never)
        again, twice = records.deficiencies.open_or_join([first], never)
        assert (one.id, new, again.id, twice) == (1, True, 1, False)
        step = DeficiencyStep(at=T0, who="Li", move=Move.RECURRED, state=State.DRAFT, plan=4, item=1)
        joined, fresh = records.deficiencies.open_or_join(
            [replace(first, plan=4, item=1)], lambda known: (known[0], step)
        )
        assert (joined.id, joined.repeats, fresh) == (1, 1, False)
        assert [one.id for one in records.deficiencies.of_item(4, 1)] == [1]
