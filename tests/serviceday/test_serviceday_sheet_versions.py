"""A person changes their mind in a workbook, again and again: the last version counts, an old copy says nothing."""

from __future__ import annotations

import tempfile
from datetime import datetime, time, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from phone_rounds import DAY, NOW, ZONE, item, plan_of

from facility.inspections import InspectionList
from facility.records import Records
from facility.results import BY_HAND, Answer
from serviceday.execution.grades import read_grades
from serviceday.execution.results import Reply, Results, Taken

SAID = st.sampled_from([Answer.NORMAL, Answer.ABNORMAL, Answer.NO_ACCESS])


def take(records: Records, plan: InspectionList, answers: dict[int, Answer], **about: str) -> Taken:
    at = datetime.combine(DAY, time(9), ZONE)
    results = Results(records, plan, now=NOW + timedelta(hours=9), timezone=ZONE, grades=read_grades())
    return results.take([Reply(item=n, answer=said, by="Li", done_at=at) for n, said in answers.items()], **about)


def held(taken: Taken) -> dict[int, Answer]:
    return {number: state.result.answer for number, state in taken.standing.items() if state.result}


@settings(max_examples=30)
@given(st.lists(st.tuples(SAID, SAID), min_size=1, max_size=6), st.data())
def test_the_last_version_of_a_workbook_counts(versions: list[tuple[Answer, Answer]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place, Records(Path(place) / "records.sqlite") as records:
        plan = records.plans.kept(plan_of(item(1), item(2)))
        for number, (first, second) in enumerate(versions):
            said = {1: first, 2: second}
            taken = take(records, plan, said, source="list.xlsx", sheet=f"version {number}")
            assert held(taken) == said
            again = take(records, plan, said, source="list.xlsx", sheet=f"version {number}")
            assert not again.new
            older = data.draw(st.integers(0, number))
            copy = dict(zip((1, 2), versions[older], strict=True))
            stale = take(records, plan, copy, source="list.xlsx", sheet=f"version {older}")
            assert not stale.new, "an old copy read once more says nothing"
            assert held(stale) == said


@settings(max_examples=30)
@given(st.lists(SAID, min_size=1, max_size=7))
def test_what_is_said_by_hand_is_heard_whenever_it_differs_from_the_last(words: list[Answer]) -> None:
    with tempfile.TemporaryDirectory() as place, Records(Path(place) / "records.sqlite") as records:
        plan = records.plans.kept(plan_of(item(1)))
        last = None
        for said in words:
            taken = take(records, plan, {1: said}, source=BY_HAND)
            assert bool(taken.new) == (said is not last)
            assert held(taken) == {1: said}
            last = said


@given(SAID, SAID)
def test_a_row_that_stands_in_a_newer_workbook_does_not_undo_a_correction(first: Answer, second: Answer) -> None:
    """The office goes on filling a workbook in while somebody corrects an answer by hand."""
    with tempfile.TemporaryDirectory() as place, Records(Path(place) / "records.sqlite") as records:
        plan = records.plans.kept(plan_of(item(1), item(2)))
        take(records, plan, {1: first}, source="list.xlsx", sheet="a")
        take(records, plan, {1: second}, source=BY_HAND)
        taken = take(records, plan, {1: first, 2: Answer.NORMAL}, source="list.xlsx", sheet="b")
        assert held(taken) == {1: second, 2: Answer.NORMAL}
