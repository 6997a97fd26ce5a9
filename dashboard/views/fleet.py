"""The fleet at a glance: how many assets are in which state, where, and which need attention most."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboard import charts, frames, markup, palette, places, query, reach, sources, wording
from dashboard.fleet import fleet_now
from dashboard.visit import Visit
from facility.catalogue.catalogue import catalogue

_GRID_FROM, _GRID_MOST = (
    2,
    12,
)  # columns; with fewer a grid says nothing that the tiles do not, with more none is legible
_RARE = ("never_heard", "not_assessed", "too_little_data", "out_of_use")  # a tile of their own where there are any
_MAPPED = ("asset", "place", "latitude", "longitude", "state")
_COLUMNS = ("rank", "asset", "kind_name", "place", "state", "probability", "reason", "last")


def show(visit: Visit) -> None:
    """The page of all assets: a matrix of classes by building, the ranking, and what the store holds."""
    st.subheader(visit.say("page_fleet"), anchor=False)
    assets = reach.assets(visit)
    if not assets:
        st.html(markup.empty(visit.say("no_assets"), visit.say("no_assets_do")))
        return
    everything = fleet_now(visit)
    st.html(_tiles(visit, everything))
    picture, figures = st.columns([11, 7], gap="medium")
    with picture:
        _picture(visit, everything)
    with figures:
        st.html(_ledger(visit, everything))
    _ranking(visit, everything)


def _tiles(visit: Visit, frame: pl.DataFrame) -> str:
    shown = [(wording.count(frame.height), visit.say("assets"), palette.LINE)]
    for state, number in frames.by_state(frame).items():
        if not number and state in _RARE:
            continue
        shown.append(
            (
                wording.count(number),
                f"{palette.STATE_SIGNS[state]} {visit.say(f'state_{state}')}",
                palette.STATES[state],
            )
        )
    return markup.tiles(shown)


def _picture(visit: Visit, frame: pl.DataFrame) -> None:
    states = {state: visit.say(f"state_{state}") for state in palette.STATES}
    placed = frames.placed(frame)
    abreast, columns = frames.abreast(frame, most=_GRID_MOST, names=places.names(visit))
    if abreast["column"].n_unique() >= _GRID_FROM:
        st.html(markup.quiet(visit.say(f"grid_{columns}", n=_GRID_MOST)))
        st.vega_lite_chart(
            visit.toned(charts.estate_grid(frames.grid(abreast), language=visit.language, states=states)),
            theme=None,
            key="estate-grid",
        )
    elif placed.height:
        worst_last = placed.sort(~pl.col("state").is_in(palette.CALM)).select(_MAPPED)
        drawing = charts.estate_map(worst_last, language=visit.language, states=states)
        st.vega_lite_chart(visit.toned(drawing), theme=None, key="estate-map")
    else:
        st.html(markup.quiet(visit.say("no_buildings")))


def _ledger(visit: Visit, frame: pl.DataFrame) -> str:
    size = sources.size(visit.folder)
    said = reach.assessments(visit)
    as_of = max((assessment.as_of for assessment in said.values()), default=None)
    stale, heard = int(frame["stale"].sum()), int(frame["channels"].sum())
    of_all = [  # the store counts over every site
        (visit.say("readings_kept"), wording.count(size.readings)),
        (visit.say("on_disk"), f"{wording.number(size.bytes / 1e6)} MB · {visit.say('files', n=size.files)}"),
        (visit.say("first_reading"), visit.exact(size.first)),
        (visit.say("last_reading"), visit.both(size.last)),
    ]
    return markup.pairs(
        [
            *(of_all if reach.everything(visit) else ()),
            (visit.say("channels_stale"), visit.say("of_count", n=wording.count(stale), of=wording.count(heard))),
            (visit.say("assessed"), visit.say("of_count", n=len(said), of=frame.height)),
            (visit.say("as_of"), visit.both(as_of)),
        ]
    )


def _ranking(visit: Visit, frame: pl.DataFrame) -> None:
    title, kind_box, state_box, search_box = st.columns([2, 2, 2, 3], vertical_alignment="center")
    title.markdown(f"**{visit.say('ranking')}**")
    known = catalogue()
    with kind_box:
        kind = query.selection(
            visit.say("kind"),
            "kind",
            ["", *sorted(set(frame["kind"]))],
            "",
            lambda one: known[one].name[visit.language] if one in known else one or visit.say("all_kinds"),
        )
    with state_box:
        state = query.selection(
            visit.say("state"),
            "state",
            ["", *palette.STATES],
            "",
            lambda one: visit.say(f"state_{one}") if one else visit.say("all_states"),
        )
    with search_box:
        words = query.words(visit.say("search"), "find")
    shown = frames.matching(frame, kind=kind, state=state, words=words)
    if shown.is_empty():
        st.html(markup.empty(visit.say("nothing_matches"), visit.say("nothing_matches_do")))
        return
    event: Any = st.dataframe(
        _table(visit, shown),
        hide_index=True,
        height=markup.table_height(shown.height, most=12),
        row_height=markup.ROW,
        on_select="rerun",
        selection_mode="single-cell",
        placeholder="–",
        key=f"ranking-{visit.language}",
        column_config=_columns(visit),
        column_order=_COLUMNS,
    )
    st.html(markup.quiet(visit.say("ranking_hint")))
    cells = event.selection.cells
    if cells and cells[0][0] < shown.height:
        st.switch_page(visit.pages["asset"], query_params=visit.link(asset=shown["asset"][cells[0][0]]))


def _table(visit: Visit, frame: pl.DataFrame) -> pl.DataFrame:
    names = {state: f"{palette.STATE_SIGNS[state]} {visit.say(f'state_{state}')}" for state in palette.STATES}
    return frame.with_columns(
        pl.concat_list(pl.col("state").replace_strict(names)).alias("state"),
        (pl.col("probability") * 100).alias("probability"),
        pl.col("last").map_elements(visit.relative, return_dtype=pl.String, skip_nulls=False),
    ).select(_COLUMNS)


def _columns(visit: Visit) -> dict[str, Any]:
    text = st.column_config.TextColumn
    states = [f"{palette.STATE_SIGNS[state]} {visit.say(f'state_{state}')}" for state in palette.STATES]
    return {
        "rank": st.column_config.NumberColumn(visit.say("rank"), width=44),
        "asset": text(visit.say("asset"), width=84),
        "kind_name": text(visit.say("kind"), width=120),
        "place": text(visit.say("place"), width=140),
        "state": st.column_config.MultiselectColumn(
            visit.say("state"), options=states, color=list(palette.STATE_CHIPS.values()), width=128
        ),
        "probability": st.column_config.ProgressColumn(
            visit.say("probability"), format="%.0f%%", min_value=0, max_value=100, width=100
        ),
        "reason": text(visit.say("reason"), width=250),
        "last": text(visit.say("last_reading"), width=96),
    }
