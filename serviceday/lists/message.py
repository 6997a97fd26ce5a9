"""The day as a message for the crew's chat group: short lines, no markup, nothing that a chat program would eat."""

from __future__ import annotations

from facility.inspections import InspectionList
from facility.language import Language
from serviceday.lists import overview
from serviceday.lists.calendars import visits
from serviceday.lists.cleaning import clean
from serviceday.lists.paper import NO_NAMES, NO_PAPER, PHRASES, Names, Paper


def as_message(plan: InspectionList, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES) -> bytes:
    """Plain UTF-8 text: what breaks the law first, then each person's stops, then what was left out, as a number."""
    lines = [PHRASES["title"][language], overview.subtitle(plan, language), ""]
    found = overview.first_breaches(plan, language, names, most=6)
    if found:
        lines += [PHRASES.say("breaches_title", language, count=len(plan.breaches)), *(f"! {one}" for one in found), ""]
    for day in overview.days(plan, language):
        lines.append(" ".join(filter(None, (f"[{day.name}]", day.hours, day.start, day.lunch))))
        for visit in visits(day.items):
            where = names.whereabouts(visit.site, visit.building)
            assets = ", ".join(dict.fromkeys(item.asset for item in visit.items))
            count = PHRASES.say("calendar_summary", language, place=where or "-", items=len(visit.items))
            lines.append(" ".join(filter(None, (overview.between(visit.start, visit.end), count))) + f": {assets}")
        lines.append("")
    if not plan.items:
        lines += [PHRASES["nothing_to_do"][language], ""]
    lines.append(PHRASES.say("message_left_out", language, count=len(plan.left_out)))
    return (clean("\n".join(lines)) + "\n").encode()
