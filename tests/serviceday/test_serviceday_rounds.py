"""What phones send, in whatever order and however often: nothing is lost, nothing counted twice."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from phone_rounds import MODE, NOW, ZONE, Phone, intake, item, plan_of
from PIL import Image

from facility.errors import CannotConvert, CannotDo, CannotParse
from facility.inspections import Ground, InspectionList
from facility.records import Records
from facility.results import Answer
from facility.rounds import PhotoKind
from serviceday.execution.phone import page
from serviceday.execution.phone.links import LinkRefused, Links, address, expiry, link_key, person_named, walking
from serviceday.execution.phone.photos import MOST_PIXELS, PhotoFolder, checked_picture
from serviceday.execution.phone.round_data import SensorReading, Surroundings, round_of
from serviceday.execution.phone.submission import LARGEST

EXPLORE = int(os.environ.get("SERVICEDAY_EXPLORE", "0"))
LIST = plan_of(item(1), item(2, second=2), item(3, "warning", mode=MODE, ground=Ground.RISK), item(4, person=2))


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    with Records(tmp_path_factory.mktemp("rounds") / "records.sqlite") as opened:
        yield opened


@pytest.fixture
def plan(records: Records) -> InspectionList:
    return records.plans.kept(LIST)


# --- any interleaving -------------------------------------------------------------------------------------------------

PHONES = ((1, "first-phone-of-zhang"), (1, "other-phone-of-zhang"), (2, "the-phone-of-li"))
typing = st.tuples(
    st.just("type"), st.integers(0, 2), st.sampled_from([1, 2, 2, 4]),
    st.sampled_from(["normal", "abnormal", "no-access"]), st.text("ab", max_size=1),
)  # fmt: skip
hearing = st.tuples(st.just("hear"), st.integers(0, 2), st.text("xy", min_size=1, max_size=2))
sending = st.tuples(st.just("send"), st.integers(0, 2), st.sampled_from(["arrives", "lost", "answer lost"]))
repeating = st.tuples(st.just("repeat"), st.integers(0, 30))
restarting = st.tuples(st.just("restart"))
steps = st.lists(st.one_of(typing, typing, typing, sending, sending, hearing, repeating, restarting), max_size=25)
full = st.lists(st.one_of(typing, typing, sending), min_size=12, max_size=25)  # little but answers, crossing each other


@settings(max_examples=EXPLORE or 40, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(steps, full))
def test_any_order_of_losses_repeats_and_restarts_comes_to_what_was_typed(story: list[tuple[Any, ...]]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        _tell(story, folder)
    finally:
        shutil.rmtree(folder)


def _tell(story: list[tuple[Any, ...]], folder: Path) -> None:
    path = folder / "records.sqlite"
    records = Records(path)
    plan = records.plans.kept(LIST)
    phones = [Phone(plan, person, device) for person, device in PHONES]
    own = {1: {1, 2, 3}, 2: {2, 4}}
    sent: list[tuple[int, bytes]] = []
    typed: dict[tuple[int, int, int], tuple[str, str]] = {}  # by person, item and moment
    arrived: set[tuple[str, int]] = set()
    heard = 0
    minute = 0

    def take(person: int, body: bytes) -> None:
        minute_now = NOW + timedelta(minutes=minute)
        receipt = intake(records, plan, folder / "photos", minute_now).take(body, person)
        assert not any(receipt.answers.values()), receipt.refused
        arrived.update((json.loads(body)["device"], seq) for seq in receipt.answers)

    for step in [*story, *(("send", phone, "arrives") for phone in range(len(phones)))]:
        minute += 1
        at = NOW + timedelta(minutes=minute)
        if step[0] == "type" and step[2] in own[phones[step[1]].person]:
            phone = phones[step[1]]
            phone.type(step[2], step[3], at, note=step[4])
            typed[phone.person, step[2], minute] = (step[3], step[4])
        elif step[0] == "hear":
            phones[step[1]].hear(f"{step[2]} {minute}", at)
            heard += 1
        elif step[0] == "send":
            phone = phones[step[1]]
            body = phone.body(at)
            sent.append((phone.person, body))
            if step[2] != "lost":
                take(phone.person, body)
            if step[2] == "arrives":
                phone.waiting.clear()
                phone.requests.clear()
        elif step[0] == "repeat" and sent:
            take(*sent[step[1] % len(sent)])
        elif step[0] == "restart":
            records.close()
            records = Records(path)
    for person, body in sent:  # whatever was ever sent may arrive once more
        take(person, body)

    entries = records.results.of(plan.number)
    numbers = [(entry.device, entry.seq) for entry in entries]
    assert len(numbers) == len(set(numbers)), "one entry for each thing typed, however often it came"
    assert set(numbers) == arrived
    standing = intake(records, plan, folder, NOW + timedelta(days=1))._results.standing()
    for number in (1, 2, 3, 4):
        last: dict[int, tuple[str, str]] = {}
        for (person, about, _), words in sorted(typed.items(), key=lambda one: one[0][2]):
            if about == number:
                last[person] = words
        state = standing.get(number)
        assert (state is None) == (not last)
        if state is not None:
            names = {1: "张建国", 2: "Li"}
            told = {voice.by: (voice.answer.value, voice.note) for voice in state.voices}
            assert told == {names[person]: words for person, words in last.items()}, "each person's last word"
            assert bool(state.conflict) == (len({answer for answer, _ in last.values()}) > 1)
    assert sum(report.reporters for report in records.reports.all()) == heard, "each report once"
    records.close()


def test_an_older_edit_that_comes_late_changes_nothing(records: Records, plan: InspectionList, tmp_path: Path) -> None:
    phone = Phone(plan, 1, "a-phone-of-zhang")
    phone.type(1, "abnormal", NOW, mode=MODE)
    early = phone.body(NOW)
    phone.type(1, "normal", NOW + timedelta(minutes=3))
    late = phone.body(NOW + timedelta(minutes=3))
    for body in (late, early, late):
        standing = intake(records, plan, tmp_path, NOW + timedelta(minutes=9)).take(body, 1).taken.standing
        assert standing[1].result is not None
        assert standing[1].result.answer is Answer.NORMAL
    assert len(records.results.of(plan.number)) == 2, "both are on record"
    phone.type(1, "abnormal", NOW + timedelta(minutes=5), mode=MODE)  # what was said first, said again: it counts
    taken = intake(records, plan, tmp_path, NOW + timedelta(minutes=9)).take(phone.body(NOW), 1).taken
    assert taken.standing[1].result is not None
    assert taken.standing[1].result.answer is Answer.ABNORMAL


def test_a_clock_that_is_wrong_is_set_right_and_a_late_answer_is_marked(
    records: Records, plan: InspectionList, tmp_path: Path
) -> None:
    ahead = timedelta(hours=7)
    phone = Phone(plan, 1, "phone-with-odd-clock")
    phone.type(1, "normal", NOW + ahead)
    taken = intake(records, plan, tmp_path, NOW + timedelta(minutes=5)).take(
        phone.body(NOW + ahead + timedelta(minutes=5)), 1
    )
    assert taken.taken.new[0].done_at == NOW
    assert not taken.taken.new[0].late
    phone.type(2, "normal", NOW)
    morrow = intake(records, plan, tmp_path, NOW + timedelta(days=1)).take(phone.body(NOW + timedelta(days=1)), 1)
    assert [entry.late for entry in morrow.taken.new] == [True]
    phone.waiting.clear()
    phone.type(3, "normal", NOW + timedelta(hours=3))
    refused = intake(records, plan, tmp_path, NOW).take(phone.body(NOW), 1).refused
    assert ["still to come" in str(why) for _, why in refused] == [True]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"plan": 999}, "of list 999"),
        ({"person": 2}, "another person"),
        ({"form": "x"}, "newer page"),
        ({"version": 9}, "newer page"),
        ({"device": "../../etc"}, "cannot be read"),
        ({"answers": "no"}, "cannot be read"),
        ({"sent_at": "2026-03-12T10:00"}, "cannot be read"),
    ],
)
def test_a_sending_of_another_round_or_form_is_refused_whole(
    records: Records, plan: InspectionList, tmp_path: Path, change: dict[str, object], why: str
) -> None:
    phone = Phone(plan, 1, "a-phone-of-zhang")
    phone.type(1, "normal", NOW)
    with pytest.raises(CannotParse, match=why):
        intake(records, plan, tmp_path, NOW).take(phone.body(NOW, **change), 1)
    assert records.results.of(plan.number) == []


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[" * 100_000, b'"x"', b"\xff\xfe", b"0" * (LARGEST + 1)])
def test_bytes_that_are_no_sending_are_refused(
    records: Records, plan: InspectionList, tmp_path: Path, body: bytes
) -> None:
    with pytest.raises(CannotParse):
        intake(records, plan, tmp_path, NOW).take(body, 1)


def test_what_is_wrong_is_refused_by_itself_and_the_rest_is_taken(
    records: Records, plan: InspectionList, tmp_path: Path
) -> None:
    other = records.plans.kept(LIST)
    phone = Phone(plan, 1, "a-phone-of-zhang")
    good = phone.type(1, "normal", NOW)
    wrong = [
        {**good, "seq": 2, "key": "SD1-1-1-000000000000"},
        {**good, "seq": 3, "key": Phone(other, 1, "x").type(1, "normal", NOW)["key"]},
        {**good, "seq": 4, "answer": "fine"},
        {**good, "seq": 5, "mode": "witchcraft", "answer": "abnormal"},
        {**good, "seq": 6, "note": "n" * 501},
        {**good, "seq": 7, "key": Phone(plan, 2, "x").type(4, "normal", NOW)["key"]},
        {**good, "seq": 8, "mended": "maybe"},
        {"seq": 9},
        17,
    ]
    receipt = intake(records, plan, tmp_path, NOW).take(phone.body(NOW, answers=[good, *wrong]), 1)
    assert receipt.answers.pop(1) is None
    assert set(receipt.answers) == {0, 2, 3, 4, 5, 6, 7, 8, 9}
    assert all(receipt.answers.values()), "each with its reason"
    assert len(records.results.of(plan.number)) == 1


def test_words_of_a_hostile_phone_stay_words(records: Records, plan: InspectionList, tmp_path: Path) -> None:
    phone = Phone(plan, 1, "a-phone-of-zhang")
    phone.type(1, "abnormal", NOW, note="=cmd|'/c calc'!A1 \u0007<script>alert(1)</script>\n\x1b[31m")
    phone.hear("</script><img src=x onerror=alert(1)> 电话 13800138000", NOW, name="王", phone="13900139000")
    receipt = intake(records, plan, tmp_path, NOW).take(phone.body(NOW), 1)
    (entry,) = records.results.of(plan.number)
    assert "\x1b" not in entry.note
    assert "\n" not in entry.note
    report = records.reports.get(receipt.reports[0])
    assert "13800138000" not in report.text, "who reported is kept apart"
    assert "13900139000" in records.reports.reporter(report.id, by="t", now=NOW).phone
    body = page.alone({"id": "x", "items": [], "name": "</script><script>alert(1)</script>__VERSION__"})
    assert b"</script><script>alert(1)" not in body
    assert body.count(b"<script") == body.count(b"</script>")


# --- links ------------------------------------------------------------------------------------------------------------


def test_a_link_opens_one_round_until_two_days_after(records: Records, plan: InspectionList, tmp_path: Path) -> None:
    links = Links(link_key(tmp_path / "key"), records)
    token = links.token(plan, 2, timezone=ZONE)
    opened = links.open(token, now=NOW)
    assert (opened.plan.number, opened.person) == (plan.number, 2)
    last = datetime(2026, 3, 14, 23, 59, tzinfo=ZONE)
    assert expiry(plan, ZONE) == datetime(2026, 3, 15, tzinfo=ZONE)
    links.open(token, now=last)
    with pytest.raises(LinkRefused, match="two days after 2026-03-12"):
        links.open(token, now=last + timedelta(minutes=1))
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert link_key(tmp_path / "key") == link_key(tmp_path / "key")
    assert address("https://x.example/", token) == f"https://x.example/round/{token}"
    with pytest.raises(CannotConvert):
        address("javascript:alert(1)", token)


def test_forged_foreign_and_revoked_links_open_nothing(records: Records, plan: InspectionList, tmp_path: Path) -> None:
    links = Links(link_key(tmp_path / "key"), records)
    token = links.token(plan, 1, timezone=ZONE)
    parts = token.split("-")
    for place in range(4):
        forged = "-".join([*parts[:place], str(int(parts[place]) + 1), *parts[place + 1 :]])
        with pytest.raises(LinkRefused):
            links.open(forged, now=NOW)
    for bad in ("", "x", token[:-1], token + "A", token.lower(), "../" + token, "9" * 300, token.replace("-", "—")):
        with pytest.raises(LinkRefused):
            links.open(bad, now=NOW)
    with pytest.raises(LinkRefused, match="not made here"):
        Links(link_key(tmp_path / "other key"), records).open(token, now=NOW)
    with Records(tmp_path / "elsewhere.sqlite") as elsewhere:  # the same key and number, another list
        while elsewhere.plans.put(replace(LIST, created_at=NOW)) < plan.number:
            pass
        with pytest.raises(LinkRefused, match="not made here"):
            Links(link_key(tmp_path / "key"), elsewhere).open(token, now=NOW)
    records.rounds.revoke_link(plan.number, 1, who="Wang", now=NOW)
    with pytest.raises(LinkRefused, match="taken back"):
        links.open(token, now=NOW)
    links.open(links.token(plan, 1, timezone=ZONE), now=NOW)
    links.open(links.token(plan, 2, timezone=ZONE), now=NOW)
    (tmp_path / "key").write_text("nonsense")
    with pytest.raises(CannotDo, match="holds no key"):
        link_key(tmp_path / "key")


def test_people_are_named_as_people_name_them(plan: InspectionList) -> None:
    assert walking(plan) == [(1, "张建国"), (2, "Li")]
    assert [person_named(plan, words) for words in ("张建国", "zhang", "1", " Li ")] == [1, 1, 1, 2]
    with pytest.raises(CannotConvert, match="张建国"):
        person_named(plan, "Wang")


# --- what a phone gets ------------------------------------------------------------------------------------------------


def test_a_round_holds_what_the_inspector_has_to_know(plan: InspectionList) -> None:
    reading = SensorReading(9.0, NOW)
    around = Surroundings(now=NOW, timezone=ZONE, readings={("L-3", "door_close_time"): reading})
    found = round_of(plan, 1, around)
    assert [one["number"] for one in found["items"]] == [1, 2, 3]
    assert found["items"][1]["with"] == ["Li"]
    warning = found["items"][2]
    assert {mode["key"] for mode in warning["modes"]} >= {MODE}
    assert all(measure["limit"] != [None, None] or measure["usual"] != [None, None] for measure in warning["measures"])
    (sensor,) = [one for one in warning["sensors"] if one["key"] == "door_close_time"]
    assert (sensor["value"], sensor["beyond"]) == (9.0, True)
    assert found["items"][0]["sensors"] == []
    assert json.loads(json.dumps(found)) == found
    assert [one["number"] for one in round_of(plan, 2, around)["items"]] == [2, 4]


# --- photos -----------------------------------------------------------------------------------------------------------


def picture(width: int = 60, height: int = 40, form: str = "JPEG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, form, **more)
    return out.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A small file whose header promises many pixels."""
    from struct import pack

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    head = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


