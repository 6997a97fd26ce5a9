"""Everything that could be done on a service day, each with the reason it is a candidate."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import IntEnum

from facility.assessments import Assessment, Trouble
from facility.catalogue.catalogue import Duty, EquipmentClass, catalogue
from facility.estate import Asset
from facility.inspections import Ground, Item, LeftOut, Priority
from facility.requests import Request, Source
from facility.standing import NO_SPELLS, Spell, Spells
from serviceday.planning.demand.duties import asked_for, last_date, next_due
from serviceday.planning.demand.items import PHRASES, authority, duty_item, item, passes_within, percent
from serviceday.planning.demand.requests import request_item, request_place, request_worth
from serviceday.planning.policy import Policy

_EPOCH = date(2000, 1, 1)
_LAST = date(9998, 1, 1)  # what is due later than any calendar is never broken
_SURE = 0.7  # a warning this likely is of high priority (D)
_FLAG = 2.0  # how much more a flagged warning counts than an equally likely one that is not (D)
_EVEN = 0.5  # and this likely of medium, flagged or not (D)

# What doing something is worth beside a failure of an ordinary asset foreseen for certain and prevented (D).
_DOUBTFUL_SENSOR = 0.3
_GOOD_PRACTICE = 0.1
_TURN = 0.05  # a duty of the law whose date nobody knows
_ADVISED_TURN = 0.02


class Tier(IntEnum):
    """What candidates are, in the order in which they stand at one asset.

    `LAW`, `ASSUMED_LAW` and `GOAL` get the hours in this order, each before anything of the next; the rest is
    weighed on one scale, the expected harm avoided.
    """

    LAW = 0
    ASSUMED_LAW = 1
    GOAL = 2
    RISK = 3
    REQUEST = 4
    PROMISE = 5
    ROTATION = 6

    @property
    def weighed(self) -> bool:
        return self > Tier.GOAL


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item, how it ranks (`value` within its tier, or as harm avoided), and the place it belongs to."""

    item: Item
    asset_number: int  # in `Candidates.places`
    tier: Tier
    value: float
    smaller: Candidate | None = None  # a visit of fewer duties, for when there is no time for this one
    larger: Candidate | None = None  # a visit of more, for when there is time to spare
    turns: tuple[Item, ...] = ()  # what `larger` adds, each by itself
    dropped: tuple[Item, ...] = ()  # duties that this smaller visit leaves undone


@dataclass(frozen=True, slots=True)
class Candidates:
    """All that could be done on a day, and what was never tried."""

    places: list[Asset]  # the assets, and places of requests that name no asset
    possible: list[Candidate]
    refused: list[Item]  # never tried, each with its reason
    unrecorded: Mapping[str, Mapping[str, int]]  # kind -> statutory duty -> assets without a date


def gather(
    assets: Sequence[Asset],
    assessments: Mapping[str, Assessment],
    duties_done: Mapping[tuple[str, str], date],
    *,
    service_day: date,
    policy: Policy,
    requests: Sequence[Request] = (),
    spells: Spells = NO_SPELLS,
) -> Candidates:
    """Candidates of a day, in the order of the assets, all of them in use, and of the requests."""
    possible: list[Candidate] = []
    refused: list[Item] = []
    unrecorded: dict[str, dict[str, int]] = {}
    classes = catalogue()
    found_already = {
        (request.asset, request.fault): request.id
        for request in requests
        if request.source is Source.FOLLOW_UP and request.closed is None
    }
    for number, asset in enumerate(assets):
        kind = classes.kind(asset.kind)
        for duty in kind.duties.values():
            last = last_date(kind.duties, asset.id, duty.key, duties_done, service_day)
            if not asked_for(duty, last):
                continue
            if last is None and duty.statutory:
                counts = unrecorded.setdefault(asset.kind, {})
                counts[duty.key] = counts.get(duty.key, 0) + 1
            outcome = (
                _by_rotation(asset, kind, duty, service_day, policy)
                if last is None
                else _by_date(asset, duty, last, service_day, policy, spells.get(asset.id, ()))
            )
            if isinstance(outcome, Item):
                refused.append(outcome)
            elif outcome is not None:
                possible.append(Candidate(outcome[0], number, outcome[1], outcome[2]))
        assessment = assessments.get(asset.id)
        if assessment is not None:
            for warning, tier, value in _by_risk(asset, kind, assessment, policy):
                if warning.left_out is not None:
                    refused.append(warning)
                elif warning.mode and (asset.id, warning.mode) in found_already:
                    words = PHRASES["followed_up"].filled(number=found_already[asset.id, warning.mode])
                    refused.append(replace(warning, left_out=LeftOut.FOLLOWED_UP, left_out_reason=words))
                else:
                    possible.append(Candidate(warning, number, tier, value))
    places = list(assets)
    numbers = {asset.id: number for number, asset in enumerate(assets)}
    for one in requests:
        if one.closed is not None or one.reported > service_day:
            continue
        number = numbers.get(one.asset, -1)
        if number < 0:
            number = len(places)
            places.append(request_place(one))
        worth = request_worth(one, places[number], service_day)
        possible.append(Candidate(request_item(one, places[number], service_day), number, Tier.REQUEST, worth))
    return Candidates(places, possible, refused, unrecorded)


_Found = tuple[Item, Tier, float]


