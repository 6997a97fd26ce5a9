"""Which rules of a crew file speak of a piece of work, found without asking every one of thousands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from facility.estate import Asset
from serviceday.planning.crew.crew import Selector

T = TypeVar("T")
Key = tuple[str, ...]


class RuleIndex(Generic[T]):
    """Rules filed under the narrowest thing that they name: asset, building, floor, site, class or task."""

    def __init__(self, rules: Sequence[T], selector: Callable[[T], Selector]) -> None:
        self._filed = defaultdict[Key, list[tuple[int, Selector, T]]](list)
        for number, rule in enumerate(rules):
            selects = selector(rule)
            self._filed[_narrowest(selects)].append((number, selects, rule))

    def matching(self, asset: Asset | None, task: str) -> list[T]:
        """The rules that speak of this work, in the order of the file."""
        matches = [
            (number, rule)
            for key in _keys(asset, task)
            for number, selects, rule in self._filed.get(key, ())
            if selects.matches(asset, task)
        ]
        return [rule for _, rule in sorted(matches, key=lambda match: match[0])]


def _narrowest(selects: Selector) -> Key:
    for name in ("asset", "building", "floor", "site", "kind", "task"):
        if value := getattr(selects, name):
            return name, value
    return ()


def _keys(asset: Asset | None, task: str) -> list[Key]:
    keys: list[Key] = [(), ("task", task)]
    if asset is not None:
        keys += [("asset", asset.id), ("building", asset.building), ("floor", asset.floor)]
        keys += [("site", asset.site), ("kind", asset.kind)]
    return keys
