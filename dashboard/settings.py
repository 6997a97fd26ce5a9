"""What one dashboard shows and how: its data folder, its language by default, its time zone."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from facility.errors import CannotConvert
from facility.i18n.phrases import LANGUAGES, Language, preferred

DEFAULT_TIMEZONE = "Asia/Shanghai"
DEFAULT_FOLDER = "serviceday-data"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server was started with."""

    folder: Path
    language: Language  # until the visitor chooses
    timezone: ZoneInfo  # of the site: every time is shown in it

    @classmethod
    def given(cls, arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
        """From the script's arguments (see `serve.command`), else SERVICEDAY_DATA, _LANGUAGE and _TIMEZONE."""
        words = sys.argv[1:] if arguments is None else arguments
        asked = {name.removeprefix("--"): value for name, value in pairwise(words)}
        zone = asked.get("timezone") or environment.get("SERVICEDAY_TIMEZONE") or DEFAULT_TIMEZONE
        try:
            timezone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise CannotConvert(
                "unknown time zone {zone!r}", "Set SERVICEDAY_TIMEZONE to a name such as Asia/Shanghai", zone=zone
            ) from None
        chosen = asked.get("language", "")
        return cls(
            folder=Path(asked.get("data") or environment.get("SERVICEDAY_DATA") or DEFAULT_FOLDER),
            language=next((literal for literal in LANGUAGES if literal == chosen), preferred(environment)),
            timezone=timezone,
        )
