"""What is kept beside the readings so that questions about months are quick: hourly rows, and each channel's newest.

Both tables note the version of the readings they were made from (a Delta transaction, which outlives the log). An
answer is always up to date: what has been added since is summarised at the question and joined on; only where late or
changed readings fall into a kept hour is that hour summarised again from the readings. `refresh` keeps the result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from facility.store import delta_log
from facility.store.arrivals import FRAME
from facility.store.delta_log import AddedFile, Happened
from facility.store.delta_table import Snapshot, Table, Written
from facility.store.hourly import HOURLY, KEY, follow, summarise, within

MADE_FROM = "serviceday.made_from"
ROWS_AT_ONCE = 4_000_000  # readings summarised in one go
_DAY_HOURS = 24
_HOUR_US = 3_600_000_000


class Summaries:
    """The hourly and latest tables of a lake. Reading needs no lock; `refresh` one at a time."""

    def __init__(self, raw: Table, hours: Table, latest: Table, raw_from: Callable[[], date | None]) -> None:
        self._raw = raw
        self._hours = hours
        self._latest = latest
        self._raw_from = raw_from  # days before have hourly rows and no readings any more

    # -- asking ---------------------------------------------------------------------------------------------------

    def hours(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        """Rows of `HOURLY` with start <= hour < end, sorted by key. A last hour cut by `end` holds what is before."""
        question = _Question(assets, channels, _next_hour(start), end)
        kept, made_from = self._hours.snapshot_and_position(MADE_FROM)
        raw = self._raw.snapshot()
        told = self._told(made_from, raw)
        files = kept.files.filter(pl.col("day").is_between(*question.days))
        touched = self._touched(told, raw, question)
        untouched = files.filter(~pl.col("day").is_in(list(touched)))
        parts = [self._passing(untouched, question, told)]
        if touched:
            parts.append(self._made_up(sorted(touched), files, raw, told, question))
        return in_order([part for part in parts if part.height])

    def newest(self, *, assets: Collection[str] | None = None, raw: Snapshot | None = None) -> pl.DataFrame:
        """The newest reading of every channel, sorted; of the readings as they are now, or were at a snapshot."""
        kept, made_from = self._latest.snapshot_and_position(MADE_FROM)
        raw = raw or self._raw.snapshot()
        told = None if made_from is None else delta_log.happened(self._raw.place, made_from, raw.version)
        floor = self._raw_from()
        start = datetime(floor.year, floor.month, floor.day, tzinfo=UTC) if floor else None
        if told is None or self._missing(told.added, raw):
            parts = [self._raw.scan(raw.files["path"].to_list())]
        else:
            gone = list(told.deleted)
            number = pl.col("time").dt.timestamp("us") // _HOUR_US
            known = self._latest.scan(kept.files["path"].to_list()).filter(~pl.col("asset").is_in(gone))
            fresh = self._raw.scan([file.path for file in told.added]).filter(~pl.col("asset").is_in(gone))
            parts = [known, fresh]
            if told.revised:
                changed = self._raw.scan(_in_hours(raw.files, told.revised)["path"].to_list())
                parts.append(changed.filter(number.is_in(list(told.revised))))
            if gone:  # whatever of them was taken in again
                parts.append(self._raw.scan(raw.files["path"].to_list()).filter(pl.col("asset").is_in(gone)))
        newest = pl.col("time").arg_max()
        return (
            within(pl.concat(parts), "time", assets=assets, channels=None, start=start, end=None)
            .reverse()  # of equal times the one committed last counts: arg_max takes the first
            .group_by("asset", "channel")
            .agg(pl.col("value").get(newest), pl.col("arrived").get(newest), pl.col("time").max())
            .select(FRAME.names())
            .sort("asset", "channel")
            .collect()
        )

    # -- keeping --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring both tables up to the readings as they are now."""
        self._raw.sync()  # a summary must never know of readings that a power cut could take back
        raw = self._raw.snapshot()
        self._refresh_hours(raw)
        before, made_from = self._latest.snapshot_and_position(MADE_FROM)
        if made_from != raw.version:
            newest = self.newest(raw=raw)
            day = newest["time"].max()
            written = [self._latest.write(newest, day.date())] if isinstance(day, datetime) else []
            self._keep(self._latest, written, before.files, raw.version)

    def _refresh_hours(self, raw: Snapshot) -> None:
        before, made_from = self._hours.snapshot_and_position(MADE_FROM)
        if made_from == raw.version:
            return
        told = self._told(made_from, raw)
        question = _Question(None, None, None, None)
        kept = before.files
        touched = self._touched(told, raw, question)
        if told is not None and told.deleted:
            for asset in told.deleted:
                holding = (pl.col("asset_first") <= asset) & (pl.col("asset_last") >= asset)
                touched |= set(kept.filter(holding)["day"].to_list())
        days = sorted(touched)
        sizes = self._sizes(days, raw, told)
        if not days:
            self._keep(self._hours, [], kept.clear(), raw.version)
        for last, portion in _portions(days, [sizes.get(day, 0) for day in days]):
            rows = self._made_up(portion, kept, raw, told, question)
            written = [
                self._hours.write(part.drop("day"), day)
                for (day,), part in rows.with_columns(pl.col("hour").dt.date().alias("day"))
                .partition_by("day", as_dict=True, maintain_order=True)
                .items()
            ]
            # a version is noted with the last portion only: a crash between leaves rows that are made again
            self._keep(self._hours, written, kept.filter(pl.col("day").is_in(portion)), raw.version if last else None)

    @staticmethod
    def _keep(table: Table, written: list[Written], removed: pl.DataFrame, version: int | None) -> None:
        source = MADE_FROM if version is not None else ""
        table.version()
        table.commit(written, removed, source=source, cursor=version or 0)

    def _sizes(self, days: Sequence[date], raw: Snapshot, told: Happened | None) -> dict[date, int]:
        """About how many readings each day costs to bring up to date."""
        whole = dict(raw.files.group_by("day").agg(pl.col("rows").sum()).iter_rows())
        if told is None or told.revised:
            return whole
        sizes = dict.fromkeys(days, 0)
        for file in told.added:
            sizes[file.day] = sizes.get(file.day, 0) + file.rows
        return sizes

    # -- how ------------------------------------------------------------------------------------------------------

    def _told(self, made_from: int | None, raw: Snapshot) -> Happened | None:
        return None if made_from is None else delta_log.happened(self._raw.place, made_from, raw.version)

    def _touched(self, told: Happened | None, raw: Snapshot, question: _Question) -> set[date]:
        """Days whose kept rows are not the whole answer."""
        if told is None:
            days = set(raw.files["day"].to_list())
        else:
            days = {file.day for file in told.added} | {_day_of(hour) for hour in told.revised}
        if question.cut is not None:
            days.add(_day_of(question.cut))
        first, last = question.days
        return {day for day in days if first <= day <= last}

    def _passing(self, files: pl.DataFrame, question: _Question, told: Happened | None) -> pl.DataFrame:
        rows = question.of_hours(self._hours.scan(_holding(files, question)["path"].to_list()))
        if told is not None and told.deleted:
            rows = rows.filter(~pl.col("asset").is_in(list(told.deleted)))
        return rows.collect()

    def _made_up(
        self, days: list[date], files: pl.DataFrame, raw: Snapshot, told: Happened | None, question: _Question
    ) -> pl.DataFrame:
        """Hourly rows of some days: kept ones with what came since, or made again where that is not enough."""
        if told is None:
            return self._again(days, raw, question)
        known = files.filter(pl.col("day").is_in(days))
        kept = self._passing(known, question, told)
        added = [file for file in told.added if file.day in set(days)]
        missing = self._missing(added, raw)
        rows = question.of_readings(self._raw.scan([file.path for file in added if file not in missing]))
        fresh = summarise(rows)
        redo = {hour for hour in told.revised if _day_of(hour) in set(days)}
        redo |= {hour for file in missing for hour in _hours_of(file.day)}
        if question.cut is not None and _day_of(question.cut) in set(days):
            redo.add(question.cut)
        number = pl.col("hour").dt.timestamp("us") // _HOUR_US
        if told.deleted:
            again = fresh.filter(pl.col("asset").is_in(list(told.deleted)))
            redo |= set(again.select(number)["hour"].to_list())
        late = fresh.join(kept.select(*KEY, pl.col("last_time").alias("known")), on=KEY).filter(
            pl.col("first_time") <= pl.col("known")
        )
        anew = self._anew(raw, question, redo, late)
        whole = follow(kept, fresh)
        made = pl.concat([whole, kept.join(fresh, on=KEY, how="anti")])
        made = made.filter(~number.is_in(list(redo))) if redo else made
        return pl.concat([made.join(late, on=KEY, how="anti") if late.height else made, anew]).sort(KEY)

    def _anew(self, raw: Snapshot, question: _Question, redo: set[int], late: pl.DataFrame) -> pl.DataFrame:
        """Summaries made again from the readings: of whole hours, and of single (asset, channel, hour)."""
        parts = [pl.DataFrame(schema=HOURLY)]
        hour = pl.col("time").dt.truncate("1h").alias("hour")
        if redo:
            rows = question.of_readings(self._raw.scan(_in_hours(raw.files, redo)["path"].to_list()))
            number = pl.col("time").dt.timestamp("us") // _HOUR_US
            parts.append(summarise(rows.filter(number.is_in(list(redo)))))
        numbers = late.select(pl.col("hour").dt.timestamp("us") // _HOUR_US)["hour"].unique().to_list()
        if rest := set(numbers) - redo:
            keys = late.select(KEY)
            files = _in_hours(raw.files, rest)
            rows = within(
                self._raw.scan(files["path"].to_list()),
                "time",
                assets=keys["asset"].unique().to_list(),
                channels=keys["channel"].unique().to_list(),
                start=_moment(min(rest)),
                end=_moment(max(rest) + 1),
            )
            named = rows.with_columns(hour).join(keys.lazy(), on=KEY, how="semi").drop("hour")
            parts.append(summarise(named).filter(~(pl.col("hour").dt.timestamp("us") // _HOUR_US).is_in(list(redo))))
        return pl.concat(parts)

    def _again(self, days: list[date], raw: Snapshot, question: _Question) -> pl.DataFrame:
        files = raw.files.filter(pl.col("day").is_in(days))
        sizes = dict(files.group_by("day").agg(pl.col("rows").sum()).iter_rows())
        parts = [pl.DataFrame(schema=HOURLY)]
        for _, portion in _portions(days, [sizes.get(day, 0) for day in days]):
            chosen = _holding(files.filter(pl.col("day").is_in(portion)), question)
            parts.append(summarise(question.of_readings(self._raw.scan(chosen["path"].to_list()))))
        return pl.concat(parts).sort(KEY)

    def _missing(self, added: Sequence[AddedFile], raw: Snapshot) -> list[AddedFile]:
        """Files whose rows have been merged into others so long ago that they were deleted."""
        live = set(raw.files["path"].to_list())
        folder = self._raw.place.folder
        return [file for file in added if file.path not in live and folder and not (folder / file.path).exists()]


class _Question:
    """What is asked for, in terms of hours and of readings. `start` is a full hour."""

    def __init__(
        self,
        assets: Collection[str] | None,
        channels: Collection[str] | None,
        start: datetime | None,
        end: datetime | None,
    ) -> None:
        self.assets = assets
        self.channels = channels
        self.start = start
        self.end = end
        self.days = (
            start.astimezone(UTC).date() if start else date.min,
            end.astimezone(UTC).date() if end else date.max,
        )
        self.cut = _number(end) if end is not None and _number(end) * 3600 != end.timestamp() else None

    def of_hours(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return within(rows, "hour", assets=self.assets, channels=self.channels, start=self.start, end=self.end)

    def of_readings(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return within(rows, "time", assets=self.assets, channels=self.channels, start=self.start, end=self.end)


def in_order(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All rows by asset, channel, hour, of parts that are runs in that order already.

    Millions of rows are not sorted one by one: what is sorted is where each channel's hours begin and end in each run.
    Where two runs of a channel reach into each other, all is sorted after all.
    """
    rows = pl.concat(parts, rechunk=True) if parts else pl.DataFrame(schema=HOURLY)
    new = (rows["asset"] != rows["asset"].shift(1)) | (rows["channel"] != rows["channel"].shift(1))
    new |= rows["hour"] < rows["hour"].shift(1)
    begins = new.fill_null(value=True).arg_true()
    if begins.len() * 4 > rows.height:  # short runs: sorting is as good
        return rows.sort(KEY)
    first = begins.to_numpy().astype(np.int64)
    length = np.diff(first, append=rows.height)
    runs = rows.select(KEY)[begins].with_row_index("run").sort(KEY)["run"].to_numpy()
    ends = np.cumsum(length[runs])
    index = np.arange(rows.height) + np.repeat(first[runs] - ends + length[runs], length[runs])
    ordered = rows.select(pl.all().gather(index))
    follows = ordered["hour"] >= ordered["hour"].shift(1)
    same = (ordered["asset"] == ordered["asset"].shift(1)) & (ordered["channel"] == ordered["channel"].shift(1))
    return ordered if (follows | ~same).all() else ordered.sort(KEY)


def _holding(files: pl.DataFrame, question: _Question) -> pl.DataFrame:
    """Files that may hold the assets asked for."""
    if not question.assets:
        return files
    return files.filter(pl.col("asset_last") >= min(question.assets), pl.col("asset_first") <= max(question.assets))


def _in_hours(files: pl.DataFrame, hours: set[int]) -> pl.DataFrame:
    """Files that reach into one of some hours."""
    days = {_day_of(hour) for hour in hours}
    return files.filter(
        pl.col("day").is_in(list(days)),
        pl.col("last") >= pl.lit(_moment(min(hours))),
        pl.col("first") < pl.lit(_moment(max(hours) + 1)),
    )


def _number(moment: datetime) -> int:
    return int(moment.timestamp() // 3600)


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def _day_of(hour: int) -> date:
    return _moment(hour).date()


def _hours_of(day: date) -> range:
    first = _number(datetime(day.year, day.month, day.day, tzinfo=UTC))
    return range(first, first + _DAY_HOURS)


def _next_hour(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    full = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return full if full == moment else full + timedelta(hours=1)


def _portions(days: Sequence[date], rows: Sequence[int]) -> Iterator[tuple[bool, list[date]]]:
    """Groups of days of about `ROWS_AT_ONCE` readings; the flag marks the last."""
    group: list[date] = []
    held = 0
    for index, (day, count) in enumerate(zip(days, rows, strict=True)):
        group.append(day)
        held += count
        last = index == len(days) - 1
        if held >= ROWS_AT_ONCE or last:
            yield last, group
            group, held = [], 0
