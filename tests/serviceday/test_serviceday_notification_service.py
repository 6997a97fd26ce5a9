"""One pass after the other over a real trail, real records and real servers: who is told, who is not, and why."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notification_tools import Answering, HttpReceiver, MailServer, alert, estate, opened, returned, worsened

from facility.alerts import AlertState, Severity
from facility.errors import CannotDo, CannotParse
from facility.notifications import Message, MessageState, Reason
from facility.records import Records
from serviceday.notification.acknowledging import KEY_NAME, Acknowledgements
from serviceday.notification.checking import read_rules
from serviceday.notification.delivery import wait
from serviceday.notification.senders import Rejected
from serviceday.notification.service import NotificationService
from serviceday.notification.trial import told_by

NOW = datetime(2026, 12, 2, 2, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Shanghai
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)

RULES = """
[settings]
base_url = "https://see.example.org"
fallback = ["person:chief"]
[[channel]]
name = "group"
kind = "wecom"
url = { file = "group.url" }
timeout = "1s"
[[channel]]
name = "mail"
kind = "smtp"
host = "127.0.0.1"
port = PORT
tls = "none"
sender = "us@example.org"
timeout = "2s"
[[person]]
name = "wang"
title = "王工"
address = { group = "138", mail = "wang@example.org" }
quiet = "22:00-07:00"
[[person]]
name = "chief"
language = "en"
address = { mail = "chief@example.org" }
[[roster]]
name = "duty"
[[shift]]
roster = "duty"
people = ["wang"]
starts = 2026-11-30
[[route]]
name = "grave"
match = { severity = ["high"] }
to = ["roster:duty"]
escalate = [{ after = "15min", to = ["person:chief"] }]
[[route]]
name = "middle"
match = { severity = ["medium"] }
to = ["roster:duty"]
[[route]]
name = "rest"
to = ["roster:duty"]
digest = ["16:30"]
recovery = false
"""


class House:
    """A data folder with its servers and a clock of its own."""

    def __init__(self, folder: Path, rules: str = RULES, assets: int = 3) -> None:
        self.folder, self.http, self.smtp = folder, HttpReceiver(), MailServer()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "group.url").write_text(self.http.url)
        self.file = folder / "notifications.toml"
        self.file.write_text(rules.replace("PORT", str(self.smtp.port)))
        self.records = Records(folder / "records.sqlite")
        estate(self.records, assets)
        self.now = NOW
        self.service = self.started()
        self.service.deliver(self.now)

    def started(self) -> NotificationService:
        return NotificationService(records=self.records, folder=self.folder, rules=read_rules(self.file))

    def after(self, span: timedelta = SECOND) -> None:
        """Let time pass second by second as far as anything is due, and one pass at the end."""
        self.now += span
        self.service.deliver(self.now)

    def about(self, number: int) -> list[Message]:
        return self.records.notifications.about(number)

    def reasons(self, number: int) -> list[Reason | None]:
        return [message.reason for message in self.about(number)]

    def letters(self) -> list[tuple[str, str]]:
        bodies = [(receiver, letter.get_body(("plain",))) for receiver, letter in self.smtp.letters]
        return [(receiver, body.get_content()) for receiver, body in bodies if body is not None]

    def close(self) -> None:
        self.http.close()
        self.smtp.close()
        self.records.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "data")
    yield made
    made.close()


def test_whoever_is_on_duty_is_told_in_their_language_in_the_pass(house: House) -> None:
    (number,) = opened(house.records, NOW, "L-1")
    house.after()
    (words,) = house.http.texts()
    about, _, link = words.rpartition("\n")
    assert about == (
        "【高】关门时间超限\n南苑 1号楼-1F-1号梯 L-1\n自 12-02 10:00\n关门时间 8.2 秒，高于限值 6 秒。\n"
        f"请立即处理，并确认。\n查看：https://see.example.org/?alert={number}"
    )
    assert "https://see.example.org/acknowledge?token=" in link
    (message,) = house.about(number)
    assert (message.state, message.receiver, message.channel) == (MessageState.SENT, "person:wang", "group")
    house.after(MINUTE)
    assert len(house.http.requests) == 1


def test_nobody_acknowledges_and_the_chief_is_told(house: House) -> None:
    (number,) = opened(house.records, NOW, "L-1")
    house.after()
    house.after(14 * MINUTE)
    assert not house.smtp.letters
    house.after(MINUTE)
    ((receiver, body),) = house.letters()
    assert receiver == "chief@example.org"
    assert body.startswith("[high, nobody has acknowledged] Door close time beyond its limit")
    assert "Door close time 8.2 s, above 6 s." in body
    assert "Normal" not in body, "one sentence is enough for a phone"
    house.after(60 * MINUTE)
    assert [message.level for message in house.about(number)] == [0, 1]


def test_an_alert_that_comes_and_goes_is_escalated_once(house: House) -> None:
    (number,) = opened(house.records, NOW, "L-1")
    for _ in range(6):
        house.after(9 * MINUTE)
        returned(house.records, number, house.now)
        house.after(MINUTE)
        house.records.alerts.keep(
            [], [(replace(house.records.alerts.get(number), returned_at=None), "recurred", "")], now=house.now
        )
        house.after(MINUTE)
    house.after(20 * MINUTE)
    words = [letter["Subject"] for _, letter in house.smtp.letters]
    assert [each.partition("]")[0] for each in words] == ["[high, nobody has acknowledged"]
    house.records.alerts.close(number, by="wang", now=house.now)
    house.after()
    assert house.smtp.letters[-1][1]["Subject"].startswith("[high, closed]")
    assert len(house.smtp.letters) == 2


def test_a_long_text_keeps_to_the_pace_too(tmp_path: Path) -> None:
    long = "{title} " + "门" * 16_000  # 24 parts of what WeCom takes
    house = House(tmp_path, RULES.replace("[settings]", f'[settings]\ntemplates = {{ zh = "{long}" }}'))
    opened(house.records, NOW, "L-1", severity=Severity.MEDIUM)
    house.after()
    assert len(house.http.requests) == 20
    house.after(61 * SECOND)
    assert len(house.http.requests) == 24
    assert "".join(house.http.texts()).count("门") == 16_001
    house.close()


def test_a_test_that_arrives_says_that_the_channel_lives(house: House) -> None:
    house.http.answering = Answering(body='{"errcode":93000,"errmsg":"invalid webhook url"}')
    opened(house.records, NOW, "L-1", severity=Severity.MEDIUM)
    house.after()
    assert house.records.notifications.health()["group"].dead(house.now + 3 * MINUTE)
    with pytest.raises(Rejected):
        house.service.test("person:wang", "group", house.now)
    house.http.answering = Answering()
    house.service.test("person:wang", "group", house.now)
    assert not house.records.notifications.health()["group"].dead(house.now + 3 * MINUTE)


def test_an_acknowledged_alert_is_not_escalated_and_says_so(house: House) -> None:
    (number,) = opened(house.records, NOW, "L-1")
    house.after()
    house.records.alerts.acknowledge(number, by="wang", now=house.now)
    house.after(16 * MINUTE)
    assert not house.smtp.letters
    assert house.reasons(number) == [None, Reason.ACKNOWLEDGED]
    worse = opened(house.records, house.now, "L-2", severity=Severity.MEDIUM)[0]
    house.after()
    house.records.alerts.acknowledge(worse, by="wang", now=house.now)
    worsened(house.records, worse, house.now)
    house.after()
    assert [message.what for message in house.about(worse)] == ["opened", "worsened"], "graver is news all the same"


def test_normal_again_is_told_once_to_whoever_was_told(house: House) -> None:
    (number,) = opened(house.records, NOW, "L-1")
    house.after()
    returned(house.records, number, house.now)
    house.after()
    house.records.alerts.acknowledge(number, by="wang", now=house.now)  # closes it
    assert house.records.alerts.get(number).state is AlertState.CLOSED
    house.after(20 * MINUTE)
    assert [text.splitlines()[0] for text in house.http.texts()] == ["【高】关门时间超限", "【高·已恢复】关门时间超限"]
    assert Reason.CLOSED in house.reasons(number), "the escalation finds it closed"


def test_restart_with_a_hundred_open_alerts_tells_nobody(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.sqlite")
    estate(records, 100)
    opened(records, NOW, *(f"L-{number}" for number in range(1, 101)))
    records.close()
    house = House(tmp_path)
    house.after(MINUTE)
    opened(house.records, house.now, "L-new")
    house.after()
    assert len(house.http.requests) == 1
    for _ in range(3):
        house.service = house.started()
        house.after(SECOND)
    assert len(house.http.requests) == 1
    house.close()


def test_planned_work_explains_and_what_is_left_is_told_afterwards(tmp_path: Path) -> None:
    window = """
