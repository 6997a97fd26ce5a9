"""Inspection lists as `serviceday` makes them, from what the records hold now; and their files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import sources
from facility.i18n.phrases import Language
from facility.inspections import InspectionList
from serviceday.planning import Crew, Planning, PlanRequest, again


@dataclass(frozen=True, slots=True)
class Shown:
    """The list of a day as the page shows it, and the one that is on record."""

    plan: InspectionList  # with its number where it is the one on record
    kept: InspectionList | None

    @property
    def on_record(self) -> bool:
        return self.plan.number > 0


def kept(folder: Path, day: date) -> InspectionList | None:
    """The plan that stands for a day."""
    return sources.records(folder).plans.newest(day)


def inspection_list(folder: Path, day: date, hours: float | None, people: int | None, zone: ZoneInfo) -> Shown:
    """The list for a day: the one that was kept; or, where there is none or other figures are asked for, a new one.

    A new one goes by all that the kept one was asked for (rules of its crew file, goals, what was said by hand) with
    other hours and people, or else for a nameless crew, just as `serviceday plan` does.
    """
    standing = kept(folder, day)
    if standing is not None and (standing.persons or (hours is None and people is None)):
        return Shown(standing, standing)
    number = standing.number if standing else 0
    return Shown(_made(folder, day, hours, people, zone.key, number), standing)


@st.cache_resource(ttl=60, show_spinner=False, max_entries=32)
def _made(folder: Path, day: date, hours: float | None, people: int | None, zone: str, number: int) -> InspectionList:
    records = sources.records(folder)
    standing = records.plans.get(number) if number else None
    if standing is not None:
        request = again(standing, people=people, hours=hours)
    else:
        request = PlanRequest(day=day, crew=Crew(people=people or 1, hours=hours or 8.0))
    plans = Planning(records, now=datetime.now(UTC), timezone=ZoneInfo(zone))
    return plans.make(request, sources.assessments(folder))


def file(folder: Path, made: InspectionList, ending: str, language: Language) -> bytes:
    """The list as a file of an ending such as `.pdf`, as the operator's papers look. `CannotDo` without a font."""
    from serviceday.documents.inspection_list import Paper, content

    return content(made, ending, language=language, paper=Paper.of(os.environ), names=sources.names(folder))
