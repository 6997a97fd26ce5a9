"""Which codec a message is of, and what several of them said put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ingest.codecs.contract import Codec, Decoded, Learner
from ingest.codecs.kept import KEPT, decode_kept
from ingest.codecs.native import NativeCodec
from ingest.codecs.state import CodecState
from ingest.messages import Message
from ingest.refusals import Reason, Refusal
from ingest.topics import ROOT, Rules, matches

ROUTES_AT_MOST = 200_000  # topics whose codec is remembered

_NATIVE, _REST = -1, -2


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the messages of one codec said; `foreign`: of devices that are still to be mapped to assets."""

    decoded: Decoded
    foreign: bool


class Dialects:
    """The codecs that are switched on, beside the native one. Raises nothing on whatever a message holds."""

    def __init__(self, codecs: Sequence[Codec] = (), rules: Rules | None = None) -> None:
        self.codecs = tuple(codecs)
        self._rules = rules or Rules()
        self._native = NativeCodec(self._rules)
        self._by_name: Mapping[str, Codec] = {codec.name: codec for codec in codecs}
        self._filters = [
            (topic_filter.split("/"), number)
            for number, codec in enumerate(codecs)
            for topic_filter in codec.topic_filters
        ]
        self._learners = [(number, codec) for number, codec in enumerate(codecs) if isinstance(codec, Learner)]
        self._routes: dict[str, int] = {}

    @property
    def topic_filters(self) -> tuple[str, ...]:
        """What is to be subscribed to beside the native topics."""
        return tuple(dict.fromkeys(each for codec in self.codecs for each in codec.topic_filters))

    def named(self, name: str) -> Codec | None:
        """A codec that is switched on."""
        return self._by_name.get(name)

    def codec_of(self, topic: str) -> Codec | None:
        """The codec a topic belongs to; None for the native one."""
        number = self._route(topic)
        return self.codecs[number] if number >= 0 else None

    def decode(self, messages: Sequence[Message], state: CodecState, *, kept: bool = False) -> list[Spoken]:
        """Understand messages by the codec of each. `kept`: rests of messages may be among them.

        The indexes in what comes back are those of `messages`.
        """
        if not (self.codecs or kept):
            return [Spoken(self._native.decode(messages, state), foreign=False)]
        places: dict[int, list[int]] = {}
        for index, message in enumerate(messages):
            number = self._route(message.topic)
            if number == _NATIVE and self._learners and not message.topic.startswith(ROOT):
                number = self._claimed(message.topic, state)
            places.setdefault(number, []).append(index)
        spoken = []
        for number, indexes in places.items():
            part = messages if len(indexes) == len(messages) else [messages[index] for index in indexes]
            if number == _REST:
                for index, decoded in decode_kept(part, self._by_name):
                    spoken.append(Spoken(_numbered(decoded, {index: indexes[index]}), foreign=True))
                continue
            decoded = self._of(number, part, state)
            if part is not messages:
                decoded = _numbered(decoded, indexes)
            spoken.append(Spoken(decoded, foreign=number >= 0))
        return spoken or [Spoken(self._native.decode([], state), foreign=False)]

    def _of(self, number: int, messages: Sequence[Message], state: CodecState) -> Decoded:
        if number < 0:
            return self._native.decode(messages, state)
        limit = self._rules.payload_limit
        if all(len(message.payload) <= limit for message in messages):
            return self.codecs[number].decode(messages, state)
        fitting = [index for index, message in enumerate(messages) if len(message.payload) <= limit]
        decoded = self.codecs[number].decode([messages[index] for index in fitting], state)
        large = [
            Refusal(
                seq=message.seq,
                reason=Reason.TOO_LARGE,
                detail=f"{len(message.payload)} bytes, at most {limit}",
                payload=message.payload,
            )
            for message in messages
            if len(message.payload) > limit
        ]
        return merged([_numbered(decoded, fitting)], large)

    def learned(self, state: CodecState) -> list[str]:
        """The topics that codecs were told of by their devices."""
        return [topic for _, codec in self._learners for topic in codec.learned(state)]

    def _claimed(self, topic: str, state: CodecState) -> int:
        return next((number for number, codec in self._learners if codec.claims(topic, state)), _NATIVE)

    def _route(self, topic: str) -> int:
        number = self._routes.get(topic)
        if number is None:
            if len(self._routes) >= ROUTES_AT_MOST:
                self._routes.clear()
            number = self._routes[topic] = self._matched(topic)
        return number

    def _matched(self, topic: str) -> int:
        if topic.startswith(KEPT):
            return _REST
        if topic.startswith(ROOT):
            return _NATIVE  # whatever a foreign filter takes as well
        levels = topic.split("/")
        return next((number for pattern, number in self._filters if matches(pattern, levels)), _NATIVE)


def merged(parts: Sequence[Decoded], more: Sequence[Refusal] = ()) -> Decoded:
    """What several codecs said of the same messages, as one; `more` are messages that were refused as a whole."""
    if len(parts) == 1 and not more:
        return parts[0]
    places: dict[tuple[str, str], int] = {}
    channels: dict[tuple[str, str], int] = {}
    frames = []
    for part in parts:
        place = np.array([places.setdefault(each, len(places)) for each in part.places], dtype=np.int32)
        channel = np.array(
            [channels.setdefault(each, len(channels)) for each in zip(part.channels, part.units, strict=True)],
            dtype=np.int32,
        )
        if part.readings.height:
            frames.append(
                part.readings.with_columns(
                    pl.Series("place", place[part.readings["place"].to_numpy()]),
                    pl.Series("channel", channel[part.readings["channel"].to_numpy()]),
                )
            )
    return Decoded(
        readings=pl.concat(frames) if frames else parts[0].readings,
        places=list(places),
        channels=[key for key, _ in channels],
        units=[unit for _, unit in channels],
        refusals=[refusal for part in parts for refusal in part.refusals] + list(more),
        presence=[presence for part in parts for presence in part.presence],
        unreadable=sum(part.unreadable for part in parts) + len(more),
        requests=[request for part in parts for request in part.requests],
        subscriptions=[topic for part in parts for topic in part.subscriptions],
    )


def _numbered(decoded: Decoded, indexes: Sequence[int] | Mapping[int, int]) -> Decoded:
    """The same with the messages' indexes among all of them."""
    column = decoded.readings["message"].to_numpy()
    if isinstance(indexes, Mapping):
        numbers = np.array([indexes[int(each)] for each in column], dtype=np.int32)
    else:
        numbers = np.array(indexes, dtype=np.int32)[column]
    return replace(decoded, readings=decoded.readings.with_columns(pl.Series("message", numbers, dtype=pl.Int32)))
