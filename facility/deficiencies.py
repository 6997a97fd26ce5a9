"""Deficiencies (隐患): what was found to be wrong, and how it is put right. On the command line they are findings.

A deficiency is its trail. `replay` makes it from the steps, and what a step may follow stands in `TRANSITIONS` alone.
A step is never changed; corrections are steps of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from facility.i18n.phrases import Text

NOTHING = Text(zh="", en="")
REPEAT_WITHIN = timedelta(days=30)  # the same fault at the same asset again


class State(StrEnum):
    """Where a finding stands between being found and being verified."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    TO_RECTIFY = "to_rectify"
    RECTIFYING = "rectifying"
    AWAITING_VERIFICATION = "awaiting_verification"
    CLOSED = "closed"
    REJECTED = "rejected"

    @property
    def open(self) -> bool:
        return self not in (State.CLOSED, State.REJECTED)

    @property
    def work(self) -> bool:
        """Somebody has to go there: to mend it, or to look whether it is mended."""
        return self in (State.TO_RECTIFY, State.RECTIFYING, State.AWAITING_VERIFICATION)


class Move(StrEnum):
    """What somebody does to a finding."""

    OPENED = "opened"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    ASSIGNED = "assigned"  # to a person, a department, by a date
    STARTED = "started"
    MENDED = "mended"  # on the spot, or before anybody had approved it
    DONE = "done"
    VERIFIED = "verified"
    SENT_BACK = "sent_back"  # not mended after all
    REJECTED = "rejected"  # no deficiency
    POSTPONED = "postponed"
    WITHDRAWN = "withdrawn"  # closed without having been mended
    RECURRED = "recurred"  # the same fault again
    CORRECTED = "corrected"
    NOTED = "noted"


_OPEN = tuple(state for state in State if state.open)
_STAYING = (Move.NOTED, Move.CORRECTED)

TRANSITIONS: Mapping[tuple[State, Move], State] = MappingProxyType(
    {
        (State.DRAFT, Move.SUBMITTED): State.AWAITING_APPROVAL,
        **{(state, Move.MENDED): State.AWAITING_VERIFICATION for state in (State.DRAFT, State.AWAITING_APPROVAL)},
        (State.AWAITING_APPROVAL, Move.APPROVED): State.TO_RECTIFY,
        (State.TO_RECTIFY, Move.STARTED): State.RECTIFYING,
        (State.RECTIFYING, Move.DONE): State.AWAITING_VERIFICATION,
        (State.AWAITING_VERIFICATION, Move.VERIFIED): State.CLOSED,
        (State.AWAITING_VERIFICATION, Move.SENT_BACK): State.RECTIFYING,
        (State.CLOSED, Move.RECURRED): State.TO_RECTIFY,
        **{
            (state, Move.REJECTED): State.REJECTED for state in (State.DRAFT, State.AWAITING_APPROVAL, State.TO_RECTIFY)
        },
        **{(state, Move.ASSIGNED): state for state in (State.TO_RECTIFY, State.RECTIFYING)},
        **{(state, Move.POSTPONED): state for state in (State.TO_RECTIFY, State.RECTIFYING)},
        **{(state, Move.WITHDRAWN): State.CLOSED for state in _OPEN},
        **{(state, Move.RECURRED): state for state in _OPEN if state is not State.AWAITING_VERIFICATION},
        (State.AWAITING_VERIFICATION, Move.RECURRED): State.RECTIFYING,  # it was not mended for long
        **{(state, move): state for state in State for move in _STAYING},
    }
)
REASONED = frozenset({Move.REJECTED, Move.POSTPONED, Move.WITHDRAWN, Move.SENT_BACK})  # nothing of this without a why


class Origin(StrEnum):
    """How it came to light."""

    INSPECTION = "inspection"
    WARNING = "warning"  # a model said so beforehand
    RESIDENT = "resident"
    SNAPSHOT = "snapshot"  # seen in passing
    ASSIGNED = "assigned"  # from above


@dataclass(frozen=True, slots=True, kw_only=True)
class DeficiencyStep:
    """One step of a trail. `detail` holds what it sets: fields of `Deficiency`, as text."""

    deficiency: int = 0
    at: datetime  # UTC
    who: str
    move: Move
    state: State  # after it
    why: str = ""
    plan: int = 0  # the list and item it came from; 0 = none
    item: int = 0
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deficiency:
    """What its trail comes to."""

    id: int = 0
    asset: str
    kind: str
    site: str
    building: str
    place: str
    fault: str  # failure mode, else the task at which it was found: by this it is the same fault again
    state: State
    grade: str
    description: Text
    opened_at: datetime
    opened_by: str
    origin: Origin = Origin.INSPECTION
    suggestion: Text = NOTHING
    deadline: date | None = None
    first_deadline: date | None = None  # before anything was postponed
    person: str = ""
    department: str = ""
    report: int = 0  # the resident's report that it answers; 0 = none
    mended_on_spot: bool = False
    mender: str = ""
    mended_at: datetime | None = None
    measures: str = ""  # what was done about it
    verifier: str = ""
    verification: str = ""  # what the verifier says
    closed_at: datetime | None = None
    last_seen_at: datetime | None = None  # when the fault was last found
    repeats: int = 0
    plan: int = 0
    item: int = 0

    @property
    def number(self) -> str:
        """As papers and lists call it."""
        return f"F{self.id}"

    @property
    def rectified(self) -> bool:
        """Closed, and somebody else saw that it is mended."""
        return self.state is State.CLOSED and bool(self.verifier)

    def overdue(self, today: date) -> bool:
        return self.state.open and self.deadline is not None and self.deadline < today


