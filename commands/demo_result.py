"""What a demo run found: assessed, planned, judged against the truth, and summed up for people and scripts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from commands.app.messages import say
from commands.app.output import show_table, tell
from facility.errors import CannotDo
from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, preferred

if TYPE_CHECKING:
    from simulators.simulation import Simulation

HORIZON = timedelta(days=7)
SHOWN = (
    *("published", "stored", "duplicates", "quarantined", "assets", "flagged", "faulty", "hits"),
    *("precision", "recall", "seconds"),
)


def assess_and_plan(
    folder: DataFolder, running: Simulation, timezone: ZoneInfo, as_of: datetime, *, hours: float, people: int
) -> dict[str, Any]:
    """Score the fleet, open alerts, plan the next day, write the list; the figures of it all."""
    from commands.app.papers import named, paper
    from commands.demo_service_day import service_day_before
    from commands.installation import installation
    from commands.planned import planning, shown_progress
    from commands.score import assessments
    from commands.status import picture
    from facility.inspections import Ground
    from models.evaluation.ranking_metrics import evaluate, read_truth
    from serviceday.alerts import evaluate_alerts
    from serviceday.documents.inspection_list import write_list
    from serviceday.planning import Crew, PlanRequest

    with installation(folder.path) as here:
        people_there = Crew(people=people, hours=hours)
        held = service_day_before(here, timezone, as_of, began=running.start, crew=people_there)
        believed = assessments(here, as_of=as_of, horizon=HORIZON, timezone=timezone)
        here.records.assessments.put(believed)
        changes = evaluate_alerts(here.records, here.store, believed, now=as_of, timezone=timezone)
        day = as_of.astimezone(timezone).date() + timedelta(days=1)
        plans, crew = planning(here.records, timezone), people_there
        with shown_progress() as progress:
            inspection_list = plans.make(
                PlanRequest(day=day, crew=crew),
                {assessment.asset: assessment for assessment in believed},
                on_progress=progress,
            )
        inspection_list = plans.keep(inspection_list)
        folder.lists.mkdir(exist_ok=True)
        names, looks = named(here.records), paper()
        files = [
            file
            for language in LANGUAGES
            for form in (".xlsx", ".pdf", ".csv")
            for file in write_list(
                inspection_list,
                folder.lists / f"{day.isoformat()}-{language}{form}",
                language=language,
                paper=looks,
                names=names,
            )
        ]
    truth = folder.truth / "faults.csv"
    judged = evaluate(believed, read_truth(truth), as_of=as_of)
    counts = picture(folder)
    ledger = counts["ledger"]
    return {
        "published": running.published,
        **{
            key: ledger[key]
            for key in (
                "received",
                "journalled",
                "stored",
                "duplicates",
                "late",
                "quarantined",
                "redelivered",
                "messages",
            )
        },
        "adds_up": counts["adds_up"] and ledger["journalled"] == running.published,
        "store": counts["store"],
        "as_of": as_of.astimezone(UTC).isoformat(),
        "service_day": day.isoformat(),
        "assets": judged.assets,
        "flagged": judged.flagged,
        "faulty": judged.faulty,
        "hits": judged.hits,
        "precision": judged.precision,
        "recall": judged.recall,
        "false_flags": judged.false_flags,
        "sensor_faulty": judged.sensor_faulty,
        "sensor_hits": judged.sensor_hits,
        "alerts_opened": len(changes.opened),
        "planned": len(inspection_list.items),
        "left_out": len(inspection_list.left_out),
        "followed_up": sum(item.ground is Ground.FOLLOW_UP for item in inspection_list.items),
        "service_day_before": held,
        "files": [str(file) for file in (*files, truth)],
    }


def show(result: dict[str, Any], file: Path | None) -> None:
    """Print the summary; write it as JSON too, if asked."""
    if file is not None:
        try:
            file.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise CannotDo(
                "{path} cannot be written: {error}", "Choose another place with --json", path=file, error=error
            ) from None
    language = preferred()
    rows = []
    for key in SHOWN:
        value = result[key]
        shown = f"{value:.0%}" if key in ("precision", "recall") else f"{value:,}"
        rows.append((say(f"demo.{key}"), shown))
    show_table(say("demo.summary"), ["", ""], rows, right=[1])
    tell(say("status.adds_up") if result["adds_up"] else say("status.does_not_add_up"))
    held = result["service_day_before"]
    if held:
        tell(say("demo.day_before", **{key: held[key] for key in held if key not in ("refused", "files")}))
    for path in (*result["files"], *(held["files"] if held else ())):
        if f"-{language}." in path:
            tell(f"  {path}")
