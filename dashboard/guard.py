"""What a page shows when it cannot be drawn: words, never a traceback, and no link to anywhere else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import streamlit as st

from dashboard import markup
from dashboard.reach import renewed
from dashboard.visit import Visit
from facility.errors import ServicedayError

log = logging.getLogger(__name__)
P = ParamSpec("P")


def guarded(draw: Callable[Concatenate[Visit, P], None]) -> Callable[Concatenate[Visit, P], None]:
    """Draw, and tell in the visitor's language what stopped it; what nobody foresaw goes to the server's log as well.

    A fragment draws anew without the page around it, so every fragment is guarded for itself.
    """

    @wraps(draw)
    def drawn(visit: Visit, /, *arguments: P.args, **options: P.kwargs) -> None:
        try:
            visit = renewed(visit)
            draw(visit, *arguments, **options)
        except ServicedayError as error:
            st.html(markup.empty(visit.told(error.what), visit.told(error.do)))
        except Exception:
            log.exception("a page could not be drawn")
            st.html(markup.empty(visit.say("not_drawn"), visit.say("not_drawn_do")))

    return drawn
