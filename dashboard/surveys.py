"""Surveys over HTTP: a form and its answer, for whoever has a code. A code is all the right that is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dashboard.settings import Settings
from dashboard.wording import told
from facility.errors import CannotDo, ServicedayError
from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, Language
from facility.records import Records
from serviceday.execution.phone.links import link_key
from serviceday.survey import page
from serviceday.survey.collecting import Collecting
from serviceday.survey.phrases import PHRASES

log = logging.getLogger(__name__)
LARGEST = 16_384  # bytes of an answer
_OK, _REFUSED, _TOO_LARGE, _BROKEN = 200, 400, 413, 500
_HEADERS = {
    "Content-Security-Policy": page.POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}


class Surveys:
    """The surveys of one data folder. The folder is opened when the first household asks."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._folder, self._clock = DataFolder(settings.folder), clock
        self._timezone, self._language = settings.timezone, settings.language

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/survey/{key}", self._answer, methods=["GET", "POST"]),
            Route("/survey/{key}/{code}", self._answer, methods=["GET", "POST"]),
        ]

    @cache  # noqa: B019 - lives as long as the server
    def _records(self) -> Records:
        folder = self._folder.existing()
        if not folder.records.exists():
            raise CannotDo("there is no survey {key!r}", "See `serviceday survey list`", key="")
        return Records(folder.records)

    async def _answer(self, request: Request) -> Response:
        try:
            fields = await _fields(request)
        except ClientDisconnect:
            return Response(status_code=_REFUSED)
        language = self._spoken(request, fields)
        if fields is None:
            words = PHRASES.say("page_too_much", language)
            return _html(page.told(PHRASES.say("page_title", language), words, language, wrong=True), _TOO_LARGE)
        try:
            return await run_in_threadpool(self._page, request, fields, language)
        except ServicedayError as error:
            words = f"{told(error.what, language)} {told(error.do, language)}"
            return _html(page.told(PHRASES.say("page_title", language), words, language, wrong=True), _REFUSED)
        except Exception:
            log.exception("a survey could not be answered")
            words = PHRASES.say("page_broken", language)
            return _html(page.told(PHRASES.say("page_title", language), words, language, wrong=True), _BROKEN)

    def _page(self, request: Request, fields: dict[str, list[str]], language: Language) -> Response:
        records = self._records()
        survey = records.surveys.named(request.path_params["key"])
        code = request.path_params.get("code", "") or "".join(fields.get("code", [""])[:1])
        takes = Collecting(records, link_key(self._folder.link_key), now=self._clock(), timezone=self._timezone)
        if request.method != "POST":
            if code:
                code = takes.open(survey, code)
            return _html(page.asked(survey, language, code=code))
        given = {name.removeprefix("q_"): words for name, words in fields.items() if name.startswith("q_")}
        takes.open(survey, code)
        try:
            takes.take(survey, code, given, source="page")
        except CannotDo:
            raise
        except ServicedayError as error:  # of an answer, which may be mended
            wrong = f"{told(error.what, language)} {told(error.do, language)}"
            return _html(page.asked(survey, language, code=code, wrong=wrong, given=given), _REFUSED)
        return _html(page.told(survey.form.title[language], PHRASES.say("page_thanks", language), language))

    def _spoken(self, request: Request, fields: dict[str, list[str]] | None) -> Language:
        """What the address or the form says, else what the browser asks for, else the installation's own."""
        said = (fields or {}).get("lang", [request.query_params.get("lang", "")])[0]
        accepted = request.headers.get("accept-language", "")[:2].lower()
        default = self._language or "zh"
        return next((one for wish in (said, accepted) for one in LANGUAGES if one == wish), default)


async def _fields(request: Request) -> dict[str, list[str]] | None:
    """The fields of a form; None where more was sent than is read."""
    if request.method != "POST":
        return {}
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            return None
        parts.append(part)
    return parse_qs(b"".join(parts).decode("utf-8", "replace"))


def _html(body: bytes, status: int = _OK) -> Response:
    return Response(body, status, media_type="text/html; charset=utf-8", headers=_HEADERS)
