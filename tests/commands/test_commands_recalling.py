"""What people recorded, as the models hear it: only what was put right starts a new normal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands.installation import Installation, installation
from commands.recalling import recalled
from facility.deficiencies import DeficiencyStep, Move, State
from facility.inspections import Finding, Outcome

T0 = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATER = T0 + timedelta(days=30)
DETAIL = {
    "asset": "L-1", "kind": "lift", "site": "park", "building": "1", "place": "1-L-1", "fault": "f", "grade": "general",
    "description_zh": "门", "description_en": "door", "origin": "warning", "deadline": "2026-03-31", "report": "0",
}  # fmt: skip


def outcome(here: Installation, finding: Finding, at: datetime = T0) -> None:
    here.records.outcomes.put(Outcome(asset="L-1", at=at, finding=finding, by="Li"))


def trail(*moves: tuple[Move, State]) -> list[DeficiencyStep]:
    opened = DeficiencyStep(at=T0, who="Li", move=Move.OPENED, state=State.DRAFT, detail=DETAIL)
    steps = [
        DeficiencyStep(at=T0 + number * HOUR, who="Han" if move is Move.VERIFIED else "Li", move=move, state=state)
        for number, (move, state) in enumerate(moves, 1)
    ]
    return [opened, *steps]


TO_RECTIFY = ((Move.SUBMITTED, State.AWAITING_APPROVAL), (Move.APPROVED, State.TO_RECTIFY))
MENDED = ((Move.STARTED, State.RECTIFYING), (Move.DONE, State.AWAITING_VERIFICATION), (Move.VERIFIED, State.CLOSED))


@pytest.fixture
def here(tmp_path: Path):
    with installation(tmp_path / "data", create=True) as opened:
        yield opened


def test_whoever_found_nothing_has_changed_nothing(here: Installation) -> None:
    outcome(here, Finding.NOT_FOUND)
    memory = recalled(here, before=LATER)
    assert (dict(memory.attended), dict(memory.cleared)) == ({}, {"L-1": T0})


def test_a_confirmation_with_no_finding_beside_it_is_a_repair(here: Installation) -> None:
    outcome(here, Finding.CONFIRMED)
    assert recalled(here, before=LATER).attended == {"L-1": T0}
    assert recalled(here, before=T0).attended == {}, "what was recorded later was not known then"


def test_a_confirmed_fault_goes_on_until_its_finding_is_mended(here: Installation) -> None:
    outcome(here, Finding.CONFIRMED)
    number = here.records.deficiencies.open(trail(*TO_RECTIFY)).id
    assert recalled(here, before=LATER).attended == {}
    here.records.deficiencies.add(number, trail(*TO_RECTIFY, *MENDED)[3:])
    assert recalled(here, before=LATER).attended == {"L-1": T0 + 4 * HOUR}, "when it was done, not when it was verified"
    assert recalled(here, before=T0 + 3 * HOUR).attended == {}
