"""Files of readings: read back what was written, or refuse by line; admitted as over MQTT."""

from __future__ import annotations

import gzip
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import openpyxl
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facility.errors import CannotParse, Problems
from facility.estate import Asset
from facility.files import ReadOptions
from facility.store import Appended, Store
from ingest.files import FileForm, ImportSummary, import_readings

CASES = Path(__file__).parents[1] / "facility/files_cases"
BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
NOW = datetime(2027, 1, 1, tzinfo=UTC)
DIRECTORY = {
    "L-1": Asset(id="L-1", kind="lift", site="park"),
    "L-2": Asset(id="L-2", kind="lift", site="park"),
    "F-1": Asset(id="F-1", kind="lift", site="park", attributes={"unit.motor_temperature": "[degF]"}),
}
Stored = dict[tuple[str, str, datetime], float]


class Shelf:
    """As much of a store as an import needs, in a dictionary."""

    def __init__(self) -> None:
        self.held: Stored = {}

    def append(self, readings: pa.Table) -> Appended:
        rows = {(one["asset"], one["channel"], one["time"]): one["value"] for one in readings.to_pylist()}
        new = len(rows.keys() - self.held.keys())
        self.held |= rows
        return Appended(new, readings.num_rows - new, 0)

    def sync(self) -> None:
        pass


def imported(
    path: Path, channel: str | None = "motor_temperature", *, refused: Path | None = None, **options: object
) -> tuple[ImportSummary, Stored]:
    mapping = options.pop("mapping", {})
    assert isinstance(mapping, Mapping)
    form = FileForm(channel=channel, mapping=mapping, options=ReadOptions(**{"zone": SHANGHAI, **options}))  # type: ignore[arg-type]
    shelf = Shelf()
    store = cast(Store, shelf)
    summary = import_readings(path, form, directory=DIRECTORY, store=store, refused=refused, now=NOW)
    return summary, {(asset, key, time.astimezone(UTC)): value for (asset, key, time), value in shelf.held.items()}


def written(folder: Path, content: str | bytes, name: str = "r.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_comma_in_the_value_costs_its_rows_and_is_kept_for_a_second_try(tmp_path: Path) -> None:
    summary, stored = imported(CASES / "1-comma-in-the-value/readings.csv", refused=tmp_path)
    assert (summary.rows, summary.stored, summary.quarantined) == (3, 1, 2)
    assert list(stored.values()) == [43.1]
    assert [str(one) for one in summary.problems] == ["2 rows alike (lines 2, 3): 4 cells under 3 columns"]
    kept = Path(summary.refused_file)
    kept.write_text(kept.read_text("utf-8-sig").replace("41,5", '"41,5"').replace("42,7", '"42,7"'))
    summary, stored = imported(kept)
    assert sorted(stored.values()) == [41.5, 42.7]
    assert not summary.problems


def test_the_registered_unit_holds_for_files(tmp_path: Path) -> None:
    summary, stored = imported(
        written(tmp_path, "asset,time,value\nF-1,2026-11-20 10:00,106.7\nL-1,2026-11-20 10:00,41.5\n")
    )
    assert summary.stored == 2
    assert list(stored.values()) == pytest.approx([41.5, 41.5])
    _, said = imported(written(tmp_path, "asset;time;value\nL-1;2026-11-20 10:00;106,7 °F\n"))
    assert list(said.values()) == pytest.approx([41.5])


def test_a_sensor_just_powered_measures_nothing(tmp_path: Path) -> None:
    rows = "".join(
        f"L-1,2026-11-20 {hour:02}:00,{value}\n" for hour, value in enumerate((41, 42, 85.0, 41, -127, 65535))
    )
    summary, stored = imported(written(tmp_path, "asset,time,value\n" + rows))
    assert sorted(stored.values()) == [41, 41, 42]
    assert "instead of a value" in str(summary.problems[0])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ","), ("\t", ","), ("|", ".")])
