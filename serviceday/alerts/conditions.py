"""What is wrong now, as readings and models see it.

A condition is bad, good or unknown. Unknown is what silence, old data and values a sensor can't measure give; it opens
nothing and resolves nothing. Withdrawn is what was bad as far as could be seen, and late readings show that it was not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from facility.alerts import Severity, Source
from facility.i18n.phrases import Phrases, Text

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")


class Verdict(StrEnum):
    """What can be said of a cause at a moment."""

    BAD = "bad"
    GOOD = "good"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What holds of one cause at one moment."""

    cause: str
    verdict: Verdict
    asset: str
    channel: str
    source: Source
    severity: Severity
    title: Text
    reason: Text
    seen_at: datetime  # of the data that speak
    began: datetime | None = None  # onset, as far as can be told
    began_between: tuple[datetime | None, datetime | None] = (None, None)  # 90 % interval of it
    rests_on: frozenset[str] = frozenset()  # other channels that speak for it
    off_after: timedelta = timedelta(0)  # how long after it was last bad "good" is believed
    over: bool = False  # it was bad, and is told of only now that it no longer is
    revises: bool = False  # readings that came late tell otherwise of it than those before
    note: str = ""  # for the trail, where more is to be said than the step: that readings came late, say
