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
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

from facility.channels import Catalogue
from facility.estate import Asset
from facility.store import Appended, Store
from ingest.admission import Admitted, admit
from ingest.codec import Decoded, decode
from ingest.journal import Journal, Presence
from ingest.ledger import Counts
from ingest.packing import Message
from ingest.quarantine import Reason, Refusal

SOURCE = "journal"
MESSAGES_AT_ONCE = 100_000
BYTES_AT_ONCE = 6_000_000  # of payload: some 500,000 readings
REGISTRY_READ_EVERY = 3.0  # seconds; 0.5 when an asset is not known

log = logging.getLogger(__name__)


class Sink:
    """Moves what is journalled into a store. One thread at a time calls `step`."""

    def __init__(
        self, journal: Journal, store: Store, directory: Callable[[], Mapping[str, Asset]], catalogue: Catalogue
    ) -> None:
        self._journal = journal
        self._store = store
        self._directory = directory
        self._catalogue = catalogue
        self._assets: Mapping[str, Asset] = {}
        self._assets_read = -REGISTRY_READ_EVERY
        self._identity = journal.identity()
        self.behind = False  # the last batch was as large as it may be: more is likely waiting

    def recover(self) -> None:
        """Bring journal and store to agree on what has been kept. Call before the first step and after a failure."""
        kept = self._store.cursor(SOURCE)
        if kept is not None and kept[2]:  # without a tally it was kept too long ago to be in doubt
            seq, done, tally = kept
            noted = json.loads(tally)
            if noted["journal"] == self._identity and seq > self._journal.position():
                presence = [Presence(**one) for one in noted["presence"]]
                self._journal.settle(seq, Counts(**noted["counts"]) + _counts(done), presence)
                log.info("entered a batch that was stored but not counted when ingest ended, up to message %s", seq)
        self._journal.forget_unsettled()

    def step(self) -> int:
        """Take one batch all the way. Gives how many messages it had; 0 when nothing is waiting."""
        position = self._journal.position()
        messages = self._journal.after(position, messages=MESSAGES_AT_ONCE, payload_bytes=BYTES_AT_ONCE)
        if not messages:
            return 0
        last = messages[-1].seq
        size = sum(len(message.payload) for message in messages)
        self.behind = len(messages) >= MESSAGES_AT_ONCE or size >= BYTES_AT_ONCE
        decoded, admitted = self._understand(messages)
        refusals = decoded.refusals + admitted.refusals
        counts = Counts(
            messages_decoded=len(messages) - decoded.unreadable,
            messages_unreadable=decoded.unreadable,
            quarantined=sum(refusal.count for refusal in refusals),
        )
        if refusals:
            self._journal.refuse(refusals, messages)
        done = Appended(0, 0, 0)
        if admitted.readings.num_rows:
            note = {
                "journal": self._identity,
                "counts": asdict(counts),
                "presence": [asdict(one) for one in decoded.presence],
            }
            done = self._store.append(admitted.readings, source=SOURCE, cursor=last, tally=json.dumps(note))
        self._journal.settle(last, counts + _counts(done), decoded.presence)
        return len(messages)

    def _understand(self, messages: Sequence[Message]) -> tuple[Decoded, Admitted]:
        """Decode and admit. A message that breaks the decoder itself is found by halving, and refused alone."""
        try:
            return self._decode_and_admit(messages)
        except Exception:
            log.exception("decoding failed; looking for the message that did it")
        unbroken, refused = self._unbroken(messages)
        decoded, admitted = self._decode_and_admit(unbroken)
        decoded.refusals.extend(refused)
        return replace(decoded, unreadable=decoded.unreadable + len(refused)), admitted

    def _unbroken(self, messages: Sequence[Message]) -> tuple[list[Message], list[Refusal]]:
        try:
            self._decode_and_admit(messages)
        except Exception as error:  # noqa: BLE001 - whatever it is, the message must not stop the others
            if len(messages) == 1:
                (only,) = messages
                detail = f"{type(error).__name__}: {error}"[:200]
                return [], [Refusal(seq=only.seq, reason=Reason.UNREADABLE, detail=detail, payload=only.payload)]
            middle = len(messages) // 2
            left, right = self._unbroken(messages[:middle]), self._unbroken(messages[middle:])
            return left[0] + right[0], left[1] + right[1]
        return list(messages), []

    def _decode_and_admit(self, messages: Sequence[Message]) -> tuple[Decoded, Admitted]:
        decoded = decode(messages)
        assets = self._known(decoded.places)
        return decoded, admit(decoded, messages, assets=assets, catalogue=self._catalogue)

    def _known(self, places: Sequence[tuple[str, str]]) -> Mapping[str, Asset]:
        """The registry, read again every few seconds, and sooner for an asset it does not hold."""
        age = time.monotonic() - self._assets_read
        strange = age > 0.5 and any(asset not in self._assets for _, asset in places)
        if age > REGISTRY_READ_EVERY or strange:
            self._assets = self._directory()
            self._assets_read = time.monotonic()
        return self._assets


def _counts(done: Appended) -> Counts:
    return Counts(stored=done.stored, duplicates=done.duplicates, late=done.late)
