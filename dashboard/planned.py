"""Inspection lists as `serviceday` makes them, from what the records hold now; and their files."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import streamlit as st

from dashboard import sources
from facility.inspections import InspectionList
from facility.language import Language
from serviceday.planning import Crew, plan


@st.cache_resource(ttl=30, show_spinner=False, max_entries=32)
def inspection_list(folder: Path, day: date, hours: float, people: int) -> InspectionList:
    """The list for a day and a crew; the same for half a minute."""
    records = sources.records(folder)
    return plan(
        sources.assets(folder),
        sources.assessments(folder),
        sources.duties_done(folder),
        service_day=day,
        now=datetime.now(UTC),
        crew=Crew(people=people, hours=hours),
        buildings=records.estate.buildings(),
    )


def file(folder: Path, made: InspectionList, ending: str, language: Language) -> bytes:
    """The list as a file of an ending such as `.pdf`, as the operator's papers look. `CannotDo` without a font."""
    from serviceday.lists import Names, Paper, content

    estate = sources.records(folder).estate
    names = Names.of(estate.sites(), estate.buildings())
    return content(made, ending, language=language, paper=Paper.of(os.environ), names=names)
