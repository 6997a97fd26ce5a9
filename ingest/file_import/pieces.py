"""Files of readings as pieces of typed rows: clean CSV and Parquet as a stream, everything else through the one reader.

A CSV in UTF-8 with its header first, one reading a row and no cell that could hold a decimal comma is read by polars, a
few megabytes at a time. Of such a piece only the cells that polars cannot read are looked at one by one. What is not of
that form, a workbook, a wide table, another encoding, is read whole by `facility.files`, column by column.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import polars as pl

from facility.errors import CannotDo, CannotParse, Problems
from facility.estate import Asset
from facility.files import Grid, RawRow, find_header
from facility.files.separated import separator_of
from facility.i18n.messages import Sentence, foreign
from ingest.file_import.columns import ColumnReader, parsed_times
from ingest.file_import.form import FIELDS, FileForm, Piece
from ingest.file_import.tables import read_whole, typed

ROWS_AT_ONCE = 250_000
_LOOK = 1 << 16
_PIECE = 8 << 20
_SAMPLE = 5_000  # rows that show the form of a file's times


def pieces(path: Path, form: FileForm, directory: Mapping[str, Asset]) -> Iterator[Piece]:
    """The rows of a file in its order. Raises `CannotDo`, `CannotParse`, `Problems`."""
    if not path.is_file():
        raise CannotDo("no file {path}", "Check the path", path=path)
    try:
        if path.suffix.lower() == ".parquet":
            yield from _parquet(path, form)
        elif (header := _clean_header(path, form)) is not None:
            yield from _stream(path, form, directory, header)
        else:
            yield read_whole(path, form, directory)
    except (pl.exceptions.PolarsError, UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CannotParse(
            "{path} cannot be read: {error}",
            "Check that it is a whole CSV, Excel or Parquet file",
            path=path,
            error=foreign(str(error).splitlines()[0]),
        ) from None
    except OSError as error:
        raise CannotDo(
            "{path} cannot be read: {error}", "Check the file and its permissions", path=path, error=error
        ) from None


# -- Parquet ------------------------------------------------------------------------------------------------------


def _parquet(path: Path, form: FileForm) -> Iterator[Piece]:
    scan = pl.scan_parquet(path)
    names = scan.collect_schema().names()
    columns = _demanded(path, names, form)
    chosen = scan.select(pl.col(theirs).alias(ours) for ours, theirs in columns.items())
    total: int = chosen.select(pl.len()).collect().item()
    state = ColumnReader(form)
    for start in range(0, total, ROWS_AT_ONCE):
        part = chosen.slice(start, ROWS_AT_ONCE).collect()
        yield _typed_piece(part, part, state, start + 1, total, columns)
    yield from _late(state, total, columns)


# -- clean CSV ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Header:
    line: bytes
    names: list[str]
    separator: str
    columns: dict[str, str]


def _clean_header(path: Path, form: FileForm) -> _Header | None:
    """The header of a CSV that polars may read as a stream; None where the one reader must look at the whole."""
    options = form.options
    if options.encoding not in ("", "utf-8") or options.sheet or options.order or options.decimal == ",":
        return None
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        with gzip.open(file) if packed else nullcontext(file) as stream:
            head = stream.read(_LOOK)
            if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
                return None
            text = head.decode("utf-8-sig", errors="ignore")
            separator = options.separator or separator_of(text)
            line = text.split("\n", 1)[0]
            try:
                names = next(csv.reader(io.StringIO(line, newline=""), delimiter=separator), [])
            except csv.Error:
                return None
            grid = Grid(file=path.name, rows=[RawRow(1, tuple(names))])
            header = find_header(grid, FIELDS, form.mapping) if any(names) else None
            wanted = set(form.wanted)
            if header is None or header.problems or not wanted <= set(header.fields) or len(set(names)) != len(names):
                return None
            suspect = b'"' if separator == "," else b","
            decoder = codecs.getincrementaldecoder("utf-8")()
            piece = head
            body = len(line.encode()) + 1
            while piece:
                if suspect in piece[body:]:
                    return None
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError:
                    return None
                piece, body = stream.read(_PIECE), 0
    columns = {ours: names[place] for ours, place in header.fields.items() if ours in wanted}
    return _Header(line.rstrip("\r").encode() + b"\n", names, separator, columns)


def _demanded(path: Path, names: list[str], form: FileForm) -> dict[str, str]:
    """Which column holds which field. Raises `Problems` where one is missing."""
    grid = Grid(file=path.name, rows=[RawRow(1, tuple(names))])
    header = find_header(grid, FIELDS, form.mapping)
    missing = [
        Sentence("line 1: no column {theirs!r} for {ours}", theirs=form.mapping.get(ours, ours), ours=ours)
        for ours in form.wanted
        if ours not in header.fields
    ]
    if missing:
        raise Problems(str(path), [*missing, Sentence("the columns are {names}; name them with --map", names=names)])
    return {ours: names[place] for ours, place in header.fields.items() if ours in form.wanted}


def _stream(path: Path, form: FileForm, directory: Mapping[str, Asset], header: _Header) -> Iterator[Piece]:
    size = path.stat().st_size
    state = ColumnReader(form)
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        with gzip.open(file) if packed else nullcontext(file) as stream:
            stream.readline()
            line = 2
            for block in _blocks(stream):
                lines = block.count(b"\n") + (not block.endswith(b"\n"))
                whole = _frame(header, block, lines)
                if whole is None or (line == 2 and _odd_times(whole, header, form)):
                    if line == 2:
                        yield read_whole(path, form, directory)
                        return
                    yield _block_by_cell(header, block, line, form, directory)
                else:
                    part = whole.select(pl.col(theirs).alias(ours) for ours, theirs in header.columns.items())
                    total = round((line + lines - 2) * size / max(1, file.tell()))
                    yield _typed_piece(part, whole, state, line, total, header.columns)
                line += lines
    yield from _late(state, line - 2, header.columns)


def _frame(header: _Header, block: bytes, lines: int) -> pl.DataFrame | None:
    """The block as text, a row a line; None where polars cannot or would lose something."""
    try:
        frame = pl.read_csv(
            header.line + block, separator=header.separator, infer_schema=False, truncate_ragged_lines=False
        )
    except pl.exceptions.PolarsError:
        return None
    return frame if frame.height == lines and len(frame.columns) == len(header.names) else None


def _odd_times(whole: pl.DataFrame, header: _Header, form: FileForm) -> bool:
    """Whether the first piece has times that only their column can tell."""
    time = whole.get_column(header.columns["time"]).head(_SAMPLE)
    naive = parsed_times(time, form.options.zone).get_column("naive")
    return bool((naive.is_null() & time.is_not_null()).mean() or 0)


def _block_by_cell(header: _Header, block: bytes, line: int, form: FileForm, directory: Mapping[str, Asset]) -> Piece:
    reader = csv.reader(io.StringIO(block.decode("utf-8"), newline=""), delimiter=header.separator)
    rows, at = [RawRow(line - 1, tuple(header.names))], line
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                rows.append(RawRow(at, tuple(cells)))
            at = line + reader.line_num
    except csv.Error as error:
        raise CannotParse(
            "{name}, line {line}: {error}", "Save it again as CSV", name="CSV", line=at, error=error
        ) from None
    grid = Grid(file="CSV", rows=rows)
    return typed(grid, find_header(Grid(file="CSV", rows=rows[:1]), FIELDS, form.mapping), form, directory)


def _blocks(stream: BufferedIOBase | gzip.GzipFile) -> Iterator[bytes]:
    """Runs of whole lines."""
    rest = b""
    while piece := stream.read(_PIECE):
        rest += piece
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
    if rest.strip():
        yield rest


# -- a piece ------------------------------------------------------------------------------------------------------


def _typed_piece(
    part: pl.DataFrame, whole: pl.DataFrame, state: ColumnReader, first: int, total: int, columns: Mapping[str, str]
) -> Piece:
    rows, refusals, later = state.take(part, whole, first)
    return Piece(
        rows=rows,
        refusals=refusals,
        cells=lambda line: whole.row(line - first),
        seen=part.height - later,
        total=total,
        columns=whole.columns,
        understood=columns,
    )


def _late(state: ColumnReader, total: int, columns: Mapping[str, str]) -> Iterator[Piece]:
    """Rows of hours that come twice, which the whole file tells apart."""
    rows, refusals, cells = state.rest()
    if rows.height or refusals:
        yield Piece(
            rows=rows,
            refusals=refusals,
            cells=cells.__getitem__,
            seen=rows.height + len(refusals),
            total=total,
            columns=list(columns.values()),
            understood=columns,
        )
