"""What somebody asked for: residents' reports, orders from above, and what an earlier inspection left open.

Planning takes open requests as demand. Who asked, and how to reach them, is kept apart from this.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from facility.i18n.phrases import Text


class Source(StrEnum):
    """Where a request comes from."""

    RESIDENT = "resident"
    ASSIGNED = "assigned"  # from above
    FOLLOW_UP = "follow_up"  # found earlier and left open


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing asked for. What was asked twice is one request with a count."""

    id: str
    text: str  # in the words of who asked
    category: str = ""  # an equipment class or another key of the reports' taxonomy; "" = not told yet
    site: str = "default"
    building: str = ""  # "" = no building known
    floor: str = ""
    asset: str = ""  # "" = no asset known
    reported: date  # when it came in
    promised: date | None = None  # by when somebody was promised it
    minutes: int = 30
    qualification: str = ""  # "" = anybody may do it
    source: Source = Source.RESIDENT
    count: int = 1  # how many asked for it
    closed: date | None = None  # None = open
    fault: str = ""  # what was found, of a follow-up: a failure mode, or the work at which it was
    what: Text | None = None  # how the list says it; None = as an answer to who asked
