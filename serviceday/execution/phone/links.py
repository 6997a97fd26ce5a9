"""A link that opens one person's round of one list, until two days after the service day.

    /round/12-3-0-1796486400-0PN5J17HBGZHT7JJ3X82BGDFQYPR9ZTG
           |  | | |          signature
           |  | | expiry, seconds since 1970
           |  | how often the person's links had been taken back
           |  person
           list

The signature is an HMAC with a key of the data folder's own. It covers when the list was made as well, so that a link
opens nothing in another data folder that happens to have a list of that number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from facility.errors import CannotConvert, CannotDo
from facility.inspections import InspectionList, Person
from facility.records import Records

VALID_AFTER = timedelta(days=2)  # whole days after the service day
_FORM = re.compile(r"(\d{1,9})-(\d{1,4})-(\d{1,6})-(\d{1,12})-([A-Z2-7]{32})")
_KEY_BYTES = 32
_PLANS_AT_HAND = 4
_SIGNATURE_BYTES = 20  # 160 bits


class LinkRefused(CannotDo):
    """A link that opens nothing."""


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """What a link that holds gives access to."""

    plan: InspectionList
    person: int  # number in the list, from 1


class Links:
    """Makes and checks the links of one data folder."""

    def __init__(self, key: bytes, records: Records) -> None:
        self._key, self._records = key, records
        self._plans: dict[int, InspectionList] = {}  # the last that were asked for: lists never change

    def token(self, plan: InspectionList, person: int, *, timezone: ZoneInfo) -> str:
        """The part of a link that names a round and proves that we made it."""
        series = self._records.rounds.link_series(plan.number)[person]
        expires = int(expiry(plan, timezone).timestamp())
        return f"{plan.number}-{person}-{series}-{expires}-{self._signature(plan, person, series, expires)}"

    def open(self, token: str, *, now: datetime) -> OpenedLink:
        """Whose round a link opens. Raises `LinkRefused`, saying why."""
        form = _FORM.fullmatch(token)
        if form is None:
            raise LinkRefused("this is no link to a round", "Ask for the link again: it may have been cut off")
        number, person, series, expires = map(int, form.groups()[:4])
        plan = self._plan(number)
        if plan is None or not hmac.compare_digest(form[5], self._signature(plan, person, series, expires)):
            raise LinkRefused("this link was not made here, or was changed", "Ask for the link again")
        if series != self._records.rounds.link_series(number)[person]:
            raise LinkRefused("this link was taken back", "Ask for a new one")
        if now.timestamp() >= expires:
            raise LinkRefused(
                "this link was valid until two days after {day} and is no longer",
                "Ask for a new one, or send what is still on the phone as a file",
                day=plan.service_day,
            )
        return OpenedLink(plan, person)

    def _plan(self, number: int) -> InspectionList | None:
        if number not in self._plans:
            plan = self._records.plans.get(number)
            if plan is None:
                return None
            if len(self._plans) >= _PLANS_AT_HAND:
                self._plans.clear()
            self._plans[number] = plan
        return self._plans[number]

    def _signature(self, plan: InspectionList, person: int, series: int, expires: int) -> str:
        words = ("serviceday round 1", plan.number, plan.created_at.isoformat(), person, series, expires)
        digest = hmac.digest(self._key, "\x1f".join(map(str, words)).encode(), hashlib.sha256)
        return base64.b32encode(digest[:_SIGNATURE_BYTES]).decode()


def expiry(plan: InspectionList, timezone: ZoneInfo) -> datetime:
    """The midnight at the place at which links to a list end."""
    return datetime.combine(plan.service_day + VALID_AFTER + timedelta(days=1), time(), timezone)


def link_key(file: Path) -> bytes:
    """The folder's key, made where there is none yet. Raises `CannotDo` for a file that holds none."""
    if not file.exists():
        _make_key(file)
    try:
        words = file.read_text(encoding="ascii").strip()
        key = bytes.fromhex(words)
    except OSError as error:
        raise CannotDo("{path} cannot be read: {error}", "Check its permissions", path=file, error=error) from None
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise CannotDo(
            "{path} holds no key for links",
            "Remove it: a new one is made, and links must be handed out anew",
            path=file,
        )
    return key


def _make_key(file: Path) -> None:
    """Whole or not at all, and never over one that another process has just made."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(draft, file)
    except OSError as error:
        raise CannotDo("{path} cannot be written: {error}", "Check its folder", path=file, error=error) from None
    finally:
        draft.unlink(missing_ok=True)


def address(base_url: str, token: str) -> str:
    """A whole link; without a base address its path alone. Raises `CannotConvert` for what is no address."""
    if not base_url:
        return f"/round/{token}"
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise CannotConvert(
            "{address!r} is not where the dashboard can be reached",
            "Write for example https://dashboard.example.org",
            address=base_url,
        )
    return f"{base_url.rstrip('/')}/round/{token}"


def walking(plan: InspectionList) -> list[tuple[int, str]]:
    """Everybody who has something to do on a list: number and name, in the order of the crew."""
    busy = {number for item in plan.items for number in item.people}
    return [(number, name_of(plan, number)) for number in sorted(busy)]


def name_of(plan: InspectionList, number: int) -> str:
    """What a person is called in answers; one without a name by their number."""
    person = plan.person(number)
    name = (person.name or person.id) if person else ""
    return name or next((walk.name for walk in plan.rounds if walk.person == number and walk.name), f"#{number}")


def person_named(plan: InspectionList, words: str) -> int:
    """The number of somebody on a list, by name, id or number. Raises `CannotConvert` for a stranger."""
    people = walking(plan)
    for number, name in people:
        if words.strip() in _names(plan.person(number), name, number):
            return number
    raise CannotConvert(
        "nobody called {words!r} walks list {plan}",
        "On it are {known}",
        words=words,
        plan=plan.number,
        known=[name for _, name in people],
    )


def _names(person: Person | None, name: str, number: int) -> Iterable[str]:
    return (name, str(number), *((person.id, person.name) if person else ()))
