"""The list as PDF: an overview with the breaches first, then a section for each person, then what was left out."""

from __future__ import annotations

from facility.catalogue.qualifications import qualification
from facility.i18n.phrases import Language
from facility.inspections import InspectionList, Item
from serviceday.documents.branding import NO_NAMES, NO_PAPER, PHRASES, Names, Paper, who
from serviceday.documents.fonts import typefaces
from serviceday.documents.inspection_list import summary
from serviceday.documents.inspection_list.columns import RESULTS, left_out_columns, row
from serviceday.documents.inspection_list.law import assurance, law_words, reassures
from serviceday.documents.inspection_list.leaving import groups
from serviceday.documents.qr import as_svg, check, payload
from serviceday.documents.typesetting import AS_IS, as_pdf

_WORDS = (
    "title", "page_of", "people_title", "goals_title", "gains_title", "summary_notes", "signed_by",
    "verified_by", "signed_at", "remarks", "left_out_title", "left_out_none", "nothing_to_do", "column_number",
    "column_code", "column_place", "column_what", "column_passes", "column_reason", "column_priority", "column_minutes",
    "column_result", "column_measured", "column_photo", "column_signature", "column_verifier", "column_asset",
    "site_heading", "left_out_work", "left_out_count", "left_out_assets",
    "person_column_name", "person_column_qualifications", "person_column_from", "person_column_hours",
    "person_column_items", "person_column_work", "person_column_travel", *RESULTS,
)  # fmt: skip


def list_pdf(plan: InspectionList, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES) -> bytes:
    """The whole list. Raises `CannotDo` where no font has the glyphs."""
    return as_pdf(
        "list.typ", list_data(plan, language, paper, names), language=language, faces=typefaces(paper.font),
        created=plan.created_at, tagged=False,
    )  # fmt: skip


def list_data(plan: InspectionList, language: Language, paper: Paper, names: Names) -> dict[str, object]:
    """What the template shows, in words."""
    names = names.over(plan)
    link, columns = check(paper.asset_url), left_out_columns(names)
    payloads = dict.fromkeys(payload(item, link) for item in plan.items)
    codes = {words: place for place, words in enumerate(payloads)}
    days = summary.days(plan, language)
    number = (
        PHRASES.say("plan_number", language, number=plan.number) if plan.number else PHRASES["plan_not_kept"][language]
    )
    stamp = PHRASES.say("made_at", language, moment=summary.made_at(plan))
    zone = PHRASES.say("clock_zone", language, zone=plan.timezone) if plan.timezone else ""
    return {
        "words": {key: PHRASES[key][language] for key in _WORDS},
        "company": paper.company,
        "subtitle": summary.subtitle(plan, language),
        "footer": " · ".join(filter(None, (PHRASES["title"][language], str(plan.service_day), number, stamp, zone))),
        "breaches": summary.first_breaches(plan, language, names),
        "breaches_title": PHRASES.say("breaches_title", language, count=len(plan.breaches)),
        "law": law_words(plan.law, language) if plan.breaches else assurance(plan, language),
        "reassures": reassures(plan),
        "people": [
            [day.name, day.qualifications, day.start, day.hours, str(len(day.items)), str(day.work), str(day.travel)]
            for day in days
        ],
        "facts": [list(map(str, line)) for line in summary.summary(plan, language)],
        "days": [
            {
                "title": f"{day.number}  {day.name}",
                "line": PHRASES.say(
                    "person_line", language, day=plan.service_day, hours=day.hours, items=len(day.items),
                    work=day.work, travel=day.travel,
                ),
                "more": " · ".join(
                    filter(None, (day.qualifications, day.start, day.lunch, _sites(day, language, names)))
                ),
                "items": [
                    _line(plan, item, day.number, language, codes[payload(item, link)], names) for item in day.items
                ],
            }
            for day in days
        ],
        "left_out": {
            "titles": [column.title(language) for column in columns],
            "rows": [
                {"breach": item.breach, "cells": [str(cell or "") for cell in row(columns, item, language)]}
                for item in plan.breaches
            ],
            "groups": [
                {
                    "title": PHRASES.say("left_out_group", language, reason=group.reason, count=group.count),
                    "works": [[work.what, str(work.count), work.assets] for work in group.works],
                }
                for group in groups(plan, language, names)
            ],
            "whole": PHRASES.say("left_out_whole", language, count=len(plan.left_out)),
        },
        AS_IS: [as_svg(words) for words in codes],
    }  # fmt: skip


def _sites(day: summary.Day, language: Language, names: Names) -> str:
    """Which sites a day goes to, where there are several."""
    sites = dict.fromkeys(names.site(item.site) for item in day.items) if names.several else {}
    return (
        PHRASES.say("sites_of_day", language, sites=("、" if language == "zh" else ", ").join(sites)) if sites else ""
    )


def _line(
    plan: InspectionList, item: Item, person: int, language: Language, code: int, names: Names
) -> dict[str, object]:
    others = [who(plan, number, language) for number in item.people if number != person]
    remarks = [PHRASES.say("together_with", language, name=name) for name in others]
    if item.out_of_service:
        remarks.append(PHRASES["needs_shutdown"][language])
    return {
        "number": str(item.number),
        "time": summary.clock(item.start),
        "code": code,  # its place among the drawings
        "place": names.place(item),
        "asset": item.asset,
        "stop": [item.site, item.building],
        "site": names.site(item.site) if names.several else "",
        "what": item.what[language],
        "method": item.method[language],
        "passes": item.passes[language],
        "qualification": PHRASES.say(
            "needs_qualification", language, name=qualification(item.qualification)[language]
        ) if item.qualification else "",
        "remarks": " · ".join(remarks),
        "ground": PHRASES[f"ground_{item.ground}"][language],
        "reason": item.reason[language],
        "priority": item.priority.value,
        "priority_word": PHRASES[f"priority_{item.priority}"][language],
        "minutes": PHRASES.say("minutes_short", language, minutes=item.minutes),
        "due": str(min(item.due or plan.service_day, plan.service_day)),
    }  # fmt: skip
