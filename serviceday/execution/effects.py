"""What follows from the answers to a list: last dates, outcomes, reports answered, findings opened and moved on.

Everything is brought to what the answers come to now, however often it is done: a crash between two steps, a sheet read
twice, an answer corrected or disputed leave nothing doubled and nothing behind.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import catalogue
from facility.deficiencies import NOTHING, Deficiency, Move, Origin, State
from facility.i18n.phrases import Phrases, Text
from facility.inspections import DutyDone, Finding, InspectionList, Item, Outcome
from facility.records import Records
from facility.results import OTHER_FAULT, Answer, Result, Standing
from serviceday.execution.grades import Grades
from serviceday.execution.rectification import NewDeficiency, Rectification

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")
WARNING = "warning"


class Consequences:
    """What follows from the answers to one kept list."""

    def __init__(
        self, records: Records, plan: InspectionList, *, now: datetime, timezone: ZoneInfo, grades: Grades
    ) -> None:
        self._records, self._plan, self._now, self._timezone = records, plan, now, timezone
        self._grades = grades
        self._items = {item.number: item for item in plan.items}
        self._rectification = Rectification(records, now=now, timezone=timezone, grades=grades)
        self._warned = {item.asset for item in plan.items if item.task == WARNING}

    def settle(
        self, standing: Mapping[int, Standing], fresh: set[int], within: Collection[int] | None = None
    ) -> tuple[list[int], list[int]]:
        """Do what is not done yet; `fresh` are the items answered just now. Returns findings opened and found again.

        Reports and findings are looked at one by one: for the items `within`, or for all of the list.
        """
        self._duties(standing, fresh)
        self._outcomes(standing)
        opened: list[int] = []
        joined: list[int] = []
        for number, state in sorted(standing.items()):
            if within is not None and number not in within:
                continue
            item = self._items[number]
            if item.request.startswith("R"):
                self._answer_report(item, state.result)
            if item.request.startswith("F"):
                for voice in state.voices if state.result is not None else ():
                    self._move_on(item, voice)
            elif state.result is not None and state.result.answer is Answer.ABNORMAL:
                deficiency, new = self._open(item, state.result)
                if number in fresh:
                    (opened if new else joined).append(deficiency.id)
            elif state.result is not None:
                self._not_after_all(number, state.result, standing)
        return opened, joined

    # --- last dates ---------------------------------------------------------------------------------------------------

    def _duties(self, standing: Mapping[int, Standing], fresh: set[int]) -> None:
        source = f"results of list {self._plan.number}"
        done_dates: dict[DutyDone, bool] = {}
        for number, state in standing.items():
            item, result = self._items[number], state.result
            if result is None or not result.answer.done or item.kind not in catalogue():
                continue
            if item.task in catalogue()[item.kind].duties:
                on = result.done_at.astimezone(self._timezone).date()
                done_dates[DutyDone(asset=item.asset, duty=item.task, on=on, by=result.by)] = number in fresh
        keys = {entry.key for entry in done_dates}
        for entry in self._records.duties.recorded_from(source):
            if entry.key not in keys:
                self._records.duties.undo(entry.asset, entry.duty, entry.on, at=self._now, who="", note=source)
        for again in (True, False):  # what a person took back by hand comes again only with a new answer
            entries = [entry for entry, new in done_dates.items() if new is again]
            if entries:
                self._records.duties.record(entries, at=self._now, who="", source=source, again=again)

    # --- what models learn from ---------------------------------------------------------------------------------------

    def _outcomes(self, standing: Mapping[int, Standing]) -> None:
        there = {(label.asset, label.at): label for label in self._records.outcomes.all()}
        labels: dict[tuple[str, datetime], Outcome] = {}
        for number, state in standing.items():
            outcome = self._outcome(self._items[number], state.result) if state.result else None
            if outcome is not None:
                labels[outcome.asset, outcome.at] = outcome
        tasks = {number for number, item in self._items.items() if self._speaks(item)}
        for entry in self._records.results.of(self._plan.number):
            place = (entry.asset, entry.done_at)
            if entry.item in tasks and place in there and place not in labels:
                self._records.outcomes.take_back(*place)
                del there[place]
        for place, outcome in labels.items():
            if there.get(place) != outcome:
                self._records.outcomes.put(outcome)

    def _speaks(self, item: Item) -> bool:
        """Whether answers to an item can be outcomes: of a warning, or of other work where nobody had warned."""
        return item.task == WARNING or (item.asset not in self._warned and not item.request)

    def _outcome(self, item: Item, result: Result) -> Outcome | None:
        """The label; None where the answer says nothing about what a model could have foreseen."""
        if not result.answer.done or not self._speaks(item):
            return None
        mode = "" if result.mode == OTHER_FAULT else result.mode
        if item.task != WARNING:  # a fault of the catalogue that no warning foresaw
            if result.answer is Answer.NORMAL or not mode:
                return None
            finding = Finding.OTHER
        elif result.answer is Answer.NORMAL:
            finding = Finding.NOT_FOUND
        elif result.mode in ("", item.mode):
            finding, mode = Finding.CONFIRMED, mode or item.mode
        else:
            finding = Finding.OTHER
        return Outcome(asset=item.asset, at=result.done_at, finding=finding, by=result.by, mode=mode, note=result.note)

    # --- residents' reports -------------------------------------------------------------------------------------------

    def _answer_report(self, item: Item, result: Result | None) -> None:
        number = int(item.request.removeprefix("R"))
        report = self._records.reports.get(number)
        report = self._records.reports.get(report.merged_into or number)
        ours = f"{self._plan.number}/{item.number}"
        if result is not None and result.answer is Answer.NORMAL:
            if report.closed_at is None:
                self._records.reports.close(report.id, by=result.by, now=self._now, note=ours)
        elif report.closed_at is not None:
            closing = [step for step in self._records.reports.trail(report.id) if step.what == "closed"]
            if closing and closing[-1].note == ours:
                self._records.reports.reopen(report.id, by=result.by if result else "", now=self._now, note=ours)

    # --- findings -----------------------------------------------------------------------------------------------------

    def _open(self, item: Item, result: Result) -> tuple[Deficiency, bool]:
        mode = result.mode or (item.mode if item.task == WARNING else "")
        modes = catalogue()[item.kind].modes if item.kind in catalogue() else {}
        what = modes[mode].name if mode in modes else item.what
        if result.note:
            what = PHRASES["described"].filled(what=what, note=result.note)
        report = int(item.request.removeprefix("R")) if item.request.startswith("R") else 0
        origin = Origin.RESIDENT if report else Origin.WARNING if item.task == WARNING else Origin.INSPECTION
        look = modes[mode].look_for if mode in modes else None
        return self._rectification.open(
            NewDeficiency(
                asset=result.asset,
                kind=item.kind,
                site=item.site,
                building=item.building,
                place=item.place,
                fault=f"{OTHER_FAULT}:{item.task}" if mode == OTHER_FAULT else mode or item.task,
                description=what,
                grade=self._grades.of_kind(item.kind).key,
                found_at=result.done_at,
                found_by=result.by,
                origin=origin,
                suggestion=look or NOTHING,
                report=report,
                plan=self._plan.number,
                item=item.number,
                mended=(result.note or PHRASES["answered_by_plan"].filled(plan=result.plan, item=result.item).zh)
                if result.mended
                else None,
            )
        )

    def _not_after_all(self, number: int, result: Result, standing: Mapping[int, Standing]) -> None:
        """Findings that no answer speaks for any more: of no item by which they were found."""
        for deficiency in self._records.deficiencies.of_item(self._plan.number, number):
            trail = self._records.deficiencies.trail(deficiency.id)
            sources = [(step.plan, step.item) for step in trail if step.move in (Move.OPENED, Move.RECURRED)]
            if not deficiency.state.open or any(self._holds(*place, standing) for place in sources):
                continue
            answer: Text = PHRASES[f"answer.{result.answer.value}"]
            why = PHRASES["decided_otherwise"].filled(answer=answer)
            words = f"{why.zh} / {why.en}"
            by = result.who or result.by
            if deficiency.state in (State.DRAFT, State.AWAITING_APPROVAL, State.TO_RECTIFY):
                self._rectification.reject(deficiency.id, by=by, why=words, source=result.key)
            else:
                self._rectification.close(deficiency.id, by=by, why=words, source=result.key)

    def _holds(self, plan: int, item: int, standing: Mapping[int, Standing]) -> bool:
        """Whether what was found there may still be so: by another list or by hand, disputed, or abnormal."""
        state = standing.get(item) if plan == self._plan.number else None
        return state is None or state.result is None or state.result.answer is Answer.ABNORMAL

    def _move_on(self, item: Item, result: Result) -> None:
        """A follow-up that was looked at: mended, verified, or still faulty."""
        number, source = int(item.request.removeprefix("F")), result.key
        trail = self._records.deficiencies.trail(number)
        if any((step.plan, step.item, step.who) == (*source, result.by) and step.at >= result.at for step in trail):
            return  # this answer, or a later one of the same person, has been followed
        deficiency = self._records.deficiencies.get(number)
        if not deficiency.state.open or not result.answer.done:
            return
        words = result.note or _both(PHRASES["answered_by_plan"].filled(plan=result.plan, item=result.item))
        if result.answer is Answer.NORMAL or result.mended:
            if deficiency.state is not State.AWAITING_VERIFICATION:
                self._rectification.done(number, by=result.by, measures=words, source=source)
            elif deficiency.mender != result.by and not result.mended:
                self._rectification.verify(number, by=result.by, note=words, source=source)
            else:
                self._rectification.note(number, by=result.by, words=words, source=source)
            return
        still = result.note or _both(PHRASES["still_faulty"])
        if deficiency.state is State.AWAITING_VERIFICATION:
            self._rectification.reject(number, by=result.by, why=still, source=source)
        else:
            self._rectification.note(number, by=result.by, words=still, source=source)


def _both(words: Text) -> str:
    return f"{words.zh} / {words.en}"
