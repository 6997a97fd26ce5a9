"""The questions we ask in Flux, and the annotated CSV that comes back.

Names are written as `line_protocol.to_tag` gives them, so no string can end early. Answers are told apart by the names
of their columns, never by the order or number of their tables.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv

from facility.errors import CannotCommunicate
from facility.store.influx.line_protocol import from_tag, to_tag

NAMED_AT_MOST = 300  # assets or channels named in a question; more are sorted out on our side
BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2200, 1, 1, tzinfo=UTC)

_TIME = pa.timestamp("ns", tz="UTC")
_TYPES = {
    "_time": _TIME,
    "asset": pa.string(),
    "channel": pa.string(),
    "arrived": pa.int64(),
    "figures": pa.string(),
    "number": pa.int64(),
    "earliest": _TIME,
    "newest": _TIME,
}
_IGNORED = {"", "result", "table", "_start", "_stop", "_measurement", "_field", "site"}
_MARK = re.compile(rb"^(?:#[^\n]*|,result,table[^\n]*|,?error,reference[^\n]*|\r?)(?:\n|\Z)", re.MULTILINE)


def text(value: str) -> str:
    """A Flux string. Raises `ValueError` for what `to_tag` would have replaced."""
    if value != to_tag(value).replace("%25", "%"):
        raise ValueError(f"{value!r} cannot stand in a question")
    return f'"{value}"'


def source(
    bucket: str,
    measurement: str,
    *,
    assets: Collection[str] | None = None,
    channels: Collection[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> str:
    """The points of a measurement with start <= time < end. More than `NAMED_AT_MOST` names are not narrowed to."""
    queries = [
        f"from(bucket: {text(bucket)})",
        f"  |> range(start: {_moment(start or BEGIN)}, stop: {_moment(end or END)})",
        f"  |> filter(fn: (r) => r._measurement == {text(measurement)})",
    ]
    for key, names in (("asset", assets), ("channel", channels)):
        if names is not None and len(names) <= NAMED_AT_MOST:
            any_of = " or ".join(f"r.{key} == {text(to_tag(name))}" for name in sorted(names)) or "false"
            queries.append(f"  |> filter(fn: (r) => {any_of})")
    return "\n".join(queries)


# Every answer has a `from` of its own: what two answers share is not pushed down to the storage engine and takes five
# times as long.


def values(points: str) -> str:
    """Values without arrivals: half of what readings take."""
    return _field(points, "value")


def readings(points: str) -> str:
    """Values and arrivals, as two answers that are joined on our side."""
    return f"{_field(points, 'value')}\n\n{_field(points, 'arrived')}"


def newest(points: str) -> str:
    """As `readings`, of every channel the last."""
    last = "\n  |> last()"
    return f"{_field(points, 'value', last)}\n\n{_field(points, 'arrived', last)}"


def _field(points: str, field: str, only: str = "") -> str:
    return f"""{points}
  |> filter(fn: (r) => r._field == {text(field)}){only}
  |> keep(columns: ["_time", "_value", "asset", "channel"])
  |> rename(columns: {{_value: {text(field)}}})
  |> yield(name: {text(field)})"""


def kept_hours(points: str) -> str:
    """Hourly rows as they were kept."""
    return _field(points, "figures")


def how_many(points: str) -> str:
    """Count, first and last of the readings: three answers of one row each."""
    value = f'{points}\n  |> filter(fn: (r) => r._field == "value")'
    return f"""{value}
  |> count()
  |> group()
  |> sum()
  |> rename(columns: {{_value: "number"}})
  |> yield(name: "count")

{value}
  |> first()
  |> keep(columns: ["_time"])
  |> group()
  |> sort(columns: ["_time"])
  |> limit(n: 1)
  |> rename(columns: {{_time: "earliest"}})
  |> yield(name: "first")

{value}
  |> last()
  |> keep(columns: ["_time"])
  |> group()
  |> sort(columns: ["_time"], desc: true)
  |> limit(n: 1)
  |> rename(columns: {{_time: "newest"}})
  |> yield(name: "last")
"""


def tables(body: bytes) -> list[pl.DataFrame]:
    """Every table of an annotated CSV answer; annotation and header rows may come again at any place.

    Raises `CannotCommunicate` with the server's words if the answer ends in an error.
    """
    frames: list[pl.DataFrame] = []
    header = b""
    begin = 0
    for mark in (*_MARK.finditer(body), None):
        stop = mark.start() if mark else len(body)
        if header and stop > begin:
            frames.append(_table(header, body[begin:stop]))
        if mark is None:
            break
        begin = mark.end()
        line = mark.group().strip()
        if line and not line.startswith(b"#"):
            header = line
        elif line:
            header = b""  # annotations: a new header follows
    return frames


def _table(header: bytes, rows: bytes) -> pl.DataFrame:
    names = header.decode().split(",")
    if "error" in names and "reference" in names:
        text = rows.decode(errors="replace").strip().strip(",")
        raise CannotCommunicate("InfluxDB broke off its answer: {said}", "Look at the server's log", said=text)
    columns = [name for name in names if name not in _IGNORED]
    types = {name: _type(name) for name in columns}
    read = arrow_csv.read_csv(
        pa.BufferReader(rows),
        read_options=arrow_csv.ReadOptions(column_names=_distinct(names)),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=columns, column_types=types, strings_can_be_null=False
        ),
    )
    frame = pl.DataFrame(pl.from_arrow(read))
    moments = [name for name in columns if types[name] == _TIME]
    tags = [name for name in ("asset", "channel") if name in columns]
    return frame.with_columns(
        *(pl.col(name).cast(pl.Datetime("us", "UTC")) for name in moments), *(_names(frame[name]) for name in tags)
    )


def _type(name: str) -> pa.DataType:
    return _TYPES.get(name, pa.float64())


def _distinct(names: list[str]) -> list[str]:
    return [name or f"_{number}" for number, name in enumerate(names)]


def _names(tags: pl.Series) -> pl.Series:
    if not tags.str.contains("%", literal=True).any():
        return tags
    decoded = {tag: from_tag(tag) for tag in tags.unique().to_list()}
    return tags.replace_strict(decoded, return_dtype=pl.String)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
