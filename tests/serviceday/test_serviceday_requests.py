"""Residents' reports: what they are about, where they point, which are the same, and who may know who said so."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.errors import CannotDo, CannotParse, Problems
from facility.estate import Asset, Building, Estate, Site
from facility.records import Records
from facility.reports import Kind, Report, Reporter
from serviceday.reports import Gazetteer, Intake, Said, keys, named, read_reports, requests, suggest, taxonomy
from serviceday.reports.address_parser import number, read_place
from serviceday.reports.duplicates import alike
from serviceday.reports.privacy import without_contacts

NOW = datetime(2026, 3, 12, 4, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
ESTATE = Estate(
    sites=(Site(id="s", name="滨河花园"), Site(id="t", name="星河中心")),
    buildings=(
        *(Building(id=f"s-{n}", site="s", name=f"{n}号楼") for n in range(1, 4)),
        Building(id="t-3", site="t", name="3号楼"),
        Building(id="club", site="s", name="业主会所"),
    ),
    assets=(
        Asset(id="EL-1", kind="lift", site="s", building="s-1", name="1号客梯"),
        Asset(id="EL-2", kind="lift", site="s", building="s-1", name="2号客梯"),
        Asset(id="EL-3", kind="lift", site="s", building="s-2", name="=HYPERLINK(1)"),
        Asset(id="EL-4", kind="lift", site="s", building="s-3", name="1号客梯"),
        Asset(id="EL-5", kind="lift", site="t", building="t-3", name="1号客梯"),
        Asset(id="LC-1", kind="lighting_circuit", site="s", building="s-1", floor="5F", name="1号照明回路"),
        Asset(id="LC-2", kind="lighting_circuit", site="s", building="s-1", floor="B1", name="2号照明回路"),
        Asset(id="PS-1", kind="pump_set", site="s", building="s-1", floor="B1", name="1号消防泵组"),
    ),
)
PLACES = Gazetteer(ESTATE.sites, ESTATE.buildings, ESTATE.assets)


def taken(*said: Said | str, earlier: tuple[Report, ...] = ()) -> list[Report]:
    intake = Intake(PLACES, earlier)
    whole = [one if isinstance(one, Said) else Said(text=one, at=NOW) for one in said]
    return [intake.take(one, source="desk")[0] for one in whole]


# --- category --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "kind", "subject"),
    [
        ("三号楼电梯关门很慢", Kind.PUBLIC_REPAIR, "lift"),
        ("The lift in building 3 closes very slowly", Kind.PUBLIC_REPAIR, "lift"),
        ("电梯厅灯坏了", Kind.PUBLIC_REPAIR, "lighting"),
        ("corridor light on the 5th floor is broken", Kind.PUBLIC_REPAIR, "lighting"),
        ("我家厨房水龙头漏水", Kind.HOME_REPAIR, "leak"),
        ("My kitchen tap is leaking", Kind.HOME_REPAIR, "leak"),
        ("烟感一直报警", Kind.PUBLIC_REPAIR, "fire"),
        ("门禁刷卡打不开", Kind.PUBLIC_REPAIR, "access"),
        ("广场舞太吵了", Kind.COMPLAINT, "noise"),
        ("The bins smell terrible, I complain: rubbish everywhere", Kind.COMPLAINT, "cleaning"),
        ("草坪需要修剪,枯枝很多", Kind.PUBLIC_REPAIR, "greenery"),
        ("表扬李师傅,服务周到", Kind.PRAISE, ""),
        ("请问物业费怎么缴", Kind.QUESTION, "charges"),
        ("When will the service charge invoice arrive?", Kind.QUESTION, "charges"),
        ("地下车库停车位被占", Kind.PARKING, "parking"),
        ("Parking space blocked by a van", Kind.PARKING, "parking"),
        ("hello", Kind.UNCLEAR, ""),
    ],
)
def test_words_of_either_language_say_the_category_and_why(words: str, kind: Kind, subject: str) -> None:
    found = suggest(words)
    assert (found.subject, found.kind) == (subject, kind)
    if found.kind is not Kind.UNCLEAR:
        assert 0.3 <= found.sure < 1
        quoted = found.why.zh.split("“")[1].split("”")[0]
        assert quoted in words.casefold()
    assert named(found).zh
    assert named(found).en


def test_rivals_make_it_unsure_and_danger_is_urgent() -> None:
    assert suggest("树枝挡住路灯").sure < suggest("路灯不亮").sure
    assert suggest("电梯困人,快来").urgent
    assert suggest("smoke coming out of the meter box").urgent
    assert not suggest("电梯很慢").urgent


def test_every_subject_has_words_in_both_scripts_and_known_equipment() -> None:
    for subject in taxonomy().subjects.values():
        words = subject.vocabulary.weights
        assert any(word.isascii() for word in words), subject.key
        assert any(not word.isascii() for word in words), subject.key
    assert set(taxonomy().kinds) == set(Kind) - {Kind.UNCLEAR}


# --- place -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    ["滨河花园3号楼", "滨河花园三号楼", "滨河花园 3# ", "滨河花园3栋", "滨河花园 Building 3", "滨河花园B3", "s-3"],
)
def test_a_building_is_found_however_it_is_written(said: str) -> None:
    (report,) = taken(Said(text="电梯关门很慢", at=NOW, place=said))
    assert (report.place.site, report.place.building, report.place.asset) == ("s", "s-3", "EL-4")
    assert report.place.why.zh
    assert report.place.why.en


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("3-2-501", ("3", "2", "5", "501")),
        ("十二栋二单元1203室", ("12", "2", "12", "1203")),
        ("Flat 1203, block 7", ("7", "", "12", "1203")),
        ("3号楼B1", ("3", "", "-1", "")),
        ("building three, fifth floor", ("3", "", "5", "")),
        ("地下二层", ("", "", "-2", "")),
        ("12F", ("", "", "12", "")),
        ("2幢3-501", ("2", "3", "5", "501")),
        ("3号楼301王阿姨家漏水", ("3", "", "3", "301")),
        ("12#1203", ("12", "", "12", "1203")),
        ("3号楼-2-501", ("3", "2", "5", "501")),
        ("3/501", ("3", "", "5", "501")),
        ("我住602", ("", "", "6", "602")),
        ("1号楼东单元", ("1", "东", "", "")),
        ("3號樓2單元", ("3", "2", "", "")),
        ("#3 building", ("3", "", "", "")),
        ("A区105车位", ("", "", "", "")),
        ("B2-238号车位", ("", "", "", "")),
        ("parking space 214, building 3", ("3", "", "", "")),
        ("3号楼(全角)", ("3", "", "", "")),
    ],
)
def test_parts_of_a_place_are_read(said: str, parts: tuple[str, ...]) -> None:
    found = read_place(said)
    assert (found.building, found.unit, found.floor, found.room) == parts


def test_what_could_be_several_places_is_not_guessed() -> None:
    (report,) = taken("三号楼电梯关门很慢")
    assert not report.place.resolved
    assert report.place.choices == ("s/s-3", "t/t-3")
    assert not report.place.asset
    (nowhere,) = taken("电梯关门很慢")
    assert not nowhere.place.resolved
    (unknown,) = taken(Said(text="电梯很慢", at=NOW, place="滨河花园99号楼"))
    assert not unknown.place.resolved
    assert "99" in unknown.place.why.zh


def test_the_asset_is_named_by_number_by_floor_by_id_or_left_open() -> None:
    of = {
        "滨河花园1号楼2号电梯异响": "EL-2",
        "滨河花园1号楼电梯异响": "",
        "滨河花园1号楼5楼灯不亮": "LC-1",
        "滨河花园1号楼地下一层灯不亮": "LC-2",
        "滨河花园1号楼9楼灯不亮": "",
        "滨河花园1号楼 lift 2 is slow": "EL-2",
        "LC-2 闪烁": "LC-2",
    }
    assert {words: taken(words)[0].place.asset for words in of} == of


def test_a_misspelt_name_is_found_and_said_so() -> None:
    (report,) = taken(Said(text="灯不亮", at=NOW, place="业主会馆"))
    assert report.place.building == "club"
    assert "相近" in report.place.why.zh


@given(st.integers(1, 999))
def test_chinese_numerals_are_read(value: int) -> None:
    digits = "零一二三四五六七八九"
    hundreds, tens, ones = value // 100, value // 10 % 10, value % 10
    words = f"{digits[hundreds]}百" if hundreds else ""
    words += f"{digits[tens]}十" if tens else ("零" if hundreds and ones else "")
    words += digits[ones] if ones else ""
    assert number(words) == value
    if 10 <= value < 20:
        assert number(words.removeprefix("一")) == value


@given(st.text(max_size=80), st.text(max_size=40))
def test_no_words_break_the_reading(text: str, place: str) -> None:
    report, reporter = Intake(PLACES, ()).take(Said(text=text, at=NOW, place=place), source="x")
    assert report.place.why.zh
    assert 0 <= report.category.sure <= 1
    assert repr(reporter) == "Reporter(...)"


# --- duplicates ------------------------------------------------------------------------------------------------------


def test_the_same_thing_said_twice_is_one() -> None:
    first, again, english = taken(
        "滨河花园3号楼电梯关门很慢", "3栋电梯门关得慢,滨河花园", "滨河花园 building 3 lift door close slow"
    )
    assert first.merged_into is None
    assert again.merged_into == -1, "by its place in the run"
    assert english.merged_into == -1, "the same lift, the same day: whatever the words"


def test_what_differs_in_place_subject_time_or_wish_is_not_merged() -> None:
    base = Said(text="滨河花园1号楼5楼灯不亮", at=NOW)
    others = [
        Said(text="滨河花园1号楼8楼灯不亮", at=NOW),
        Said(text="滨河花园2号楼5楼灯不亮", at=NOW),
        Said(text="滨河花园1号楼5楼漏水", at=NOW),
        Said(text="滨河花园1号楼5楼灯不亮", at=NOW + timedelta(days=30)),
        Said(text="灯不亮", at=NOW),
    ]
    for other in others:
        assert taken(base, other)[1].merged_into is None, other.text
    praise = "表扬滨河花园1号楼电梯师傅"
    assert taken(praise, praise)[1].merged_into is None, "each praise counts"


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_a_symmetric_share(one: str, other: str) -> None:
    assert alike(one, one) == pytest.approx(1)
    assert alike(one, other) == alike(other, one)
    assert 0 <= alike(one, other) <= 1


# --- who reported ----------------------------------------------------------------------------------------------------


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records(tmp_path / "records.sqlite") as opened:
        opened.estate.put(ESTATE)
        yield opened


def put(records: Records, *said: Said) -> list[Report]:
    intake = Intake(PLACES, records.reports.all(closed=False))
    found = zip(keys(said), said, strict=True)
    known = records.reports.known(keys(said))
    return records.reports.add([(k, *intake.take(one, source="f.csv")) for k, one in found if k not in known], now=NOW)


def test_phones_in_the_words_go_to_the_reporters_record() -> None:
    words, found = without_contacts("灯不亮,电话138 0013 8000或021-55550100,a.b@example.org,+49 170 1234567")
    assert found == ["138 0013 8000", "021-55550100", "a.b@example.org", "+49 170 1234567"]
    assert not any(sign.isdigit() for sign in words)
    assert without_contacts("3号楼 2026-03-12 1203室 EL-1380013800012")[1] == []


def test_who_reported_is_in_no_report_no_request_and_no_other_table(records: Records, tmp_path: Path) -> None:
    said = Said(text="滨河花园3号楼电梯关门很慢 13900001111", at=NOW, name="王女士", phone="13800138000")
    (kept,) = put(records, said)
    everything = repr((kept, records.reports.all(), records.reports.trail(kept.id), requests([kept], SHANGHAI), said))
    for private in ("王女士", "13800138000", "13900001111"):
        assert private not in everything
    assert records.reports.reporter(kept.id, by="desk", now=NOW) == Reporter(
        name="王女士", phone="13800138000, 13900001111"
    )
    assert [(step.what, step.who) for step in records.reports.trail(kept.id)][-1] == ("contact_seen", "desk")
    with sqlite3.connect(tmp_path / "records.sqlite") as raw:
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        every = {table: repr(raw.execute(f"SELECT * FROM {table}").fetchall()) for table in tables}
    holding = {table for table, rows in every.items() if "1380013" in rows}
    assert holding == {"reporter"}

    assert records.reports.forget([kept.id], by="desk", now=NOW) == 1
    assert not records.reports.reporter(kept.id, by="desk", now=NOW)
    assert records.reports.get(kept.id).text == kept.text
    assert put(records, said) == [], "forgotten, and still known when it is imported again"


# --- life ------------------------------------------------------------------------------------------------------------


def test_importing_again_changes_nothing_and_alike_rows_stay_apart(records: Records) -> None:
    said = [Said(text="滨河花园1号楼5楼灯不亮", at=NOW, phone=phone) for phone in ("13700000001", "13700000002")]
    first = put(records, *said)
    assert [one.merged_into for one in first] == [None, first[0].id]
    assert put(records, *said) == []
    (report,) = records.reports.all()
    assert report.reporters == 2
    (request,) = requests([report], SHANGHAI)
    assert (request.count, request.asset, request.category) == (2, "LC-1", "lighting")


def test_merging_splitting_closing_and_opening_again(records: Records) -> None:
    lift, lamp, leak = put(
        records,
        Said(text="滨河花园3号楼电梯慢", at=NOW),
        Said(text="滨河花园1号楼5楼灯不亮", at=NOW),
        Said(text="滨河花园2号楼漏水", at=NOW),
    )
    reports = records.reports
    reports.merge(lamp.id, lift.id, by="a", now=NOW)
    assert reports.merge(leak.id, lift.id, by="a", now=NOW).reporters == 3
    assert [one.id for one in reports.merged(lift.id)] == [lamp.id, leak.id]
    with pytest.raises(CannotDo, match="merged into"):
        reports.close(lamp.id, by="a", now=NOW)
    with pytest.raises(CannotDo, match="itself"):
        reports.merge(lift.id, lift.id, by="a", now=NOW)
    assert reports.split(leak.id, by="a", now=NOW).open
    assert reports.close(lift.id, by="a", now=NOW, note="done").closed_at == NOW
    assert [one.id for one in reports.all(closed=False)] == [leak.id]
    assert {one.id: one.closed for one in requests(reports.all(), SHANGHAI)}[f"R{lift.id}"] == NOW.date()
    with pytest.raises(CannotDo, match="is closed"):
        reports.close(lift.id, by="a", now=NOW)
    assert reports.reopen(lift.id, by="a", now=NOW).open
    assert [step.what for step in reports.trail(lift.id)] == [
        "received", "joined", "joined", "left", "closed", "reopened",
    ]  # fmt: skip
    with pytest.raises(CannotDo, match="no report 99"):
        reports.get(99)


def test_only_what_asks_for_work_is_planned(records: Records) -> None:
    kept = put(
        records,
        Said(text="表扬滨河花园保安", at=NOW),
        Said(text="请问物业费怎么缴", at=NOW),
        Said(text="滨河花园1号楼消防泵房漏水", at=NOW),
    )
    (request,) = requests(kept, SHANGHAI)
    assert (request.id, request.building, request.reported) == (f"R{kept[2].id}", "s-1", NOW.date())


# --- files -----------------------------------------------------------------------------------------------------------


def read(path: Path, **mapping: str) -> list[Said]:
    return read_reports(path, mapping=mapping, timezone=SHANGHAI, now=NOW)


def test_a_hotlines_csv_and_xlsx_say_the_same(tmp_path: Path) -> None:
    heads = ["报修时间", "报修内容", "房号", "姓名", "联系电话"]
    rows = [
        ["2026-03-10 09:00", "楼道灯不亮", "1栋5楼", "张三", "13700001234"],
        ["2026/3/11", "电梯,很慢", "3栋", "", ""],
    ]
    csv_file, book_file = tmp_path / "r.csv", tmp_path / "r.xlsx"
    quoted = [",".join(f'"{cell}"' for cell in row) for row in [heads, *rows]]
    csv_file.write_bytes("\r\n".join(quoted).encode("gb18030"))
    book = openpyxl.Workbook()
    for row in [heads, [datetime(2026, 3, 10, 9), *rows[0][1:4], 13700001234], [rows[1][0], *rows[1][1:]]]:
        book.active.append(row)
    book.save(book_file)
    assert read(csv_file) == read(book_file)
    assert [one.at for one in read(csv_file)] == [
        datetime(2026, 3, 10, 1, tzinfo=UTC), datetime(2026, 3, 10, 16, tzinfo=UTC),
    ]  # fmt: skip
    assert read(csv_file)[0].phone == "13700001234"


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("time,text\n2026-13-01,lamp\n\n,\n2026-03-01,\n2027-01-01,lift\nyesterday,lift\n")
    with pytest.raises(Problems) as told:
        read(file)
    assert [problem.split(":")[0] for problem in told.value.problems] == ["line 2", "line 5", "line 6", "line 7"]


def test_columns_can_be_mapped_and_wrong_names_are_told(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("Issue;Address\nlift is slow;building 3\n")
    (said,) = read(file, text="Issue", place="Address")
    assert (said.text, said.place) == ("lift is slow", "building 3")
    with pytest.raises(Problems, match=r"--map text=COLUMN.*Issue, Address"):
        read(file)
    with pytest.raises(Problems, match=r"no column 'Nothing'"):
        read(file, text="Nothing")
    with pytest.raises(Problems, match="not a field"):
        read(file, wrong="Issue", text="Issue")


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "wrong.xlsx").write_text("no workbook")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\xff" * 9)
    (tmp_path / "book.csv").write_bytes(b"PK\x03\x04")
    for name in ("none.csv", "none.xlsx", "empty.csv", "wrong.xlsx", "binary.csv", "book.csv"):
        with pytest.raises(CannotParse, match=name):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("words", "building", "unit", "room"),
    [
        ("2幢3-501", "2", "3", "501"),
        ("2幢 3-501 漏水", "2", "3", "501"),
        ("3号楼501", "3", "", "501"),
        ("三号楼1204漏水", "3", "", "1204"),
        ("3号楼501室", "3", "", "501"),
        ("5栋2单元", "5", "2", ""),
        ("3-2-501", "3", "2", "501"),
    ],
)
def test_rooms_are_read_with_and_without_their_word(words: str, building: str, unit: str, room: str) -> None:
    place = read_place(words)
    assert (place.building, place.unit, place.room) == (building, unit, room)


def test_a_units_lift_is_the_one_that_bears_the_units_name() -> None:
    lifts = [
        Asset(id=f"EL-{unit}", kind="lift", site="s", building="b-3", name=f"{unit}单元客梯") for unit in (1, 2, 3)
    ]
    places = Gazetteer([Site(id="s")], [Building(id="b-3", site="s", name="3号楼")], lifts)
    assert places.find("3号楼2单元电梯", "电梯异响", subject="lift").asset == "EL-2"


def _taken(*texts: str) -> list[Report]:
    lifts = [Asset(id="EL-1", kind="lift", site="s", building="b-2", name="1号客梯")]
    lifts += [Asset(id="EL-2", kind="lift", site="s", building="b-3", name="1号客梯")]
    places = Gazetteer(
        [Site(id="s")], [Building(id="b-2", site="s", name="2号楼"), Building(id="b-3", site="s", name="3号楼")], lifts
    )
    intake = Intake(places, [])
    moment = datetime(2026, 3, 1, 8, tzinfo=UTC)
    said = [Said(text=text, at=moment + timedelta(hours=5 * number)) for number, text in enumerate(texts)]
    return [intake.take(one, source="")[0] for one in said]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2号楼电梯异响", "2号楼电梯有怪声"),
        ("2号楼电梯异响", "the lift in building 2 makes a strange noise"),
        ("2号楼楼道灯不亮", "2号楼楼道漆黑没有灯"),
        ("2号楼电梯门关不上", "building 2 lift door does not close"),
    ],
)
def test_the_same_said_in_other_words_is_one_report(first: str, second: str) -> None:
    assert [report.merged_into for report in _taken(first, second)] == [None, -1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2号楼电梯异响", "3号楼电梯异响"),
        ("2号楼3楼楼道灯不亮", "2号楼5楼楼道灯不亮"),
        ("2号楼1单元漏水", "2号楼2单元漏水"),
        ("2号楼501漏水", "2号楼601漏水"),
        ("2号楼楼道灯不亮", "2号楼楼道灯一闪一闪"),
        ("2号楼电梯异响", "2号楼门禁有怪声"),
    ],
)
def test_different_things_stay_apart(first: str, second: str) -> None:
    assert [report.merged_into for report in _taken(first, second)] == [None, None]
