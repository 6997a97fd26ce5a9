"""Duties of one asset that contain each other are one visit, not several.

Who maintains a lift for the year goes through the tables of the half-year, the quarter and the half-month too. What is
due of such duties on one day becomes one candidate with all of its minutes. What of it can be done without the rest
stays at hand as a smaller visit, and a larger one whose turn it is as what spare time may be used for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from facility.catalogue.catalogue import catalogue
from facility.catalogue.duties import Duty
from facility.i18n.phrases import Text
from facility.inspections import Ground, Item, Priority
from serviceday.planning.demand.candidates import Candidate, Candidates
from serviceday.planning.demand.items import PHRASES

_URGENCY = {priority: place for place, priority in enumerate(Priority)}


def as_visits(candidates: Candidates) -> Candidates:
    """The same demand with a candidate for each visit."""
    by_asset: dict[int, list[int]] = {}
    for number, candidate in enumerate(candidates.possible):
        if _duty(candidate) is not None:
            by_asset.setdefault(candidate.asset_number, []).append(number)
    visits: dict[int, Candidate] = {}
    merged: set[int] = set()
    for numbers in by_asset.values():
        if len(numbers) < 2:
            continue
        for members, visit in _visits([(number, candidates.possible[number]) for number in numbers]):
            visits[members[0]] = visit
            merged.update(members[1:])
    if not visits:
        return candidates
    possible = [
        visits.get(number, candidate) for number, candidate in enumerate(candidates.possible) if number not in merged
    ]
    return replace(candidates, possible=possible)


def _duty(candidate: Candidate) -> Duty | None:
    kind = catalogue().get(candidate.item.kind)
    return None if kind is None else kind.duties.get(candidate.item.task)


def _includes(candidate: Candidate) -> tuple[str, ...]:
    duty = _duty(candidate)
    return () if duty is None else duty.includes


def _length(candidate: Candidate) -> tuple[int, str]:
    duty = _duty(candidate)
    return (0 if duty is None else duty.interval.days, candidate.item.task)


def _visits(numbered: Sequence[tuple[int, Candidate]]) -> Iterator[tuple[list[int], Candidate]]:
    """The visits of one asset that are made of several candidates, each with their numbers, the first one's first."""
    left = sorted(numbered, key=lambda entry: _length(entry[1]), reverse=True)
    while left:
        chain = [left[0]]
        for entry in left[1:]:
            if all(entry[1].item.task in _includes(longer) for _, longer in chain):
                chain.append(entry)
        left = [entry for entry in left if entry not in chain]
        if len(chain) > 1:
            yield sorted(number for number, _ in chain), _visit([candidate for _, candidate in chain])


def _visit(chain: Sequence[Candidate]) -> Candidate:
    """One candidate of a chain, the longest interval first."""
    firm = [candidate for candidate in chain if not candidate.tier.weighed] or list(chain)
    top = firm[0]
    within = [candidate for candidate in chain if candidate.item.task in _includes(top)]
    larger = [candidate for candidate in chain if top.item.task in _includes(candidate)]
    visit = _merged(top, within, firm)
    smaller = _smaller(firm, chain)
    if not larger:
        return replace(visit, smaller=smaller)
    whole = _merged(larger[0], [*larger[1:], top, *within], firm)
    whole = replace(whole, tier=visit.tier, value=visit.value)
    turns = tuple(candidate.item for candidate in larger)
    return replace(visit, smaller=_beside(smaller, turns), larger=whole, turns=turns)


def _beside(step: Candidate | None, turns: tuple[Item, ...]) -> Candidate | None:
    """A smaller visit, with the turns that it leaves out too."""
    if step is None:
        return None
    return replace(step, turns=turns, smaller=_beside(step.smaller, turns))


def _smaller(firm: Sequence[Candidate], chain: Sequence[Candidate]) -> Candidate | None:
    """The next smaller visit that is of use, with what it leaves undone."""
    if len(firm) < 2:
        return None
    top = firm[1]
    within = [candidate for candidate in chain if candidate.item.task in _includes(top)]
    rest = _smaller(firm[1:], chain)
    visit = replace(_merged(top, within, firm[1:]), smaller=rest)
    return _without(visit, firm[0].item)


def _without(step: Candidate, item: Item) -> Candidate:
    """A smaller visit, and those smaller still, that leave a duty undone."""
    smaller = None if step.smaller is None else _without(step.smaller, item)
    return replace(step, dropped=(item, *step.dropped), smaller=smaller)


def _merged(top: Candidate, within: Sequence[Candidate], firm: Sequence[Candidate]) -> Candidate:
    """`top` with what is done along with it; it ranks as what of the two is `firm`."""
    together = [top, *within]
    counted = [candidate for candidate in together if candidate in firm]
    leading = min(counted, key=lambda candidate: (candidate.tier, _URGENCY[candidate.item.priority]))
    dues = [candidate.item.due for candidate in counted if candidate.item.due is not None]
    breaches = [candidate.item.breach_from for candidate in counted if candidate.item.breach_from is not None]
    statutory = any(candidate.item.ground is Ground.STATUTORY for candidate in counted)
    item = replace(
        top.item,
        ground=Ground.STATUTORY if statutory else leading.item.ground,
        priority=min((candidate.item.priority for candidate in counted), key=_URGENCY.__getitem__),
        due=min(dues, default=None),
        breach_from=min(breaches, default=None),
        reason=_reason(leading.item, together),
        covers=tuple(candidate.item.task for candidate in within),
    )
    value = sum(candidate.value for candidate in counted)
    return Candidate(item, top.asset_number, min(candidate.tier for candidate in counted), value)


def _reason(leading: Item, together: Sequence[Candidate]) -> Text:
    others = [candidate.item.what for candidate in together if candidate.item.task != leading.task]
    if not others:
        return leading.reason
    names = Text(zh="、".join(each.zh for each in others), en=", ".join(each.en for each in others))
    return PHRASES["one_visit"].filled(reason=leading.reason, names=names)


def steps(candidate: Candidate) -> Iterator[Candidate]:
    """A candidate and the smaller visits it can be cut to, the largest first."""
    step: Candidate | None = candidate
    while step is not None:
        yield step
        step = step.smaller


def as_planned(candidate: Candidate, keys: set[tuple[str, str]]) -> Candidate:
    """The step of a visit that an earlier list had; the whole visit where it had none."""
    return next((step for step in steps(candidate) if step.item.key in keys), candidate)


def lead_tasks(candidate: Candidate) -> set[str]:
    """Tasks under which an earlier list may hold this visit."""
    named = {step.item.task for step in steps(candidate)}
    return named | ({candidate.larger.item.task} if candidate.larger else set())
