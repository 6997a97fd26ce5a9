"""A report of a resident as lines of a terminal and as JSON show it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from commands.app.messages import say
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from facility.reports import Report
    from serviceday.documents.inspection_list import Names


def plain(report: Report) -> dict[str, object]:
    """A report for scripts, without who made it."""
    return asdict(report) | {"open": report.open, "resolved": report.place.resolved}


def about(report: Report) -> str:
    """Kind and subject as people read them, and whether it is urgent."""
    from serviceday.reports import named

    words = named(report.category)[preferred()]
    return f"{words} ({say('report.urgent')})" if report.category.urgent else words


def where(report: Report, names: Names) -> str:
    """Where it is as far as is known; a question mark before what was only said."""
    place = report.place
    if not place.resolved:
        return f"? {report.said_place}".strip()
    inside = "-".join(filter(None, (place.building, place.unit, place.floor, place.room, place.asset)))
    return " ".join(filter(None, (names.site(place.site) if names.several else "", inside)))


def state(report: Report) -> str:
    """Open, closed, or merged into another."""
    if report.merged_into is not None:
        return say("report.state.merged", into=report.merged_into)
    return say("report.state.open" if report.closed_at is None else "report.state.closed")
