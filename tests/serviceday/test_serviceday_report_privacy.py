"""Who somebody is never stands in the work record, in whatever digits it was written."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_messages import DEVELOPED, NOW, REPORTED, gazetteer, messages

from serviceday.reports import Intake, Said
from serviceday.reports.privacy import without_contacts

PLACES = gazetteer()
_FORMS = (
    "0123456789",
    "".join(chr(0xFF10 + digit) for digit in range(10)),
    "零一二三四五六七八九",
    "〇幺二三四五六七八九",
)
_SEPARATORS = ("", " ", "-", ".", "·", "  ")
_PLAIN = {sign: str(value) for form in _FORMS for value, sign in enumerate(form)}
mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
identities = st.from_regex(
    r"[1-6][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9])[0-9]{3}[0-9X]", fullmatch=True
)
plates = st.from_regex(r"[京沪粤苏浙川][A-HJ-N][A-HJ-NP-Z0-9]{5}", fullmatch=True)
names = st.builds(
    lambda surname, given_name: surname + given_name,
    st.sampled_from("王李张刘陈杨赵黄周吴欧"),
    st.sampled_from(["丽", "建国", "秀英", "晓明", "芳"]),
)
before = st.sampled_from(["3号楼电梯异响，", "5栋灯不亮 ", "building 2 lift stuck, ", "我家漏水。"])
after = st.sampled_from(["", "，请尽快", " 谢谢", "。麻烦了", " please hurry"])


def record(said: Said) -> str:
    report, _ = Intake(PLACES, []).take(said, source="desk")
    return json.dumps(asdict(report), default=str, ensure_ascii=False)


def digits(words: str) -> str:
    plain = (_PLAIN.get(sign) or unicodedata.normalize("NFKC", sign) for sign in words)
    return "".join(sign for sign in "".join(plain) if sign.isdigit())


@given(
    st.one_of(mobiles, identities),
    st.sampled_from(_FORMS),
    st.sampled_from(_SEPARATORS),
    st.sampled_from(["", "电话", "手机号：", "我的号码是", "call ", "身份证"]),
    before,
    after,
)
def test_no_number_of_a_person_is_in_the_work_record(
    number: str, form: str, separator: str, lead: str, start: str, end: str
) -> None:
    written = separator.join(form[int(sign)] if sign.isdigit() else sign for sign in number)
    text, removed = without_contacts(f"{start}{lead}{written}{end}")
    assert digits(number)[:11] not in digits(text)
    assert digits(number)[-8:] not in digits(text)
    assert any(digits(number) == digits(part) for part in removed), "nothing of it is lost"


@given(plates, st.sampled_from(["", "·", " "]), before, after)
def test_no_plate_is_in_the_work_record(plate: str, dot: str, start: str, end: str) -> None:
    text, removed = without_contacts(f"{start}车牌{plate[:2]}{dot}{plate[2:]}{end}")
    assert plate[2:] not in text
    assert removed


@given(
    names,
    st.sampled_from(["我叫{}，", "我是{}，", "联系人：{} ", "姓名:{} ", "{}女士说", "业主{}，", "报修人是{}，"]),
    before,
    after,
)
def test_no_name_given_is_in_the_work_record(name: str, form: str, start: str, end: str) -> None:
    text, removed = without_contacts(f"{start}{form.format(name)}{end}")
    assert name not in text
    assert any(name in part for part in removed)


@pytest.mark.parametrize(
    ("words", "secret"),
    [
        ("My name is John Smith, the lift is broken", "Smith"),
        ("This is Anna Berg from flat 302, no light", "Berg"),
        ("Please call Mrs Thompson about the leak", "Thompson"),
        ("微信：wang_li88 联系我", "wang_li88"),
        ("mail me at a.b@example.com", "example"),
        ("tel 8765 4321 after six", "4321"),
        ("+44 20 7946 0958 is my number", "0958"),
        ("010-6552 9988转805", "9988"),
        ("@王丽 你家漏水了", "王丽"),
        ("a van AB12 CDE stands in my bay", "CDE"),
        ("passport E12345678 found in the lobby", "12345678"),
    ],
)
def test_other_ways_of_saying_who_are_taken_out(words: str, secret: str) -> None:
    text, removed = without_contacts(words)
    assert secret not in text
    assert removed


@given(names, mobiles)
def test_a_reporter_named_beside_the_words_is_in_no_part_of_the_report(name: str, phone: str) -> None:
    said = Said(text=f"{name}说3号楼电梯异响", place=f"3号楼 {name}", name=name, phone=phone, at=NOW)
    assert name not in record(said)
    assert phone not in record(said)


def test_words_without_a_person_stay_as_they_are() -> None:
    for author in (*DEVELOPED, *REPORTED):
        for message in messages(author):
            text, removed = without_contacts(message.text)
            if "奶奶" not in message.text:
                assert (text, removed) == (message.text, [])
    for words in (
        "2026-03-05 10:21 电梯停了",
        "工单 20260305",
        "1203室",
        "3-2-501",
        "灯 L-0012 坏",
        "第一次 第二次 第三次",
    ):
        assert without_contacts(words) == (words, [])