def _by_date(
    asset: Asset, duty: Duty, last: date, day: date, policy: Policy, spells: Sequence[Spell]
) -> _Found | Item | None:
    kind = catalogue().kind(asset.kind)
    due = next_due(duty, last, spells, asset.commissioned)
    if due is None or last >= day:  # out of use for good; done on the day itself, or recorded ahead
        return None
    late = (day - due).days
    words: dict[str, object] = {"source": authority(duty), "every": duty.interval.every, "last": last, "due": due}
    ahead = policy.next_service_day
    if late > 0:
        reason = PHRASES["overdue"].filled(**words, late=late)
    elif late < 0 and ahead is not None and due < ahead:
        reason = PHRASES["due_before_next"].filled(**words, next=ahead)
    else:
        reason = PHRASES["due"].filled(**words)
    ground = Ground.STATUTORY if duty.statutory else Ground.PROMISE
    if duty.statutory:
        priority = Priority.URGENT if late >= duty.grace else Priority.HIGH
    else:
        priority = Priority.MEDIUM if late > 0 else Priority.LOW
    candidate = duty_item(asset, duty, ground, reason, priority, due)
    if duty.statutory:
        candidate = replace(candidate, breach_from=min(due, _LAST) + timedelta(days=duty.grace + 1))
    if late < 0 and (ahead is None or due >= ahead):
        words_out = PHRASES["not_due"].filled(due=due)
        return replace(candidate, priority=Priority.LOW, left_out=LeftOut.NOT_DUE, left_out_reason=words_out)
    value = kind.criticality * (1 + max(late, 0) / duty.interval.days)
    return (candidate, Tier.LAW, value) if duty.statutory else (candidate, Tier.PROMISE, _GOOD_PRACTICE * value)


def _by_rotation(asset: Asset, kind: EquipmentClass, duty: Duty, day: date, policy: Policy) -> _Found | None:
    """A duty without a record takes its turn on days spread over the interval by the asset's id.

    Commissioning sets the start, the id a fixed shift, so that a batch commissioned together is not due together.
    """
    shift = zlib.crc32(f"{asset.id}/{duty.key}".encode()) % duty.interval.days
    since_turn = ((day - (asset.commissioned or _EPOCH)).days - shift) % duty.interval.days
    if since_turn >= policy.rotation_days:
        return None
    turn = day - timedelta(days=since_turn)
    reason = PHRASES["rotation"].filled(source=authority(duty), every=duty.interval.every, turn=turn)
    ground = Ground.ROTATION if duty.statutory else Ground.PROMISE
    priority = Priority.HIGH if duty.statutory and policy.assume_rotation else Priority.LOW
    candidate = duty_item(asset, duty, ground, reason, priority, None)
    if not duty.statutory:
        return candidate, Tier.ROTATION, _ADVISED_TURN * kind.criticality
    if policy.assume_rotation:
        return candidate, Tier.ASSUMED_LAW, kind.criticality
    return candidate, Tier.ROTATION, _TURN * kind.criticality


def _by_risk(asset: Asset, kind: EquipmentClass, assessment: Assessment, policy: Policy) -> Iterator[_Found]:
    mode = kind.modes.get(assessment.mode)
    equipment = [evidence for evidence in assessment.evidence if evidence.trouble is Trouble.EQUIPMENT]
    crossings = [evidence.crosses_limit_at.date() for evidence in equipment if evidence.crosses_limit_at]
    strongest = next(iter(equipment), None)
    channel = kind.channels.get(strongest.channel) if strongest else None
    risk = item(
        asset,
        task="warning",
        what=PHRASES["warning_mode"].filled(mode=mode.name) if mode else PHRASES["warning"],
        method=mode.look_for if mode else PHRASES["method_warning"],
        passes=passes_within(channel),
        ground=Ground.RISK,
        reason=PHRASES["risk"].filled(percent=percent(assessment.probability), reason=assessment.reason),
        priority=_priority(assessment, kind),
        qualification=kind.qualification,
        minutes=kind.inspect_minutes,
        due=min(crossings, default=None),
    )
    risk = replace(risk, mode=mode.key if mode else "")
    value = assessment.probability * kind.criticality
    if assessment.flagged:
        yield risk, Tier.RISK, _FLAG * value
    elif assessment.probability >= policy.risk_floor and assessment.tells_health:
        yield risk, Tier.RISK, value
    elif assessment.tells_health:  # of the others a note counts how little is known
        out = PHRASES["not_risky"].filled(percent=percent(assessment.probability), floor=percent(policy.risk_floor))
        yield replace(risk, left_out=LeftOut.NOT_RISKY, left_out_reason=out), Tier.RISK, value
    if assessment.sensor_probability >= policy.sensor_floor:
        doubt = next((e.sentence for e in assessment.evidence if e.trouble is Trouble.SENSOR), assessment.reason)
        yield (
            item(
                asset,
                task="sensor",
                what=PHRASES["sensor_check"],
                method=PHRASES["method_sensor"],
                passes=PHRASES["passes_sensor"],
                ground=Ground.SENSOR,
                reason=PHRASES["sensor"].filled(percent=percent(assessment.sensor_probability), reason=doubt),
                priority=Priority.MEDIUM if kind.life_safety else Priority.LOW,
                qualification=kind.qualification,
                minutes=kind.inspect_minutes,
                due=None,
            ),
            Tier.PROMISE,
            _DOUBTFUL_SENSOR * assessment.sensor_probability * kind.criticality,
        )


def _priority(assessment: Assessment, kind: EquipmentClass) -> Priority:
    if assessment.flagged and (kind.life_safety or assessment.probability >= _SURE):
        return Priority.HIGH
    return Priority.MEDIUM if assessment.flagged or assessment.probability >= _EVEN else Priority.LOW
