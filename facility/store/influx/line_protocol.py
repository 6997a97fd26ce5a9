"""Readings as InfluxDB line protocol, built by columns.

    readings,asset=EL-1,channel=motor_temperature,site=north value=41.5,arrived=1772323200000000i 1772323200000000000

Tag values may not hold everything a name may (a trailing backslash, a line break), and quotes or `$` would have to be
escaped differently in line protocol, Flux and delete predicates. So those few characters are written as `%XX`, and `%`
itself as `%25`; ordinary names look ordinary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import polars as pl

from facility.store.hourly import HOURLY, KEY

READINGS = "readings"  # measurement of the readings
HOURS = "hours"  # measurement of the hourly summaries
LINES_AT_ONCE = 50_000  # some 5 MB; the server's default limit is 50 MB

CHARTED = ("count", "mean", "min", "max", "last")  # fields of an hour for whoever looks at the bucket
FIGURES = [name for name in HOURLY.names() if name not in KEY]  # in the field `figures`
MOMENTS = ("first_time", "last_time")

_UNSAFE = re.compile(r"[%\\\"'$\x00-\x1f\x7f]")
_ESCAPED = re.compile(r"%([0-9A-F]{2})")


def to_tag(name: str) -> str:
    """A name as it stands in a tag, in Flux and in a predicate."""
    return _UNSAFE.sub(lambda match: f"%{ord(match.group()):02X}", name)


def from_tag(tag: str) -> str:
    """A tag's value as it was before it was escaped."""
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), tag)


def series(measurement: str, tags: Mapping[str, str]) -> str:
    """Measurement and tags as a line begins; tags without a value are left out."""
    generator = (f",{key}={_in_line(to_tag(value))}" for key, value in sorted(tags.items()) if value)
    return measurement + "".join(generator)


def _in_line(tag: str) -> str:
    return tag.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def reading_lines(rows: pl.DataFrame, sites: Mapping[str, str]) -> pl.Series:
    """One line (with its end) for every row of `READINGS`."""
    return rows.join(_begun(READINGS, rows, sites), on=["asset", "channel"], how="left", maintain_order="left").select(
        pl.concat_str(
            "begun",
            pl.lit(" value="),
            pl.col("value").cast(pl.String),
            pl.lit(",arrived="),
            pl.col("arrived").dt.timestamp("us").cast(pl.String),
            pl.lit("i "),
            pl.col("time").dt.timestamp("us").cast(pl.String),
            pl.lit("000\n"),
        )
    )["begun"]


def hour_lines(rows: pl.DataFrame, sites: Mapping[str, str]) -> pl.Series:
    """One line for every row of `HOURLY`: what people chart as fields, and everything in one.

    InfluxDB hands over values, not rows: one text is read ten times as fast as eleven numbers.
    """
    shown = [expression for name in CHARTED for expression in (pl.lit(f"{name}="), _text(name), pl.lit(","))]
    figures = pl.concat_str([_text(name) for name in FIGURES], separator=" ")
    return rows.join(_begun(HOURS, rows, sites), on=["asset", "channel"], how="left", maintain_order="left").select(
        pl.concat_str(
            "begun",
            pl.lit(" "),
            *shown,
            pl.lit('figures="'),
            figures,
            pl.lit('" '),
            pl.col("hour").dt.timestamp("us").cast(pl.String),
            pl.lit("000\n"),
        )
    )["begun"]


def _text(name: str) -> pl.Expr:
    """A figure as it reads back exactly; a moment as microseconds after the full hour."""
    if name in MOMENTS:
        return (pl.col(name) - pl.col("hour")).dt.total_microseconds().cast(pl.String)
    return pl.col(name).cast(pl.Float64).cast(pl.String)


def portions(lines: pl.Series, size: int = LINES_AT_ONCE) -> Iterator[pl.Series]:
    """Lines in portions that a server takes at once."""
    for begin in range(0, lines.len(), size):
        yield lines.slice(begin, size)


def _begun(measurement: str, rows: pl.DataFrame, sites: Mapping[str, str]) -> pl.DataFrame:
    keys = rows.select("asset", "channel").unique()
    begun = [
        series(measurement, {"asset": asset, "channel": channel, "site": sites.get(asset, "")})
        for asset, channel in keys.iter_rows()
    ]
    return keys.with_columns(pl.Series("begun", begun, pl.String))
