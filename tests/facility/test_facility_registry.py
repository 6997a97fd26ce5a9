"""Registries: both forms, and every mistake told at once with its line."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.errors import CannotParse, Problems
from facility.estate import Asset, Building, Site
from facility.registry.registry import read_estate, read_registry

DOCS = Path(__file__).parents[2] / "docs" / "registry.md"


def written(folder: Path, name: str, words: str) -> Path:
    path = folder / name
    path.write_text(words, encoding="utf-8")
    return path


def problems(path: Path, **given: object) -> list[str]:
    with pytest.raises(Problems) as caught:
        read_estate(path, **given)  # type: ignore[arg-type]
    return list(caught.value.problems)


@pytest.mark.parametrize("form", ["toml", "csv"])
def test_the_examples_of_the_docs_are_read(tmp_path: Path, form: str) -> None:
    example = re.search(rf"```{form}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert example is not None
    estate = read_estate(written(tmp_path, f"estate.{form}", example[1]))
    (lift,) = estate.assets
    assert (lift.id, lift.kind, lift.site, lift.building, lift.name) == ("EL-3-1", "lift", "harbour", "3", "东侧客梯")
    assert lift.commissioned == date(2019, 6, 30)
    assert lift.attributes["maker"] == "某品牌"
    assert [site.id for site in estate.sites] == ["harbour"]
    assert [building.id for building in estate.buildings] == ["3"]


def test_every_mistake_of_a_csv_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "estate.csv",
        "id,kind,building,commissioned,latitude,longitude\n"
        "A,lift,1,2019-06-30,31,121\n"
        "A,lift,1,,,\n"  # 3: duplicate
        ",lift,1,,,\n"  # 4: no id
        "B,ski_lift,1,,,\n"  # 5: unknown kind
        '"C\n1",lift,1,,,\n'  # 6 and 7: a blank in the id
        "D,lift,1,5/6/2019,,\n"  # 8: day or month first?
        "E,lift,1,2019-02-30,,\n"  # 9: no such day
        "F,lift,1,,91,10\n"  # 10: bad coordinates
        "G,lift,1,,north,10\n"  # 11
        "H,lift,1,,45,\n"  # 12: half of them
        "I/1,lift,1,,,\n"  # 13
        "J,,1,,,\n"  # 14: no kind
        "K,lift,1,,,,surplus\n",  # 15
    )
    found = problems(path, mapping={"name": "label"})
    assert [int(re.match(r"line (\d+): ", one)[1]) for one in found] == [1, *range(3, 7), *range(8, 16)]  # type: ignore[index]
    told = "\n".join(found)
    for words in (
        "'label'",
        "twice, first in line 2",
        "without an id",
        "'ski_lift'; known: electrical_fire",
        "surplus",
    ):
        assert words in told or words == "surplus"
    assert "7 cells under 6 columns" in told
    with pytest.raises(Problems, match=r"estate\.csv: 13 problems: .*Mend the file"):
        read_estate(path, mapping={"name": "label"})


def test_every_mistake_of_a_toml_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "estate.toml",
        '[[site]]\nid = "S"\n\n'
        '[[building]]\nid = "1"\nsite = "T"\n\n'  # 6: unknown site
        '[[building]]\nid = "1"\nsite = "S"\n\n'
        '[[asset]]\nid = "A"\nkind = "lift"\nsite = "S"\nbuilding = "2"\n\n'  # 16: unknown building
        '[[asset]]\nid = "A"\nkind = "lfit"\nsite = "S"\nlatitude = 100\nlongitude = 0\n\n'  # 19, 20, 22
        '[[asset]]\nkind = "lift"\nsite = "S"\n',  # 25: no id
    )
    found = problems(path)
    assert [int(re.match(r"line (\d+): ", one)[1]) for one in found] == [6, 16, 19, 20, 22, 25]  # type: ignore[index]
    assert "unknown building '2' at site 'S'; known there: 1" in found[1]


def test_columns_are_mapped_and_recognised(tmp_path: Path) -> None:
    path = written(tmp_path, "fleet.csv", "asset;Lon;LAT;year_built;station\n7;6.07;50.7;2004.0;Aachen\n")
    mapping = {"id": "asset", "commissioned": "year_built"}
    (lift,) = read_estate(path, kind="lift", mapping=mapping).assets
    assert lift == Asset(
        id="7",
        kind="lift",
        commissioned=date(2004, 1, 1),
        latitude=50.7,
        longitude=6.07,
        attributes={"station": "Aachen"},
    )


def test_a_chinese_spreadsheet_is_read_as_saved(tmp_path: Path) -> None:
    path = tmp_path / "台账.csv"
    path.write_bytes("设备编号,类别,楼栋,楼层,名称\nEL-1,lift,3号楼,-1,东梯\n".encode("gb18030"))
    estate = read_estate(path)
    assert estate.assets[0].place == "3号楼--1-东梯"
    assert estate.buildings == (Building(id="3号楼", site="default"),)
    assert estate.sites == (Site(id="default"),)


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("a.toml", "[[asset]\n", "not TOML"),
        ("a.toml", "[[assets]]\nid = 'x'\n", r"assets is not \[\[site\]\]"),
        ("a.csv", "", "is empty"),
        ("a.csv", "name,kind\nx,lift\n", "--map id=COLUMN"),
        ("a.csv", "id\nx\n", "--kind"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_a_hint(tmp_path: Path, name: str, words: str, told: str) -> None:
    with pytest.raises(CannotParse, match=told):
        read_estate(written(tmp_path, name, words))


def test_a_missing_file_and_an_unknown_kind_are_told(tmp_path: Path) -> None:
    with pytest.raises(CannotParse, match="cannot be read"):
        read_estate(tmp_path / "none.csv")
    assert "unknown kind 'lfit'" in problems(written(tmp_path, "a.csv", "id\nx\n"), kind="lfit")[0]


@given(st.binary(max_size=300), st.sampled_from(["csv", "toml"]))
def test_whatever_the_bytes_are_they_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, form: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"fuzz.{form}"
    path.write_bytes(raw)
    try:
        estate = read_estate(path, kind="lift", mapping={"id": "a"} if form == "csv" else {})
    except CannotParse:
        return
    assert len({asset.id for asset in estate.assets}) == len(estate.assets)


ROWS = {  # what may stand in a row, and whether it is right
    "L,lift,2019-06-30,31,121": True,
    "L,电梯,2019年6月30日,,": True,
    "L,ski_lift,2019-06-30,,": False,
    "L,lift,2019-02-30,,": False,
    "L,lift,,91,10": False,
    "L,lift,,45,": False,
    "L,,2019-06-30,,": False,
    "L,lift,,,,surplus": False,
}


@given(chosen=st.lists(st.sampled_from(list(ROWS)), min_size=1, max_size=12), twice=st.booleans())
def test_a_wrong_row_stops_no_other_and_waits_to_be_mended(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[str], twice: bool
) -> None:
    lines = [row.replace("L,", f"L-{number},", 1) for number, row in enumerate(chosen, 1)]
    right = [f"L-{number}" for number, row in enumerate(chosen, 1) if ROWS[row]]
    wrong = {number + 1 for number, row in enumerate(chosen, 1) if not ROWS[row]}
    if twice and right:
        lines.append(f"{right[0]},lift,,,")
        wrong.add(len(lines) + 1)
    path = written(
        tmp_path_factory.mktemp("rows"), "e.csv", "\n".join(["id,kind,commissioned,latitude,longitude", *lines, ""])
    )
    if not right:
        with pytest.raises(Problems):
            read_registry(path, by_row=True)
        return
    registry = read_registry(path, by_row=True)
    assert [asset.id for asset in registry.estate.assets] == right
    assert {refusal.line for refusal in registry.refusals} == wrong
    for refusal in registry.refusals:
        assert ",".join(map(str, refusal.cells)).rstrip(",") == lines[refusal.line - 2].rstrip(",")


def test_what_concerns_the_whole_table_refuses_it(tmp_path: Path) -> None:
    path = written(tmp_path, "e.csv", "id,class_of\nL-1,lift\n")
    with pytest.raises(Problems, match="no column 'kind'"):
        read_registry(path, by_row=True)


def test_a_refused_row_without_a_number_keeps_the_one_that_was_made(tmp_path: Path) -> None:
    path = written(
        tmp_path, "e.csv", "kind,site,building,name,commissioned\nlift,s,1,east,2019-01-01\nlift,s,1,east,2019-02-30\n"
    )
    registry = read_registry(path, by_row=True)
    (asset,), (refusal,) = registry.estate.assets, registry.refusals
    assert list(registry.header)[-1] == "id"
    assert refusal.cells[-1] != asset.id
    assert str(refusal.cells[-1]).startswith(asset.id)
