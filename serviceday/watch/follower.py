"""Follows readings as they are stored, and says which conditions became bad or good with them.

Each channel that is not simply good has its tracks, one a limit and one a code; everything else costs a row of a table
that is joined in bulk. Readings that are newer than all before are fed as they come. What came late, was revised, or is
bad on a channel of which nothing is remembered, is made out anew from the store: the same readings give the same
conditions, in whatever order they came and however often.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby
from typing import NamedTuple

import polars as pl

from facility.alerts import HeldBack, Reason, Remembered
from facility.estate import Asset
from facility.store import Changes, Store
from serviceday.alerts.conditions import PHRASES, Condition, Verdict
from serviceday.alerts.rules import Rule, bands, rules
from serviceday.alerts.standing import Name, what_holds
from serviceday.alerts.track import Reading, Track
from serviceday.alerts.wording import LIMIT, cause_of, condition, microseconds, moment
from serviceday.watch.modes import Modes
from serviceday.watch.sifting import by_series, sift

Series = tuple[str, str]  # asset and channel
Turned = tuple[Track, Verdict]  # a condition as it was at a moment, and what is to be said of it
STEPS = 2  # changes of one condition within one look that are told: what is over as well as what holds


@dataclass(frozen=True, slots=True)
class Anew:
    """Why a channel is made out anew from the store."""

    since_us: int | None  # from which time on something is new; None: nothing that is over is to be told
    late: bool = False  # something came later than what is newer


@dataclass(slots=True)
class News:
    """What one look at the store brought. `rounds` are to be settled one after the other."""

    rounds: list[list[Condition]] = field(default_factory=list)
    held: dict[str, HeldBack] = field(default_factory=dict)  # by cause
    released: set[str] = field(default_factory=set)  # causes that are no longer held back
    readings: int = 0
    _places: dict[str, int] = field(default_factory=dict)  # the next round of each cause

    def add(self, conditions: Iterable[Condition]) -> None:
        """Changes of one condition, in their order, after those that were added before."""
        for change in conditions:
            place = self._places.get(change.cause, 0)
            self._places[change.cause] = place + 1
            if place == len(self.rounds):
                self.rounds.append([])
            self.rounds[place].append(change)


class Follower:
    """What is known of every condition of a fleet. Holds in memory only what is or has lately been wrong."""

    def __init__(self, store: Store, *, timezone: tzinfo = UTC) -> None:
        self._store = store
        self._timezone = timezone
        self._rules = rules()
        self._bands = bands(self._rules)
        self._kinds: dict[str, str] = {}
        self._kinds_frame = _kinds_frame({})
        self._heard: dict[Series, tuple[int, int]] = {}  # time and arrival of the newest reading
        self._tracks: dict[Series, dict[int, Track]] = {}
        self._modes = Modes(self._mode_readings)
        self._now = datetime.fromtimestamp(0, UTC)
        self._withheld: set[Series] = set()  # bad while the equipment is not in normal service
        self.dirty: set[Series] = set()  # whose tracks are not what was last kept
        self.gone: set[Name] = set()

    # -- what it stands on ----------------------------------------------------------------------------------------

    def know(self, assets: Mapping[str, Asset]) -> None:
        """From now on these are the registered assets."""
        kinds = {asset.id: asset.kind for asset in assets.values()}
        if kinds != self._kinds:
            self._kinds, self._kinds_frame = kinds, _kinds_frame(kinds)

    def recall(self, remembered: Iterable[Remembered], withheld: Iterable[HeldBack]) -> None:
        """Take up what was kept, and nothing else."""
        for memory in (self._tracks, self._heard, self._withheld, self.dirty, self.gone):
            memory.clear()
        self._withheld.update((back.asset, back.channel) for back in withheld if back.reason is Reason.NOT_IN_SERVICE)
        for entry in remembered:
            self._tracks.setdefault((entry.asset, entry.channel), {})[entry.code] = Track.of(entry.body)

    def remembered(self) -> list[Remembered]:
        """What is to be kept of the conditions that changed."""
        return [
            Remembered(asset=series[0], channel=series[1], code=code, body=track.plain())
            for series in self.dirty
            for code, track in self._tracks.get(series, {}).items()
        ]

    def kept(self) -> None:
        """All of it is kept now."""
        self.dirty.clear()
        self.gone.clear()

    def forget(self, keep: Collection[str]) -> None:
        """Let go of the conditions that are simply good, but for assets that have an open alert."""
        for series, tracks in list(self._tracks.items()):
            if series[0] in keep:
                continue
            for code in [code for code, track in tracks.items() if track.quiet]:
                del tracks[code]
                self.gone.add((*series, code))
            if not tracks:
                del self._tracks[series]

    # -- following ------------------------------------------------------------------------------------------------

    def follow(self, changes: Changes, now: datetime) -> News:
        """What the readings that were stored since the last look say."""
        self._now = now
        news = News(readings=changes.readings.height)
        for asset in changes.deleted:
            self._drop(asset)
        if changes.readings.height:
            self._modes.hear(changes.readings, self._kinds)
            self._take(sift(changes.readings, self._kinds_frame, self._bands), news)
        self._elapse(news)
        return news

    def begin(self, now: datetime, assets_in_alarm: Collection[Series]) -> News:
        """Make out from the store alone what holds: of everything that is not good, and of what has an open alert."""
        self._now = now
        news = News()
        self.gone.update((*series, code) for series, tracks in self._tracks.items() for code in tracks)
        self._tracks.clear()
        newest = sift(self._store.latest(), self._kinds_frame, self._bands)
        series_rows = by_series(newest)
        self._heard = {(row[0], row[1]): (row[2], row[3]) for row in _heard_rows(series_rows)}
        wrong = newest.filter(~pl.col("good") | pl.col("code"))
        to_make_out = {(asset, channel) for asset, channel in wrong.select("asset", "channel").iter_rows()}
        to_make_out |= {series for series in assets_in_alarm if series in self._heard}
        self._make_out(dict.fromkeys(to_make_out, Anew(None)), news)
        return news

    def standing(self, *, only: Collection[str] | None = None) -> list[Condition]:
        """What holds now of every condition that is remembered, of some assets or all."""
        tracks = (
            ((*series, code), track)
            for series, own in self._tracks.items()
            if only is None or series[0] in only
            for code, track in own.items()
        )
        return what_holds(tracks, self._rules, self._kinds, now=self._now, timezone=self._timezone)

    def _take(self, sifted: pl.DataFrame, news: News) -> None:
        """Feed what is in order, and note what has to be made out anew."""
        in_order: dict[Series, tuple[int, int]] = {}
        anew: dict[Series, Anew] = {}
        for asset, channel, _kind, first, last, arrived, trouble in by_series(sifted).iter_rows():
            series = (asset, channel)
            before = self._heard.get(series)
            tracks = self._tracks.get(series)
            if before is None and tracks:
                before = max((track.seen_us, track.arrived_us) for track in tracks.values())
            if before is None or last > before[0]:
                self._heard[series] = (last, arrived)
            elif arrived > before[1]:
                self._heard[series] = (before[0], arrived)
            if not (trouble or tracks or series in self._withheld):
                continue
            if before is None or (first <= before[0] and arrived > before[1]):
                anew[series] = Anew(first, late=before is not None)
            elif last > before[0]:
                in_order[series] = before
        if in_order:
            self._feed(sifted, in_order, news)
        if anew:
            self._make_out(anew, news)

    def _feed(self, sifted: pl.DataFrame, in_order: Mapping[Series, tuple[int, int]], news: News) -> None:
        self._modes.need({asset for asset, _ in in_order}, self._kinds)
        for series, rows in _rows(sifted, in_order):
            rule = self._rule(series)
            if rule is None:
                continue
            newer = [row for row in rows if row.time > in_order[series][0]]
            turns = self._fed(self._tracks.setdefault(series, {}), series, newer, news)
            self.dirty.add(series)
            for code, snapshots in turns.items():
                self._tell((*series, code), rule, [(track, _verdict(track)) for track in snapshots[-STEPS:]], news)

    def _fed(self, tracks: dict[int, Track], series: Series, rows: Iterable[Row], news: News) -> dict[int, list[Track]]:
        """Feed rows of one channel to its tracks, made where a code is new. Gives each as it was when it turned."""
        rule = self._rules[self._kinds[series[0]], series[1]]
        codes = rule.alarm.codes
        turns: dict[int, list[Track]] = {}

        def feed(code: int, reading: Reading) -> None:
            track = tracks.setdefault(code, Track())
            due = track.due_us(rule.alarm, stands=rule.stands)
            if due is not None and due <= reading.time_us and track.elapse(due, rule.alarm):
                turns.setdefault(code, []).append(track.copy())
            if track.feed(reading, rule.alarm):
                turns.setdefault(code, []).append(track.copy())

        for row in rows:
            in_use = rule.in_any_mode or self._modes.in_use(series[0], self._kinds[series[0]], row.time)
            self._withhold(series, rule, row, row.bad and not in_use, news)
            if not in_use:
                continue
            if rule.channel.limit.bounded:
                feed(LIMIT, Reading(row.time, row.value, row.arrived, row.bad, row.good, row.far))
            if codes:
                named = int(row.value) if row.code else LIMIT
                for code in {*tracks, named} - {LIMIT}:
                    feed(code, Reading(row.time, row.value, row.arrived, code == named, code != named))
        return turns

    def _make_out(self, anew: Mapping[Series, Anew], news: News) -> None:
        """Make out conditions anew from the store."""
        now_us = microseconds(self._now)
        compiled = {series: rule for series in anew if (rule := self._rule(series)) is not None}
        if not compiled:
            return
        self._modes.need({asset for asset, _ in compiled}, self._kinds)
        starts = {series: self._reach(series, rule, now_us) for series, rule in compiled.items()}
        readings = self._store.read(
            assets={asset for asset, _ in compiled},
            channels={channel for _, channel in compiled},
            start=moment(min(starts.values())),
        )
        sifted = sift(readings, self._kinds_frame, self._bands)
        for series, rows in _rows(sifted, starts):
            rule = compiled[series]
            before = self._tracks.get(series, {})
            tracks = {
                code: Track(risen=[time for time in track.risen if time < starts[series]])
                for code, track in before.items()
            }
            rows = [row for row in rows if row.time >= starts[series]]
            turns = self._fed(tracks, series, rows, news)
            for track in tracks.values():
                track.horizon_us = rows[0].time if rows else 0
            self._tracks[series] = tracks
            self.dirty.add(series)
            for code, track in tracks.items():
                if self._lapsed(track, rule):
                    turns.setdefault(code, []).append(track.copy())
                new = self._news_of(before.get(code, Track()), track, turns.get(code, []), anew[series])
                self._tell((*series, code), rule, new, news)

    def _news_of(self, old: Track, new: Track, turns: list[Track], anew: Anew) -> list[Turned]:
        """Of what a condition went through, what has not been told."""
        if anew.since_us is None:
            return [(new.copy(), Verdict.BAD)] if new.bad else []
        now = replace(new.copy(), late=anew.late)
        if old.bad and new.bad and old.earlier:
            new.began_us, new.horizon_us = old.began_us, old.horizon_us
            return []
        if old.bad and new.bad:
            return [(now, Verdict.BAD)] if new.began_us != old.began_us else []
        if new.bad:
            return [(now, Verdict.BAD)]
        if old.bad:
            was_so = any(track.bad and track.seen_us >= old.began_us for track in turns)
            return [(now, Verdict.GOOD if was_so else Verdict.WITHDRAWN)]
        recent = [track for track in turns[-STEPS:] if track.seen_us >= anew.since_us]
        return [(replace(track, late=anew.late), _verdict(track)) for track in recent]

    def _reach(self, series: Series, rule: Rule, now_us: int) -> int:
        """From when on readings are needed: as far back as they speak, and before what is believed bad began."""
        hour = 3_600_000_000
        depth = now_us - rule.depth // timedelta(microseconds=1)
        began = [track.began_us - hour for track in self._tracks.get(series, {}).values() if track.bad]
        return min([depth, *began])

    def _tell(self, name: Name, rule: Rule, turns: list[Turned], news: News) -> None:
        """Put what a condition went through among the news, where it is fresh enough to be believed."""
        conditions = []
        for place, (track, verdict) in enumerate(turns):
            if self._fresh(track, rule):
                current = condition(name, track, rule, verdict, timezone=self._timezone)
                over = verdict is Verdict.BAD and (place + 1 < len(turns) or not self._tracks[name[:2]][name[2]].bad)
                conditions.append(replace(current, over=over))
        news.add(conditions)

    def _elapse(self, news: News) -> None:
        """What time alone has made bad or good."""
        for series, tracks in self._tracks.items():
            rule = self._rule(series)
            if rule is None or not rule.stands:
                continue
            for code, track in tracks.items():
                if self._lapsed(track, rule):
                    self.dirty.add(series)
                    self._tell((*series, code), rule, [(track.copy(), _verdict(track))], news)

    def _lapsed(self, track: Track, rule: Rule) -> bool:
        """Let time pass for a condition. Whether what is believed of it changed."""
        due = track.due_us(rule.alarm, stands=rule.stands)
        if due is None or due > microseconds(self._now) or not self._fresh(track, rule):
            return False
        return track.elapse(due, rule.alarm)

    # -- small things ---------------------------------------------------------------------------------------------

    def pending(self) -> list[tuple[Name, Track, Rule]]:
        """Conditions that point the other way than what is believed of them."""
        return [
            ((*series, code), track, rule)
            for series, tracks in self._tracks.items()
            if (rule := self._rule(series)) is not None
            for code, track in tracks.items()
            if (track.bad_run and not track.bad) or (track.bad and track.good_run)
        ]

    def _fresh(self, track: Track, rule: Rule) -> bool:
        return track.fresh_until_us(rule.channel.stale_after) >= microseconds(self._now)

    def _rule(self, series: Series) -> Rule | None:
        return self._rules.get((self._kinds.get(series[0], ""), series[1]))

    def _drop(self, asset: str) -> None:
        for series in [name for name in self._tracks if name[0] == asset]:
            self.gone.update((*series, code) for code in self._tracks.pop(series))
        for series in [name for name in self._heard if name[0] == asset]:
            del self._heard[series]

    def _mode_readings(self, assets: Collection[str], channels: Collection[str]) -> pl.DataFrame:
        back = max(rule.depth for rule in self._rules.values() if not rule.in_any_mode)
        return self._store.read(assets=assets, channels=channels, start=self._now - back)

    def _withhold(self, series: Series, rule: Rule, row: Row, bad: bool, news: News) -> None:
        """Note that a bad reading is no alarm, the equipment not being in normal service, or no longer so."""
        cause = cause_of(*series, LIMIT)
        if bad:
            news.held[cause] = HeldBack(
                cause=cause,
                asset=series[0],
                channel=series[1],
                reason=Reason.NOT_IN_SERVICE,
                detail=PHRASES["held_not_in_service"].filled(channel=rule.channel.name),
                since=moment(row.time),
            )
            news.released.discard(cause)
            self._withheld.add(series)
        elif series in self._withheld:
            news.held.pop(cause, None)
            news.released.add(cause)
            self._withheld.discard(series)


def _verdict(track: Track) -> Verdict:
    return Verdict.BAD if track.bad else Verdict.GOOD


class Row(NamedTuple):
    """A judged reading, as `sift` gives it."""

    time: int
    value: float
    arrived: int
    bad: bool
    good: bool
    far: bool
    code: bool


def _rows(sifted: pl.DataFrame, chosen_series: Mapping[Series, object]) -> Iterator[tuple[Series, list[Row]]]:
    """The rows of some channels, a channel at a time, in the order of their times."""
    names = pl.DataFrame(list(chosen_series), schema={"asset": pl.String, "channel": pl.String}, orient="row")
    chosen = sifted.join(names, on=["asset", "channel"], how="semi").sort("asset", "channel", "time")
    rows = chosen.select("asset", "channel", *Row._fields).iter_rows()
    for series, group in groupby(rows, key=lambda row: (row[0], row[1])):
        yield series, [Row(*row[2:]) for row in group]


def _heard_rows(series_rows: pl.DataFrame) -> Iterable[tuple[str, str, int, int]]:
    return series_rows.select("asset", "channel", "last", "arrived").iter_rows()


def _kinds_frame(kinds: Mapping[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"asset": list(kinds), "kind": list(kinds.values())}, schema={"asset": pl.String, "kind": pl.String}
    )