@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%Y年%m月%d日 %H:%M", "%d/%m/%Y %H:%M", "%Y%m%d %H%M"])
def test_any_form_is_read_back(tmp_path: Path, encoding: str, separator: str, decimal: str, form: str) -> None:
    chance = random.Random(7)
    truth = {
        ("L-1", "motor_temperature", datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)): round(
            chance.uniform(20, 60), 2
        )
        for number in range(400)
    }
    lines = [separator.join(("设备", "时间", "数值"))]
    lines += [
        separator.join((asset, f"{time.astimezone(SHANGHAI):{form}}", f"{value}".replace(".", decimal)))
        for (asset, _, time), value in truth.items()
    ]
    raw = "\n".join(lines).encode(encoding)
    summary, stored = imported(written(tmp_path, gzip.compress(raw), "r.csv.gz"))
    assert not summary.problems
    assert stored == truth


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(["L-1", "L-2"]), st.sampled_from(
        ["41.5", "1,5", "x", "", "1,043", "4e1", "４１", "nan", "99999", "12 °C"])), min_size=1, max_size=15),
    st.sampled_from([",", ";"]),
)  # fmt: skip
def test_rows_add_up_and_nothing_is_guessed(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str, str]], separator: str
) -> None:
    lines = [separator.join(("asset", "time", "value"))]
    for hours, asset, value in rows:
        time = datetime(2026, 1, 1) + timedelta(hours=hours)
        lines.append(separator.join((asset, f"{time:%Y-%m-%d %H:%M}", f'"{value}"')))
    summary, stored = imported(written(tmp_path_factory.getbasetemp(), "\n".join(lines)))
    assert summary.rows == len(rows) == summary.stored + summary.duplicates + summary.quarantined
    assert set(stored.values()) <= {41.5, 1.5, 1.043, 40.0, 41.0, 12.0}
    if 1.043 in stored.values():
        assert any(value == "1,5" for _, _, value in rows)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("minutes", [15, 60])
def test_the_hour_that_comes_twice_overwrites_nothing(tmp_path: Path, backwards: bool, minutes: int) -> None:
    start = datetime(2026, 10, 24, 20, tzinfo=UTC)
    moments = [start + timedelta(minutes=minutes * number) for number in range(12 * 60 // minutes)]
    rows = [
        f"{asset},{moment.astimezone(BERLIN):%Y-%m-%d %H:%M},{20 + number}"
        for asset in ("L-1", "L-2")
        for number, moment in (list(enumerate(moments))[:: -1 if backwards else 1])
    ]
    summary, stored = imported(written(tmp_path, "asset,time,value\n" + "\n".join(rows)), zone=BERLIN)
    assert not summary.problems
    assert stored == {
        (asset, "motor_temperature", moment): 20.0 + number
        for asset in ("L-1", "L-2")
        for number, moment in enumerate(moments)
    }


def test_hours_that_cannot_be_told_or_never_came_are_refused_by_line(tmp_path: Path) -> None:
    rows = "L-1,2026-10-25 02:30,20\nL-1,2026-03-29 02:30,21\nL-1,2026-10-25T02:30+01:00,22\nL-1,2062-01-01,23\n"
    summary, stored = imported(written(tmp_path, "asset,time,value\n" + rows), zone=BERLIN)
    told = "\n".join(map(str, summary.problems))
    assert "line 2: 2026-10-25 02:30 comes twice" in told
    assert "line 3: 2026-03-29 02:30 never came" in told
    assert "line 5: time 2061-12-31 23:00 UTC is in the future" in told
    assert list(stored) == [("L-1", "motor_temperature", datetime(2026, 10, 25, 1, 30, tzinfo=UTC))]


def test_day_and_month_are_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "asset,time,value\nL-1,5/3/2026 10:00,20\n")
    summary, stored = imported(path)
    assert not stored
    assert "--date-order" in str(summary.problems[0])
    _, stored = imported(path, order="dmy")
    assert next(iter(stored))[2] == datetime(2026, 3, 5, 2, tzinfo=UTC)
    _, stored = imported(written(tmp_path, "asset,time,value\nL-1,5/3/2026,20\nL-1,25/3/2026,20\n"))
    assert next(iter(stored))[2] == datetime(2026, 3, 4, 16, tzinfo=UTC)


def test_wide_tables_are_read(tmp_path: Path) -> None:
    by_asset = "时间;L-1;L-2;Bemerkung\n2026-03-01 10:00;41,5;40,25;ok\n2026-03-01 11:00;;41;ok\n"
    summary, stored = imported(written(tmp_path, by_asset))
    assert {(asset, value) for (asset, _, _), value in stored.items()} == {("L-1", 41.5), ("L-2", 40.25), ("L-2", 41.0)}
    assert any("'Bemerkung' is no channel" in str(note) for note in summary.notes)
    by_channel = "asset,time,motor_temperature,machine_room_temperature\nL-1,2026-03-01 10:00,41.5,22\n"
    _, stored = imported(written(tmp_path, by_channel), None)
    assert {(key, value) for (_, key, _), value in stored.items()} == {
        ("motor_temperature", 41.5),
        ("machine_room_temperature", 22),
    }
    both = "time,L-1/motor_temperature,L-2/motor_temperature\n2026-03-01 10:00,41.5,22\n"
    _, stored = imported(written(tmp_path, both), None)
    assert {(asset, value) for (asset, _, _), value in stored.items()} == {("L-1", 41.5), ("L-2", 22)}
    with pytest.raises(Problems, match="no column 'asset' for asset"):
        imported(written(tmp_path, "time,x,y\n2026-03-01 10:00,1,2\n"), None)


def test_a_workbook_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["抄表记录"],
        ["设备", "时间", "数值"],
        ["L-1", datetime(2026, 3, 1, 10), 41.5],
        [None, datetime(2026, 3, 1, 11), "42,5"],
    ):
        sheet.append(row)
    sheet.merge_cells("A3:A4")
    book.save(tmp_path / "r.xlsx")
    summary, stored = imported(tmp_path / "r.xlsx")
    assert sorted(stored.values()) == [41.5, 42.5]
    assert any("merged" in str(note) for note in summary.notes)


