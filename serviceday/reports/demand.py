"""Reports as the planner's demand: what is wrong, where and since when, never who said so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from facility.catalogue.catalogue import catalogue
from facility.reports import Kind, Report
from facility.requests import Request
from serviceday.reports.taxonomy import taxonomy

_WORK = (Kind.PUBLIC_REPAIR, Kind.HOME_REPAIR, Kind.COMPLAINT, Kind.PARKING, Kind.UNCLEAR)
_PLAIN_MINUTES = 30


def requests(reports: Iterable[Report], timezone: tzinfo) -> list[Request]:
    """The reports that ask for work; praise and questions are answered, not planned. Dates are the place's.

    What is a danger to life is wanted the same day, as operators promise it (D).
    """
    return [
        _request(report, timezone) for report in reports if report.merged_into is None and report.category.kind in _WORK
    ]


def _request(report: Report, timezone: tzinfo) -> Request:
    about = taxonomy().subjects.get(report.category.subject)
    place, reported = report.place, report.at.astimezone(timezone).date()
    return Request(
        id=f"R{report.id}",
        text=report.text if place.resolved or not report.said_place else f"{report.text} ({report.said_place})",
        category=report.category.subject,
        site=place.site or "default",
        building=place.building,
        floor=place.floor,
        asset=place.asset,
        reported=reported,
        promised=reported if report.category.urgent else None,
        minutes=about.minutes if about else _PLAIN_MINUTES,
        qualification=about.qualification if about else "",
        count=report.reporters,
        closed=None if report.closed_at is None else report.closed_at.astimezone(timezone).date(),
    )


def equipment(subject: str) -> tuple[str, ...]:
    """The asset classes a report's subject may mean."""
    about = taxonomy().subjects.get(subject)
    return tuple(kind for kind in (about.equipment if about else ()) if kind in catalogue())
