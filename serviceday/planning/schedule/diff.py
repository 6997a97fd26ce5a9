"""What changed between two lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from facility.i18n.phrases import Text
from facility.inspections import InspectionList, Item
from serviceday.planning.demand.items import PHRASES


@dataclass(frozen=True, slots=True)
class Change:
    """One item that is on only one of the lists, or that somebody else does, or at another time."""

    what: str  # added, dropped, moved, retimed
    before: Item | None
    after: Item | None
    words: Text

    @property
    def item(self) -> Item:
        item = self.after or self.before
        if item is None:
            raise ValueError("a change of nothing")
        return item


def differences(before: InspectionList, after: InspectionList) -> list[Change]:
    """Dropped first, then added, moved, retimed; each in the order of its list."""
    old = {item.key: item for item in before.items}
    new = {item.key: item for item in after.items}
    return [
        *_dropped(before, after, new),
        *_added(after, old),
        *_moved(before, after, old),
        *_retimed(before, after, old),
    ]


def _dropped(before: InspectionList, after: InspectionList, new: dict[tuple[str, str], Item]) -> Iterator[Change]:
    out = {item.key: item for item in after.left_out}
    for item in before.items:
        if item.key not in new:
            removed = out.get(item.key)
            why = removed.left_out_reason if removed and removed.left_out_reason else PHRASES["change_no_longer"]
            yield Change("dropped", item, None, PHRASES["change_dropped"].filled(why=why))


def _added(after: InspectionList, old: dict[tuple[str, str], Item]) -> Iterator[Change]:
    for item in after.items:
        if item.key not in old:
            words = PHRASES["change_added"].filled(who=_who(after, item), at=_at(item))
            yield Change("added", None, item, words)


def _moved(before: InspectionList, after: InspectionList, old: dict[tuple[str, str], Item]) -> Iterator[Change]:
    for item in after.items:
        had = old.get(item.key)
        if had is not None and _ids(before, had) != _ids(after, item):
            words = PHRASES["change_moved"].filled(old=_who(before, had), new=_who(after, item), at=_at(item))
            yield Change("moved", had, item, words)


def _retimed(before: InspectionList, after: InspectionList, old: dict[tuple[str, str], Item]) -> Iterator[Change]:
    for item in after.items:
        had = old.get(item.key)
        if had is not None and _ids(before, had) == _ids(after, item) and had.start != item.start:
            yield Change("retimed", had, item, PHRASES["change_retimed"].filled(old=_at(had), new=_at(item)))


def _ids(inspection_list: InspectionList, item: Item) -> tuple[object, ...]:
    return tuple((person.id if (person := inspection_list.person(number)) else number) for number in item.people)


def _who(inspection_list: InspectionList, item: Item) -> Text:
    return Text(zh=_names(inspection_list, item, "zh"), en=_names(inspection_list, item, "en"))


def _names(inspection_list: InspectionList, item: Item, language: str) -> str:
    named = []
    for number in item.people:
        person = inspection_list.person(number)
        named.append(
            person.name if person and person.name else (f"{number} 号" if language == "zh" else f"no. {number}")
        )
    return " + ".join(named)


def _at(item: Item) -> str:
    return f"{item.start:%H:%M}" if item.start else "--:--"
