"""`duty show`: one duty of the catalogue with its source and its items, one by one."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import show_json, show_table, tell
from facility.errors import CannotConvert
from facility.i18n.phrases import preferred


def show(
    kind: Annotated[str, typer.Argument(help=say("duty.show_class"), metavar="CLASS")],
    duty: Annotated[str, typer.Argument(help=say("duty.duty"), metavar="DUTY")],
    data: options.Data = options.DATA,
    as_json: options.Json = False,
) -> None:
    """Show a duty: its source, how far it was read, who may do it, its items."""
    from facility.catalogue.catalogue import catalogue, law_set
    from facility.catalogue.duties import checklist, clause_words, visit_minutes
    from facility.catalogue.qualifications import qualification
    from serviceday.documents.checklists import answer_words, duty_lines
    from serviceday.execution import duty_named

    key = next(
        (one.key for one in catalogue().values() if kind in (one.key, one.name.zh, one.name.en, *one.also)), kind
    )
    about = catalogue().kind(key)
    meant = duty_named(key, duty)
    if meant is None:
        raise CannotConvert("no duty {duty!r}", "Known: {known}", duty=duty, known=list(about.duties))
    language, minutes = preferred(), visit_minutes(about.duties, meant.key)
    if as_json:
        items = [_plain(each.key, item) for each, item in checklist(about.duties, [meant.key])]
        show_json(
            {
                "class": key,
                "duty": meant.key,
                "name": _words(meant.name),
                "law": law_set(),
                "statutory": meant.statutory,
                "standard": meant.standard,
                "edition": meant.edition,
                "clause": meant.clause,
                "verified": meant.verified.value,
                "read": _words(meant.read),
                "interval": str(meant.interval),
                "ages": None if meant.ages is None else {"older_than": meant.ages[0], "interval": str(meant.ages[1])},
                "grace_days": meant.grace,
                "qualification": [meant.qualification, *meant.or_qualified],
                "people": meant.people,
                "out_of_service": meant.out_of_service,
                "kept_daily": meant.routine,
                "includes": meant.includes,
                "minutes": minutes,
                "passes": _words(meant.passes),
                "items": items,
            }
        )
        return
    lines = duty_lines(meant)
    tell(f"{about.name[language]}  {meant.name[language]}  ({meant.key})")
    tell(
        say(
            "duty.show_source",
            source=clause_words(meant.source)[language],
            verified=say(f"duty.verified_{meant.verified.value}"),
        )
    )
    if meant.read is not None:
        tell(say("duty.show_read", read=meant.read[language]))
    ground = say("duty.show_law") if meant.statutory else say("duty.show_practice")
    who = " / ".join(qualification(each)[language] for each in (meant.qualification, *meant.or_qualified))
    every = meant.interval.every[language]
    tell(say("duty.show_how", ground=ground, every=every, who=who, minutes=minutes, people=meant.people))
    if not lines:
        tell(say("duty.show_no_items"))
        return
    names = ("number", "item", "passes", "band", "answer", "channel")
    show_table(
        say("duty.show_title", count=len(lines)),
        [say(f"duty.show_column_{name}") for name in names],
        [
            (
                line.number,
                line.what[language],
                line.passes[language],
                line.band[language],
                answer_words(line)[language],
                line.channel[language],
            )
            for line in lines
        ],
    )


def _words(words: Any) -> dict[str, str] | None:
    return None if words is None else {"zh": words.zh, "en": words.en}


def _plain(duty: str, item: Any) -> dict[str, object]:
    return {
        "duty": duty,
        "number": item.number,
        "what": _words(item.what),
        "passes": _words(item.passes),
        "answer": item.answer.value,
        "unit": item.unit,
        "low": item.low if math.isfinite(item.low) else None,
        "high": item.high if math.isfinite(item.high) else None,
        "channel": item.channel,
        "clause": item.clause,
        "note": _words(item.note),
    }
