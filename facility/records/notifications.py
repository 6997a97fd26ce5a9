"""What was told and what was not: the log that makes telling at least once, and doubles recognisable."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from facility.alerts import Severity
from facility.errors import CannotDo
from facility.notifications import Attempt, ChannelHealth, Decided, Look, Message, MessageState, Reason
from facility.records.notification_tables import (
    AcknowledgementTokenRow,
    NotificationAttemptRow,
    NotificationChannelRow,
    NotificationCursorRow,
    NotificationLookRow,
    NotificationRow,
)
from facility.records.opening import writing
from facility.records.reading import read_row, read_rows
from facility.records.tables import AlertStepRow, table_of

_MESSAGES = table_of(NotificationRow)
_ATTEMPTS = table_of(NotificationAttemptRow)
_LOOKS = table_of(NotificationLookRow)
_CHANNELS = table_of(NotificationChannelRow)
_CURSOR = table_of(NotificationCursorRow)
_TOKENS = table_of(AcknowledgementTokenRow)
_STEPS = table_of(AlertStepRow)
_AT_ONCE = 500  # values in one `IN`
_ERROR = 400  # characters of an error that are kept


class NotificationRecords:
    """What was told to whom, what was held back, and how channels do."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # How far the trail was followed.

    def begin(self, now: datetime) -> tuple[int, int]:
        """The last step that was looked at and the one where telling began; the first time, the end of the trail."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_CURSOR)).one_or_none()
        if row is None:
            with writing(self._engine) as connection:
                row = connection.execute(select(_CURSOR)).one_or_none()
                if row is None:
                    last = connection.execute(select(func.max(_STEPS.c.id))).scalar() or 0
                    connection.execute(insert(_CURSOR).values(id=1, step=last, start=last, at=now))
                    return last, last
        return row.step, row.start

    def start(self) -> int | None:
        """The step of the trail after which telling began; `None` where it never has."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_CURSOR.c.start)).one_or_none()
        return None if row is None else int(row.start)

    # What was decided.

    def keep(self, decided: Decided) -> list[str]:
        """Keep what a pass decided, all or nothing; gives the keys that are new. One that is there stays as it is."""
        fresh: list[str] = []
        with writing(self._engine) as connection:
            for message in decided.messages:
                if _add(connection, _MESSAGES, _message_values(message)):
                    fresh.append(message.key)
            for look in decided.looks:
                _add(connection, _LOOKS, {name: getattr(look, name) for name in _LOOK})
            for parcel, keys in decided.parcels.items():
                for some in _some(keys):
                    connection.execute(
                        update(_MESSAGES)
                        .where(_MESSAGES.c.key.in_(some))
                        .values(state=MessageState.SENT, parcel=parcel)
                    )
            for some in _some(decided.looked):
                connection.execute(delete(_LOOKS).where(_LOOKS.c.id.in_(some)))
            connection.execute(update(_CURSOR).where(_CURSOR.c.step < decided.cursor).values(step=decided.cursor))
        return fresh

    def due_looks(self, now: datetime) -> list[Look]:
        query = select(_LOOKS).where(_LOOKS.c.due_at <= now).order_by(_LOOKS.c.due_at, _LOOKS.c.id)
        with self._engine.connect() as connection:
            return read_rows(_look, connection.execute(query), "notification_look")

    def due_messages(self, state: MessageState, now: datetime) -> list[Message]:
        """Messages in a state, not told by another, whose time has come, in the order in which they came."""
        due = (_MESSAGES.c.state == state) & (_MESSAGES.c.due_at <= now) & (_MESSAGES.c.parcel == "")
        query = select(_MESSAGES).where(due).order_by(_MESSAGES.c.id)
        with self._engine.connect() as connection:
            return read_rows(_message, connection.execute(query), "notification")

    # What is asked while deciding.

    def existing(self, keys: Collection[str]) -> set[str]:
        """Which of these keys are there."""
        existing: set[str] = set()
        with self._engine.connect() as connection:
            for some in _some(list(keys)):
                existing |= set(connection.execute(select(_MESSAGES.c.key).where(_MESSAGES.c.key.in_(some))).scalars())
        return existing

    def recent(self, receiver: str, since: datetime) -> int:
        """How many messages somebody was sent, or is about to be sent, since a moment."""
        query = select(func.count()).where(
            _MESSAGES.c.receiver == receiver,
            _MESSAGES.c.queued_at > since,
            _MESSAGES.c.parcel == "",
            _MESSAGES.c.state.in_((MessageState.QUEUED, MessageState.SENT, MessageState.FAILED)),
        )
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def about(self, alert: int) -> list[Message]:
        """Every message about an alert, oldest first, those that were held back too."""
        query = select(_MESSAGES).where(_MESSAGES.c.alert == alert).order_by(_MESSAGES.c.id)
        with self._engine.connect() as connection:
            return read_rows(_message, connection.execute(query), "notification")

    def by_key(self, key: str) -> Message | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(_MESSAGES).where(_MESSAGES.c.key == key)).one_or_none()
        return None if row is None else read_row(_message, row, "notification")

    def log(self, *, since: datetime | None = None, most: int = 1000) -> list[Message]:
        """What was told and held back, newest first."""
        query = select(_MESSAGES).order_by(_MESSAGES.c.id.desc()).limit(most)
        if since is not None:
            query = query.where(_MESSAGES.c.queued_at >= since)
        with self._engine.connect() as connection:
            return read_rows(_message, connection.execute(query), "notification")

    def attempts(self, key: str) -> list[Attempt]:
        query = select(_ATTEMPTS).where(_ATTEMPTS.c.key == key).order_by(_ATTEMPTS.c.id)
        with self._engine.connect() as connection:
            return [Attempt(row.key, row.at, row.channel, row.outcome, row.error) for row in connection.execute(query)]

    def sent_times(self, channel: str, since: datetime) -> list[datetime]:
        """When parts went out by a channel since a moment, oldest first."""
        query = (
            select(_ATTEMPTS.c.at)
            .where(_ATTEMPTS.c.channel == channel, _ATTEMPTS.c.at > since)
            .order_by(_ATTEMPTS.c.at)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    # What became of a message.

    def part_sent(self, message: Message, parts: int, now: datetime) -> None:
        """A part has arrived; should we end here, the next try goes on after it."""
        with writing(self._engine) as connection:
            _set(connection, message.key, parts=parts)
            _tried(connection, Attempt(message.key, now, message.channel, "sent"))

    def sent(self, message: Message, now: datetime) -> None:
        with writing(self._engine) as connection:
            _set(connection, message.key, state=MessageState.SENT, sent_at=now, error="", attempts=message.attempts + 1)
            _works(connection, message.channel, now)

    def postponed(self, message: Message, until: datetime) -> None:
        """It waits for its turn; nothing was tried."""
        with writing(self._engine) as connection:
            _set(connection, message.key, due_at=until)

    def failed(self, message: Message, attempt: Attempt, until: datetime) -> None:
        """It did not arrive, and is tried again at `until`."""
        error = attempt.error[:_ERROR]
        with writing(self._engine) as connection:
            _set(
                connection,
                message.key,
                due_at=until,
                attempts=message.attempts + 1,
                failing_since=message.failing_since or attempt.at,
                error=error,
            )
            _tried(connection, attempt)
            _failing(connection, attempt)

    def given_up(
        self, message: Message, reason: Reason, *, attempt: Attempt | None = None, instead: Message | None = None
    ) -> None:
        """It is not tried by this channel again; `instead` goes by another, in the same transaction."""
        with writing(self._engine) as connection:
            changed: dict[str, Any] = {"state": MessageState.FAILED, "reason": reason}
            if attempt is not None:
                changed |= {"error": attempt.error[:_ERROR], "attempts": message.attempts + 1}
                _tried(connection, attempt)
                if attempt.outcome != "unaddressed":
                    _failing(connection, attempt)
            if instead is not None:
                changed["parcel"] = instead.key
                _add(connection, _MESSAGES, _message_values(instead))
            _set(connection, message.key, **changed)

    # Channels.

    def health(self) -> dict[str, ChannelHealth]:
        with self._engine.connect() as connection:
            rows = read_rows(_channel, connection.execute(select(_CHANNELS)), "notification_channel")
        return {row.name: row for row in rows}

    def works(self, channel: str, now: datetime) -> None:
        """Something has arrived by a channel."""
        with writing(self._engine) as connection:
            _works(connection, channel, now)

    def tell_dead(self, channel: str, messages: Sequence[Message], now: datetime) -> None:
        """Keep the words about a dead channel, and that they were said."""
        with writing(self._engine) as connection:
            for message in messages:
                _add(connection, _MESSAGES, _message_values(message))
            _health(connection, channel, {"told_at": now})

    # Links.

    def use_token(self, nonce: str, *, alert: int, by: str, now: datetime) -> None:
        """Use a link up. Raises `CannotDo` if it was used before."""
        with writing(self._engine) as connection:
            values = {"nonce": nonce, "alert": alert, "used_at": now, "used_by": by}
            if not _add(connection, _TOKENS, values):
                raise CannotDo(
                    "this link was used before",
                    "Acknowledge it with `serviceday alerts acknowledge {alert}`",
                    alert=alert,
                )

    def token_used(self, nonce: str) -> bool:
        with self._engine.connect() as connection:
            return connection.execute(select(_TOKENS.c.nonce).where(_TOKENS.c.nonce == nonce)).first() is not None


def _some(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[begin : begin + _AT_ONCE] for begin in range(0, len(values), _AT_ONCE))


def _add(connection: Connection, table: Any, values: dict[str, Any]) -> bool:
    """Add a row unless its key is there; gives whether it was added."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return bool(connection.execute(dialect.insert(table).values(values).on_conflict_do_nothing()).rowcount)


def _set(connection: Connection, key: str, **values: Any) -> None:
    connection.execute(update(_MESSAGES).where(_MESSAGES.c.key == key).values(values))


def _tried(connection: Connection, attempt: Attempt) -> None:
    values = {name: getattr(attempt, name) for name in Attempt.__dataclass_fields__} | {"error": attempt.error[:_ERROR]}
    connection.execute(insert(_ATTEMPTS).values(values))


def _health(connection: Connection, channel: str, values: dict[str, Any]) -> None:
    _add(connection, _CHANNELS, {"name": channel, "error": ""})
    connection.execute(update(_CHANNELS).where(_CHANNELS.c.name == channel).values(values))


def _works(connection: Connection, channel: str, now: datetime) -> None:
    values = {"sent_at": now, "failing_since": None, "tried_at": now, "error": "", "told_at": None}
    _health(connection, channel, values)


def _failing(connection: Connection, attempt: Attempt) -> None:
    _health(connection, attempt.channel, {"tried_at": attempt.at, "error": attempt.error[:_ERROR]})
    unset = (_CHANNELS.c.name == attempt.channel) & _CHANNELS.c.failing_since.is_(None)
    connection.execute(update(_CHANNELS).where(unset).values(failing_since=attempt.at))


_LOOK = tuple(name for name in Look.__dataclass_fields__ if name != "id")
_MESSAGE = tuple(
    name for name in Message.__dataclass_fields__ if name not in ("id", "severity", "state", "reason", "ways")
)


def _message_values(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in _MESSAGE} | {
        "severity": message.severity.value,
        "state": message.state.value,
        "reason": message.reason.value if message.reason else "",
        "ways": list(message.ways),
    }


def _message(row: Any) -> Message:
    return Message(
        **{name: getattr(row, name) for name in _MESSAGE},
        id=row.id,
        severity=Severity(row.severity),
        state=MessageState(row.state),
        reason=Reason(row.reason) if row.reason else None,
        ways=tuple(row.ways),
    )


def _look(row: Any) -> Look:
    return Look(**{name: getattr(row, name) for name in Look.__dataclass_fields__})


def _channel(row: Any) -> ChannelHealth:
    return ChannelHealth(**{name: getattr(row, name) for name in ChannelHealth.__dataclass_fields__})
