"""What each role and each limit of sites sees of the pages and can do there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import planned, reach
from dashboard.serve import APP
from dashboard.views import worklist
from dashboard.visit import Visit
from dashboard.wording import say
from facility.accounts import Account, Role
from facility.alerts import Alert, Severity, Source
from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo
from facility.estate import Asset, Building, Estate, Site
from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, Text
from facility.records import Records
from facility.service_days import DayMove, ServiceDayStep
from serviceday.accounts import Accounts, digest_of
from serviceday.execution.grades import read_grades
from serviceday.execution.rectification import NewDeficiency, Rectification

PASSWORD = "lantern orbit fig 7"
PAGES = ("alerts", "fleet", "asset", "worklist", "findings", "myday", "days", "accounts")
EMPTY = ("asset", "myday", "accounts")  # show nothing of another site even to whoever sees all
SECRET = "Q-77"
Enter = Callable[..., str]


@pytest.fixture
def enter(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Enter:
    """An installation with a second site; called with roles and sites it signs somebody in, as the door would."""
    st.cache_resource.clear()
    now = datetime.now(UTC)
    with Records(DataFolder(installation).records) as records:
        lift = Asset(id=SECRET, kind="lift", site="s2", building="Z", name="secret lift")
        records.estate.put(Estate(sites=(Site(id="s2"),), buildings=(Building(id="Z", site="s2"),), assets=(lift,)))
        alert = Alert(
            id=0,
            asset=SECRET,
            cause="secret",
            channel="",
            source=Source.EQUIPMENT,
            severity=Severity.HIGH,
            title=Text(zh="秘密", en="secret title"),
            reason=Text(zh="秘密", en="secret reason"),
            opened_at=now,
            last_seen_at=now,
        )
        records.alerts.keep([alert], [], now=now)
        Rectification(records, now=now, timezone=UTC, grades=read_grades()).open(
            NewDeficiency(
                asset=SECRET, kind="lift", site="s2", building="Z", place="Z", fault="hand:x", grade="general",
                description=Text(zh="秘密", en="secret reason"), found_at=now, found_by="secret finder",
            )
        )  # fmt: skip
        theme = {"theme": "secret reason"}
        records.service_days.add(
            ServiceDayStep(day=date(2026, 1, 5), at=now, who="root", move=DayMove.MADE, detail=theme)
        )
        records.duties.put({(SECRET, duty): date(2026, 1, 5) for duty in catalogue()["lift"].duties})
        root = Account(name="root", roles=frozenset({Role.ADMINISTRATOR}))
        Accounts(records).add(root, PASSWORD, by="test", now=now)

    def signed_in(*roles: Role, sites: set[str] | None = None) -> str:
        with Records(DataFolder(installation).records) as records:
            limit = None if sites is None else frozenset(sites)
            accounts = Accounts(records)
            accounts.add(Account(name="x", roles=frozenset(roles), sites=limit), PASSWORD, by="test", now=now)
            digest = digest_of(accounts.sign_in("x", PASSWORD, address="a", now=now).token)
        monkeypatch.setattr(reach, "session", lambda: digest)
        return digest

    return signed_in


def _open(page: str, **asked: str) -> AppTest:
    at = AppTest.from_file(str(APP), default_timeout=60)
    at.query_params["lang"] = "en"
    for name, value in asked.items():
        at.query_params[name] = value
    if page != PAGES[0]:
        at._page_hash = calc_hash(page)
    return at.run()


def _everything(at: AppTest) -> str:
    """All that is sent to the browser."""
    nodes = [*at.main, *at.sidebar]
    return "".join(str(getattr(node, "proto", "")) for node in nodes) + "".join(
        one.value.to_csv() for one in at.dataframe
    )


def test_without_a_session_a_page_shows_nothing(installation: Path, enter: Enter) -> None:
    for page in PAGES:
        at = _open(page)
        assert not at.exception
        assert say("door_signed_out", "en") in _everything(at)
        assert "L-01" not in _everything(at)
        assert not at.dataframe


@pytest.mark.parametrize("page", PAGES)
def test_rows_of_another_site_are_on_no_page_nor_behind_a_link(installation: Path, enter: Enter, page: str) -> None:
    enter(*(role for role in Role if role is not Role.ADMINISTRATOR), sites={"s1"})
    with Records(DataFolder(installation).records) as records:
        (hidden,) = records.alerts.open(asset=SECRET)
    for asked in ({}, {"asset": SECRET}, {"alert": str(hidden.id)}, {"find": "secret"}, {"show": "closed"}):
        at = _open(page, **asked)
        assert not at.exception
        shown = _everything(at)
        for word in ("secret lift", "secret title", "secret reason", "秘密"):
            assert word not in shown, (page, asked)
    assert "secret" in _everything(_seeing_all(installation, page)) or page in EMPTY


def _seeing_all(installation: Path, page: str) -> AppTest:
    with Records(DataFolder(installation).records) as records:
        account = replace(records.accounts.get("x"), sites=None)
        Accounts(records).change(account, by="test", now=datetime.now(UTC))
    st.cache_resource.clear()
    return _open(page)


@pytest.mark.parametrize("role", Role)
def test_buttons_are_there_for_whoever_may_press_them(installation: Path, enter: Enter, role: Role) -> None:
    enter(role)
    labels = {button.label for button in _open("alerts", alert="1").button}
    acts = {say(key, "en") for key in ("acknowledge", "close", "assign", "comment", "shelve")}
    assert (labels >= acts) == (role is Role.ENGINEER)
    assert (role is Role.ENGINEER) or not labels & acts
    at = _open("worklist")
    assert not at.exception
    assert (say("keep_list", "en") in {button.label for button in at.button}) == (role is Role.PLANNER)


def test_a_planner_of_one_site_keeps_no_list_of_the_whole_estate(installation: Path, enter: Enter) -> None:
    session = enter(Role.PLANNER, sites={"s1"})
    account = reach.present(installation, session)
    assert account is not None
    visit = Visit(installation, ZoneInfo("Asia/Shanghai"), "en", datetime.now(UTC), {}, account, session)
    of_all = planned.inspection_list(installation, date(2026, 12, 1), 8.0, 1, visit.timezone)
    part = reach.shown(visit, of_all).plan
    assert {item.site for item in (*of_all.plan.items, *of_all.plan.left_out)} == {"s1", "s2"}
    assert {item.site for item in (*part.items, *part.left_out)} == {"s1"}
    with pytest.raises(CannotDo, match="may not"):
        reach.acting(visit).keep_plan(part)
    for ending in (".csv", ".xlsx", ".pdf", ".ics"):
        assert worklist._file(visit, of_all.plan, ending), "whole as it is handed in, only its part comes out"
    assert b"secret lift" not in worklist._file(visit, of_all.plan, ".csv")

    with Records(DataFolder(installation).records) as records:
        Accounts(records).end_sessions("x", by="root", now=datetime.now(UTC))
    with pytest.raises(CannotDo, match="signed out"):
        worklist._file(visit, of_all.plan, ".csv")


def test_a_page_that_stands_open_loses_its_rows_with_the_right(installation: Path, enter: Enter) -> None:
    enter(Role.VIEWER)
    at = _open("fleet")
    assert "secret lift" in _everything(at)
    with Records(DataFolder(installation).records) as records:
        limited = replace(records.accounts.get("x"), sites=frozenset({"s1"}))
        Accounts(records).change(limited, by="root", now=datetime.now(UTC))
    assert "secret lift" not in _everything(at.run())


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_account_has_its_language_until_another_is_chosen(installation: Path, enter: Enter, language: str) -> None:
    enter(Role.VIEWER)
    with Records(DataFolder(installation).records) as records:
        chosen = replace(records.accounts.get("x"), language=language)
        Accounts(records).change(chosen, by="root", now=datetime.now(UTC))
    at = AppTest.from_file(str(APP), default_timeout=60).run()
    assert at.subheader[0].value == say("page_alerts", "zh" if language == "zh" else "en")


def test_where_nobody_is_asked_the_page_says_so(installation: Path) -> None:
    st.cache_resource.clear()
    assert say("door_only_here", "en") in _everything(_open("fleet"))


def test_views_read_what_has_a_site_through_the_visitors_reach() -> None:
    unlimited = re.compile(r"sources\.(assets|open_alerts|latest|assessments)\(|\.alerts\.(get|open)\(|\.plans\.put")
    for file in (APP.parent / "views").glob("*.py"):
        assert not unlimited.search(file.read_text()), file
