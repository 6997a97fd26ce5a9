"""Sparkplug B 3.0 as a host application: births, aliases, sequence, deaths, and asking for a rebirth.

A node's metrics may be told by alias, which holds only since its last birth. So a message that does not follow the one
before (`seq`), or has no birth, takes all aliases of its node away: a value is never given to a metric that it may not
be of. What is told by name is taken; what is not is refused, and the node is asked to be born again, at most once a
minute. A death counts where its bdSeq is that of the birth. Devices are `group/node` and `group/node/device`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from facility.errors import CannotParse
from facility.i18n.messages import Sentence
from ingest.codecs.contract import Decoded, DeviceMoment, Rows
from ingest.codecs.sparkplug.payload import BOOLEAN, DOUBLE, number_of, payload_class, unit_of
from ingest.codecs.state import CodecState
from ingest.messages import Message, Presence
from ingest.refusals import Reason, Refusal

ROOT = "spBv1.0"
BD_SEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"
ASK_EVERY_US = 60_000_000
LONGEST = 150  # characters of a device or a metric
METRICS_AT_MOST = 20_000  # of a node
FURTHEST_MS = 4_000_000_000_000_000
_KINDS = {"NBIRTH": 4, "NDEATH": 4, "NDATA": 4, "DBIRTH": 5, "DDEATH": 5, "DDATA": 5}  # and levels of their topics
_CONTROL = ("Node Control/", "Device Control/", "Node Info/", "Device Info/", "Properties/")

# alias or name -> device, name, unit, datatype
Known = tuple[str, str, str, int]


class SparkplugCodec:
    """A host's side of Sparkplug B."""

    name = "sparkplug"
    topic_filters = tuple(f"{ROOT}/+/{kind}/{'/'.join('+' * (levels - 3))}" for kind, levels in _KINDS.items())
    repeatable = False

    def __init__(self) -> None:
        self._payload = payload_class()
        self._simulated: dict[str, _Simulated] = {}

    def source(self, topic: str) -> str:
        """`group/node` or `group/node/device` of a topic."""
        levels = topic.split("/")
        return "/".join([levels[1], *levels[3:]]) if len(levels) > 3 and levels[0] == ROOT else ""

    def decode(self, messages: Sequence[Message], state: CodecState) -> Decoded:
        """Understand messages in the order of their arrival."""
        rows = Rows(self.name)
        for index, message in enumerate(messages):
            levels = message.topic.split("/")
            kind = levels[2] if len(levels) > 2 else ""
            if _KINDS.get(kind) != len(levels) or len(message.topic) > LONGEST:
                rows.refuse(
                    message, str(Sentence("sparkplug: {topic} is none of its topics", topic=message.topic[:200]))
                )
                continue
            try:
                payload = self._payload.FromString(message.payload)
            except (DecodeError, ValueError, RecursionError):
                rows.refuse(message, str(Sentence("sparkplug: the payload is no Sparkplug B payload")))
                continue
            node = f"{levels[1]}/{levels[3]}"
            spoken = _Told(index, message, node, "/".join([node, *levels[4:]]), payload)
            try:
                getattr(self, f"_{kind.lower()}")(rows, spoken, state)
            except CannotParse as error:
                rows.refuse(message, str(error.what)[:300])
        return rows.decoded()

    def convert(self, device: str, value_name: str, value: object) -> float | None:
        """What is kept of a message are numbers already."""
        return float(value) if isinstance(value, bool) else None

    def encode(self, moments: Iterable[DeviceMoment]) -> list[tuple[str, bytes]]:
        """Births where they are due, then data by alias; each simulated device is a node of its own."""
        messages: list[tuple[str, bytes]] = []
        for moment in moments:
            node = self._simulated.setdefault(moment.device, _Simulated(self._payload, moment.device))
            messages += node.messages(moment)
        return messages

    # -- the kinds of messages ------------------------------------------------------------------------------------

    def _nbirth(self, rows: Rows, spoken: _Told, state: CodecState) -> None:
        bd_seq = _bd_seq(spoken.payload, {})
        link = _Link.of(state, spoken.node)
        birth = _aliases(state, spoken.node)
        if spoken.payload.timestamp and spoken.payload.timestamp < link.born_ms and bd_seq != link.bd_seq:
            _births(rows, spoken)  # late: of an earlier session, its values are of their time
            return
        late = link.dead and bd_seq == link.bd_seq and spoken.payload.timestamp <= link.born_ms
        births = _births(rows, spoken)
        birth = {} if late else births
        state.put((self.name, spoken.node, "aliases"), birth)
        fresh = _Link(
            seq=int(spoken.payload.seq) % 256,
            bd_seq=bd_seq,
            born_ms=int(spoken.payload.timestamp),
            asked_us=link.asked_us,
            dead=bool(late),
        )
        fresh.keep(state, spoken.node)
        if not late:
            rows.presence.append(spoken.presence(online=True))

    def _dbirth(self, rows: Rows, spoken: _Told, state: CodecState) -> None:
        link = self._followed(rows, spoken, state)
        births = _births(rows, spoken)
        if link is None:
            return  # its aliases are of a node that was not born yet
        aliases = {key: entry for key, entry in _aliases(state, spoken.node).items() if entry[0] != spoken.device}
        if len(aliases) + len(births) > METRICS_AT_MOST:
            raise CannotParse(
                "sparkplug: {node} has more than {most:,} metrics", node=spoken.node, most=METRICS_AT_MOST
            )
        state.put((self.name, spoken.node, "aliases"), aliases | births)
        rows.presence.append(spoken.presence(online=True))

    def _ndata(self, rows: Rows, spoken: _Told, state: CodecState) -> None:
        self._followed(rows, spoken, state)
        aliases = _aliases(state, spoken.node)
        unknown = 0
        for metric in spoken.payload.metrics:
            births = _known(metric, spoken.device, aliases)
            if births is None:
                unknown += 1
                continue
            _add(rows, spoken, metric, births)
        if unknown:
            self._ask(rows, spoken, state)
            sentence = Sentence(
                "sparkplug: {node} tells {count} metrics by alias, and its birth is not known; a rebirth is asked for",
                node=spoken.node, count=unknown,
            )  # fmt: skip
            rows.refusals.append(
                Refusal(seq=spoken.message.seq, reason=Reason.NOT_A_NUMBER, detail=str(sentence),
                        payload=spoken.message.payload, count=unknown)
            )  # fmt: skip

    _ddata = _ndata

    def _ndeath(self, rows: Rows, spoken: _Told, state: CodecState) -> None:
        link = _Link.of(state, spoken.node)
        bd_seq = _bd_seq(spoken.payload, _aliases(state, spoken.node))
        if bd_seq != link.bd_seq:
            return  # of an earlier session: it says nothing of this one
        state.put((self.name, spoken.node, "aliases"), {})
        link.but(dead=True).keep(state, spoken.node)
        rows.presence.append(spoken.presence(online=False))

    def _ddeath(self, rows: Rows, spoken: _Told, state: CodecState) -> None:
        self._followed(rows, spoken, state)
        aliases = {key: entry for key, entry in _aliases(state, spoken.node).items() if entry[0] != spoken.device}
        state.put((self.name, spoken.node, "aliases"), aliases)
        rows.presence.append(spoken.presence(online=False))

    # -- sequence and rebirth -------------------------------------------------------------------------------------

    def _followed(self, rows: Rows, spoken: _Told, state: CodecState) -> _Link | None:
        """The node's link with this message counted; None where it was never born. A gap takes the aliases away."""
        link = _Link.of(state, spoken.node)
        if link.seq < 0:
            self._ask(rows, spoken, state)
            return None
        if state.past:  # its aliases may be those of an earlier birth
            state.put((self.name, spoken.node, "aliases"), {})
            return None
        seq = int(spoken.payload.seq) % 256
        if not spoken.payload.HasField("seq") or seq not in (link.seq, (link.seq + 1) % 256):
            state.put((self.name, spoken.node, "aliases"), {})
            self._ask(rows, spoken, state)
            link = _Link.of(state, spoken.node)
        link = link.but(seq=seq)
        link.keep(state, spoken.node)
        return link

    def _ask(self, rows: Rows, spoken: _Told, state: CodecState) -> None:
        link = _Link.of(state, spoken.node)
        if state.past or 0 <= spoken.message.arrived_us - link.asked_us < ASK_EVERY_US:
            return
        link.but(asked_us=spoken.message.arrived_us).keep(state, spoken.node)
        group, node = spoken.node.split("/", 1)
        rebirth = self._payload(timestamp=spoken.message.arrived_us // 1000)
        rebirth.metrics.add(name=REBIRTH, timestamp=rebirth.timestamp, datatype=BOOLEAN, boolean_value=True)
        rows.requests.append((f"{ROOT}/{group}/NCMD/{node}", rebirth.SerializeToString()))


class _Told:
    """One message, taken apart."""

    __slots__ = ("device", "index", "message", "node", "payload")

    def __init__(self, index: int, message: Message, node: str, device: str, payload: Any) -> None:
        self.index, self.message, self.node, self.device, self.payload = index, message, node, device, payload

    def presence(self, *, online: bool) -> Presence:
        """What it says of the node or device itself."""
        return Presence(
            site=SparkplugCodec.name,
            gateway=self.device,
            online=online,
            since_us=self.message.arrived_us,
            arrived_us=self.message.arrived_us,
        )


class _Link:
    """How far a node's session has come; `seq` -1: never born."""

    __slots__ = ("asked_us", "bd_seq", "born_ms", "dead", "seq")

    def __init__(
        self, seq: int = -1, bd_seq: int = -1, born_ms: int = 0, asked_us: int = 0, dead: bool = False
    ) -> None:
        self.seq, self.bd_seq, self.born_ms, self.asked_us, self.dead = seq, bd_seq, born_ms, asked_us, dead

    @classmethod
    def of(cls, state: CodecState, node: str) -> _Link:
        """What is remembered of a node."""
        stored = state.get((SparkplugCodec.name, node, "link"))
        return cls(*stored) if isinstance(stored, list) else cls()

    def keep(self, state: CodecState, node: str) -> None:
        """Remember it."""
        state.put((SparkplugCodec.name, node, "link"), self._row())

    def but(self, *, seq: int | None = None, asked_us: int | None = None, dead: bool | None = None) -> _Link:
        """The same with something else in places."""
        return _Link(
            self.seq if seq is None else seq,
            self.bd_seq,
            self.born_ms,
            self.asked_us if asked_us is None else asked_us,
            self.dead if dead is None else dead,
        )

    def _row(self) -> list[Any]:
        return [self.seq, self.bd_seq, self.born_ms, self.asked_us, self.dead]


def _aliases(state: CodecState, node: str) -> Mapping[str, Sequence[Any]]:
    stored = state.get((SparkplugCodec.name, node, "aliases"))
    return stored if isinstance(stored, dict) else {}


def _bd_seq(payload: Any, aliases: Mapping[str, Sequence[Any]]) -> int:
    """The session's number, told by name or (as some devices do) by alias; -1 where there is none."""
    for metric in payload.metrics:
        by_alias = aliases.get(str(metric.alias)) if metric.HasField("alias") and not metric.name else None
        if metric.name == BD_SEQ or (by_alias is not None and by_alias[1] == BD_SEQ):
            number = number_of(metric, metric.datatype)
            return -1 if number is None else int(number) % 256
    return -1


def _births(rows: Rows, spoken: _Told) -> dict[str, Sequence[Any]]:
    """Take a birth's values in. Gives its metrics by alias and, as `=name`, by name."""
    births: dict[str, Sequence[Any]] = {}
    if len(spoken.payload.metrics) > METRICS_AT_MOST:
        raise CannotParse("sparkplug: {node} has more than {most:,} metrics", node=spoken.node, most=METRICS_AT_MOST)
    for metric in spoken.payload.metrics:
        if not metric.name or len(metric.name) > LONGEST:
            continue
        entry = [spoken.device, metric.name, unit_of(metric), int(metric.datatype)]
        births[f"={spoken.device}={metric.name}"] = entry
        if metric.HasField("alias"):
            births[str(metric.alias)] = entry
        _add(rows, spoken, metric, entry)
    return births


def _known(metric: Any, device: str, aliases: Mapping[str, Sequence[Any]]) -> Sequence[Any] | None:
    """What a metric of a data message is; None for an alias that does not hold."""
    if metric.name:
        if len(metric.name) > LONGEST:
            return None
        return aliases.get(f"={device}={metric.name}") or [device, metric.name, "", int(metric.datatype)]
    entry = aliases.get(str(metric.alias)) if metric.HasField("alias") else None
    return entry if entry is not None and entry[0] == device else None


def _add(rows: Rows, spoken: _Told, metric: Any, births: Sequence[Any]) -> None:
    device, name, unit, datatype = births
    if name == BD_SEQ or name.startswith(_CONTROL):
        return
    number = number_of(metric, metric.datatype or datatype)
    if number is None:
        return
    time_ms = metric.timestamp or spoken.payload.timestamp or spoken.message.arrived_us // 1000
    rows.add(spoken.index, device, (name, unit, min(int(time_ms), FURTHEST_MS), number))


class _Simulated:
    """One simulated node with one device `d`, as `encode` lets it speak."""

    def __init__(self, payload: Any, device: str) -> None:
        self._payload = payload
        self._node = device.replace("/", "_")
        self._aliases: dict[str, int] = {}
        self._seq = -1

    def messages(self, moment: DeviceMoment) -> list[tuple[str, bytes]]:
        """Births where something is new, then the data by alias."""
        messages: list[tuple[str, bytes]] = []
        if self._seq < 0:
            birth = self._filled(moment, {})
            birth.metrics.add(name=BD_SEQ, datatype=4, long_value=0)
            birth.metrics.add(name=REBIRTH, datatype=BOOLEAN, boolean_value=False)
            messages.append((f"{ROOT}/sim/NBIRTH/{self._node}", birth.SerializeToString()))
        if any(name not in self._aliases for name in moment.values):
            for name in moment.values:
                self._aliases.setdefault(name, len(self._aliases) + 1)
            born = self._filled(moment, moment.values, names=True)
            messages.append((f"{ROOT}/sim/DBIRTH/{self._node}/d", born.SerializeToString()))
        data = self._filled(moment, moment.values)
        return [*messages, (f"{ROOT}/sim/DDATA/{self._node}/d", data.SerializeToString())]

    def _filled(self, moment: DeviceMoment, values: Mapping[str, float], *, names: bool = False) -> Any:
        self._seq = (self._seq + 1) % 256
        payload = self._payload(timestamp=moment.time_ms, seq=self._seq)
        for name, value in values.items():
            metric = payload.metrics.add(alias=self._aliases[name], timestamp=moment.time_ms, double_value=value)
            if names:
                metric.name, metric.datatype = name, DOUBLE
        if names:  # a birth names all of the device's metrics
            for name in self._aliases.keys() - values.keys():
                payload.metrics.add(name=name, alias=self._aliases[name], datatype=DOUBLE, is_null=True)
        return payload
