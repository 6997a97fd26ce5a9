"""What `streamlit run` serves: the pages of `app.py` behind the door, on one port."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import streamlit as st

from dashboard.door import DoorSettings, door
from dashboard.settings import Settings

_given = Settings.given()
_asked = dict(pairwise(sys.argv[1:]))
_middleware, _routes = door(
    DoorSettings(
        folder=_given.folder,
        host=_asked.get("--host", "127.0.0.1"),
        behind_proxy=_asked.get("--behind-proxy") == "yes",
        language=_given.language,
    )
)
app = st.App(Path(__file__).with_name("app.py"), middleware=_middleware, routes=_routes)
