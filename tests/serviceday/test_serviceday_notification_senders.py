"""Senders against real servers of this machine: failing, slow, lying with 200, and asking to wait."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notification_tools import Answering, HttpReceiver, MailServer, certificate

from facility.errors import ServicedayError
from serviceday.notification.schema import KINDS, SmtpChannel
from serviceday.notification.senders import Envelope, NotDelivered, Rejected, Sender, Unaddressed, sender_of
from serviceday.notification.senders.splitting import split

ROBOTS = ["wecom", "dingtalk", "feishu", "lark"]
CHINESE = "电梯困人请立即处置👨‍👩‍👧‍👦🇨🇳é👍🏽"


def envelope(body: str = "三号梯困人", address: str = "", subject: str = "告警") -> Envelope:
    facts = {
        "cause": "L-1/limit", "asset": "L-1", "site": "south", "kind": "lift", "severity": "high", "source": "limit",
        "channel": "x", "title": "t", "reason": "r", "place": "p", "opened_at": "2026-03-01T00:00:00+00:00",
        "ended_at": "", "link": "https://example.org/?alert=1",
    }  # fmt: skip
    return Envelope(
        key="1.2.0.person:wang.group", subject=subject, body=body, receiver="person:wang", address=address,
        language="zh",
        facts={"alerts": [facts], "base_url": "https://example.org"},
    )  # fmt: skip


@pytest.fixture
def http() -> Iterator[HttpReceiver]:
    receiver = HttpReceiver()
    yield receiver
    receiver.close()


def sender(kind: str, url: str, tmp_path: Path, **more: object) -> Sender:
    (tmp_path / "url").write_text(url)
    channel = KINDS[kind].model_validate(
        {"name": "group", "kind": kind, "url": {"file": "url"}, "timeout": "1s"} | more
    )
    return sender_of(channel, tmp_path)  # type: ignore[arg-type]


def send(robot: Sender, message: Envelope) -> None:
    for number, part in enumerate(robot.parts(message)):
        robot.send(message, part, number)


CHARACTERS = st.text(alphabet=st.sampled_from([*CHINESE, "a", "\n", "\r", "\u200d", "\ufe0f"]), max_size=3000)


@given(text=CHARACTERS, most=st.integers(64, 2048))
def test_split_texts_are_whole_and_within_the_limit(text: str, most: int) -> None:
    parts = split(text, most)
    assert "".join(parts) == text
    assert all(len(part.encode()) <= most for part in parts)


def test_no_cut_inside_what_is_seen_as_one_character() -> None:
    family, flag, accent = "👨‍👩‍👧‍👦", "🇨🇳", "é"
    for character in (family, flag, accent, "👍🏽"):
        for part in split(character * 300, 200):
            assert part.replace(character, "") == ""


@pytest.mark.parametrize("kind", ROBOTS)
def test_three_thousand_chinese_characters_arrive_whole(http: HttpReceiver, tmp_path: Path, kind: str) -> None:
    text = (CHINESE * 300)[:3000]
    robot = sender(kind, http.url, tmp_path)
    send(robot, envelope(text))
    said = [request.document.get("text") or request.document["content"] for request in http.requests]
    texts = [each.get("content") or each["text"] for each in said]
    limit = {"wecom": 2048}.get(kind, 20_000)
    assert all(len(each.encode()) <= limit for each in texts)
    assert "".join(re.sub(r"^\(\d+/\d+\)\n", "", each) for each in texts) == text
    assert robot.per_minute == 20


def test_the_forms_of_the_robots(http: HttpReceiver, tmp_path: Path) -> None:
    (tmp_path / "sign").write_text("SECx")
    signed = {"secret": {"file": "sign"}}
    for kind in ROBOTS:
        send(sender(kind, http.url, tmp_path, **signed), envelope(address="13800000000"))
    wecom, dingtalk, feishu, lark = http.requests
    assert wecom.document == {
        "msgtype": "text",
        "text": {"content": "三号梯困人", "mentioned_mobile_list": ["13800000000"]},
    }
    assert dingtalk.document["at"] == {"atMobiles": ["13800000000"], "isAtAll": False}
    query = parse_qs(urlsplit(dingtalk.path).query)
    digest = hmac.new(b"SECx", f"{query['timestamp'][0]}\nSECx".encode(), hashlib.sha256).digest()
    assert base64.b64decode(query["sign"][0]) == digest
    assert feishu.document["content"] == lark.document["content"] == {"text": "三号梯困人"}
    stamp = feishu.document["timestamp"]
    digest = hmac.new(f"{stamp}\nSECx".encode(), b"", hashlib.sha256).digest()
    assert base64.b64decode(feishu.document["sign"]) == digest


@pytest.mark.parametrize("kind", ROBOTS)
def test_two_hundred_that_is_no_success_is_told_as_that(http: HttpReceiver, tmp_path: Path, kind: str) -> None:
    robot = sender(kind, http.url, tmp_path)
    http.answering = Answering(body='{"errcode":93000,"code":9499,"errmsg":"bad","msg":"bad"}')
    with pytest.raises(Rejected, match="answers 200 and refuses it all the same"):
        send(robot, envelope())
    http.answering = Answering(body='{"StatusCode":0,"code":19021,"errcode":310000,"msg":"sign"}')
    with pytest.raises(Rejected):
        send(robot, envelope())
    busy = {"wecom": 45009, "dingtalk": 130101}.get(kind, 11232)
    http.answering = Answering(body=f'{{"errcode":{busy},"code":{busy},"errmsg":"slow"}}')
    with pytest.raises(NotDelivered, match="takes no more for now") as raised:
        send(robot, envelope())
    assert not isinstance(raised.value, Rejected)
    assert raised.value.retry_after == 60
    for lie in ("", "<html>ok</html>", "[]", '{"result":"ok"}', '{"errcode":"0"}'):
        http.answering = Answering(body=lie)
        with pytest.raises(NotDelivered, match="does not say whether it took it"):
            send(robot, envelope())


@pytest.mark.parametrize("kind", [*ROBOTS, "webhook", "alertmanager"])
def test_failing_slow_and_busy_servers_are_told_in_words(http: HttpReceiver, tmp_path: Path, kind: str) -> None:
    one = sender(kind, http.url, tmp_path)
    cases = [
        (Answering(status=500, body="oops"), NotDelivered, "answers 500: oops"),
        (Answering(status=404, body="gone"), Rejected, "refuses it with 404"),
        (Answering(status=302, headers={"Location": "http://127.0.0.1:1/"}), Rejected, "refuses it with 302"),
        (Answering(status=429, headers={"Retry-After": "77"}), NotDelivered, "asks us to wait"),
        (Answering(stall=1.5), NotDelivered, "did not answer in time"),
        (Answering(cut=True), NotDelivered, "cannot be reached"),
    ]
    for answering, error, words in cases:
        http.answering = answering
        with pytest.raises(error, match=words) as raised:
            send(one, envelope())
        assert isinstance(raised.value, Rejected) == (error is Rejected)
        assert "hush" not in str(raised.value), "an address holds its key"
        if answering.status == 429:
            assert raised.value.retry_after == 77


def test_no_server_no_name_and_no_trust(http: HttpReceiver, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NotDelivered, match="cannot be reached: Connection refused"):
        send(sender("wecom", f"http://127.0.0.1:{port}/?key=hush", tmp_path), envelope())
    with pytest.raises(NotDelivered, match="no host of that name"):
        send(sender("wecom", "http://nowhere.invalid/?key=hush", tmp_path), envelope())
    made, key = certificate(tmp_path)
    http.serve_tls(made, key)
    with pytest.raises(NotDelivered, match="is not trusted"):
        send(sender("wecom", http.url, tmp_path), envelope())
    send(sender("wecom", http.url, tmp_path, ca=made.name), envelope())
    assert len(http.requests) == 1


def test_a_proxy_of_the_environment_is_used(
    http: HttpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{http.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    send(sender("wecom", "http://robot.invalid/send?key=hush", tmp_path), envelope())
    assert http.requests[0].path == "http://robot.invalid/send?key=hush"


def test_webhooks_carry_the_key_and_the_token(http: HttpReceiver, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken")
    send(sender("webhook", http.url, tmp_path, token={"file": "token"}), envelope())
    send(sender("alertmanager", http.url, tmp_path), envelope())
    send(sender("alertmanager", http.url, tmp_path, form="api"), envelope())
    ours, theirs, api = http.requests
    assert ours.headers["Idempotency-Key"] == ours.document["key"] == "1.2.0.person:wang.group"
    assert ours.headers["Authorization"] == "Bearer t0ken"
    assert ours.document["alerts"][0]["asset"] == "L-1"
    assert (theirs.document["version"], theirs.document["status"]) == ("4", "firing")
    assert theirs.document["alerts"][0]["labels"]["alertname"] == "L-1/limit"
    assert theirs.document["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    assert set(api.document[0]) == {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
    assert datetime.fromisoformat(api.document[0]["endsAt"]) > datetime.now(UTC) + timedelta(days=20)


@pytest.fixture
def smtp(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(*certificate(tmp_path))
    yield server
    server.close()


def mail(server: MailServer, tmp_path: Path, **more: object) -> Sender:
    (tmp_path / "password").write_text(server.password)
    channel = {
        "name": "mail", "kind": "smtp", "host": "localhost", "port": server.port, "user": "us", "timeout": "2s",
        "password": {"file": "password"}, "sender": "us@example.org", "ca": "localhost.pem",
    } | more  # fmt: skip
    return sender_of(SmtpChannel.model_validate(channel), tmp_path)


def test_a_letter_arrives_by_tls_with_its_words_whole(smtp: MailServer, tmp_path: Path) -> None:
    body = "三号梯困人 <b>&\n查看：https://example.org/?alert=1&x=2\n.一个点\n" + CHINESE * 100
    send(mail(smtp, tmp_path), envelope(body, "wang@example.org", subject="告警\r\nBcc: all@example.org"))
    ((receiver, letter),) = smtp.letters
    assert receiver == "wang@example.org"
    assert letter["Subject"] == "告警 Bcc: all@example.org"
    assert letter["Bcc"] is None
    assert letter["X-Serviceday-Key"] == "1.2.0.person:wang.group"
    plain, page = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert plain.get_content().strip() == body
    assert '<a href="https://example.org/?alert=1&amp;x=2">' in page.get_content()
    assert "&lt;b&gt;" in page.get_content()


def test_what_a_mail_server_refuses_is_told_as_it_is(smtp: MailServer, tmp_path: Path) -> None:
    one = mail(smtp, tmp_path)
    cases: list[tuple[dict[str, str], type[ServicedayError], str]] = [
        ({"nobody@example.org": "550 no such user"}, Unaddressed, "550: no such user"),
        ({"nobody@example.org": "450 later"}, NotDelivered, "answers 450: later"),
        ({"DATA": "552 too much"}, Rejected, "552"),
        ({"MAIL": "421 busy"}, NotDelivered, "answers 421"),
        ({"AUTH": "535 no"}, Rejected, "does not let us in"),
        ({"STARTTLS": "454 not now"}, NotDelivered, "454"),
    ]
    for refuse, error, words in cases:
        smtp.refuse = refuse
        with pytest.raises(error, match=words) as raised:
            send(one, envelope(address="nobody@example.org"))
        assert type(raised.value) is error
        assert smtp.password not in str(raised.value)
    smtp.refuse = {}
    with pytest.raises(NotDelivered, match="is not trusted"):
        send(mail(smtp, tmp_path, ca=""), envelope(address="a@example.org"))
    with pytest.raises(Unaddressed, match="has no address"):
        send(one, envelope())
    assert not smtp.letters


def test_a_server_without_tls_gets_no_password(tmp_path: Path) -> None:
    certificate(tmp_path)
    server = MailServer()
    with pytest.raises(Rejected, match="offers no STARTTLS"):
        send(mail(server, tmp_path), envelope(address="a@example.org"))
    server.close()


def test_apprise_is_asked_for_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(ServicedayError, match="needs apprise"):
        sender("apprise", "ntfy://example.org/x", tmp_path)


def test_apprise_sends_and_says_whether_it_did(http: HttpReceiver, tmp_path: Path) -> None:
    pytest.importorskip("apprise", reason="the extra `notify` is not installed")
    one = sender("apprise", f"json://127.0.0.1:{http.port}/x", tmp_path)
    send(one, envelope())
    assert (http.requests[0].document["title"], http.requests[0].document["message"]) == ("告警", "三号梯困人")
    http.answering = Answering(status=500)
    with pytest.raises(NotDelivered, match="apprise could not send"):
        send(one, envelope())
    with pytest.raises(ServicedayError, match="does not understand the address") as raised:
        sender("apprise", "nothing-of-the-kind://hush", tmp_path)
    assert "hush" not in str(raised.value)
