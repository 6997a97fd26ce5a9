"""What a file of rules may mean, and probably does not: told when it is checked, refused never."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from facility.i18n.messages import Sentence
from serviceday.notification.rules import Rules
from serviceday.notification.schema import Match

_AHEAD = timedelta(days=28)


def advice(rules: Rules, now: datetime) -> Iterator[Sentence]:
    """Holes that the file leaves."""
    settings = rules.settings
    if not any(route.match == Match() for route in rules.routes):
        if settings.fallback:
            yield Sentence("no route takes every alert; what none takes goes to {targets}", targets=settings.fallback)
        else:
            yield Sentence("no route takes every alert, and there is no fallback: what none takes is told to nobody")
    if rules.timetables and not settings.fallback:
        yield Sentence("there is no fallback: where a roster has nobody, nobody is told")
    if len(rules.channels) == 1:
        yield Sentence("there is one channel: if it is dead, nobody is told of it but by `serviceday status`")
    for person in rules.people.values():
        if len(person.address) == 1 and len(rules.channels) > 1:
            yield Sentence(
                "{name} is reached by one channel only: {channel}", name=person.name, channel=next(iter(person.address))
            )
    for name, timetable in rules.timetables.items():
        for period in timetable.periods(now, now + _AHEAD):
            if not period.person:
                begins, ends = (
                    f"{each.astimezone(timetable.zone):%m-%d %H:%M}" for each in (period.begins, period.ends)
                )
                yield Sentence(
                    "nobody has roster {name!r} from {begins} to {ends}", name=name, begins=begins, ends=ends
                )
