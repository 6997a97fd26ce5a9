"""Who should have reported and has not: one alert a channel, an asset or a whole site, whichever is silent.

What is not received is known from whoever listens; here it is told from what is only rare. A device that reports twice
a day is silent after two of its own gaps, whatever the catalogue expects of its kind. A site of which half the devices,
and at least a handful, are silent at once has one trouble, its gateway or its power, and not as many as it has devices.
Devices that were registered and never heard are told once for each site. Nobody's silence clears another alert.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

import polars as pl

from facility.alerts import Alert, Severity, Source
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.store import Store
from serviceday.alerts.conditions import PHRASES, Condition, Verdict
from serviceday.alerts.limits import told_at

# All design values (D).
HABIT = timedelta(days=15)  # how far back the usual gaps of a device are looked for
GAPS = 2.0  # of them: so long is no silence
AT_ONCE = 5  # assets of a site, and ...
SHARE = 0.5  # ... of those that ever spoke: more is one trouble
NAMED = 5

Habit = Callable[[Collection[tuple[str, str]], datetime], Mapping[tuple[str, str], timedelta]]


@dataclass(frozen=True, slots=True)
class Quiet:
    """A channel that is not received; "" where the asset was never heard at all."""

    asset: str
    channel: str
    since: datetime  # it was last heard, or has been expected since


@dataclass(frozen=True, slots=True)
class Listened:
    """What whoever listens knows at one moment."""

    quiet: Sequence[Quiet]
    heard: Mapping[str, int]  # how many channels of each asset were ever heard
    latest: Mapping[str, datetime] = field(default_factory=dict)  # when any channel of each asset was last heard


def habits(store: Store) -> Habit:
    """The usual gap between reports of some channels, looked up in a store's hours."""

    def look(series: Collection[tuple[str, str]], now: datetime) -> Mapping[tuple[str, str], timedelta]:
        hours = store.rollups(
            assets={asset for asset, _ in series}, channels={channel for _, channel in series}, start=now - HABIT
        )
        gaps = (
            hours.sort("asset", "channel", "hour")
            .group_by("asset", "channel")
            .agg(gap=pl.col("hour").diff().median())
            .drop_nulls()
        )
        return {(asset, channel): gap for asset, channel, gap in gaps.iter_rows()}

    return look


def silence_conditions(
    listened: Listened,
    assets: Mapping[str, Asset],
    open_alerts: Iterable[Alert],
    habit: Habit,
    *,
    now: datetime,
    timezone: tzinfo = UTC,
) -> list[Condition]:
    """What is silent, gravest first, and what is no longer, of the silences that have an open alert."""
    silent, unheard = _silent(listened, assets, habit, now)
    conditions: list[Condition] = []
    by_site: dict[str, list[str]] = defaultdict(list)
    for asset, channels in silent.items():
        since = min(channels.values())
        if len(channels) >= listened.heard.get(asset, 0) or _quiet_as_a_whole(assets[asset], channels, listened):
            by_site[assets[asset].site].append(asset)
            conditions.append(_asset(assets[asset], since, now, timezone))
        else:
            conditions += [_channel(assets[asset], channel, at, now, timezone) for channel, at in channels.items()]
    speaking: dict[str, int] = defaultdict(int)
    for asset in listened.heard:
        if asset in assets:
            speaking[assets[asset].site] += 1
    last_words = _last_words(by_site, assets, listened)
    for site, members in by_site.items():
        since = max(max(silent[asset].values()) for asset in members)
        count = max(len(members), sum(latest <= since for latest in last_words[site]))
        if count >= AT_ONCE and count >= SHARE * speaking[site]:
            conditions.insert(0, _site(site, count, speaking[site], since, now, timezone))
    for site, members in unheard.items():
        conditions.append(_unheard(site, members, now))
    bad = {silence.cause for silence in conditions}
    return conditions + [
        _again(alert, now) for alert in open_alerts if alert.source is Source.SILENCE and alert.cause not in bad
    ]


def _quiet_as_a_whole(asset: Asset, silent: Mapping[str, datetime], listened: Listened) -> bool:
    """Whether the asset said nothing more once a silent channel had: the others only are not late enough yet."""
    latest = listened.latest.get(asset.id)
    return latest is not None and any(
        latest <= since + catalogue().channel(asset.kind, key).cadence for key, since in silent.items()
    )


