"""A plan from what an installation holds, as it was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from commands.app.messages import say
from commands.app.output import progress

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.assessments import Assessment
    from facility.inspections import InspectionList, Instruction
    from serviceday.planning import Crew


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a plan is asked for."""

    day: date
    timezone: ZoneInfo
    hours: float = 8.0
    people: int = 1
    crew_file: Path | None = None
    crew_text: str = ""  # of a plan that is made again
    kind: str = ""
    goals: Sequence[str] = ()
    themes: Sequence[str] = ()
    instructions: Sequence[Instruction] = ()
    next_day: date | None = None
    seed: int = 0
    quiet: bool = False

    def crew(self) -> Crew:
        from serviceday.planning import Crew, parse_crew, read_crew

        if self.crew_file is not None:
            return read_crew(self.crew_file, people=self.people, hours=self.hours)
        if self.crew_text:
            return parse_crew(self.crew_text, people=self.people, hours=self.hours)
        return Crew(people=self.people, hours=self.hours)


def asked_again(made: InspectionList, timezone: ZoneInfo, instructions: Sequence[Instruction]) -> Asking:
    """The same as a kept plan was asked for, with other instructions."""
    return Asking(
        day=made.service_day,
        timezone=timezone,
        hours=made.hours if not made.persons else 8.0,
        people=made.people or 1,
        crew_text=made.asked.crew,
        kind=made.asked.kind,
        goals=made.asked.goals,
        themes=made.asked.themes,
        instructions=tuple(instructions),
        seed=made.seed,
    )


def make(
    here: Installation,
    believed: Mapping[str, Assessment],
    asking: Asking,
    *,
    crew: Crew | None = None,
    before: InspectionList | None = None,
    with_gains: bool = False,
    label: str = "",
) -> InspectionList:
    """The plan, not kept yet. What others of the same day already ask of the same people is noted first."""
    from serviceday.planning import Policy, parse_goal, plan, themes, twice
    from serviceday.reports import requests

    crew = crew or asking.crew()
    reports = here.records.reports.all(closed=False)
    with progress(asking.quiet) as shown:
        task = shown.add_task(label or say("plan.progress"), total=None)
        made = plan(
            here.assets(asking.kind),
            believed,
            here.records.duties.last_done(),
            service_day=asking.day,
            now=datetime.now(UTC),
            crew=crew,
            buildings=here.records.estate.buildings(),
            policy=Policy(next_service_day=asking.next_day),
            requests=requests(reports, asking.timezone),
            goals=[parse_goal(words) for words in asking.goals],
            themes=themes(asking.themes, crew.themes),
            instructions=asking.instructions,
            before=before,
            seed=asking.seed,
            with_gains=with_gains,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    others = [one for one in _newest_of_each_kind(here, asking.day) if one.asked.kind != asking.kind]
    notes = (*twice(made, others), *made.notes)
    return replace(made, notes=notes, timezone=asking.timezone.key, asked=replace(made.asked, kind=asking.kind))


def _newest_of_each_kind(here: Installation, day: date) -> list[InspectionList]:
    return list({one.asked.kind: one for one in here.records.plans.on(day)}.values())
