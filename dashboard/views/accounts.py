"""Accounts, for administrators: who may sign in, with which roles, at which sites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import streamlit as st

from dashboard import markup, places, query, reach, sources
from dashboard.visit import Visit
from facility.accounts import Account, Action, Role, may
from facility.errors import ServicedayError
from facility.i18n.phrases import LANGUAGES
from serviceday.accounts import Administration

_NEW = "+"
_LANGUAGES = {"": "–", "zh": "中文", "en": "English"}
_RESULT = "accounts_result"  # what was done last, told once


def show(visit: Visit) -> None:
    """The page of accounts: a table, the form of one, and a form for a new one."""
    st.subheader(visit.say("page_accounts"), anchor=False)
    if not visit.account.name:
        st.html(markup.empty(visit.say("accounts_none"), visit.say("accounts_none_do")))
        return
    if not may(visit.account, Action.ACCOUNTS):
        st.html(markup.empty(visit.say("accounts_not_yours"), visit.say("accounts_not_yours_do")))
        return
    if done := st.session_state.pop(_RESULT, ""):
        st.success(done)
    administration = _administration(visit)
    accounts = {account.name: account for account in administration.all()}
    st.dataframe(_frame(visit, list(accounts.values())), hide_index=True, row_height=markup.ROW)
    words = {_NEW: visit.say("accounts_new"), **{name: account.words for name, account in accounts.items()}}
    name = query.selection(visit.say("account"), "account", list(words), _NEW, words.__getitem__)
    if name == _NEW:
        _form(visit, Account(name="", roles=frozenset({Role.VIEWER})))
        return
    _form(visit, accounts[name])
    _password(visit, name, administration.running(name))


def _administration(visit: Visit) -> Administration:
    return Administration(sources.records(visit.folder), visit.session)


def _frame(visit: Visit, accounts: list[Account]) -> pl.DataFrame:
    comma = visit.say("door_comma")
    rows = [
        (
            account.name,
            account.display,
            comma.join(visit.say(f"role_{role.value}") for role in sorted(account.roles)),
            visit.say("door_all_sites") if account.sites is None else comma.join(sorted(account.sites)),
            visit.say("account_disabled" if account.disabled else "account_active"),
        )
        for account in accounts
    ]
    columns = [visit.say(key) for key in ("door_name", "account_display", "door_roles", "door_sites", "state")]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _form(visit: Visit, account: Account) -> None:
    """One account to be changed, or a new one to be made."""
    new = not account.name
    sites = {
        site.id: places.names(visit).site(site.id) or site.id for site in sources.records(visit.folder).estate.sites()
    }
    with st.form(f"account-{account.name}", border=True):
        first, second, third = st.columns(3)
        name = first.text_input(visit.say("door_name"), value=account.name, disabled=not new, max_chars=60)
        display = second.text_input(visit.say("account_display"), value=account.display, max_chars=60)
        language = third.selectbox(
            visit.say("account_language"), ("", *LANGUAGES), index=("", *LANGUAGES).index(account.language),
            format_func=_LANGUAGES.__getitem__,
        )  # fmt: skip
        roles = st.multiselect(
            visit.say("door_roles"), list(Role), default=sorted(account.roles),
            format_func=lambda role: visit.say(f"role_{role.value}"), placeholder=visit.say("choose_some"),
        )  # fmt: skip
        own = st.multiselect(
            visit.say("account_sites"), list(sites), default=sorted((account.sites or frozenset()) & set(sites)),
            format_func=sites.__getitem__, placeholder=visit.say("door_all_sites"),
        )  # fmt: skip
        password = st.text_input(visit.say("door_password"), type="password", max_chars=200) if new else ""
        disabled = False if new else st.checkbox(visit.say("account_disable"), value=account.disabled)
        sent = st.form_submit_button(visit.say("account_add" if new else "account_change"), type="primary")
    if not sent:
        return
    wish = replace(
        account, name=name.strip() if new else account.name, display=display.strip(), language=language,
        roles=frozenset(roles), sites=frozenset(own) or None, disabled=disabled,
    )  # fmt: skip
    if new:
        _carry_out(visit, lambda: _administration(visit).add(wish, password), "account_added", wish.name)
    else:
        _carry_out(visit, lambda: _administration(visit).change(wish), "account_changed", wish.name)


def _password(visit: Visit, name: str, running: int) -> None:
    """For somebody who has forgotten theirs, or has lost a telephone."""
    with st.form(f"password-{name}", border=True):
        box, button, out = st.columns([3, 2, 2], vertical_alignment="bottom")
        password = box.text_input(visit.say("account_new_password"), type="password", max_chars=200)
        change = button.form_submit_button(visit.say("account_set_password"), width="stretch")
        end = out.form_submit_button(visit.say("account_sign_out", n=running), disabled=not running, width="stretch")
    if change:
        _carry_out(visit, lambda: _administration(visit).set_password(name, password), "account_password_set", name)
    elif end:
        _carry_out(visit, lambda: _administration(visit).end_sessions(name), "account_signed_out", name)


def _carry_out(visit: Visit, act: Callable[[], object], words: str, name: str) -> None:
    try:
        act()
    except ServicedayError as error:
        st.warning(markup.plain(visit.told(error)))
        return
    st.session_state[_RESULT] = markup.plain(visit.say(words, name=name))
    reach.renewed(visit)
    st.rerun()
