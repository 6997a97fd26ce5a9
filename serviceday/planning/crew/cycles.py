"""Orders of work that can never be kept: what waits for itself."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter


def circle(graph: Mapping[int, set[int]]) -> list[int]:
    """The numbers of one circle in the order in which they would have to be done, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
