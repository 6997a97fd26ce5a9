"""Checks a finished list against the rules, as `docs/planning.md` tells them, without anything of the planner's.

What is wrong is returned in words. Nothing here is shared with the search, ways included: a mistake made there is not
made here again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from facility.catalogue.qualifications import same_as
from facility.estate import Asset, Building
from facility.inspections import Directive, Ground, InspectionList, Item, LeftOut, Round
from facility.requests import Request
from serviceday.planning.crew.crew import Crew, Place, Worker
from serviceday.planning.policy import Policy

_NEVER_TRIED = (LeftOut.NOT_RISKY, LeftOut.NOT_DUE, LeftOut.BANNED, LeftOut.FOLLOWED_UP)
_DEFAULT = Policy()


@dataclass(frozen=True, slots=True)
class Given:
    """What a list was made from."""

    crew: Crew
    assets: Sequence[Asset]
    buildings: Sequence[Building] = ()
    requests: Sequence[Request] = ()
    policy: Policy = _DEFAULT

    def places(self) -> dict[str, Asset]:
        by_id = {asset.id: asset for asset in self.assets}
        for request in self.requests:
            at = Asset(
                id=request.id, kind=request.category, site=request.site, building=request.building, floor=request.floor
            )
            by_id.setdefault(request.id, at)
        return by_id


def check(inspection_list: InspectionList, given: Given) -> list[str]:
    """Every rule the list breaks; empty if it can be carried out as it stands."""
    places = given.places()
    workers = given.crew.on(inspection_list.service_day)
    return [
        *_complete(inspection_list),
        *_people(inspection_list, workers, given.crew, places),
        *_days(inspection_list, workers, given, places),
        *_open(inspection_list, given.crew, places),
        *_tools(inspection_list, workers, given.crew, places),
        *_orders(inspection_list, given.crew, places),
        *_out_of_service(inspection_list, given.crew, places),
        *_one_crew(inspection_list),
        *_instructions(inspection_list),
    ]


def _name(item: Item) -> str:
    return f"{item.asset} {item.task}"


def _complete(inspection_list: InspectionList) -> Iterator[str]:
    keys = [item.key for item in (*inspection_list.items, *inspection_list.left_out)]
    if len(keys) != len(set(keys)):
        yield "a candidate stands there twice"
    if [item.number for item in inspection_list.items] != list(range(1, len(inspection_list.items) + 1)):
        yield "items are not numbered from 1"
    flags = [item.breach for item in inspection_list.left_out]
    if flags != sorted(flags, reverse=True):
        yield "breaches do not lead the left-out"
    for item in inspection_list.left_out:
        if item.number or item.people or item.left_out is None or item.left_out_reason is None:
            yield f"{_name(item)} is left out without a reason, or with a person"
        broken_by = inspection_list.service_day + timedelta(days=1)  # the day after, if it stays undone
        owed = item.ground is Ground.STATUTORY and item.breach_from is not None and item.breach_from <= broken_by
        if owed != item.breach or (item.breach and item.breach_from is None):
            yield f"{_name(item)}: breach is {item.breach}, due {item.due}"


def _people(
    inspection_list: InspectionList, workers: Sequence[Worker], crew: Crew, places: Mapping[str, Asset]
) -> Iterator[str]:
    for item in inspection_list.items:
        needs = _needs(crew, item, places)
        if not 1 <= item.person <= len(workers) or not 0 <= item.second <= len(workers):
            yield f"{_name(item)} is done by somebody who does not work that day"
            continue
        if not _may(workers[item.person - 1], item, inspection_list.service_day):
            yield f"{_name(item)}: {workers[item.person - 1].id} is not qualified"
        if needs.people == 2 and (not item.second or item.second == item.person):
            yield f"{_name(item)} takes two people"
        if needs.people == 1 and item.second:
            yield f"{_name(item)} has a second person for nothing"
        if item.second:
            second = workers[item.second - 1]
            if second.kinds and item.kind not in second.kinds:
                yield f"{_name(item)}: {second.id} does not work on {item.kind}"
            if not needs.second_any and not _may(second, item, inspection_list.service_day):
                yield f"{_name(item)}: the second person {second.id} is not qualified"
        if needs.minutes is not None and item.minutes != needs.minutes:
            yield f"{_name(item)} takes {needs.minutes} minutes, not {item.minutes}"


def _may(worker: Worker, item: Item, day: date) -> bool:
    if worker.kinds and item.kind not in worker.kinds:
        return False
    if worker.all_round or not item.qualification:
        return True
    names = {name for each in (item.qualification, *item.or_qualified) for name in same_as(each)}
    validities = [validity for name, validity in worker.qualifications.items() if name in names]
    return any((validity.since or day) <= day <= (validity.until or day) for validity in validities)


@dataclass(slots=True)
class _Needs:
    people: int = 1
    second_any: bool = False
    tools: frozenset[str] = frozenset()
    minutes: int | None = None
    out: bool = False


def _needs(crew: Crew, item: Item, places: Mapping[str, Asset]) -> _Needs:
    needs = _Needs(people=item.hands)
    for rule in crew.work:
        if rule.of.matches(places.get(item.asset), item.task):
            needs.people = max(needs.people, rule.people)
            needs.second_any |= rule.second_any
            needs.tools |= rule.tools
            needs.minutes = rule.minutes if rule.minutes is not None else needs.minutes
            needs.out |= rule.out_of_service is True
    return needs


def _at(moment: time | None) -> int:
    return -1 if moment is None else moment.hour * 60 + moment.minute


def _days(
    inspection_list: InspectionList, workers: Sequence[Worker], given: Given, places: Mapping[str, Asset]
) -> Iterator[str]:
    if len(inspection_list.rounds) != len(workers):
        yield f"{len(inspection_list.rounds)} rounds for {len(workers)} people"
        return
    for worker, round in zip(workers, inspection_list.rounds, strict=True):
        items = sorted(
            (item for item in inspection_list.items if round.person in item.people), key=lambda item: _at(item.start)
        )
        yield from _day(worker, round, items, given, places)


def _day(
    worker: Worker, round: Round, items: Sequence[Item], given: Given, places: Mapping[str, Asset]
) -> Iterator[str]:
    lunch = (_at(round.lunch_start), _at(round.lunch_end))
    if worker.lunch is not None:
        within = worker.lunch.within
        if not within.start <= lunch[0] <= lunch[1] - worker.lunch.minutes <= within.end - worker.lunch.minutes:
            yield f"{worker.id} has no lunch of {worker.lunch.minutes} minutes when it should be"
    now, here = worker.hours.start, None
    eaten = worker.lunch is None
    walked = 0
    for item in items:
        start, end = _at(item.start), _at(item.end)
        place = places[item.asset]
        way = _way(given, place, here) if here is not None else _from_start(given, worker, place)
        walked += way
        if not eaten and lunch[0] < start:
            if lunch[0] < now:
                yield f"{worker.id} is at work when lunch begins"
            now, eaten = lunch[1], True
        if start < now + way:
            yield f"{worker.id} can't be at {_name(item)} at {item.start}: {way} minutes from where the last work ended"
        if end - start != item.minutes:
            yield f"{_name(item)} takes {item.minutes} minutes, planned are {end - start}"
        now, here = end, place
    if not eaten:
        if lunch[0] < now:
            yield f"{worker.id} is at work when lunch begins"
        now = lunch[1]
    back = _from_start(given, worker, here, back=True) if here is not None else 0
    if items and now + back > worker.hours.end:
        yield f"{worker.id} works until {now + back}, later than {worker.hours.end}"
    if round.work_minutes != sum(item.minutes for item in items) or round.travel_minutes != walked + back:
        yield f"{worker.id}: {round.work_minutes} + {round.travel_minutes} minutes are told, {walked + back} are walked"


def _stop(place: Asset) -> tuple[str, str]:
    if place.building or place.latitude is None or place.longitude is None:
        return place.site, place.building
    return place.site, f"{place.latitude:.3f},{place.longitude:.3f}"


def _floor(place: Asset) -> float:
    match = re.search(r"\d+", place.floor)
    below = re.match(r"\s*(?:[Bb]|-|地下|负)", place.floor)
    return 0.0 if match is None else (-1.0 if below else 1.0) * float(match[0])


def _way(given: Given, place: Asset, here: Asset) -> int:
    """Minutes from one asset to another."""
    ways, policy = given.crew.ways, given.policy
    if place.id == here.id:
        return 0
    walk = policy.walk_minutes if ways.walk is None else ways.walk
    if _stop(place) == _stop(here):
        per_floor = policy.floor_minutes if ways.floor is None else ways.floor
        return walk + math.ceil(per_floor * abs(_floor(place) - _floor(here)))
    return walk + _between(given, _stop(here), _point(given, here), _stop(place), _point(given, place))


def _from_start(given: Given, worker: Worker, place: Asset, *, back: bool = False) -> int:
    walk = given.policy.walk_minutes if given.crew.ways.walk is None else given.crew.ways.walk
    if worker.start is None or (back and not worker.returns):
        return 0 if back else walk
    start: Place = worker.start
    point = (start.latitude, start.longitude)
    if point[0] is None:
        building = next((b for b in given.buildings if (b.site, b.id) == (start.site, start.building)), None)
        point = (building.latitude, building.longitude) if building else (None, None)
        if point[0] is None and any(_stop(asset) == (start.site, start.building) for asset in given.assets):
            point = _mean(given, (start.site, start.building))
    if start.building and (start.site, start.building) == _stop(place):
        return 0 if back else walk
    minutes = _between(given, (start.site, start.building), point, _stop(place), _point(given, place))
    return minutes if back else minutes + walk


_Point = tuple[float | None, float | None]


def _point(given: Given, place: Asset) -> _Point:
    for building in given.buildings:
        if (building.site, building.id) == _stop(place) and building.latitude is not None:
            return building.latitude, building.longitude
    return _mean(given, _stop(place))


def _mean(given: Given, stop: tuple[str, str]) -> _Point:
    points = [
        (asset.latitude, asset.longitude)
        for asset in given.assets
        if _stop(asset) == stop and asset.latitude is not None and asset.longitude is not None
    ]
    if not points:
        return None, None
    return sum(point[0] for point in points) / len(points), sum(point[1] for point in points) / len(points)


def _between(given: Given, here: tuple[str, str], a: _Point, there: tuple[str, str], b: _Point) -> int:
    ways, policy = given.crew.ways, given.policy
    if here[1] and (here[1], there[1]) in ways.matrix:
        return math.ceil(ways.matrix[here[1], there[1]])
    if a[0] is None or a[1] is None or b[0] is None or b[1] is None:
        near = policy.between_buildings if ways.buildings is None else ways.buildings
        far = policy.between_sites if ways.sites is None else ways.sites
        return near if here[0] == there[0] else far
    one, two = math.radians(a[0]), math.radians(b[0])
    across = math.radians(b[1] - a[1])
    half = math.sin((two - one) / 2) ** 2 + math.cos(one) * math.cos(two) * math.sin(across / 2) ** 2
    km = 1.3 * 2 * 6371.0 * math.asin(min(1.0, math.sqrt(half)))
    minutes = min(2 + 15 * km, 8 + 2 * min(km, 10) + 0.75 * max(km - 10, 0))
    return math.ceil(round(minutes, 6))


def _open(inspection_list: InspectionList, crew: Crew, places: Mapping[str, Asset]) -> Iterator[str]:
    for item in inspection_list.items:
        start, end = _at(item.start), _at(item.end)
        for rule in crew.windows:
            if rule.weekdays and inspection_list.service_day.weekday() not in rule.weekdays:
                continue
            if not rule.of.matches(places.get(item.asset), item.task):
                continue
            if rule.open and not any(span.start <= start and end <= span.end for span in rule.open):
                yield f"{_name(item)} is planned from {item.start} to {item.end}, when it is not open"
            if any(start < span.end and span.start < end for span in rule.never):
                yield f"{_name(item)} is planned from {item.start} to {item.end}, which is forbidden"


def _tools(
    inspection_list: InspectionList, workers: Sequence[Worker], crew: Crew, places: Mapping[str, Asset]
) -> Iterator[str]:
    for tool in sorted({tool for rule in crew.work for tool in rule.tools}):
        users = {item.person for item in inspection_list.items if tool in _needs(crew, item, places).tools}
        borrowed = [user for user in users if tool not in workers[user - 1].tools]
        if len(borrowed) > crew.tools.get(tool, 0):
            yield f"{tool} is used by {len(borrowed)} people at once, there are {crew.tools.get(tool, 0)}"


def _orders(inspection_list: InspectionList, crew: Crew, places: Mapping[str, Asset]) -> Iterator[str]:
    candidates = [
        *inspection_list.items,
        *(item for item in inspection_list.left_out if item.left_out not in _NEVER_TRIED),
    ]
    for order in crew.orders:
        for then in inspection_list.items:
            if not order.then.matches(places.get(then.asset), then.task):
                continue
            for first in candidates:
                if first.key == then.key or not order.first.matches(places.get(first.asset), first.task):
                    continue
                if not _together(order.within, first, then):
                    continue
                if not first.number:
                    yield f"{_name(then)} is planned without {_name(first)}, which comes before it"
                elif _at(first.end) > _at(then.start):
                    yield f"{_name(then)} begins before {_name(first)} ends"


def _together(within: str, item: Item, two: Item) -> bool:
    if within == "asset":
        return item.asset == two.asset
    if within == "building":
        return (item.site, item.building) == (two.site, two.building)
    return item.site == two.site if within == "site" else True


def _out_of_service(inspection_list: InspectionList, crew: Crew, places: Mapping[str, Asset]) -> Iterator[str]:
    out = [item for item in inspection_list.items if _needs(crew, item, places).out]
    for number, one in enumerate(out):
        for other in out[number + 1 :]:
            same = (one.site, one.building, one.kind) == (other.site, other.building, other.kind)
            if same and _at(one.start) < _at(other.end) and _at(other.start) < _at(one.end):
                yield f"{_name(one)} and {_name(other)} are out of service at the same time"


def _one_crew(inspection_list: InspectionList) -> Iterator[str]:
    """Whoever works at an asset works there alone; the two of a pair are one crew."""
    there: dict[str, list[Item]] = {}
    for item in inspection_list.items:
        there.setdefault(item.asset, []).append(item)
    for items in there.values():
        for number, one in enumerate(items):
            for other in items[number + 1 :]:
                if set(one.people) & set(other.people):
                    continue
                if _at(one.start) < _at(other.end) and _at(other.start) < _at(one.end):
                    yield f"{_name(one)} and {_name(other)} are done at the same asset at the same time"
            if set(one.covers) & {other.task for other in items}:
                yield f"{_name(one)} stands there beside work that it covers"


def _instructions(inspection_list: InspectionList) -> Iterator[str]:
    for instruction in inspection_list.asked.instructions:
        about = [
            item
            for item in (*inspection_list.items, *inspection_list.left_out)
            if instruction.asset == item.asset and instruction.task in ("", *item.tasks)
        ]
        for item in about:
            if instruction.directive is Directive.BAN:
                if item.number:
                    yield f"{_name(item)} is on the list, though it was taken off"
            elif item.left_out not in (None, LeftOut.NOT_RISKY, LeftOut.NOT_DUE):
                yield f"{_name(item)} is locked and not on the list"
            elif item.number and instruction.start is not None and instruction.start != item.start:
                yield f"{_name(item)} is pinned to {instruction.start} and begins at {item.start}"
            elif item.number and instruction.person and _id(inspection_list, item.person) != instruction.person:
                yield f"{_name(item)} is pinned to {instruction.person}"


def _id(inspection_list: InspectionList, number: int) -> str:
    return next((person.id for person in inspection_list.persons if person.number == number), str(number))
