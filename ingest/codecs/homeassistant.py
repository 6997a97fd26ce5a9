"""Home Assistant's MQTT discovery: devices say themselves which topics they publish on, and what stands there.

    homeassistant/{component}/[{node}/]{object}/config    one entity, retained
    homeassistant/device/{id}/config                      a whole device with its components (`cmps`)

Sensors, binary sensors and switches become values of their device; the topics they name are subscribed to. A template
that came over the network is never evaluated: only a plain way into the payload is taken (`{{ value_json.a.b }}`),
anything else is refused. Names may be abbreviated as Home Assistant lists them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from facility.errors import CannotParse
from facility.i18n.messages import Sentence
from ingest.codecs.contract import Decoded, Rows
from ingest.codecs.kept import KEPT
from ingest.codecs.mapping.paths import MISSING, Step, look
from ingest.codecs.mapping.values import number
from ingest.codecs.state import CodecState
from ingest.messages import Message
from ingest.refusals import Reason
from ingest.topics import ROOT

PREFIX = "homeassistant"
LONGEST = 150  # characters of a topic, a device or a value
ENTITIES_AT_MOST = 500  # of a topic
TOPICS_AT_MOST = 20_000
TAKEN = frozenset({"sensor", "binary_sensor", "switch"})
_SHORT = {
    "stat_t": "state_topic", "val_tpl": "value_template", "unit_of_meas": "unit_of_measurement", "uniq_id": "unique_id",
    "dev": "device", "ids": "identifiers", "cmps": "components", "p": "platform", "pl_on": "payload_on",
    "pl_off": "payload_off", "stat_val_tpl": "state_value_template",
}  # fmt: skip
_TEMPLATE = re.compile(r"\{\{\s*value_json((?:\.\w+|\[\s*(?:'[^'\\]+'|\"[^\"\\]+\"|\d+)\s*\])+)\s*\}\}")
_STEP = re.compile(r"\.(\w+)|\[\s*(?:'([^']+)'|\"([^\"]+)\"|(\d+))\s*\]")
_WHOLE = re.compile(r"\{\{\s*value\s*\}\}")

_decode = msgspec.json.Decoder().decode
_Entity = Sequence[Any]  # device, value name, way, unit, word for on, word for off; no words: a number


class HomeAssistantCodec:
    """Entities by discovery, and what is said on their topics."""

    name = "homeassistant"
    topic_filters = (f"{PREFIX}/+/+/config", f"{PREFIX}/+/+/+/config")
    repeatable = False  # what a topic says is known by its announcement alone

    def source(self, topic: str) -> str:
        """The announcement says who speaks."""
        return ""

    def claims(self, topic: str, state: CodecState) -> bool:
        """Whether a topic was announced."""
        return bool(state.get((self.name, topic, "entities")))

    def learned(self, state: CodecState) -> list[str]:
        """Every topic that was announced."""
        return [topic for topic in state.devices(self.name, "entities") if self.claims(topic, state)]

    def decode(self, messages: Sequence[Message], state: CodecState) -> Decoded:
        """Learn from announcements, and understand what is said on announced topics."""
        rows = Rows(self.name)
        for index, message in enumerate(messages):
            try:
                if message.topic.startswith(f"{PREFIX}/") and message.topic.endswith("/config"):
                    self._learn(rows, message, state)
                else:
                    self._hear(rows, index, message, state)
            except CannotParse as error:
                rows.refuse(message, str(error.what)[:300])
            except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError) as error:
                sentence = Sentence("homeassistant: not JSON ({error})", error=str(error)[:100])
                rows.refuse(message, str(sentence))
        return rows.decoded()

    def convert(self, device: str, value_name: str, value: object) -> float | None:
        """What is kept of a message are numbers already."""
        return float(value) if isinstance(value, bool) else None

    # -- announcements --------------------------------------------------------------------------------------------

    def _learn(self, rows: Rows, message: Message, state: CodecState) -> None:
        announced = (self.name, message.topic, "announced")
        before = state.get(announced)
        entities = list(_entities(message)) if message.payload.strip() else []
        topics = list(dict.fromkeys(topic for topic, _ in entities))
        for topic in dict.fromkeys([*(before if isinstance(before, list) else ()), *topics]):
            key = (self.name, topic, "entities")
            stored = state.get(key)
            others = [each for each in stored if each[0] != message.topic] if isinstance(stored, list) else []
            own = [[message.topic, *entity] for on, entity in entities if on == topic]
            if len(others) + len(own) > ENTITIES_AT_MOST:
                raise CannotParse("homeassistant: more than {most} entities on {topic}", most=ENTITIES_AT_MOST,
                                  topic=topic[:100])  # fmt: skip
            if stored is None and state.size > 2 * TOPICS_AT_MOST:
                raise CannotParse("homeassistant: more than {most:,} topics were announced", most=TOPICS_AT_MOST)
            state.put(key, others + own)
        state.put(announced, topics)
        rows.subscriptions += topics

    # -- what is said ---------------------------------------------------------------------------------------------

    def _hear(self, rows: Rows, index: int, message: Message, state: CodecState) -> None:
        entities = state.get((self.name, message.topic, "entities"))
        if not isinstance(entities, list) or not entities:
            rows.refuse(message, str(Sentence("homeassistant: nobody announced this topic")), Reason.UNKNOWN_TOPIC)
            return
        body: object = MISSING
        unread = ""
        taken = 0
        for _, device, name, way, unit, on, off in entities:
            if way is None:
                value: object = _scalar(message.payload)
            else:
                body = _decode(message.payload) if body is MISSING else body
                value = look(body, [Step(key=step) if isinstance(step, str) else Step(index=step) for step in way])
            if value is MISSING or value is None or value == "":
                continue
            converted = _converted(value, on, off)
            if converted is None:
                unread = unread or f"{name} = {str(value)[:60]}"
                continue
            taken += 1
            rows.add(index, device, (name, unit, message.arrived_us // 1000, converted))
        if unread and not taken:
            raise CannotParse("homeassistant: {value} is no number", value=unread)


def _entities(message: Message) -> Iterator[tuple[str, _Entity]]:
    """State topic and entity of each that an announcement names. Raises `CannotParse` for one that cannot be taken."""
    config = _long(_decode(message.payload))
    if not isinstance(config, dict):
        raise CannotParse("homeassistant: an announcement is an object")
    levels = message.topic.split("/")
    component, own = levels[1], levels[-2]
    identity = _identity(config.get("device"), own)
    if component == "device":
        members = config.get("components")
        if not isinstance(members, dict):
            raise CannotParse("homeassistant: a device without components")
        shared = {key: value for key, value in config.items() if key in ("state_topic", "~")}
        for key, member in members.items():
            if isinstance(member, dict) and member.get("platform") in TAKEN:
                yield _entity(str(key), {**shared, **member}, identity, str(member["platform"]))
    elif component in TAKEN:
        yield _entity(own, config, identity, component)


def _entity(name: str, config: Mapping[str, Any], device: str, component: str) -> tuple[str, _Entity]:
    topic = config.get("state_topic")
    if not isinstance(topic, str) or not topic:
        raise CannotParse("homeassistant: {name} has no state topic", name=name[:60])
    base = config.get("~")
    if isinstance(base, str):
        topic = topic.replace("~", base, 1) if topic.startswith("~") else topic
        topic = topic[:-1] + base if topic.endswith("~") else topic
    if set(topic) & set("+#") or topic.startswith((ROOT, KEPT, "$")) or len(topic) > LONGEST:
        raise CannotParse("homeassistant: {topic} is no topic to listen to", topic=topic[:100])
    if not 0 < len(device) <= LONGEST or not 0 < len(name) <= LONGEST:
        raise CannotParse("homeassistant: a name of more than {most} characters, or of none", most=LONGEST)
    way = _way(config.get("value_template") or config.get("state_value_template"), name)
    unit = config.get("unit_of_measurement")
    on, off = (None, None)
    if component != "sensor":
        on, off = str(config.get("payload_on", "ON")), str(config.get("payload_off", "OFF"))
    return topic, [device, name, way, unit if isinstance(unit, str) else "", on, off]


def _way(template: object, name: str) -> list[str | int] | None:
    """The way into the payload that a plain template says; None for the payload itself."""
    if template is None or (isinstance(template, str) and _WHOLE.fullmatch(template.strip())):
        return None
    match = _TEMPLATE.fullmatch(template.strip()) if isinstance(template, str) else None
    if match is None:
        raise CannotParse(
            "homeassistant: the template of {name} is no plain way into the payload, and none is evaluated: {template}",
            name=name[:60],
            template=str(template)[:100],
        )
    return [int(item) if item else plain or single or double for plain, single, double, item in _STEP.findall(match[1])]


def _identity(device: object, otherwise: str) -> str:
    identifiers = device.get("identifiers") if isinstance(device, dict) else None
    first = identifiers[0] if isinstance(identifiers, list) and identifiers else identifiers
    return first if isinstance(first, str) and first else otherwise


def _long(value: object) -> object:
    """The same with abbreviated names written out."""
    if isinstance(value, dict):
        return {
            _SHORT.get(key, key): member if _SHORT.get(key, key) == "components" else _long(member)
            for key, member in value.items()
        } | (
            {"components": {key: _long(member) for key, member in components.items()}}
            if isinstance(components := value.get("cmps", value.get("components")), dict)
            else {}
        )
    return [_long(item) for item in value] if isinstance(value, list) else value


def _scalar(payload: bytes) -> object:
    text = payload.decode("utf-8", "backslashreplace").strip()
    try:
        return _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return text


def _converted(value: object, on: str | None, off: str | None) -> float | None:
    if on is not None:
        word = str(value).lower() if isinstance(value, bool) else str(value)
        return 1.0 if word == on else 0.0 if word == off else number(value) if isinstance(value, bool) else None
    if isinstance(value, str):
        try:
            return number(float(value))
        except ValueError:
            return None
    return number(value)
