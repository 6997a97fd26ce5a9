"""A plan for a date: what the law wants done by then, then what is at risk, within the hours of the crew.

Everything that could be done ends on the list or among the left-out, with its reason. The same input gives the same
list, in whatever order it comes. `docs/planning.md` tells the rules in prose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from facility.assessments import Assessment
from facility.channels import catalogue
from facility.estate import Asset, Building
from facility.inspections import Ground, InspectionList, Item, LeftOut, Priority, Round
from facility.language import Text
from serviceday.planning.candidates import Candidate, Candidates, gather
from serviceday.planning.items import PHRASES
from serviceday.planning.policy import Crew, Policy
from serviceday.planning.rounds import Filled, Offer, fill_rounds, shortfalls
from serviceday.planning.travel import Stops, natural

_URGENCY = {priority: place for place, priority in enumerate(Priority)}
_DEFAULT_CREW = Crew()
_DEFAULT_POLICY = Policy()


def plan(
    assets: Sequence[Asset],
    assessments: Mapping[str, Assessment],
    duties_done: Mapping[tuple[str, str], date],
    *,
    service_day: date,
    now: datetime,
    crew: Crew = _DEFAULT_CREW,
    buildings: Sequence[Building] = (),
    policy: Policy = _DEFAULT_POLICY,
) -> InspectionList:
    """The inspection list of a service day.

    `assessments` by asset; `duties_done` is the last date by (asset, duty). `now` is only written down.
    """
    ordered = sorted(assets, key=lambda one: one.id)
    found = gather(ordered, assessments, duties_done, service_day=service_day, policy=policy)
    stops = Stops(ordered, buildings, policy)
    offer = Offer(found.possible, stops, policy)
    rounds = fill_rounds(offer, crew)
    left_out = _left_out(found, offer, rounds, crew, service_day)
    return InspectionList(
        service_day=service_day,
        created_at=now,
        people=crew.people,
        hours=crew.hours,
        items=tuple(_items(found.possible, offer, rounds)),
        left_out=tuple(left_out),
        rounds=tuple(
            Round(person=person, work_minutes=one.work, travel_minutes=one.travel)
            for person, one in enumerate(rounds, start=1)
        ),
        notes=tuple(_notes(ordered, assessments, found, left_out, service_day, policy)),
    )


def _items(candidates: Sequence[Candidate], offer: Offer, rounds: Sequence[Filled]) -> list[Item]:
    """In walking order: person, stop, floor, asset; at an asset the law before risk."""
    items: list[Item] = []
    for person, one in enumerate(rounds, start=1):
        place = {stop: number for number, stop in enumerate(one.stops)}

        def walking(number: int, place: Mapping[int, int] = place) -> tuple[object, ...]:
            candidate = candidates[number]
            item = candidate.item
            return (place[int(offer.stop[number])], natural(item.floor), natural(item.asset), candidate.tier, item.task)

        for number in sorted(one.chosen, key=walking):
            items.append(replace(candidates[number].item, number=len(items) + 1, person=person))
    return items


def _left_out(found: Candidates, offer: Offer, rounds: Sequence[Filled], crew: Crew, service_day: date) -> list[Item]:
    """Breaches first, then what there was no time for, by urgency; then what need not be done."""
    needed, left = shortfalls(offer, rounds, crew)
    out = []
    for number, candidate in enumerate(found.possible):
        if not offer.free[number]:
            continue
        item = candidate.item
        breach = item.ground is Ground.STATUTORY and item.due is not None and item.due <= service_day
        words = PHRASES["no_time_breach" if breach else "no_time"].filled(
            needed=int(needed[number]), left=int(left[number])
        )
        out.append((candidate, replace(item, breach=breach, left_out=LeftOut.NO_TIME, left_out_reason=words)))
    out.sort(key=lambda one: (not one[1].breach, _URGENCY[one[1].priority], one[0].tier, -one[0].value, one[1].asset))
    refused = sorted(found.refused, key=lambda one: (one.left_out != LeftOut.NOT_RISKY, one.due or date.max, one.asset))
    return [item for _, item in out] + refused


def _notes(
    assets: Sequence[Asset],
    assessments: Mapping[str, Assessment],
    found: Candidates,
    left_out: Sequence[Item],
    service_day: date,
    policy: Policy,
) -> list[Text]:
    notes = []
    if breaches := sum(item.breach for item in left_out):
        notes.append(PHRASES["note_breach"].filled(count=breaches))
    for kind, duties in sorted(found.unrecorded.items()):
        one = catalogue()[kind]
        names = [one.duties[key].name for key in duties]
        listed = Text(zh="、".join(name.zh for name in names), en=", ".join(name.en for name in names))
        notes.append(PHRASES["note_no_record"].filled(kind=one.name, count=max(duties.values()), duties=listed))
    if unknown := sum(asset.id not in assessments for asset in assets):
        notes.append(PHRASES["note_unassessed"].filled(count=unknown))
    limit = service_day - timedelta(days=policy.old_after_days)
    old = [one.as_of.date() for one in assessments.values() if one.as_of.date() < limit]
    if old:
        notes.append(PHRASES["note_old"].filled(count=len(old), days=policy.old_after_days, oldest=min(old)))
    return notes
