"""Whether what somebody says was done can be so: the asset is there, the duty is its own, the day is possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.messages import Sentence
from facility.inspections import DutyDone
from serviceday.execution.dates import day_of
from serviceday.execution.naming import duty_named, nearest
from serviceday.execution.places import Placed

LONGEST = 500  # characters of a name or a note
_SUGGESTED = 20  # unknown ids for which the nearest is looked up
_FIRST = 5  # lines of a kind that are told one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A duty done, as it was written, with the line it stands in (0 = said at the command line)."""

    line: int = 0
    asset: str  # its id; "" where the file has no ids and says by `where` which asset it means
    duty: str
    on: object  # a cell: words, a number, a date
    by: str = ""
    note: str = ""
    where: Mapping[str, str] = field(default_factory=dict)  # site, building, floor, kind or name, as far as written


def checked(
    given: Iterable[Given], assets: Mapping[str, Asset], *, today: date
) -> tuple[list[DutyDone], list[tuple[int, Sentence]]]:
    """What can be recorded, and what can't with the line and why. The same said twice is one entry."""
    entries: dict[tuple[str, str, date], DutyDone] = {}
    wrong: list[tuple[int, Sentence]] = []
    known = sorted(assets)
    near: dict[str, str] = {}
    places = Placed(assets.values())
    for one in given:
        if not one.asset and one.where:
            meant = places.find(one.where)
            if isinstance(meant, Sentence):
                wrong.append((one.line, meant))
                continue
            one = replace(one, asset=meant.id)
        found = _checked(one, assets, known, near, today)
        if isinstance(found, Sentence):
            wrong.append((one.line, found))
        else:
            entries.setdefault(found.key, found)
    return list(entries.values()), wrong


def told(wrong: Sequence[tuple[int, Sentence]]) -> list[Sentence]:
    """What was refused, by line; of many of a kind the first five and how many more there are."""
    kinds: dict[str, int] = {}
    sentences = []
    for line, what in wrong:
        kinds[what.template] = kinds.get(what.template, 0) + 1
        if kinds[what.template] <= _FIRST:
            sentences.append(Sentence("line {line}: {what}", line=line, what=what))
    more = sum(count - _FIRST for count in kinds.values() if count > _FIRST)
    return [*sentences, Sentence("and {count} more lines like these", count=more)] if more else sentences


def _checked(
    given: Given, assets: Mapping[str, Asset], known: Sequence[str], near: dict[str, str], today: date
) -> DutyDone | Sentence:
    asset = assets.get(given.asset)
    if asset is None:
        if not given.asset:
            return Sentence("an asset is missing")
        if given.asset not in near:  # looking for what is alike takes its time: done for the first that are told
            near[given.asset] = nearest(given.asset, known) if len(near) < _SUGGESTED else ""
        if near[given.asset]:
            return Sentence("no asset {asset!r}; is it {near!r}?", asset=given.asset, near=near[given.asset])
        return Sentence("no asset {asset!r} is registered", asset=given.asset)
    duty = duty_named(asset.kind, given.duty)
    if duty is None:
        kind = catalogue().kind(asset.kind)
        return Sentence(
            "{kind} {asset} has no duty {duty!r}; it has {known}",
            kind=kind.name,
            asset=asset.id,
            duty=given.duty,
            known=list(kind.duties) or Sentence("none"),
        )
    if (longest := max(len(given.by), len(given.note))) > LONGEST:
        return Sentence("a name or note of {count} characters; at most {most}", count=longest, most=LONGEST)
    day = day_of(given.on)
    if day is None:
        return Sentence("{words!r} is not a day; write it as 2026-03-31", words=str(given.on))
    if day > today:
        return Sentence("{day} is still to come (today is {today})", day=day, today=today)
    if asset.commissioned is not None and day < asset.commissioned:
        return Sentence(
            "{day} is before {asset} was commissioned ({commissioned})",
            day=day,
            asset=asset.id,
            commissioned=asset.commissioned,
        )
    return DutyDone(asset=asset.id, duty=duty.key, on=day, by=given.by, note=given.note)
