"""Photos of findings: which belong to which, on paper as pictures, and nothing of a file that was tampered with."""

from __future__ import annotations

import io
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phone_rounds import MODE, NOW, ZONE, Phone, intake, item, plan_of
from PIL import Image
from typer.testing import CliRunner

from facility.deficiencies import DeficiencyStep, Move, State
from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, Language
from facility.inspections import Ground, InspectionList
from facility.records import Records
from facility.rounds import Photo, PhotoKind
from serviceday.documents.rectification.content import PLACES
from serviceday.execution.evidence import MOST_PRINTED, Evidence, PictureBook, Stage, evidence
from serviceday.execution.phone.photos import LONGEST_SIDE, PhotoFolder, checked_picture


def jpeg(colour: str, size: tuple[int, int] = (640, 480)) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "SECRET"
    Image.new("RGB", size, colour).save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """Two photos of a fault at one item, one at another, a signature; then the fault mended and photographed."""
    here = DataFolder(tmp_path / "data").prepare()
    with Records(here.records) as records:
        items = item(1, "warning", mode=MODE, ground=Ground.RISK), item(2)
        plan = records.plans.kept(plan_of(*items))
        phone = Phone(plan, 1, "phone-one-0001")
        taking = intake(records, plan, here.photos, NOW)
        phone.type(1, "abnormal", NOW, mode=MODE)
        phone.type(2, "normal", NOW)
        taking.take(phone.body(NOW), 1)
        for seq, (number, kind) in enumerate([(1, "photo"), (1, "photo"), (2, "photo"), (0, "signature")], start=40):
            at = (NOW - timedelta(minutes=50 - seq)).isoformat()
            about = {"device": phone.device, "seq": str(seq), "item": str(number), "kind": kind, "taken_at": at}
            taking.take_photo(jpeg("red" if number == 1 else "blue"), about | {"sent_at": NOW.isoformat()}, 1)
        _followed_up(records, here, plan)
    return here


def _followed_up(records: Records, here: DataFolder, first: InspectionList) -> None:
    later = NOW + timedelta(days=7)
    again = item(1, "request:F1", request="F1", asset="F1")
    plan = records.plans.kept(plan_of(again, day=first.service_day + timedelta(days=7)))
    phone = Phone(plan, 1, "phone-one-0001")
    taking = intake(records, plan, here.photos, later)
    phone.type(1, "normal", later)
    taking.take(phone.body(later), 1)
    about = {"device": phone.device, "seq": "50", "item": "1", "kind": "photo", "taken_at": later.isoformat()}
    taking.take_photo(jpeg("green"), about | {"sent_at": later.isoformat()}, 1)


