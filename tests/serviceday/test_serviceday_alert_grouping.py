"""One cause, one alert, whichever detectors and channels see it; and nothing closes while any of them is bad."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from facility.alerts import Alert, Severity, Source
from facility.estate import Asset
from facility.i18n.phrases import Text
from serviceday.alerts.conditions import Condition, Verdict
from serviceday.alerts.grouping import grouped
from serviceday.alerts.lifecycle import decide

T0 = datetime(2026, 3, 10, tzinfo=UTC)
ZONE = Asset(id="HZ-1", kind="hydrant_zone", site="s")
SEVERITIES = list(Severity)


def condition(cause: str, verdict: Verdict, *, channel: str, at: datetime = T0, severity=Severity.MEDIUM) -> Condition:
    source = Source.EQUIPMENT if cause.endswith("equipment") else Source.LIMIT
    return Condition(
        cause=cause,
        verdict=verdict,
        asset=cause.split("/")[0],
        channel=channel,
        source=source,
        severity=severity,
        title=Text(zh=cause, en=cause),
        reason=Text(zh=cause, en=cause),
        seen_at=at,
    )


def closed_valve(at: datetime = T0, verdict: Verdict = Verdict.BAD) -> list[Condition]:
    return [
        condition("HZ-1/limit/end_pressure", verdict, channel="end_pressure", at=at, severity=Severity.HIGH),
        condition("HZ-1/limit/end_test_pressure", verdict, channel="end_test_pressure", at=at),
        condition("HZ-1/equipment", verdict, channel="end_pressure", at=at),
    ]


class Inbox:
    """Alerts as the records keep them, without a database."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.open: dict[str, Alert] = {}
        self.ever: list[Alert] = []

    def evaluate(self, conditions: list[Condition], now: datetime, asset: Asset = ZONE) -> None:
        from dataclasses import replace

        standing = list(self.open.values())
        decisions = decide(standing, grouped(conditions, standing, [asset]), {}, now=now)
        for alert in decisions.opened:
            kept = replace(alert, id=next(self.numbers))
            assert alert.cause not in self.open
            self.open[alert.cause] = kept
            self.ever.append(kept)
        for change in decisions.changed:
            self.open[change.alert.cause] = change.alert
            if change.alert.closed_at is not None:
                del self.open[change.alert.cause]


def test_a_closed_valve_is_one_alert_that_names_all_that_sees_it() -> None:
    inbox = Inbox()
    inbox.evaluate(closed_valve(), T0)
    (alert,) = inbox.ever
    assert alert.severity is Severity.HIGH
    for cause in ("end_pressure", "end_test_pressure", "equipment"):
        assert cause in alert.reason.en


def test_whichever_comes_first_the_others_join_it_and_it_stays_until_all_are_good() -> None:
    pressure, test, model = closed_valve()
    inbox = Inbox()
    inbox.evaluate([test], T0)
    inbox.evaluate(closed_valve(T0 + timedelta(hours=1)), T0 + timedelta(hours=1))
    assert len(inbox.ever) == 1
    later = T0 + timedelta(hours=2)
    calm = [condition(test.cause, Verdict.GOOD, channel=test.channel, at=later)]
    inbox.evaluate([*calm, condition(model.cause, Verdict.BAD, channel=model.channel, at=later)], later)
    (alert,) = inbox.open.values()
    assert alert.returned_at is None, "the model still sees it"
    inbox.evaluate(closed_valve(later + timedelta(hours=1), Verdict.GOOD), later + timedelta(hours=1))
    (alert,) = inbox.open.values()
    assert alert.returned_at is not None
    assert pressure.cause not in inbox.open


def test_troubles_that_share_no_sign_stay_apart_and_so_do_assets() -> None:
    lift = Asset(id="L-1", kind="lift", site="s")
    conditions = [
        condition("L-1/limit/motor_temperature", Verdict.BAD, channel="motor_temperature"),
        condition("L-1/limit/levelling_error", Verdict.BAD, channel="levelling_error"),
    ]
    inbox = Inbox()
    inbox.evaluate(conditions, T0, lift)
    assert len(inbox.ever) == 2


CHANNELS = ["end_pressure", "end_test_pressure", "static_pressure"]
CAUSES = [*((f"HZ-1/limit/{channel}", channel) for channel in CHANNELS), ("HZ-1/equipment", "end_pressure")]


@given(
    st.lists(
        st.fixed_dictionaries({cause: st.sampled_from([None, *Verdict]) for cause, _ in CAUSES}), min_size=1, max_size=9
    )
)
def test_no_alert_goes_while_what_it_stands_for_is_bad(rounds: list[dict[str, Verdict | None]]) -> None:
    """After every round each bad condition stands under an open alert that has not returned, and no cause has two."""
    inbox = Inbox()
    for number, verdicts in enumerate(rounds):
        now = T0 + timedelta(hours=number)
        conditions = [
            condition(cause, verdict, channel=channel, at=now)
            for cause, channel in CAUSES
            if (verdict := verdicts[cause]) is not None
        ]
        inbox.evaluate(conditions, now)
        bad = {one.channel for one in conditions if one.verdict is Verdict.BAD}
        standing = [alert for alert in inbox.open.values() if alert.returned_at is None]
        assert not bad or standing
        family = {"end_pressure", "end_test_pressure"}  # signs of one failure mode
        if bad & family:
            assert any(alert.channel in family for alert in standing)
        if "static_pressure" in bad:
            assert any(alert.channel == "static_pressure" for alert in standing)
