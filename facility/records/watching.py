"""What the watcher remembers, and what it held back. Alerts change in the same transaction as its memory.

So a death at any moment leaves both as they were before or both as they are after, and what is looked at again gives
the same again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from facility.alerts import Alert, HeldBack, Reason, Remembered, Watching
from facility.i18n.phrases import Text
from facility.records.alerts import keep_on, last_closed, last_seen, open_on
from facility.records.opening import writing
from facility.records.reading import read_rows
from facility.records.tables import table_of
from facility.records.watching_tables import HeldBackRow, WatchingRow, WatchTrackRow

KEPT = timedelta(days=90)  # how long a holding-back that is over can be asked for
_WATCHING = table_of(WatchingRow)
_TRACKS = table_of(WatchTrackRow)
_HELD = table_of(HeldBackRow)


class Turn:
    """One evaluation's transaction: it sees the alerts, changes them and keeps what is to be remembered with them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open_alerts(self) -> list[Alert]:
        """Every alert that is not closed, oldest first."""
        return open_on(self._connection)

    def last_closed(self, causes: Collection[str]) -> dict[str, int]:
        """Number of the alert closed last, by cause."""
        return last_closed(self._connection, causes)

    def last_seen(self, causes: Collection[str]) -> dict[str, datetime]:
        """Until when each cause was last known to hold, of any alert of it."""
        return last_seen(self._connection, causes)

    def keep(
        self,
        opened: Iterable[Alert],
        changed: Iterable[tuple[Alert, str, str]],
        *,
        now: datetime,
        notes: Mapping[str, str],
    ) -> list[Alert]:
        """Keep what was decided, as `facility.records.alerts.keep_on`."""
        return keep_on(self._connection, opened, changed, now=now, notes=notes)

    def hold(self, withheld: Iterable[HeldBack], *, judged: Collection[str], now: datetime) -> None:
        """Keep what is held back of the causes that were `judged`; what no longer is ends `now`."""
        current = {entry.cause: entry for entry in withheld}
        standing = {
            row.cause: row for row in self._connection.execute(select(_HELD).where(_HELD.c.until.is_(None))).all()
        }
        over = [
            row.id
            for cause, row in standing.items()
            if cause in judged and (cause not in current or current[cause].reason != row.reason)
        ]
        if over:
            ended = update(_HELD).where(_HELD.c.id == bindparam("number")).values(until=now)
            self._connection.execute(ended, [{"number": number} for number in over])
        new = [entry for cause, entry in current.items() if cause not in standing or standing[cause].id in over]
        if new:
            self._connection.execute(insert(_HELD), [_held_values(entry) for entry in new])
        if over:
            self._connection.execute(delete(_HELD).where(_HELD.c.until < now - KEPT))

    def remember(self, tracks: Iterable[Remembered], gone: Iterable[tuple[str, str, int]], watching: Watching) -> None:
        """Keep what is remembered of some conditions, forget others, and say how far the watcher has come."""
        rows = [
            {"asset": entry.asset, "channel": entry.channel, "code": entry.code, "body": entry.body} for entry in tracks
        ]
        names = [{"a": row["asset"], "c": row["channel"], "n": row["code"]} for row in rows]
        names += [{"a": asset, "c": channel, "n": code} for asset, channel, code in gone]
        if names:
            where = (
                _TRACKS.c.asset == bindparam("a"),
                _TRACKS.c.channel == bindparam("c"),
                _TRACKS.c.code == bindparam("n"),
            )
            self._connection.execute(delete(_TRACKS).where(*where), names)
        if rows:
            self._connection.execute(insert(_TRACKS), rows)
        values = {"cursor": watching.cursor, "store": watching.store, "looked_at": watching.looked_at}
        if not self._connection.execute(update(_WATCHING).where(_WATCHING.c.id == 1).values(values)).rowcount:
            self._connection.execute(insert(_WATCHING).values(id=1, **values))

    def forget_all(self) -> None:
        """Forget every condition: they are to be made out anew from the store."""
        self._connection.execute(delete(_TRACKS))


class WatchRecords:
    """What the watcher remembers, kept in one transaction with the alerts that came of it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """A transaction in which to evaluate; others that write wait for its end."""
        with writing(self._engine) as connection:
            yield Turn(connection)

    def watching(self) -> Watching | None:
        """How far the watcher had come when it last kept anything; None where none ever ran."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_WATCHING).where(_WATCHING.c.id == 1)).one_or_none()
        return None if row is None else Watching(cursor=row.cursor, store=row.store, looked_at=row.looked_at)

    def remembered(self) -> list[Remembered]:
        """What is remembered of every condition that is not simply good."""
        query = select(_TRACKS).order_by(_TRACKS.c.asset, _TRACKS.c.channel, _TRACKS.c.code)
        with self._engine.connect() as connection:
            return read_rows(
                lambda row: Remembered(asset=row.asset, channel=row.channel, code=row.code, body=row.body),
                connection.execute(query),
                "watch_track",
            )

    def held_back(self, *, asset: str | None = None, cause: str | None = None, over: bool = True) -> list[HeldBack]:
        """What is held back, and with `over` also what was, newest first."""
        query = select(_HELD).order_by(_HELD.c.since.desc(), _HELD.c.id.desc())
        if asset is not None:
            query = query.where(_HELD.c.asset == asset)
        if cause is not None:
            query = query.where(_HELD.c.cause == cause)
        if not over:
            query = query.where(_HELD.c.until.is_(None))
        with self._engine.connect() as connection:
            return read_rows(_held, connection.execute(query), "held_back")


def _held_values(entry: HeldBack) -> dict[str, Any]:
    return {
        "cause": entry.cause,
        "asset": entry.asset,
        "channel": entry.channel,
        "reason": entry.reason.value,
        "detail_zh": entry.detail.zh,
        "detail_en": entry.detail.en,
        "since": entry.since,
        "until": entry.until,
    }


def _held(row: Any) -> HeldBack:
    return HeldBack(
        cause=row.cause,
        asset=row.asset,
        channel=row.channel,
        reason=Reason(row.reason),
        detail=Text(zh=row.detail_zh, en=row.detail_en),
        since=row.since,
        until=row.until,
    )
