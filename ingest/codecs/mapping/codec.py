"""A profile as a codec: (topic, payload) to readings, message by message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from facility.errors import CannotParse
from facility.i18n.messages import Sentence
from ingest.codecs.contract import Decoded, DeviceMoment, Rows
from ingest.codecs.kept import kept_topic, rest
from ingest.codecs.mapping.paths import MISSING, Match, Path, leaves, look, walk
from ingest.codecs.mapping.profile import MessageRule, Profile, ValueRule, unmapped
from ingest.codecs.mapping.writing import written_message
from ingest.codecs.state import CodecState
from ingest.messages import Message, Presence
from ingest.refusals import Reason, Refusal

LONGEST = 150  # characters of a device id or of a value's name
READINGS_AT_MOST = 20_000  # of a message
TOPICS_AT_MOST = 100_000  # whose rules are remembered
DUPLICATES_AT_MOST = 500  # ids that are remembered of a device

_decode = msgspec.json.Decoder().decode
_UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)
_Route = Sequence[tuple[MessageRule, Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class _Record:
    """What one record of a message is about."""

    root: object
    value: object
    holders: tuple[object, ...]
    names: Mapping[str, str]
    memory: object = MISSING  # the last state of the device with this message laid over it

    def look(self, path: Path) -> object:
        """The value at a single path, `MISSING` where there is none."""
        if path.up < 0:
            return look(self.root, path.steps)
        if path.up:
            return look(self.holders[path.up - 1], path.steps) if path.up <= len(self.holders) else MISSING
        return look(self.value, path.steps)

    def walk(self, path: Path) -> Iterable[Match]:
        """All that a path leads to."""
        if path.up < 0:
            return walk(self.root, path.steps)
        if path.up:
            return walk(self.holders[path.up - 1], path.steps) if path.up <= len(self.holders) else ()
        return walk(self.value, path.steps)


class MappingCodec:
    """The codec of one profile."""

    repeatable = True

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.name = profile.key
        self.topic_filters = profile.topic_filters
        self._routes: dict[str, _Route] = {}
        self._ways: dict[tuple[int, str], bool] = {}

    def source(self, topic: str) -> str:
        """The device of a topic, where every message of it speaks for one that the topic names."""
        for rule, names in self._route(topic):
            if rule.skip or rule.each is not None:
                continue
            named = rule.device.filled(lambda name, path, names=names: None if path else names.get(name))  # type: ignore[misc]
            return named or ""
        return ""

    def decode(self, messages: Sequence[Message], state: CodecState) -> Decoded:
        """Understand messages by the profile's rules."""
        rows = Rows(self.name)
        for index, message in enumerate(messages):
            before = len(rows.message)
            try:
                self._message(rows, index, message, state)
            except CannotParse as error:
                self._take_back(rows, before)
                rows.refuse(message, str(error.what)[:300])
            except _UNREADABLE as error:
                self._take_back(rows, before)
                broken = CannotParse("profile {profile}: {error}", profile=self.name, error=str(error)[:200])
                rows.refuse(message, str(broken.what))
        return rows.decoded()

    def convert(self, device: str, value_name: str, value: object) -> float | None:
        """A value that was refused, by the rules of today."""
        for message in self.profile.messages:
            for rule in message.values:
                if rule.takes_words and rule.named.fullmatch(value_name):
                    converted = rule.convert(value)
                    if converted is not None:
                        return converted
        return None

    def encode(self, moments: Iterable[DeviceMoment]) -> list[tuple[str, bytes]]:
        """Messages that say the same, by the profile's `[encode]`. Raises `CannotParse` for one without it."""
        return [written_message(self.profile, moment) for moment in moments]

    # -- a message ------------------------------------------------------------------------------------------------

    def _route(self, topic: str) -> _Route:
        route = self._routes.get(topic)
        if route is None:
            if len(self._routes) >= TOPICS_AT_MOST:
                self._routes.clear()
            named = ((rule, rule.topic.match(topic)) for rule in self.profile.messages)
            route = self._routes[topic] = [(rule, names) for rule, names in named if names is not None]
        return route

    @staticmethod
    def _take_back(rows: Rows, before: int) -> None:
        for column in (rows.message, rows.place, rows.channel, rows.times_ms, rows.values):
            del column[before:]

    def _message(self, rows: Rows, index: int, message: Message, state: CodecState) -> None:
        root: object = MISSING
        for rule, names in self._route(message.topic):
            if rule.skip and rule.when is None:
                return
            if root is MISSING:
                root = self._payload(rule, message.payload)
            if rule.when is not None:
                value = look(root, rule.when.steps)
                if value is MISSING or (rule.when_one_of and value not in rule.when_one_of):
                    continue
            if rule.skip:
                return
            self._records(rows, (index, message), (rule, names, root), state)
            return
        raise CannotParse(
            "profile {profile} has no [[message]] for this; add one, with skip = true if it says nothing of use",
            profile=self.name,
        )

    def _payload(self, rule: MessageRule, payload: bytes) -> object:
        if rule.text:
            text = payload.decode("utf-8", "backslashreplace").strip()
            try:
                return _decode(text)
            except _UNREADABLE:
                return text
        try:
            return _decode(payload)
        except _UNREADABLE as error:
            raise CannotParse(
                "profile {profile}: not JSON ({error})", profile=self.name, error=str(error)[:100]
            ) from None

    def _records(
        self,
        rows: Rows,
        at: tuple[int, Message],
        kind: tuple[MessageRule, Mapping[str, str], object],
        state: CodecState,
    ) -> None:
        rule, names, root = kind
        if rule.each is None:
            self._record(rows, at, rule, _Record(root, root, (), names), state)
            return
        for match in walk(root, rule.each.steps):
            record = _Record(root, match.value, match.holders, {**names, **match.bound} if match.bound else names)
            self._record(rows, at, rule, record, state)

    def _record(
        self, rows: Rows, at: tuple[int, Message], rule: MessageRule, record: _Record, state: CodecState
    ) -> None:
        message = at[1]
        device = self._device(rule, record)
        if rule.presence is not None and rule.presence_path is not None:
            self._presence(rows, message, rule, record, device)
            return
        if rule.quality is not None:
            code = record.look(rule.quality[0])
            if isinstance(code, int) and code >= rule.quality[1]:
                return
        time_ms = self._time(rule, record, message, device, state)
        if rule.overlay:
            key = (self.name, device, "state")
            memory = _laid_over(state.get(key), record.value)
            state.put(key, memory)
            record = _Record(record.root, record.value, record.holders, record.names, memory)
        unread: list[tuple[int, str, object]] = []
        sentence: Sentence | None = None
        taken: set[str] = set()
        for value_rule in rule.values:
            for name, value in self._values(value_rule, record, taken):
                if len(name) > LONGEST:
                    raise CannotParse("profile {profile}: a value's name is longer than {most} characters",
                                      profile=self.name, most=LONGEST)  # fmt: skip
                number = value_rule.convert(value)
                if number is None:
                    if value_rule.takes_words:
                        unread.append((time_ms, name, value))
                        sentence = sentence or unmapped(self.profile, value_rule, name, value)
                    continue
                rows.add(at[0], device, (name, self._unit(value_rule, record, name), time_ms, number))
        if sentence is not None:
            rows.refusals.append(
                Refusal(
                    seq=message.seq,
                    reason=Reason.NOT_A_NUMBER,
                    detail=str(sentence)[:300],
                    payload=rest([(time, name, _plain(value)) for time, name, value in unread], {}),
                    count=len(unread),
                    topic=kept_topic(self.name, device),
                )
            )
        if len(rows.message) > READINGS_AT_MOST and rows.message[-READINGS_AT_MOST] == at[0]:
            raise CannotParse("profile {profile}: more than {most:,} values in a message", profile=self.name,
                              most=READINGS_AT_MOST)  # fmt: skip

    def _device(self, rule: MessageRule, record: _Record) -> str:
        def part(name: str, path: Path | None) -> str | None:
            if path is None:
                return record.names.get(name)
            value = record.look(path)
            return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None

        device = rule.device.filled(part)
        if not device or len(device) > LONGEST:
            raise CannotParse(
                "profile {profile}, line {line}: no device id by {template}, or one longer than {most} characters",
                profile=self.name,
                line=rule.line,
                template=rule.device.words,
                most=LONGEST,
            )
        return device

    def _time(self, rule: MessageRule, record: _Record, message: Message, device: str, state: CodecState) -> int:
        time_ms = None if rule.times else message.arrived_us // 1000
        for path, read, _ in rule.times:
            value = None if path is None else record.look(path)
            if path is None or (value is not MISSING and value is not None):
                time_ms = read(value, message.arrived_us)
                break
        if time_ms is None:
            raise CannotParse(
                "profile {profile}, line {line}: no time at {paths} that can be read",
                profile=self.name,
                line=rule.line,
                paths=[words or "arrival" for _, _, words in rule.times],
            )
        if rule.duplicates is None:
            return time_ms
        return self._first_told(rule.duplicates, record, device, time_ms, state)

    def _first_told(self, path: Path, record: _Record, device: str, time_ms: int, state: CodecState) -> int:
        """The time under which an id was told first: told again, it is the same readings, and counts as such."""
        identity = record.look(path)
        if not isinstance(identity, str | int):
            return time_ms
        key = (self.name, device, "told")
        remembered = state.get(key)
        counts: dict[str, int] = dict(remembered) if isinstance(remembered, dict) else {}
        if str(identity) in counts:
            return counts[str(identity)]
        counts[str(identity)[:LONGEST]] = time_ms
        while len(counts) > DUPLICATES_AT_MOST:
            del counts[next(iter(counts))]
        state.put(key, counts)
        return time_ms

    def _presence(self, rows: Rows, message: Message, rule: MessageRule, record: _Record, device: str) -> None:
        assert rule.presence is not None  # noqa: S101 - for the type checker
        assert rule.presence_path is not None  # noqa: S101
        value = record.look(rule.presence_path)
        if value not in (*rule.presence.online, *rule.presence.offline):
            raise CannotParse(
                "profile {profile}, line {line}: presence {value!r}; expected one of {known}",
                profile=self.name,
                line=rule.line,
                value=str(value)[:60] if value is not MISSING else "",
                known=[str(each) for each in (*rule.presence.online, *rule.presence.offline)],
            )
        rows.presence.append(
            Presence(
                site=self.name,
                gateway=device,
                online=value in rule.presence.online,
                since_us=message.arrived_us,
                arrived_us=message.arrived_us,
            )
        )

    # -- its values -----------------------------------------------------------------------------------------------

    def _values(self, rule: ValueRule, record: _Record, taken: set[str]) -> Iterable[tuple[str, object]]:
        if rule.path.single and not (rule.hold and record.memory is not MISSING):
            value = record.look(rule.path)
            if value is MISSING or value is None or (not rule.path.steps and isinstance(value, dict | list)):
                return
            way = rule.name or ".".join(step.key or str(step.index) for step in rule.path.steps) or "value"
            name = self._named(rule, way, record.names) if rule.name else way
            if name not in taken:
                taken.add(name)
                yield name, value
            return
        if rule.deep and not rule.hold:
            yield from self._below(rule, record, taken)
            return
        if rule.hold and record.memory is not MISSING:
            record = _Record(record.root, record.memory, record.holders, record.names)
        for match in record.walk(rule.path):
            if match.value is None or (isinstance(match.value, dict | list) and not rule.takes_words):
                continue
            way = ".".join(match.way) or "value"
            if way in taken or (rule.without is not None and rule.without.fullmatch(way)):
                continue
            taken.add(way)
            if rule.name:
                below = ".".join(match.way[len(rule.path.steps) - 1 :]) if rule.path.steps else way
                yield self._named(rule, way, {**record.names, **match.bound, "leaf": below}), match.value
            else:
                yield way, match.value

    def _below(self, rule: ValueRule, record: _Record, taken: set[str]) -> Iterable[tuple[str, object]]:
        """Every leaf below one value; what a way comes to is worked out once."""
        steps = rule.path.steps[:-1]
        value = record.look(Path(rule.path.words, rule.path.up, steps))
        if value is MISSING:
            return
        before = ".".join(step.key or str(step.index) for step in steps)
        for way, leaf in leaves(value):
            if leaf is None or isinstance(leaf, dict | list) or not way:
                continue
            whole = f"{before}.{way}" if before else way
            if whole in taken or (rule.without is not None and not self._wanted(rule, whole)):
                continue
            taken.add(whole)
            yield self._named(rule, whole, {**record.names, "leaf": way}) if rule.name else whole, leaf

    def _wanted(self, rule: ValueRule, way: str) -> bool:
        taken = self._ways.get((rule.line, way))
        if taken is None:
            if len(self._ways) >= TOPICS_AT_MOST:
                self._ways.clear()
            assert rule.without is not None  # noqa: S101 - for the type checker
            taken = self._ways[rule.line, way] = rule.without.fullmatch(way) is None
        return taken

    @staticmethod
    def _named(rule: ValueRule, way: str, names: Mapping[str, str]) -> str:
        name = rule.name
        if name == "{leaf}":
            return names["leaf"]
        for bound, words in names.items():
            name = name.replace(f"{{{bound}}}", words)
        return name.replace("{way}", way)

    def _unit(self, rule: ValueRule, record: _Record, name: str) -> str:
        if rule.unit_path is not None:
            unit = record.look(rule.unit_path)
            if unit is MISSING and record.memory is not MISSING:
                unit = look(record.memory, rule.unit_path.steps)
            if isinstance(unit, str):
                return unit
        if rule.unit:
            return rule.unit
        units = self.profile.units
        return units.get(name) or units.get(name.rpartition(".")[2], "") if units else ""


def _laid_over(before: object, now: object) -> object:
    """A partial state over the last one, member by member; null takes a member away."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return now
    merged = dict(before)
    for key, value in now.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _laid_over(merged.get(key), value)
    return merged


def _plain(value: object) -> object:
    """A value as it can be kept in a few words."""
    return value if isinstance(value, int | float | bool) else str(value)[:LONGEST]
