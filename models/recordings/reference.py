"""What is learned from healthy rows: their behaviour, distances from it, and the score that a budget allows.

The healthy rows are cut into blocks; each block is scored by what was learned from the others. So every distance's
unit, and the threshold, come from rows that were not learned from, by models nearly as well founded as the last.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from models.recordings.alarms import threshold
from models.recordings.behaviour import Behaviour
from models.recordings.strangeness import Member, Neighbours, Rows, Subspace, trailing_mean
from models.statistics import BoolArray, FloatArray, IntArray

FOLDS = 5
WINDOWS_A_STRETCH = 0.5  # that count as independent where several are learned from: a unit is off as a whole


@contextmanager
def libraries_calm() -> Iterator[None]:
    """What numpy and scikit-learn warn of (constant, few or huge rows) is expected here; and many small tables are
    fastest on one thread each: several only wait for each other."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), threadpool_limits(1):
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`values` (rows, channels) of one stretch of time or of several units after each other."""

    values: FloatArray
    seconds: FloatArray
    at: IntArray  # rows since the first of the same stretch
    begin: IntArray  # index of the first row of the stretch
    own: BoolArray | None = None  # rows that say where the stretch itself usually stands

    @classmethod
    def of(cls, values: FloatArray, seconds: FloatArray) -> Table:
        rows = len(values)
        return cls(values=values, seconds=seconds, at=np.arange(rows), begin=np.zeros(rows, dtype=np.int64))

    @classmethod
    def joined(cls, tables: Sequence[Table]) -> Table:
        """Several stretches after each other, apart."""
        own = [table.own for table in tables if table.own is not None]
        before = np.cumsum([0, *(len(table.at) for table in tables[:-1])])
        return cls(
            values=np.vstack([table.values for table in tables]),
            seconds=np.concatenate([table.seconds for table in tables]),
            at=np.concatenate([table.at for table in tables]),
            begin=np.concatenate([table.begin + first for table, first in zip(tables, before, strict=True)]),
            own=np.concatenate(own) if len(own) == len(tables) else None,
        )

    def taken(self, places: IntArray) -> Table:
        """Some of the rows, in their order; what stood apart stays apart."""
        begin = self.begin[places]
        first = np.searchsorted(begin, begin, side="left") if len(begin) else begin
        own = None if self.own is None else self.own[places]
        return Table(values=self.values[places], seconds=self.seconds[places], at=self.at[places], begin=first, own=own)


def window_widths(healthy: int) -> tuple[int, int]:
    """Rows of a short and of a long window, from how many healthy rows there are to know them by."""
    return int(np.clip(healthy / 40, 4, 30)), int(np.clip(healthy / 12, 8, 96))


def members(widths: tuple[int, int], *, drifts: bool = True) -> tuple[Member, ...]:
    """The scores that a reference combines, for its short and its long window."""
    short, long = widths
    return (
        Subspace(1, drifts=drifts),
        Subspace(short, drifts=drifts),
        Subspace(long, drifts=drifts),
        Neighbours(short),
    )


class Reference:
    """Learned from `healthy` rows; `score` of any rows: 1 is the threshold of the budget, higher is stranger."""

    def __init__(self, widths: tuple[int, int], *, budget: float, seed: int = 0, drifts: bool = True) -> None:
        self.widths = widths
        self._budget, self._seed, self._drifts = budget, seed, drifts

    def fit(self, healthy: Table, blocks: Sequence[IntArray], on_step: Callable[[], None] = lambda: None) -> Reference:
        """`blocks`: places of the healthy rows that are held out together; every row in one of them."""
        rows = len(healthy.values)
        self.behaviour = Behaviour(self._seed).fit(healthy.values, healthy.seconds)
        on_step()
        if healthy.own is not None:
            residuals = self.behaviour.residuals(healthy.values, healthy.seconds)
            means, variances, count, _ = _levels(residuals, healthy)
            self._within = np.average(variances, axis=0, weights=count)
            error = (self._within / np.maximum(count, 1)[:, None]).mean(axis=0)
            self._between = np.maximum(means.var(axis=0) - error, 0.0)
        held: list[list[FloatArray]] = []
        order = np.concatenate(blocks)
        for block in blocks:
            others = np.setdiff1d(np.arange(rows), block)
            learned = healthy.taken(others)
            behaviour = Behaviour(self._seed, points=self.behaviour.points).fit(learned.values, learned.seconds)
            fitted = self._fitted(behaviour, learned)
            held.append(_distances(fitted, self._rows(behaviour, healthy.taken(block))))
            on_step()
        apart = [np.concatenate(parts)[np.argsort(order)] for parts in zip(*held, strict=True)]
        self._usual = [_unit(distance) for distance in apart]
        self._members = self._fitted(self.behaviour, healthy)
        unseen = self._together(apart, healthy.begin)
        if healthy.own is not None and not healthy.own.all():
            unseen = unseen[~healthy.own]  # what a stretch's own level was read from does not show how it errs
        self.healthy_rows, self.windows = rows, rows / self.widths[0]
        stretches = len(np.unique(healthy.begin))
        if stretches > 1:  # rows of one unit are off together
            self.windows = min(self.windows, WINDOWS_A_STRETCH * stretches)
        self._limit = threshold(unseen, self._budget, self.windows)
        self.usual = float(np.median(unseen)) / self._limit
        self.mean = float(unseen.mean()) / self._limit
        return self

    def score(self, table: Table) -> FloatArray:
        distances = _distances(self._members, self._rows(self.behaviour, table))
        return self._together(distances, table.begin) / self._limit

    def residuals(self, table: Table) -> FloatArray:
        return self._rows(self.behaviour, table).residuals

    def _fitted(self, behaviour: Behaviour, learned: Table) -> list[Member]:
        rows = self._rows(behaviour, learned)
        return [member.fit(rows) for member in members(self.widths, drifts=self._drifts)]

    def _rows(self, behaviour: Behaviour, table: Table) -> Rows:
        residuals = behaviour.residuals(table.values, table.seconds)
        if table.own is not None:
            means, _, count, place = _levels(residuals, table)
            sure = self._between / np.maximum(self._between + self._within / np.maximum(count, 1)[:, None], 1e-12)
            residuals = residuals - (sure * means)[place]
        return Rows(residuals=residuals, at=table.at, begin=table.begin)

    def _together(self, distances: Sequence[FloatArray], begin: IntArray) -> FloatArray:
        """Mean of the members' logarithms: one beside itself does not drown the others. Single rows are smoothed."""
        parts = [
            np.log1p(np.maximum((distance - middle) / width, 0.0))
            for distance, (middle, width) in zip(distances, self._usual, strict=True)
        ]
        parts[0] = trailing_mean(parts[0][:, None], self.widths[0], begin)[:, 0]
        return np.asarray(np.mean(parts, axis=0))


def _distances(fitted: Sequence[Member], rows: Rows) -> list[FloatArray]:
    return [member.score(rows) for member in fitted]


def _levels(residuals: FloatArray, table: Table) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Mean and variance of each stretch's own rows, how many they are, and which stretch each row is of."""
    stretches, place = np.unique(table.begin, return_inverse=True)
    own = np.ones(len(place), dtype=np.bool_) if table.own is None else table.own
    count = np.bincount(place[own], minlength=len(stretches))
    size = np.maximum(count, 1)[:, None]
    means = np.zeros((len(stretches), residuals.shape[1]))
    squares = np.zeros_like(means)
    np.add.at(means, place[own], residuals[own])
    np.add.at(squares, place[own], residuals[own] ** 2)
    means, squares = means / size, squares / size
    return means, np.maximum(squares - means**2, 0.0), count, place


def _unit(held_out: FloatArray) -> tuple[float, float]:
    """Middle and width of a member's distances on healthy rows it had not seen."""
    middle = float(np.median(held_out))
    width = 1.4826 * float(np.median(np.abs(held_out - middle)))
    return middle, max(width, 0.5 * float(held_out.std()), 1e-6)
