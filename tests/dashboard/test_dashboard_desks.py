"""Pages on which somebody works: their round, findings, accounts; each by the rights of whoever looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import reach
from dashboard.serve import APP
from dashboard.visit import Visit
from dashboard.wording import say
from facility.accounts import Account, Role
from facility.deficiencies import State
from facility.errors import CannotDo
from facility.folder import DataFolder
from facility.i18n.phrases import Text
from facility.inspections import Person
from facility.records import Records
from serviceday.accounts import Accounts, Administration, NotLetIn, digest_of
from serviceday.execution.grades import read_grades
from serviceday.execution.rectification import NewDeficiency, Rectification
from serviceday.planning import Crew, Planning, PlanRequest

PASSWORD = "lantern orbit fig 7"
Enter = Callable[..., str]


@pytest.fixture
def enter(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Enter:
    """Signs somebody in, by name and roles, beside an administrator called root."""
    st.cache_resource.clear()
    now = datetime.now(UTC)

    def signed_in(name: str, *roles: Role, sites: frozenset[str] | None = None, display: str = "") -> str:
        with Records(DataFolder(installation).records) as records:
            accounts = Accounts(records)
            if not accounts.exist():
                root = Account(name="root", roles=frozenset({Role.ADMINISTRATOR}))
                accounts.add(root, PASSWORD, by="test", now=now)
            if name != "root":
                account = Account(name=name, roles=frozenset(roles), sites=sites, display=display)
                accounts.add(account, PASSWORD, by="test", now=now)
            digest = digest_of(accounts.sign_in(name, PASSWORD, address="a", now=now).token)
        monkeypatch.setattr(reach, "session", lambda: digest)
        return digest

    return signed_in


def _open(page: str, **asked: str) -> AppTest:
    at = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in {"lang": "en", **asked}.items():
        at.query_params[name] = value
    at._page_hash = calc_hash(page)
    return at.run()


def _words(at: AppTest) -> str:
    return "".join(str(getattr(node, "proto", "")) for node in at.main)


def _box(at: AppTest, key: str) -> Any:
    return next(box for box in at.text_input if box.label == say(key, "en"))


def _press(at: AppTest, words: str) -> AppTest:
    return next(button for button in at.button if button.label == words).click().run()


def test_only_administrators_see_accounts_and_what_they_change_is_kept(installation: Path, enter: Enter) -> None:
    enter("wei", Role.ENGINEER)
    assert say("accounts_not_yours", "en") in _words(_open("accounts"))
    assert not _open("accounts").dataframe
    enter("root")
    at = _open("accounts")
    assert list(at.dataframe[0].value.iloc[:, 0]) == ["root", "wei"]
    _box(at, "door_name").set_value("Mei")
    _box(at, "door_password").set_value("too short")
    at = _press(at, say("account_add", "en"))
    assert at.warning, "an easy password is refused in words"
    _box(at, "door_password").set_value("velvet harbour 93 tin")
    at = _press(at, say("account_add", "en"))
    assert not at.exception
    with Records(DataFolder(installation).records) as records:
        assert records.accounts.get("mei").roles == {Role.VIEWER}
        assert records.accounts.get("mei").sites is None


def test_nobody_shuts_themselves_out_and_only_administrators_administrate(installation: Path, enter: Enter) -> None:
    own, other = enter("root"), enter("wei", Role.ENGINEER)
    with Records(DataFolder(installation).records) as records:
        desk = Administration(records, own)
        root = records.accounts.get("root")
        for wish in (replace(root, disabled=True), replace(root, roles=frozenset({Role.VIEWER}))):
            with pytest.raises(CannotDo, match="shut themselves out"):
                desk.change(wish)
        assert desk.running("wei") == 1
        assert desk.change(replace(records.accounts.get("wei"), disabled=True)) == 1
        with pytest.raises(CannotDo, match="signed out"):
            Administration(records, other).all()
        desk.change(replace(records.accounts.get("wei"), disabled=False))
    again = enter("yan", Role.PLANNER)
    with Records(DataFolder(installation).records) as records:
        stranger = Administration(records, again)
        account = Account(name="x", roles=frozenset({Role.ADMINISTRATOR}))
        for act in (
            stranger.all,
            lambda: stranger.add(account, PASSWORD),
            lambda: stranger.change(account),
            lambda: stranger.set_password("root", PASSWORD),
            lambda: stranger.end_sessions("root"),
            lambda: stranger.running("root"),
        ):
            with pytest.raises(CannotDo, match="may not"):
                act()


def test_without_accounts_the_page_says_how_to_make_the_first(installation: Path) -> None:
    st.cache_resource.clear()
    assert "serviceday user add" in _words(_open("accounts"))
    with Records(DataFolder(installation).records) as records, pytest.raises(CannotDo, match="no accounts"):
        Administration(records, "").add(Account(name="x", roles=frozenset({Role.VIEWER})), PASSWORD)


def test_ones_own_password_needs_the_one_before_and_ends_every_session(installation: Path, enter: Enter) -> None:
    digest, now = enter("wei", Role.ENGINEER), datetime.now(UTC)
    with Records(DataFolder(installation).records) as records:
        accounts = Accounts(records)
        for _ in range(5):
            with pytest.raises(NotLetIn, match="is wrong"):
                accounts.change_password(digest, "guess", "velvet harbour 93 tin", address="a", now=now)
        with pytest.raises(NotLetIn, match="too many"):
            accounts.change_password(digest, PASSWORD, "velvet harbour 93 tin", address="a", now=now)
        later = now + timedelta(hours=1)
        assert accounts.change_password(digest, PASSWORD, "velvet harbour 93 tin", address="a", now=later) == 1
        assert accounts.present(digest, now=later) is None
        assert accounts.sign_in("wei", "velvet harbour 93 tin", address="a", now=later).account.name == "wei"


def _finding(installation: Path) -> int:
    now = datetime.now(UTC)
    with Records(DataFolder(installation).records) as records:
        service = Rectification(records, now=now, timezone=UTC, grades=read_grades())
        new = NewDeficiency(
            asset="L-01", kind="lift", site="s1", building="A", place="A", fault="hand:x", grade="general",
            description=Text(zh="门关不严", en="Door does not close"), found_at=now, found_by="Han Mei",
        )  # fmt: skip
        return service.open(new)[0].id


def test_a_finding_is_assigned_put_right_and_verified_by_another(installation: Path, enter: Enter) -> None:
    number = _finding(installation)
    enter("li", Role.ENGINEER)
    at = _open("findings")
    at = _press(at, say("finding_do_assign", "en"))
    assert "assigned to nobody" in at.warning[0].value
    _box(at, "finding_to").set_value("Zhao")
    at = _press(at, say("finding_do_assign", "en"))
    at = _press(at, say("finding_do_done", "en"))
    assert not at.exception
    at = _press(at, say("finding_do_verify", "en"))
    assert "cannot verify it" in at.warning[0].value
    with Records(DataFolder(installation).records) as records:
        deficiency = records.deficiencies.get(number)
        assert (deficiency.state, deficiency.person, deficiency.mender) == (State.AWAITING_VERIFICATION, "Zhao", "li")
    enter("wang", Role.INSPECTOR)
    _press(_open("findings"), say("finding_do_verify", "en"))
    with Records(DataFolder(installation).records) as records:
        assert records.deficiencies.get(number).verifier == "wang"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER, Role.ADMINISTRATOR])
def test_who_may_not_change_findings_has_no_button_and_is_refused(installation: Path, enter: Enter, role: Role) -> None:
    _finding(installation)
    digest = enter("x", role)
    at = _open("findings")
    assert not {button.label for button in at.button} & {say("finding_do_assign", "en"), say("finding_do_close", "en")}
    with Records(DataFolder(installation).records) as records:
        account = records.accounts.get("x")
        (deficiency,) = records.deficiencies.all()
    visit = Visit(installation, ZoneInfo("UTC"), "en", datetime.now(UTC), {}, account, digest)
    with pytest.raises(CannotDo, match="may not"):
        reach.rectifying(visit, deficiency)


def test_my_day_is_my_round_with_its_link_and_nobody_elses(installation: Path, enter: Enter) -> None:
    assert say("no_rounds", "en") in _words(_open("myday"))
    now = datetime.now(UTC)
    with Records(DataFolder(installation).records) as records:
        request = PlanRequest(day=now.date() + timedelta(days=1), crew=Crew(people=2, hours=8.0))
        planning = Planning(records, now=now, timezone=ZoneInfo("Asia/Shanghai"))
        plan = planning.make(request, records.assessments.latest())
        crew = (Person(number=1, id="li", name="Li Lei"), Person(number=2, id="han", name="Han Mei"))
        number = records.plans.put(replace(plan, persons=crew))
        busy = {person for item in plan.items for person in item.people}
    assert busy
    enter("li", Role.INSPECTOR, display="Li Lei")
    shown = _words(_open("myday"))
    assert (f"/round/{number}-1-" in shown) == (1 in busy)
    assert f"/round/{number}-2-" not in shown
    enter("han", Role.VIEWER)
    assert "/round/" not in _words(_open("myday")), "looking is not walking"
    enter("stranger", Role.INSPECTOR)
    assert say("no_round_of_yours_do", "en") in _words(_open("myday"))
