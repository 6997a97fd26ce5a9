"""Readings from files: CSV, Excel and Parquet, with the caller's own column names.

What can be read and may be admitted goes in, by the same rules as over MQTT: the unit a device is registered with, what
a sensor sends instead of a value, what is possible. What is refused is told by line and kept for a second try.
Importing twice changes nothing, because a reading's identity is (asset, channel, time).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from facility.catalogue.catalogue import Catalogue, catalogue
from facility.errors import CannotConvert, CannotDo
from facility.estate import Asset
from facility.files import Refusal, grouped, keep_refused
from facility.i18n.messages import Sentence
from facility.identity import nearest
from facility.store import READINGS, Appended, Store
from ingest.admission.admission import Judged, judge
from ingest.codecs.native import Decoded
from ingest.file_import.form import FIELDS, FileForm, Piece
from ingest.file_import.pieces import pieces
from ingest.refusals import Reason

MOST_REFUSED = 500_000  # rows; a file of which more are refused is another file than was thought
FIRST_ROWS = 5
_MOMENT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """rows = stored + duplicates + quarantined, always."""

    rows: int
    stored: int
    duplicates: int
    quarantined: int  # rows that could not be read or admitted
    problems: tuple[Sentence, ...]  # alike ones as one, each with its lines
    notes: tuple[Sentence, ...] = ()  # what was decided on the way
    refused_file: str = ""  # where the refused rows are kept
    columns: Mapping[str, str] = field(default_factory=dict)  # our field -> their column
    first: tuple[tuple[str, str, datetime, float], ...] = ()  # asset, channel, time, value as they would be stored


def import_readings(
    path: Path,
    form: FileForm,
    *,
    directory: Mapping[str, Asset],
    store: Store | None,
    refused: Path | None = None,
    now: datetime | None = None,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> ImportSummary:
    """Read a file into the store; without a store, say what would become of it.

    Refused rows are kept in a file in the folder `refused`. `now` is the arrival time, the present if left out.
    `on_progress` is told rows done and rows in all, which is an estimate until the end.

    Raises `CannotConvert` for an unknown channel or mapping, `Problems` for missing columns, `CannotParse` or
    `CannotDo` for a file that cannot be read.
    """
    now = now or datetime.now(UTC)
    classes = catalogue()
    _check(form, directory, classes)
    rows = stored = duplicates = 0
    refusals: list[Refusal] = []
    notes: dict[str, Sentence] = {}
    columns: Sequence[str] = ()
    understood: Mapping[str, str] = {}
    first: list[tuple[str, str, datetime, float]] = []
    believed: dict[tuple[str, str], float] = {}
    for piece in pieces(path, form, directory):
        good, bad = admitted(piece, directory, classes, now, believed)
        refusals += [*piece.refusals, *bad]
        done = _append(store, good, now)
        stored, duplicates, rows = stored + done.stored, duplicates + done.duplicates, rows + piece.seen
        first += good.head(FIRST_ROWS - len(first)).select("asset", "channel", "time", "value").iter_rows()
        notes |= {str(note): note for note in piece.notes}
        columns, understood = columns or piece.columns, understood or piece.understood
        if len(refusals) > MOST_REFUSED:
            raise CannotDo(
                "more than {most:,} rows of {name} are refused: {first}",
                "Is it the right file, with the right --map and --channel?",
                most=MOST_REFUSED,
                name=path.name,
                first=grouped(refusals[:1000])[0],
            )
        on_progress(rows, max(piece.total, rows))
    on_progress(rows, rows)
    if store is not None:
        store.sync()
    count = rows - stored - duplicates
    second_try = str(keep_refused(refused, path.name, columns, refusals)) if refused is not None and refusals else ""
    return ImportSummary(
        rows=rows,
        stored=stored,
        duplicates=duplicates,
        quarantined=count,
        problems=tuple(grouped(refusals)),
        notes=tuple(notes.values()),
        refused_file=second_try,
        columns=dict(understood),
        first=tuple(first),
    )


def _check(form: FileForm, directory: Mapping[str, Asset], classes: Catalogue) -> None:
    fields = [field.key for field in FIELDS]
    strange = [name for name in form.mapping if name not in fields]
    if strange:
        raise CannotConvert("cannot map {names!r}", "Known: {known}", names=list(strange), known=list(fields))
    if form.channel is not None and "channel" in form.mapping:
        raise CannotConvert("both one channel for all rows and a channel column are given", "Give one of the two")
    if form.channel is not None and form.channel not in classes.channel_keys():
        kinds = sorted({asset.kind for asset in directory.values() if asset.kind in classes}) or list(classes)
        keys = sorted({key for kind in kinds for key in classes[kind].channels})
        raise CannotConvert(
            "unknown channel {channel!r}",
            "Known for {kinds}: {keys}",
            channel=form.channel,
            kinds=list(kinds),
            keys=list(keys),
        )


def admitted(
    piece: Piece,
    directory: Mapping[str, Asset],
    known: Catalogue,
    now: datetime,
    believed: dict[tuple[str, str], float],
) -> tuple[pl.DataFrame, list[Refusal]]:
    """The rows of a piece that may be stored, in the catalogue's units, and refusals of the others.

    `believed` holds the last good value of each asset's channel and is carried from piece to piece.
    """
    rows = piece.rows
    if rows.is_empty():
        return rows, []
    decoded = _decoded(rows, directory)
    arrived = np.full(rows.height, round(now.timestamp() * 1_000_000), dtype=np.int64)
    judged = judge(
        decoded, arrived, assets=directory, catalogue=known, before=lambda asset, key: believed.get((asset, key))
    )
    mask = judged.good
    good = rows.with_columns(pl.Series("value", judged.values)).filter(pl.Series(mask))
    last = good.group_by("asset", "channel").agg(pl.col("value").sort_by("time").last())
    believed |= {(asset, channel): value for asset, channel, value in last.iter_rows()}
    names = _Nearest(directory)
    bad = [
        Refusal(line=line, what=what, cells=piece.cells(line))
        for line, what in (
            (int(rows.item(row, "line")), _told(judged, row, rows.row(row, named=True), directory, names))
            for row in np.flatnonzero(~mask).tolist()
        )
    ]
    return good, bad


def _decoded(rows: pl.DataFrame, directory: Mapping[str, Asset]) -> Decoded:
    """The rows in the form of a message's readings."""
    assets = rows.select("asset").unique(maintain_order=True).with_row_index("place")
    channels = rows.select("channel", "unit").unique(maintain_order=True).with_row_index("at")
    if assets.height == 1 and channels.height == 1:
        places = pl.select(place=pl.zeros(rows.height, pl.Int32), at=pl.zeros(rows.height, pl.Int32))
    else:
        places = rows.join(assets, on="asset", how="left", maintain_order="left").join(
            channels, on=["channel", "unit"], how="left", maintain_order="left"
        )
    readings = pl.DataFrame(
        {
            "message": np.zeros(rows.height, dtype=np.int32),
            "place": places.get_column("place").cast(pl.Int32),
            "channel": places.get_column("at").cast(pl.Int32),
            "time": rows.get_column("time").dt.epoch("us"),
            "value": rows.get_column("value"),
        }
    )
    names = assets.get_column("asset").to_list()
    return Decoded(
        readings=readings,
        places=[(directory[name].site if name in directory else "", name) for name in names],
        channels=channels.get_column("channel").to_list(),
        units=channels.get_column("unit").to_list(),
        refusals=[],
        presence=[],
        unreadable=0,
    )


