"""Accounts: who gets in, how guessing is slowed, when a session is over, and what each role may do where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from facility.accounts import ALL_SITES, NEEDED, Account, Action, Role, may
from facility.alerts import Alert, Severity, Source
from facility.audit import Area
from facility.errors import CannotDo
from facility.estate import Asset, Building, Estate, Site
from facility.i18n.phrases import Text
from facility.inspections import InspectionList
from facility.records import Records
from serviceday.accounts import ABSOLUTE, IDLE, Accounts, Acting, NotLetIn, digest_of, passwords
from serviceday.accounts.passwords import check
from serviceday.accounts.service import pause

NOW = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
PASSWORD = "lantern orbit fig 7"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost next to nothing; what the real ones cost is looked at where a server runs."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobodys.cache_clear()


def test_hashes_are_argon2id_as_costly_as_the_rfc_asks() -> None:
    hasher = PasswordHasher()
    assert (hasher.time_cost, hasher.memory_cost, hasher.type.name) == (3, 65_536, "ID")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records(tmp_path / "records.sqlite") as opened:
        sites = (Site(id="north"), Site(id="south"))
        assets = tuple(Asset(id=f"L-{site.id}", kind="lift", site=site.id, building="A") for site in sites)
        buildings = tuple(Building(id="A", site=site.id) for site in sites)
        opened.estate.put(Estate(sites=sites, buildings=buildings, assets=assets))
        yield opened


@pytest.fixture
def accounts(records: Records) -> Accounts:
    kept = Accounts(records)
    kept.add(Account(name="Root", roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, by="os", now=NOW)
    return kept


def _alert(records: Records, site: str) -> Alert:
    (opened,) = records.alerts.keep(
        [
            Alert(
                id=0,
                asset=f"L-{site}",
                cause=f"{site}/{len(records.alerts.all())}",
                channel="",
                source=Source.EQUIPMENT,
                severity=Severity.HIGH,
                title=Text(zh="门", en="Door"),
                reason=Text(zh="慢", en="slow"),
                opened_at=NOW,
                last_seen_at=NOW,
            )
        ],
        [],
        now=NOW,
    )
    return opened


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "123456789012",
        "aaaaaaaaaaaa",
        "abcdefghijkl",
        "Password2026!!",
        "woaini1314520",
        "abababababab",
        "987654321---",
        "li.lei.li.lei",
        "x" * 201,
    ],
)
def test_what_is_guessed_first_is_refused_and_never_told(password: str) -> None:
    with pytest.raises(CannotDo) as refused:
        check(password, "li.lei.li.lei")
    assert password not in str(refused.value)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=12, max_size=40))
def test_any_password_that_is_taken_is_long_enough_and_has_some_variety(password: str) -> None:
    try:
        check(password, "somebody")
    except CannotDo:
        return
    assert len(password) > 3
    assert len(set(password)) >= 4  # compatibility forms may unfold into several characters


def test_the_first_account_is_an_administrators_and_names_are_the_same_however_typed(records: Records) -> None:
    kept = Accounts(records)
    with pytest.raises(CannotDo, match="administrator"):
        kept.add(Account(name="li", roles=frozenset({Role.VIEWER})), PASSWORD, by="os", now=NOW)
    kept.add(Account(name="Ｒoot", roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, by="os", now=NOW)
    with pytest.raises(CannotDo, match="already"):
        kept.add(Account(name="ROOT", roles=frozenset({Role.VIEWER})), PASSWORD, by="os", now=NOW)
    assert kept.sign_in(" root ", PASSWORD, address="10.0.0.1", now=NOW).account.name == "root"


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (Account(name="a b", roles=frozenset({Role.VIEWER})), "no name"),
        (Account(name="", roles=frozenset({Role.VIEWER})), "no name"),
        (Account(name="a"), "without a role"),
        (Account(name="a", roles=frozenset({Role.VIEWER}), sites=frozenset({"east"})), "no site east"),
        (Account(name="a", roles=frozenset({Role.VIEWER}), language="fr"), "no language"),
        (Account(name="a", roles=frozenset({Role.ADMINISTRATOR}), sites=frozenset({"north"})), "all sites"),
    ],
)
def test_accounts_out_of_order_are_refused(accounts: Accounts, account: Account, words: str) -> None:
    with pytest.raises(CannotDo, match=words):
        accounts.add(account, PASSWORD, by="os", now=NOW)


def test_neither_password_nor_token_stands_in_the_records(accounts: Accounts, records: Records, tmp_path: Path) -> None:
    token = accounts.sign_in("root", PASSWORD, address="10.0.0.1", now=NOW).token
    with pytest.raises(NotLetIn):
        accounts.sign_in("my secret typed in the wrong field", PASSWORD, address="10.0.0.1", now=NOW)
    records.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert PASSWORD.encode() not in kept
    assert token.encode() not in kept
    assert b"wrong field" not in kept
    assert b"$argon2id$" in kept


def _words(accounts: Accounts, name: str, *, address: str, now: datetime) -> str:
    with pytest.raises(NotLetIn) as refused:
        accounts.sign_in(name, "not the password", address=address, now=now)
    return str(refused.value)


def test_a_name_that_is_none_is_refused_in_the_same_words_at_every_try(accounts: Accounts) -> None:
    accounts.add(Account(name="off", roles=frozenset({Role.VIEWER}), disabled=True), PASSWORD, by="os", now=NOW)
    told = {
        name: [
            _words(accounts, name, address=f"10.0.{place}.{number}", now=NOW + timedelta(seconds=number))
            for number in range(8)
        ]
        for place, name in enumerate(("root", "nobody", "off"))
    }
    assert told["root"] == told["nobody"] == told["off"]
    assert "too many" in told["root"][-1]
    with pytest.raises(NotLetIn, match="wrong"):
        accounts.sign_in("off", PASSWORD, address="10.9.9.9", now=NOW + timedelta(hours=1))


def test_every_attempt_looks_at_one_hash_of_the_same_cost(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            looked_at.append(str(hash).rsplit("$", 2)[0])
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_HASHER", Counting(time_cost=1, memory_cost=8, parallelism=1))
    accounts.add(Account(name="off", roles=frozenset({Role.VIEWER}), disabled=True), PASSWORD, by="os", now=NOW)
    for name in ("root", "nobody", "off", "", "x" * 5000, "a\0b", "\ud800"):
        _words(accounts, name, address="10.0.0.1", now=NOW)
    assert len(looked_at) == 7
    assert len(set(looked_at)) == 1


def test_guessing_one_name_from_many_addresses_and_many_names_from_one_is_slowed(accounts: Accounts) -> None:
    def tries(who: Callable[[int], tuple[str, str]]) -> int:
        now, counted = NOW, 0
        while now < NOW + timedelta(hours=1):
            name, address = who(counted)
            if "wrong" in _words(accounts, name, address=address, now=now):
                counted += 1
            now += timedelta(seconds=15)
        return counted

    assert tries(lambda number: ("root", f"10.1.{number % 250}.1")) < 15
    assert tries(lambda number: (f"name{number}", "2001:db8::1")) < 30
    assert tries(lambda number: (f"more{number}", f"2001:db8:0:0:{number:x}::7")) < 30


def test_a_pause_ends_and_success_clears_the_name_but_not_the_address(accounts: Accounts) -> None:
    for number in range(5):
        _words(accounts, "root", address="10.0.0.9", now=NOW + timedelta(seconds=number))
    with pytest.raises(NotLetIn, match="Wait"):
        accounts.sign_in("root", PASSWORD, address="10.0.0.10", now=NOW + timedelta(seconds=6))
    accounts.sign_in("root", PASSWORD, address="10.0.0.9", now=NOW + timedelta(minutes=1))
    assert "wrong" in _words(accounts, "root", address="10.0.0.9", now=NOW + timedelta(minutes=1))
    for number in range(14):
        _words(accounts, f"n{number}", address="10.0.0.9", now=NOW + timedelta(minutes=2))
    assert "Wait" in _words(accounts, "fresh", address="10.0.0.9", now=NOW + timedelta(minutes=2))


@given(st.integers(0, 10_000), st.integers(1, 50))
def test_pauses_grow_and_have_an_end(failures: int, free: int) -> None:
    assert pause(failures, free) <= pause(failures + 1, free) <= timedelta(minutes=15)
    assert bool(pause(failures, free)) == (failures >= free)


def test_a_session_survives_until_idle_or_old_and_ends_everywhere_at_sign_out(accounts: Accounts) -> None:
    first = accounts.sign_in("root", PASSWORD, address="a", now=NOW).token
    second = accounts.sign_in("root", PASSWORD, address="b", now=NOW).token
    assert first != second
    later = NOW + IDLE - timedelta(seconds=1)
    assert accounts.present(digest_of(first), now=later, used=True) is not None
    assert accounts.present(digest_of(second), now=NOW + IDLE) is None
    assert accounts.present(digest_of(first), now=NOW + IDLE) is not None
    moment = NOW
    while moment < NOW + ABSOLUTE:
        assert accounts.present(digest_of(first), now=moment, used=True) is not None
        moment += timedelta(hours=6)
    assert accounts.present(digest_of(first), now=NOW + ABSOLUTE, used=True) is None

    third = accounts.sign_in("root", PASSWORD, address="a", now=NOW).token
    fourth = accounts.sign_in("root", PASSWORD, address="a", now=NOW, former=third).token
    assert accounts.present(digest_of(third), now=NOW) is None, "another one takes its place"
    accounts.sign_out(digest_of(fourth), now=NOW)
    assert all(accounts.present(digest_of(one), now=NOW) is None for one in (first, second, third, fourth))
    assert accounts.sessions(now=NOW) == []


def test_disabling_and_a_new_password_end_sessions(accounts: Accounts, records: Records) -> None:
    token = accounts.sign_in("root", PASSWORD, address="a", now=NOW).token
    accounts.set_password("root", PASSWORD + " more", by="os", now=NOW)
    assert accounts.present(digest_of(token), now=NOW) is None
    token = accounts.sign_in("root", PASSWORD + " more", address="a", now=NOW).token
    accounts.change(replace(records.accounts.get("root"), disabled=True), by="os", now=NOW)
    assert accounts.present(digest_of(token), now=NOW) is None
    assert accounts.present("", now=NOW) is None, "disabled accounts keep the door shut as well"


def test_without_accounts_everybody_may_everything_and_with_one_nobody_may_unasked(records: Records) -> None:
    kept = Accounts(records)
    assert (who := kept.present("", now=NOW)) is not None
    assert all(may(who, action) for action in Action)
    kept.add(Account(name="root", roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, by="os", now=NOW)
    assert kept.present("", now=NOW) is None
    assert kept.present("0" * 64, now=NOW) is None


CALLS: dict[str, tuple[Action, Callable[[Acting, Alert], object]]] = {
    "acknowledge": (Action.ALERTS, lambda acting, alert: acting.acknowledge(alert.id)),
    "close": (Action.ALERTS, lambda acting, alert: acting.close(alert.id)),
    "assign": (Action.ALERTS, lambda acting, alert: acting.assign(alert.id, to="x")),
    "comment": (Action.ALERTS, lambda acting, alert: acting.comment(alert.id, note="x")),
    "shelve": (
        Action.ALERTS,
        lambda acting, alert: acting.shelve(alert.id, until=NOW + timedelta(days=1), why="part ordered"),
    ),
    "unshelve": (Action.ALERTS, lambda acting, alert: acting.unshelve(alert.id)),
    "signature": (
        Action.RESULTS,
        lambda acting, alert: acting.signature(Action.RESULTS, alert.asset.partition("-")[2]),
    ),
    "keep_plan": (Action.PLANS, lambda acting, alert: acting.keep_plan(_plan())),
}


def _state(records: Records, alert: Alert) -> list[object]:
    return [records.alerts.trail(alert.id), records.alerts.get(alert.id), len(records.plans.on(NOW.date()))]


def _plan() -> InspectionList:
    return InspectionList(service_day=NOW.date(), created_at=NOW, people=1, hours=8.0, items=(), left_out=())


def test_every_call_of_the_pages_is_tried_below() -> None:
    assert set(CALLS) == {name for name in vars(Acting) if not name.startswith("_")}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("sites", [None, ("north",)], ids=["all sites", "north only"])
def test_every_call_as_every_role_here_and_for_another_site(
    records: Records, accounts: Accounts, role: Role, sites: tuple[str, ...] | None
) -> None:
    if role is Role.ADMINISTRATOR and sites:
        return  # there is no such account
    limit = None if sites is None else frozenset(sites)
    account = accounts.add(Account(name="x", roles=frozenset({role}), sites=limit), PASSWORD, by="os", now=NOW)
    session = digest_of(accounts.sign_in("x", PASSWORD, address="a", now=NOW).token)
    acting = Acting(records, session, signature="somebody else", now=NOW)
    for name, (action, call) in CALLS.items():
        for site in ("north", "south"):
            alert = _alert(records, site)
            if name == "unshelve":
                records.alerts.shelve(alert.id, until=NOW + timedelta(days=1), by="y", why="x", now=NOW)
            before = _state(records, alert)
            concerns = ALL_SITES if action is Action.PLANS else site
            if role in NEEDED[action] and account.sees(concerns):
                call(acting, alert)
                assert before != _state(records, alert) or name == "signature", "nothing but a name comes of that"
                if action is Action.ALERTS:
                    assert records.alerts.trail(alert.id)[-1].who == "x", "the account, not a typed name"
            else:
                with pytest.raises(CannotDo):
                    call(acting, alert)
                assert before == _state(records, alert)


def test_a_role_taken_away_bites_at_the_next_call_and_a_session_that_ended_at_once(
    records: Records, accounts: Accounts
) -> None:
    both = Account(name="x", roles=frozenset({Role.ENGINEER, Role.VIEWER}))
    accounts.add(both, PASSWORD, by="os", now=NOW)
    acting = Acting(records, digest_of(accounts.sign_in("x", PASSWORD, address="a", now=NOW).token), now=NOW)
    acting.acknowledge(_alert(records, "north").id)
    accounts.change(replace(both, roles=frozenset({Role.VIEWER})), by="root", now=NOW)
    with pytest.raises(CannotDo, match="may not"):
        acting.acknowledge(_alert(records, "north").id)
    accounts.end_sessions("x", by="root", now=NOW)
    with pytest.raises(CannotDo, match="signed out"):
        acting.acknowledge(_alert(records, "north").id)


def test_the_alert_of_another_site_is_refused_as_one_that_is_not_there(records: Records, accounts: Accounts) -> None:
    limited = Account(name="x", roles=frozenset({Role.ENGINEER}), sites=frozenset({"north"}))
    accounts.add(limited, PASSWORD, by="os", now=NOW)
    acting = Acting(records, digest_of(accounts.sign_in("x", PASSWORD, address="a", now=NOW).token), now=NOW)
    there = _alert(records, "south").id
    with pytest.raises(CannotDo) as hidden:
        acting.close(there)
    with pytest.raises(CannotDo) as absent:
        acting.close(there + 1)
    assert str(hidden.value).replace(str(there), "N") == str(absent.value).replace(str(there + 1), "N")


def test_the_trail_says_who_did_what_before_and_after(records: Records, accounts: Accounts) -> None:
    accounts.add(Account(name="x", roles=frozenset({Role.ENGINEER, Role.PLANNER})), PASSWORD, by="root", now=NOW)
    changed = replace(records.accounts.get("x"), display="Xi", sites=None)
    accounts.change(changed, by="root", now=NOW + timedelta(minutes=1))
    _words(accounts, "x", address="10.0.0.7", now=NOW + timedelta(minutes=2))
    token = accounts.sign_in("x", PASSWORD, address="10.0.0.7", now=NOW + timedelta(minutes=3)).token
    acting = Acting(records, digest_of(token), now=NOW + timedelta(minutes=4))
    alert = _alert(records, "north")
    acting.acknowledge(alert.id, note="seen")
    acting.keep_plan(_plan())
    records.plans.put(_plan())
    lines = records.audit.entries(since=NOW, until=NOW + timedelta(hours=1))
    assert [(line.who, line.area, line.what) for line in lines if line.at >= NOW + timedelta(minutes=1)] == [
        ("root", Area.ACCOUNT, "changed"),
        ("", Area.SIGN_IN, "failed"),
        ("x", Area.SIGN_IN, "signed_in"),
        ("x", Area.PLAN, "kept"),
        ("x", Area.ALERT, "acknowledged"),
    ]
    by_x = records.audit.entries(by="x")
    assert {(line.area, line.what) for line in by_x} == {
        (Area.SIGN_IN, "signed_in"),
        (Area.PLAN, "kept"),
        (Area.ALERT, "acknowledged"),
    }
    (change,) = [line for line in records.audit.entries(by="root") if line.what == "changed"]
    assert (change.before, change.after) == ({"display": ""}, {"display": "Xi"})
    (failed,) = [line for line in lines if line.what == "failed"]
    assert (failed.subject, failed.address) == ("x", "10.0.0.7")
    unsigned = [line for line in records.audit.entries(by="") if line.area is Area.PLAN]
    assert [line.subject for line in unsigned] == ["2"], "each list once"


def test_a_damaged_account_is_told(records: Records, accounts: Accounts) -> None:
    with records._engine.begin() as connection:
        connection.execute(text("UPDATE account SET roles = '[\"king\"]'"))
    with pytest.raises(CannotDo, match="damaged row in table account"):
        records.accounts.all()
