"""Rounds as people read them: items with clock times, stops, lunch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time

from facility.inspections import Item, Person, Round, Stop
from serviceday.planning.crew.crew import Place
from serviceday.planning.solver.problem import Problem
from serviceday.planning.solver.route import Route
from serviceday.planning.solver.solution import Rounds


def clock(minutes: int) -> time:
    """The clock time; midnight at the end of a day is its last minute."""
    return time(minutes // 60, minutes % 60) if minutes < 24 * 60 else time(23, 59)


def items_of(problem: Problem, rounds: Rounds) -> list[Item]:
    """Numbered person after person, in walking order. Two-person work stands with the first of the two."""
    items: list[Item] = []
    for route in rounds.routes:
        for place, start in zip(route.items, route.starts, strict=True):
            if rounds.leader[place] == route.person:
                items.append(_item(problem, rounds, place, start, len(items) + 1))
    return items


def _item(problem: Problem, rounds: Rounds, place: int, start: int, number: int) -> Item:
    candidate = problem.candidates[place]
    minutes = int(problem.minutes[place])
    return replace(
        candidate.item,
        number=number,
        minutes=minutes,
        person=rounds.leader[place] + 1,
        second=rounds.second.get(place, -1) + 1,
        start=clock(start),
        end=clock(start + minutes),
        harm=candidate.value if candidate.tier.weighed else 0.0,
        locked=bool(problem.locked[place]),
        out_of_service=bool(problem.out_of_service[place]),
    )


def rounds_of(problem: Problem, rounds: Rounds, items: Sequence[Item]) -> list[Round]:
    """Each person's day with its stops, from the solver's routes."""
    numbers = {item.key: item.number for item in items}
    return [_round(problem, route, numbers) for route in rounds.routes]


def _round(problem: Problem, route: Route, numbers: dict[tuple[str, str], int]) -> Round:
    worker = problem.workers[route.person]
    work = sum(int(problem.minutes[item]) for item in route.items)
    lunch = worker.lunch.minutes if worker.lunch and route.lunch >= 0 else 0
    last = route.starts[-1] + int(problem.minutes[route.items[-1]]) + route.way_back if route.items else None
    begin = worker.hours.start
    end = (
        begin if last is None else max(last, route.lunch + lunch if lunch and route.lunch_at == len(route.items) else 0)
    )
    return Round(
        person=route.person + 1,
        work_minutes=work,
        travel_minutes=route.travel if route.items else 0,
        name=worker.name,
        start=clock(begin),
        end=clock(end),
        start_place=place_words(worker.start),
        lunch_start=clock(route.lunch) if lunch else None,
        lunch_end=clock(route.lunch + lunch) if lunch else None,
        wait_minutes=max(0, end - begin - work - (route.travel if route.items else 0) - lunch) if route.items else 0,
        stops=tuple(_stops(problem, route, numbers)),
    )


def _stops(problem: Problem, route: Route, numbers: dict[tuple[str, str], int]) -> list[Stop]:
    stops: list[Stop] = []
    here, before = problem.first[route.person], -1
    for one, start in zip(route.items, route.starts, strict=True):
        place = int(problem.place[one])
        item = problem.candidates[one].item
        way = int(problem.travel[here, place])
        stop = int(problem.stop[one])
        end = clock(start + int(problem.minutes[one]))
        if stops and stop == before:
            stops[-1] = replace(stops[-1], departure=end, items=(*stops[-1].items, numbers[item.key]))
        else:
            stops.append(
                Stop(
                    site=item.site,
                    building=item.building,
                    arrival=clock(start),
                    departure=end,
                    travel_minutes=way,
                    items=(numbers[item.key],),
                )
            )
        here, before = place, stop
    return stops


def persons_of(problem: Problem, day: date) -> list[Person]:
    """The people of a problem as the list names them."""
    return [
        Person(
            number=number,
            id=worker.id,
            name=worker.name,
            qualifications=worker.valid(day),
            contractor=worker.contractor,
        )
        for number, worker in enumerate(problem.workers, start=1)
    ]


def place_words(place: Place | None) -> str:
    """Where somebody sets out, in words; "" where it is the first stop."""
    if place is None:
        return ""
    return place.name or "-".join(part for part in (place.site, place.building) if part and part != "default")
