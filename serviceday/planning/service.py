"""The plans of a service day: made, changed by hand, kept and handed out; the same for the command line and the pages.

A plan is made from what the records hold now and belongs to nobody until somebody keeps it. Of a kept day, what people
said by hand (locks, pins, bans) holds on when the day is planned anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from facility.assessments import Assessment
from facility.errors import CannotDo
from facility.i18n.phrases import Text
from facility.inspections import Directive, InspectionList, Instruction, Item
from facility.records import Records
from facility.requests import Request
from facility.standing import in_use
from serviceday.execution.follow_up import follow_up
from serviceday.planning.crew.crew import Crew
from serviceday.planning.crew.parser import parse_crew
from serviceday.planning.demand.candidates import gather
from serviceday.planning.demand.goals import parse_goal
from serviceday.planning.demand.items import PHRASES
from serviceday.planning.demand.themes import themes
from serviceday.planning.planner import Progress, plan
from serviceday.planning.policy import Policy
from serviceday.planning.schedule.notes import twice
from serviceday.planning.solver.problem import speaks
from serviceday.reports import requests

_NOBODY = Crew()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What a plan is asked for."""

    day: date
    crew: Crew = _NOBODY
    kind: str = ""  # one class of equipment only; "" = all
    goals: Sequence[str] = ()
    themes: Sequence[str] = ()
    instructions: Sequence[Instruction] | None = None  # None = those of the day's kept plan
    next_day: date | None = None
    seed: int = 0
    random_checks: int | None = None  # looks by lot at assets without a sign; None = as the crew file says
    with_gains: bool = False


def again(inspection_list: InspectionList, *, people: int | None = None, hours: float | None = None) -> PlanRequest:
    """What a kept plan was asked for. Its crew file and rules stay; `people` and `hours` change a nameless crew."""
    named = bool(inspection_list.persons)
    people = inspection_list.people or 1 if people is None else people
    hours = (8.0 if named else inspection_list.hours) if hours is None else hours
    text = inspection_list.asked.crew
    folder = Path(inspection_list.asked.crew_folder) if inspection_list.asked.crew_folder else None
    return PlanRequest(
        day=inspection_list.service_day,
        crew=parse_crew(text, folder=folder, people=people, hours=hours) if text else Crew(people=people, hours=hours),
        kind=inspection_list.asked.kind,
        goals=inspection_list.asked.goals,
        themes=inspection_list.asked.themes,
        instructions=inspection_list.asked.instructions,
        next_day=inspection_list.asked.next_day,
        seed=inspection_list.seed,
        random_checks=inspection_list.asked.random_checks,
    )