def test_a_photo_is_kept_once_without_metadata_and_for_its_owner_alone(
    records: Records, plan: InspectionList, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET CAMERA"
    data = picture(exif=exif) + b"<?php hidden ?>"
    about = {
        "device": "a-phone-of-zhang", "seq": "7", "item": "1", "kind": "photo", "taken_at": NOW.isoformat(),
        "sent_at": NOW.isoformat(),
    }  # fmt: skip
    taking = intake(records, plan, tmp_path / "photos", NOW)
    assert taking.take_photo(data, about, 1)
    assert not taking.take_photo(data, about, 1)
    assert taking.take_photo(data, about | {"seq": "8", "kind": "signature", "item": "0"}, 1)
    photos = records.rounds.photos(plan.number)
    assert [(one.item, one.kind, one.person) for one in photos] == [
        (1, PhotoKind.PHOTO, "张建国"), (0, PhotoKind.SIGNATURE, "张建国"),
    ]  # fmt: skip
    file = tmp_path / "photos" / photos[0].file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert b"SECRET" not in file.read_bytes()
    assert b"php" not in file.read_bytes()
    assert [path.name for path in file.parent.iterdir()] == [f"{photos[0].digest}.jpg"], (
        "the same picture lies there once"
    )
    with Image.open(file) as kept:
        assert kept.size == (60, 40)
    for wrong in ({"item": "4"}, {"item": "-1"}, {"seq": "0"}, {"device": "x"}, {"kind": "film"}, {"taken_at": "now"}):
        with pytest.raises(CannotParse):
            taking.take_photo(data, about | {"seq": "9"} | wrong, 1)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no picture"),
        (b"GIF89a" + b"\0" * 50, "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        (picture()[:200], "no picture"),
        (huge_png(8000, 5000), "8000 x 5000"),
        (huge_png(60000, 60000), "far too many|60000 x 60000"),
        (huge_png(100, 100), "no picture"),
        (b"\xff" * ((8 << 20) + 1), "8 MB"),
    ],
    ids=["nothing", "gif", "svg", "cut off", "40 megapixels", "bomb", "short pixels", "too large"],
)
def test_what_is_no_sane_picture_is_refused_in_words(data: bytes, why: str) -> None:
    with pytest.raises(CannotConvert, match=why):
        checked_picture(data)


