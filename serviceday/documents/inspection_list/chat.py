"""The day as a message for the crew's chat group: short lines, no markup, nothing that a chat program would eat."""

from __future__ import annotations

from facility.i18n.phrases import Language
from facility.inspections import InspectionList
from serviceday.documents.branding import NO_NAMES, NO_PAPER, PHRASES, Names, Paper
from serviceday.documents.inspection_list import summary
from serviceday.documents.inspection_list.ics import visits
from serviceday.documents.inspection_list.law import assurance, law_words, reassures
from serviceday.documents.sanitize import clean


def as_message(plan: InspectionList, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES) -> bytes:
    """Plain UTF-8 text: what breaks the law first, then each person's stops, then what was left out, as a number."""
    names = names.over(plan)
    lines = [PHRASES["title"][language], summary.subtitle(plan, language), ""]
    breaches = summary.first_breaches(plan, language, names, most=6)
    if breaches:
        lines += [
            PHRASES.say("breaches_title", language, count=len(plan.breaches)),
            *(f"! {line}" for line in breaches),
        ]
    if not breaches or not reassures(plan):
        lines.append(law_words(plan.law, language) if breaches else assurance(plan, language))
    lines.append("")
    for day in summary.days(plan, language):
        lines.append(" ".join(filter(None, (f"[{day.name}]", day.hours, day.start, day.lunch))))
        for visit in visits(day.items):
            where = names.whereabouts(visit.site, visit.building)
            assets = ", ".join(dict.fromkeys(item.asset for item in visit.items))
            count = PHRASES.say("calendar_summary", language, place=where or "-", items=len(visit.items))
            lines.append(" ".join(filter(None, (summary.between(visit.start, visit.end), count))) + f": {assets}")
        lines.append("")
    if not plan.items:
        lines += [PHRASES["nothing_to_do"][language], ""]
    lines.append(PHRASES.say("message_left_out", language, count=len(plan.left_out)))
    return (clean("\n".join(lines)) + "\n").encode()