def test_parquet_and_csv_say_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "asset": ["L-1", "L-9", "L-1"],
            "time": [datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 11)],
            "value": [41.5, 1.0, float("nan")],
        }
    )
    frame.write_parquet(tmp_path / "r.parquet")
    frame.write_csv(tmp_path / "r.csv")
    one, other = imported(tmp_path / "r.parquet"), imported(tmp_path / "r.csv")
    assert one[1] == other[1]
    for told, first in ((one[0].problems, 2), (other[0].problems, 3)):  # rows of the one, lines of the other
        assert str(told[0]).startswith(f"line {first}: unknown asset 'L-9'; is it 'L-")
        assert str(told[1]) == f"line {first + 1}: no value" or "is no number" in str(told[1])


def test_forty_thousand_alike_are_one_line(tmp_path: Path) -> None:
    rows = "".join(f"Z-1,2026-03-01 00:00:{number % 60:02},1\n" for number in range(40_000))
    summary, _ = imported(written(tmp_path, "asset,time,value\n" + rows))
    (told,) = summary.problems
    assert str(told).startswith("40,000 rows alike (lines 2, 3, 4, 5, 6, …): unknown asset 'Z-1'")


def test_a_dry_run_stores_nothing_and_says_what_would_be(tmp_path: Path) -> None:
    path = written(tmp_path, "asset,time,value\nL-1,2026-03-01,41.5\nL-9,2026-03-01,1\n")
    summary = import_readings(path, FileForm(channel="motor_temperature"), directory=DIRECTORY, store=None, now=NOW)
    assert (summary.stored, summary.quarantined) == (1, 1)
    assert summary.first == (("L-1", "motor_temperature", datetime(2026, 3, 1, tzinfo=UTC), 41.5),)
    assert summary.columns == {"asset": "asset", "time": "time", "value": "value"}


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    for content in (raw, b"asset,time,value\n" + raw, b"asset,time,value\nL-1,2026-03-01,41\n" + raw):
        try:
            summary, _ = imported(written(folder, content))
        except CannotParse:
            continue
        assert summary.rows == summary.stored + summary.duplicates + summary.quarantined
