"""Readings in an InfluxDB 2.x, where a property company runs one.

    BUCKET         measurement `readings`: tags asset, channel, site; fields value, arrived (microseconds)
    BUCKET_hourly  measurement `hours`: the same tags; fields count, mean, min, max, last; and `figures`, all in one
    FOLDER/influx.sqlite   what InfluxDB cannot keep with the points (`facility.store.influx.sidecar`)

A tag is part of a point's identity, and a reading's is only asset, channel and time: so an asset keeps the site it had
when it was first written, and what moves later keeps its series. Hours are summarised here, from the values the server
hands over, when they changed: in `maintain` for those that are over, at the question for those that changed since.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa

from facility.errors import CannotCommunicate, ServicedayError
from facility.i18n.messages import Sentence
from facility.store.contract import Appended, Changes, Health, Retention, Revised, Sites, StoreSize
from facility.store.deduplication import FRAME, IDENTITY, Marks, frame_of, sort_out, span_of
from facility.store.hourly import HOURLY, KEY, finish
from facility.store.influx import flux
from facility.store.influx.line_protocol import HOURS, READINGS, hour_lines, reading_lines, to_tag
from facility.store.influx.rows import (
    adjoining,
    asks_nothing,
    hour_of,
    hours_from_figures,
    hours_from_values,
    is_full_hour,
    microseconds,
    moment_of,
    narrowed,
    outcome,
    readings_from,
    values_from,
)
from facility.store.influx.server import Server
from facility.store.influx.sidecar import Beside, Hour
from facility.store.influx.target import Target
from facility.store.resampling import COARSE, from_hours, from_readings

FILE = "influx.sqlite"
HOUR = timedelta(hours=1)
SIZE_HOLDS = 60.0  # seconds
ROWS_AT_ONCE = 1_000_000  # values asked for in one question, some 70 MB as they come
HOURS_AT_ONCE = 24 * 31


class Influx:
    """`facility.store.Store` on InfluxDB 2.x. Thread-safe; processes that share FOLDER take turns in writing."""

    def __init__(self, target: Target, folder: Path, *, create: bool = False, sites: Sites | None = None) -> None:
        self.target = target
        self._server = Server(target)
        self._version = self._server.version()
        self._hourly = f"{target.bucket}_hourly"
        self._kept = {name: self._server.bucket(name, create=create) for name in (target.bucket, self._hourly)}
        if create:
            self._server.may_write(target.bucket)
        self._sites: Sites = sites or dict
        self._lock = threading.RLock()
        self._beside = Beside(folder / FILE, create=create)
        self._marks: Marks | None = None
        self._marked = -1
        self._sized: tuple[tuple[int, int], StoreSize] | None = None
        if self._beside.is_new:
            self._learn()

    def _learn(self) -> None:
        """Meet a bucket that holds readings already: their newest times, and hours that are not summarised yet."""
        latest = self.latest()
        if latest.is_empty():
            return
        _, first, last = self._counted(flux.source(self.target.bucket, READINGS))
        hours = range(hour_of(first), hour_of(last) + 1) if first and last else range(0)
        self._beside.commit(Appended(0, 0, 0), latest, hours, source="", cursor=0, tally="")

    def identity(self) -> str:
        """A bucket is known by its address."""
        return f"influx {self.target.url} {self.target.org} {self.target.bucket}"

    # -- writing --------------------------------------------------------------------------------------------------

    def append(self, readings: pa.Table, *, source: str = "", cursor: int = 0, tally: str = "") -> Appended:
        with self._writing():
            marks = self._up_to_date()
            batch = frame_of(readings)
            inside, too_old = self._inside(batch)
            arrivals = sort_out(inside, marks, self._held)
            rows = arrivals.kept if arrivals.revised.is_empty() else pl.concat([arrivals.kept, arrivals.revised])
            self._beside.begin(arrivals.late, self._new_sites(rows))
            refused = self._server.write(self.target.bucket, reading_lines(rows, self._beside.sites()))
            done, frame = outcome(arrivals, rows, batch, too_old, refused)
            newest = frame.group_by("asset", "channel").agg(pl.col("time").max())
            hours = (frame["time"].dt.timestamp("us") // 3_600_000_000).unique().to_list()
            self._marked = self._beside.commit(done, newest, hours, source=source, cursor=cursor, tally=tally)
            marks.advance(frame)
            return done

    def _inside(self, batch: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, str]]:
        """Without what the bucket would drop at once for its age (the server would drop it in silence or refuse)."""
        keep = self._kept[self.target.bucket]
        if keep is None or batch.is_empty():
            return batch, {}
        old = batch["time"] < datetime.now(UTC) - keep
        reason = str(Sentence("older than the bucket keeps ({days} days)", days=keep.days))
        return batch.filter(~old), dict.fromkeys(old.arg_true().to_list(), reason)

    def _held(self, older: pl.DataFrame) -> pl.DataFrame:
        """What the server has of the identities in question, less what a crash left there uncounted."""
        start, end = span_of(older)
        assets, channels = older["asset"].unique().to_list(), older["channel"].unique().to_list()
        frame = self.read(assets=assets, channels=channels, start=start, end=end)
        return frame.join(self._beside.underway(), on=IDENTITY, how="anti")

    def _new_sites(self, rows: pl.DataFrame) -> dict[str, str]:
        known = self._beside.sites()
        strange = [asset for asset in rows["asset"].unique().to_list() if asset not in known]
        sites = self._sites() if strange else {}
        return {asset: sites.get(asset, "") for asset in strange}

    def cursor(self, source: str) -> tuple[int, Appended, str] | None:
        return self._beside.cursor(source)

    def sync(self) -> None:
        """InfluxDB 2 has its write-ahead log on disk before it answers, and the file beside is committed in full."""

    def delete(self, asset: str) -> int:
        with self._writing():
            points = flux.source(self.target.bucket, READINGS, assets=[asset])
            missing, _, _ = self._counted(points)
            for bucket in (self.target.bucket, self._hourly):
                self._server.delete(bucket, f'asset="{to_tag(asset)}"', flux.BEGIN, flux.END)
            self._beside.deleted(asset)
            self._marks = None
            return missing

    # -- housekeeping ---------------------------------------------------------------------------------------------

    def maintain(self) -> None:
        """Summarise the hours that changed and are over, and keep the result on the server."""
        newest = self._beside.last_hour()
        due = [hour for hour in self._beside.unsummarised() if hour.number != newest]
        for portion, rows in self._summarised(due):
            lines = hour_lines(rows, self._beside.sites())
            refused = self._server.write(self._hourly, lines)
            if refused:
                raise CannotCommunicate(
                    "InfluxDB refuses hourly rows: {reason}",
                    "Look at the bucket's retention",
                    reason=next(iter(refused.values())),
                )
            self._beside.summarised(portion)

    def retain(self, retention: Retention) -> None:
        for bucket, keep in ((self.target.bucket, retention.raw), (self._hourly, retention.hourly)):
            self._server.keep(bucket, keep)
            self._kept[bucket] = keep

    def retention(self) -> Retention:
        return Retention(self._kept[self.target.bucket], self._kept[self._hourly])

    # -- reading --------------------------------------------------------------------------------------------------

    def read(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        resolution: timedelta | None = None,
    ) -> pl.DataFrame:
        if asks_nothing(assets, channels, start, end):
            return pl.DataFrame(schema=FRAME if resolution is None else COARSE)
        if resolution is not None:
            return self._coarse(assets, channels, start, end, resolution)
        points = flux.source(self.target.bucket, READINGS, assets=assets, channels=channels, start=start, end=end)
        return narrowed(readings_from(self._server.ask(flux.readings(points))), assets, channels)

    def _coarse(
        self,
        assets: Collection[str] | None,
        channels: Collection[str] | None,
        start: datetime | None,
        end: datetime | None,
        resolution: timedelta,
    ) -> pl.DataFrame:
        if resolution % HOUR == timedelta(0) and is_full_hour(start) and is_full_hour(end):
            return from_hours(self._hours(assets, channels, start, end), resolution)
        points = flux.source(self.target.bucket, READINGS, assets=assets, channels=channels, start=start, end=end)
        frame = narrowed(values_from(self._server.ask(flux.values(points))), assets, channels)
        return from_readings(frame.lazy(), resolution)

    def latest(self, *, assets: Collection[str] | None = None) -> pl.DataFrame:
        if asks_nothing(assets, None, None, None):
            return pl.DataFrame(schema=FRAME)
        points = flux.source(self.target.bucket, READINGS, assets=assets)
        return narrowed(readings_from(self._server.ask(flux.newest(points))), assets, None)

    def rollups(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        return finish(self._hours(assets, channels, start, end))

    def _hours(
        self,
        assets: Collection[str] | None,
        channels: Collection[str] | None,
        start: datetime | None,
        end: datetime | None,
    ) -> pl.DataFrame:
        """Rows of `HOURLY`: kept ones, and for the hours that changed since, summarised now."""
        first = None if start is None else -(-microseconds(start) // 3_600_000_000)
        if asks_nothing(assets, channels, None if first is None else moment_of(first), end):
            return pl.DataFrame(schema=HOURLY)
        cut = None if is_full_hour(end) else hour_of(end)
        changed = {hour.number: hour for hour in self._beside.unsummarised()}
        if cut is not None:
            changed[cut] = Hour(cut, 0)
        hours = [
            hour
            for number, hour in sorted(changed.items())
            if (first is None or number >= first) and (end is None or moment_of(number) < end)
        ]
        points = flux.source(
            self._hourly,
            HOURS,
            assets=assets,
            channels=channels,
            start=None if first is None else moment_of(first),
            end=end,
        )
        frame = hours_from_figures(self._server.ask(flux.kept_hours(points)))
        number = pl.col("hour").dt.timestamp("us") // 3_600_000_000
        parts = [narrowed(frame.filter(~number.is_in(list(changed))), assets, channels)]
        parts += [rows for _, rows in self._summarised(hours, assets, channels, end)]
        return pl.concat(parts).sort(KEY)

    def _summarised(
        self,
        hours: Sequence[Hour],
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        end: datetime | None = None,
    ) -> Iterator[tuple[Sequence[Hour], pl.DataFrame]]:
        """Hours with their summaries, so many at once as the server's answers stay small."""
        at_once = 1
        while hours:
            portion = adjoining(hours, at_once)
            hours = hours[len(portion) :]
            stop = moment_of(portion[-1].number + 1)
            points = flux.source(
                self.target.bucket,
                READINGS,
                assets=assets,
                channels=channels,
                start=moment_of(portion[0].number),
                end=stop if end is None else min(stop, end),
            )
            rows = hours_from_values(self._server.ask(flux.values(points)))
            values = int(rows["count"].sum())
            at_once = min(max(len(portion) * ROWS_AT_ONCE // max(values, 1), 1), HOURS_AT_ONCE)
            yield portion, narrowed(rows, assets, channels)

    def changes(self, since: str | None = None, *, at_most: int = 1_000_000) -> Changes:
        turn = self._beside.turn
        if since is None or not since.isdigit() or int(since) > turn:
            return Changes(str(turn), self.read(), (), whole=True, more=False)
        deleted = tuple(self._beside.deletions(int(since)))
        parts = [self.read(assets=deleted)] if deleted else [pl.DataFrame(schema=FRAME)]
        rows = 0
        changed = self._beside.changed_after(int(since))
        for number, hour in enumerate(changed):
            parts.append(self.read(start=moment_of(hour.number), end=moment_of(hour.number + 1)))
            rows += parts[-1].height
            if rows >= at_most and number + 1 < len(changed) and changed[number + 1].changed > hour.changed:
                turn = hour.changed
                break
        frame = pl.concat(parts).unique(IDENTITY, keep="any").sort(IDENTITY)
        return Changes(str(turn), frame, deleted, whole=False, more=turn < self._beside.turn)

    def revised(self, since: str, *, before: datetime) -> Revised:
        turn = self._beside.turn
        if not since.isdigit() or int(since) > turn:
            return Revised(str(turn), None)
        deleted = set(self._beside.deletions(int(since)))
        for hour in self._beside.changed_after(int(since)):
            start, end = moment_of(hour.number), min(moment_of(hour.number + 1), before)
            if start < end:
                deleted.update(self.read(start=start, end=end)["asset"].unique())
        return Revised(str(turn), frozenset(deleted))

    def size(self) -> StoreSize:
        """Counted by the server, at most once a minute unless something was appended or deleted."""
        turn = (self._beside.turn, int(time.monotonic() // SIZE_HOLDS))
        if self._sized is None or self._sized[0] != turn:
            count, first, last = self._counted(flux.source(self.target.bucket, READINGS))
            self._sized = turn, StoreSize(readings=count, bytes=0, files=0, first=first, last=last)
        return self._sized[1]

    def _counted(self, points: str) -> tuple[int, datetime | None, datetime | None]:
        count = 0
        newest: dict[str, datetime] = {}
        for answer in self._server.ask(flux.how_many(points)):
            if "number" in answer.columns:
                count += int(answer["number"].sum())
            for name in ("earliest", "newest"):
                if name in answer.columns and answer.height:
                    newest[name] = answer[name][0]
        return count, newest.get("earliest"), newest.get("newest")

    def health(self) -> Health:
        try:
            version = self._server.version()
            self._server.bucket(self.target.bucket)
        except ServicedayError as error:
            return Health(False, "influx", str(error), {"version": self._version})
        waiting = len(self._beside.unsummarised())
        return Health(
            True,
            "influx",
            str(Sentence("InfluxDB {version} at {target}", version=version, target=self.target)),
            {"hours_waiting": waiting},
        )

    def close(self) -> None:
        self._server.close()

    # -- taking turns ---------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, self._beside.writing_alone():
            yield

    def _up_to_date(self) -> Marks:
        turn = self._beside.turn
        if self._marks is None or turn != self._marked:
            self._marks = Marks(self._beside.marks())
            self._marked = turn
        return self._marks
