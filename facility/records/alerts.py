"""Alerts with their trail. What opens and closes them is decided elsewhere; here it is kept, and each step with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from facility.alerts import Alert, AlertState, Severity, Source, Step
from facility.errors import CannotDo
from facility.i18n.phrases import Text
from facility.records.opening import writing
from facility.records.reading import read_row, read_rows
from facility.records.tables import AlertRow, AlertStepRow, table_of

LONGEST_SHELF = timedelta(days=30)
AT_ONCE = 500  # values of one query
NO_NOTES: Mapping[str, str] = {}
_ALERTS = table_of(AlertRow)
_STEPS = table_of(AlertStepRow)


class AlertRecords:
    """Alerts and their trails. Every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, *, asset: str | None = None) -> list[Alert]:
        """Every alert that is not closed, however old; newest first."""
        return self.all(asset=asset, closed=False)

    def all(
        self, *, asset: str | None = None, closed: bool | None = None, since: datetime | None = None
    ) -> list[Alert]:
        """Alerts, newest first. `since` leaves out closed ones that were closed before it, never an open one."""
        query = select(_ALERTS).order_by(_ALERTS.c.opened_at.desc(), _ALERTS.c.id.desc())
        if asset is not None:
            query = query.where(_ALERTS.c.asset == asset)
        if closed is not None:
            query = query.where(_ALERTS.c.closed_at.is_not(None) if closed else _ALERTS.c.closed_at.is_(None))
        if since is not None:
            query = query.where(_ALERTS.c.closed_at.is_(None) | (_ALERTS.c.closed_at >= since))
        with self._engine.connect() as connection:
            return read_rows(alert_of, connection.execute(query), "alert")

    def get(self, number: int) -> Alert:
        """One alert. Raises `CannotDo` if there is none of that number."""
        with self._engine.connect() as connection:
            return _get(connection, number)

    def trail(self, number: int) -> list[Step]:
        """What happened to an alert, oldest first."""
        query = select(_STEPS).where(_STEPS.c.alert == number).order_by(_STEPS.c.id)
        with self._engine.connect() as connection:
            return [
                Step(alert=row.alert, at=row.at, who=row.who, what=row.what, note=row.note)
                for row in connection.execute(query)
            ]

    def steps_after(self, step: int, *, most: int = 1000) -> list[tuple[int, Step]]:
        """Steps of all alerts after one of them, with their numbers, in the order in which they were kept."""
        query = select(_STEPS).where(_STEPS.c.id > step).order_by(_STEPS.c.id).limit(most)
        with self._engine.connect() as connection:
            return [
                (row.id, Step(alert=row.alert, at=row.at, who=row.who, what=row.what, note=row.note))
                for row in connection.execute(query)
            ]

    def steps_between(self, since: datetime, until: datetime) -> list[Step]:
        """Steps of all alerts in a time, in the order in which they were kept."""
        query = select(_STEPS).where(_STEPS.c.at >= since, _STEPS.c.at < until).order_by(_STEPS.c.id)
        with self._engine.connect() as connection:
            return [
                Step(alert=row.alert, at=row.at, who=row.who, what=row.what, note=row.note)
                for row in connection.execute(query)
            ]

    def numbered(self, numbers: Collection[int]) -> dict[int, Alert]:
        """Alerts by number; those that are not there are left out."""
        ordered = sorted(set(numbers))
        alerts: dict[int, Alert] = {}
        with self._engine.connect() as connection:
            for begin in range(0, len(ordered), 500):
                query = select(_ALERTS).where(_ALERTS.c.id.in_(ordered[begin : begin + 500]))
                alerts |= {alert.id: alert for alert in read_rows(alert_of, connection.execute(query), "alert")}
        return alerts

    def last_closed(self, causes: Collection[str]) -> dict[str, int]:
        """Number of the alert closed last, by cause."""
        with self._engine.connect() as connection:
            return last_closed(connection, causes)

    def last_step(self, number: int | None = None) -> int:
        """The number of the last step of an alert, or of any: it grows whenever something happens; 0 without steps."""
        query = select(func.max(_STEPS.c.id))
        if number is not None:
            query = query.where(_STEPS.c.alert == number)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar() or 0)

    def keep(
        self,
        opened: Iterable[Alert],
        changed: Iterable[tuple[Alert, str, str]],
        *,
        now: datetime,
        notes: Mapping[str, str] = NO_NOTES,
    ) -> list[Alert]:
        """Keep what an evaluation decided, all or nothing. As `keep_on`."""
        with writing(self._engine) as connection:
            return keep_on(connection, opened, changed, now=now, notes=notes)

    def acknowledge(self, number: int, *, by: str, now: datetime, note: str = "") -> Alert:
        """Somebody has seen it. One that had returned to normal meanwhile is closed with this.

        Raises `CannotDo` if it is closed, or was acknowledged before.
        """
        with writing(self._engine) as connection:
            alert = _still_open(connection, number)
            if alert.state is AlertState.ACKNOWLEDGED:
                raise CannotDo(
                    "alert {number} was acknowledged by {by}",
                    "Close it when it is done",
                    number=number,
                    by=alert.acknowledged_by,
                )
            values: dict[str, object] = {"acknowledged_at": now, "acknowledged_by": by}
            if note:
                values["note"] = note
            if alert.state is AlertState.RETURNED:
                values |= {"closed_at": now, "closed_by": by}
            connection.execute(update(_ALERTS).where(_ALERTS.c.id == number).values(values))
            _tell(connection, number, now, by, "acknowledged", note)
            if alert.state is AlertState.RETURNED:
                _tell(connection, number, now, by, "closed", "")
            return _get(connection, number)

    def close(self, number: int, *, by: str, now: datetime, note: str = "") -> Alert:
        """Somebody says it is done. If it is not, the next evaluation opens another that follows this one.

        Raises `CannotDo` if it is closed already.
        """
        with writing(self._engine) as connection:
            _still_open(connection, number)
            values = {"closed_at": now, "closed_by": by} | ({"note": note} if note else {})
            connection.execute(update(_ALERTS).where(_ALERTS.c.id == number).values(values))
            _tell(connection, number, now, by, "closed", note)
            return _get(connection, number)

    def assign(self, number: int, *, to: str, by: str, now: datetime, note: str = "") -> Alert:
        """Give it to somebody; "" takes it back from whoever has it. Raises `CannotDo` if it is closed."""
        with writing(self._engine) as connection:
            _still_open(connection, number)
            connection.execute(update(_ALERTS).where(_ALERTS.c.id == number).values(assigned_to=to))
            _tell(connection, number, now, by, "assigned", ": ".join(filter(None, (to or "-", note))))
            return _get(connection, number)

    def comment(self, number: int, *, by: str, note: str, now: datetime) -> Alert:
        """Add a word to the trail, of a closed alert as well. Raises `CannotDo` where there is no word."""
        if not note.strip():
            raise CannotDo("a comment without words", "Say --note TEXT")
        with writing(self._engine) as connection:
            alert = _get(connection, number)
            _tell(connection, number, now, by, "commented", note)
            return alert

    def shelve(self, number: int, *, until: datetime, by: str, why: str, now: datetime) -> Alert:
        """Put it aside for a time, with a reason. It is evaluated all the same, and comes back when it worsens.

        Raises `CannotDo` if it is closed, the reason is missing, or the time is over or longer than `LONGEST_SHELF`.
        """
        if not why.strip():
            raise CannotDo("an alert is put aside for a reason", "Say --note TEXT")
        if not now < until <= now + LONGEST_SHELF:
            raise CannotDo(
                "an alert can be put aside until {until:%Y-%m-%d %H:%M} UTC at the latest, from now on",
                "Name a time within that",
                until=now + LONGEST_SHELF,
            )
        with writing(self._engine) as connection:
            _still_open(connection, number)
            values = {"shelved_until": until, "shelved_by": by, "shelved_why": why}
            connection.execute(update(_ALERTS).where(_ALERTS.c.id == number).values(values))
            _tell(connection, number, now, by, "shelved", f"{until:%Y-%m-%d %H:%M} UTC: {why}")
            return _get(connection, number)

    def unshelve(self, number: int, *, by: str, now: datetime) -> Alert:
        """Bring it back before its time. Raises `CannotDo` if it is not put aside."""
        with writing(self._engine) as connection:
            if not _still_open(connection, number).shelved(now):
                raise CannotDo("alert {number} is not put aside", "Nothing to do", number=number)
            _unshelve(connection, number, now, by, "")
            return _get(connection, number)


