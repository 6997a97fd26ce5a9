"""What was left out, summed up for paper: by reason and work, with counts; breaches stand in full beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from facility.i18n.phrases import Language
from facility.inspections import InspectionList, Item, LeftOut
from serviceday.documents.branding import NO_NAMES, PHRASES, Names

_NAMED = 12  # assets named of each work; of more, the number
_WORKS = 12  # works named of each reason


@dataclass(frozen=True, slots=True)
class Work:
    """What was left out of one kind, summed up."""

    what: str
    count: int
    assets: str


@dataclass(frozen=True, slots=True)
class Group:
    """Everything left out for one reason, breaches apart."""

    reason: str
    count: int
    works: tuple[Work, ...]


def groups(plan: InspectionList, language: Language, names: Names = NO_NAMES) -> list[Group]:
    """The reasons, those with the most candidates first."""
    reasons: dict[LeftOut | None, list[Item]] = {}
    for item in plan.left_out:
        if not item.breach:
            reasons.setdefault(item.left_out, []).append(item)
    ordered = sorted(reasons.items(), key=lambda reason: (-len(reason[1]), str(reason[0])))
    return [
        Group(
            PHRASES[f"left_out_{reason}"][language] if reason else "-",
            len(items),
            tuple(_works(items, language, names)),
        )
        for reason, items in ordered
    ]


def _works(items: Iterable[Item], language: Language, names: Names) -> Iterable[Work]:
    by_work: dict[str, list[Item]] = {}
    for item in items:
        by_work.setdefault(item.what[language], []).append(item)
    ordered = sorted(by_work.items(), key=lambda group: (-len(group[1]), group[0]))
    for what, several in ordered[:_WORKS]:
        yield Work(what, len(several), _assets(several, language, names))
    if rest := ordered[_WORKS:]:
        told = [item for _, several in rest for item in several]
        other = PHRASES.say("left_out_other_works", language, count=len(rest))
        yield Work(other, len(told), _assets(told, language, names))


def _assets(items: Iterable[Item], language: Language, names: Names) -> str:
    """Ids, site by site where there are several; of many the first, and how many more."""
    comma, colon, between = ("、", "：", "；") if language == "zh" else (", ", ": ", "; ")
    sites: dict[str, dict[str, None]] = {}
    for item in items:
        sites.setdefault(item.site if names.several else "", {})[item.asset or item.place] = None
    rows = []
    for site, ids in sites.items():
        listed = comma.join(list(ids)[:_NAMED])
        if len(ids) > _NAMED:
            listed = PHRASES.say("left_out_more_assets", language, assets=listed, count=len(ids) - _NAMED)
        rows.append(f"{names.site(site)}{colon}{listed}" if names.several else listed)
    return between.join(rows)
