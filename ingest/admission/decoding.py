"""Decode and admit, and let no message stop the others: one that breaks the decoder itself is found by halving."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from facility.catalogue.catalogue import Catalogue
from facility.estate import Asset
from ingest.admission.admission import Admitted, Before, admit
from ingest.admission.resolution import Estate, resolve
from ingest.codecs.contract import Decoded
from ingest.codecs.dialects import merged
from ingest.codecs.state import CodecState
from ingest.devices.setup import DeviceSetup
from ingest.journal.source_ledger import OTHERS, Name, source_of
from ingest.messages import Message
from ingest.refusals import Reason, Refusal
from ingest.topics import Rules

REGISTRY_READ_EVERY = 3.0  # seconds; 0.5 when an asset is not known

Directory = Callable[[], Mapping[str, Asset]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What a run of messages said, and what of it may be stored."""

    decoded: Decoded
    admitted: Admitted
    state: CodecState  # what codecs will remember once the batch is in the store

    @property
    def refusals(self) -> list[Refusal]:
        return self.decoded.refusals + self.admitted.refusals

    @property
    def per_source(self) -> dict[Name, int]:
        """Readings admitted of each source."""
        return dict(zip(self.decoded.places, self.admitted.per_place.tolist(), strict=True))

    @property
    def said_by_source(self) -> dict[Name, int]:
        """Readings of each source, admitted or not."""
        places = self.decoded.places
        counts = np.bincount(self.decoded.readings["place"].to_numpy(), minlength=len(places))
        return dict(zip(places, counts.tolist(), strict=True))

    def ways(self, messages: Sequence[Message]) -> dict[str, int]:
        """The least (arrival - device time) of each registered asset, admitted or not, in microseconds."""
        frame, places = self.decoded.readings, self.decoded.places
        arrived = np.fromiter((message.arrived_us for message in messages), np.int64, len(messages))
        ways = arrived[frame["message"].to_numpy()] - frame["time"].to_numpy()
        least = np.full(len(places), np.iinfo(np.int64).max)
        np.minimum.at(least, frame["place"].to_numpy(), ways)
        registered_places = self.admitted.known_places
        return {
            asset: way
            for (_, asset), way, registered in zip(places, least.tolist(), registered_places, strict=True)
            if registered and way < np.iinfo(np.int64).max
        }

    def foreign_sources(self, messages: Sequence[Message]) -> dict[int, Name]:
        """Of messages whose topic names no asset: the asset of the first reading of each, by `seq`."""
        foreign = {index for index, message in enumerate(messages) if source_of(message.topic) == OTHERS}
        if not foreign:
            return {}
        frame = self.decoded.readings.select("message", "place").unique("message", keep="first", maintain_order=True)
        return {
            messages[index].seq: self.decoded.places[place] for index, place in frame.iter_rows() if index in foreign
        }

    def shares(self, messages: Sequence[Message]) -> dict[int, list[tuple[str, str, int]]]:
        """Readings admitted of each message, by asset: site, asset, how many."""
        refused: dict[tuple[int, Name], int] = {}
        for refusal in self.admitted.refusals:
            key = (refusal.seq, refusal.source)
            refused[key] = refused.get(key, 0) + refusal.count
        shares: dict[int, list[tuple[str, str, int]]] = {}
        counts = self.decoded.readings.group_by("message", "place", maintain_order=True).len()
        for index, place, count in counts.iter_rows():
            seq, name = messages[index].seq, self.decoded.places[place]
            shares.setdefault(seq, []).append((*name, count - refused.get((seq, name), 0)))
        return shares


