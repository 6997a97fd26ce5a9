"""The page that `streamlit run` serves: sidebar, language, navigation, and clear words where something is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from dashboard import live, markup, query, reach
from dashboard.guard import guarded
from dashboard.settings import Settings
from dashboard.views import accounts, alerts, asset, days, findings, fleet, myday, worklist
from dashboard.visit import Visit
from dashboard.wording import say, told
from facility.accounts import Account, Action, may
from facility.catalogue.catalogue import use_folder
from facility.errors import ServicedayError
from facility.i18n.phrases import LANGUAGES, Language, preferred

_NAMES = {"zh": "中文", "en": "English"}
_VIEWS = (
    ("alerts", alerts.show, ":material/notifications:"),
    ("fleet", fleet.show, ":material/apartment:"),
    ("asset", asset.show, ":material/monitoring:"),
    ("worklist", worklist.show, ":material/checklist:"),
    ("findings", findings.show, ":material/report:"),
    ("myday", myday.show, ":material/route:"),
    ("days", days.show, ":material/calendar_month:"),
    ("accounts", accounts.show, ":material/manage_accounts:"),
)


def main() -> None:
    """Draw the page that was asked for, with the sidebar around it."""
    st.set_page_config(page_title="serviceday", page_icon=markup.ICON, layout="wide", initial_sidebar_state=216)
    st.html(markup.STYLE)
    try:
        settings = Settings.given()
    except ServicedayError as error:
        st.html(markup.empty(*_told(error, preferred())))
        return
    use_folder(settings.folder)
    session = reach.session()
    try:
        account = reach.present(settings.folder, session)
    except ServicedayError as error:
        st.html(markup.empty(*_told(error, settings.language)))
        return
    if account is None:
        words = (say("door_signed_out", settings.language), say("door_signed_out_do", settings.language))
        st.html(markup.empty(*words))
        return
    own = next((literal for literal in LANGUAGES if literal == account.language), _of_browser(settings.language))
    with st.sidebar:
        head = st.container()
        language = _language(own)
        head.html(markup.brand("serviceday", say("brand", language), language))
        links = st.container(gap="xsmall")
        foot = st.container()
        st.html(_who(account, language))
    pages: dict[str, st.Page] = {}
    dark = st.context.theme.type == "dark"
    visit = Visit(settings.folder, settings.timezone, language, datetime.now(UTC), pages, account, session, dark)
    for place, (name, show, icon) in enumerate(_VIEWS):
        title = say(f"page_{name}", language)
        path = name if place else "start"  # the first stands at "/", and once more under its name
        pages[name] = st.Page(partial(guarded(show), visit), title=title, icon=icon, url_path=path, default=place == 0)
    first, show, _ = _VIEWS[0]
    named = st.Page(partial(guarded(show), visit), title=say(f"page_{first}", language), url_path=first)
    current = st.navigation([*pages.values(), named], position="hidden")
    for name, page in pages.items():
        if name == "accounts" and not may(account, Action.ACCOUNTS):
            continue
        links.page_link(page, label=say(f"page_{name}", language), query_params=visit.link())
    try:
        with foot:
            live.tile(visit)
        current.run()
    except ServicedayError as error:
        st.html(markup.empty(*_told(error, language)))


def _who(account: Account, language: Language) -> str:
    """Who is signed in, with the way out; or that nobody is asked for."""
    if not account.name:
        return markup.quiet(say("door_only_here", language))
    return markup.visitor(account.words, say("door_account", language), f"/account?lang={language}")


def _of_browser(otherwise: Language) -> Language:
    """The first of our languages that the browser asks for."""
    asked = st.context.headers.get("accept-language") or st.context.locale or ""
    starts = [part.split(";")[0].strip()[:2].casefold() for part in asked.split(",")]
    return next((literal for start in starts for literal in LANGUAGES if literal == start), otherwise)


def _language(preferred: Language) -> Language:
    """The visitor's choice, kept in the address as `?lang=`."""
    chosen = query.segments("语言 Language", "lang", LANGUAGES, preferred, _NAMES.__getitem__)
    return next(literal for literal in LANGUAGES if literal == chosen)


def _told(error: ServicedayError, language: Language) -> tuple[str, str]:
    """What is wrong, and what to do."""
    return told(error.what, language), told(error.do, language)


main()
