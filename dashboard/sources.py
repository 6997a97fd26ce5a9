"""What the pages read, and how often they really read it.

Connections are opened once a server. Answers are kept for seconds and shared between visitors: they are frozen records
and frames that nobody changes. Readings are only read; the records are written by acknowledging, closing and planning.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import streamlit as st

from facility.alerts import Alert
from facility.assessments import Assessment
from facility.errors import CannotDo, ServicedayError
from facility.estate import Asset
from facility.folder import DataFolder
from facility.records import Records
from facility.standing import Spells
from facility.store import READINGS, Store, StoreSize, open_store
from serviceday.documents.inspection_list import Names

SECONDS = 4.0  # how long an answer serves
RAW_UP_TO = timedelta(days=2)  # a longer window is drawn from hourly summaries

_WINDOW = pl.Schema(
    {"channel": pl.String(), "time": pl.Datetime("us", "UTC")}
    | dict.fromkeys(("value", "low", "high", "last", "increase"), pl.Float64())
)
_EMPTY = pl.DataFrame(pl.from_arrow(READINGS.empty_table()))


@st.cache_resource(show_spinner=False)
def _records(path: str) -> Records:
    return Records(Path(path))


@st.cache_resource(show_spinner=False)
def _store(path: str) -> Store:
    return open_store(Path(path))


def records(folder: Path) -> Records:
    """The records of the data folder. Raises `CannotDo` if nothing has been set up there."""
    here = DataFolder(folder).existing()
    if not here.records.exists():
        raise CannotDo(
            "no records in {folder}",
            "Run `serviceday demo` or `serviceday import assets` with this data folder first",
            folder=folder,
        )
    return _records(str(here.records))


def store(folder: Path) -> Store | None:
    """The readings, or None while there are none yet."""
    readings = DataFolder(folder).readings
    try:
        return _store(str(readings))
    except ServicedayError:
        if any(readings.glob("*")):
            raise
        return None


@st.cache_resource(ttl=SECONDS, show_spinner=False, max_entries=8)
def assets(folder: Path) -> Sequence[Asset]:
    """All registered assets, remembered for a moment."""
    return tuple(records(folder).estate.assets())


@st.cache_resource(ttl=SECONDS, show_spinner=False, max_entries=8)
def names(folder: Path) -> Names:
    """What sites and buildings are called; a place says its site where there are several."""
    estate = records(folder).estate
    return Names.of(estate.sites(), estate.buildings())


@st.cache_resource(ttl=SECONDS, show_spinner=False, max_entries=8)
def assessments(folder: Path) -> dict[str, Assessment]:
    """The newest assessment of each asset, by id, remembered for a moment."""
    return records(folder).assessments.latest()


@st.cache_resource(ttl=SECONDS, show_spinner=False, max_entries=8)
def open_alerts(folder: Path) -> Sequence[Alert]:
    """All open alerts, remembered for a moment."""
    return tuple(records(folder).alerts.open())


@st.cache_resource(ttl=SECONDS, show_spinner=False, max_entries=8)
def latest(folder: Path) -> pl.DataFrame:
    """The newest reading of every channel."""
    here = store(folder)
    return here.latest() if here else _EMPTY


@st.cache_resource(ttl=1.5, show_spinner=False, max_entries=8)
def size(folder: Path) -> StoreSize:
    """How much the store holds, remembered for a moment."""
    here = store(folder)
    return here.size() if here else StoreSize(0, 0, 0, None, None)


@st.cache_resource(ttl=20, show_spinner=False, max_entries=64)
def window(folder: Path, asset: str, start: datetime, end: datetime) -> pl.DataFrame:
    """All channels of one asset from start to end: channel, time, value, low, high, last, increase.

    A short window holds raw readings, and beside them, for every channel, each hour's `increase` with a null value; a
    long one holds hourly summaries alone.
    """
    here = store(folder)
    if here is None:
        return pl.DataFrame(schema=_WINDOW)
    summed = here.rollups(assets=[asset], start=start, end=end)
    hourly = summed.rename({"hour": "time", "mean": "value", "min": "low", "max": "high"}).select(_WINDOW.names())
    if end - start > RAW_UP_TO:
        return hourly
    value = pl.col("value")
    raw = here.read(assets=[asset], start=start, end=end).select(
        "channel",
        "time",
        "value",
        value.alias("low"),
        value.alias("high"),
        value.alias("last"),
        pl.lit(None).alias("increase"),
    )
    growth = hourly.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("value", "low", "high", "last"))
    return pl.concat([raw.cast(_WINDOW), growth.cast(_WINDOW)])


def forget_alerts() -> None:
    """Read the alerts afresh: one has just been acknowledged or closed."""
    open_alerts.clear()


@st.cache_resource(ttl=SECONDS, show_spinner=False, max_entries=8)
def duties_done(folder: Path) -> dict[tuple[str, str], date]:
    """The last date on record, by (asset, duty)."""
    return records(folder).duties.last_done()


@st.cache_resource(ttl=SECONDS, show_spinner=False, max_entries=8)
def spells(folder: Path) -> Spells:
    """When assets are out of use, retired or replaced."""
    return records(folder).trail.spells()