class Planning:
    """The plans behind one set of records, at one moment and place."""

    def __init__(self, records: Records, *, now: datetime, timezone: ZoneInfo) -> None:
        self._records, self._now, self._timezone = records, now, timezone

    @property
    def today(self) -> date:
        return self._now.astimezone(self._timezone).date()

    def make(
        self,
        request: PlanRequest,
        beliefs: Mapping[str, Assessment],
        *,
        before: InspectionList | None = None,
        on_progress: Progress | None = None,
    ) -> InspectionList:
        """The plan, not kept yet. `beliefs` by asset; `before` is the plan to change as little as possible.

        Instructions of the day's kept plan that speak of nothing any more are dropped with a note. Raises `CannotDo`
        where what was asked for cannot be done.
        """
        records = self._records
        assets = records.estate.assets(kind=request.kind or None)
        duties, spells = records.duties.last_done(), records.trail.spells()
        requests = self._asked()
        checks = request.crew.random_checks if request.random_checks is None else request.random_checks
        policy = Policy(next_service_day=request.next_day, random_checks=checks)
        dropped: list[Text] = []
        instructions = request.instructions
        if instructions is None:
            inspection_list = self.newest(request.day, request.kind)
            instructions = inspection_list.asked.instructions if inspection_list else ()
            if instructions:
                there = in_use(assets, spells, request.day)
                candidates = gather(
                    there, beliefs, duties, service_day=request.day, policy=policy, requests=requests, spells=spells
                )
                keys = [candidate.item for candidate in candidates.possible]
                people = {worker.id for worker in request.crew.on(request.day)}
                instructions, dropped = _still(instructions, keys, people)
        planned = plan(
            assets,
            beliefs,
            duties,
            service_day=request.day,
            now=self._now,
            crew=request.crew,
            buildings=records.estate.buildings(),
            policy=policy,
            requests=requests,
            goals=[parse_goal(words) for words in request.goals],
            themes=themes(request.themes, request.crew.themes),
            instructions=instructions,
            before=before,
            spells=spells,
            seed=request.seed,
            with_gains=request.with_gains,
            on_progress=on_progress,
        )
        others = [
            inspection_list
            for inspection_list in self._of_each_kind(request.day)
            if inspection_list.asked.kind != request.kind
        ]
        return replace(
            planned,
            notes=(*dropped, *twice(planned, others), *planned.notes),
            timezone=self._timezone.key,
            asked=replace(
                planned.asked, kind=request.kind, next_day=request.next_day, random_checks=request.random_checks
            ),
        )

    def _asked(self) -> list[Request]:
        """What residents ask for and what earlier inspections left open; a report with an open finding is that."""
        left = [deficiency for deficiency in self._records.deficiencies.all() if deficiency.state.open]
        answered = {f"R{deficiency.report}" for deficiency in left if deficiency.report}
        reported = requests(self._records.reports.all(closed=False), self._timezone)
        return [
            *(request for request in reported if request.id not in answered),
            *(follow_up(deficiency, self._timezone) for deficiency in left),
        ]

    def keep(self, inspection_list: InspectionList) -> InspectionList:
        """The plan with the number under which it is kept from now on."""
        return self._records.plans.kept(inspection_list)

    def newest(self, day: date, kind: str | None = None) -> InspectionList | None:
        """The plan of a day that was kept last; of one class of equipment, or of all (""), where `kind` says so."""
        if kind is None:
            return self._records.plans.newest(day)
        return next(
            (
                inspection_list
                for inspection_list in reversed(self._records.plans.on(day))
                if inspection_list.asked.kind == kind
            ),
            None,
        )

    def chosen(self, number: int = 0, day: date | None = None, *, changing: bool = False) -> InspectionList:
        """A kept plan: by number, of a day, or of the next service day there is one for.

        Where it will be changed or handed out (`changing`) and plans of several days are still to come, the day must be
        named. Raises `CannotDo` where there is none.
        """
        plans = self._records.plans
        if not number and day is None:
            ahead = sorted(day for day in plans.days() if day >= self.today)
            if changing and len(ahead) != 1:
                raise CannotDo(
                    "plans are kept for several days: {days}" if ahead else "no plan is kept for a day still to come",
                    "Name one with --service-day, or a plan by its number; `serviceday plan list` shows them",
                    days=ahead,
                )
            day = ahead[0] if ahead else next(iter(plans.days()), None)
        inspection_list = plans.get(number) if number else plans.newest(day) if day else None
        if inspection_list is None:
            raise CannotDo(
                "plan {number} is not on record"
                if number
                else "no plan is kept for {day}"
                if day
                else "no plan is kept",
                "Make and keep one: `serviceday plan --service-day DATE --keep`",
                number=number,
                day=day,
            )
        return inspection_list

    def _of_each_kind(self, day: date) -> list[InspectionList]:
        return list(
            {inspection_list.asked.kind: inspection_list for inspection_list in self._records.plans.on(day)}.values()
        )


def _still(
    instructions: Sequence[Instruction], items: Sequence[Item], people: set[str]
) -> tuple[tuple[Instruction, ...], list[Text]]:
    """The instructions that still speak of something and somebody, and a note for each that does not."""
    still, notes = [], []
    for instruction in instructions:
        name = f"{instruction.asset} {instruction.task}".strip()
        if instruction.directive is not Directive.BAN and not any(speaks(instruction, item) for item in items):
            notes.append(PHRASES["note_dropped_item"].filled(item=name))
        elif instruction.person and instruction.person not in people:
            notes.append(PHRASES["note_dropped_person"].filled(item=name, person=instruction.person))
        else:
            still.append(instruction)
    return tuple(still), notes