def called(data: DataFolder, *arguments: str) -> str:
    from commands.app.program import app

    done = CliRunner().invoke(app, [*arguments, "--data", str(data.path)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_a_finding_shows_its_photos_and_those_of_nothing_else(folder: DataFolder) -> None:
    shown = json.loads(called(folder, "finding", "show", "1", "--json"))
    assert [(entry["stage"], entry["item"]) for entry in shown["photos"]] == [
        ("found", 1), ("found", 1), ("afterwards", 1),
    ]  # fmt: skip
    assert all(Path(entry["file"]).is_file() for entry in shown["photos"])
    words = called(folder, "finding", "show", "1")
    assert words.count(".jpg") == 3
    Path(shown["photos"][0]["file"]).unlink()
    assert "gone" in called(folder, "finding", "show", "1")


@pytest.mark.parametrize("language", LANGUAGES)
def test_register_and_notice_embed_the_photos(
    folder: DataFolder, tmp_path: Path, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", language)
    sheet, notice = tmp_path / "findings.xlsx", tmp_path / "notice.pdf"
    called(folder, "finding", "export", "--all", "-o", str(sheet), "-o", str(notice))
    images = openpyxl.load_workbook(sheet).worksheets[0]._images
    assert sorted(image.anchor._from.col for image in images) == [
        PLACES["photo"], PLACES["photo"], PLACES["photo_afterwards"],
    ]  # fmt: skip
    pages = pymupdf.open(notice)
    embedded = {image[0] for page in pages for image in page.get_images()}
    assert len(embedded) in (2, 3), "two photos of one colour may be one picture"
    pixels = {pymupdf.Pixmap(pages, number).pixel(5, 5) for number in embedded}
    assert any(red > 200 and green < 60 for red, green, _ in pixels)
    assert any(green > 90 and red < 60 for red, green, _ in pixels)
    about = pages.get_xml_metadata()
    assert "<pdfaid:part>3</pdfaid:part>" in about
    assert "<pdfuaid:part>1</pdfuaid:part>" in about
    assert pages.embfile_names() == ["findings.csv"]
    assert "F1" in pages.embfile_get("findings.csv").decode()
    words = "".join(page.get_text() for page in pages)
    assert ("现场" if language == "zh" else "Found") in words
    assert ("整改后" if language == "zh" else "Afterwards") in words
    assert b"SECRET" not in notice.read_bytes()


def other_picture() -> bytes:
    return checked_picture(jpeg("yellow")).data


@pytest.mark.parametrize(
    "left",
    [b"", b"<script>alert(1)</script>", b"\x89PNG\r\n\x1a\n", other_picture()],
    ids=["empty", "html", "png", "other"],
)
def test_a_file_that_is_no_longer_what_was_kept_is_shown_nowhere(
    folder: DataFolder, tmp_path: Path, left: bytes
) -> None:
    for file in folder.photos.rglob("*.jpg"):
        file.write_bytes(left)
    sheet, notice = tmp_path / "findings.xlsx", tmp_path / "notice.pdf"
    called(folder, "finding", "export", "--all", "-o", str(sheet), "-o", str(notice))
    table = openpyxl.load_workbook(sheet).worksheets[0]
    assert not table._images
    assert "gone or damaged" in str(table.cell(4, PLACES["photo"] + 1).value)
    pages = pymupdf.open(notice)
    assert not [image for page in pages for image in page.get_images()]
    assert "gone or damaged" in " ".join("".join(page.get_text() for page in pages).split())


def test_a_kept_picture_is_written_anew_and_scaled(folder: DataFolder) -> None:
    big = checked_picture(jpeg("red", (3000, 2000)))
    assert max(big.width, big.height) == LONGEST_SIDE
    photos = PhotoFolder(folder.photos)
    photos.keep(9, big)
    photo = Photo(
        plan=9, item=1, kind=PhotoKind.PHOTO, person="Li", device="d", seq=1, taken_at=NOW, at=NOW, digest=big.digest,
        width=big.width, height=big.height,
    )  # fmt: skip
    small = photos.read(photo, longest=300)
    assert small is not None
    assert (small.width, small.height) == (300, 200)


MOVES = [Move.OPENED, Move.RECURRED, Move.DONE, Move.VERIFIED, Move.SENT_BACK, Move.NOTED]
SOURCE = st.tuples(st.sampled_from(MOVES), st.integers(0, 3), st.integers(0, 3))


@given(
    st.dictionaries(st.integers(1, 5), st.lists(SOURCE, max_size=6), max_size=4),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.sampled_from(list(PhotoKind))), max_size=12),
)
def test_photos_belong_to_the_items_a_trail_names(
    sources: dict[int, list[tuple[Move, int, int]]], taken: list[tuple[int, int, PhotoKind]]
) -> None:
    trails = {
        number: [
            DeficiencyStep(at=NOW, who="Li", move=move, state=State.DRAFT, plan=plan, item=place)
            for move, plan, place in steps
        ]
        for number, steps in sources.items()
    }
    with tempfile.TemporaryDirectory() as place, Records(Path(place) / "records.sqlite") as records:
        for _ in range(3):
            records.plans.kept(plan_of(item(1)))
        for seq, (plan, number, kind) in enumerate(taken):
            records.rounds.add_photo(
                Photo(
                    plan=plan, item=number, kind=kind, person="Li", device="d", seq=seq + 1, digest=str(seq),
                    taken_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=seq * 7 % 5), at=NOW, width=1,
                    height=1,
                )
            )  # fmt: skip
        shown = evidence(records, trails)
    assert set(shown) == set(trails)
    for number, entries in shown.items():
        named = {(plan, place) for _, plan, place in sources[number] if plan and place}
        expected = {
            str(seq) for seq, (plan, place, kind) in enumerate(taken)
            if kind is PhotoKind.PHOTO and (plan, place) in named
        }  # fmt: skip
        assert sorted(entry.photo.digest for entry in entries) == sorted(expected), "each once, none of another item"
        assert [entry.photo.taken_at for entry in entries] == sorted(entry.photo.taken_at for entry in entries)


@given(st.lists(st.sampled_from(list(Stage)), max_size=12), st.sampled_from(LANGUAGES))
def test_paper_has_room_for_some_and_says_how_many_more(stages: list[Stage], language: Language) -> None:
    photo = Photo(
        plan=1, item=1, kind=PhotoKind.PHOTO, person="Li", device="d", seq=1, digest="0", taken_at=NOW, at=NOW,
        width=1, height=1,
    )  # fmt: skip
    book = PictureBook(PhotoFolder(Path("nowhere")), ZONE, language)
    pictures = book.of([Evidence(photo, stage) for stage in stages])
    printed = len(pictures.found) + len(pictures.afterwards)
    assert printed + pictures.more == len(stages)
    assert printed == min(len(stages), MOST_PRINTED)
    for stage, group in ((Stage.FOUND, pictures.found), (Stage.AFTERWARDS, pictures.afterwards)):
        assert bool(group) == (stage in stages)
