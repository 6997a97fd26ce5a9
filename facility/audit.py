"""Who changed what: one line of the trail over everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Area(StrEnum):
    """Whose trail a line is from."""

    ACCOUNT = "account"
    SIGN_IN = "sign_in"
    ALERT = "alert"
    ASSET = "asset"
    DUTY = "duty"
    PLAN = "plan"
    RESULT = "result"
    OUTCOME = "outcome"
    FINDING = "finding"
    DAY = "day"
    BRIEF = "brief"
    REPORT = "report"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change: who, when, what, and from what to what."""

    at: datetime  # UTC
    who: str  # account, or the name given on the command line; "" = the program itself
    area: Area
    subject: str  # number, asset, day or account
    what: str  # the step, as the trail it is from names it
    note: str = ""
    address: str = ""  # where it came from, for sign-ins
    before: Mapping[str, object] = field(default_factory=dict)  # only what changed
    after: Mapping[str, object] = field(default_factory=dict)
