"""A brief published, corrected and archived: what went out stands, what follows says what is otherwise and why."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import docx
import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phone_rounds import DAY, MODE, NOW, ZONE, item, plan_of
from PIL import Image

from facility.errors import CannotDo
from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, Language, Text
from facility.inspections import Ground, InspectionList
from facility.records import Records
from facility.results import Answer
from facility.service_days import DayMove, ServiceDayStep
from serviceday.brief import Brief, brief, decoded, encoded, write_brief
from serviceday.brief.correction import OF_THE_MOMENT, figure_changes
from serviceday.brief.figures import figure
from serviceday.brief.publishing import changes, corrected
from serviceday.documents.branding import NO_NAMES
from serviceday.execution.grades import read_grades
from serviceday.execution.phone.photos import PhotoFolder
from serviceday.execution.rectification import Rectification
from serviceday.execution.results import Reply, Results

EVENING = NOW + timedelta(hours=9)
LATER = NOW + timedelta(days=3)


@pytest.fixture
def plan(tmp_path: Path) -> InspectionList:
    """A published day: one item normal, one abnormal, one not answered; kept in the data folder."""
    with Records(DataFolder(tmp_path).prepare().records) as records:
        items = item(1), item(2, "warning", mode=MODE, ground=Ground.RISK), item(3)
        plan = records.plans.kept(plan_of(*items))
        answer(records, plan, EVENING, (1, Answer.NORMAL), (2, Answer.ABNORMAL))
        for move in (DayMove.MADE, DayMove.STARTED, DayMove.CLOSED):
            records.service_days.add(ServiceDayStep(day=DAY, at=EVENING, who="Wang", move=move))
        step = ServiceDayStep(day=DAY, at=EVENING, who="Wang", move=DayMove.PUBLISHED)
        records.service_days.publish(step, encoded(counted(records, plan, EVENING)))
    return plan


def answer(records: Records, plan: InspectionList, now: datetime, *answers: tuple[int, Answer], by: str = "Li") -> None:
    at = datetime.combine(plan.service_day, time(9), ZONE)
    results = Results(records, plan, now=now, timezone=ZONE, grades=read_grades())
    taken = results.take([Reply(item=number, answer=said, by=by, done_at=at) for number, said in answers])
    assert not taken.refused


def counted(records: Records, plan: InspectionList, now: datetime, *photos: int) -> Brief:
    return brief(records, DAY, plan, now=now, timezone=ZONE, names=NO_NAMES, photos=photos)


def stands(records: Records) -> Brief:
    kept = records.service_days.published(DAY)
    assert kept is not None
    return decoded(kept.body)


def test_a_correction_names_what_is_otherwise_and_leaves_what_went_out(tmp_path: Path, plan: InspectionList) -> None:
    with Records(DataFolder(tmp_path).records) as records:
        first = stands(records)
        (before,) = records.service_days.editions(DAY)
        answer(records, plan, LATER, (3, Answer.NORMAL))
        new = corrected(first, counted(records, plan, LATER), why="a sheet was missing", who="Wang", at=LATER)
        step = ServiceDayStep(day=DAY, at=LATER, who="Wang", move=DayMove.CORRECTED, note="a sheet was missing")
        records.service_days.publish(step, encoded(new), follows=before.id)
        assert records.service_days.editions(DAY)[0] == before
        assert stands(records) == new
        by_key = {change.key: change for change in new.corrections[0].changes}
        assert (by_key["done"].before, by_key["done"].after, by_key["done"].added) == ("2", "3", ("1/3",))
        assert by_key["completion"].before == "67 % (2/3)"
        assert (by_key["unanswered"].removed, by_key["unanswered"].after) == (("1/3",), "0")
        assert not {"planned", "flagged", "confirmed", "opened"} & set(by_key)
        with pytest.raises(CannotDo, match="somebody else"):
            records.service_days.publish(step, encoded(new), follows=before.id)
        assert len(records.service_days.editions(DAY)) == 2
        assert [step.move for step in records.service_days.trail(DAY)][-1] is DayMove.CORRECTED
        answer(records, plan, LATER, (3, Answer.ABNORMAL))
        third = corrected(new, counted(records, plan, LATER), why="and once more", who="Wang", at=LATER)
        assert [correction.number for correction in third.corrections] == [1, 2]
        assert decoded(encoded(third)) == third


def test_time_alone_corrects_nothing(tmp_path: Path, plan: InspectionList) -> None:
    with Records(DataFolder(tmp_path).records) as records:
        first = stands(records)
        assert not changes(first, counted(records, plan, EVENING))
        work = Rectification(records, now=LATER, timezone=ZONE, grades=read_grades())
        work.done(1, by="Li")
        work.verify(1, by="Wang")
        again = counted(records, plan, LATER)
        assert {change.key for change in changes(first, again)} <= OF_THE_MOMENT
        with pytest.raises(CannotDo, match="counts otherwise"):
            corrected(first, again, why="x", who="Wang", at=LATER)
        answer(records, plan, LATER, (3, Answer.NORMAL))
        for why, who in (("", "Wang"), ("x", " "), (" \n", "Wang")):
            with pytest.raises(CannotDo, match="reason or a name"):
                corrected(first, counted(records, plan, LATER), why=why, who=who, at=LATER)
        with pytest.raises(CannotDo, match="at most 500"):
            corrected(first, counted(records, plan, LATER), why="x" * 501, who="Wang", at=LATER)
        masked = corrected(first, counted(records, plan, LATER), why="call 13812345678", who="Wang", at=LATER)
        assert "1381" not in encoded(masked)


def test_only_a_published_day_is_corrected(tmp_path: Path) -> None:
    with Records(DataFolder(tmp_path).prepare().records) as records:
        records.service_days.add(ServiceDayStep(day=DAY, at=NOW, who="Wang", move=DayMove.MADE))
        with pytest.raises(CannotDo, match="a draft"):
            records.service_days.publish(ServiceDayStep(day=DAY, at=NOW, who="W", move=DayMove.CORRECTED), "{}")
        assert not records.service_days.editions(DAY)


RECORDS = st.lists(st.sampled_from([f"1/{number}" for number in range(6)]), max_size=6)
FIGURES = st.dictionaries(st.sampled_from(["done", "planned", "left"]), st.tuples(RECORDS, st.none() | RECORDS))


@given(FIGURES, FIGURES)
def test_a_change_is_told_exactly_where_records_differ(
    was: dict[str, tuple[list[str], list[str] | None]], now: dict[str, tuple[list[str], list[str] | None]]
) -> None:
    label = Text(zh="x", en="x")
    before = {key: figure(key, label, *parts) for key, parts in was.items()}
    after = {key: figure(key, label, *parts) for key, parts in now.items()}
    told = {change.key: change for change in figure_changes(before.values(), after.values())}
    for key in {*before, *after}:
        old, new = before.get(key), after.get(key)
        same = old is not None and new is not None and (old.records, old.whole) == (new.records, new.whole)
        assert (key in told) != same
        if key in told:
            change = told[key]
            assert change.before == (old.shown() if old else "")
            assert change.after == (new.shown() if new else "")
            assert not set(change.added) & set(change.removed)
            old_records, new_records = set(old.records if old else ()), set(new.records if new else ())
            assert {record for record in change.added if "(" not in record} == new_records - old_records
            assert {record for record in change.removed if "(" not in record} == old_records - new_records
            assert change.of_the_moment == (key in OF_THE_MOMENT)


def photographed(records: Records, folder: DataFolder, plan: InspectionList) -> None:
    from phone_rounds import intake

    taking = intake(records, plan, folder.photos, EVENING)
    for seq, (number, colour) in enumerate([(2, "red"), (1, "blue")], start=1):
        out = io.BytesIO()
        Image.new("RGB", (400, 300), colour).save(out, "JPEG")
        about = {"device": "phone-one-0001", "seq": str(seq), "item": str(number), "kind": "photo"}
        moments = {"taken_at": NOW.isoformat(), "sent_at": EVENING.isoformat()}
        assert taking.take_photo(out.getvalue(), about | moments, 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_photos_and_corrections_stand_in_every_form(tmp_path: Path, plan: InspectionList, language: Language) -> None:
    folder = DataFolder(tmp_path)
    with Records(folder.records) as records:
        photographed(records, folder, plan)
        first = stands(records)
        answer(records, plan, LATER, (3, Answer.NORMAL))
        new = corrected(first, counted(records, plan, LATER, 1), why="漏了一张 sheet", who="Wang", at=LATER)
        with pytest.raises(CannotDo, match="photo 2 shows no finding"):
            counted(records, plan, LATER, 2)
    files = [tmp_path / f"brief{form}" for form in (".html", ".docx", ".pdf")]
    write_brief(new, files, language=language, photos=PhotoFolder(folder.photos))
    page = files[0].read_text()
    document = docx.Document(str(files[1]))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    words = "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])
    pdf = pymupdf.open(files[2])
    printed = re.sub(r"\s+", "", "".join(sheet.get_text() for sheet in pdf))
    for told in (page, words, printed):
        assert "漏了一张" in told
        assert re.sub(r"\s+", "", "67 % (2/3)") in re.sub(r"\s+", "", told)
        assert ("更正第1号" if language == "zh" else "Correction1:") in re.sub(r"\s+", "", told)
    assert "data:image/jpeg;base64," in page
    assert any(image[2:4] == (400, 300) for sheet in pdf for image in sheet.get_images())
    pictures = document.inline_shapes
    assert len(pictures) >= 3, "charts and a photo"
    assert all(shape._inline.docPr.get("descr") for shape in pictures)
    write_brief(new, [tmp_path / "bare.html"], language=language, photos=PhotoFolder(tmp_path / "nowhere"))
    bare = (tmp_path / "bare.html").read_text()
    assert ("已不在或已损坏" if language == "zh" else "gone or damaged") in bare


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_is_archival_accessible_and_carries_its_records(
    tmp_path: Path, plan: InspectionList, language: Language
) -> None:
    with Records(DataFolder(tmp_path).records) as records:
        made = stands(records)
    file = tmp_path / "brief.pdf"
    write_brief(made, [file], language=language)
    pdf = pymupdf.open(file)
    about = pdf.get_xml_metadata()
    assert "<pdfaid:part>3</pdfaid:part>" in about
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in about
    assert "<pdfuaid:part>1</pdfuaid:part>" in about
    assert pdf.embfile_names() == ["records.csv"]
    rows = list(csv.DictReader(io.StringIO(pdf.embfile_get("records.csv").decode())))
    number, record = ("指标编号", "记录") if language == "zh" else ("number", "record")
    kept = {(int(row[number]), row[record]) for row in rows}
    assert kept == {(figure.number, record) for figure in made.figures for record in figure.traced}
    raw = file.read_bytes()
    assert b"/MarkInfo" in raw
    assert b"/Alt" in b"".join(pdf.xref_object(xref).encode() for xref in range(1, pdf.xref_length()))


def test_a_formula_in_a_record_is_none_in_the_csv(tmp_path: Path) -> None:
    with Records(DataFolder(tmp_path).prepare().records) as records:
        plan = records.plans.kept(plan_of(item(1, what=Text(zh="=1+1", en="=1+1"))))
        answer(records, plan, EVENING, (1, Answer.NORMAL))
        write_brief(counted(records, plan, EVENING), [tmp_path / "r.csv"], language="en")
    rows = list(csv.reader(io.StringIO((tmp_path / "r.csv").read_text("utf-8-sig"))))
    assert any(cell == "'=1+1" for row in rows for cell in row)
    assert not any(cell.startswith("=") for row in rows for cell in row)


def test_a_brief_from_before_corrections_is_read(tmp_path: Path, plan: InspectionList) -> None:
    """Bodies kept by earlier versions lack what was added since."""
    with Records(DataFolder(tmp_path).records) as records:
        body = encoded(stands(records))
    older = body.replace(',"pictures":[],"corrections":[]', "")
    assert older != body
    assert decoded(older) == decoded(body)


def test_corrections_through_the_program(tmp_path: Path, plan: InspectionList) -> None:
    import json

    from typer.testing import CliRunner

    from commands.app.program import app

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*arguments, "--data", str(tmp_path)])
        return done.exit_code, done.output if done.exit_code == 0 else str(done.exception)

    day = str(DAY)
    code, words = run("brief", "correct", "--service-day", day, "--why", "x", "--by", "Wang")
    assert code, "in a year to come something may be overdue, which alone is no correction"
    assert "counts otherwise" in words
    with Records(DataFolder(tmp_path).records) as records:
        answer(records, plan, datetime.now(UTC), (3, Answer.NORMAL))
    code, words = run("brief", "correct", "--service-day", day, "--dry-run")
    assert (code, "2 -> 3" in words) == (0, True)
    out = tmp_path / "brief.html"
    assert run("brief", "correct", "--service-day", day, "--why", "x", "--by", "Wang", "-o", str(out))[0] == 0
    assert "Correction 1" in out.read_text()
    code, words = run("brief", "--service-day", day, "--edition", "1", "--json")
    assert json.loads(words[words.index("{") :])["corrections"] == []
    assert "none of number 3" in run("brief", "--service-day", day, "--edition", "3")[1]
    assert "corrected" in run("day", "show", day)[1]
    assert "is published" in run("brief", "correct", "--service-day", str(date(2020, 1, 1)), "--dry-run")[1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("many", [1, 60])
def test_the_board_is_one_page_and_the_card_a_picture(tmp_path: Path, language: Language, many: int) -> None:
    with Records(DataFolder(tmp_path).prepare().records) as records:
        long = "很长的地点名称" * 12 if many > 1 else "1"
        items = [item(number, "warning", mode=MODE, ground=Ground.RISK, building=long) for number in range(1, many + 1)]
        plan = records.plans.kept(plan_of(*items))
        answer(records, plan, EVENING, *((number, Answer.ABNORMAL) for number in range(1, many + 1)))
        made = counted(records, plan, EVENING)
    write_brief(made, [tmp_path / "board.pdf"], language=language, board=True)
    write_brief(made, [tmp_path / "card.png"], language=language)
    board = pymupdf.open(tmp_path / "board.pdf")
    assert len(board) == 1
    words = "".join(board[0].get_text().split())
    assert f"{many}/{many}" in words
    more = "另有55条" if language == "zh" else "55morestand"
    assert (more in words) == (many == 60)
    assert "<pdfuaid:part>1</pdfuaid:part>" in board.get_xml_metadata()
    with Image.open(tmp_path / "card.png") as card:
        assert (card.format, card.width) == ("PNG", 1077)
    with pytest.raises(CannotDo, match="board is a PDF"):
        write_brief(made, [tmp_path / "board.docx"], language=language, board=True)
