"""`alerts report`: how much is asked of the people who are told, by the figures of the alarm standards."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import show_json, show_table, spare_existing, tell
from facility.errors import CannotDo, CannotParse
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from facility.records import Records
    from serviceday.notification.load import Figures

_MOST = 1_000_000  # messages of a period


def report(
    data: options.Data = options.DATA,
    since: Annotated[str, typer.Option("--since", help=say("alerts.since"), metavar="WHEN")] = "7d",
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("alerts.output"), metavar="FILE")] = None,
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """The alarm report (ISA-18.2, EEMUA 191)."""
    from commands.installation import recorded
    from serviceday.notification import load_page

    if output is not None and output.suffix not in (".html", ".json"):
        raise CannotParse("{file} is neither .html nor .json", "Name it one of them", file=output)
    place, language, now = options.zone(timezone), preferred(), datetime.now(UTC)
    with recorded(data) as records:
        measured = _figures(records, options.moment(since), now)
    parts, heading = load_page.sections(measured, language), load_page.title(measured, language, place)
    if output is not None:
        spare_existing([output], force=force)
        page = load_page.as_html(heading, parts, language)
        document = json.dumps(asdict(measured), ensure_ascii=False, indent=2, default=str) + "\n"
        try:
            output.write_text(page if output.suffix == ".html" else document, encoding="utf-8")
        except OSError as error:
            raise CannotDo("{file} cannot be written: {error}", "Choose another place with -o", file=output,
                           error=error) from None  # fmt: skip
        tell(say("alerts.report_written", file=output))
    if as_json:
        show_json(asdict(measured))
    elif output is None:
        tell(heading)
        for part in parts:
            tell("")
            tell(part.title if part.rows else f"{part.title}: {say('alerts.report_none')}")
            if part.rows:
                show_table("", part.columns, part.rows, right=range(1, len(part.columns)))


def _figures(records: Records, since: datetime, until: datetime) -> Figures:
    from facility.inspections import Finding
    from serviceday.notification.load import figures

    faults: dict[str, list[datetime]] = {}
    for outcome in records.outcomes.all(until=until):
        if outcome.finding is not Finding.NOT_FOUND:
            faults.setdefault(outcome.asset, []).append(outcome.at)
    for deficiency in records.deficiencies.all():
        faults.setdefault(deficiency.asset, []).append(deficiency.opened_at)
    return figures(
        records.alerts.steps_between(since, until),
        {alert.id: alert for alert in records.alerts.all(since=since)},
        records.notifications.log(since=since, most=_MOST),
        sites={asset.id: asset.site for asset in records.estate.assets()},
        faults=faults,
        within=(since, until),
    )
