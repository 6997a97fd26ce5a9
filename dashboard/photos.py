"""Photos of findings over HTTP: each is written anew for whoever may see the finding's site, and kept by no browser."""

from __future__ import annotations

import logging
from functools import cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from dashboard.settings import Settings
from facility.accounts import Account, Action, may
from facility.errors import ServicedayError
from facility.folder import DataFolder
from facility.records import Records
from serviceday.execution.evidence import evidence_of
from serviceday.execution.phone.photos import PhotoFolder

log = logging.getLogger(__name__)
_SMALL, _WHOLE = 480, 1600  # pixels of the longest side
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "no-store",
}


class Photos:
    """The photos of one data folder. The folder is opened when the first is asked for."""

    def __init__(self, settings: Settings) -> None:
        self._folder = DataFolder(settings.folder)

    def routes(self) -> list[BaseRoute]:
        return [Route("/photo/{finding:int}/{photo:int}", self._answer)]

    async def _answer(self, request: Request) -> Response:
        account = request.scope.get("serviceday.account")  # put there by the door, afresh with every request
        if not isinstance(account, Account):
            return PlainTextResponse("not signed in\n", status_code=401, headers=_HEADERS)
        finding, photo = request.path_params["finding"], request.path_params["photo"]
        longest = _SMALL if request.query_params.get("size") == "small" else _WHOLE
        data = await run_in_threadpool(self._picture, account, finding, photo, longest)
        if data is None:
            return PlainTextResponse("no such photo\n", status_code=404, headers=_HEADERS)
        return Response(data, media_type="image/jpeg", headers=_HEADERS)

    @cache  # noqa: B019 - lives as long as the server
    def _records(self) -> Records:
        return Records(self._folder.records)

    def _picture(self, account: Account, finding: int, photo: int, longest: int) -> bytes | None:
        """A photo of a finding; None for one that is not there, or not there for them."""
        if not self._folder.records.exists():
            return None
        try:
            records = self._records()
            if not may(account, Action.LOOK, records.deficiencies.get(finding).site):
                return None
            shown = next((entry for entry in evidence_of(records, finding) if entry.photo.id == photo), None)
        except ServicedayError:
            return None
        except OverflowError:  # a number that no record can have
            return None
        picture = PhotoFolder(self._folder.photos).read(shown.photo, longest=longest) if shown else None
        return picture.data if picture else None
