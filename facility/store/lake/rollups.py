"""What is kept beside the readings so that questions about months are quick: hourly rows, and each channel's newest.

Both tables note the version of the readings they were made from (a Delta transaction, which outlives the log). An
answer is always up to date: what has been added since is summarised at the question and joined on; only where late or
changed readings fall into a kept hour is that hour summarised again from the readings. `refresh` keeps the result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, date, datetime

import polars as pl

from facility.store.deduplication import FRAME
from facility.store.hourly import HOURLY, KEY, follow, summarise, within
from facility.store.lake import delta_log
from facility.store.lake.compaction import OPEN_FILES
from facility.store.lake.delta_log import AddedFile, Happened, Written, hours_between
from facility.store.lake.query import Question, day_of, in_order, moment, next_hour
from facility.store.lake.table import Snapshot, Table

MADE_FROM = "serviceday.made_from"
ROWS_AT_ONCE = 4_000_000  # readings summarised in one go for a question, and in one commit when kept
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
        question = Question(assets, channels, next_hour(start), end)
        snapshot, made_from = self._hours.snapshot_and_position(MADE_FROM)
        raw = self._raw.snapshot()
        happened = self._told(made_from, raw)
        files = snapshot.files.filter(pl.col("day").is_between(*question.days))
        touched = self._touched(happened, raw, question)
        untouched = files.filter(~pl.col("day").is_in(list(touched)))
        parts = [self._passing(untouched, question, happened)]
        if touched:
            parts.append(self._made_up(sorted(touched), files, raw, happened, question))
        return in_order([part for part in parts if part.height])

    def newest(self, *, assets: Collection[str] | None = None) -> pl.DataFrame:
        """The newest reading of every channel, sorted."""
        snapshot, made_from = self._latest.snapshot_and_position(MADE_FROM)
        raw = self._raw.snapshot()
        happened = self._told(made_from, raw)
        if happened is None or self._missing(happened.added, raw):
            parts = [self._raw.scan(raw.files["path"].to_list())]
        else:
            frame = self._latest.scan(snapshot.files["path"].to_list()).filter(
                ~pl.col("asset").is_in(list(happened.deleted))
            )
            fresh = self._raw.scan([file.path for file in happened.added])
            parts = [frame, fresh.filter(~pl.col("asset").is_in(list(happened.deleted)))]
            if happened.revised:
                changed = self._raw.scan(_in_hours(raw.files, happened.revised)["path"].to_list())
                parts.append(changed.filter(_number_of("time").is_in(list(happened.revised))))
            parts += self._taken_in_again(happened, raw)
        return newest_of(within(pl.concat(parts), "time", assets=assets, channels=None, start=self._floor(), end=None))

    def _taken_in_again(self, happened: Happened, raw: Snapshot) -> list[pl.LazyFrame]:
        """Readings of assets that were deleted, if there are any after all."""
        if not happened.deleted:
            return []
        rows = self._raw.scan(raw.files["path"].to_list())
        return [within(rows, "time", assets=happened.deleted, channels=None, start=None, end=None)]

    def _floor(self) -> datetime | None:
        first = self._raw_from()
        return datetime(first.year, first.month, first.day, tzinfo=UTC) if first else None

    # -- keeping --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring both tables up to the readings as they are now."""
        self._raw.sync()  # a summary must never know of readings that a power cut could take back
        raw = self._raw.snapshot()
        self._refresh_hours(raw)
        self._refresh_latest(raw)

    def remake(self, days: Collection[str]) -> None:
        """Make the hourly rows of some days (ISO) again from their readings, and the newest of all channels.

        Called with the right to write: nothing may come in between.
        """
        self.refresh()
        raw = self._raw.snapshot()
        question = Question(None, None, None, None, bounded=True)
        frame = self._hours.snapshot().files
        for day in sorted({date.fromisoformat(day) for day in days} & set(raw.files["day"].to_list())):
            files = frame.filter(pl.col("day") == day)
            rows = self._made_up([day], files, raw, None, question)
            written = [self._hours.write(rows, day)] if rows.height else []
            self._keep(self._hours, written, files, None)
        self._refresh_latest(raw, anew=True)

    def _refresh_latest(self, raw: Snapshot, *, anew: bool = False) -> None:
        before, made_from = self._latest.snapshot_and_position(MADE_FROM)
        if made_from == raw.version and not anew:
            return
        happened = None if anew else self._told(made_from, raw)
        if happened is None or self._missing(happened.added, raw):
            parts = [self._last(_listed(raw.files))]
        else:
            frame = self._latest.scan(before.files["path"].to_list()).filter(
                ~pl.col("asset").is_in(list(happened.deleted))
            )
            parts = [frame, self._last(happened.added).filter(~pl.col("asset").is_in(list(happened.deleted)))]
            if happened.revised:
                changed = _listed(_in_hours(raw.files, happened.revised))
                parts.append(self._last(changed, _number_of("time").is_in(list(happened.revised))))
            parts += self._taken_in_again(happened, raw)
        newest = newest_of(within(pl.concat(parts), "time", assets=None, channels=None, start=self._floor(), end=None))
        day = newest["time"].max()
        written = [self._latest.write(newest, day.date())] if isinstance(day, datetime) else []
        self._keep(self._latest, written, before.files, raw.version)

    def _last(self, files: Sequence[AddedFile], expression: pl.Expr | None = None) -> pl.LazyFrame:
        """The newest reading of every channel in some files, of which only a little is in memory at a time."""
        frame = pl.DataFrame(schema=FRAME)
        for rows in self._streamed(files):
            chosen = rows if expression is None else rows.filter(expression)
            frame = newest_of(pl.concat([frame, chosen.unique(["asset", "channel"], keep="last")]).lazy())
        return frame.lazy()

    def _streamed(self, files: Sequence[AddedFile]) -> Iterator[pl.DataFrame]:
        """Rows of files a little at a time; of `OPEN_FILES` files together they are in order."""
        for begin in range(0, len(files), OPEN_FILES):
            some = files[begin : begin + OPEN_FILES]
            listed = pl.DataFrame({"path": [file.path for file in some], "rows": [file.rows for file in some]})
            yield from self._raw.merged(listed)

    def _refresh_hours(self, raw: Snapshot) -> None:
        before, made_from = self._hours.snapshot_and_position(MADE_FROM)
        if made_from == raw.version:
            return
        happened = self._told(made_from, raw)
        question = Question(None, None, None, None, bounded=True)
        frame = before.files
        touched = self._touched(happened, raw, question)
        if happened is not None and happened.deleted:
            for asset in happened.deleted:
                holding = (pl.col("asset_first") <= asset) & (pl.col("asset_last") >= asset)
                touched |= set(frame.filter(holding)["day"].to_list())
        days = sorted(touched)
        sizes = self._sizes(days, raw, happened)
        if not days:
            self._keep(self._hours, [], frame.clear(), raw.version)
        for last, portion in _portions(days, [sizes.get(day, 0) for day in days]):
            written: list[Written] = []
            replaced = [frame.clear()]
            for day in portion:
                reach = self._reach(day, happened)
                files = frame.filter(pl.col("day") == day)
                if reach is not None:  # what other hours stand in files of their own is left alone
                    begin, end = moment(reach.start), moment(reach.stop)
                    files = files.filter(pl.col("first") < pl.lit(end), pl.col("last") >= pl.lit(begin))
                replaced.append(files)
                rows = self._made_up([day], files, raw, happened, question)
                inside = pl.lit(value=True) if reach is None else pl.col("hour").is_between(begin, end, closed="left")
                written += [
                    self._hours.write(part, day) for part in (rows.filter(inside), rows.filter(~inside)) if part.height
                ]
            # a version is noted with the last portion only: a crash between leaves rows that are made again
            self._keep(self._hours, written, pl.concat(replaced), raw.version if last else None)

    @staticmethod
    def _reach(day: date, happened: Happened | None) -> range | None:
        """The hours of a day in which anything has changed; None if that can be all of them."""
        if happened is None or happened.deleted:
            return None
        hours = [hour for file in happened.added if file.day == day for hour in (file.hours[0], file.hours[-1])]
        hours += [hour for hour in happened.revised if day_of(hour) == day]
        return range(min(hours), max(hours) + 1)

    @staticmethod
    def _keep(table: Table, written: list[Written], removed: pl.DataFrame, version: int | None) -> None:
        source = MADE_FROM if version is not None else ""
        table.version()
        table.commit(written, removed, source=source, cursor=version or 0)

    def _sizes(self, days: Sequence[date], raw: Snapshot, happened: Happened | None) -> dict[date, int]:
        """About how many readings each day costs to bring up to date."""
        whole = dict(raw.files.group_by("day").agg(pl.col("rows").sum()).iter_rows())
        if happened is None or happened.revised:
            return whole
        sizes = dict.fromkeys(days, 0)
        for file in happened.added:
            sizes[file.day] = sizes.get(file.day, 0) + file.rows
        return sizes

    # -- how ------------------------------------------------------------------------------------------------------

    def _told(self, made_from: int | None, raw: Snapshot) -> Happened | None:
        return None if made_from is None else delta_log.happened(self._raw.place, made_from, raw.version)

    def _touched(self, happened: Happened | None, raw: Snapshot, question: Question) -> set[date]:
        """Days whose kept rows are not the whole answer."""
        if happened is None:
            days = set(raw.files["day"].to_list())
        else:
            days = {file.day for file in happened.added} | {day_of(hour) for hour in happened.revised}
        if question.cut is not None:
            days.add(day_of(question.cut))
        first, last = question.days
        return {day for day in days if first <= day <= last}

    def _passing(self, files: pl.DataFrame, question: Question, happened: Happened | None) -> pl.DataFrame:
        rows = question.of_hours(self._hours.scan(_holding(files, question)["path"].to_list()))
        if happened is not None and happened.deleted:
            rows = rows.filter(~pl.col("asset").is_in(list(happened.deleted)))
        return rows.collect()

    def _made_up(
        self, days: list[date], files: pl.DataFrame, raw: Snapshot, happened: Happened | None, question: Question
    ) -> pl.DataFrame:
        """Hourly rows of some days: kept ones with what came since, or made again where that is not enough."""
        if happened is None:
            files = files.clear()
            happened = Happened(added=_listed(raw.files))
        stale = set(days)
        frame = self._passing(files.filter(pl.col("day").is_in(days)), question, happened)
        added = [file for file in happened.added if file.day in stale]
        missing = self._missing(added, raw)
        fresh, late = self._fresh([file for file in added if file not in missing], question)
        redo = {hour for hour in happened.revised if day_of(hour) in stale}
        redo |= {hour for file in missing for hour in file.hours}
        if question.cut is not None and day_of(question.cut) in stale:
            redo.add(question.cut)
        number = _number_of("hour")
        if happened.deleted:
            again = fresh.filter(pl.col("asset").is_in(list(happened.deleted)))
            redo |= set(again.select(number)["hour"].to_list())
        summary, tangled = joined(frame, fresh)
        late = pl.concat([late, tangled]).unique()
        parts = [summary.filter(~number.is_in(list(redo))).join(late, on=KEY, how="anti")]
        if redo or late.height:
            expression = pl.lit(1, pl.Int32).alias("count")
            known = pl.concat([summary.select("asset", "count"), late.select("asset", expression)])
            for some in question.apart(known):
                parts.append(self._anew(raw, some, redo, some.of_hours(late.lazy()).collect()))
        return pl.concat(parts).sort(KEY)

    def _fresh(self, added: Sequence[AddedFile], question: Question) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Summaries of files, and the keys of those that cannot be had so, because files reach into each other."""
        fresh, late = pl.DataFrame(schema=HOURLY), pl.DataFrame(schema={name: HOURLY[name] for name in KEY})
        if not question.bounded:
            for group in _groups(added, ROWS_AT_ONCE):
                part = summarise(question.of_readings(self._raw.scan([file.path for file in group])))
                fresh, tangled = joined(fresh, part)
                late = pl.concat([late, tangled])
            return fresh.join(late, on=KEY, how="anti"), late
        for begin in range(0, len(added), OPEN_FILES):
            parts = [pl.DataFrame(schema=HOURLY)]
            for rows in self._streamed(added[begin : begin + OPEN_FILES]):
                border = parts[-1][-1:]  # the next rows may go on in the same hour
                parts[-1] = parts[-1][:-1]
                parts.append(joined(border, summarise(rows.lazy()))[0].sort(KEY))
            fresh, tangled = joined(fresh, pl.concat(parts))
            late = pl.concat([late, tangled])
        return fresh.join(late, on=KEY, how="anti"), late

    def _anew(self, raw: Snapshot, question: Question, redo: set[int], late: pl.DataFrame) -> pl.DataFrame:
        """Summaries made again from the readings: of whole hours, and of single (asset, channel, hour)."""
        parts = [pl.DataFrame(schema=HOURLY)]
        hour = pl.col("time").dt.truncate("1h").alias("hour")
        if redo:
            rows = question.of_readings(self._raw.scan(_in_hours(raw.files, redo)["path"].to_list()))
            parts.append(summarise(rows.filter(_number_of("time").is_in(list(redo)))))
        numbers = late.select(_number_of("hour"))["hour"].unique().to_list()
        if rest := set(numbers) - redo:
            files = _in_hours(raw.files, rest)
            rows = within(
                self._raw.scan(files["path"].to_list()),
                "time",
                assets=late["asset"].unique().to_list(),
                channels=late["channel"].unique().to_list(),
                start=moment(min(rest)),
                end=moment(max(rest) + 1),
            )
            named = rows.with_columns(hour).join(late.lazy(), on=KEY, how="semi").drop("hour")
            parts.append(summarise(named).filter(~_number_of("hour").is_in(list(redo))))
        return pl.concat(parts)

    def _missing(self, added: Sequence[AddedFile], raw: Snapshot) -> list[AddedFile]:
        """Files whose rows have been merged into others so long ago that they were deleted."""
        live = set(raw.files["path"].to_list())
        folder = self._raw.place.folder
        return [file for file in added if file.path not in live and folder and not (folder / file.path).exists()]


def joined(frame: pl.DataFrame, fresh: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Summaries of what two frames of summaries speak of, and the keys where they reach into each other in time.

    Those have to be made anew: what stands at them is not right.
    """
    if frame.is_empty() or fresh.is_empty():
        return (fresh if frame.is_empty() else frame), fresh.select(KEY).clear()
    last = frame.select(*KEY, pl.col("last_time").alias("known"))
    tangled = fresh.join(last, on=KEY).filter(pl.col("first_time") <= pl.col("known")).select(KEY)
    return pl.concat([frame.join(fresh, on=KEY, how="anti"), follow(frame, fresh)]), tangled