def open_on(connection: Connection) -> list[Alert]:
    """Every alert that is not closed, oldest first."""
    query = select(_ALERTS).where(_ALERTS.c.closed_at.is_(None)).order_by(_ALERTS.c.id)
    return read_rows(alert_of, connection.execute(query), "alert")


def last_closed(connection: Connection, causes: Collection[str]) -> dict[str, int]:
    """Number of the alert closed last, by cause."""
    if not causes:
        return {}
    query = (
        select(_ALERTS.c.cause, func.max(_ALERTS.c.id))
        .where(_ALERTS.c.closed_at.is_not(None))
        .group_by(_ALERTS.c.cause)
    )
    if len(causes) <= AT_ONCE:
        query = query.where(_ALERTS.c.cause.in_(causes))
    result = connection.execute(query)
    return {cause: number for cause, number in result if cause in causes}


def last_seen(connection: Connection, causes: Collection[str]) -> dict[str, datetime]:
    """Until when each cause was last known to hold, of any alert of it."""
    query = select(_ALERTS.c.cause, func.max(_ALERTS.c.last_seen_at)).where(_ALERTS.c.cause.in_(causes))
    return {cause: moment for cause, moment in connection.execute(query.group_by(_ALERTS.c.cause)) if moment}


def keep_on(
    connection: Connection,
    opened: Iterable[Alert],
    changed: Iterable[tuple[Alert, str, str]],
    *,
    now: datetime,
    notes: Mapping[str, str] = NO_NOTES,
) -> list[Alert]:
    """Keep what an evaluation decided, in the caller's transaction.

    `opened` come without a number (0) and are given back with it. `changed` are (alert, step, note); an empty step
    keeps the change without an entry in the trail, for what is not worth one, such as a later `last_seen_at`. `notes`
    are words for the trail of what opens, by cause.
    An alert that meanwhile was closed, or whose cause meanwhile was opened by another process, is left alone.
    """
    alerts = []
    still_open = dict(
        connection.execute(select(_ALERTS.c.id, _ALERTS.c.cause).where(_ALERTS.c.closed_at.is_(None))).all()
    )
    causes = set(still_open.values())
    for alert, what, note in changed:
        if alert.id in still_open:
            _change(connection, alert)
            if what:
                _tell(connection, alert.id, now, "", what, note)
            if what == "worsened":  # what has become graver is no longer put aside
                _unshelve(connection, alert.id, now, "", note)
            if alert.closed_at is not None:
                causes.discard(alert.cause)
    for alert in opened:
        if alert.cause in causes:
            continue
        causes.add(alert.cause)
        values = {name: value for name, value in _values(alert).items() if name != "id"}
        number = int(connection.execute(insert(_ALERTS).values(values).returning(_ALERTS.c.id)).scalar_one())
        follows = "" if alert.follows is None else f"follows {alert.follows}"
        _tell(connection, number, now, "", "opened", "; ".join(filter(None, (follows, notes.get(alert.cause, "")))))
        alerts.append(_get(connection, number))
    return alerts