def _last_words(
    sites: Collection[str], assets: Mapping[str, Asset], listened: Listened
) -> Mapping[str, Sequence[datetime]]:
    """When each asset of some sites was last heard, a report earlier: give or take one, they stopped together."""
    cadences = {
        kind.key: min((channel.cadence for channel in kind.channels.values()), default=timedelta(0))
        for kind in catalogue().values()
    }
    words: dict[str, list[datetime]] = {site: [] for site in sites}
    for asset, latest in listened.latest.items() if sites else ():
        registered = assets.get(asset)
        if registered is not None and registered.site in words:
            words[registered.site].append(latest - cadences.get(registered.kind, timedelta(0)))
    return words


def _silent(
    listened: Listened, assets: Mapping[str, Asset], habit: Habit, now: datetime
) -> tuple[dict[str, dict[str, datetime]], dict[str, list[str]]]:
    """Since when which channels are silent, by asset; and who was never heard, by site."""
    candidates = [silence for silence in listened.quiet if silence.asset in assets]
    channels = {(silence.asset, silence.channel) for silence in candidates if silence.channel}
    rare = habit(channels, now) if channels else {}
    silent: dict[str, dict[str, datetime]] = defaultdict(dict)
    unheard: dict[str, list[str]] = defaultdict(list)
    for silence in candidates:
        if not silence.channel:
            unheard[assets[silence.asset].site].append(silence.asset)
        elif now - silence.since > GAPS * rare.get((silence.asset, silence.channel), timedelta(0)):
            silent[silence.asset][silence.channel] = silence.since
    return silent, unheard


def _asset(asset: Asset, since: datetime, now: datetime, timezone: tzinfo) -> Condition:
    words = {"since": told_at(since, timezone)}
    return _silence(f"{asset.id}/silence", (asset.id, ""), _severity(asset), (since, now), _said("silent_asset", words))


def _channel(asset: Asset, key: str, since: datetime, now: datetime, timezone: tzinfo) -> Condition:
    name = catalogue().channel(asset.kind, key).name
    words = {"since": told_at(since, timezone), "channel": name}
    sentences = _said("silent_channel", words)
    return _silence(f"{asset.id}/silence/{key}", (asset.id, key), Severity.LOW, (since, now), sentences)


def _site(site: str, silent: int, of: int, since: datetime, now: datetime, timezone: tzinfo) -> Condition:
    words = {"since": told_at(since, timezone), "site": site, "silent": silent, "of": of}
    return _silence(f"{site}/silence", (site, ""), Severity.HIGH, (since, now), _said("silent_site", words))


def _unheard(site: str, members: Sequence[str], now: datetime) -> Condition:
    named = ", ".join(sorted(members)[:NAMED]) + (" …" if len(members) > NAMED else "")
    words = {"count": len(members), "assets": named, "site": site}
    return _silence(f"{site}/unheard", (site, ""), Severity.LOW, (now, now), _said("unheard", words))


def _said(phrase: str, words: Mapping[str, object]) -> tuple[Text, Text]:
    return PHRASES[f"{phrase}_title"].filled(**words), PHRASES[f"{phrase}_reason"].filled(**words)


def _silence(
    cause: str,
    where: tuple[str, str],
    severity: Severity,
    when: tuple[datetime, datetime],
    sentences: tuple[Text, Text],
) -> Condition:
    """`where` is asset and channel, `when` since and now, `sentences` title and reason."""
    began, now = when
    return Condition(
        cause=cause,
        verdict=Verdict.BAD,
        asset=where[0],
        channel=where[1],
        source=Source.SILENCE,
        severity=severity,
        title=sentences[0],
        reason=sentences[1],
        seen_at=now,
        began=began,
        began_between=(began, began),
    )


def _again(alert: Alert, now: datetime) -> Condition:
    """It speaks again, or it was said to be no longer in use, or was moved."""
    return Condition(
        cause=alert.cause,
        verdict=Verdict.GOOD,
        asset=alert.asset,
        channel=alert.channel,
        source=Source.SILENCE,
        severity=alert.severity,
        title=alert.title,
        reason=alert.reason,
        seen_at=now,
    )


def _severity(asset: Asset) -> Severity:
    kind = catalogue().get(asset.kind)
    return Severity.MEDIUM if kind is not None and kind.life_safety else Severity.LOW
