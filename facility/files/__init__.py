"""One reader for all files that come in: CSV and its kin, gz, XLSX; whatever program wrote them.

    table = read_table(path, fields=FIELDS, mapping={"id": "asset", "kind:电梯": "lift"}, options=ReadOptions())
    for row in table.rows: row.text("id"), row.number("value"), row.day("done"), row.moment("time")
    for what in grouped(table.refusals): ...             # told in few lines
    keep_refused(folder, path.name, names, table.refusals)  # kept for a second try

`table.notes` says what was decided on the way (an encoding, merged cells, an order of day and month); `table.columns`
says what was understood of the header. docs/files.md describes the forms that are read and those that are refused.
"""

from facility.files.cells import Grid, RawRow, Refusal, Value, blank, words
from facility.files.clocks import localize, newest_first
from facility.files.columns import REASON_COLUMN, Column, Field, Header, Kind, find_header
from facility.files.moments import Order, read_moments
from facility.files.numerals import Mark, numeral, read_numbers
from facility.files.refused import grouped, keep_refused
from facility.files.tables import ReadOptions, Row, Table, read_grids, read_table

__all__ = [
    "REASON_COLUMN",
    "Column",
    "Field",
    "Grid",
    "Header",
    "Kind",
    "Mark",
    "Order",
    "RawRow",
    "ReadOptions",
    "Refusal",
    "Row",
    "Table",
    "Value",
    "blank",
    "find_header",
    "grouped",
    "keep_refused",
    "localize",
    "newest_first",
    "numeral",
    "read_grids",
    "read_moments",
    "read_numbers",
    "read_table",
    "words",
]
