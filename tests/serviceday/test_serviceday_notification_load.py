"""The alarm report: rates, floods, bad actors, chattering, stale, times, findings."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from notification_tools import alert

from facility.alerts import Alert, Severity, Step
from serviceday.notification.load import Load, figures, load
from serviceday.notification.load_page import as_html, sections

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=1)
MINUTE = timedelta(minutes=1)


@given(st.lists(st.integers(0, 24 * 60 - 1), max_size=300))
def test_floods_begin_above_ten_and_end_below_five(minutes: list[int]) -> None:
    found = load([SINCE + minute * MINUTE for minute in minutes], SINCE, UNTIL)
    counts = Counter(minute // 10 for minute in minutes)
    flooded, floods, inside = 0, 0, False
    for stretch in range(144):  # stretch by stretch, as the standard tells it
        if not inside and counts[stretch] > 10:
            inside, floods = True, floods + 1
        elif inside and counts[stretch] < 5:
            inside = False
        flooded += inside
    assert found == Load(len(minutes), len(minutes) / 144, max(counts.values(), default=0), floods, flooded / 144)


def example() -> tuple[list[Step], dict[int, Alert]]:
    """Thirteen lifts at once, one of which chatters; one acknowledged after ten minutes and closed after an hour."""
    at = SINCE + timedelta(hours=3)
    alerts = {
        number: replace(alert(f"L-{number}", at, severity=Severity.HIGH if number == 1 else Severity.LOW), id=number)
        for number in range(1, 14)
    }
    alerts[1] = replace(alerts[1], acknowledged_at=at + 10 * MINUTE, closed_at=at + 60 * MINUTE)
    alerts[2] = replace(alerts[2], opened_at=SINCE - timedelta(days=2))
    trail = [Step(alert=number, at=at, who="", what="opened") for number in alerts if number != 2]
    for second in (10, 20, 30):
        trail.append(Step(alert=1, at=at + timedelta(seconds=second), who="", what="returned"))
        trail.append(Step(alert=1, at=at + timedelta(seconds=second + 5), who="", what="recurred"))
    return trail, alerts


def test_a_day_is_counted() -> None:
    trail, alerts = example()
    faults = {"L-1": [SINCE + timedelta(days=3)], "L-3": [SINCE - timedelta(days=1)]}
    sites = {each.asset: "south" for each in alerts.values()}
    found = figures(trail, alerts, [], sites=sites, faults=faults, within=(SINCE, UNTIL))
    assert found.sites["south"] == Load(15, 15 / 144, 15, 1, 1 / 144)
    assert (found.actors[0].cause, found.actors[0].times) == ("L-1/limit", 4)
    assert [each.cause for each in found.chattering] == ["L-1/limit"]
    assert [(each.asset, each.hours) for each in found.stale] == [("L-2", 72.0)]
    assert found.mix == {"high": 1 / 12, "medium": 0.0, "low": 11 / 12}
    assert (found.acknowledged, found.closed) == ((10.0, 10.0), (60.0, 60.0))
    assert found.followed_up == 1 / 12, "what was found before it opened, it did not lead to"
    for language in ("zh", "en"):
        parts = sections(found, language)
        assert all(len(row) == len(part.columns) for part in parts for row in part.rows)
        page = as_html("<b>", parts, language)
        assert "&lt;b&gt;" in page
        assert "<script" not in page


def test_nothing_happened() -> None:
    found = figures([], {}, [], sites={}, faults={}, within=(SINCE, UNTIL))
    assert (found.opened, found.followed_up, found.acknowledged) == (0, None, None)
    assert sections(found, "en")
