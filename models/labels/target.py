"""What is to be foreseen, as people write it: a rule on a channel, a channel alone, or the name of recorded events."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from facility.catalogue.catalogue import Catalogue
from facility.errors import CannotConvert, CannotParse
from facility.i18n.messages import Sentence
from models.statistics import BoolArray, FloatArray

_COMPARISONS: dict[str, Callable[[FloatArray, float], BoolArray]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_RULE = re.compile(r"\s*([A-Za-z_]\w*)\s*(>=|<=|>|<)\s*([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*")
_NAME = re.compile(r"\w[\w-]{0,59}")
_HOW = 'Write a rule ("downtime_min >= 120"), a channel, or a name of imported events'


class Form(StrEnum):
    """How a label is recorded."""

    RULE = "rule"  # a channel beyond a limit
    CHANNEL = "channel"  # a channel that is 0 or 1, or that counts down to the event
    EVENTS = "events"  # imported: asset, start, end


@dataclass(frozen=True, slots=True)
class Target:
    """One label. `channel` is "" for events, `comparison` is "" unless it is a rule."""

    form: Form
    name: str
    channel: str = ""
    comparison: str = ""
    limit: float = 0.0

    def __str__(self) -> str:
        return f"{self.channel} {self.comparison} {self.limit:g}" if self.form is Form.RULE else self.name

    @property
    def falls(self) -> bool:
        """Whether low figures are the event."""
        return self.comparison in ("<=", "<")

    @property
    def version(self) -> str:
        """The label as a part of a file's name."""
        words = {">=": "ge", ">": "gt", "<=": "le", "<": "lt"}
        if self.form is Form.RULE:
            return f"{self.channel}-{words[self.comparison]}-{self.limit:g}".replace("+", "")
        return self.name

    def holds(self, values: FloatArray) -> BoolArray:
        """Where a rule is met; absent values (NaN) meet none."""
        with np.errstate(invalid="ignore"):
            return np.asarray(_COMPARISONS[self.comparison](values, self.limit), dtype=np.bool_)

    def as_dict(self) -> dict[str, Any]:
        return {
            "form": self.form.value,
            "name": self.name,
            "channel": self.channel,
            "comparison": self.comparison,
            "limit": self.limit,
        }

    @classmethod
    def from_dict(cls, about: dict[str, Any]) -> Target:
        form = Form(about["form"])
        return cls(form, str(about["name"]), str(about["channel"]), str(about["comparison"]), float(about["limit"]))


def parse_target(words: str, catalogue: Catalogue, kinds: Collection[str], events: Collection[str]) -> Target:
    """Read a label. `kinds`: classes of the registered assets; `events`: names of imported events.

    Raises `CannotParse` for what has no such form, `CannotConvert` for a channel or name that nothing has.
    """
    channels = sorted({key for kind in kinds if kind in catalogue for key in catalogue[kind].channels})
    rule = _RULE.fullmatch(words)
    if rule is not None:
        _known(words, rule[1], channels, channels)
        return Target(Form.RULE, words.strip(), rule[1], rule[2], float(rule[3]))
    name = words.strip()
    if not _NAME.fullmatch(name):
        raise CannotParse("label {words!r} is not understood", _HOW, words=words)
    if name in events and name in channels:
        raise CannotConvert(
            "label {name!r} is a channel and the name of imported events",
            "Import the events by another name, or write a rule on the channel",
            name=name,
        )
    if name in events:
        return Target(Form.EVENTS, name)
    _known(words, name, channels, [*sorted(events), *channels])
    return Target(Form.CHANNEL, name, name)


def _known(words: str, name: str, channels: Collection[str], labels: Collection[str]) -> None:
    if name in channels:
        return
    near = difflib.get_close_matches(name, list(labels), 1)
    raise CannotConvert(
        "label {words!r}: no registered asset has a channel {name!r}, and no imported events have that name",
        Sentence("Is it {near!r}?", near=near[0])
        if near
        else Sentence("There are {known}", known=list(labels) or Sentence("none")),
        words=words,
        name=name,
    )