[[window]]
name = "cabin"
match = { asset = ["L-1", "L-2"] }
begins = 2026-12-02T09:00:00
ends = 2026-12-02T12:00:00
reason = "cabin is replaced"
"""
    house = House(tmp_path, RULES + window)
    one, other = opened(house.records, NOW, "L-1", "L-2")
    house.after()
    assert house.reasons(one) == [Reason.WINDOW]
    assert house.about(one)[0].detail == "cabin: cabin is replaced"
    house.records.alerts.close(other, by="Li", now=house.now)
    house.after(timedelta(hours=2))
    house.after(MINUTE)
    assert not house.http.requests, "nobody has seen since whether it is still so"
    still = replace(house.records.alerts.get(one), last_seen_at=house.now)
    house.records.alerts.keep([], [(still, "", "")], now=house.now)
    house.after(MINUTE)
    assert [text.splitlines()[1] for text in house.http.texts()] == ["南苑 1号楼-1F-1号梯 L-1"]
    assert house.reasons(one) == [Reason.WINDOW, None]
    assert house.reasons(other) == [Reason.WINDOW, Reason.CLOSED]
    house.close()


def test_what_is_over_with_the_planned_work_is_told_to_nobody_and_what_is_not_heard_of_is(tmp_path: Path) -> None:
    window = """
