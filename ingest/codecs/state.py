"""What codecs remember between messages: aliases of a birth, the last state of a device, the ids of what came before.

A decoder works on a fork. Its changes are adopted once the batch is in the store, and written to the journal in the
transaction that moves the position: a batch that is decoded again after a crash finds the state it found before.
What is understood anew from quarantine sees the state and leaves it alone.

The memory is bounded: the entries that were not asked for longest are forgotten first. Strangers have a small room of
their own, so that any number of them never pushes out what is remembered of devices that are mapped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

ENTRIES_AT_MOST = 200_000  # of mapped devices; an entry of a plug takes some 500 bytes
STRANGERS_AT_MOST = 2_000

Key = tuple[str, str, str]  # codec, device, what is remembered of it
Row = tuple[str, str, str, bytes]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class CodecState:
    """Entries by codec, device and what they are; values are plain JSON-like data and are never changed in place."""

    def __init__(
        self,
        mapped: Callable[[str, str], bool] = lambda _codec, _device: True,
        *,
        entries_at_most: int = ENTRIES_AT_MOST,
        strangers_at_most: int = STRANGERS_AT_MOST,
        beneath: CodecState | None = None,
        past: bool = False,
    ) -> None:
        self.past = past  # what is decoded comes from quarantine: newer messages have been understood before it
        self._mapped = mapped
        self._limits = (strangers_at_most, entries_at_most)
        self._rooms: tuple[OrderedDict[Key, object], OrderedDict[Key, object]] = (OrderedDict(), OrderedDict())
        self._beneath = beneath
        self._unsaved: dict[Key, None] = {}

    def __len__(self) -> int:
        return sum(map(len, self._rooms))

    @property
    def size(self) -> int:
        """Entries of this one and of what it reads through to."""
        return len(self) + (self._beneath.size if self._beneath is not None else 0)

    def get(self, key: Key) -> object | None:
        """What is remembered; None for nothing."""
        for room in self._rooms:
            if key in room:
                room.move_to_end(key)
                return room[key]
        return self._beneath.get(key) if self._beneath is not None else None

    def devices(self, codec: str, what: str) -> list[str]:
        """Of which devices something is remembered."""
        keys = [key for room in self._rooms for key in room]
        beneath = self._beneath.devices(codec, what) if self._beneath is not None else []
        own = [device for each, device, kind in keys if (each, kind) == (codec, what)]
        return list(dict.fromkeys([*beneath, *own]))

    def put(self, key: Key, value: object) -> None:
        """Remember. What has not been asked for longest makes way."""
        mapped = self._mapped(key[0], key[1])
        self._rooms[not mapped].pop(key, None)  # a stranger that has been mapped meanwhile moves
        room = self._rooms[mapped]
        room[key] = value
        room.move_to_end(key)
        self._unsaved[key] = None
        while len(room) > self._limits[mapped]:
            forgotten, _ = room.popitem(last=False)
            self._unsaved[forgotten] = None

    def fork(self, *, past: bool = False) -> CodecState:
        """A state that reads through to this one and keeps its changes to itself."""
        strangers, entries = self._limits
        return CodecState(self._mapped, entries_at_most=entries, strangers_at_most=strangers, beneath=self, past=past)

    def adopt(self, fork: CodecState) -> None:
        """Take a fork's changes over."""
        for room in fork._rooms:
            for key, value in room.items():
                self.put(key, value)

    def load(self, rows: Iterable[Row]) -> None:
        """What was saved before; later rows are the newer ones."""
        for codec, device, what, value in rows:
            self.put((codec, device, what), _decode(value))
        self._unsaved.clear()

    def save_again(self, written: Iterable[Row], removed: Iterable[Key]) -> None:
        """What could not be written is to be written the next time."""
        self._unsaved |= dict.fromkeys([*((codec, device, what) for codec, device, what, _ in written), *removed])

    def unsaved(self) -> tuple[list[Row], list[Key]]:
        """What is to be written and what is to be deleted, since this was asked last."""
        written, removed = [], []
        for key in self._unsaved:
            value = next((room[key] for room in self._rooms if key in room), None)
            if value is None:
                removed.append(key)
            else:
                written.append((*key, _encode(value)))
        self._unsaved.clear()
        return written, removed
