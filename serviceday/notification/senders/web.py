"""One POST of JSON over HTTP(S): a deadline, a proxy from the environment, no redirects, a short answer."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationValueError, NewConnectionError, ReadTimeoutError

from facility.errors import CannotDo
from serviceday.notification.senders.contract import NotDelivered, Rejected
from serviceday.notification.senders.trouble import silent, unreachable

_LONGEST = 65_536  # bytes of an answer that are read
_SHOWN = 120  # characters of one that are told


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP server answered."""

    status: int
    words: str
    retry_after: float | None

    @property
    def table(self) -> Mapping[str, object]:
        """The answer as a JSON object; empty where it is none."""
        try:
            value = json.loads(self.words)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def shown(self) -> str:
        return " ".join(self.words.split())[:_SHOWN]


def host_of(url: str) -> str:
    """What of an address may be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def post(
    url: str, payload: object, *, timeout: float, ca: str = "", headers: Mapping[str, str] | None = None
) -> Answer:
    """Send a JSON document. Raises `NotDelivered` where nothing answers; whatever is answered is given back."""
    where = host_of(url)
    body = json.dumps(payload, ensure_ascii=False).encode()
    sent = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "serviceday"} | dict(headers or {})
    deadline = time.monotonic() + timeout
    try:
        with _pool(url, ca) as pool:
            response = pool.request(
                "POST",
                url,
                body=body,
                headers=sent,
                timeout=urllib3.Timeout(connect=timeout, read=timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            words = bytearray()
            while len(words) < _LONGEST and (chunk := response.read1(4096)):
                words += chunk
                if time.monotonic() > deadline:
                    raise silent(where)
            retry_after = _seconds(response.headers.get("Retry-After", ""))
            response.close()
            return Answer(response.status, words.decode("utf-8", "replace"), retry_after)
    except ReadTimeoutError:
        raise silent(where) from None
    except ConnectTimeoutError as error:  # a connection that was refused is one as well
        raise unreachable(where, error) if isinstance(error, NewConnectionError) else silent(where) from None
    except (HTTPError, LocationValueError, OSError) as error:
        raise unreachable(where, error) from None


def accepted(answer: Answer, where: str) -> None:
    """Take an answer by its status. Raises `NotDelivered` to try again, `Rejected` where that helps nothing."""
    if 200 <= answer.status < 300:
        return
    if answer.status == 429:
        raise NotDelivered("{where} asks us to wait (429)", "Send less, or wait", where=where).after(answer.retry_after)
    if answer.status in (408, 425) or answer.status >= 500:
        raise NotDelivered(
            "{where} answers {status}: {words}",
            "It is tried again",
            where=where,
            status=answer.status,
            words=answer.shown,
        ).after(answer.retry_after)
    raise Rejected(
        "{where} refuses it with {status}: {words}",
        "Check address and key of the channel",
        where=where,
        status=answer.status,
        words=answer.shown,
    )


def _pool(url: str, ca: str) -> urllib3.PoolManager:
    parts = urlsplit(url)
    context = None
    if parts.scheme == "https":
        try:
            context = ssl.create_default_context(cafile=ca or None)
        except (OSError, ssl.SSLError) as error:
            raise CannotDo(
                "{file} holds no certificate: {error}", "Name a PEM file with `ca`", file=ca, error=error
            ) from None
    proxy = getproxies_environment().get(parts.scheme, "")
    if proxy and not proxy_bypass(parts.hostname or ""):
        address = urlsplit(proxy)
        user = f"{address.username}:{address.password or ''}" if address.username else None
        return urllib3.ProxyManager(
            proxy,
            ssl_context=context,
            proxy_headers=urllib3.make_headers(proxy_basic_auth=user) if user else None,
        )
    return urllib3.PoolManager(ssl_context=context)


def _seconds(words: str) -> float | None:
    """`Retry-After` as seconds from now (RFC 9110, 10.2.3)."""
    if words.strip().isdecimal():
        return min(float(words), 86_400.0)
    try:
        moment = parsedate_to_datetime(words)
    except (TypeError, ValueError, IndexError):
        return None
    wait = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return min(max(wait, 0.0), 86_400.0)
