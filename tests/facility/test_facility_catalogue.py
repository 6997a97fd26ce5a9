"""The catalogue is data; this holds all of it to its rules at once."""

import math
import re

import pytest

from facility.alerts import Severity
from facility.catalogue.catalogue import Aggregate, Bad, Channel, EquipmentClass, catalogue
from facility.errors import CannotConvert

CLASSES = list(catalogue().values())
CHANNELS = [channel for one in CLASSES for channel in one.channels.values()]


def test_the_classes_are_there() -> None:
    watched = {key for key, one in catalogue().items() if one.channels}
    assert set(catalogue()) - watched == {"hydraulic_lift", "service_lift", "escalator", "extinguisher"}
    assert watched == {
        "lift",
        "lighting_circuit",
        "emergency_lighting",
        "hydrant_zone",
        "pump_set",
        "tank",
        "smoke_detector",
        "fire_panel",
        "electrical_fire",
        "fire_door",
    }


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda c: f"{c.kind}.{c.key}")
def test_every_channel_is_whole(channel: Channel) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", channel.key)
    assert channel.name.zh
    assert channel.name.en
    assert channel.unit
    assert channel.source
    assert channel.stale_after > channel.cadence
    assert channel.physical.bounded
    for band in (channel.normal, channel.limit):
        for edge in (band.low, band.high):
            assert not math.isfinite(edge) or channel.physical.holds(edge)
    if channel.aggregate is Aggregate.STATE and channel.states:
        assert all(channel.physical.holds(value) for value in channel.states)
    if channel.limit.bounded:
        assert channel.bad is not Bad.NONE or channel.kind in {"tank", "pump_set", "smoke_detector"}


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.key)
def test_what_a_channel_follows_is_measured_as_regularly(one: EquipmentClass) -> None:
    for channel in one.channels.values():
        if channel.follows:
            assert one.channels[channel.follows].aggregate is channel.aggregate is Aggregate.MEAN
            assert not one.channels[channel.follows].follows


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.key)
def test_modes_and_duties_speak_of_channels_that_exist(one: EquipmentClass) -> None:
    assert bool(one.modes) == bool(one.channels)
    assert one.duties
    for mode in one.modes.values():
        assert set(mode.signs) <= set(one.channels), mode.key
    for duty in one.duties.values():
        assert set(duty.channels) <= set(one.channels), duty.key
        assert duty.interval.count > 0
        assert duty.interval_source
        assert duty.minutes > 0


def test_an_unknown_channel_names_the_known_ones() -> None:
    with pytest.raises(CannotConvert, match=r"unknown channel 'speed' for tank.*level"):
        catalogue().channel("tank", "speed")
    with pytest.raises(CannotConvert, match=r"unknown equipment class 'boat'.*lift"):
        catalogue().kind("boat")


@pytest.mark.parametrize("channel", [c for c in CHANNELS if c.watched], ids=lambda c: f"{c.kind}.{c.key}")
def test_every_alarm_can_come_and_can_go(channel: Channel) -> None:
    alarm = channel.alarm
    assert alarm.count >= 1
    assert alarm.back_count >= 1
    assert alarm.back_after >= alarm.after or not alarm.back_after, "what opens in a minute does not close sooner"
    assert set(alarm.codes) <= set(channel.states)
    assert all(not channel.normal.holds(code) for code in alarm.codes)
    if alarm.codes:
        assert channel.aggregate is Aggregate.STATE


def test_what_a_class_explains_is_there() -> None:
    for one in CLASSES:
        for pair in one.explains:
            assert pair.channel in one.channels
            for kind in pair.kinds:
                assert set(pair.what) <= {*catalogue()[kind].channels, "silence"}


def test_whoever_is_trapped_is_told_at_once_in_any_mode() -> None:
    alarm = catalogue().channel("lift", "fault_code").alarm
    assert (alarm.after.total_seconds(), alarm.count, alarm.always) == (0, 1, True)
    assert {alarm.codes[code] for code in (12, 15, 90)} == {Severity.HIGH}
