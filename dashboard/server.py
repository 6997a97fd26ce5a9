"""What `streamlit run` serves on the one port: the pages of the dashboard, and our own routes beside them.

Routes and middleware of the whole server are listed here and nowhere else.
"""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from dashboard.rounds import Rounds
from dashboard.serve import APP
from dashboard.settings import Settings
from facility.errors import ServicedayError


def _routes() -> list[BaseRoute]:
    """Answered before the dashboard's own addresses."""
    try:
        settings = Settings.given()
    except ServicedayError:  # told by every page of the dashboard
        return []
    return [*Rounds(settings).routes()]


def _middleware() -> list[Middleware]:
    """What every request passes through, the first of them first: ours and the dashboard's alike."""
    return []


app = st.App(APP, routes=_routes(), middleware=_middleware())
