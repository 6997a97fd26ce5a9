"""The watcher: one look after the other at what was stored, each all or nothing.

A look is: ask the store what changed, follow it, settle what it means, and keep alerts, memory and cursor in one
transaction. Killed at any moment it goes on from the last look that was kept and comes to the same alerts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from facility.alerts import Source, Watching
from facility.estate import Asset
from facility.records import Records
from facility.records.watching import Turn
from facility.standing import NO_SPELLS, Spells
from facility.store import Changes, Store
from serviceday.alerts.conditions import Condition, Verdict
from serviceday.alerts.pipeline import NOTHING, AlertChanges, Around, settle
from serviceday.alerts.predictions import assessment_conditions
from serviceday.watch.follower import Follower, News

EPOCH = datetime.fromtimestamp(0, UTC)
AT_ONCE = 200_000  # readings of one look
KEEP_EVERY = timedelta(seconds=10)  # how much is followed again after a death, where nothing happened
JUDGE_EVERY = timedelta(minutes=1)  # how often all that stands is held against the open alerts
KNOW_EVERY = timedelta(seconds=5)  # how old the registry may be


@dataclass(frozen=True, slots=True)
class Look:
    """What one look did."""

    readings: int
    changes: AlertChanges
    more: bool  # there is more to be had at once


class Watcher:
    """Watches one store for one set of records. One at a time may.

    Its own state is the cursor, None while it has to begin; all else is with the follower and in the records.
    """

    def __init__(self, records: Records, store: Store, *, timezone: tzinfo = UTC) -> None:
        self._records = records
        self._store = store
        self._timezone = timezone
        self._follower = Follower(store, timezone=timezone)
        self._cursor: str | None = None
        self._identity = ""
        self._assets: dict[str, Asset] = {}
        self._spells: Spells = NO_SPELLS
        self._known_at = self._kept_at = self._judged_at = EPOCH
        self._last_step = -1

    def look(self, now: datetime, extra: Sequence[Condition] = ()) -> Look:
        """Look once. `extra` are conditions that others found: silence, say, or that nothing is taken in.

        Raises what store and records raise; nothing is kept then, and the next look begins where the last kept ended.
        """
        try:
            return self._look(now, list(extra))
        except BaseException:
            self._cursor = None  # what is in memory may be ahead of what is kept
            raise

    def tell(self, now: datetime, conditions: Sequence[Condition]) -> AlertChanges:
        """Settle conditions that others found, without looking at the store: it may be what does not answer."""
        self._know(now)
        with self._records.watch.turn() as turn:
            return self._settle(turn, list(conditions), News(), now)

    def _look(self, now: datetime, extra: list[Condition]) -> Look:
        self._know(now)
        begun = self._cursor is None
        changes, news = self._news(now)
        last_step = self._records.alerts.last_step()  # before the alerts are read: what happens meanwhile is not missed
        judged = begun or now - self._judged_at >= JUDGE_EVERY or last_step != self._last_step
        rounds = news.rounds + ([self._follower.standing()] if judged else [])
        last = len(rounds) - 1 if judged else -1
        done = NOTHING
        if rounds or extra or news.held or news.released or begun or now - self._kept_at >= KEEP_EVERY:
            with self._records.watch.turn() as turn:
                if changes.whole:
                    turn.forget_all()
                for place, conditions in enumerate(rounds or [[]]):
                    done += self._settle(turn, [*conditions, *extra], news, now, whole=place == last)
                    extra = []
                self._remember(turn, changes.cursor, now)
            self._follower.kept()
            self._kept_at = now
        self._cursor = changes.cursor
        if judged:
            self._judged_at, self._last_step = now, last_step
        return Look(news.readings, done, changes.more)

    def _news(self, now: datetime) -> tuple[Changes, News]:
        """What was stored since the last look, or, where that can't be told, what holds according to the store."""
        if self._cursor is None and not self._recall():
            return self._begin(now)
        changes = self._store.changes(self._cursor, at_most=AT_ONCE)
        if changes.whole:
            return self._begin(now)
        return changes, self._follower.follow(changes, now)

    def _recall(self) -> bool:
        """Go on where the last watcher was, if it was this store that it watched."""
        watching = self._records.watch.watching()
        self._identity = self._store.identity()
        if watching is None or watching.store != self._identity:
            return False
        if self._store.revised(watching.cursor, before=EPOCH).assets is None:
            return False  # so old that the store would have to give all it has
        self._follower.recall(self._records.watch.remembered(), self._records.watch.held_back(over=False))
        self._cursor = watching.cursor
        return True

    def _begin(self, now: datetime) -> tuple[Changes, News]:
        """Begin at the end of what is stored. The cursor comes first: what is stored meanwhile is seen twice."""
        cursor = self._store.revised("", before=EPOCH).cursor
        self._follower.recall([], self._records.watch.held_back(over=False))
        in_alarm = {(alert.asset, alert.channel) for alert in self._records.alerts.open() if alert.channel}
        news = self._follower.begin(now, in_alarm)
        nothing = self._store.latest(assets=()).clear()
        return Changes(cursor, nothing, (), whole=True, more=False), news

    def _settle(
        self, turn: Turn, conditions: list[Condition], news: News, now: datetime, *, whole: bool = False
    ) -> AlertChanges:
        conditions = self._with_models(self._not_told(turn, conditions), now)
        around = Around(
            now=now,
            assets=self._assets,
            open_alerts=turn.open_alerts(),
            spells=self._spells,
            timezone=self._timezone,
            whole=whole,
        )
        return settle(turn, conditions, around, withheld=list(news.held.values()), released=news.released)

    def _not_told(self, turn: Turn, conditions: list[Condition]) -> list[Condition]:
        """Without what is over and was told when it was not."""
        over = {condition.cause for condition in conditions if condition.over}
        last_seen = turn.last_seen(over) if over else {}
        return [
            condition
            for condition in conditions
            if not (condition.over and condition.cause in last_seen) or condition.seen_at > last_seen[condition.cause]
        ]

    def _with_models(self, conditions: list[Condition], now: datetime) -> list[Condition]:
        """With all else that is known of the same assets, so that what is about one trouble is judged together."""
        assets = {condition.asset for condition in conditions if condition.source in (Source.LIMIT, Source.FAULT)}
        if not assets:
            return conditions
        named = {condition.cause for condition in conditions}
        others = [condition for condition in self._follower.standing(only=assets) if condition.cause not in named]
        others = [condition for condition in others if condition.verdict is Verdict.BAD]
        assessed = self._records.assessments.latest(assets=assets).values()
        return conditions + others + assessment_conditions(assessed, list(self._assets.values()), now=now)

    def _remember(self, turn: Turn, cursor: str, now: datetime) -> None:
        self._follower.forget({alert.asset for alert in turn.open_alerts()})
        watching = Watching(cursor=cursor, store=self._identity, looked_at=now)
        turn.remember(self._follower.remembered(), self._follower.gone, watching)

    def _know(self, now: datetime) -> None:
        """The registry, who is out of use, and what models believe."""
        if now - self._known_at < KNOW_EVERY and self._cursor is not None:
            return
        self._assets = {asset.id: asset for asset in self._records.estate.assets()}
        self._spells = self._records.trail.spells()
        self._follower.know(self._assets)
        self._known_at = now
