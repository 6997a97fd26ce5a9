"""Putting right what was found: opened, approved, assigned, mended, verified by somebody else, closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from facility.deficiencies import (
    NOTHING,
    Deficiency,
    DeficiencyStep,
    IllegalMove,
    Move,
    Origin,
    State,
    next_state,
    predecessor,
)
from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Text
from facility.records import Records
from serviceday.execution.grades import Grades

LONGEST = 500  # characters of a reason, a measure, a name

_STATES = {
    State.DRAFT: Sentence("a draft"),
    State.AWAITING_APPROVAL: Sentence("awaiting approval"),
    State.TO_RECTIFY: Sentence("to be put right"),
    State.RECTIFYING: Sentence("being put right"),
    State.AWAITING_VERIFICATION: Sentence("awaiting verification"),
    State.CLOSED: Sentence("closed"),
    State.REJECTED: Sentence("rejected"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeficiency:
    """What was found to be wrong, and where."""

    asset: str
    kind: str
    site: str
    building: str
    place: str
    fault: str
    description: Text
    grade: str
    found_at: datetime
    found_by: str
    origin: Origin = Origin.INSPECTION
    suggestion: Text = NOTHING
    report: int = 0
    plan: int = 0
    item: int = 0
    mended: str | None = None  # what was done about it on the spot; None = it was left as it is


class Rectification:
    """The deficiencies behind one set of records, at one moment and place."""

    def __init__(self, records: Records, *, now: datetime, timezone: tzinfo, grades: Grades) -> None:
        self._records, self._now, self._timezone, self._grades = records, now, timezone, grades

    @property
    def today(self) -> date:
        return self._now.astimezone(self._timezone).date()

    def deadline(self, grade: str, found_at: datetime) -> date:
        """By when something of a grade must be put right."""
        days = self._grades.scale[grade].days if grade in self._grades.scale else 0
        return found_at.astimezone(self._timezone).date() + timedelta(days=days)

    def open(self, new: NewDeficiency, *, draft: bool = False) -> tuple[Deficiency, bool]:
        """A new deficiency, or the one that the same fault at the same asset belongs to; and whether it is new."""
        detail = {
            **{name: getattr(new, name) for name in ("asset", "kind", "site", "building", "place", "fault", "grade")},
            "description_zh": new.description.zh,
            "description_en": new.description.en,
            "origin": new.origin.value,
            "suggestion_zh": new.suggestion.zh,
            "suggestion_en": new.suggestion.en,
            "deadline": self.deadline(new.grade, new.found_at).isoformat(),
            "report": str(new.report),
        }
        opened = DeficiencyStep(
            at=new.found_at, who=new.found_by, move=Move.OPENED, state=State.DRAFT, plan=new.plan, item=new.item,
            detail=detail,
        )  # fmt: skip
        steps = [opened]
        if new.mended is not None:
            steps.append(self._step(State.DRAFT, Move.MENDED, new.found_by, new.mended))
        elif not draft:
            steps.append(self._step(State.DRAFT, Move.SUBMITTED, new.found_by))

        def join(deficiencies: Sequence[Deficiency]) -> tuple[Deficiency, DeficiencyStep] | None:
            before = predecessor(deficiencies, new.asset, new.fault, new.found_at) if new.asset else None
            if before is None:
                return None
            step = DeficiencyStep(
                at=new.found_at, who=new.found_by, move=Move.RECURRED,
                state=next_state(before.state, Move.RECURRED), why=new.description.zh, plan=new.plan, item=new.item,
            )  # fmt: skip
            return before, step

        return self._records.deficiencies.open_or_join(steps, join)

    def assign(
        self,
        number: int,
        *,
        by: str,
        person: str = "",
        department: str = "",
        until: date | None = None,
        grade: str = "",
    ) -> Deficiency:
        """Approve it and say who puts it right by when; what is assigned already is assigned anew."""
        deficiency = self._records.deficiencies.get(number)
        graded = self._grades.named(grade).key if grade else deficiency.grade
        end = until or (self.deadline(graded, deficiency.opened_at) if grade else deficiency.deadline or self.today)
        detail = {"person": person, "department": department, "deadline": end.isoformat(), "grade": graded}
        detail = {name: value for name, value in detail.items() if value}
        if not (person or department):
            raise CannotDo("finding {number} is assigned to nobody", "Name --to or --department", number=number)
        moves: list[tuple[Move, str]] = []
        if deficiency.state is State.DRAFT:
            moves.append((Move.SUBMITTED, ""))
        if deficiency.state in (State.DRAFT, State.AWAITING_APPROVAL):
            moves.append((Move.APPROVED, ""))
        return self._go_on(deficiency, [*moves, (Move.ASSIGNED, "")], by, detail)

    def start(self, number: int, *, by: str) -> Deficiency:
        return self._go_on(self._records.deficiencies.get(number), [(Move.STARTED, "")], by)

    def done(self, number: int, *, by: str, measures: str = "", source: tuple[int, int] = (0, 0)) -> Deficiency:
        """It is mended; somebody else has to see that. `source` is the list and item at which it was."""
        deficiency = self._records.deficiencies.get(number)
        if deficiency.state in (State.DRAFT, State.AWAITING_APPROVAL):
            moves = [(Move.MENDED, measures)]
        elif deficiency.state is State.TO_RECTIFY:
            moves = [(Move.STARTED, ""), (Move.DONE, measures)]
        else:
            moves = [(Move.DONE, measures)]
        return self._go_on(deficiency, moves, by, source=source)

    def verify(self, number: int, *, by: str, note: str = "", source: tuple[int, int] = (0, 0)) -> Deficiency:
        """Somebody who did not mend it has seen that it is mended: it is closed, and the report it answers too."""
        deficiency = self._records.deficiencies.get(number)
        if deficiency.state is State.AWAITING_VERIFICATION and deficiency.mender == by:
            raise CannotDo(
                "{by} mended finding {number} and cannot verify it",
                "Somebody else has to look at it",
                by=by,
                number=number,
            )
        closed = self._go_on(deficiency, [(Move.VERIFIED, note)], by, source=source)
        self._close_report(closed, by)
        return closed

    def reject(self, number: int, *, by: str, why: str, source: tuple[int, int] = (0, 0)) -> Deficiency:
        """It is no deficiency; or, where it waits to be verified, it is not mended and goes back."""
        deficiency = self._records.deficiencies.get(number)
        move = Move.SENT_BACK if deficiency.state is State.AWAITING_VERIFICATION else Move.REJECTED
        return self._go_on(deficiency, [(move, why)], by, source=source)

    def postpone(self, number: int, until: date, *, by: str, why: str) -> Deficiency:
        deficiency = self._records.deficiencies.get(number)
        if deficiency.deadline is not None and until <= deficiency.deadline:
            raise CannotDo(
                "finding {number} is due on {deadline} already: {until} is no later",
                "Name a later day",
                number=number,
                deadline=deficiency.deadline,
                until=until,
            )
        return self._go_on(deficiency, [(Move.POSTPONED, why)], by, {"deadline": until.isoformat()})

    def close(self, number: int, *, by: str, why: str, source: tuple[int, int] = (0, 0)) -> Deficiency:
        """Close it without its having been mended; it does not count as rectified."""
        return self._go_on(self._records.deficiencies.get(number), [(Move.WITHDRAWN, why)], by, source=source)

    def correct(self, number: int, *, by: str, why: str, detail: Mapping[str, str]) -> Deficiency:
        """Say otherwise what was said before; both stay in the trail."""
        return self._go_on(self._records.deficiencies.get(number), [(Move.CORRECTED, why)], by, detail)

    def note(self, number: int, *, by: str, words: str, source: tuple[int, int] = (0, 0)) -> Deficiency:
        return self._go_on(self._records.deficiencies.get(number), [(Move.NOTED, words)], by, source=source)

    def _go_on(
        self,
        deficiency: Deficiency,
        moves: Sequence[tuple[Move, str]],
        by: str,
        detail: Mapping[str, str] | None = None,
        source: tuple[int, int] = (0, 0),
    ) -> Deficiency:
        """Go on by several moves; `detail` belongs to the last of them."""
        longest = max(len(by), *(len(why) for _, why in moves), *map(len, (detail or {}).values()))
        if longest > LONGEST:
            raise CannotDo("a text of {count} characters; at most {most}", "Shorten it", count=longest, most=LONGEST)
        if not by.strip():
            raise CannotDo("nobody is named who says so", "Give --by NAME")
        state, steps = deficiency.state, []
        try:
            for place, (move, why) in enumerate(moves):
                last = place == len(moves) - 1
                step = self._step(state, move, by, why, detail if last else None, source)
                steps.append(step)
                state = step.state
            return self._records.deficiencies.add(deficiency.id, steps)
        except IllegalMove:
            now = self._records.deficiencies.get(deficiency.id)
            raise CannotDo(
                "finding {number} is {state}: that step cannot follow",
                "See `serviceday finding show {number}`; rejecting, postponing and closing need --why",
                number=deficiency.id,
                state=_STATES[now.state],
            ) from None

    def _step(
        self,
        state: State,
        move: Move,
        who: str,
        why: str = "",
        detail: Mapping[str, str] | None = None,
        source: tuple[int, int] = (0, 0),
    ) -> DeficiencyStep:
        return DeficiencyStep(
            at=self._now, who=who, move=move, state=next_state(state, move), why=why, plan=source[0], item=source[1],
            detail=detail or {},
        )  # fmt: skip

    def _close_report(self, closed: Deficiency, by: str) -> None:
        if not closed.report:
            return
        report = self._records.reports.get(closed.report)
        number = report.merged_into or report.id
        if self._records.reports.get(number).closed_at is None:
            self._records.reports.close(number, by=by, now=self._now, note=closed.number)
