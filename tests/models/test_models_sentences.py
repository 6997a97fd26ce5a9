"""Every sentence agrees with its own numbers: directions, paces, limits, dates. Read back as a reader would."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from level_windows import level_windows

from facility.catalogue.catalogue import Aggregate, Bad, catalogue
from models.assessment.scoring import judge
from models.assessment.sentences import Facts, sentence
from models.detectors import default_detectors
from models.features.hourly import HOURS
from models.features.windows import Figure
from models.sensors.checks import _quiet_since

ZONE = ZoneInfo("Asia/Shanghai")
END = datetime(2026, 6, 1, tzinfo=UTC)
NUMBER = r"(-?\d+(?:\.\d+)?)"
MEASURED = [
    channel
    for kind in catalogue().values()
    for channel in kind.channels.values()
    if channel.bad is not Bad.NONE and channel.aggregate in (Aggregate.MEAN, Aggregate.SPARSE)
]
SIZES = st.floats(-1e4, 1e4, allow_nan=False).map(lambda value: float(f"{value:.6g}"))


def numbers(pattern, words):
    found = re.search(pattern, words)
    return None if found is None else [float(number) for number in found.groups()]


def agrees(facts, words):
    """Read the English sentence back and hold it against itself and the facts."""
    pair = numbers(rf"now {NUMBER}.*?(?:suggest|before that|was|expected|usually) {NUMBER}", words)
    if pair is not None:
        now, before = pair
        assert now != before, words
        if " is up" in words or "rising" in words:
            assert now > before, words
        if " is down" in words or "falling" in words:
            assert now < before, words
        if "from zero" in words or "to zero" in words:
            assert facts.channel.normal.bounded, words  # of an amount that has no normal band, up is up
            assert facts.channel.normal.low == -facts.channel.normal.high, words
        if "further from zero" in words:
            assert abs(now) > abs(before), words
        if "nearer to zero" in words:
            assert abs(now) < abs(before), words
    pace = numbers(rf"by about {NUMBER}.*? a week: now {NUMBER}.*?, was {NUMBER}", words)
    if pace is not None:
        weekly, now, before = pace
        weeks = (facts.end - facts.since) / timedelta(days=7)
        assert 0.4 * abs(now - before) <= weekly * weeks <= 2.5 * abs(now - before), words
    beyond = numbers(rf"outside its limit: {NUMBER}.*?, the limit is {NUMBER}", words)
    if beyond is not None:
        assert not facts.channel.limit.holds(facts.value), words
        assert beyond[0] != beyond[1], words
        assert (beyond[0] > beyond[1]) == (facts.value > facts.channel.limit.high), words
    crossing = numbers(rf"will cross its limit of {NUMBER}", words)
    if crossing is not None:
        assert facts.channel.limit.holds(facts.value), words
        assert facts.crosses > facts.end
        assert (crossing[0] > facts.value) == (facts.slope > 0) or crossing[0] == pytest.approx(facts.value, rel=1e-2)
        other_year = facts.crosses.astimezone(ZONE).year != facts.end.astimezone(ZONE).year
        assert other_year == bool(re.search(r"about \d+ \w+ 20\d\d", words)), words
    assert "nan" not in words.lower().split()
    assert "?" not in words


@given(
    channel=st.sampled_from(MEASURED),
    figure=st.sampled_from([Figure.LEVEL, Figure.TEST]),
    detector=st.sampled_from(["residual", "trend", "change", "peers", "limit", "past", "subspace"]),
    value=SIZES,
    moved=st.one_of(st.just(0.0), SIZES, st.floats(-0.01, 0.01)),
    slope=st.floats(-50, 50),
    days=st.one_of(st.none(), st.floats(0.5, 59)),
    width=st.one_of(st.none(), st.floats(0.5, 40)),
    ahead=st.one_of(st.none(), st.floats(-5, 365)),
)
def test_a_sentence_agrees_with_its_numbers(channel, figure, detector, value, moved, slope, days, width, ahead):
    assume(slope != 0 or detector != "trend")
    since = None if days is None else END - timedelta(days=days)
    between = None if since is None or width is None else (since - timedelta(days=width / 2), END)
    pattern = {"limit": "limit", "trend": "trend"}.get(detector, "level")
    facts = Facts(
        channel=channel,
        figure=figure,
        detector=detector,
        pattern=pattern,
        value=value,
        expected=value - moved,
        since=since,
        between=between,
        end=END,
        zone=ZONE,
        slope=slope,
        crosses=None if ahead is None else END + timedelta(days=ahead),
    )
    words = sentence(facts)
    agrees(facts, words.en)
    assert words.zh
    assert ("since" in words.en) <= (since is not None)


@pytest.mark.parametrize("seed", range(8))
def test_sentences_of_generated_fleets_agree(seed):
    random = np.random.default_rng(seed)
    kind = ["lift", "hydrant_zone", "fire_panel", "pump_set"][seed % 4]
    keys = [c.key for c in MEASURED if c.kind == kind and c.aggregate is Aggregate.MEAN][:4]
    days, assets = 60, 12
    rows = assets * len(keys)
    levels = np.tile([_level(catalogue()[kind].channels[key]) for key in keys], assets)
    scale = 0.01 * np.maximum(np.abs(levels), 0.5)
    adjusted = scale[:, None] * random.standard_normal((rows, days))
    for row in random.choice(rows, 10, replace=False):
        onset, size = int(random.integers(5, 58)), random.choice([-1, 1]) * random.uniform(3, 40) * scale[row]
        since = np.maximum(np.arange(days) - onset, 0)
        adjusted[row] += size * (since > 0 if random.random() < 0.5 else since / max(since[-1], 1))
    windows = level_windows(kind, keys, adjusted, levels, scale)
    told = [e for one in judge(windows, catalogue(), default_detectors(), ZONE) for e in one.evidence]
    assert told
    for evidence in told:
        channel = catalogue()[kind].channels[evidence.channel]
        facts = Facts(
            channel=channel,
            figure=Figure.LEVEL,
            detector=evidence.detector,
            pattern=evidence.pattern,
            value=evidence.value,
            expected=evidence.expected,
            since=evidence.since,
            between=evidence.since_between,
            end=windows.end,
            zone=ZONE,
            slope=np.sign(evidence.value - evidence.expected),
            crosses=evidence.crosses_limit_at,
        )
        agrees(facts, evidence.sentence.en)


def _level(channel):
    low, high = channel.normal.low, channel.normal.high
    return (low + high) / 2 if np.isfinite(low) and np.isfinite(high) else 10.0


def told(channel, **changed):
    facts = {
        "channel": channel,
        "figure": Figure.LEVEL,
        "detector": "residual",
        "pattern": "level",
        "value": 1.0,
        "expected": 2.0,
        "since": END - timedelta(days=10),
        "between": None,
        "end": END,
        "zone": ZONE,
    }
    return sentence(Facts(**(facts | changed)))


def test_a_levelling_error_below_zero_is_no_improvement():
    channel = catalogue()["lift"].channels["levelling_error"]
    assert "is further from zero" in told(channel, value=-7.66, expected=-2.0).en
    assert "is nearer to zero" in told(channel, value=-1.0, expected=-4.0).en
    assert "偏离零点更远" in told(channel, value=-7.66, expected=-2.0).zh


def test_figures_that_read_alike_are_told_apart():
    words = told(catalogue()["lift"].channels["motor_temperature"], value=80.71, expected=80.68).en
    assert "now 80.71" in words
    assert "80.68" in words


def test_a_pace_that_leads_elsewhere_is_not_told():
    channel = catalogue()["lift"].channels["motor_temperature"]
    odd = told(channel, pattern="trend", detector="trend", value=54.4, expected=59.3, slope=-0.091)
    assert "a week" not in odd.en
    fair = told(channel, pattern="trend", detector="trend", value=54.4, expected=59.3, slope=-0.5)
    assert "by about 3.5 °C a week: now 54.4 °C (daily mean), was 59.3 °C" in fair.en


def test_a_channel_is_quiet_since_it_fell_silent_and_not_since_its_first_empty_hour():
    present = np.ones(40 * HOURS, dtype=np.bool_)
    present[30 * HOURS] = present[33 * HOURS + 5] = False
    present[38 * HOURS :] = False
    assert _quiet_since(present, 0.99, 0.0) == 38 * HOURS
    random = np.random.default_rng(1)
    partly = np.ones(40 * HOURS, dtype=np.bool_)
    partly[29 * HOURS] = False
    partly[36 * HOURS :] = random.random(4 * HOURS) < 0.4
    assert abs(_quiet_since(partly, 0.99, 0.4) - 36 * HOURS) <= 3
