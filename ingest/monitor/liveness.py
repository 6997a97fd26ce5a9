"""Is a channel alive? Three answers that must not be mixed up: not received, received but unchanged, frozen.

    not received   nothing newer came for longer than the catalogue's `stale_after`: the device, the radio or the
                   gateway is silent, or its clock stands still
    unchanged      it is received, and the value has been the same for longer than `stale_after`: a switch nobody
                   touched, a full tank. A fact, not a fault
    frozen         it is received and has been the very same far longer than a sensor of its kind can be: by the
                   catalogue's expected variability, and by four times the longest it ever was the same before

Judged from (channel, what was heard, now) alone, so that a timer may ask at any moment; nothing here waits for data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from facility.catalogue.catalogue import Aggregate, Catalogue, Channel
from facility.estate import Asset
from ingest.monitor.channel_state import Heard
from ingest.monitor.uptime import Listening

FROZEN_READINGS = 12  # fewer in a row prove nothing
FROZEN_TIMES = 4  # the longest it ever stood still (as in the models' judgement of stuck sensors)
FROZEN_AFTER = timedelta(hours=24)  # for a level that is measured regularly, where the catalogue says nothing (D)


class State(StrEnum):
    """What can be said of a channel's life."""

    LIVE = "live"
    UNCHANGED = "unchanged"
    FROZEN = "frozen"
    NOT_RECEIVED = "not_received"
    NEVER = "never"  # the asset talks and this channel never did: not fitted, as far as anyone can tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One channel's answer."""

    asset: str
    channel: str
    state: State
    since: datetime | None  # device time since when it has been the same, or arrival of the last newer reading
    value: float | None
    advanced: datetime | None = None  # arrival of the last newer reading


def life(channel: Channel, heard: Heard, now: datetime, listening: Listening) -> Life:
    """The answer for a channel that was heard at least once."""
    advanced, since = _at(heard.advanced_us), _at(heard.since_us)
    if now - advanced > channel.stale_after and _had_its_chance(channel, heard, now, listening):
        return _life(heard, State.NOT_RECEIVED, advanced)
    still = timedelta(microseconds=heard.time_us - heard.since_us)
    if _frozen(channel, heard, still):
        return _life(heard, State.FROZEN, since)
    if heard.same > 1 and still > channel.stale_after:
        return _life(heard, State.UNCHANGED, since)
    return _life(heard, State.LIVE, advanced)


def lives(
    assets: Mapping[str, Asset],
    heard: Iterable[Heard],
    catalogue: Catalogue,
    now: datetime,
    *,
    expected: Mapping[str, int],
    listening: Listening,
) -> list[Life]:
    """The answer for every channel of every asset.

    `expected`: since when, in microseconds, each asset is expected to speak. One that never did is not received once
    the least patient of its channels should have; until then it is new, and nothing is wrong with it.
    """
    by_asset: dict[str, dict[str, Heard]] = {}
    for channel_state in heard:
        by_asset.setdefault(channel_state.asset, {})[channel_state.channel] = channel_state
    lifes = []
    for asset in assets.values():
        if asset.kind not in catalogue:
            continue
        channels = catalogue[asset.kind].channels
        own = by_asset.get(asset.id, {})
        if not own:
            since = _at(max(expected[asset.id], listening.since_us)) if asset.id in expected else now
            late = now - since > min(channel.stale_after for channel in channels.values())
            state = State.NOT_RECEIVED if late else State.NEVER
            lifes.append(Life(asset=asset.id, channel="", state=state, since=since, value=None))
            continue
        for key, channel in channels.items():
            if key in own:
                lifes.append(life(channel, own[key], now, listening))
            else:
                lifes.append(Life(asset=asset.id, channel=key, state=State.NEVER, since=None, value=None))
    return lifes


def _had_its_chance(channel: Channel, heard: Heard, now: datetime, listening: Listening) -> bool:
    """Whether we listened for as long as the channel usually takes, or it had been silent when we last did."""
    silent_before = _at(listening.before_us) - _at(heard.advanced_us) > channel.stale_after
    return silent_before or now - _at(listening.since_us) > min(channel.cadence, channel.stale_after)


def frozen_after(channel: Channel) -> timedelta | None:
    """How long a healthy sensor of this kind may say the very same; None where it may do so for ever."""
    if channel.frozen_after is not None:
        return channel.frozen_after or None
    return max(FROZEN_AFTER, 4 * channel.cadence) if channel.aggregate is Aggregate.MEAN else None


def _frozen(channel: Channel, heard: Heard, still: timedelta) -> bool:
    patience = frozen_after(channel)
    if patience is None or heard.same < FROZEN_READINGS or _at_rest(channel, heard.value):
        return False
    return still > max(patience, FROZEN_TIMES * timedelta(microseconds=heard.longest_us))


def _at_rest(channel: Channel, value: float) -> bool:
    """At an end of its range a value may stay: no current, no light, a full scale."""
    return value in (0, channel.normal.low, channel.normal.high, channel.physical.low, channel.physical.high)


def _life(heard: Heard, state: State, since: datetime) -> Life:
    advanced = _at(heard.advanced_us)
    return Life(
        asset=heard.asset, channel=heard.channel, state=state, since=since, value=heard.value, advanced=advanced
    )


def _at(moment_us: int) -> datetime:
    return datetime.fromtimestamp(moment_us / 1e6, UTC)
