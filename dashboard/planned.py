"""Inspection lists as `serviceday` makes them, from what the records hold now; and their files."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import sources
from facility.i18n.phrases import Language
from facility.inspections import InspectionList
from serviceday.planning import Crew, Policy, plan
from serviceday.reports import requests

_EFFORT = 300  # attempts: somebody waits for the page


@st.cache_resource(ttl=30, show_spinner=False, max_entries=32)
def inspection_list(folder: Path, day: date, hours: float | None, people: int | None, zone: ZoneInfo) -> InspectionList:
    """The list for a day and a crew; the same for half a minute.

    Where nothing is asked of hours and people, the list that was kept for named people is shown, if there is one.
    """
    records = sources.records(folder)
    kept = records.plans.newest(day)
    if hours is None and people is None and kept is not None and kept.persons:
        return kept
    return plan(
        sources.assets(folder),
        sources.assessments(folder),
        sources.duties_done(folder),
        service_day=day,
        now=datetime.now(UTC),
        crew=Crew(people=people or 1, hours=hours or 8.0),
        policy=Policy(effort=_EFFORT),
        requests=requests(records.reports.all(closed=False), zone),
        buildings=records.estate.buildings(),
    )


def file(folder: Path, made: InspectionList, ending: str, language: Language) -> bytes:
    """The list as a file of an ending such as `.pdf`, as the operator's papers look. `CannotDo` without a font."""
    from serviceday.documents.inspection_list import Names, Paper, content

    estate = sources.records(folder).estate
    names = Names.of(estate.sites(), estate.buildings())
    return content(made, ending, language=language, paper=Paper.of(os.environ), names=names)
