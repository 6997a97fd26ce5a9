"""Inspectors' rounds over HTTP: the page, its data, and what phones send. A link is all the right that is asked for.

Whatever is wrong with a request is told in both languages with a status; nothing of it reaches a log or a traceback.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cache, wraps
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dashboard import wording
from dashboard.settings import Settings
from facility.catalogue.catalogue import use_folder
from facility.errors import CannotConvert, CannotDo, CannotParse, Problems, ServicedayError
from facility.folder import DataFolder
from facility.i18n.messages import Sentence
from facility.i18n.phrases import LANGUAGES
from facility.records import Records
from serviceday.documents.inspection_list import Names
from serviceday.execution.grades import read_grades
from serviceday.execution.phone import page
from serviceday.execution.phone.links import LinkRefused, Links, OpenedLink, link_key
from serviceday.execution.phone.newest import newest_readings
from serviceday.execution.phone.photos import LARGEST as LARGEST_PHOTO
from serviceday.execution.phone.photos import PhotoFolder
from serviceday.execution.phone.round_data import Surroundings, items_of, round_of, standing_of
from serviceday.execution.phone.submission import LARGEST, Receipt, RoundIntake

log = logging.getLogger(__name__)
Answered = Callable[[Request], Awaitable[Response]]
_ASIDE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FRESH = {"Cache-Control": "no-store"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_BAD, _REFUSED, _TOO_LARGE, _BROKEN, _UNAVAILABLE = 400, 403, 413, 500, 503


class Rounds:
    """The rounds of one data folder. The folder is opened when the first phone asks."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._folder, self._timezone, self._clock = DataFolder(settings.folder), settings.timezone, clock

    def routes(self) -> list[BaseRoute]:
        own = [
            Route(f"/round/{name}", _constant(page.file(name), kind, _FOR_EVER)) for name, kind in page.FILES.items()
        ]
        return [
            *own,
            Route("/round/shell", self._shell),
            Route("/round/worker.js", self._worker),
            Route("/round/{token}", _guarded(self._page)),
            Route("/round/{token}/data", _guarded(self._data)),
            Route("/round/{token}/manifest", _guarded(self._manifest)),
            Route("/round/{token}/sync", _guarded(self._sync), methods=["POST"]),
            Route("/round/{token}/photo", _guarded(self._photo), methods=["POST"]),
        ]

    # --- what is opened once ------------------------------------------------------------------------------------------

    @cache  # noqa: B019 - lives as long as the server
    def _records(self) -> Records:
        folder = self._folder.existing()
        if not folder.records.exists():
            raise CannotDo(
                "no records in {folder}",
                "Run `serviceday demo` or `serviceday import assets` with this data folder first",
                folder=folder.path,
            )
        use_folder(folder.path)
        return Records(folder.records)

    @cache  # noqa: B019
    def _links(self) -> Links:
        records = self._records()
        return Links(link_key(self._folder.link_key), records)

    def _open(self, request: Request) -> OpenedLink:
        return self._links().open(request.path_params["token"], now=self._clock())

    def _intake(self, link: OpenedLink) -> RoundIntake:
        return RoundIntake(
            self._records(),
            link.plan,
            PhotoFolder(self._folder.photos),
            now=self._clock(),
            timezone=self._zone(link),
            grades=read_grades(self._folder.path / "grades.toml"),
        )

    def _zone(self, link: OpenedLink) -> ZoneInfo:
        return ZoneInfo(link.plan.timezone) if link.plan.timezone else self._timezone

    # --- the page -----------------------------------------------------------------------------------------------------

    async def _shell(self, _: Request) -> Response:
        return _html(page.shell())

    async def _worker(self, _: Request) -> Response:
        headers = {**_ASIDE, "Cache-Control": "no-cache", "Service-Worker-Allowed": "/round/"}
        return Response(page.worker(), media_type="text/javascript; charset=utf-8", headers=headers)

    async def _page(self, request: Request) -> Response:
        try:
            await run_in_threadpool(self._open, request)
        except ServicedayError as error:
            words = {one: (wording.told(error.what, one), wording.told(error.do, one)) for one in LANGUAGES}
            return _html(page.refusal(words), _REFUSED if isinstance(error, LinkRefused) else _UNAVAILABLE)
        return _html(page.shell())

    async def _manifest(self, request: Request) -> Response:
        await run_in_threadpool(self._open, request)
        body = page.manifest(request.path_params["token"])
        return Response(body, media_type="application/manifest+json", headers={**_ASIDE, **_FRESH})

    async def _data(self, request: Request) -> Response:
        return _json(await run_in_threadpool(self._round, request))

    def _round(self, request: Request) -> dict[str, object]:
        link, records = self._open(request), self._records()
        around = Surroundings(
            now=self._clock(),
            timezone=self._zone(link),
            names=Names.of(records.estate.sites(), records.estate.buildings()),
            readings=newest_readings(
                self._folder.readings, {item.asset for item in items_of(link.plan, link.person) if item.asset}
            ),
        )
        standing = standing_of(self._intake(link).standing(link.person))
        return {"round": round_of(link.plan, link.person, around), "standing": standing}

    # --- what phones send ---------------------------------------------------------------------------------------------

    async def _sync(self, request: Request) -> Response:
        body = await _body(request, LARGEST)
        return _json(await run_in_threadpool(self._take, request, body))

    def _take(self, request: Request, body: bytes) -> dict[str, object]:
        link = self._open(request)
        intake = self._intake(link)
        with self._folder.settling():
            receipt = intake.take(body, link.person)
        return _receipt(receipt) | {"standing": standing_of(intake.standing(link.person))}

    async def _photo(self, request: Request) -> Response:
        body = await _body(request, LARGEST_PHOTO)
        return _json(await run_in_threadpool(self._take_photo, request, body))

    def _take_photo(self, request: Request, body: bytes) -> dict[str, object]:
        link = self._open(request)
        return {"new": self._intake(link).take_photo(body, dict(request.query_params), link.person)}


