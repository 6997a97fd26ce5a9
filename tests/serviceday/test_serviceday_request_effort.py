"""Taking reports in costs no more than their length: odd words of a hundred thousand letters end as quickly as others.

There are no clocks here. What was quadratic did not end within a test's time limit.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from facility.estate import Asset, Building, Site
from serviceday.reports import Gazetteer
from serviceday.reports.address_parser import in_digits, read_place
from serviceday.reports.intake import without_contacts
from serviceday.reports.location_resolver import _likest, _Named

LONG = 400_000
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "piece",
    ["a", "a.", "a@", "@a", "a@b.", "a-", "1", "1 ", "一", "十", "一 ", "3号", "lift ", "+1 ", "0", "(0", "楼", "b"],
)
def test_any_repetition_is_read_in_time_that_grows_with_its_length(piece: str) -> None:
    words = piece * (LONG // len(piece))
    without_contacts(words)
    read_place(words)


def test_a_mail_address_is_found_wherever_it_stands() -> None:
    for words in ("write to li.lei@example.org.", "邮箱li@a-b.example.cn，谢谢", "x" * 1000 + " a+b@c.de"):
        plain, contacts = without_contacts(words)
        assert len(contacts) == 1
        assert "@" not in plain


def test_a_numeral_longer_than_any_floor_stays_as_it_is() -> None:
    assert in_digits("十二楼") == "12楼"
    assert in_digits("九百九十九号") == "999号"
    assert in_digits("一" * 30_000 + "楼") == "一" * 30_000 + "楼"


def test_the_likest_of_thousands_of_names_is_the_one_that_a_comparison_of_all_finds() -> None:
    from difflib import SequenceMatcher

    names = [
        f"{adjective}{noun}{number}"
        for adjective in "紫金东西南北"
        for noun in ("苑", "华庭", "公馆")
        for number in range(60)
    ]
    within = [_Named.of(Building(id=f"b{place}", site="s", name=name)) for place, name in enumerate(names)]
    for place in ("紫苑7", "北华亭 12", "Garden", "西公管33"):
        ratios = [SequenceMatcher(None, named.spelling, in_digits(place), autojunk=False).ratio() for named in within]
        best = max(ratios)
        wanted = [named.building for named, ratio in zip(within, ratios, strict=True) if ratio == best >= 0.75]
        assert _likest(place, within) == wanted


def test_an_estate_of_thousands_is_asked_for_every_report() -> None:
    buildings = [
        Building(id=f"blk-{number}", site=f"s{number % 7}", name=f"Linden Court {number}") for number in range(5000)
    ]
    assets = [
        Asset(id=f"EL-{number}", kind="lift", site=f"s{number % 7}", building=f"blk-{number}") for number in range(5000)
    ]
    places = Gazetteer([Site(id=f"s{number}", name=f"Park {number}") for number in range(7)], buildings, assets)
    for number in range(0, 5000, 250):
        place = places.find(f"Linden Court {number}, Park {number % 7}", "the lift is stuck", subject="lift")
        assert (place.site, place.building) == (f"s{number % 7}", f"blk-{number}")
