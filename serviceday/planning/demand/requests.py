"""Requests as candidates: what somebody asked for, or an earlier inspection left open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.inspections import Ground, Item, Priority
from facility.requests import Request, Source
from serviceday.planning.demand.items import PHRASES, item

_ASKED = 0.5  # what a resident's request is worth beside a failure foreseen for certain (D)
_LEFT_OPEN = 1.0  # what was seen to be broken (D)
_PROMISED = 2.0  # a promise that falls due makes it count so much more (D)
_WAITING_DAYS = 10  # after so many days it counts twice (D)
_LONGEST_WAIT = 3.0
_MANY = 0.2  # how much more for each further person who asked (D)
_MOST = 2.0


def request_place(request: Request) -> Asset:
    """Where a request that names no asset is answered."""
    return Asset(
        id=request.id, kind=request.category, site=request.site, building=request.building, floor=request.floor
    )


def request_worth(request: Request, place: Asset, day: date) -> float:
    """What answering a request is worth beside a failure of an ordinary asset prevented."""
    kind = catalogue().get(place.kind)
    waited = min(1 + (day - request.reported).days / _WAITING_DAYS, _LONGEST_WAIT)
    weight = min(1 + _MANY * (request.count - 1), _MOST)
    promised = _PROMISED if request.promised is not None and request.promised <= day else 1.0
    base = _LEFT_OPEN if request.source is Source.FOLLOW_UP else _ASKED
    return base * (kind.criticality if kind else 1.0) * waited * weight * promised


def request_item(request: Request, place: Asset, day: date) -> Item:
    """A request as a line of the list."""
    late = (day - request.promised).days if request.promised is not None else -1
    kind = catalogue().get(place.kind)
    urgent = late >= 0 and kind is not None and kind.life_safety
    visit = item(
        place,
        task=f"request:{request.id}",
        what=request.what or PHRASES["request_what"].filled(text=request.text),
        method=PHRASES["method_follow_up" if request.source is Source.FOLLOW_UP else "method_request"],
        passes=PHRASES["passes_follow_up" if request.source is Source.FOLLOW_UP else "passes_request"],
        ground=Ground.FOLLOW_UP if request.source is Source.FOLLOW_UP else Ground.REQUEST,
        reason=_reason(request, late),
        priority=Priority.URGENT if urgent else Priority.HIGH if late >= 0 else Priority.MEDIUM,
        qualification=request.qualification,
        minutes=max(request.minutes, 1),
        due=request.promised,
    )
    return replace(visit, request=request.id)


def _reason(request: Request, late: int) -> Text:
    source = PHRASES[f"source_{request.source.value}"]
    if request.count > 1:
        source = PHRASES["source_many"].filled(source=source, count=request.count)
    if request.promised is None:
        return PHRASES["requested"].filled(source=source, reported=request.reported)
    key = "requested_late" if late > 0 else "requested_promised"
    return PHRASES[key].filled(source=source, reported=request.reported, promised=request.promised, late=late)
