"""One run of a page for one visitor: which folder, which language, what time it is, and where the other pages are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from dashboard import charts, wording
from facility.accounts import EVERYBODY, Account
from facility.i18n.phrases import Language

if TYPE_CHECKING:
    from streamlit.navigation.page import Page


@dataclass(frozen=True, slots=True)
class Visit:
    """What a view is given: the data folder, language, zone and time of one run of the page."""

    folder: Path
    timezone: ZoneInfo
    language: Language
    now: datetime  # UTC
    pages: Mapping[str, Page] = field(default_factory=dict)  # by name: alerts, fleet, asset, worklist, findings, days
    account: Account = EVERYBODY  # with its rights when this was drawn
    session: str = ""  # digest of the session that draws
    dark: bool = False  # the browser shows dark pages

    def toned(self, chart: charts.Specification) -> charts.Specification:
        """A chart in the colours of the page."""
        return charts.in_dark(chart) if self.dark else chart

    def say(self, key: str, /, **values: object) -> str:
        return wording.say(key, self.language, **values)

    def told(self, what: object) -> str:
        """An error, or a part of one."""
        return wording.told(what, self.language)

    def link(self, **asked: str) -> dict[str, str]:
        """What an address on another page must hold: the language stays chosen."""
        return {"lang": self.language, **asked}

    def address(self, page: str, **asked: str) -> str:
        """The address of another page, for a plain link."""
        return f"/{page}?{urlencode(self.link(**asked))}"

    def relative(self, moment: datetime | None) -> str:
        return wording.relative(moment, self.now, self.language)

    def exact(self, moment: datetime | None) -> str:
        return wording.exact(moment, self.timezone)

    def both(self, moment: datetime | None) -> str:
        return wording.both(moment, self.now, self.timezone, self.language)
