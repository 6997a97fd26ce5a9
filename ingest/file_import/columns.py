"""Columns of a clean file as times and numbers, by polars; the few cells it cannot read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from facility.files import Refusal, Value, localize, read_moments, read_numbers
from facility.i18n.messages import Sentence
from ingest.file_import.form import MOMENT, SCHEMA, FileForm

TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%d",
)
_SAMPLE = 50  # rows that show which form is the usual one
_EPOCH_MS = r"^1?\d{12}$"
_NAIVE = pl.Datetime("us")


def parsed_times(time: pl.Series, zone: ZoneInfo) -> pl.DataFrame:
    """`naive`, null where a cell is no time that says itself what it is; `moment` in UTC, null where its clock time
    comes twice in the zone, or never."""
    name = time.name
    if isinstance(time.dtype, pl.Datetime) and time.dtype.time_zone:
        moment = time.cast(MOMENT)
        return pl.DataFrame({"naive": moment.dt.replace_time_zone(None), "moment": moment})
    if isinstance(time.dtype, pl.Datetime) or time.dtype == pl.Date:
        return _localized(time.cast(_NAIVE), zone)
    if time.dtype.is_integer():
        moment = pl.from_epoch(time.cast(pl.Int64), time_unit="ms").cast(_NAIVE).dt.replace_time_zone("UTC")
        return pl.DataFrame({"naive": moment.dt.replace_time_zone(None), "moment": moment})
    text = time.cast(pl.String).str.strip_chars().alias(name)
    plain = text.str.replace("T", " ", literal=True)
    naive = (
        pl.Series(name, [None], dtype=_NAIVE).extend_constant(None, len(text) - 1) if len(text) else text.cast(_NAIVE)
    )
    head = plain.head(_SAMPLE)
    for form in sorted(TIME_FORMATS, key=lambda form: _clock_times(head, form).null_count()):
        naive = naive.fill_null(_clock_times(plain, form))
        if naive.null_count() == text.null_count():
            return _localized(naive, zone)
    frame = _localized(naive, zone)
    rest = pl.DataFrame({"text": text, "naive": naive}).select(
        pl.when(pl.col("naive").is_null()).then(pl.col("text")).alias("text")
    )
    zoned = rest.get_column("text").str.replace(r"Z$", "+00:00").str.replace("T", " ", literal=True)
    utc = zoned.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", time_unit="us", strict=False).dt.convert_time_zone("UTC")
    epoch = rest.select(
        pl.when(pl.col("text").str.contains(_EPOCH_MS)).then(pl.col("text")).cast(pl.Int64, strict=False)
    ).to_series()
    utc = utc.fill_null(pl.from_epoch(epoch, time_unit="ms").cast(_NAIVE).dt.replace_time_zone("UTC"))
    return frame.with_columns(
        pl.col("naive").fill_null(utc.dt.replace_time_zone(None)),
        pl.col("moment").fill_null(utc),
    )


def _clock_times(text: pl.Series, form: str) -> pl.Series:
    if "%H" in form:
        return text.str.to_datetime(form, time_unit="us", strict=False)
    return text.str.to_date(form, strict=False).cast(_NAIVE)


def _localized(naive: pl.Series, zone: ZoneInfo) -> pl.DataFrame:
    return pl.DataFrame({"naive": naive}).with_columns(
        pl.col("naive")
        .dt.replace_time_zone(zone.key, ambiguous="null", non_existent="null")
        .dt.convert_time_zone("UTC")
        .alias("moment")
    )


def parsed_numbers(value: pl.Series) -> pl.Series:
    """As numbers, null where a cell is none by itself."""
    plain = value.str.strip_chars() if value.dtype == pl.String else value
    number = plain.cast(pl.Float64, strict=False)
    return number.set(~number.is_finite(), None) if number.len() else number


class ColumnReader:
    """Reads piece after piece of one file, and remembers what only the whole can tell: hours that come twice."""

    def __init__(self, form: FileForm) -> None:
        self._form = form
        self._forwards = 0  # how many more times go on than step back
        self._twice: list[tuple[int, str, str, str, datetime, float]] = []
        self._cells: dict[int, tuple[Value, ...]] = {}

    def take(self, part: pl.DataFrame, whole: pl.DataFrame, first: int) -> tuple[pl.DataFrame, list[Refusal], int]:
        """The rows that were understood, refusals of the others, and how many are kept for the end.

        `part` has our columns, `whole` the file's; `first` is the line of their first row.
        """
        zone = self._form.options.zone
        times = parsed_times(part.get_column("time"), zone)
        naive = times.get_column("naive")
        steps = naive.diff().drop_nulls().dt.total_microseconds().sign().sum()
        self._forwards += int(steps or 0)
        channel = pl.lit(self._form.channel) if self._form.channel is not None else pl.col("channel").cast(pl.String)
        rows = part.select(
            pl.int_range(pl.len(), dtype=pl.Int64).add(first).alias("line"),
            pl.col("asset").cast(pl.String).str.strip_chars().fill_null(""),
            channel.str.strip_chars().fill_null("").alias("channel"),
            pl.lit("").alias("unit"),
        ).with_columns(
            times.get_column("moment").alias("time"),
            parsed_numbers(part.get_column("value")).alias("value"),
            naive.alias("naive"),
        )
        unclear = rows.filter(pl.col("time").is_null() | pl.col("value").is_null())
        clear = (
            rows if unclear.is_empty() else rows.filter(pl.col("time").is_not_null() & pl.col("value").is_not_null())
        )
        refusals: list[Refusal] = []
        before = len(self._twice)
        mended = list(self._one_by_one(unclear, part, whole, first, refusals))
        clear = clear.drop("naive").with_columns(pl.col("value") * self._form.scale)
        if mended:
            more = pl.DataFrame(mended, schema=SCHEMA, orient="row")
            clear = pl.concat([clear, more]).sort("line", maintain_order=True)
        return clear, refusals, len(self._twice) - before

    def _one_by_one(
        self, unclear: pl.DataFrame, part: pl.DataFrame, whole: pl.DataFrame, first: int, refusals: list[Refusal]
    ) -> Iterator[tuple[int, str, str, str, datetime, float]]:
        if unclear.is_empty():
            return
        options = self._form.options
        places = (unclear.get_column("line") - first).to_list()
        shown = part.select("time", "value")[places]
        moments = read_moments(shown.get_column("time").to_list(), order=options.order)
        numbers = read_numbers(shown.get_column("value").to_list(), decimal=options.decimal, units=None)
        local = localize(moments.values, options.zone, earliest=True)
        for place, row in enumerate(unclear.select("line", "asset", "channel", "time", "naive").iter_rows()):
            line, asset, channel, moment, naive = row
            cells = whole.row(line - first)
            problem = None
            value = numbers.values[place]
            if value != value:
                problem = numbers.problems.get(place, Sentence("no value"))
            elif moment is None:
                problem = moments.problems.get(place) or local.problems.get(place)
                moment = local.values[place]
                if moment is None and problem is None:
                    problem = Sentence("no time")
            if problem is not None or moment is None:
                refusals.append(Refusal(line=line, what=problem or Sentence("no time"), cells=cells))
            elif place in local.twice:
                clock = (moments.values[place] or naive).replace(tzinfo=None)
                scaled = value * self._form.scale
                self._twice.append((line, asset, channel, numbers.units[place], clock, scaled))
                self._cells[line] = cells
            else:
                yield line, asset, channel, numbers.units[place], moment, value * self._form.scale

    def rest(self) -> tuple[pl.DataFrame, list[Refusal], Mapping[int, tuple[Value, ...]]]:
        """The rows kept for the end, told apart by the order of the file, or refused."""
        local = localize(
            [row[4] for row in self._twice],
            self._form.options.zone,
            series=[(row[1], row[2]) for row in self._twice],
            backwards=self._forwards < 0,
        )
        rows = [
            (line, asset, channel, unit, moment, value)
            for (line, asset, channel, unit, _, value), moment in zip(self._twice, local.values, strict=True)
            if moment is not None
        ]
        refusals = [
            Refusal(line=self._twice[place][0], what=what, cells=self._cells[self._twice[place][0]])
            for place, what in local.problems.items()
        ]
        return pl.DataFrame(rows, schema=SCHEMA, orient="row"), refusals, self._cells
