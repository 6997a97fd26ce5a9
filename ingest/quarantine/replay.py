"""Understand what is in quarantine once more, after its cause was mended; nothing is counted or stored twice.

People ask for a replay from any process by a row in `replays`; the one process that holds the data folder carries it
out, a batch at a time, in steps that are each safe to die after:

1. the rows of the batch are marked with its number;
2. what became of each is noted beside it, not counted yet;
3. the readings are appended to the store, which keeps the batch's number in the same commit;
4. quarantine and ledger change in the journal, in one transaction, and the batch is done.

Died between 3 and 4, the store tells at the next start that it holds the batch. A row that is refused again stays,
under its number, with its new reason.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Sequence

import msgspec

from facility.store import Appended, Store
from ingest.admission.decoding import Understanding
from ingest.journal.journal import Journal
from ingest.journal.ledger import Counts, add_counts
from ingest.journal.source_ledger import OTHERS, Change, Name, add_sources, source_of
from ingest.messages import Message
from ingest.monitor.channel_state import Hearing
from ingest.monitor.host_clock import BY_CLOCK
from ingest.quarantine.store_refusals import turned_away
from ingest.refusals import UNREAD, Reason, Refusal

ROWS_AT_ONCE = 20_000
BYTES_AT_ONCE = 6_000_000

log = logging.getLogger(__name__)


class _Again(msgspec.Struct, array_like=True):
    """One refusal that was refused again."""

    reason: str
    detail: str
    payload: bytes
    count: int
    topic: str = ""  # where it is not the row's own


class _Result(msgspec.Struct, array_like=True):
    """What became of one row."""

    shares: list[tuple[str, str, int]]  # site, asset, readings admitted
    again: list[_Again]

    @property
    def admitted(self) -> int:
        return sum(count for _, _, count in self.shares)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Result).decode


class Replay:
    """Carries out the replays that were asked for. One thread at a time calls `step`."""

    def __init__(self, journal: Journal, store: Store, understanding: Understanding, hearing: Hearing) -> None:
        self._journal = journal
        self._source = journal.source.replace("journal", "replay")
        self._store = store
        self._understanding = understanding
        self._hearing = hearing
        self._registered: set[str] = set()
        self._map_version = -1

    def recover(self) -> None:
        """Enter a batch that was stored and not counted. Call before the first step and after a failure."""
        kept = self._store.cursor(self._source)
        if kept is not None and kept[2]:
            batch, done, tally = kept
            with self._journal.transaction() as writer:
                position = _position(writer)
            if json.loads(tally)["journal"] == self._journal.identity() and batch == position + 1:
                self._settle(batch, done)

    def step(self) -> int:
        """Take one batch all the way. Gives how many rows it had; 0 when nothing is asked for."""
        self._ask_for_the_registered()
        self._ask_for_the_mapped()
        with self._journal.transaction() as writer:
            batch = _position(writer) + 1
            rows = _take(writer, batch)
        if not rows:
            return 0
        self._understanding.read_again()
        now_us = time.time_ns() // 1000
        # Whoever replays what was ahead of its arrival vouches for the time: it is judged as if it arrived now. Where
        # our own clock was wrong, the arrival has been put right.
        messages = [
            Message(id_, now_us if reason == Reason.FUTURE and vouched != BY_CLOCK else arrived_us, topic, payload)
            for id_, vouched, reason, arrived_us, topic, payload in rows
        ]
        understood = self._understanding.of(messages, vouched={row[0] for row in rows if row[1] == 1}, kept=True)
        shares = understood.shares(messages)
        results = {message.seq: _Result(shares.get(message.seq, []), []) for message in messages}
        for refusal in understood.refusals:
            results[refusal.seq].again.append(_again(refusal))
        with self._journal.transaction() as writer:
            writer.executemany(
                "UPDATE replays SET result = ? WHERE id = ?",
                [(_encode(result), id_) for id_, result in results.items()],
            )
        done = Appended(0, 0, 0)
        readings = understood.admitted.readings
        if readings.num_rows:
            tally = json.dumps({"journal": self._journal.identity()})
            done = self._store.append(readings, source=self._source, cursor=batch, tally=tally)
        foreign = understood.foreign_sources(messages) if done.refused else {}
        self._settle(batch, done, turned_away(done, readings, messages, foreign) if done.refused else ())
        self._hearing.listen(understood.admitted.said)
        return len(rows)

    def _ask_for_the_registered(self) -> None:
        """What waited for its asset to be registered is asked for by itself."""
        new = self._understanding.registry().keys() - self._registered
        if not new:
            return
        with self._journal.transaction() as writer:
            waiting = writer.execute("SELECT DISTINCT detail FROM quarantine WHERE reason = ?", (Reason.UNKNOWN_ASSET,))
            approved = [(asset,) for (asset,) in waiting.fetchall() if asset in new]
            cursor = writer.executemany(
                "INSERT OR IGNORE INTO replays(id, vouched) SELECT id, 0 FROM quarantine WHERE reason = 'unknown_asset'"
                " AND detail = ? AND id NOT IN (SELECT id FROM dropped)",
                approved,
            ).rowcount
        if cursor > 0:
            log.info("%s quarantined messages of newly registered assets are taken in", cursor)
        self._registered |= new

    def _ask_for_the_mapped(self) -> None:
        """What waited for its device to be mapped is asked for by itself, whenever the map has changed."""
        devices = self._understanding.devices
        device_map = devices.device_map()
        if devices.version == self._map_version:
            return
        self._map_version = devices.version
        with self._journal.transaction() as writer:
            waiting = writer.execute(
                "SELECT DISTINCT detail FROM quarantine WHERE reason = ?", (Reason.UNKNOWN_DEVICE,)
            )
            mapped = [(detail,) for (detail,) in waiting.fetchall() if device_map.assets(*detail.split(":", 1))]
            cursor = writer.executemany(
                "INSERT OR IGNORE INTO replays(id, vouched) SELECT id, 0 FROM quarantine"
                " WHERE reason = 'unknown_device' AND detail = ? AND id NOT IN (SELECT id FROM dropped)",
                mapped,
            ).rowcount
        if cursor > 0:
            log.info("%s quarantined messages of newly mapped devices are taken in", cursor)

    def _settle(self, batch: int, done: Appended, away: Sequence[Refusal] = ()) -> None:
        """`away`: what the store turned away, by row; after a death only their number is known, in `done`."""
        with self._journal.transaction() as writer:
            rows = writer.execute(
                "SELECT q.id, q.topic, q.reason, q.count, q.seq, q.arrived_us, q.payload, r.result FROM replays r"
                " JOIN quarantine q USING (id) WHERE r.batch = ? ORDER BY q.id",
                (batch,),
            ).fetchall()
            turned = _turned_away(done, away, [(row[0], row[6]) for row in rows])
            counts = Counts(stored=done.stored, duplicates=done.duplicates, late=done.late)
            by_source: dict[Name, Change] = {}
            for id_, topic, reason, count, seq, arrived_us, _, encoded in rows:
                result = _decode(encoded)
                for again in turned.get(id_, ()):
                    result.again.append(again)
                    result.shares.append((*source_of(again.topic or topic), -again.count))
                left = sum(again.count for again in result.again)
                read = int(reason in UNREAD) - int(any(again.reason in UNREAD for again in result.again))
                # Values that the device map now says nobody wants: a person dropped them.
                unwanted = max(0, count - left - result.admitted)
                unwanted = unwanted if source_of(topic) == OTHERS and reason not in UNREAD else 0
                counts += Counts(
                    quarantined=left - count,
                    replayed=result.admitted,
                    dropped=unwanted,
                    messages_unreadable=-read,
                    messages_decoded=read,
                )
                change = by_source.setdefault(source_of(topic), Change())
                change.quarantined -= count
                change.dropped += unwanted
                for again in result.again:
                    source = source_of(again.topic or topic)
                    by_source.setdefault(source, Change()).quarantined += again.count
                for site, asset, admitted in result.shares:
                    by_source.setdefault((site, asset), Change()).admitted += admitted
                _keep(writer, id_, (seq, arrived_us, topic), result.again)
            add_counts(writer, counts)
            add_sources(writer, by_source)
            writer.execute("DELETE FROM replays WHERE batch = ?", (batch,))
            writer.execute(
                "INSERT INTO notes VALUES ('replayed', ?, 0) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
                (str(batch),),
            )


def _again(refusal: Refusal) -> _Again:
    return _Again(refusal.reason, refusal.detail, refusal.payload, refusal.count, refusal.topic)


def _turned_away(done: Appended, away: Sequence[Refusal], rows: Sequence[tuple[int, bytes]]) -> dict[int, list[_Again]]:
    """What the store did not keep, by row (number, payload).

    Where only its number is known, every row stays with its payload, and the number under the last of them.
    """
    by_message: dict[int, list[_Again]] = {}
    for refusal in away:
        by_message.setdefault(refusal.seq, []).append(_again(refusal))
    unknown = done.refused - sum(refusal.count for refusal in away)
    if unknown > 0:
        last = rows[-1][0]
        for id_, payload in rows:
            by_message.setdefault(id_, []).append(_Again(Reason.STORE, "", payload, unknown if id_ == last else 0))
    return by_message


def _position(writer: sqlite3.Connection) -> int:
    row = writer.execute("SELECT value FROM notes WHERE name = 'replayed'").fetchone()
    return int(row[0]) if row else 0


def _take(writer: sqlite3.Connection, batch: int) -> list[tuple[int, int, str, int, str, bytes]]:
    """The rows of a batch; the same again if it was begun before."""
    select = (
        "SELECT q.id, r.vouched, q.reason, q.arrived_us, q.topic, q.payload FROM replays r JOIN quarantine q USING (id)"
    )
    begun: list[tuple[int, int, str, int, str, bytes]]
    begun = writer.execute(f"{select} WHERE r.batch = ? ORDER BY q.id", (batch,)).fetchall()
    if begun:
        return begun
    size = 0
    cursor = writer.execute(f"{select} WHERE r.batch IS NULL ORDER BY q.id LIMIT ?", (ROWS_AT_ONCE,))
    for row in cursor:
        begun.append(row)
        size += len(row[5])
        if size >= BYTES_AT_ONCE:
            break
    cursor.close()
    writer.executemany("UPDATE replays SET batch = ? WHERE id = ?", [(batch, row[0]) for row in begun])
    return begun


def _keep(writer: sqlite3.Connection, id_: int, origin: tuple[int, int, str], again: list[_Again]) -> None:
    """Leave in quarantine what was refused again: the first under its number, any others under numbers of their own."""
    if not again:
        writer.execute("DELETE FROM quarantine WHERE id = ?", (id_,))
        return
    first, *others = again
    writer.execute(
        "UPDATE quarantine SET payload = ?, reason = ?, detail = ?, count = ?, topic = ? WHERE id = ?",
        (first.payload, first.reason, first.detail, first.count, first.topic or origin[2], id_),
    )
    writer.executemany(
        "INSERT INTO quarantine(seq, arrived_us, topic, payload, reason, detail, count) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (*origin[:2], again.topic or origin[2], again.payload, again.reason, again.detail, again.count)
            for again in others
        ],
    )
