"""What `streamlit run` serves on the one port: the door, behind it the pages of the dashboard, and rounds on phones.

Routes and middleware of the whole server are listed here and nowhere else.
"""

from __future__ import annotations

import sys
from itertools import pairwise

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from dashboard.acknowledging import AcknowledgingPage
from dashboard.door import DoorSettings, door
from dashboard.photos import Photos
from dashboard.rounds import Rounds
from dashboard.serve import APP
from dashboard.settings import Settings
from dashboard.surveys import Surveys
from facility.errors import ServicedayError


def parts() -> tuple[list[Middleware], list[BaseRoute]]:
    """What every request passes through, and what is answered before the dashboard's own addresses.

    Where the settings are wrong there is neither: the pages open no folder and say what is wrong.
    """
    try:
        settings = Settings.given()
    except ServicedayError:
        return [], []
    arguments = dict(pairwise(sys.argv[1:]))
    entrance = DoorSettings(
        folder=settings.folder,
        host=arguments.get("--host", "127.0.0.1"),
        behind_proxy=arguments.get("--behind-proxy") == "yes",
        language=settings.language,
    )
    middleware, routes = door(entrance)
    links = AcknowledgingPage(entrance, settings.timezone).routes()
    own = (*Rounds(settings).routes(), *Photos(settings).routes(), *Surveys(settings).routes(), *links)
    return [*middleware], [*own, *routes]


_middleware, _routes = parts()
app = st.App(APP, routes=_routes, middleware=_middleware)
