"""The door of the pages: who may come in, the page where one signs in, and the middleware that asks on every way in.

`door(...)` gives what an ASGI application has to list. Routes behind it find the account that asks under
`scope["serviceday.account"]` and the digest of its session, for `serviceday.accounts.Acting`, under
`scope["serviceday.session"]`.
"""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.routing import Route

from dashboard.door.gate import Gate
from dashboard.door.keeper import DoorSettings, Keeper
from dashboard.door.pages import routes

__all__ = ["DoorSettings", "door"]


def door(settings: DoorSettings) -> tuple[list[Middleware], list[Route]]:
    """The middleware, to be listed first, and the routes of the door."""
    keeper = Keeper(settings)
    return [Middleware(Gate, keeper=keeper)], routes(keeper)
