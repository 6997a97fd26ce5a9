"""When a label came about, day by day and asset by asset, and on which days that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from facility.catalogue.catalogue import Aggregate, Channel
from facility.errors import CannotConvert
from facility.estate import Asset
from facility.label_events import LabelEvent
from facility.store import Store
from models.labels.target import Form, Target
from models.statistics import BoolArray, FloatArray, IntArray
from models.wear.countdown import days_left

AT_ONCE = 500  # assets whose hours are in memory at once
SILENT = 7  # days without a word, from which an asset is no longer there
LONGEST = 1100  # days looked back


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelHistory:
    """Arrays (assets, days). What is not `known` is neither the event nor none."""

    assets: tuple[Asset, ...]
    target: Target
    first: date
    came: BoolArray  # days on which it is so
    blocked: BoolArray  # evenings on which there is nothing to foresee: it is so already, or the asset is gone
    known_until: IntArray  # (assets,): days from the first on of which it is known whether it came
    over: BoolArray  # (assets,): on the last evening it is so, or nothing was heard since it was
    silent: IntArray  # (assets,): days without a word on the last evening
    hindsight: bool = False  # what came is known only from a countdown written afterwards: no past that foretells

    @property
    def days(self) -> int:
        return int(self.came.shape[1])

    @property
    def begun(self) -> BoolArray:
        """Days on which it began to be so."""
        out: BoolArray = self.came.copy()
        out[:, 1:] &= ~self.came[:, :-1]
        return out

    def eligible(self, day: int) -> BoolArray:
        """On the morning of a day: there, and not so already."""
        return np.asarray(~self.blocked[:, day - 1], dtype=np.bool_)

    def outcome(self, day: int, horizon: int) -> BoolArray:
        """Whether it came on any of the days day .. day + horizon - 1."""
        return np.asarray(self.came[:, day : day + horizon].any(axis=1), dtype=np.bool_)

    def judged(self, day: int, horizon: int) -> BoolArray:
        """Eligible, and the outcome is known."""
        return self.eligible(day) & (self.outcome(day, horizon) | (self.known_until >= day + horizon))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Days of a class's records: the first, how many, and where each asset was heard (assets, days)."""

    assets: tuple[Asset, ...]
    first: date
    heard: BoolArray
    end: datetime
    timezone: ZoneInfo

    @property
    def days(self) -> int:
        return int(self.heard.shape[1])

    def day(self, moment: datetime) -> int:
        return (moment.astimezone(self.timezone).date() - self.first).days

    @property
    def last_heard(self) -> IntArray:
        return np.where(self.heard.any(axis=1), self.days - 1 - self.heard[:, ::-1].argmax(axis=1), -1)

    @property
    def silent(self) -> IntArray:
        """(assets,): days without a word on the last evening."""
        return np.asarray(self.days - 1 - self.last_heard, dtype=np.int64)

    @property
    def there(self) -> BoolArray:
        """Evenings on which an asset had been heard within the last days."""
        day = np.arange(self.days)
        newest = np.maximum.accumulate(np.where(self.heard, day, -SILENT - 1), axis=1)
        return np.asarray(day - newest < SILENT, dtype=np.bool_)


def from_events(calendar: Calendar, target: Target, events: Sequence[LabelEvent]) -> LabelHistory:
    """Events that began before the calendar's end; from then on an asset that is heard no more is gone."""
    row = {asset.id: place for place, asset in enumerate(calendar.assets)}
    outcomes = np.zeros(calendar.heard.shape, dtype=np.bool_)
    for event in events:
        place = row.get(event.asset)
        if place is None or event.start >= calendar.end:
            continue
        last = min(event.end or event.start, calendar.end - timedelta(microseconds=1))
        begin, end = calendar.day(event.start), calendar.day(last)
        if end >= 0:
            outcomes[place, max(begin, 0) : end + 1] = True
    return _history(calendar, target, outcomes, calendar.last_heard + 1)


def from_channel(store: Store, calendar: Calendar, target: Target, channel: Channel) -> LabelHistory | None:
    """From the label's own channel; None where nobody has it. Raises `CannotConvert` if it is neither a switch nor a
    countdown and no rule says what counts."""
    figures = _figures(store, calendar, target, channel)
    if figures is None:
        return None
    countdown = days_left(figures, channel)
    measured = ~np.isnan(figures)
    if countdown is not None and (target.form is Form.CHANNEL or target.falls):
        return _of_countdown(calendar, target, countdown)
    if target.form is Form.CHANNEL:
        present = figures[measured]
        if not np.isin(present, (0.0, 1.0)).all():
            raise CannotConvert(
                "channel {channel} is neither 0 and 1 nor days left: what counts?",
                'Write a rule, as "{channel} >= {example:g}"',
                channel=channel.key,
                example=float(np.quantile(present, 0.95)),
            )
        outcomes = np.nan_to_num(figures) > 0
    else:
        outcomes = target.holds(figures)
    blocked_until_next = _carried(outcomes, measured)
    known_until = np.where(measured.any(axis=1), calendar.days - measured[:, ::-1].argmax(axis=1), 0)
    return _history(calendar, target, outcomes, known_until, state=blocked_until_next)


