"""Robots of chat groups: WeCom, DingTalk, Feishu and Lark.

These services answer 200 whatever happens and say in the body whether they took it; and they count bytes, not
characters. Forms and limits after their documentation (WeCom path/91770; DingTalk custom robot; Feishu and Lark custom
bot): a text of WeCom has at most 2,048 bytes, a body of DingTalk, Feishu and Lark 20 kB; 20 messages a minute.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from serviceday.notification.senders.contract import Envelope, NotDelivered, Rejected
from serviceday.notification.senders.splitting import split
from serviceday.notification.senders.web import accepted, host_of, post

_PER_MINUTE = 20
_ENDING = 12  # bytes for (12/34) and a newline


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a service wants it and what it answers."""

    most: int  # bytes of a text
    payload: Callable[[str, str, str, str], tuple[str, dict[str, object]]]  # url, secret, text, mobile -> url, document
    too_often: frozenset[int]
    later: frozenset[int] = frozenset({-1})  # its own trouble


class Robot:
    """One robot. Two of a kind in a group have their own keys and limits."""

    per_minute: int | None = _PER_MINUTE

    def __init__(self, kind: str, url: str, *, secret: str = "", ca: str = "", timeout: float = 10.0) -> None:
        self._dialect = DIALECTS[kind]
        self._url, self._secret, self._ca, self._timeout = url, secret, ca, timeout

    def parts(self, envelope: Envelope) -> list[str]:
        texts = split(envelope.body, self._dialect.most - _ENDING)
        if len(texts) == 1:
            return texts
        return [f"({number}/{len(texts)})\n{text}" for number, text in enumerate(texts, start=1)]

    def send(self, envelope: Envelope, part: str, number: int) -> None:
        url, document = self._dialect.payload(self._url, self._secret, part, envelope.address)
        answer = post(url, document, timeout=self._timeout, ca=self._ca)
        where = host_of(self._url)
        accepted(answer, where)
        code = _code(answer.table)
        if code == 0:
            return
        if code is None:
            raise NotDelivered(
                "{where} does not say whether it took it: {words}",
                "Check that the address is that of the robot",
                where=where,
                words=answer.shown,
            )
        words = str(next((answer.table[key] for key in _WORDS if key in answer.table), ""))[:120]
        if code in self._dialect.too_often:
            raise NotDelivered(
                "{where} takes no more for now ({code}: {words})",
                "Send less, or wait",
                where=where,
                code=code,
                words=words,
            ).after(answer.retry_after or 60.0)
        if code in self._dialect.later:
            raise NotDelivered(
                "{where} answers {status}: {words}", "It is tried again", where=where, status=code, words=words
            )
        raise Rejected(
            "{where} answers 200 and refuses it all the same ({code}: {words})",
            "Check the robot's key, its keywords, its signature and whether it is still in the group",
            where=where,
            code=code,
            words=words,
        )


_CODES = ("errcode", "code", "StatusCode")
_WORDS = ("errmsg", "msg", "StatusMessage")


def _code(table: Mapping[str, Any]) -> int | None:
    """What the body says; where it says it twice, the one that is not well."""
    codes = [table[key] for key in _CODES if isinstance(table.get(key), int) and not isinstance(table[key], bool)]
    return next((code for code in codes if code), 0) if codes else None


def _wecom(url: str, secret: str, text: str, mobile: str) -> tuple[str, dict[str, object]]:
    content: dict[str, object] = {"content": text}
    if mobile:
        content["mentioned_mobile_list"] = [mobile]
    return url, {"msgtype": "text", "text": content}


def _dingtalk(url: str, secret: str, text: str, mobile: str) -> tuple[str, dict[str, object]]:
    document: dict[str, object] = {"msgtype": "text", "text": {"content": text}}
    if mobile:
        document["at"] = {"atMobiles": [mobile], "isAtAll": False}
    if secret:
        stamp = f"{round(time.time() * 1000)}"
        digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
        joint = "&" if "?" in url else "?"
        url = f"{url}{joint}timestamp={stamp}&sign={quote_plus(base64.b64encode(digest))}"
    return url, document


def _feishu(url: str, secret: str, text: str, mobile: str) -> tuple[str, dict[str, object]]:
    """Its custom bots mention people by their open_id alone, so nobody is mentioned."""
    document: dict[str, object] = {"msg_type": "text", "content": {"text": text}}
    if secret:
        stamp = f"{int(time.time())}"
        digest = hmac.new(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
        document |= {"timestamp": stamp, "sign": base64.b64encode(digest).decode()}
    return url, document


_FEISHU = Dialect(most=18_000, payload=_feishu, too_often=frozenset({11232}))
DIALECTS: Mapping[str, Dialect] = {
    "wecom": Dialect(most=2_048, payload=_wecom, too_often=frozenset({45009, 45033})),
    "dingtalk": Dialect(most=18_000, payload=_dingtalk, too_often=frozenset({130101, 410100})),
    "feishu": _FEISHU,
    "lark": _FEISHU,
}