class IllegalMove(ValueError):
    """A step that may not follow the state before it."""


def next_state(state: State, move: Move) -> State:
    """Raises `IllegalMove` where the trail may not go on so."""
    try:
        return TRANSITIONS[state, move]
    except KeyError:
        raise IllegalMove(f"{state} -> {move}") from None


def replay(steps: Iterable[DeficiencyStep]) -> Deficiency:
    """A deficiency from its trail, oldest first. Raises `IllegalMove` for one that breaks the rules."""
    now: Deficiency | None = None
    for step in steps:
        if now is None:
            if step.move is not Move.OPENED:
                raise IllegalMove(f"a trail that begins with {step.move}")
            now = _opened(step)
        else:
            now = _after(now, step)
        if now.state is not step.state:
            raise IllegalMove(f"{step.move} leads to {now.state}, not to {step.state}")
    if now is None:
        raise IllegalMove("an empty trail")
    return now


def _opened(step: DeficiencyStep) -> Deficiency:
    detail = step.detail
    return Deficiency(
        id=step.deficiency,
        asset=detail["asset"],
        kind=detail["kind"],
        site=detail["site"],
        building=detail["building"],
        place=detail["place"],
        fault=detail["fault"],
        grade=detail["grade"],
        state=State.DRAFT,
        description=Text(zh=detail["description_zh"], en=detail["description_en"]),
        origin=Origin(detail["origin"]),
        suggestion=_suggestion(detail, NOTHING),
        report=int(detail.get("report", 0)),
        deadline=date.fromisoformat(detail["deadline"]),
        first_deadline=date.fromisoformat(detail["deadline"]),
        opened_at=step.at,
        opened_by=step.who,
        last_seen_at=step.at,
        plan=step.plan,
        item=step.item,
    )


def _suggestion(detail: Mapping[str, str], before: Text) -> Text:
    if "suggestion_zh" not in detail:
        return before
    return Text(zh=detail["suggestion_zh"], en=detail["suggestion_en"])


def _after(now: Deficiency, step: DeficiencyStep) -> Deficiency:
    before, state, detail = now.state, next_state(now.state, step.move), step.detail
    if step.move in REASONED and not step.why.strip():
        raise IllegalMove(f"{step.move} without a reason")
    now = replace(
        now,
        state=state,
        grade=detail.get("grade", now.grade),
        person=detail.get("person", now.person),
        department=detail.get("department", now.department),
        suggestion=_suggestion(detail, now.suggestion),
    )
    if "deadline" in detail:
        moved = date.fromisoformat(detail["deadline"])
        first = now.first_deadline if step.move is Move.POSTPONED else moved
        now = replace(now, deadline=moved, first_deadline=first)
    if "description_zh" in detail:
        now = replace(now, description=Text(zh=detail["description_zh"], en=detail["description_en"]))
    match step.move:
        case Move.MENDED | Move.DONE:
            spot = before is State.DRAFT
            now = replace(now, mender=step.who, mended_at=step.at, measures=step.why, mended_on_spot=spot)
        case Move.VERIFIED:
            if not step.who or step.who == now.mender:
                raise IllegalMove(f"verified by {step.who!r}, who mended it")
            now = replace(now, verifier=step.who, verification=step.why, closed_at=step.at)
        case Move.WITHDRAWN | Move.REJECTED:
            now = replace(now, closed_at=step.at, verification=step.why)
        case Move.SENT_BACK:
            now = replace(now, verification=step.why)
        case Move.RECURRED:
            now = replace(
                now, repeats=now.repeats + 1, last_seen_at=step.at, closed_at=None, verifier="", mended_on_spot=False
            )
    return now


def predecessor(deficiencies: Iterable[Deficiency], asset: str, fault: str, at: datetime) -> Deficiency | None:
    """The deficiency that the same fault at the same asset belongs to: one seen within thirty days, the latest."""
    same = [
        deficiency
        for deficiency in deficiencies
        if (deficiency.asset, deficiency.fault) == (asset, fault)
        and deficiency.state is not State.REJECTED
        and deficiency.last_seen_at is not None
        and at - REPEAT_WITHIN <= deficiency.last_seen_at <= at
    ]
    return max(same, key=lambda deficiency: (deficiency.last_seen_at or at, deficiency.id), default=None)
