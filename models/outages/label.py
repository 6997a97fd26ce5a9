"""What a model learns to foresee: a channel crossing a limit, as in `downtime_min >= 120`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facility.catalogue.catalogue import Aggregate, Catalogue
from facility.errors import CannotConvert, CannotParse
from models.statistics import BoolArray, FloatArray

_COMPARISONS: dict[str, Callable[[FloatArray, float], BoolArray]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_FORM = re.compile(r"\s*([A-Za-z_]\w*)\s*(>=|<=|>|<)\s*([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*")
_EXAMPLE = 'Write it as "downtime_min >= 120"'


@dataclass(frozen=True, slots=True)
class Label:
    """An event: the daily channel compares so with the limit."""

    channel: str
    comparison: str
    limit: float

    def __str__(self) -> str:
        return f"{self.channel} {self.comparison} {self.limit:g}"

    def holds(self, values: FloatArray) -> BoolArray:
        """Where the event happened; absent values (NaN) are no event."""
        with np.errstate(invalid="ignore"):
            return np.asarray(_COMPARISONS[self.comparison](values, self.limit), dtype=np.bool_)


DEFAULT_LABEL = Label("downtime_min", ">=", 120.0)


def parse_label(words: str, catalogue: Catalogue | None = None) -> Label:
    """Parse `channel >= number`. With a catalogue the channel must be a daily one it knows."""
    match = _FORM.fullmatch(words)
    if match is None:
        raise CannotParse("label {words!r} is not a channel, a comparison and a number", _EXAMPLE, words=words)
    label = Label(match[1], match[2], float(match[3]))
    if catalogue is not None:
        daily = sorted(
            {c.key for kind in catalogue.values() for c in kind.channels.values() if c.aggregate is Aggregate.DAILY}
        )
        if label.channel not in daily:
            raise CannotConvert(
                "label {words!r}: {channel!r} is not a daily channel",
                "Daily channels: {daily}",
                words=words,
                channel=label.channel,
                daily=list(daily),
            )
    return label
