import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dashboard
from dashboard import palette, wording
from dashboard.traces import source_words
from facility.alerts import AlertState, Severity, Source
from facility.catalogue.catalogue import catalogue
from facility.i18n.phrases import LANGUAGES
from facility.inspections import Ground, Priority

NOW = datetime(2026, 11, 24, 5, 5, tzinfo=UTC)
STEPS = ("opened", "worsened", "eased", "returned", "recurred", "acknowledged", "closed")


def _used() -> set[str]:
    """Every key that the sources say, placeholders filled with all they can be."""
    words = "".join(one.read_text() for one in Path(dashboard.__file__).parent.rglob("*.py"))
    return set(re.findall(r"(?<!PHRASES\.)\bsay\(\s*\"([a-z0-9_]+)\"", words))


def test_every_phrase_that_is_said_exists() -> None:
    assert len(_used()) > 80
    assert not _used() - set(wording.PHRASES)


def test_every_state_and_grade_has_its_words() -> None:
    wanted = {
        *(f"state_{one}" for one in palette.STATES),
        *(f"severity_{one.value}" for one in Severity),
        *(f"severity_{one.value}_long" for one in Severity),
        *(f"alert_{one.value}" for one in AlertState),
        *(f"source_{one.value}" for one in Source),
        *(f"priority_{one.value}" for one in Priority),
        *(f"ground_{one.value}" for one in Ground),
        *(f"step_{one}" for one in STEPS),
    }
    assert not wanted - set(wording.PHRASES)


def test_every_grade_has_its_colour() -> None:
    assert list(palette.SEVERITIES) == [one.value for one in Severity]
    assert list(palette.PRIORITIES) == [one.value for one in Priority]
    assert palette.STATE_SIGNS.keys() == palette.STATES.keys() == palette.STATE_CHIPS.keys()


def test_both_languages_of_a_phrase_take_the_same_values() -> None:
    for key in sorted(wording.PHRASES):
        zh, en = (set(re.findall(r"\{(\w+)\}", wording.PHRASES[key][language])) for language in LANGUAGES)
        assert zh == en, key


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.0, "0"),
        (-0.0001, "0"),
        (3.4249, "3.42"),
        (12.0, "12"),
        (0.1234, "0.123"),
        (250.04, "250"),
        (1234567.8, "1,234,568"),
        (-7.5, "-7.5"),
    ],
)
def test_numbers(value: float | None, words: str) -> None:
    assert wording.number(value) == words


@given(st.floats(0, 1))
def test_a_probability_is_never_rounded_to_a_certainty(share: float) -> None:
    words = wording.percent(share)
    assert (words == "0 %") == (share == 0)
    assert (words == "100 %") == (share == 1)


@pytest.mark.parametrize(
    ("length", "zh", "en"),
    [
        (timedelta(seconds=3), "刚刚", "just now"),
        (timedelta(minutes=5), "5 分钟前", "5 min ago"),
        (timedelta(hours=3, minutes=50), "3 小时前", "3 h ago"),
        (timedelta(days=400), "400 天前", "400 d ago"),
        (-timedelta(days=2), "2 天后", "in 2 d"),
    ],
)
def test_relative_times(length: timedelta, zh: str, en: str) -> None:
    assert wording.relative(NOW - length, NOW, "zh") == zh
    assert wording.relative(NOW - length, NOW, "en") == en


def test_exact_times_are_on_the_clock_of_the_site() -> None:
    assert wording.exact(NOW, ZoneInfo("Asia/Shanghai")) == "2026-11-24 13:05"
    assert wording.exact(None, ZoneInfo("Asia/Shanghai")) == "–"


def test_days_and_units_speak_the_language() -> None:
    assert wording.calendar_day(date(2026, 11, 24), "zh") == "2026-11-24 周二"
    assert wording.calendar_day(date(2026, 11, 24), "en") == "Tue 2026-11-24"
    assert wording.quantity(3.5, "s", "zh") == "3.5 秒"
    assert wording.quantity(3.5, "Cel", "en") == "3.5 °C"
    assert wording.hours(timedelta(minutes=125), "zh") == "2 小时 5 分"
    assert wording.hours(timedelta(minutes=15), "en") == "15 min"


def test_sources_shown_hold_no_remarks_in_one_language_only() -> None:
    for kind in catalogue().values():
        for channel in kind.channels.values():
            assert ":" not in source_words(channel.source, "zh")
    assert source_words("GB/T 10058: centre opening <= 3.2", "zh") == "GB/T 10058"
    assert source_words("D: baseline 1-3", "zh") == "产品设计值"
    assert source_words("community values", "en") == ""
