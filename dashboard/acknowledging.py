"""The signed link of a message, opened on a phone: what it is about, and one button that acknowledges it.

The link is all the right that is asked for. Looking changes nothing, because chat programs look at links before people
do; only the button acknowledges, once, in the name of whoever was told.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from dashboard.door import DoorSettings, sheets
from dashboard.door.keeper import Asking
from dashboard.door.pages import POLICY, form_fields
from dashboard.wording import say, told
from facility.alerts import Alert
from facility.catalogue.catalogue import use_folder
from facility.errors import CannotDo, CannotParse, ServicedayError
from facility.estate import Asset
from facility.folder import DataFolder
from facility.i18n.phrases import Language
from facility.records import Records
from serviceday.notification.acknowledging import Acknowledgements

ADDRESS = "/acknowledge"
_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",  # the token stands in the address
    "x-robots-tag": "noindex",
    "content-security-policy": POLICY,
}
_NOT_OURS, _OVER, _BROKEN = 403, 410, 503


class AcknowledgingPage:
    """`/acknowledge?token=...` of one data folder, which is opened when the first link is."""

    def __init__(
        self, settings: DoorSettings, timezone: ZoneInfo, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings, self._timezone, self._clock = settings, timezone, clock
        self._folder = DataFolder(settings.folder)

    def routes(self) -> list[BaseRoute]:
        """Where it is served."""
        return [Route(ADDRESS, self._answer, methods=["GET", "POST"])]

    async def _answer(self, request: Request) -> Response:
        fields = await form_fields(request) if request.method == "POST" else dict(request.query_params)
        asking = Asking(request.scope, self._settings)
        token, language = fields.get("token", ""), asking.language(fields.get("lang", ""))
        try:
            if request.method == "POST":
                alert, asset = await run_in_threadpool(self._redeem, token)
                page = sheets.acknowledged(language, facts=self._facts(alert, asset, language))
            else:
                alert, asset = await run_in_threadpool(self._look, token)
                page = sheets.acknowledging(
                    language,
                    title=alert.title[language],
                    reason=alert.reason[language],
                    facts=self._facts(alert, asset, language),
                    token="" if alert.acknowledged_at or alert.closed_at else token,
                )
        except ServicedayError as error:
            status = _NOT_OURS if isinstance(error, CannotParse) else _OVER if isinstance(error, CannotDo) else _BROKEN
            what, do = told(error.what, language), told(error.do, language)
            return HTMLResponse(sheets.message(language, what, do, elsewhere=""), status_code=status, headers=_HEADERS)
        return HTMLResponse(page, headers=_HEADERS)

    @cache  # noqa: B019 - lives as long as the server
    def _records(self) -> Records:
        folder = self._folder.existing()
        use_folder(folder.path)
        return Records(folder.records)

    def _look(self, token: str) -> tuple[Alert, Asset | None]:
        records = self._records()
        claim = Acknowledgements(self._folder.path, records).verify(token, self._clock())
        alert = records.alerts.get(claim.alert)
        return alert, records.estate.asset(alert.asset)

    def _redeem(self, token: str) -> tuple[Alert, Asset | None]:
        records = self._records()
        alert = Acknowledgements(self._folder.path, records).redeem(token, self._clock())
        return alert, records.estate.asset(alert.asset)

    def _facts(self, alert: Alert, asset: Asset | None, language: Language) -> list[tuple[str, str]]:
        opened = alert.opened_at.astimezone(self._timezone)
        place = " ".join(filter(None, (asset.site, asset.building, asset.floor, asset.name))) if asset else ""
        return [
            (say("link_alert", language), str(alert.id)),
            (say("link_asset", language), alert.asset),
            *([(say("link_place", language), place)] if place else []),
            (say("link_opened", language), f"{opened:%Y-%m-%d %H:%M} ({self._timezone.key})"),
            *([(say("link_by", language), alert.acknowledged_by)] if alert.acknowledged_by else []),
        ]
