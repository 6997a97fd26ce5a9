"""Stands before everything the server serves: pages, websockets, downloads and whatever else has a route."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

import anyio.to_thread
from google.protobuf.message import DecodeError
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from streamlit.proto.BackMsg_pb2 import BackMsg

from dashboard.door.keeper import Asking, Keeper, headers_of
from dashboard.reach import SESSION_HEADER
from facility.accounts import EVERYBODY, Account
from facility.errors import ServicedayError

log = logging.getLogger(__name__)

OPEN_TO_ALL = frozenset({"/sign-in", "/door/style.css", "/_stcore/health"})
# Whoever opens a round or an alert shows a signed link, whoever answers a survey a code; none of them has a session.
WITH_ITS_OWN_RIGHT = ("/round/", "/survey/", "/acknowledge")
UNUSED = frozenset({"/door/here"})  # asked by pages by themselves: no sign that somebody is there
WATCH = b'<script src="/door/watch.js" defer></script><script src="/door/page.js" defer></script></head>'
NEVER_KEPT = "/media/"  # what was downloaded is not left in a browser's cache
LOOK_EVERY = 2.0  # seconds between looks whether an open page's session is over
SIGNED_OUT = 4401  # why a websocket is closed
_READING = ("GET", "HEAD")
_PLAIN_PAGE = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Gate:
    """Lets in whoever has a session, and while there are no accounts whoever sits at this machine."""

    def __init__(self, app: Application, keeper: Keeper) -> None:
        self._app = app
        self._keeper = keeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        dropped = SESSION_HEADER.encode()
        scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower().replace(b"_", b"-") != dropped]
        asking = Asking(scope, self._keeper.settings)
        if scope["type"] == "http" and _open(scope["path"]):
            await self._app(scope, receive, _safer(send))
            return
        session = asking.session
        used = scope["path"] not in UNUSED
        try:
            account = await self.present(session, asking, used=used)
        except ServicedayError:
            log.exception("the records cannot say who is there")
            account = None
        if account is None:
            await self._refuse(scope, receive, send, asking)
            return
        scope["serviceday.account"], scope["serviceday.session"] = account, session
        scope["headers"].append((dropped, session.encode()))
        if not (asking.from_here() or scope.get("method") in _READING):
            await self._of_others(scope, receive, send)
        elif scope["type"] == "http":
            await self._page(scope, receive, _safer(send, kept=not scope["path"].startswith(NEVER_KEPT)))
        else:
            await self._websocket(scope, receive, send, session)

    async def present(self, session: str, asking: Asking, *, used: bool) -> Account | None:
        account = await anyio.to_thread.run_sync(lambda: self._keeper.present(session, used=used))
        if account is EVERYBODY and not self._keeper.serves_unasked(asking.headers):
            return None
        return account

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, asking: Asking) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": SIGNED_OUT, "reason": "not signed in"})
            return
        response: Response
        if "text/html" in asking.headers.get("accept", ""):
            query = scope["query_string"].decode("latin-1")
            asked = scope["path"] + (f"?{query}" if query else "")
            there = quote(asked if scope["method"] == "GET" else "/", safe="")
            response = RedirectResponse(f"/sign-in?next={there}", status_code=303)
        else:
            response = PlainTextResponse("not signed in\n", status_code=401)
        response.headers["cache-control"] = "no-store"
        await response(scope, receive, _safer(send))

    async def _of_others(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What a page of others has a browser send is not taken, whoever is signed in there."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "a page of others"})
        else:
            await PlainTextResponse("sent by a page of others\n", status_code=403)(scope, receive, _safer(send))

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A page is told where to look whether its session is over; everything else passes as it is."""
        if scope["method"] != "GET" or "text/html" not in headers_of(scope["headers"]).get("accept", ""):
            await self._app(scope, receive, send)
            return
        scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() not in _PLAIN_PAGE]
        start: Message | None = None
        body = b""

        async def watched(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                if b"text/html" in dict(message["headers"]).get(b"content-type", b""):
                    start = message
                    return
            elif start is not None:
                body += message.get("body", b"")
                if message.get("more_body"):
                    return
                whole = body.replace(b"</head>", WATCH, 1)
                pairs = [pair for pair in start["headers"] if pair[0] not in _CHANGED]
                size = (b"content-length", str(len(whole)).encode())
                await send({**start, "headers": [*pairs, size, (b"cache-control", b"no-store")]})
                await send({"type": "http.response.body", "body": whole})
                return
            await send(message)

        await self._app(scope, receive, watched)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send, session: str) -> None:
        """An open page: looked at with every message that comes in and every other second; closed when it is over."""
        closed = False
        asking = Asking(dict(scope), self._keeper.settings)

        async def over(*, used: bool) -> bool:
            try:
                return await self.present(session, asking, used=used) is None
            except ServicedayError:
                return True

        async def close() -> None:
            nonlocal closed
            if not closed:
                closed = True
                await send({"type": "websocket.close", "code": SIGNED_OUT, "reason": "signed out"})

        async def told(message: Message) -> None:
            if not closed:
                await send(message)

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and await over(used=_by_hand(message)):
                await close()
                return {"type": "websocket.disconnect", "code": SIGNED_OUT}
            return message

        async def look() -> None:
            while not closed:
                await asyncio.sleep(LOOK_EVERY)
                if await over(used=False):
                    await close()

        looking = asyncio.create_task(look())
        try:
            await self._app(scope, heard, told)
        finally:
            looking.cancel()


def _open(path: str) -> bool:
    own = any(path == right or (right.endswith("/") and path.startswith(right)) for right in WITH_ITS_OWN_RIGHT)
    return path in OPEN_TO_ALL or (own and ".." not in path)


_CHANGED = (b"content-length", b"etag", b"last-modified", b"cache-control", b"accept-ranges")


def _by_hand(message: Message) -> bool:
    """Whether somebody did something; parts of a page that renew themselves say so."""
    try:
        asked = BackMsg.FromString(message.get("bytes") or b"")
    except DecodeError:
        return False
    return asked.WhichOneof("type") == "rerun_script" and not asked.rerun_script.is_auto_rerun


def _safer(send: Send, *, kept: bool = True) -> Send:
    """Headers for every answer; one that is not to be `kept` is stored nowhere."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            pairs = [pair for pair in message["headers"] if kept or pair[0] != b"cache-control"]
            there = {name for name, _ in pairs}
            more = [pair for pair in _SAFE if pair[0] not in there]
            less = [] if kept else [(b"cache-control", b"no-store")]
            message = {**message, "headers": [*pairs, *more, *less]}
        await send(message)

    return sent
