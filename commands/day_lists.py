"""Kept lists, and the moments of a day, as the commands of a service day need them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from commands.app import options
from facility.errors import CannotDo, CannotParse

if TYPE_CHECKING:
    from facility.inspections import InspectionList
    from facility.records import Records
    from facility.service_days import ServiceDay
    from serviceday.execution.results import Results


def plan_of(records: Records, number: int) -> InspectionList:
    """A kept list. Raises `CannotDo` where there is none of that number."""
    plan = records.plans.get(number)
    if plan is None:
        raise CannotDo("plan {number} is not on record", "See `serviceday plan list`", number=number)
    return plan


def carried_out(records: Records, day: date, about: ServiceDay | None) -> InspectionList | None:
    """The list of a day: the one its service day names, else the one that was answered, else the newest."""
    from serviceday.brief.facts import list_of

    return list_of(records, day, about)


def answers(records: Records, plan_list: InspectionList, data: Path, timezone: str) -> Results:
    """The results of a list, judged by the installation's own grades. Raises `CannotParse` where those are wrong."""
    from facility.folder import DataFolder
    from serviceday.execution.grades import read_grades
    from serviceday.execution.results import Results

    grades = read_grades(DataFolder(data).path / "grades.toml")
    return Results(records, plan_list, now=datetime.now(UTC), timezone=options.zone(timezone), grades=grades)


def local_moment(words: str, timezone: str) -> datetime:
    """A moment as people write it at the place, in UTC."""
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise CannotParse("{words!r} is not a time", "Write it as 2026-03-31T14:05", words=words) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=options.zone(timezone))).astimezone(UTC)
