"""Findings: what was found to be wrong and how far it is put right, with the photos that show it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from dashboard import markup, palette, places, query, reach, sources
from dashboard.initials import initials
from dashboard.views import finding_actions
from dashboard.visit import Visit
from facility.catalogue.catalogue import catalogue
from facility.deficiencies import Deficiency, Move
from facility.folder import DataFolder
from serviceday.execution.evidence import PictureBook, evidence_of
from serviceday.execution.grades import Grades, read_grades
from serviceday.execution.phone.photos import PhotoFolder

_COLUMNS = ("number", "grade", "place", "asset", "what", "state", "deadline", "person")
_WHICH = ("open", "overdue", "closed")


def show(visit: Visit) -> None:
    """The page of findings: a table, and the chosen one with its photos and its trail."""
    st.subheader(visit.say("page_findings"), anchor=False)
    if not reach.assets(visit):
        st.html(markup.empty(visit.say("no_assets"), visit.say("no_assets_do")))
        return
    every = reach.deficiencies(visit)
    ever = bool(every)
    today = visit.now.astimezone(visit.timezone).date()
    which = query.segments(
        visit.say("findings_which"), "show", _WHICH, "open", lambda key: visit.say(f"findings_{key}")
    )
    with st.container(key="filters"):
        every = _narrowed(visit, every)
    _counts(visit, every, today)
    chosen = [entry for entry in every if _belongs(entry, which, today)]
    chosen.sort(key=lambda entry: (entry.deadline or date.max, entry.id), reverse=which == "closed")
    if not chosen:
        words = "no_findings_ever" if not ever else f"no_findings_{which}"
        st.html(markup.empty(visit.say(words), visit.say("no_findings_do")))
        return
    grades = read_grades(DataFolder(visit.folder).path / "grades.toml")
    _detail(visit, _table(visit, chosen, grades, today), grades)


def _narrowed(visit: Visit, every: Sequence[Deficiency]) -> Sequence[Deficiency]:
    """The findings of the site, of whoever puts them right, and with the words, that the address names."""
    site_box, person_box, words_box = st.columns([2, 2, 3], gap="small")
    sites = sorted({entry.site for entry in every})
    persons = sorted({entry.person for entry in every if entry.person})
    with site_box:
        words = {"": visit.say("all_sites"), **{key: places.names(visit).site(key) or key for key in sites}}
        site = query.selection(visit.say("site"), "site", list(words), "", words.__getitem__)
    with person_box:
        words = {"": visit.say("all_persons"), **{name: name for name in persons}}
        person = query.selection(visit.say("finding_person"), "person", list(words), "", words.__getitem__)
    with words_box:
        asked = query.words(visit.say("search"), "find").casefold()
    return [
        entry
        for entry in every
        if site in ("", entry.site) and person in ("", entry.person) and asked in _spoken(visit, entry)
    ]


def _spoken(visit: Visit, entry: Deficiency) -> str:
    place = _place(visit, entry)
    said = (entry.number, entry.asset, place, entry.place, entry.description.zh, entry.description.en, initials(place))
    return " ".join(said).casefold()


def _belongs(deficiency: Deficiency, which: str, today: date) -> bool:
    if which == "overdue":
        return deficiency.overdue(today)
    return deficiency.state.open == (which == "open")


def _counts(visit: Visit, every: Sequence[Deficiency], today: date) -> None:
    still = sum(entry.state.open for entry in every)
    overdue = sum(entry.overdue(today) for entry in every)
    rectified = sum(entry.rectified for entry in every)
    colour = palette.PRIORITIES["urgent"] if overdue else palette.QUIET
    st.html(
        markup.tiles(
            [
                (str(still), visit.say("findings_open"), palette.LINE),
                (str(overdue), visit.say("findings_overdue"), colour),
                (str(rectified), visit.say("findings_rectified"), palette.LINE),
            ]
        )
    )


def _table(visit: Visit, shown: Sequence[Deficiency], grades: Grades, today: date) -> Deficiency:
    """Draw the table; give back the finding that was clicked, else the one that the address names, else the first."""
    numbers = [entry.number for entry in shown]
    asked = st.query_params.get("finding", "")
    place = numbers.index(asked) if asked in numbers else 0
    event: Any = st.dataframe(
        _frame(visit, shown, grades, today),
        hide_index=True,
        height=markup.table_height(len(shown), most=8),
        row_height=markup.ROW,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [place]}},
        key=f"finding-table-{visit.language}-{hash(tuple(numbers))}-{place}",
        column_config={name: st.column_config.TextColumn(visit.say(f"finding_{name}")) for name in _COLUMNS},
    )
    rows = event.selection.rows
    chosen = shown[rows[0] if rows and rows[0] < len(shown) else place]
    if chosen.number != asked and rows:
        st.query_params["finding"] = chosen.number
    return chosen


def _frame(visit: Visit, shown: Sequence[Deficiency], grades: Grades, today: date) -> pl.DataFrame:
    language = visit.language
    rows = [
        (
            entry.number,
            grades.name(entry.grade)[language],
            _place(visit, entry),
            entry.asset,
            entry.description[language],
            _state(visit, entry, today),
            str(entry.deadline or ""),
            " ".join(filter(None, (entry.person, entry.department))),
        )
        for entry in shown
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(_COLUMNS, pl.String), orient="row")


def _place(visit: Visit, deficiency: Deficiency) -> str:
    return places.names(visit).recorded(deficiency.site, deficiency.place)


def _state(visit: Visit, deficiency: Deficiency, today: date) -> str:
    late = visit.say("finding_overdue_mark") if deficiency.overdue(today) else ""
    return f"{visit.say(f'finding_state_{deficiency.state}')}{late}"


def _detail(visit: Visit, deficiency: Deficiency, grades: Grades) -> None:
    language, today = visit.language, visit.now.astimezone(visit.timezone).date()
    kind = catalogue().get(deficiency.kind)
    with st.container(border=True):
        words = f"{deficiency.number} · {grades.name(deficiency.grade)[language]}"
        urgent = deficiency.overdue(today)
        badge = markup.badge(words, palette.PRIORITIES["urgent" if urgent else "medium"])
        st.html(f"{badge} <b>{markup.escaped(deficiency.description[language])}</b>")
        facts, trail = st.columns([5, 4], gap="medium")
        with facts:
            st.html(
                markup.pairs(
                    [
                        (visit.say("finding_state"), _state(visit, deficiency, today)),
                        (visit.say("finding_place"), _place(visit, deficiency)),
                        (
                            visit.say("finding_asset"),
                            " ".join(filter(None, (kind.name[language] if kind else "", deficiency.asset))),
                        ),
                        (visit.say("finding_deadline"), str(deficiency.deadline or "")),
                        (
                            visit.say("finding_person"),
                            " ".join(filter(None, (deficiency.person, deficiency.department))),
                        ),
                        (visit.say("finding_suggestion"), deficiency.suggestion[language]),
                        (
                            visit.say("finding_mender"),
                            " ".join(filter(None, (deficiency.mender, deficiency.measures))),
                        ),
                        (
                            visit.say("finding_verifier"),
                            " ".join(filter(None, (deficiency.verifier, deficiency.verification))),
                        ),
                        (visit.say("finding_repeats"), str(deficiency.repeats or "")),
                    ]
                )
            )
        with trail:
            _trail(visit, deficiency)
        finding_actions.show(visit, deficiency)
        _gallery(visit, deficiency)


def _trail(visit: Visit, deficiency: Deficiency) -> None:
    steps = sources.records(visit.folder).deficiencies.trail(deficiency.id)
    rows = [
        (
            visit.exact(step.at),
            visit.say(f"finding_move_{step.move}"),
            # a repeat's reason is the description in one language, which stands above in the visitor's own
            " · ".join(filter(None, (step.who, "" if step.move is Move.RECURRED else step.why))),
        )
        for step in reversed(steps[-8:])
    ]
    st.html(markup.table([visit.say("when"), visit.say("happened"), visit.say("who")], rows, wraps=2))


def _gallery(visit: Visit, deficiency: Deficiency) -> None:
    shown = evidence_of(sources.records(visit.folder), deficiency.id)
    if not shown:
        st.html(markup.quiet(visit.say("finding_no_photos")))
        return
    folder = PhotoFolder(DataFolder(visit.folder).photos)
    book = PictureBook(folder, visit.timezone, visit.language)
    figures = []
    for entry in shown:
        there = folder.file(entry.photo).is_file()
        words = book.caption(entry) if there else visit.say("finding_photo_gone", caption=book.caption(entry))
        figures.append((f"/photo/{deficiency.id}/{entry.photo.id}" if there else "", words))
    st.html(markup.gallery(figures))