def _still_open(connection: Connection, number: int) -> Alert:
    alert = _get(connection, number)
    if alert.state is AlertState.CLOSED:
        raise CannotDo(
            "alert {number} is closed since {closed_at:%Y-%m-%d %H:%M} UTC",
            "Nothing to do",
            number=number,
            closed_at=alert.closed_at,
        )
    return alert


def _unshelve(connection: Connection, number: int, now: datetime, who: str, note: str) -> None:
    aside = (_ALERTS.c.id == number) & (_ALERTS.c.shelved_until > now)
    if connection.execute(update(_ALERTS).where(aside).values(shelved_until=None)).rowcount:
        _tell(connection, number, now, who, "unshelved", note)


def _get(connection: Connection, number: int) -> Alert:
    row = connection.execute(select(_ALERTS).where(_ALERTS.c.id == number)).one_or_none()
    if row is None:
        raise CannotDo("there is no alert {number}", "`serviceday alerts list` shows those there are", number=number)
    return read_row(alert_of, row, "alert")


_EVALUATED = (
    "channel",
    "severity",
    "title_zh",
    "title_en",
    "reason_zh",
    "reason_en",
    "last_seen_at",
    "returned_at",
    "began",
    "began_after",
    "began_before",
)


def _change(connection: Connection, alert: Alert) -> None:
    """Only what an evaluation decides: a person may have acknowledged since it read the alert."""
    values = {name: value for name, value in _values(alert).items() if name in _EVALUATED}
    if alert.closed_at is not None:
        values["closed_at"] = alert.closed_at
    connection.execute(update(_ALERTS).where(_ALERTS.c.id == alert.id).values(values))


def _tell(connection: Connection, number: int, at: datetime, who: str, what: str, note: str) -> None:
    connection.execute(insert(_STEPS).values(alert=number, at=at, who=who, what=what, note=note))


_PLAIN = tuple(name for name in Alert.__dataclass_fields__ if name not in ("source", "severity", "title", "reason"))


def _values(alert: Alert) -> dict[str, object]:
    return {name: getattr(alert, name) for name in _PLAIN} | {
        "source": alert.source.value,
        "severity": alert.severity.value,
        "title_zh": alert.title.zh,
        "title_en": alert.title.en,
        "reason_zh": alert.reason.zh,
        "reason_en": alert.reason.en,
    }


def alert_of(row: Any) -> Alert:
    """An alert from its row."""
    return Alert(
        **{name: getattr(row, name) for name in _PLAIN},
        source=Source(row.source),
        severity=Severity(row.severity),
        title=Text(zh=row.title_zh, en=row.title_en),
        reason=Text(zh=row.reason_zh, en=row.reason_en),
    )