def _of_countdown(calendar: Calendar, target: Target, left: FloatArray) -> LabelHistory:
    """Days on which no more than the rule's limit is left, or the last; of who does not count, from what is heard."""
    counted = ~np.isnan(left)
    last = np.where(counted.any(axis=1), calendar.days - 1 - counted[:, ::-1].argmax(axis=1), -1)
    at_last = np.take_along_axis(left, np.maximum(last, 0)[:, None], axis=1)[:, 0]
    event = np.where(last >= 0, last + np.floor(np.nan_to_num(at_last)).astype(np.int64), calendar.days + LONGEST)
    limit = int(target.limit) if target.form is Form.RULE else 0
    day = np.arange(calendar.days)
    outcomes = (day >= (event - limit)[:, None]) & (day <= event[:, None])
    failed = day >= event[:, None]
    known_until = np.where(event < calendar.days, calendar.days, np.maximum(calendar.last_heard + 1 - limit, 0))
    there = calendar.there & ~failed
    return LabelHistory(
        assets=calendar.assets,
        target=target,
        first=calendar.first,
        came=outcomes,
        blocked=~there,
        known_until=known_until,
        over=failed[:, -1],
        silent=calendar.silent,
        hindsight=True,
    )


def _history(
    calendar: Calendar, target: Target, outcomes: BoolArray, known_until: IntArray, state: BoolArray | None = None
) -> LabelHistory:
    so = outcomes if state is None else state
    day = np.arange(calendar.days)
    last_came = np.maximum.accumulate(np.where(outcomes, day, -1), axis=1)
    last_heard = np.maximum.accumulate(np.where(calendar.heard, day, -1), axis=1)
    ended = (last_came >= 0) & (last_heard <= last_came)  # nothing was heard of it since
    return LabelHistory(
        assets=calendar.assets,
        target=target,
        first=calendar.first,
        came=outcomes,
        blocked=so | ended | ~calendar.there,
        known_until=np.asarray(known_until, dtype=np.int64),
        over=(so | ended)[:, -1],
        silent=calendar.silent,
    )


def _figures(store: Store, calendar: Calendar, target: Target, channel: Channel) -> FloatArray | None:
    """(assets, days): the figure of a day that the rule is about: the highest, the lowest, or a counter's growth."""
    out = np.full(calendar.heard.shape, np.nan)
    row = {asset.id: place for place, asset in enumerate(calendar.assets)}
    start = calendar.end.astimezone(UTC) - timedelta(days=LONGEST)
    if channel.aggregate is Aggregate.COUNTER:
        figure = pl.col("increase").sum()
    elif target.falls or target.form is Form.CHANNEL:
        figure = pl.col("min").min() if target.falls else pl.col("max").max()
    else:
        figure = pl.col("max").max()
    for begin in range(0, len(calendar.assets), AT_ONCE):
        ids = [asset.id for asset in calendar.assets[begin : begin + AT_ONCE]]
        hours = store.rollups(assets=ids, channels=[channel.key], start=start, end=calendar.end.astimezone(UTC))
        if hours.is_empty():
            continue
        daily = (
            hours.with_columns(day=pl.col("hour").dt.convert_time_zone(str(calendar.timezone)).dt.date())
            .group_by("asset", "day")
            .agg(value=figure)
        )
        rows = daily["asset"].replace_strict(row, return_dtype=pl.Int64).to_numpy()
        days = (daily["day"] - calendar.first).dt.total_days().to_numpy()
        inside = (days >= 0) & (days < calendar.days)
        out[rows[inside], days[inside]] = daily["value"].to_numpy()[inside]
    return None if np.isnan(out).all() else out


def _carried(outcomes: BoolArray, measured: BoolArray) -> BoolArray:
    """What was so at the last reading is so until the next."""
    day = np.arange(outcomes.shape[1])
    newest = np.maximum.accumulate(np.where(measured, day, -1), axis=1)
    return np.asarray((newest >= 0) & np.take_along_axis(outcomes, np.maximum(newest, 0), axis=1), dtype=np.bool_)
