"""The form of `notifications.toml`: who is told what, by which channel, when.

One file of data, checked as a whole when it is read (`serviceday.notification.rules`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from facility.alerts import Severity, Source

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(\d{1,6})(s|min|h|d)")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


def _span(words: object) -> timedelta:
    match = _SPAN.fullmatch(words) if isinstance(words, str) else None
    if match is None:
        raise ValueError("write it as 90s, 15min, 2h or 7d")
    length = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not timedelta(0) < length <= timedelta(days=366):
        raise ValueError("between a second and a year")
    return length


def _hours(words: object) -> tuple[time, time]:
    match = _HOURS.fullmatch(words) if isinstance(words, str) else None
    if match is None:
        raise ValueError("write it as 08:00-20:00")
    begin, end = time(int(match[1]), int(match[2])), time(int(match[3] or 0), int(match[4] or 0))
    if begin == end and end != time(0):
        raise ValueError("begins and ends at the same time; leave it out for the whole day")
    return begin, end


def _clock(words: object) -> time:
    try:
        moment = time.fromisoformat(words) if isinstance(words, str) and len(words) == 5 else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError("write it as 08:00")
    return moment


def _zone(words: str) -> str:
    try:
        ZoneInfo(words)
    except (KeyError, ValueError, OSError):
        raise ValueError("write for example Asia/Shanghai or Europe/Berlin") from None
    return words


def _url(words: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(?:[/?#]\S*)?", words):
        raise ValueError("write it as https://host/path, without a name or password in it")
    return words


def _local(moment: datetime) -> datetime:
    if moment.tzinfo is not None:
        raise ValueError("write it without a zone; it is meant by the clock of the place")
    return moment


def _name(words: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", words):
        raise ValueError("a name is of up to 40 small letters, digits, - and _")
    return words


def _target(words: str) -> str:
    if not re.fullmatch(r"(person|roster|channel):[a-z0-9][a-z0-9_-]{0,39}", words):
        raise ValueError("write it as person:NAME, roster:NAME or channel:NAME")
    return words


def _sender(words: str) -> str:
    if not re.fullmatch(r"[^@\s<>\",;]+@[^@\s<>\",;]+", words) or not words.isprintable():
        raise ValueError("write it as name@host")
    return words


Name = Annotated[str, AfterValidator(_name)]
Span = Annotated[timedelta, BeforeValidator(_span)]
Hours = Annotated[tuple[time, time], BeforeValidator(_hours)]
Clock = Annotated[time, BeforeValidator(_clock)]
Zone = Annotated[str, AfterValidator(_zone)]
Url = Annotated[str, AfterValidator(_url)]
Local = Annotated[datetime, AfterValidator(_local)]
Target = Annotated[str, AfterValidator(_target)]
Language = Literal["zh", "en"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Secret(_Strict):
    """Where a secret comes from; it never stands in the file itself."""

    env: str = ""
    file: str = ""


class SmtpChannel(_Strict):
    """E-mail by a server of one's own."""

    name: Name
    kind: Literal["smtp"]
    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535, default=587)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    ca: str = ""  # PEM of an authority of one's own
    user: str = ""
    password: Secret | None = None
    sender: Annotated[str, AfterValidator(_sender)]
    language: Language = "zh"
    timeout: Span = timedelta(seconds=10)


class RobotChannel(_Strict):
    """A robot of a chat group. Its address holds its key, so it is a secret."""

    name: Name
    kind: Literal["wecom", "dingtalk", "feishu", "lark"]
    url: Secret
    secret: Secret | None = None  # signs messages, where the robot asks for it
    ca: str = ""
    language: Language = "zh"
    timeout: Span = timedelta(seconds=10)


class WebhookChannel(_Strict):
    """An HTTP address: plain JSON, Alertmanager, or a group's robot."""

    name: Name
    kind: Literal["webhook", "alertmanager"]
    url: Url | Secret
    token: Secret | None = None  # sent as `Authorization: Bearer`
    form: Literal["webhook", "api"] = "webhook"  # of alertmanager: what it sends, or what it takes (/api/v2/alerts)
    ca: str = ""
    language: Language = "zh"
    timeout: Span = timedelta(seconds=10)


class AppriseChannel(_Strict):
    """Any of apprise's services; the address holds its keys."""

    name: Name
    kind: Literal["apprise"]
    url: Secret
    language: Language = "zh"
    timeout: Span = timedelta(seconds=10)