def test_pictures_are_turned_upright_scaled_and_laid_on_paper() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    assert (checked_picture(picture(exif=exif)).width, checked_picture(picture(exif=exif)).height) == (40, 60)
    assert checked_picture(picture(4000, 1000)).width == 2400
    assert MOST_PIXELS > 4000 * 1000
    out = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(out, "PNG")
    with Image.open(io.BytesIO(checked_picture(out.getvalue()).data)) as paper:
        assert paper.getpixel((5, 5)) == (255, 255, 255)


def test_no_room_for_a_photo_is_told(tmp_path: Path) -> None:
    (tmp_path / "photos").write_text("a file where a folder should be")
    with pytest.raises(CannotDo, match="cannot be written"):
        PhotoFolder(tmp_path / "photos").keep(1, checked_picture(picture()))


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_that_a_phone_exported_is_the_same_as_what_it_sends(
    records: Records, plan: InspectionList, tmp_path: Path
) -> None:
    import base64

    phone = Phone(plan, 1, "a-phone-of-zhang")
    phone.type(1, "normal", NOW)
    phone.hear("灯不亮", NOW, place="1号楼")
    photo = {
        "seq": 50,
        "item": 1,
        "kind": "photo",
        "taken_at": NOW.isoformat(),
        "data": base64.b64encode(picture()).decode(),
    }
    bad = [{**photo, "seq": 51, "data": "%%%"}, {**photo, "seq": 52, "data": base64.b64encode(b"x").decode()}]
    part = json.loads(phone.body(NOW + timedelta(hours=1), photos=[photo, *bad]))
    file = tmp_path / "round.json"
    file.write_text(json.dumps({"form": "serviceday-round-file", "version": 1, "parts": [part]}))
    taking = intake(records, plan, tmp_path / "photos", NOW + timedelta(hours=2))
    first = taking.import_file(file)
    assert (len(first.taken.new), len(first.reports), first.new_photos) == (1, 1, 1)
    assert [where for where, _ in first.refused] == ["photo 51", "photo 52"]
    again = taking.import_file(file)
    assert (len(again.taken.new), again.taken.known, again.reports, again.new_photos) == (0, 1, (), 0)
    assert taking.take(phone.body(NOW + timedelta(hours=2)), 1).taken.known == 1, "and over the network as well"


@pytest.mark.parametrize(
    "words",
    ["", "{}", "[]", '{"form":"x","version":1,"parts":[]}', '{"form":"serviceday-round-file","version":1,"parts":[]}'],
)
def test_a_file_that_is_none_is_refused(records: Records, plan: InspectionList, tmp_path: Path, words: str) -> None:
    (tmp_path / "round.json").write_text(words)
    with pytest.raises(CannotParse, match="no file that a round"):
        intake(records, plan, tmp_path, NOW).import_file(tmp_path / "round.json")