def newest_of(rows: pl.LazyFrame) -> pl.DataFrame:
    """The newest row of every channel (`FRAME`), sorted; of those of one time the last."""
    newest = pl.col("time").arg_max()
    return (
        rows.reverse()  # arg_max takes the first
        .group_by("asset", "channel")
        .agg(pl.col("value").get(newest), pl.col("arrived").get(newest), pl.col("time").max())
        .select(FRAME.names())
        .sort("asset", "channel")
        .collect()
    )


def _listed(files: pl.DataFrame) -> list[AddedFile]:
    return [
        AddedFile(path, day, rows, hours_between(first, last))
        for path, day, rows, first, last in files.select("path", "day", "rows", "first", "last").iter_rows()
    ]


def _number_of(column: str) -> pl.Expr:
    """Hours since the epoch."""
    return pl.col(column).dt.timestamp("us") // _HOUR_US


def _groups(files: Sequence[AddedFile], at_once: int) -> Iterator[list[AddedFile]]:
    """Files in their order, in groups of about `at_once` rows."""
    group: list[AddedFile] = []
    total = 0
    for file in files:
        if group and total + file.rows > at_once:
            yield group
            group, total = [], 0
        group.append(file)
        total += file.rows
    if group:
        yield group


def _holding(files: pl.DataFrame, question: Question) -> pl.DataFrame:
    """Files that may hold the assets asked for."""
    if not question.assets:
        return files
    return files.filter(pl.col("asset_last") >= min(question.assets), pl.col("asset_first") <= max(question.assets))


def _in_hours(files: pl.DataFrame, hours: set[int]) -> pl.DataFrame:
    """Files that reach into one of some hours."""
    days = {day_of(hour) for hour in hours}
    return files.filter(
        pl.col("day").is_in(list(days)),
        pl.col("last") >= pl.lit(moment(min(hours))),
        pl.col("first") < pl.lit(moment(max(hours) + 1)),
    )


def _portions(days: Sequence[date], rows: Sequence[int]) -> Iterator[tuple[bool, list[date]]]:
    """Groups of days of about `ROWS_AT_ONCE` readings; the flag marks the last."""
    group: list[date] = []
    total = 0
    for index, (day, count) in enumerate(zip(days, rows, strict=True)):
        group.append(day)
        total += count
        last = index == len(days) - 1
        if total >= ROWS_AT_ONCE or last:
            yield last, group
            group, total = [], 0
