"""The pages of the door: sign in, who is signed in, sign out; and what open pages ask to know if they still may."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard.door import sheets
from dashboard.door.keeper import Asking, Keeper, own_path
from dashboard.wording import say, told
from facility.accounts import Account
from facility.errors import CannotDo, ServicedayError
from facility.i18n.phrases import Language
from serviceday.accounts import ABSOLUTE, NotLetIn, SignedIn

LARGEST = 8_192  # bytes of a form
AT_ONCE = 2  # passwords looked at; each takes 64 MiB and some tens of milliseconds
POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class Door:
    """The pages of signing in and out, answered without Streamlit."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._turns: anyio.CapacityLimiter | None = None

    async def sign_in(self, request: Request) -> Response:
        asking = Asking(request.scope, self._keeper.settings)
        if request.method == "POST":
            return await self._let_in(request, asking)
        there = own_path(request.query_params.get("next", "/"))
        language = _language(asking, request.query_params.get("lang", ""), there)
        if await anyio.to_thread.run_sync(lambda: self._present(asking.session)):
            return _go(there)
        return await self._form(asking, language, there)

    async def account(self, request: Request) -> Response:
        """Who is signed in, and the way out. Behind the gate."""
        asking = Asking(request.scope, self._keeper.settings)
        account = request.scope["serviceday.account"]
        language = _language(asking, request.query_params.get("lang", account.language), "/")
        if not account.name:
            return _go("/")
        return await self._account(asking, account, language)

    async def change_password(self, request: Request) -> Response:
        """Another password of one's own; then one signs in anew, everywhere."""
        asking = Asking(request.scope, self._keeper.settings)
        account, fields = request.scope["serviceday.account"], await form_fields(request)
        language = _language(asking, fields.get("lang", ""), "/")
        if not _from_our_form(asking, fields):
            return _html(sheets.sent_from_elsewhere(language), 403)
        accounts = await anyio.to_thread.run_sync(self._keeper.accounts)
        if accounts is None or not account.name:
            return _go("/")
        former, password = fields.get("former", ""), fields.get("password", "")
        if password != fields.get("again", ""):
            return await self._account(asking, account, language, wrong=say("door_not_alike", language))
        self._turns = self._turns or anyio.CapacityLimiter(AT_ONCE)
        session, address = asking.session, asking.address

        def change() -> int:
            return accounts.change_password(session, former, password, address=address, now=datetime.now(UTC))

        try:
            await anyio.to_thread.run_sync(change, limiter=self._turns)
        except CannotDo as error:
            words = f"{told(error.what, language)}{'。' if language == 'zh' else '. '}{told(error.do, language)}"
            return await self._account(asking, account, language, wrong=words)
        response = _go(f"/sign-in?lang={language}")
        response.delete_cookie(asking.cookie_name("session"), path="/", secure=asking.secure, httponly=True)
        return response

    async def _account(self, asking: Asking, account: Account, language: Language, *, wrong: str = "") -> Response:
        running = await anyio.to_thread.run_sync(lambda: self._running(account.name))
        token = asking.cookie("form") or secrets.token_urlsafe(24)
        page = sheets.account(language, account=account, sessions=running, token=token, wrong=wrong)
        return _with_token(_html(page, 400 if wrong else 200), asking, token)

    async def sign_out(self, request: Request) -> Response:
        asking = Asking(request.scope, self._keeper.settings)
        fields = await form_fields(request)
        language = _language(asking, fields.get("lang", ""), "/")
        if not _from_our_form(asking, fields):
            return _html(sheets.sent_from_elsewhere(language), 403)
        everywhere = fields.get("everywhere") != "0"
        accounts = await anyio.to_thread.run_sync(self._keeper.accounts)
        if accounts is not None:
            now = datetime.now(UTC)
            await anyio.to_thread.run_sync(lambda: accounts.sign_out(asking.session, now=now, everywhere=everywhere))
        response = _go(f"/sign-in?lang={language}")
        response.delete_cookie(asking.cookie_name("session"), path="/", secure=asking.secure, httponly=True)
        return response

    async def here(self, request: Request) -> Response:
        """204: the session is there; the gate says 401 where it is over."""
        return Response(status_code=204, headers={"cache-control": "no-store"})

    async def _let_in(self, request: Request, asking: Asking) -> Response:
        fields = await form_fields(request)
        there = own_path(fields.get("next", "/"))
        language = _language(asking, fields.get("lang", ""), there)
        if not _from_our_form(asking, fields):
            return _html(sheets.sent_from_elsewhere(language), 403)
        accounts = await anyio.to_thread.run_sync(self._keeper.accounts)
        if accounts is None:
            return await self._form(asking, language, there)
        name, password = fields.get("name", ""), fields.get("password", "")
        former, address = asking.cookie("session"), asking.address
        self._turns = self._turns or anyio.CapacityLimiter(AT_ONCE)

        def look() -> SignedIn:
            return accounts.sign_in(name, password, address=address, now=datetime.now(UTC), former=former)

        try:
            entered = await anyio.to_thread.run_sync(look, limiter=self._turns)
        except NotLetIn as error:
            words = f"{told(error.what, language)}{'。' if language == 'zh' else '. '}{told(error.do, language)}"
            return await self._form(asking, language, there, wrong=words, name=name[:60])
        response = _go(there)
        response.set_cookie(
            asking.cookie_name("session"),
            entered.token,
            max_age=int(ABSOLUTE.total_seconds()),
            path="/",
            secure=asking.secure,
            httponly=True,
            samesite="lax",
        )
        return response

    async def _form(
        self, asking: Asking, language: Language, there: str, *, wrong: str = "", name: str = ""
    ) -> Response:
        """The page where one signs in; or, while there is no account, what to do about that."""
        none = await anyio.to_thread.run_sync(self._no_accounts)
        token = asking.cookie("form") or secrets.token_urlsafe(24)
        if none and self._keeper.serves_unasked(asking.headers):
            return _go(there)
        if none:
            return _html(sheets.no_accounts(language), 403)
        page = sheets.sign_in(language, there=there, token=token, wrong=wrong, name=name)
        return _with_token(_html(page, 401 if wrong else 200), asking, token)

    def _running(self, name: str) -> int:
        accounts = self._keeper.accounts()
        return len(accounts.sessions(name, now=datetime.now(UTC))) if accounts else 0

    def _no_accounts(self) -> bool:
        accounts = self._keeper.accounts()
        return accounts is None or not accounts.exist()

    def _present(self, session: str) -> bool:
        accounts = self._keeper.accounts()
        account = accounts.present(session, now=datetime.now(UTC)) if accounts and session else None
        return account is not None and account.name != ""