[[window]]
name = "cabin"
match = { asset = ["L-1", "L-2"] }
begins = 2026-12-02T09:00:00
ends = 2026-12-02T12:00:00
reason = "cabin is replaced"
"""
    house = House(tmp_path, RULES + window)
    over, unseen = opened(house.records, NOW, "L-1", "L-2")
    house.after()
    returned(house.records, over, NOW + MINUTE)
    house.after(timedelta(hours=2))
    assert house.reasons(over) == [Reason.WINDOW, Reason.RETURNED]
    for _ in range(62):
        house.after(MINUTE)
    assert [text.splitlines()[1] for text in house.http.texts()] == ["南苑 1号楼-1F-2号梯 L-2"]
    assert house.reasons(unseen) == [Reason.WINDOW, None], "told an hour after the work, for nobody knows better"
    house.close()


def test_what_was_put_aside_comes_back(house: House) -> None:
    (number,) = opened(house.records, NOW, "L-1")
    house.records.alerts.shelve(number, until=NOW + timedelta(hours=1), by="Li", why="part", now=NOW)
    house.after()
    assert house.reasons(number) == [Reason.SHELVED]
    assert not house.http.requests
    house.after(timedelta(hours=1))
    house.after(MINUTE)
    assert len(house.http.requests) == 1
    assert "搁置到期" in house.http.texts()[0]


def test_digest_quiet_hours_and_their_reasons(house: House) -> None:
    low = opened(house.records, NOW, "L-1", "L-2", severity=Severity.LOW)
    house.after()
    assert not house.http.requests
    assert house.reasons(low[0]) == [Reason.DIGEST]
    house.records.alerts.close(low[1], by="Li", now=house.now)
    house.after(timedelta(hours=6, minutes=30))
    (text,) = house.http.texts()
    assert text.splitlines()[0] == "【汇总】2 条告警"
    assert "其间已关闭" in text
    house.now = datetime(2026, 12, 2, 15, tzinfo=UTC)  # 23:00
    (night,) = opened(house.records, house.now, "L-3", severity=Severity.MEDIUM)
    house.after()
    assert house.reasons(night) == [Reason.QUIET]
    assert house.about(night)[0].due_at == datetime(2026, 12, 2, 23, tzinfo=UTC)
    grave = alert("L-2", house.now, cause="fire")
    house.records.alerts.keep([grave], [], now=house.now)
    house.after()
    assert len(house.http.requests) == 2, "what is grave wakes people"
    house.after(timedelta(hours=8))
    assert "L-3" in house.http.texts()[-1]


def test_a_flood_becomes_a_summary(tmp_path: Path) -> None:
    house = House(tmp_path, RULES, assets=60)
    numbers = opened(house.records, NOW, *(f"L-{number}" for number in range(1, 61)), severity=Severity.MEDIUM)
    house.after()
    assert len(house.http.requests) == 10
    assert [house.reasons(number) for number in numbers].count([Reason.FLOOD]) == 50
    house.after(10 * MINUTE)
    assert len(house.http.requests) == 11
    assert house.http.texts()[-1].startswith("【告警集中】50 条告警")
    assert "另有 30 条" in house.http.texts()[-1]
    house.close()


def test_twenty_a_minute_and_the_rest_in_turn(tmp_path: Path) -> None:
    rules = RULES.replace("[settings]", "[settings]\nflood = 1000")
    house = House(tmp_path, rules, assets=30)
    opened(house.records, NOW, *(f"L-{number}" for number in range(1, 31)), severity=Severity.MEDIUM)
    house.after()
    assert len(house.http.requests) == 20
    house.after(30 * SECOND)
    assert len(house.http.requests) == 20
    house.after(31 * SECOND)
    assert len(house.http.requests) == 30
    house.close()


def test_a_lie_and_a_dead_channel_and_the_other_one(house: House) -> None:
    house.http.answering = Answering(body='{"errcode":-1,"errmsg":"system busy"}')
    (number,) = opened(house.records, NOW, "L-1", severity=Severity.MEDIUM)
    for _ in range(125):
        house.after()
    receivers = sorted({receiver for receiver, _ in house.letters()})
    assert receivers == ["chief@example.org", "wang@example.org"]
    words = dict(house.letters())
    assert "关门时间" in words["wang@example.org"]
    assert words["chief@example.org"].startswith("Channel group has delivered nothing since")
    assert len(house.smtp.letters) == 2, "one message, one word about the channel, and none of them twice"
    first, second = house.about(number)
    assert (first.state, first.reason, first.parcel) == (MessageState.FAILED, Reason.REPLACED, second.key)
    assert (second.state, second.channel) == (MessageState.SENT, "mail")
    tries = house.records.notifications.attempts(first.key)
    assert 4 <= len(tries) <= 8, "tried again with growing waits"
    assert "-1: system busy" in tries[0].error
    dead = house.records.notifications.health()["group"]
    assert dead.failing_since is not None
    (other,) = opened(house.records, house.now, "L-2", severity=Severity.MEDIUM)
    for _ in range(3):
        house.after()
    assert house.about(other)[-1].channel == "mail", "a dead channel is not waited for"
    house.http.answering = Answering()
    house.now += timedelta(seconds=40)
    opened(house.records, house.now, "L-3", severity=Severity.MEDIUM)
    house.after()
    assert house.records.notifications.health()["group"].failing_since is None, "it is tried now and then, and lives"


def test_a_refusal_goes_the_other_way_at_once(house: House) -> None:
    house.http.answering = Answering(body='{"errcode":93000,"errmsg":"invalid webhook url"}')
    (number,) = opened(house.records, NOW, "L-1", severity=Severity.MEDIUM)
    house.after()
    house.after()
    assert [receiver for receiver, _ in house.letters()] == ["wang@example.org"]
    assert house.about(number)[0].error.startswith("http://127.0.0.1")


def test_retry_after_is_honoured(house: House) -> None:
    rules = house.file.read_text().replace(
        'address = { group = "138", mail = "wang@example.org" }', 'address = { group = "1" }'
    )
    house.file.write_text(rules)
    house.service = house.started()
    house.http.answering = Answering(status=429, headers={"Retry-After": "50"})
    opened(house.records, NOW, "L-1", severity=Severity.MEDIUM)
    house.after()
    house.http.answering = Answering()
    house.after(49 * SECOND)
    assert len(house.http.requests) == 1
    house.after(2 * SECOND)
    assert len(house.http.requests) == 2


def test_nobody_on_duty_and_no_route_go_to_the_fallback(tmp_path: Path) -> None:
    calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260101T000000\r\nDTEND:20260102T000000\r\n"
    calendar += "SUMMARY:王工\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    shift = '[[shift]]\nroster = "duty"\npeople = ["wang"]\nstarts = 2026-11-30\n'
    rules = RULES.replace(shift, "").replace('name = "duty"', 'name = "duty"\nics = "duty.ics"')
    (tmp_path / "duty.ics").write_text(calendar)
    house = House(tmp_path, rules.partition('[[route]]\nname = "middle"')[0])
    (number,) = opened(house.records, NOW, "L-1")
    (unrouted,) = opened(house.records, NOW, "L-2", severity=Severity.LOW)
    house.after()
    assert [receiver for receiver, _ in house.letters()] == ["chief@example.org"] * 2
    assert set(house.reasons(number)) == {None, Reason.NOBODY_ON_DUTY}
    assert set(house.reasons(unrouted)) == {None, Reason.NO_ROUTE}
    house.close()


def test_two_processes_do_not_tell_twice(house: House) -> None:
    other = house.started()
    opened(house.records, NOW, "L-1")
    with other._alone() as alone:
        assert alone
        assert house.service.deliver(house.now).elsewhere
    house.after()
    other.deliver(house.now)
    assert len(house.http.requests) == 1


def test_a_link_acknowledges_once_and_for_a_time(tmp_path: Path) -> None:
    rules = RULES.replace("[settings]", '[settings]\nacknowledge_url = "https://see.example.org/acknowledge"')
    house = House(tmp_path, rules)
    (number,) = opened(house.records, NOW, "L-1")
    house.after()
    token = house.http.texts()[0].rpartition("token=")[2]
    key = tmp_path / KEY_NAME
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    links = Acknowledgements(tmp_path, house.records)
    body, _, signature = token.partition(".")
    for forged in (
        "",
        ".",
        "x",
        body,
        f"{body}.",
        f"{body[:-2]}xx.{signature}",
        f"{body}.{signature[:-2]}xx",
        "é.é",
        token * 9,
    ):
        with pytest.raises(CannotParse, match="not signed here"):
            links.verify(forged, NOW)
    with pytest.raises(CannotDo, match="was good until"):
        links.redeem(token, NOW + timedelta(hours=25))
    assert links.redeem(token, house.now).acknowledged_by == "wang"
    with pytest.raises(CannotDo, match="was used before"):
        links.redeem(token, house.now)
    assert token not in "".join(message.body for message in house.about(number)), "the log holds no link"
    house.close()


def test_a_person_who_left_the_file_stops_nothing(house: House) -> None:
    house.http.answering = Answering(status=500)
    opened(house.records, NOW, "L-1")
    house.after()
    rules = house.file.read_text().replace('name = "wang"', 'name = "wei"').replace('["wang"]', '["wei"]')
    house.file.write_text(rules.replace('name = "group"', 'name = "chat"').replace("group = ", "chat = "))
    house.service = house.started()
    house.http.answering = Answering()
    for _ in range(20):
        house.after()
    opened(house.records, house.now, "L-2", severity=Severity.MEDIUM)
    house.after()
    assert "L-2" in house.http.texts()[-1]


def test_rules_are_tried_on_the_past_without_telling_anybody(house: House) -> None:
    numbers = opened(house.records, NOW, "L-1", "L-2", severity=Severity.MEDIUM)
    house.after(MINUTE)
    worsened(house.records, numbers[0], house.now)
    house.after()
    house.after(20 * MINUTE)
    house.records.alerts.acknowledge(numbers[1], by="wang", now=house.now)
    house.after()
    present = told_by(read_rules(house.file), house.records, NOW - MINUTE, house.now)
    real = house.records.notifications.log()
    assert {message.key for message in present} == {message.key for message in real}, "it tells what really was told"
    strict = house.file.with_name("strict.toml")
    strict.write_text(house.file.read_text().replace('duty"]\nescalate', 'duty", "person:chief"]\nescalate'))
    proposed = told_by(read_rules(strict), house.records, NOW - MINUTE, house.now)
    told = [(message.receiver, message.level) for message in proposed if message.what == "worsened"]
    assert told == [("person:wang", 0), ("person:chief", 0), ("person:chief", 1)]
    assert len(house.records.notifications.log()) == len(real)


@given(key=st.text(max_size=40), attempts=st.integers(0, 10_000))
def test_waits_grow_and_are_bounded(key: str, attempts: int) -> None:
    assert 4 <= wait(key, attempts) <= 360
    assert wait(key, attempts) == wait(key, attempts)


EVENTS = ["open", "ack", "close", "return", "shelve", "fail", "heal", "restart", "wait"]
FAILURES = [Answering(status=503), Answering(body='{"errcode":93000}'), Answering(body="")]


@settings(max_examples=25)
@given(data=st.data())
def test_whatever_happens_nothing_is_lost_or_doubled(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Alerts come and go, people act, the robot fails now and then, the process is restarted."""
    house = House(tmp_path_factory.mktemp("house"))
    try:
        for _ in range(data.draw(st.integers(3, 12))):
            match data.draw(
                st.sampled_from(["open", "ack", "close", "return", "shelve", "fail", "heal", "restart", "wait"])
            ):
                case "open":
                    asset, severity = f"L-{data.draw(st.integers(1, 3))}", data.draw(st.sampled_from(Severity))
                    opened(house.records, house.now, asset, severity=severity)
                case "fail":
                    house.http.answering = data.draw(
                        st.sampled_from(
                            [Answering(status=503), Answering(body='{"errcode":93000}'), Answering(body="")]
                        )
                    )
                case "heal":
                    house.http.answering = Answering()
                case "restart":
                    house.service = house.started()
                case "wait":
                    house.after(timedelta(minutes=data.draw(st.integers(1, 600))))
                case act:
                    for each in house.records.alerts.open()[:1]:
                        _act(house, act, each.id)
            house.after(timedelta(seconds=data.draw(st.integers(1, 200))))
        house.http.answering = Answering()
        for _ in range(8):
            house.after(timedelta(minutes=6))
        messages = house.records.notifications.log()
        assert len({message.key for message in messages}) == len(messages)
        for each in house.records.alerts.all():
            assert house.about(each.id), "every alert was told, or says why not"
        assert not [message for message in messages if message.state is MessageState.QUEUED]
        for message in messages:
            assert message.state is not MessageState.HELD or message.reason
            assert message.state is not MessageState.FAILED or message.reason
        keys = [letter["X-Serviceday-Key"] for _, letter in house.smtp.letters]
        assert len(set(keys)) == len(keys)
    finally:
        house.close()


def _act(house: House, act: str, number: int) -> None:
    records, now = house.records.alerts, house.now
    if act == "ack" and records.get(number).acknowledged_at is None:
        records.acknowledge(number, by="Li", now=now)
    elif act == "close":
        records.close(number, by="Li", now=now)
    elif act == "return" and records.get(number).returned_at is None:
        returned(house.records, number, now)
    elif act == "shelve":
        records.shelve(number, until=now + timedelta(minutes=30), by="Li", why="part", now=now)
