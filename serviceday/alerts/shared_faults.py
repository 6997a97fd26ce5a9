"""One cause for what many of a site report at once: a power cut is one trouble, not as many as there are lifts.

Which codes can have such a cause stands in the catalogue (`shared` of a channel's alarm). While enough assets of a site
report one, the site has the alert and explains theirs. Whoever is trapped is never folded away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from facility.alerts import Alert, Source
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from serviceday.alerts.conditions import PHRASES, Condition, Verdict

AT_ONCE = 5  # assets of a site that report it: more is one trouble (D)

Shared = tuple[str, str, str]  # site, channel, code


def shared_conditions(
    conditions: Iterable[Condition],
    open_alerts: Collection[Alert],
    assets: Mapping[str, Asset],
    *,
    whole: bool,
    now: datetime,
) -> list[Condition]:
    """What is bad, or good again, of sites. `whole`: all that stands is among the conditions, so that absence tells."""
    members: dict[Shared, dict[str, Condition]] = defaultdict(dict)
    for condition in conditions:
        key = _shared(condition, assets)
        if key is not None:
            members[key][condition.asset] = condition
    open_sites = {
        alert.cause: alert for alert in open_alerts if alert.source is Source.FAULT and alert.asset not in assets
    }
    folded = [
        _site(key, list(own.values()), assets)
        for key, own in members.items()
        if len(own) >= AT_ONCE or (cause_of(key) in open_sites and len(own) > 1)
    ]
    if whole:
        bad = {condition.cause for condition in folded}
        folded += [_over(alert, now) for cause, alert in open_sites.items() if cause not in bad]
    return folded


def shared_key(cause: str, assets: Mapping[str, Asset]) -> Shared | None:
    """Site, channel and code of an asset's fault; None for any other cause."""
    parts = cause.split("/")
    if len(parts) < 4 or parts[-3] != "fault":
        return None
    asset = assets.get("/".join(parts[:-3]))
    return None if asset is None else (asset.site, parts[-2], parts[-1])


def cause_of(key: Shared) -> str:
    """The cause of a site's alert."""
    site, channel, code = key
    return f"{site}/fault/{channel}/{code}"


def _shared(condition: Condition, assets: Mapping[str, Asset]) -> Shared | None:
    if condition.source is not Source.FAULT or condition.verdict is not Verdict.BAD:
        return None
    asset = assets.get(condition.asset)
    kind = catalogue().get(asset.kind) if asset is not None else None
    channel = kind.channels.get(condition.channel) if kind is not None else None
    if channel is None:
        return None
    key = shared_key(condition.cause, assets)
    return key if key is not None and int(key[2]) in channel.alarm.shared else None


def _site(key: Shared, members: list[Condition], assets: Mapping[str, Asset]) -> Condition:
    site, channel, code = key
    first = min(members, key=lambda member: (member.began or member.seen_at, member.asset))
    kind = catalogue().kind(assets[first.asset].kind)
    state = kind.channels[channel].states[int(code)]
    of = sum(asset.site == site and asset.kind == kind.key for asset in assets.values())
    words = {"site": site, "state": state, "count": len(members), "of": of, "kind": kind.name}
    return Condition(
        cause=cause_of(key),
        verdict=Verdict.BAD,
        asset=site,
        channel=channel,
        source=Source.FAULT,
        severity=min((member.severity for member in members), key=lambda severity: severity.rank),
        title=PHRASES["shared_title"].filled(**words),
        reason=PHRASES["shared_reason"].filled(**words),
        seen_at=max(member.seen_at for member in members),
        began=first.began,
        began_between=first.began_between,
    )


def _over(alert: Alert, now: datetime) -> Condition:
    return Condition(
        cause=alert.cause,
        verdict=Verdict.GOOD,
        asset=alert.asset,
        channel=alert.channel,
        source=Source.FAULT,
        severity=alert.severity,
        title=alert.title,
        reason=alert.reason,
        seen_at=max(now, alert.last_seen_at),
    )
