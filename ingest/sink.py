"""From the journal to the store: decode, admit, append, settle, and never count a reading twice.

One batch passes four steps, each safe to die after:

1. what is refused is noted in the journal, not counted yet;
2. the readings are appended to the store, which keeps the batch's last `seq` and its tally in the same commit;
3. position and ledger move on in the journal, in one transaction;
4. later, when the store has synced, the messages are deleted.

Died between 2 and 3, the store's commit is found at the next start and its tally is entered then. Died before 2, the
refusals are taken back and the batch is decoded again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict

from facility.catalogue.catalogue import Catalogue
from facility.store import READINGS, Appended, Store
from ingest.admission.decoding import Directory, Understanding, Understood
from ingest.admission.resolution import RESOLVED_BY_MAP
from ingest.devices.setup import DeviceSetup
from ingest.journal.codec_state import load_codec_state
from ingest.journal.damage import DamagedRow
from ingest.journal.journal import Journal
from ingest.journal.ledger import Counts
from ingest.journal.source_ledger import OTHERS, Change, Name, changes, count_foreign, count_messages, source_of
from ingest.messages import MOST, ROOM, Message, Presence
from ingest.monitor.channel_state import Hearing
from ingest.monitor.host_clock import BY_CLOCK, HostClock, Period, base_now
from ingest.quarantine.replay import Replay
from ingest.quarantine.store_refusals import less, turned_away
from ingest.refusals import NEVER_READINGS, Reason, Refusal
from ingest.topics import Rules

MESSAGES_AT_ONCE = 100_000
BYTES_AT_ONCE = 2_000_000  # of payload: some 150,000 readings

log = logging.getLogger(__name__)


class Sink:
    """Moves what is journalled into a store. One thread at a time calls `step`."""

    def __init__(
        self,
        journal: Journal,
        store: Store,
        directory: Directory,
        catalogue: Catalogue,
        *,
        rules: Rules | None = None,
        hearing: Hearing | None = None,
        host_clock: HostClock | None = None,
        devices: DeviceSetup | None = None,
        publish: Callable[[Sequence[tuple[str, bytes]]], None] = lambda _requests: None,
        subscribe: Callable[[Sequence[str]], None] = lambda _topics: None,
    ) -> None:
        """`publish` and `subscribe`: where what codecs ask for goes, once the batch is settled."""
        self._publish, self._subscribe = publish, subscribe
        self._journal = journal
        self._store = store
        self._hearing = hearing or Hearing()
        self._host_clock = host_clock or HostClock()
        self._devices = devices or DeviceSetup(rules=rules)
        with journal.transaction() as connection:
            self._devices.state.load(load_codec_state(connection))
        self._understanding = Understanding(directory, catalogue, before=self._hearing.before, devices=self._devices)
        self._replay = Replay(journal, store, self._understanding, self._hearing)
        self._identity = journal.identity()
        self.behind = False  # the last batch was as large as it may be: more is likely waiting

    def recover(self) -> None:
        """Bring journal and store to agree on what has been kept. Call before the first step and after a failure."""
        position = self._store.cursor(self._journal.source)
        if (position[0] if position else 0) < self._journal.appended():
            stored = self.refill(position[0] if position else 0)
            log.warning("the store had lost its last commits; %s readings were stored again from the journal", stored)
        if position is not None and position[2]:  # without a tally it was kept too long ago to be in doubt
            seq, done, tally = position
            noted = json.loads(tally)
            if noted["journal"] == self._identity and seq > self._journal.position():
                presence = [Presence(**row) for row in noted["presence"]]
                counts = Counts(**noted["counts"]) + _counts(done)
                if done.refused and not any(
                    refusal.reason == Reason.STORE for refusal in self._journal.refused(self._journal.position(), seq)
                ):
                    ending = self._journal.after(seq - 1, messages=1, payload_bytes=0)[:1]
                    self._journal.refuse(turned_away(done, READINGS.empty_table(), ending, {}), ending)
                sources = _completed(self._sources_until(seq), counts)
                self._settle(seq, counts, presence, sources)
                log.info("entered a batch that was stored but not counted when ingest ended, up to message %s", seq)
        self._journal.forget_unsettled()
        self._mend_the_end()
        self._replay.recover()

    def step(self) -> int:
        """Take one batch all the way, of messages and of replays. Gives how many it had; 0 when nothing is waiting."""
        return self._step() + self._replay.step()

    def _step(self) -> int:
        position = self._journal.position()
        try:
            messages = self._journal.after(position, messages=MESSAGES_AT_ONCE, payload_bytes=BYTES_AT_ONCE)
        except DamagedRow as error:
            damage = self._journal.set_aside(error.after)
            return 0 if damage is None else damage.messages
        if not messages:
            return 0
        last = messages[-1].seq
        size = sum(len(message.payload) for message in messages)
        self.behind = len(messages) + MOST > MESSAGES_AT_ONCE or size + ROOM > BYTES_AT_ONCE
        understood = self._understanding.of(messages)
        decoded, refusals = understood.decoded, understood.refusals
        readings = understood.admitted.readings
        counts = Counts(
            messages_decoded=len(messages) - decoded.unreadable,
            messages_unreadable=decoded.unreadable,
            quarantined=sum(refusal.count for refusal in refusals),
        )
        if refusals:
            self._journal.refuse(refusals, messages)
        done = Appended(0, 0, 0)
        if readings.num_rows:
            note = {
                "journal": self._identity,
                "counts": asdict(counts),
                "presence": [asdict(presence) for presence in decoded.presence],
            }
            done = self._store.append(readings, source=self._journal.source, cursor=last, tally=json.dumps(note))
        foreign = self._foreign(understood, messages)
        away = turned_away(done, readings, messages, foreign) if done.refused else []
        if away:
            self._journal.refuse(away, messages)
        per_source = less(understood.per_source, away, messages)
        self._devices.state.adopt(understood.state)
        sources = _sources(messages, refusals + away, per_source, foreign)
        self._settle(last, counts + _counts(done), decoded.presence, sources)
        if decoded.requests:
            self._publish(decoded.requests)
        if decoded.subscriptions:
            self._subscribe(decoded.subscriptions)
        self._hearing.listen(understood.admitted.said)
        base_us, boot = base_now()
        self._host_clock.observe(understood.ways(messages), messages, base_us=base_us, boot=boot)
        for period in self._host_clock.right_again():
            self._readmit(period)
        return len(messages)

    def _settle(self, last: int, counts: Counts, presence: Sequence[Presence], sources: dict[Name, Change]) -> None:
        registered, remembered = self._understanding.registered, self._devices.state.unsaved()
        try:
            self._journal.settle(last, counts, presence, sources, registered, remembered)
        except BaseException:
            self._devices.state.save_again(*remembered)
            raise

    def _foreign(self, understood: Understood, messages: Sequence[Message]) -> dict[int, Name]:
        """The asset of each message of a foreign device, by `seq`; nothing where only native devices speak."""
        return understood.foreign_sources(messages) if self._devices.dialects.codecs else {}

    def _readmit(self, period: Period) -> None:
        """Ask for what was refused as in the future because our clock was behind, at the time it really arrived."""
        with self._journal.transaction() as writer:
            rows = (
                "FROM quarantine WHERE reason = 'future' AND seq BETWEEN ? AND ? AND id NOT IN (SELECT id FROM dropped)"
            )
            stretch = (period.first, period.last)
            writer.execute(
                f"UPDATE quarantine SET arrived_us = arrived_us - ? WHERE id IN (SELECT id {rows})",  # noqa: S608
                (period.skew_us, *stretch),
            )
            asked = writer.execute(
                f"INSERT OR IGNORE INTO replays(id, vouched) SELECT id, {BY_CLOCK} {rows}",
                stretch,
            ).rowcount
            self._host_clock.save(writer)
        log.warning(
            "the clock of this machine was behind and is right again; %s messages that were refused as in the future"
            " are understood anew",
            asked,
        )

    def refill(self, after: int) -> int:
        """Store again what the journal still has of messages that were stored once. Gives how many readings were new.

        The store has lost what a power cut or damage took; the ledger counted these messages already.
        """
        position = self._journal.position()
        stored = 0
        while after < position:
            try:
                messages = self._journal.after(after, messages=MESSAGES_AT_ONCE, payload_bytes=BYTES_AT_ONCE)
            except DamagedRow as error:
                after = self._journal.behind(error.after)
                continue
            if not messages:
                break
            last = messages[-1].seq
            refused = self._journal.whole_messages_refused(after, last)
            due = [message for message in messages if message.seq <= position and message.seq not in refused]
            readings = self._understanding.of(due).admitted.readings if due else READINGS.empty_table()
            if readings.num_rows:
                stored += self._store.append(readings).stored
            after = last
        self._store.append(READINGS.empty_table(), source=self._journal.source, cursor=position)
        return stored

    def _mend_the_end(self) -> None:
        """Count messages whose rows are gone and after which nothing came."""
        position = self._journal.position()
        try:
            missing = not self._journal.after(position, messages=1, payload_bytes=0)
        except DamagedRow:
            missing = True
        if missing and self._journal.counts().pending:
            self._journal.set_aside(position)

    def _sources_until(self, seq: int) -> dict[Name, Change]:
        """What a stored batch adds to each source, worked out from its messages and from what it refused."""
        position = self._journal.position()
        messages: list[Message] = []
        while not messages or messages[-1].seq < seq:
            after = messages[-1].seq if messages else position
            try:
                more = self._journal.after(after, messages=MESSAGES_AT_ONCE, payload_bytes=BYTES_AT_ONCE)
            except DamagedRow:  # damaged after it was stored: what its sources said can no longer be told apart
                break
            if not more:
                break
            messages += more
        messages = [message for message in messages if message.seq <= seq]
        refusals = self._journal.refused(position, seq)
        understood = self._understanding.of(messages)
        self._devices.state.adopt(understood.state)
        admitted, foreign = understood.said_by_source, self._foreign(understood, messages)
        topics = {message.seq: message.topic for message in messages}
        for refusal in refusals:
            source = source_of(refusal.topic or topics[refusal.seq])
            if source == OTHERS and refusal.reason not in RESOLVED_BY_MAP:
                source = foreign.get(refusal.seq, OTHERS)
            if refusal.reason not in NEVER_READINGS and source in admitted:
                admitted[source] -= refusal.count
        return _sources(messages, refusals, admitted, foreign)


def _sources(
    messages: Sequence[Message],
    refusals: Sequence[Refusal],
    admitted: dict[Name, int],
    foreign: dict[int, Name],
) -> dict[Name, Change]:
    topics = {message.seq: message.topic for message in messages} if refusals else {}
    by_source = changes(((message.topic, message.arrived_us) for message in messages), topics, refusals, admitted)
    count_messages(by_source, (message.topic for message in messages))
    if foreign:
        count_foreign(by_source, {message.seq: message.arrived_us for message in messages}, foreign)
    return by_source


def _completed(sources: dict[Name, Change], counts: Counts) -> dict[Name, Change]:
    """What a batch adds to each source; what can no longer be told apart stands under no name."""
    others = sources.setdefault(OTHERS, Change())
    others.messages += (
        counts.messages_decoded + counts.messages_unreadable - sum(change.messages for change in sources.values())
    )
    others.admitted += counts.stored + counts.duplicates - sum(change.admitted for change in sources.values())
    others.quarantined += counts.quarantined - sum(change.quarantined for change in sources.values())
    return sources


def _counts(done: Appended) -> Counts:
    return Counts(stored=done.stored, duplicates=done.duplicates, late=done.late, quarantined=done.refused)