def routes(keeper: Keeper) -> list[Route]:
    """The routes of the door, to be served beside the dashboard."""
    own = Door(keeper)
    return [
        Route("/sign-in", _told(keeper, own.sign_in), methods=["GET", "POST"]),
        Route("/account/password", _told(keeper, own.change_password), methods=["POST"]),
        Route("/sign-out", _told(keeper, own.sign_out), methods=["POST"]),
        Route("/account", _told(keeper, own.account), methods=["GET"]),
        Route("/door/here", own.here, methods=["GET"]),
        Route("/door/style.css", _style, methods=["GET"]),
        Route("/door/watch.js", _watch, methods=["GET"]),
        Route("/door/page.js", _page, methods=["GET"]),
    ]


Answer = Callable[[Request], Awaitable[Response]]


def _told(keeper: Keeper, answer: Answer) -> Answer:
    """What stops a page is told in words."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except ServicedayError as error:
            language = Asking(request.scope, keeper.settings).language()
            return _html(sheets.message(language, told(error.what, language), told(error.do, language)), 503)

    return answered


async def _style(request: Request) -> Response:
    return Response(sheets.STYLE, media_type="text/css", headers={"cache-control": "max-age=300"})


async def _watch(request: Request) -> Response:
    return Response(sheets.WATCH, media_type="text/javascript", headers={"cache-control": "no-store"})


async def _page(request: Request) -> Response:
    return Response(sheets.page_script(), media_type="text/javascript", headers={"cache-control": "max-age=300"})


async def form_fields(request: Request) -> dict[str, str]:
    """The fields of a form as a browser sends them; of what is too large or no form, none."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/x-www-form-urlencoded":
        return {}
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            return {}
    try:
        parsed = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in parsed.items()}


def _from_our_form(asking: Asking, fields: dict[str, str]) -> bool:
    """Whether a form is one that we gave to this browser: sent from a page of ours, with the token of its cookie."""
    token, field = asking.cookie("form"), fields.get("form", "")
    return asking.from_here() and bool(token) and hmac.compare_digest(token.encode(), field.encode())


def _language(asking: Asking, chosen: str, there: str) -> Language:
    asked = parse_qs(urlsplit(there).query).get("lang", [""])[0]
    return asking.language(chosen or asked)


def _go(there: str) -> Response:
    return RedirectResponse(there, status_code=303, headers={"cache-control": "no-store"})


def _html(page: str, status: int = 200) -> Response:
    headers = {"cache-control": "no-store", "content-security-policy": POLICY}
    return HTMLResponse(page, status_code=status, headers=headers)


def _with_token(response: Response, asking: Asking, token: str) -> Response:
    response.set_cookie(
        asking.cookie_name("form"), token, path="/", secure=asking.secure, httponly=True, samesite="strict"
    )
    return response
