"""Readings from files: CSV, CSV.gz and Parquet, with the caller's own column names.

A file has a column for the asset, one for the time and one for the value, and either one channel throughout or a
column that names it. What can be read goes in; what cannot is listed with its line. Importing twice changes nothing,
because a reading's identity is (asset, channel, time).
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedIOBase
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from facility.catalogue.catalogue import Catalogue, Channel, catalogue
from facility.errors import CannotConvert, CannotDo, CannotParse, Problems
from facility.estate import Asset
from facility.i18n.messages import Sentence, foreign
from facility.store import READINGS, Appended, Store

ROWS_AT_ONCE = 250_000
PROBLEMS_SHOWN = 20
FIELDS = ("asset", "time", "value", "channel")
TIME_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
)
DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d")
ZONED = r"(?:Z|[+-]\d{2}:?\d{2})$"
EPOCH_MS = r"^\d{12,14}$"
EXPECTED_TIME = "a date, a date and time, or milliseconds since 1970"

_MOMENT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """rows = stored + duplicates + quarantined, always."""

    rows: int
    stored: int
    duplicates: int
    quarantined: int  # rows that could not be read or admitted
    problems: tuple[str, ...]  # the first of them, each with its line


def import_readings(
    path: Path,
    *,
    channel: str | None,
    scale: float = 1.0,
    mapping: Mapping[str, str] | None = None,
    directory: Mapping[str, Asset],
    store: Store,
    timezone: ZoneInfo,
    now: datetime | None = None,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> ImportSummary:
    """Read a file into the store.

    `mapping` names the file's columns (`{"asset": "lift", "time": "date", "value": "polls"}`; a name left out is the
    column of the same name). `channel` is the channel of every row; None reads it from the channel column. Values are
    multiplied by `scale`. Times without a zone are in `timezone`. `now` is the arrival time, the present if left out.
    `on_progress` is told rows done and rows in all, which is an estimate until the end.

    Raises `CannotConvert` for an unknown channel or mapping, `Problems` for missing columns, `CannotParse` or
    `CannotDo` for a file that cannot be read.
    """
    now = now or datetime.now(UTC)
    known = catalogue()
    columns = _columns(mapping or {}, channel)
    if channel is not None and channel not in known.channel_keys():
        raise _unknown_channel(channel, directory, known)
    rows = stored = duplicates = refused = 0
    problems: list[str] = []
    physical = _physical(directory, known)
    for first_line, total, part in _parts(path, columns):
        judged = _judge(part, channel, scale, timezone, now, directory, physical)
        good = judged.filter(pl.col("problem").is_null())
        done = _append(store, good, now)
        bad = judged.filter(pl.col("problem").is_not_null())
        shown = bad.head(max(0, PROBLEMS_SHOWN - len(problems))).select("row", "problem").iter_rows()
        problems += [f"line {first_line + row}: {problem}" for row, problem in shown]
        rows += part.height
        stored, duplicates, refused = stored + done.stored, duplicates + done.duplicates, refused + bad.height
        on_progress(rows, total)
    on_progress(rows, rows)
    store.sync()
    return ImportSummary(rows=rows, stored=stored, duplicates=duplicates, quarantined=refused, problems=tuple(problems))


def _columns(mapping: Mapping[str, str], channel: str | None) -> dict[str, str]:
    strange = [name for name in mapping if name not in FIELDS]
    if strange:
        raise CannotConvert("cannot map {names!r}", "Known: {known}", names=list(strange), known=list(FIELDS))
    if channel is not None and "channel" in mapping:
        raise CannotConvert("both one channel for all rows and a channel column are given", "Give one of the two")
    wanted = FIELDS[:3] if channel is not None else FIELDS
    return {name: mapping.get(name, name) for name in wanted}


def _unknown_channel(channel: str, directory: Mapping[str, Asset], known: Catalogue) -> CannotConvert:
    kinds = sorted({asset.kind for asset in directory.values() if asset.kind in known}) or list(known)
    keys = sorted({key for kind in kinds for key in known[kind].channels})
    return CannotConvert(
        "unknown channel {channel!r}", "Known for {kinds}: {keys}", channel=channel, kinds=list(kinds), keys=list(keys)
    )


# -- reading ------------------------------------------------------------------------------------------------------


def _parts(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, int, pl.DataFrame]]:
    """Pieces of the file under our column names, each with its first line and a guess at the rows in all."""
    if not path.is_file():
        raise CannotDo("no file {path}", "Check the path", path=path)
    try:
        if path.suffix == ".parquet":
            yield from _parquet(path, columns)
        elif path.name.endswith((".csv", ".csv.gz")):
            yield from _csv(path, columns)
        else:
            raise CannotDo("{name} is neither .csv, .csv.gz nor .parquet", "Convert it to one of them", name=path.name)
    except (pl.exceptions.PolarsError, UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise CannotParse(
            "{path} cannot be read: {error}",
            "Check that it is a whole CSV or Parquet file",
            path=path,
            error=foreign(str(error).splitlines()[0]),
        ) from None
    except OSError as error:
        raise CannotDo(
            "{path} cannot be read: {error}", "Check the file and its permissions", path=path, error=error
        ) from None


def _parquet(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, int, pl.DataFrame]]:
    scan = pl.scan_parquet(path)
    _demand(path, scan.collect_schema().names(), columns)
    chosen = scan.select(pl.col(theirs).alias(ours) for ours, theirs in columns.items())
    total: int = chosen.select(pl.len()).collect().item()
    for start in range(0, total, ROWS_AT_ONCE):
        yield start + 1, total, chosen.slice(start, ROWS_AT_ONCE).collect()


def _csv(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, int, pl.DataFrame]]:
    """As text throughout: a bad value must cost its own row, not the file. Whole lines, a piece at a time."""
    size = path.stat().st_size
    with path.open("rb") as file, gzip.open(file) if path.suffix == ".gz" else nullcontext(file) as stream:
        header = stream.readline()
        if not header.strip():
            raise Problems(str(path), [Sentence("line 1: no header")])
        names = pl.read_csv(header, has_header=True, infer_schema=False).columns
        _demand(path, names, columns)
        line = 2
        for block in _blocks(stream):
            whole = pl.read_csv(header + block, infer_schema=False, truncate_ragged_lines=True)
            part = whole.select(pl.col(theirs).alias(ours) for ours, theirs in columns.items())
            line += part.height
            yield line - part.height, round((line - 2) * size / max(1, file.tell())), part


def _blocks(stream: BufferedIOBase, size: int = 8 << 20) -> Iterator[bytes]:
    """Runs of whole lines; a quoted line break stays within its row."""
    held = b""
    while piece := stream.read(size):
        held += piece
        cut = held.rfind(b"\n") + 1
        if held.count(b'"', 0, cut) % 2:
            cut = held.rfind(b"\n", 0, held.rfind(b'"', 0, cut)) + 1
        if cut:
            yield held[:cut]
            held = held[cut:]
    if held.strip():
        yield held


def _demand(path: Path, names: list[str], columns: Mapping[str, str]) -> None:
    missing = [
        Sentence("line 1: no column {theirs!r} for {ours}", theirs=theirs, ours=ours)
        for ours, theirs in columns.items()
        if theirs not in names
    ]
    if missing:
        raise Problems(str(path), [*missing, Sentence("the columns are {names}; name them with --map", names=names)])


# -- judging ------------------------------------------------------------------------------------------------------


def _physical(directory: Mapping[str, Asset], known: Catalogue) -> pl.DataFrame:
    """What each registered asset can measure."""
    kinds: list[Channel] = [one for kind in known.values() for one in kind.channels.values()]
    bands = pl.DataFrame(
        [(one.kind, one.key, one.physical.low, one.physical.high) for one in kinds],
        schema={"kind": pl.String, "channel": pl.String, "low": pl.Float64, "high": pl.Float64},
        orient="row",
    )
    assets = pl.DataFrame(
        [(asset.id, asset.kind) for asset in directory.values()],
        schema={"asset": pl.String, "kind": pl.String},
        orient="row",
    )
    return assets.join(bands, on="kind", how="inner").drop("kind")


def _judge(
    part: pl.DataFrame,
    channel: str | None,
    scale: float,
    timezone: ZoneInfo,
    now: datetime,
    directory: Mapping[str, Asset],
    physical: pl.DataFrame,
) -> pl.DataFrame:
    """Each row with asset, channel, time and value as the store wants them, or with a problem in words."""
    rows = part.with_row_index("row").with_columns(
        pl.col("asset").cast(pl.String).str.strip_chars(),
        (pl.lit(channel) if channel is not None else pl.col("channel").cast(pl.String).str.strip_chars()).alias(
            "channel"
        ),
        _moments(part.schema["time"], timezone).alias("moment"),
        (_numbers(part.schema["value"]) * scale).alias("number"),
    )
    joined = rows.join(physical, on=["asset", "channel"], how="left", maintain_order="left")
    value, time = pl.col("value").cast(pl.String), pl.col("time").cast(pl.String)
    problem = (
        pl.when(pl.col("asset").is_null() | (pl.col("asset") == ""))
        .then(pl.lit("no asset"))
        .when(~pl.col("asset").is_in(list(directory)))
        .then(pl.format("unknown asset '{}'", "asset"))
        .when(pl.col("low").is_null())
        .then(pl.format("unknown channel '{}' for '{}'", pl.col("channel").fill_null(""), "asset"))
        .when(pl.col("moment").is_null())
        .then(pl.format("time '{}' is not {}", time.fill_null(""), pl.lit(EXPECTED_TIME)))
        .when(pl.col("number").is_null() | ~pl.col("number").is_finite())
        .then(pl.format("value '{}' is no number", value.fill_null("")))
        .when(~pl.col("number").is_between(pl.col("low"), pl.col("high")))
        .then(pl.format("value {} is outside {} .. {}", "number", "low", "high"))
        .when(pl.col("moment") > pl.lit(now).dt.offset_by("10m"))
        .then(pl.format("time '{}' is in the future", time))
        .when(pl.col("moment").dt.year() < 2000)
        .then(pl.format("time '{}' is before 2000", time))
    )
    return joined.with_columns(problem.alias("problem"))


def _numbers(found: pl.DataType) -> pl.Expr:
    value = pl.col("value")
    if found == pl.String:
        value = value.str.strip_chars()
    return value.cast(pl.Float64, strict=False)


def _moments(found: pl.DataType, timezone: ZoneInfo) -> pl.Expr:
    """The time column as UTC moments; null where it is none."""
    time = pl.col("time")
    if isinstance(found, pl.Datetime):
        return time.cast(_MOMENT) if found.time_zone else _local(time.cast(pl.Datetime("us")), timezone)
    if found == pl.Date:
        return _local(time.cast(pl.Datetime("us")), timezone)
    if found.is_integer():
        return pl.from_epoch(time.cast(pl.Int64), time_unit="ms").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    text = time.cast(pl.String).str.strip_chars()
    epoch = pl.when(text.str.contains(EPOCH_MS)).then(text).cast(pl.Int64, strict=False)
    zoned = (
        text.str.replace(r"Z$", "+00:00")
        .str.replace(" ", "T")
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", strict=False)
    )
    naive = pl.coalesce(
        *(text.str.to_datetime(one, time_unit="us", strict=False) for one in TIME_FORMATS),
        *(text.str.to_date(one, strict=False).cast(pl.Datetime("us")) for one in DATE_FORMATS),
    )
    return (
        pl.when(text.str.contains(ZONED) & text.str.contains(":"))
        .then(zoned.dt.convert_time_zone("UTC"))
        .when(epoch.is_not_null())
        .then(pl.from_epoch(epoch, time_unit="ms").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
        .otherwise(_local(naive, timezone))
    )


def _local(naive: pl.Expr, timezone: ZoneInfo) -> pl.Expr:
    """Clock times of a zone; one that comes twice is the first of the two, one that never comes is none."""
    return naive.dt.replace_time_zone(timezone.key, ambiguous="earliest", non_existent="null").dt.convert_time_zone(
        "UTC"
    )


def _append(store: Store, good: pl.DataFrame, now: datetime) -> Appended:
    if good.is_empty():
        return Appended(0, 0, 0)
    table = good.select(
        "asset",
        "channel",
        pl.col("moment").cast(_MOMENT).alias("time"),
        pl.col("number").alias("value"),
        pl.lit(now).cast(_MOMENT).alias("arrived"),
    )
    return store.append(table.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS))
