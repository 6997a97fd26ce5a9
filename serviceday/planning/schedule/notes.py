"""What a planner should know about a list as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from facility.assessments import Assessment, Knowledge, by_knowledge
from facility.catalogue.catalogue import catalogue
from facility.catalogue.qualifications import qualification
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.inspections import Ground, InspectionList, Item, RandomDraw
from serviceday.planning.demand.candidates import Candidates
from serviceday.planning.demand.items import PHRASES
from serviceday.planning.policy import Policy
from serviceday.planning.solver.problem import Problem

_NAMED = 3  # assets named in a note; of more, the number


def notes(
    assets: Sequence[Asset],
    candidates: Candidates,
    assessments: Mapping[str, Assessment],
    left_out: Sequence[Item],
    problem: Problem,
    service_day: date,
    policy: Policy,
    now: datetime,
) -> list[Text]:
    """What a planner should know: breaches, gaps in what is known, places nobody knows."""
    texts = []
    breaches = [item for item in left_out if item.breach]
    if breaches:
        first = min((item.breach_from for item in breaches if item.breach_from), default=service_day)
        texts.append(PHRASES["note_breach"].filled(count=len(breaches), first=first))
    if service_day < now.date():
        texts.append(PHRASES["note_past"].filled(day=service_day))
    if not problem.workers:
        texts.append(PHRASES["note_nobody"].filled(day=service_day))
    lacking = sorted(
        {
            candidate.item.qualification
            for number, candidate in enumerate(problem.candidates)
            if problem.unqualified[number]
        }
    )
    if problem.workers and lacking:
        names = [qualification(name) for name in lacking]
        listed = Text(zh="、".join(name.zh for name in names), en=", ".join(name.en for name in names))
        texts.append(PHRASES["note_unqualified"].filled(qualifications=listed, count=int(problem.unqualified.sum())))
    for kind, duties in sorted(candidates.unrecorded.items()):
        equipment_class = catalogue()[kind]
        names = [equipment_class.duties[key].name for key in duties]
        listed = Text(zh="、".join(name.zh for name in names), en=", ".join(name.en for name in names))
        texts.append(
            PHRASES["note_no_record"].filled(kind=equipment_class.name, count=max(duties.values()), duties=listed)
        )
    states = by_knowledge([asset.id for asset in assets], assessments)
    for state in (Knowledge.NEVER_HEARD, Knowledge.NOT_ASSESSED, Knowledge.TOO_LITTLE):
        if states[state]:
            texts.append(PHRASES[f"note_{state.value}"].filled(count=len(states[state])))
    limit = service_day - timedelta(days=policy.old_after_days)
    old = [assessment.as_of.date() for assessment in assessments.values() if assessment.as_of.date() < limit]
    if old:
        texts.append(PHRASES["note_old"].filled(count=len(old), days=policy.old_after_days, oldest=min(old)))
    nowhere = [place.id for place in candidates.places if not place.building and place.latitude is None]
    if nowhere:
        named = ", ".join(nowhere[:_NAMED]) + (" ..." if len(nowhere) > _NAMED else "")
        texts.append(PHRASES["note_nowhere"].filled(count=len(nowhere), named=named))
    return texts


def twice(inspection_list: InspectionList, others: Sequence[InspectionList]) -> list[Text]:
    """People of a list who are on other lists of the same day."""
    texts = []
    busy = {
        person.id
        for person in inspection_list.persons
        if any(person.number in item.people for item in inspection_list.items)
    }
    for other in others:
        for person in other.persons:
            times = [item for item in other.items if person.number in item.people]
            if person.id in busy and times:
                starts = [item.start for item in times if item.start]
                ends = [item.end for item in times if item.end]
                texts.append(
                    PHRASES["note_twice"].filled(
                        name=person.name or person.id,
                        number=other.number,
                        start=f"{min(starts):%H:%M}",
                        end=f"{max(ends):%H:%M}",
                    )
                )
    return texts


def drawn(draw: RandomDraw | None, items: Sequence[Item]) -> list[Text]:
    """What was drawn by lot, and how much of it the day has room for."""
    if draw is None:
        return []
    there = sum(entry.ground is Ground.RANDOM for entry in items)
    values = {"count": len(draw.drawn), "pool": draw.pool, "seed": draw.seed, "there": there}
    return [PHRASES["note_drawn" if there == len(draw.drawn) else "note_drawn_part"].filled(**values)]
