"""What `streamlit run` serves on the one port: the door, behind it the pages of the dashboard, and rounds on phones.

Routes and middleware of the whole server are listed here and nowhere else.
"""

from __future__ import annotations

import sys
from itertools import pairwise

import streamlit as st

from dashboard.door import DoorSettings, door
from dashboard.rounds import Rounds
from dashboard.serve import APP
from dashboard.settings import Settings

_settings = Settings.given()
_arguments = dict(pairwise(sys.argv[1:]))
_middleware, _routes = door(
    DoorSettings(
        folder=_settings.folder,
        host=_arguments.get("--host", "127.0.0.1"),
        behind_proxy=_arguments.get("--behind-proxy") == "yes",
        language=_settings.language,
    )
)
app = st.App(APP, routes=[*Rounds(_settings).routes(), *_routes], middleware=_middleware)