Channel = SmtpChannel | RobotChannel | WebhookChannel | AppriseChannel
KINDS: Mapping[str, type[BaseModel]] = {
    "smtp": SmtpChannel,
    **dict.fromkeys(("wecom", "dingtalk", "feishu", "lark"), RobotChannel),
    **dict.fromkeys(("webhook", "alertmanager"), WebhookChannel),
    "apprise": AppriseChannel,
}


class Person(_Strict):
    """Somebody who is told: language, addresses, quiet hours."""

    name: Name
    title: str = Field(default="", max_length=60)  # what people call them
    language: Language = "zh"
    address: dict[str, str] = Field(min_length=1)  # by channel, the one to try first standing first
    quiet: Hours | None = None  # what is not urgent waits until these hours are over


class Roster(_Strict):
    """Who is on duty when, by turns or by a calendar."""

    name: Name
    timezone: Zone = ""
    handover: Clock = time(8)
    handover_day: Day = "mon"
    ics: str = ""  # a calendar instead of shifts; the summary of an event is the person


class Shift(_Strict):
    """A part of the week, taken in turns of a week."""

    roster: Name
    people: list[Name] = Field(min_length=1)
    starts: date  # a day of the week in which the first of them has it
    days: list[Day] = Field(default=list(DAYS), min_length=1)
    hours: Hours | None = None  # without it the whole day, from handover to handover


class Replacement(_Strict):
    """Somebody on duty in another's place for a time."""

    roster: Name
    person: Name
    begins: Local
    ends: Local


class Holiday(_Strict):
    """Days on which somebody has the duty whatever the rotation says, from handover to handover."""

    roster: Name
    person: Name
    dates: list[date] = Field(min_length=1)


class Match(_Strict):
    """What a route takes; a key that is left out takes all."""

    site: list[str] = Field(default=[], min_length=1)
    kind: list[str] = Field(default=[], min_length=1)
    severity: list[str] = Field(default=[], min_length=1)
    source: list[str] = Field(default=[], min_length=1)
    asset: list[str] = Field(default=[], min_length=1)
    hours: Hours | None = None
    days: list[Day] = Field(default=[], min_length=1)


class Escalation(_Strict):
    """Who is told when nobody has acknowledged in time."""

    after: Span
    to: list[Target] = Field(min_length=1)


class Route(_Strict):
    """Which alerts go to whom."""

    name: Name
    match: Match = Match()
    to: list[Target] = Field(min_length=1)
    channels: list[Name] = []  # instead of the order of a person's addresses
    digest: list[Clock] = []  # collected until these times instead of sent at once
    escalate: list[Escalation] = []
    recovery: bool = True  # whether those who were told are told that it is normal again
    also: bool = False  # whether the routes after it are looked at too


class Window(_Strict):
    """Work that is planned: what it explains is told only if it is still so afterwards."""

    name: Name
    match: Match = Match()
    begins: Local
    ends: Local
    reason: str = Field(min_length=1)


class SiteTable(_Strict):
    """A site's own zone."""

    id: str = Field(min_length=1)
    timezone: Zone


class Settings(_Strict):
    """What holds of all routes."""

    timezone: Zone = "Asia/Shanghai"
    base_url: Url | Literal[""] = ""  # of the dashboard: a link opens the alert
    acknowledge_url: Url | Literal[""] = ""  # where a signed link acknowledges it
    acknowledge_within: Span = timedelta(hours=24)
    fallback: list[Target] = []  # who hears what has no route, nobody on duty, or of a dead channel
    flood: int = Field(ge=1, le=1000, default=10)  # messages to one person, before they become a summary
    flood_within: Span = timedelta(minutes=10)
    templates: dict[Literal["zh", "en"], str] = {}


class NotificationFile(_Strict):
    """A file of rules as a whole."""

    settings: Settings = Settings()
    channel: list[Annotated[Channel, Field(discriminator="kind")]] = Field(min_length=1)
    person: list[Person] = []
    roster: list[Roster] = []
    shift: list[Shift] = []
    replacement: list[Replacement] = []
    holiday: list[Holiday] = []
    route: list[Route] = Field(min_length=1)
    window: list[Window] = []
    site: list[SiteTable] = []


TABLES: Mapping[str, type[BaseModel]] = {
    "settings": Settings,
    "person": Person,
    "roster": Roster,
    "shift": Shift,
    "replacement": Replacement,
    "holiday": Holiday,
    "route": Route,
    "window": Window,
    "site": SiteTable,
}
SEVERITIES = tuple(map(str, Severity))
SOURCES = tuple(map(str, Source))