class Understanding:
    """Turns messages into readings by the rules, the registry and the catalogue of an installation."""

    def __init__(
        self,
        directory: Directory,
        catalogue: Catalogue,
        *,
        rules: Rules | None = None,
        before: Before | None = None,
        devices: DeviceSetup | None = None,
    ) -> None:
        self._directory = directory
        self._catalogue = catalogue
        self._devices = devices or DeviceSetup(rules=rules)
        self._before = before
        self._assets: Mapping[str, Asset] = {}
        self._places: frozenset[Name] = frozenset()
        self._read_at = -REGISTRY_READ_EVERY

    @property
    def devices(self) -> DeviceSetup:
        """Which codecs are switched on, the device map, and what codecs remember."""
        return self._devices

    def of(self, messages: Sequence[Message], *, vouched: Collection[int] = (), kept: bool = False) -> Understood:
        """What messages say, and what of it may be stored. `kept`: they come from quarantine."""
        try:
            return self._of(messages, vouched, kept)
        except Exception:
            log.exception("decoding failed; looking for the message that did it")
        unbroken, refused = self._unbroken(messages, vouched, kept)
        # indexes into the messages must hold for all of them: the broken ones are emptied, not left out
        whole = {message.seq for message in unbroken}
        emptied = [message if message.seq in whole else _emptied(message) for message in messages]
        understood = self._of(emptied, vouched, kept)
        broken = {refusal.seq for refusal in refused}
        refusals = [refusal for refusal in understood.decoded.refusals if refusal.seq not in broken]
        return replace(understood, decoded=replace(understood.decoded, refusals=refusals + refused))

    def registry(self) -> Mapping[str, Asset]:
        """The assets as they are known, not older than a few seconds."""
        if time.monotonic() - self._read_at > REGISTRY_READ_EVERY:
            self._read()
        return self._assets

    @property
    def registered(self) -> frozenset[Name]:
        """Site and asset of every registered asset, as they were last read."""
        return self._places

    def read_again(self) -> None:
        """Whoever asks for a replay may just have changed the registry."""
        self._read()

    def _of(self, messages: Sequence[Message], vouched: Collection[int], kept: bool) -> Understood:
        state = self._devices.state.fork(past=kept)
        spoken = self._devices.dialects.decode(messages, state, kept=kept)
        device_map = self._devices.device_map()
        age = time.monotonic() - self._read_at
        if age > 0.5 and any(
            asset not in self._assets
            for part in spoken
            for codec, name in part.decoded.places
            for asset in (device_map.assets(codec, name) if part.foreign else (name,))
        ):
            self._read()
        assets = self.registry()
        estate = Estate(device_map, assets, self._catalogue)
        repeatable = self._devices.repeatable
        decoded = merged(
            [resolve(part.decoded, messages, estate, repeatable) if part.foreign else part.decoded for part in spoken]
        )
        more = {} if self._before is None else {"before": self._before}
        admitted = admit(decoded, messages, assets=assets, catalogue=self._catalogue, vouched=vouched, **more)
        return Understood(decoded=decoded, admitted=admitted, state=state)

    def _read(self) -> None:
        assets = self._directory()
        if assets != self._assets:
            self._places = frozenset((asset.site, asset.id) for asset in assets.values())
        self._assets = assets
        self._read_at = time.monotonic()

    def _unbroken(
        self, messages: Sequence[Message], vouched: Collection[int], kept: bool
    ) -> tuple[list[Message], list[Refusal]]:
        try:
            self._of(messages, vouched, kept)
        except Exception as error:  # noqa: BLE001 - whatever it is, the message must not stop the others
            if len(messages) == 1:
                (only,) = messages
                codec = self._devices.dialects.codec_of(only.topic)
                detail = f"{f'{codec.name}: ' if codec else ''}{type(error).__name__}: {error}"[:200]
                return [], [Refusal(seq=only.seq, reason=Reason.UNREADABLE, detail=detail, payload=only.payload)]
            middle = len(messages) // 2
            left = self._unbroken(messages[:middle], vouched, kept)
            right = self._unbroken(messages[middle:], vouched, kept)
            return left[0] + right[0], left[1] + right[1]
        return list(messages), []


def _emptied(message: Message) -> Message:
    return Message(message.seq, message.arrived_us, "", b"")