class _Nearest:
    """The registered asset whose number is most like one that is not; each looked for once."""

    def __init__(self, directory: Mapping[str, Asset]) -> None:
        self._names = list(directory)
        self._found: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        if name not in self._found:
            few = len(self._found) < 50  # each takes a look at every asset
            self._found[name] = nearest(name, self._names) if few else ""
        return self._found[name]


def _told(
    judged: Judged, row: int, cells: Mapping[str, object], directory: Mapping[str, Asset], suggest: _Nearest
) -> Sentence:
    """Why a row is refused."""
    asset, channel, unit = str(cells["asset"]), str(cells["channel"]), str(cells["unit"])
    value = float(judged.values[row])
    match judged.reason(row):
        case Reason.UNKNOWN_ASSET if not asset:
            return Sentence("no asset")
        case Reason.UNKNOWN_ASSET:
            near = suggest(asset)
            if near:
                return Sentence("unknown asset {asset!r}; is it {near!r}?", asset=asset, near=near)
            return Sentence("unknown asset {asset!r}", asset=asset)
        case Reason.UNKNOWN_CHANNEL | Reason.WRONG_SITE:
            return Sentence("unknown channel {channel!r} for {asset!r}", channel=channel, asset=asset)
        case Reason.WRONG_UNIT:
            declared = unit or directory[asset].attributes.get(f"unit.{channel}", "")
            return Sentence("the unit {unit!r} does not fit {channel} of {asset!r}",
                            unit=declared, channel=channel, asset=asset)  # fmt: skip
        case Reason.SENTINEL:
            return Sentence("{value:g} is what a sensor of {channel} sends instead of a value",
                            value=value, channel=channel)  # fmt: skip
        case Reason.OUT_OF_RANGE:
            low, high = judged.band(row)
            return Sentence("value {value:g} is outside {low:g} .. {high:g}", value=value, low=low, high=high)
        case Reason.FUTURE:
            return Sentence("time {time} is in the future", time=f"{cells['time']:%Y-%m-%d %H:%M} UTC")
        case _:
            return Sentence("time {time} is before 2000", time=f"{cells['time']:%Y-%m-%d %H:%M} UTC")


def _append(store: Store | None, good: pl.DataFrame, now: datetime) -> Appended:
    if good.is_empty():
        return Appended(0, 0, 0)
    if store is None:
        return Appended(good.height, 0, 0)
    table = good.select(
        "asset",
        "channel",
        pl.col("time").cast(_MOMENT),
        "value",
        pl.lit(now).cast(_MOMENT).alias("arrived"),
    )
    return store.append(table.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS))


__all__ = ["FileForm", "ImportSummary", "import_readings"]
