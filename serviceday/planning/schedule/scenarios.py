"""Scenarios beside a plan: `people+1`, `hours-0.5`, `without=zhang`, `add=低压电工`; several by commas."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from facility.catalogue.qualifications import QUALIFICATIONS
from facility.errors import CannotParse
from facility.i18n.messages import Sentence
from serviceday.planning.crew.crew import DAY_MINUTES, Crew, Span, Validity, Worker

_STEP = re.compile(r"^(people|hours)([+-])(\d+(?:\.\d+)?)$")
_DO = Sentence("Write for example people+1, hours-0.5, without=zhang or add=低压电工")


def changed(crew: Crew, words: str, service_day: date) -> Crew:
    """The crew as a scenario has it. Raises `CannotParse` for one that is not understood."""
    for part in (word.strip() for word in words.split(",")):
        crew = _one(crew, part, service_day)
    return crew


def _one(crew: Crew, part: str, day: date) -> Crew:
    if step := _STEP.match(part):
        amount = float(step[3]) * (1 if step[2] == "+" else -1)
        return _people(crew, amount, part, day) if step[1] == "people" else _hours(crew, amount, part)
    key, equals, value = part.partition("=")
    if key == "without" and equals:
        if not any(worker.id == value or worker.name == value for worker in crew.workers):
            names = [worker.id for worker in crew.workers] or Sentence("nobody by name")
            raise CannotParse(
                "what-if {part!r}: nobody called {value!r}", "The crew: {known}", part=part, value=value, known=names
            )
        return replace(crew, workers=tuple(worker for worker in crew.workers if value not in (worker.id, worker.name)))
    if key == "add" and equals:
        english = {text.en.lower(): key for key, text in QUALIFICATIONS.items()}
        found = english.get(value.lower(), value)
        if found not in QUALIFICATIONS:
            raise CannotParse(
                "what-if {part!r}: no qualification {value!r}",
                "Known: {known}",
                part=part,
                value=value,
                known=list(QUALIFICATIONS),
            )
        return _with(crew, {found: Validity()}, part, day)
    raise CannotParse("what-if {part!r} is not understood", _DO, part=part)


def _people(crew: Crew, amount: float, part: str, day: date) -> Crew:
    if amount != int(amount):
        raise CannotParse("what-if {part!r}: people come whole", _DO, part=part)
    if not crew.named:
        return replace(crew, people=crew.people + int(amount))
    if amount < 0:
        return replace(crew, workers=crew.workers[: int(amount)])
    for _ in range(int(amount)):
        everything = {key: Validity() for key in QUALIFICATIONS}
        crew = _with(crew, everything, part, day)
    return crew


def _with(crew: Crew, qualifications: dict[str, Validity], part: str, day: date) -> Crew:
    workers = crew.workers if crew.named else crew.on(day)
    example = workers[0] if workers else Worker(id="")
    worker = replace(
        example,
        id=f"+{len(workers) + 1}",
        name=f"+{len(workers) + 1}",
        qualifications=qualifications,
        all_round=False,
        kinds=frozenset(),
        off=frozenset(),
        contractor="",
    )
    return replace(crew, workers=(*workers, worker), named=True)


def _hours(crew: Crew, amount: float, part: str) -> Crew:
    if not crew.named:
        return replace(crew, hours=crew.hours + amount)
    minutes = round(60 * amount)
    ends = [min(worker.hours.end + minutes, DAY_MINUTES) for worker in crew.workers]
    if any(end <= worker.hours.start for end, worker in zip(ends, crew.workers, strict=True)):
        raise CannotParse("what-if {part!r}: the day would end before it begins", _DO, part=part)
    workers = []
    for one, end in zip(crew.workers, ends, strict=True):
        lunch = one.lunch if one.lunch and one.lunch.within.end <= end else None
        workers.append(replace(one, hours=Span(one.hours.start, end), lunch=lunch))
    return replace(crew, workers=tuple(workers))
