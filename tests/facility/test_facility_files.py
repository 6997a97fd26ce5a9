"""The reader of all files that come in: read back what was written, or refuse by line."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import math
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from facility.errors import CannotParse, Problems
from facility.files import (
    Field,
    Kind,
    ReadOptions,
    Refusal,
    Table,
    grouped,
    keep_refused,
    localize,
    numeral,
    read_moments,
    read_numbers,
    read_table,
)
from facility.files.encodings import decode
from facility.i18n.messages import Sentence

BERLIN = ZoneInfo("Europe/Berlin")
FIELDS = (
    Field(key="id", required=True, aliases=("编号",)),
    Field(key="name", aliases=("名称",)),
    Field(key="value", kind=Kind.NUMBER, aliases=("数值",), units=("%",)),
    Field(key="done", kind=Kind.DATE, aliases=("日期",), months=True),
    Field(key="time", kind=Kind.MOMENT, aliases=("时间",)),
)


def saved(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def table(folder: Path, content: str | bytes, name: str = "t.csv", **options: object) -> Table:
    return read_table(saved(folder, content, name), fields=FIELDS, options=ReadOptions(**options))  # type: ignore[arg-type]


# -- encodings ----------------------------------------------------------------------------------------------------

WESTERN = ["Götgatan 5", "Skräddarvägen 12", "Hörnhissen", "Södra trappan", "Café Müller", "Escalera Niño", "20 °C",
           "Straße 3", "façade élevée", "Århus", "Übergröße"]  # fmt: skip
CHINESE = ["3号楼 东侧客梯", "四号楼 西侧货梯", "消防水泵", "地下车库照明回路", "1单元电梯", "滨江花园"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@given(st.lists(st.sampled_from(WESTERN), min_size=1, max_size=6))
def test_western_words_are_read_back(encoding: str, names: list[str]) -> None:
    text = "id,name\n" + "".join(f"H-{number},{name}\n" for number, name in enumerate(names))
    assert decode(text.encode(encoding), file="t").text == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
@given(st.lists(st.sampled_from(CHINESE), min_size=1, max_size=6))
def test_chinese_words_are_read_back(encoding: str, names: list[str]) -> None:
    text = "id,name\n" + "".join(f"H-{number},{name}\n" for number, name in enumerate(names))
    assert decode(text.encode(encoding), file="t").text == text


@given(st.text(alphabet=st.characters(codec="cp1252", exclude_categories=["Cc"]), min_size=1, max_size=30))
@example("Götgatan")
@example("ÄÖ")
def test_an_eight_bit_file_is_never_read_as_the_other(words: str) -> None:
    assume(any(ord(one) > 127 for one in words))
    raw = words.encode("cp1252")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return
    try:
        found = decode(raw, file="t")
    except CannotParse:
        return
    if found.encoding == "gb18030":  # then it is made of common characters only
        strange = [one for one in found.text if ord(one) > 127]
        assert sum(len(one.encode("gb18030")) == 2 for one in strange) >= 0.6 * len(strange)


def test_what_may_be_either_is_shown_in_both_readings_and_taken_when_said() -> None:
    raw = b"id,name\n1,A\xc4\xd6\n"
    with pytest.raises(CannotParse, match=r"GB18030 \('A闹'\) or windows-1252 \('AÄÖ'\)"):
        decode(raw, file="t")
    assert decode(raw, file="t", asked="gb18030").text.endswith("A闹\n")
    assert decode(raw, file="t", asked="windows-1252").text.endswith("AÄÖ\n")
    with pytest.raises(CannotParse, match="no encoding"):
        decode(raw, file="t", asked="klingon")
    with pytest.raises(CannotParse, match="no text file"):
        decode(b"\x89PNG\0\0\1\2\3" * 20, file="t")


@pytest.mark.parametrize("encoding", ["cp1251", "iso8859-2", "big5", "shift_jis"])
def test_other_code_pages_are_asked_for(encoding: str) -> None:
    words = {
        "cp1251": "Улица Ленина, дом",
        "iso8859-2": "Łódź, żółć, część",
        "big5": "電梯設備編號",
        "shift_jis": "エレベーター",
    }
    text = "id;name\n1;" + words[encoding] + "\n"
    with pytest.raises(CannotParse, match="--encoding"):
        decode(text.encode(encoding), file="t")
    assert decode(text.encode(encoding), file="t", asked=encoding).text == text


# -- text tables --------------------------------------------------------------------------------------------------

plain = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), max_size=12)


@given(
    st.lists(st.tuples(plain, plain), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_a_table_is_read_back_whatever_its_separator_and_encoding(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    separator: str,
    encoding: str,
    ending: str,
    packed: bool,
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "name"])
    writer.writerows(rows)
    raw = stream.getvalue().encode(encoding)
    path = tmp_path_factory.getbasetemp() / ("any.csv.gz" if packed else "any.csv")
    path.write_bytes(gzip.compress(raw) if packed else raw)
    found = read_table(path, fields=FIELDS)
    wanted = [(number, *row) for number, row in enumerate(rows, start=2) if any(row) and row != ("id", "name")]
    assert [(row.line, row.text("id"), row.text("name")) for row in found.rows] == wanted
    assert not found.refusals


def test_a_cell_too_many_costs_its_row_and_is_kept(tmp_path: Path) -> None:
    found = table(tmp_path, "id,value\nL-1,41,5\nL-1,42,7\nL-1,43.1\nL-2,1,\n")
    assert [(row.line, row.number("value")) for row in found.rows] == [(4, 43.1), (5, 1.0)]
    assert [str(one) for one in grouped(found.refusals)] == ["2 rows alike (lines 2, 3): 3 cells under 2 columns"]
    path = keep_refused(tmp_path / "refused", "t.csv", [one.name for one in found.columns], found.refusals)
    assert keep_refused(tmp_path / "refused", "t.csv", ["id", "value"], found.refusals) == path
    mended = path.read_text("utf-8-sig").replace("L-1,41,5,", "L-1,41.5,,").replace("L-1,42,7,", "L-1,42.7,,")
    again = table(tmp_path, mended, "mended.csv")
    assert [row.number("value") for row in again.rows] == [41.5, 42.7]
    assert again.rows[0].extra == {}


def test_a_title_a_hint_and_a_repeated_header_are_passed_over(tmp_path: Path) -> None:
    found = table(tmp_path, "sep=;\n设备台账;;\n制表人;张;\n编号;名称;数值\n1;甲;1,5\n编号;名称;数值\n2;乙;2,5\n")
    assert [(row.line, row.text("name"), row.number("value")) for row in found.rows] == [(5, "甲", 1.5), (7, "乙", 2.5)]
    assert found.header_line == 4
    assert any("2 lines above" in str(one) for one in found.notes)


def test_words_of_the_file_may_mean_ours_and_columns_be_named(tmp_path: Path) -> None:
    path = saved(tmp_path, "nr,what\n1,Aufzug\n2,lift\n")
    found = read_table(path, fields=FIELDS, mapping={"id": "nr", "name": "what", "name:Aufzug": "lift"})
    assert [row.text("name") for row in found.rows] == ["lift", "lift"]
    with pytest.raises(Problems, match=r"line 1: no column 'number' for 'id'; columns: nr, what"):
        read_table(path, fields=FIELDS, mapping={"id": "number"})
    with pytest.raises(Problems, match=r"line 1: no column 'id'.*--map id=COLUMN"):
        read_table(path, fields=FIELDS)


def test_forty_thousand_alike_are_one_line() -> None:
    refusals = [
        Refusal(line=line, what=Sentence("a cell of more than {most} characters", most=5)) for line in range(40_000)
    ]
    (told,) = grouped(refusals)
    assert str(told).startswith("40,000 rows alike (lines 0, 1, 2, 3, 4, …): ")
    different = [Refusal(line=line, what=Sentence("{words!r} is no number", words=str(line))) for line in range(30)]
    assert len(grouped(different)) == 1
    assert len(grouped(different[:10])) == 10


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    for name in ("any.csv", "any.xlsx", "any.csv.gz"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(raw)
        with contextlib.suppress(CannotParse):
            read_table(path, fields=FIELDS)


# -- numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("1.043,5", 1043.5), ("1,043.5", 1043.5), ("1 043,5", 1043.5), ("1\u00a0043,5", 1043.5), ("１２３", 123),
        ("4e3", 4000), ("4,5e3", 4500), ("-3e-2", -0.03), ("−5", -5), ("0,043", 0.043), ("1'043.5", 1043.5),
        ("1,234,567", 1234567), ("1.234.567", 1234567), (".5", 0.5), ("1.043", 1.043), ("12%", 12), ("12 %", 12),
        ("5.", 5), ("1,00,000.5", 100000.5),
    ],
)  # fmt: skip
def test_ways_to_write_a_number(words: str, value: float) -> None:
    found = read_numbers([words], units=("%",))
    assert not found.problems
    assert found.values == [value]


@pytest.mark.parametrize(
    "words",
    [
        "x",
        "1.2.3",
        "12:30",
        "5²",
        "①",
        "1,2,3",
        "--1",
        "0x10",
        "1e",
        "12 km",
        "9" * 30_000,
        "20 5",
        "nan",
        "inf",
        "1e999",
    ],
)
def test_what_is_no_number_is_refused(words: str) -> None:
    found = read_numbers([words], units=("%",))
    assert math.isnan(found.values[0])
    assert 0 in found.problems


def test_a_mark_that_may_be_either_is_decided_by_its_column_or_asked() -> None:
    assert "--decimal" in str(read_numbers(["1,043"]).problems[0])
    assert read_numbers(["1,043", "41,5"]).values == [1.043, 41.5]
    assert read_numbers(["1,043", "41.5"]).values == [1043, 41.5]
    assert read_numbers(["1.043", "41,5"]).values == [1043, 41.5]
    assert read_numbers(["1,043"], decimal=",").values == [1.043]
    assert read_numbers(["1,043"], decimal=".").values == [1043]
    assert set(read_numbers(["1,043", "1.043", "41.5", "41,5"]).problems) == {0, 1}
    assert set(read_numbers(["41.5", "41,5"], decimal=",").problems) == {0}


def grouped_digits(value: float, decimals: int, decimal: str, thousands: str) -> str:
    return f"{value:,.{decimals}f}".translate(str.maketrans({",": thousands, ".": decimal}))


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=10),
    st.integers(0, 4),
    st.sampled_from([(".", ","), (",", "."), (",", " "), (".", " "), (".", "'"), (".", ""), (",", "")]),
    st.booleans(),
)
def test_numbers_are_read_back_or_refused(
    values: list[float], decimals: int, marks: tuple[str, str], said: bool
) -> None:
    decimal, thousands = marks
    cells = [grouped_digits(value, decimals, decimal, thousands) for value in values]
    found = read_numbers(cells, decimal=decimal if said else "")  # type: ignore[arg-type]
    for place, value in enumerate(values):
        point = not said and (decimals == 3 or decimals == 0) and decimal == ","  # 1.043 reads as written by a program
        if place in found.problems:
            assert not said
        elif not point:
            assert found.values[place] == round(value, decimals)


# -- dates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["2026年3月5日", "２０２６年３月５日", "20260305", "2026-03-05", "2026/3/5", "2026.3.5", "05.03.2026", "5 Mar 2026",
     "March 5, 2026", "2026-03-05 星期四", "05-Mar-2026", "2026年3月5号"],
)  # fmt: skip
def test_ways_to_write_a_day(words: str) -> None:
    assert read_moments([words]).values == [datetime(2026, 3, 5)]


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("2026-03-05T14:30:00Z", datetime(2026, 3, 5, 14, 30, tzinfo=UTC)),
        ("2026-03-05 14:30:00.5+08:00", datetime(2026, 3, 5, 6, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-03-05T14:30-0500", datetime(2026, 3, 5, 19, 30, tzinfo=UTC)),
        ("2026年3月5日 下午2点30分", datetime(2026, 3, 5, 14, 30)),
        ("2026年3月5日14时30分", datetime(2026, 3, 5, 14, 30)),
        ("2026/3/5 2:30 PM", datetime(2026, 3, 5, 14, 30)),
        ("20260305143000", datetime(2026, 3, 5, 14, 30)),
        ("202603051430", datetime(2026, 3, 5, 14, 30)),
        ("20260305 1430", datetime(2026, 3, 5, 14, 30)),
        ("1772692200", datetime(2026, 3, 5, 6, 30, tzinfo=UTC)),
        ("1772692200000", datetime(2026, 3, 5, 6, 30, tzinfo=UTC)),
        ("2026-03-05 24:00", datetime(2026, 3, 6)),
    ],
)
def test_ways_to_write_a_moment(words: str, moment: datetime) -> None:
    assert read_moments([words]).values == [moment]


@pytest.mark.parametrize(
    "words",
    [
        "2026-02-30",
        "yesterday",
        "25:00",
        "2026-03-05 25:00",
        "32.01.2026",
        "5/3/26",
        "13/13/2026",
        "99999999999999",
        "2020年11月",
    ],
)
def test_what_is_no_day_is_refused(words: str) -> None:
    found = read_moments([words])
    assert found.values == [None]
    assert 0 in found.problems


def test_a_month_is_enough_where_that_is_said() -> None:
    found = read_moments(["2020年11月", "2019", "2020-11"], months=True)
    assert found.values == [datetime(2020, 11, 1), datetime(2019, 1, 1), datetime(2020, 11, 1)]
    assert found.precisions == ["month", "year", "month"]


@given(
    st.lists(st.dates(date(1950, 1, 1), date(2100, 1, 1)), min_size=1, max_size=12),
    st.booleans(),
    st.sampled_from("/-"),
)
def test_day_and_month_are_never_swapped(days: list[date], day_first: bool, mark: str) -> None:
    form = f"%d{mark}%m{mark}%Y" if day_first else f"%m{mark}%d{mark}%Y"
    cells = [f"{day:{form}}" for day in days]
    found = read_moments(cells)
    telling = any(day.day > 12 for day in days)
    for place, day in enumerate(days):
        if telling or day.day == day.month:
            assert found.values[place] == datetime(day.year, day.month, day.day)
        else:
            assert "--date-order" in str(found.problems[place])
    asked = read_moments(cells, order="dmy" if day_first else "mdy")
    assert asked.values == [datetime(day.year, day.month, day.day) for day in days]


# -- zones --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [5, 15, 20, 30, 60])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai"])
def test_a_night_of_two_hours_is_read_back_in_either_order(step: int, backwards: bool, zone: str) -> None:
    place = ZoneInfo(zone)
    start = {
        "Europe/Berlin": datetime(2026, 10, 24, 20, tzinfo=UTC),
        "America/New_York": datetime(2026, 11, 1, tzinfo=UTC),
        "Australia/Lord_Howe": datetime(2026, 4, 4, 10, tzinfo=UTC),
        "Asia/Shanghai": datetime(2026, 10, 24, tzinfo=UTC),
    }[zone]
    moments = [start + timedelta(minutes=step * number) for number in range(12 * 60 // step)]
    moments = moments[::-1] if backwards else moments
    found = localize([moment.astimezone(place).replace(tzinfo=None) for moment in moments], place)
    told = set(found.problems)
    assert all(found.values[number] == moment for number, moment in enumerate(moments) if number not in told)
    assert not told or zone == "Australia/Lord_Howe"  # half an hour only: a step of an hour shows one of the two
    assert step > 30 or not told


def test_a_lone_hour_that_comes_twice_is_refused_or_taken_and_told() -> None:
    values = [datetime(2026, 10, 25, 2, 30), datetime(2026, 3, 29, 2, 30), None]
    found = localize(values, BERLIN)
    assert "comes twice" in str(found.problems[0])
    assert "never came" in str(found.problems[1])
    assert found.values == [None, None, None]
    first = localize(values, BERLIN, earliest=True)
    assert first.values[0] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert first.twice == [0]


# -- workbooks ----------------------------------------------------------------------------------------------------


def workbook(path: Path, rows: list[list[object]], *, merged: tuple[str, ...] = (), mac: bool = False) -> Path:
    book = openpyxl.Workbook()
    if mac:
        book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for area in merged:
        sheet.merge_cells(area)
    book.save(path)
    return path


@pytest.mark.parametrize("mac", [False, True])
def test_a_workbook_with_a_title_merged_cells_and_dates_of_either_epoch(tmp_path: Path, mac: bool) -> None:
    moment = datetime(2026, 11, 20, 9, 0)
    path = workbook(
        tmp_path / "t.xlsx",
        [["设备台账", None, None], [], ["编号", "时间", "数值"], [1, moment, 5], [2, None, 6.5], [3, None, "7,25"]],
        merged=("A1:C1", "B4:B6"),
        mac=mac,
    )
    found = read_table(path, fields=FIELDS, options=ReadOptions(zone=ZoneInfo("Asia/Shanghai")))
    assert [(row.line, row.text("id"), row.number("value")) for row in found.rows] == [
        (4, "1", 5),
        (5, "2", 6.5),
        (6, "3", 7.25),
    ]
    assert {row.moment("time") for row in found.rows} == {datetime(2026, 11, 20, 1, 0, tzinfo=UTC)}
    assert any("B4:B6" in str(note) for note in found.notes)


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(CHINESE)), min_size=1, max_size=6))
def test_merged_cells_are_read_as_if_each_had_its_value(
    tmp_path_factory: pytest.TempPathFactory, groups: list[tuple[int, str]]
) -> None:
    rows: list[list[object]] = [["id", "name"]]
    areas, wanted = [], []
    for size, name in groups:
        first = len(rows) + 1
        for number in range(size):
            rows.append([f"W-{len(rows)}", name if number == 0 else None])
            wanted.append(name)
        if size > 1:
            areas.append(f"B{first}:B{first + size - 1}")
    path = workbook(tmp_path_factory.getbasetemp() / "merged.xlsx", rows, merged=tuple(areas))
    assert [row.text("name") for row in read_table(path, fields=FIELDS).rows] == wanted


def test_a_formula_without_a_result_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", [["id", "value"], ["1", "=1+1"], ["2", 5]])
    found = read_table(path, fields=FIELDS)
    assert [row.text("id") for row in found.rows] == ["2"]
    assert "B2: a formula" in str(grouped(found.refusals)[0])


def repacked(path: Path, part: str, content: bytes) -> Path:
    with zipfile.ZipFile(path) as packed:
        parts = {one: packed.read(one) for one in packed.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, held in (parts | {part: content}).items():
            packed.writestr(name, held)
    return path


def test_bombs_passwords_and_other_names_are_refused_in_words(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", [["id"], ["1"]])
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    for part in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "[Content_Types].xml"):
        with pytest.raises(CannotParse, match="document type"):
            read_table(repacked(workbook(path, [["id"], ["1"]]), part, bomb), fields=FIELDS)
    with pytest.raises(CannotParse, match="document type"):
        read_table(
            repacked(workbook(path, [["id"], ["1"]]), "xl/workbook.xml", bomb.decode().encode("utf-16")), fields=FIELDS
        )
    with pytest.raises(CannotParse, match="unpacks to more than"):
        read_table(repacked(workbook(path, [["id"], ["1"]]), "xl/big.bin", bytes(401 << 20)), fields=FIELDS)
    with pytest.raises(CannotParse, match="unpacks to more than"):
        read_table(saved(tmp_path, gzip.compress(bytes(401 << 20)), "t.csv.gz"), fields=FIELDS)
    with pytest.raises(CannotParse, match="password"):
        read_table(saved(tmp_path, b"\xd0\xcf\x11\xe0" + bytes(600), "p.xlsx"), fields=FIELDS)
    with pytest.raises(CannotParse, match="by another name"):
        read_table(saved(tmp_path, workbook(path, [["id"], ["1"]]).read_bytes(), "t.csv"), fields=FIELDS)
    with pytest.raises(CannotParse, match="not an Excel workbook"):
        read_table(saved(tmp_path, "id\n1\n", "renamed.xlsx"), fields=FIELDS)
    with pytest.raises(CannotParse, match="no sheet 'x'"):
        read_table(path, fields=FIELDS, options=ReadOptions(sheet="x"))


def test_numeral_knows_what_its_form_proves() -> None:
    assert numeral("1,5") is not None
    assert [numeral(words).evidence for words in ("1,5", "1.5", "1,043", "15")] == [",", ".", "", ""]  # type: ignore[union-attr]
