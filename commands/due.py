"""`due`: what the law and good practice ask for by a date, the longest overdue first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import show_json, show_table, tell
from facility.i18n.phrases import preferred


def due(
    until: Annotated[str, typer.Option("--until", help=say("due.until"), metavar="DATE")] = "",
    data: options.Data = options.DATA,
    kind: options.Kind = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """What the law and good practice ask for by a date, the longest overdue first."""
    from commands.app.papers import named
    from commands.installation import recorded, registered
    from facility.catalogue.catalogue import catalogue
    from facility.folder import DataFolder
    from facility.standing import in_use
    from serviceday.documents.inspection_list import law_words
    from serviceday.planning import dues

    today = datetime.now(options.zone(timezone)).date()
    last = options.day(until) if until else today + timedelta(days=7)
    with recorded(data) as records:
        assets, places = registered(records, DataFolder(data), kind), named(records)
        spells, last_done = records.trail.spells(), records.duties.last_done()
    found = dues(assets, last_done, until=last, today=today, spells=spells)
    away = len(assets) - len(in_use(assets, spells, today))
    if as_json:
        show_json(
            {
                "until": last,
                "law": {
                    "duties": found.law.duties,
                    "dated": found.law.dated,
                    "undated": found.law.undated,
                    "undated_assets": found.law.undated_assets,
                },
                "not_in_use": away,
                "due": [
                    {
                        "asset": one.asset.id,
                        "site": one.asset.site,
                        "place": one.asset.place,
                        "kind": one.asset.kind,
                        "duty": one.duty.key,
                        "name": {"zh": one.duty.name.zh, "en": one.duty.name.en},
                        "statutory": one.duty.statutory,
                        "qualification": one.duty.qualification,
                        "minutes": one.duty.minutes,
                        "last_done": one.last,
                        "due": one.due,
                        "late_days": max(one.late(today), 0),
                        "source": one.duty.source,
                    }
                    for one in found.due
                ],
                "without_record": [
                    {"kind": class_key, "duty": duty, "assets": count}
                    for (class_key, duty), count in found.unrecorded.items()
                ],
            }
        )
        return
    language = preferred()
    late = sum(one.late(today) > 0 for one in found.due)
    tell(say("due.done", until=last, count=len(found.due), late=late))
    tell(law_words(found.law, language))
    if away:
        tell(say("due.not_in_use", count=away))
    names = ("due.column_due", "due.column_late", "due.column_law", "column.place", "column.asset", "column.work")
    if found.due:
        show_table(
            say("due.title"),
            [*(say(name) for name in names), say("column.minutes")],
            [
                (
                    one.due,
                    max(one.late(today), 0) or "",
                    say("due.law") if one.duty.statutory else "",
                    places.place(one.asset),
                    one.asset.id,
                    one.duty.name[language],
                    one.duty.minutes,
                )
                for one in found.due
            ],
            right=[1, 6],
        )
    for (class_key, duty), count in found.unrecorded.items():
        equipment_class = catalogue()[class_key]
        tell(
            say(
                "due.unrecorded",
                kind=equipment_class.name[language],
                duty=equipment_class.duties[duty].name[language],
                count=count,
            )
        )