def _receipt(receipt: Receipt) -> dict[str, object]:
    def came(group: Mapping[int, Sentence | None]) -> dict[str, object]:
        return {str(seq): None if why is None else _both(why) for seq, why in group.items()}

    return {"answers": came(receipt.answers), "requests": came(receipt.requests)}


async def _body(request: Request, most: int) -> bytes:
    """What is sent, not read further than it may be long. Raises `_TooLarge`."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise _TooLarge("more than {most} MB at once", "Send less at a time", most=most >> 20)
        parts.append(part)
    return b"".join(parts)


class _TooLarge(CannotParse):
    """More than is taken in one request."""


def _guarded(answer: Answered) -> Answered:
    """Answers with words in both languages whatever goes wrong."""

    @wraps(answer)
    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except LinkRefused as error:
            return _json({"refused": _both(error), "link": True}, _REFUSED)
        except _TooLarge as error:
            return _json({"refused": _both(error)}, _TOO_LARGE)
        except (CannotParse, CannotConvert) as error:
            if isinstance(error, Problems):  # of a file of ours
                return _failed(error)
            return _json({"refused": _both(error)}, _BAD)
        except ServicedayError as error:
            return _failed(error)
        except ClientDisconnect:
            return Response(status_code=_BAD)
        except Exception:
            log.exception("a request of a round could not be answered")
            unforeseen = Sentence("the server could not do this; it will be tried again")
            return _json({"failed": _both(unforeseen)}, _BROKEN)

    return answered


def _failed(error: ServicedayError) -> Response:
    """What is ours to mend: the phone keeps what it has and tries again."""
    log.warning("a request of a round failed: %s", error)
    return _json({"failed": _both(error)}, _UNAVAILABLE)


def _both(what: object) -> dict[str, str]:
    return {language: wording.told(what, language) for language in LANGUAGES}


def _json(value: object, status: int = 200) -> Response:
    body = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return Response(body, status, media_type="application/json", headers={**_ASIDE, **_FRESH})


def _html(body: bytes, status: int = 200) -> Response:
    headers = {**_ASIDE, "Cache-Control": "no-cache", "Content-Security-Policy": page.POLICY}
    return Response(body, status, media_type="text/html; charset=utf-8", headers=headers)


def _constant(body: bytes, kind: str, more: Mapping[str, str]) -> Answered:
    async def answer(_: Request) -> Response:
        return Response(body, media_type=kind, headers={**_ASIDE, **more})

    return answer
