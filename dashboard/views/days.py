"""Service days: how they stand beside each other, and the briefs that were published, with their corrections."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import markup, reach, sources
from dashboard.visit import Visit
from facility.folder import DataFolder
from facility.i18n.phrases import Language
from serviceday.brief import decoded
from serviceday.brief.comparison import comparison
from serviceday.brief.comparison_forms import drawings, in_words
from serviceday.brief.publishing import spoken
from serviceday.brief.writer import as_form
from serviceday.documents.branding import Paper
from serviceday.documents.fonts import typefaces
from serviceday.execution.phone.photos import PhotoFolder

if TYPE_CHECKING:
    from serviceday.brief.comparison_forms import ComparedWords

_FORMS = {"html": "text/html", "pdf": "application/pdf"}  # of a brief, and their media types
_LAST = 12


def show(visit: Visit) -> None:
    """The page of service days. What is counted over all sites is for those who see all sites."""
    st.subheader(visit.say("page_days"), anchor=False)
    if not reach.assets(visit):
        st.html(markup.empty(visit.say("no_assets"), visit.say("no_assets_do")))
        return
    if not reach.everything(visit):
        st.html(markup.empty(visit.say("days_of_all"), visit.say("days_of_all_do")))
        return
    words, charts = _compared(visit.folder, visit.timezone.key, visit.language)
    if not words.rows:
        st.html(markup.empty(visit.say("no_days"), visit.say("no_days_do")))
        return
    st.html(markup.quiet(words.subtitle))
    days = [row[0] for row in words.rows]
    rows = [(head, *(row[place] for row in words.rows)) for place, head in enumerate(words.heads) if place]
    st.html(markup.wide(markup.table([words.heads[0], *days], rows)))
    if words.recall:
        st.html(markup.sentence(words.recall))
    st.html(markup.charts([(chart.words, drawing) for chart, drawing in zip(words.charts, charts, strict=False)]))
    if words.missing:
        with st.expander(visit.say("days_missing", n=len(words.missing)), icon=":material/info:"):
            st.html(markup.bullets(words.missing))
    _briefs(visit)


@st.cache_resource(ttl=30, show_spinner=False, max_entries=16)
def _compared(folder: Path, zone: str, language: Language) -> tuple[ComparedWords, list[bytes]]:
    timezone, now = ZoneInfo(zone), datetime.now(UTC)
    compared = comparison(sources.records(folder), now=now, timezone=timezone, last=_LAST)
    words = in_words(compared, language, now=now, timezone=timezone)
    return words, drawings(words, language, typefaces(Paper.of(os.environ).font))


def _briefs(visit: Visit) -> None:
    kept = sources.records(visit.folder).service_days
    published = [about.day for about in kept.all() if kept.published(about.day) is not None][:_LAST]
    st.html(markup.sentence(visit.say("briefs_published" if published else "briefs_none")))
    for day in published:
        _brief(visit, day)


def _brief(visit: Visit, day: date) -> None:
    """A published brief with what corrected it, and its files."""
    editions = sources.records(visit.folder).service_days.editions(day)
    content = decoded(editions[-1].body)
    with st.container(border=True):
        words, *boxes = st.columns([4, 1, 1], vertical_alignment="center")
        first = visit.say("brief_published", day=day, when=visit.exact(editions[0].at), who=editions[0].who or "–")
        words.html(markup.sentence(first))
        for box, (form, kind) in zip(boxes, _FORMS.items(), strict=True):
            box.download_button(
                visit.say(f"brief_{form}"),
                data=partial(_file, visit, day, f".{form}"),
                file_name=f"brief-{day}-{visit.language}.{form}",
                mime=kind,
                icon=":material/download:",
                on_click="ignore",
                width="stretch",
                key=f"brief-{day}-{form}",
            )
        for correction in content.corrections:
            st.html(
                markup.sentence(
                    visit.say(
                        "brief_corrected",
                        number=correction.number,
                        when=visit.exact(correction.at),
                        who=correction.who,
                        why=correction.why,
                    )
                )
            )
            st.html(markup.bullets(spoken(change)[visit.language] for change in correction.changes))


def _file(visit: Visit, day: date, ending: str) -> bytes:
    """The brief that stands for a day, written when it is asked for, by the rights of that moment."""
    renewed = reach.renewed(visit)
    kept = sources.records(renewed.folder).service_days.published(day)
    if kept is None or not reach.everything(renewed):
        return b""
    photos = PhotoFolder(DataFolder(renewed.folder).photos)
    return as_form(decoded(kept.body), ending, language=renewed.language, paper=Paper.of(os.environ), photos=photos)
