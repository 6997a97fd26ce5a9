"""Clock times of a zone as moments: the hour that comes twice, and the one that never comes.

When summer time ends an hour comes twice. The order of a file tells which is which: where its times step back once
within that hour, what stands before is the first of the two. Without such a step nobody can tell. When summer time
begins an hour is missing; a time within it was never shown by a clock that is set to that zone.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from facility.i18n.messages import Sentence


@dataclass(frozen=True, slots=True)
class Localized:
    """`values` in UTC, None where there was none or where it cannot be told."""

    values: list[datetime | None]
    problems: dict[int, Sentence]
    twice: list[int]  # places of clock times that come twice and were taken for the first of the two


def localize(
    values: Sequence[datetime | None],
    zone: ZoneInfo,
    *,
    series: Sequence[Hashable] | None = None,
    earliest: bool = False,
    backwards: bool | None = None,
) -> Localized:
    """Moments of a column in UTC, in the order of the file.

    `series` says which rows follow each other (an asset's channel), all where it is left out. With `earliest` a clock
    time that comes twice is the first of the two where the order does not tell; otherwise it is refused. `backwards`
    says that the file is newest first; it is told by the values where it is left out.
    """
    moments: list[datetime | None] = []
    problems: dict[int, Sentence] = {}
    double: dict[tuple[Hashable, object], list[int]] = {}
    for place, value in enumerate(values):
        if value is None:
            moments.append(None)
            continue
        try:
            moment = _moment(value, zone)
        except OverflowError:
            moment = None
        moments.append(moment)
        if moment is None:
            problems[place] = Sentence("{moment:%Y-%m-%d %H:%M} never came in {zone}: summer time began",
                                       moment=value, zone=zone.key)  # fmt: skip
        elif value.tzinfo is None and _comes_twice(value, zone):
            double.setdefault((series[place] if series else None, value.date()), []).append(place)
    twice: list[int] = []
    if double:
        backwards = newest_first(values) if backwards is None else backwards
        for places in double.values():
            ordered = places[::-1] if backwards else places
            split = second_pass([values[place] for place in ordered])
            if split is not None:
                for place in ordered[split:]:
                    moments[place] = _fold(values[place], zone, 1)
            elif earliest:
                twice += places
            else:
                for place in places:
                    moments[place] = None
                    problems[place] = Sentence(
                        "{moment:%Y-%m-%d %H:%M} comes twice in {zone}, as summer time ends; write it with its offset",
                        moment=values[place],
                        zone=zone.key,
                    )
    return Localized(moments, problems, sorted(twice))


def newest_first(values: Sequence[datetime | None]) -> bool:
    """Whether more times step back than on."""
    plain = [value.replace(tzinfo=None) for value in values if value is not None]
    pairs = list(itertools.pairwise(plain))
    return sum(later < earlier for earlier, later in pairs) > sum(later > earlier for earlier, later in pairs)


def second_pass(times: Sequence[datetime | None]) -> int | None:
    """Where the second of the two hours begins: at the only step that does not go on. None where it cannot be told."""
    steps = [
        place
        for place, (before, after) in enumerate(itertools.pairwise(times), start=1)
        if before is not None and after is not None and after <= before
    ]
    return steps[0] if len(steps) == 1 else None


def _moment(value: datetime, zone: ZoneInfo) -> datetime | None:
    """In UTC, the first of two; None where the clocks of the zone never showed it."""
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    moment = _fold(value, zone, 0)
    first, second = value.replace(tzinfo=zone, fold=0).utcoffset(), value.replace(tzinfo=zone, fold=1).utcoffset()
    return None if first is not None and second is not None and first < second else moment


def _comes_twice(value: datetime, zone: ZoneInfo) -> bool:
    first, second = value.replace(tzinfo=zone, fold=0).utcoffset(), value.replace(tzinfo=zone, fold=1).utcoffset()
    return first is not None and second is not None and first > second


def _fold(value: datetime | None, zone: ZoneInfo, fold: int) -> datetime | None:
    return None if value is None else value.replace(tzinfo=zone, fold=fold).astimezone(UTC)
