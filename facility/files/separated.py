"""Text tables: CSV and its kin, with any separator, packed or not."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path

from facility.errors import CannotParse
from facility.files.cells import Grid, RawRow
from facility.files.encodings import decode
from facility.i18n.messages import Sentence

SEPARATORS = (",", ";", "\t", "|")
LARGEST = 400 << 20  # bytes of an unpacked file: one of a megabyte can pack gigabytes
LONGEST_CELL = 131_072
_LOOK = 65_536  # characters looked at for the separator
_OFFICE = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked where it is gz. Raises `CannotParse`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "Check the name of the file", path=path, error=error
        ) from None
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        with gzip.open(io.BytesIO(raw)) as stream:
            unpacked = stream.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "Pack it again; it is damaged or cut off", path=path, error=error
        ) from None
    if len(unpacked) > LARGEST:
        raise CannotParse("{name} unpacks to more than {most} MB", "Split it", name=path.name, most=LARGEST >> 20)
    return unpacked


def read_separated(raw: bytes, *, file: str, encoding: str = "", separator: str = "") -> Grid:
    """The rows of a text table. Raises `CannotParse` where it is none."""
    if raw.startswith(_OFFICE):
        raise CannotParse("{name} is an Office file by another name", "Save it as .xlsx or as CSV", name=file)
    if raw.startswith(b"PAR1"):
        raise CannotParse("{name} is a Parquet file by another name", "Name it .parquet", name=file)
    decoded = decode(raw, file=file, asked=encoding)
    text, first, hinted = _without_hint(decoded.text)
    chosen = separator or hinted or separator_of(text)
    notes = []
    if decoded.encoding in ("gb18030", "cp1252") and not encoding:
        shown = "GB18030" if decoded.encoding == "gb18030" else "windows-1252"
        notes.append(Sentence("read as {encoding}", encoding=shown))
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=chosen, strict=True)
    rows, line = [], first
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(RawRow(line, tuple(cells)))
            line = first + reader.line_num
    except csv.Error as error:
        raise CannotParse(
            "{name}, line {line}: {error}", "Save it again as CSV", name=file, line=line, error=error
        ) from None
    return Grid(file=file, rows=rows, notes=notes, first=first, separator=chosen, encoding=decoded.encoding)


def _without_hint(text: str) -> tuple[str, int, str]:
    """Excel's first line `sep=;` says the separator and is none of the table's."""
    line, _, rest = text.partition("\n")
    hint = line.strip()
    if hint.lower().startswith("sep=") and len(hint) == 5:
        return rest, 2, hint[4]
    return (rest, 2, "\t") if line.lower().rstrip("\r\n") == "sep=\t" else (text, 1, "")


def separator_of(text: str) -> str:
    """The one that cuts the first lines into equally many parts, and into most."""
    head = text[:_LOOK]
    whole = len(head) == len(text)

    def fit(separator: str) -> tuple[float, int]:
        try:
            rows = [row for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator) if any(row)]
        except csv.Error:
            return 0.0, 0
        parts = [len(row) for row in (rows if whole or len(rows) < 3 else rows[:-1])[:200]]
        if not parts:
            return 0.0, 0
        usual = max(set(parts), key=lambda count: (parts.count(count), count))
        return (parts.count(usual) / len(parts), usual) if usual > 1 else (0.0, usual)

    return max(SEPARATORS, key=fit)
