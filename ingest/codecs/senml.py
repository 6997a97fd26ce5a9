"""SenML (RFC 8428), JSON form, on `senml/...`: packs of records with base fields.

The device is the base name without the mark at its end (`urn:dev:ow:10e2073a01080063:`), the value what a record's name
adds to it. Where a pack has no base name, or a record adds nothing, the name is the device and the value is `value`.
Sums are values of their own (`NAME.sum`). Texts and data are passed over; a pack with a field that must be understood
and is not, or of a later version, is refused as the RFC asks (section 4.4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from facility.errors import CannotParse
from ingest.codecs.contract import Decoded, DeviceMoment, Rows
from ingest.codecs.state import CodecState
from ingest.messages import Message

VERSION = 10  # of RFC 8428
RELATIVE = 1 << 28  # seconds; a smaller time is relative to now
LONGEST = 150  # characters
_UNITS = {"%RH": "%", "%EL": "%", "/": "1", "count": "1"}
_MARKS = ":/-_."

_decode = msgspec.json.Decoder().decode


class SenmlCodec:
    """SenML packs in JSON."""

    name = "senml"
    topic_filters = ("senml/#",)
    repeatable = True

    def source(self, topic: str) -> str:
        """The payload says who speaks."""
        return ""

    def decode(self, messages: Sequence[Message], state: CodecState) -> Decoded:
        """Resolve records and understand them."""
        rows = Rows(self.name)
        for index, message in enumerate(messages):
            try:
                readings = list(_readings(_decode(message.payload), message.arrived_us // 1000))
            except CannotParse as error:
                rows.refuse(message, str(error.what)[:300])
                continue
            except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError) as error:
                rows.refuse(message, str(CannotParse("senml: not JSON ({error})", error=str(error)[:100]).what))
                continue
            for device, reading in readings:
                rows.add(index, device, reading)
        return rows.decoded()

    def convert(self, device: str, value_name: str, value: object) -> float | None:
        """Only numbers and truth values are taken."""
        return float(value) if isinstance(value, bool) else None

    def encode(self, moments: Iterable[DeviceMoment]) -> list[tuple[str, bytes]]:
        """A pack a moment, with name and time as base fields."""
        messages = []
        for moment in moments:
            seconds = moment.time_ms / 1000 if moment.time_ms % 1000 else moment.time_ms // 1000
            first: dict[str, object] = {"bn": f"{moment.device}:", "bt": seconds}
            records = [{"n": name, "v": value} for name, value in moment.values.items()]
            pack = [{**first, **records[0]}, *records[1:]] if records else []
            messages.append((f"senml/{moment.device}", msgspec.json.encode(pack)))
        return messages


def _readings(pack: object, now_ms: int) -> Iterator[tuple[str, tuple[str, str, int, float]]]:
    """Device and reading (value name, unit, ms, number) of each. Raises `CannotParse` for a pack that is none."""
    if not isinstance(pack, list) or not all(isinstance(record, dict) for record in pack):
        raise CannotParse("senml: a pack is a list of records")
    base: dict[str, object] = {}
    for record in pack:
        unknown = next((key for key in record if key.endswith("_")), None)
        if unknown is not None:
            raise CannotParse("senml: the field {field} must be understood and is not", field=unknown[:60])
        base |= {key: value for key, value in record.items() if key in ("bn", "bt", "bu", "bv", "bs", "bver")}
        if _number(base.get("bver", VERSION), "bver") > VERSION:
            raise CannotParse("senml: version {version}; up to {most} is understood", version=str(base["bver"])[:20],
                              most=VERSION)  # fmt: skip
        yield from _record(record, base, now_ms)


def _record(
    record: Mapping[str, object], base: Mapping[str, object], now_ms: int
) -> Iterator[tuple[str, tuple[str, str, int, float]]]:
    before, own = _words(base.get("bn", ""), "bn"), _words(record.get("n", ""), "n")
    device = (before.rstrip(_MARKS) or before) if before else own
    name = own if before and own else "value"
    declared = _words(record.get("u", base.get("bu", "")), "u")
    unit = _UNITS.get(declared, declared)
    seconds = _number(base.get("bt", 0), "bt") + _number(record.get("t", 0), "t")
    time_ms = round(seconds * 1000) if abs(seconds) >= RELATIVE else now_ms + round(seconds * 1000)
    numbers: list[tuple[str, float]] = []
    if "v" in record or ("bv" in base and not {"vs", "vb", "vd", "s"} & set(record)):
        numbers.append((name, _number(base.get("bv", 0), "bv") + _number(record.get("v", 0), "v")))
    if isinstance(record.get("vb"), bool):
        numbers.append((name, float(bool(record["vb"]))))
    if "s" in record:
        numbers.append((f"{name}.sum", _number(base.get("bs", 0), "bs") + _number(record["s"], "s")))
    if (numbers and not 0 < len(device) <= LONGEST) or len(name) > LONGEST:
        raise CannotParse("senml: a record without a name, or with one longer than {most} characters", most=LONGEST)
    for value_name, number in numbers:
        if math.isfinite(number):
            yield device, (value_name, "" if value_name.endswith(".sum") else unit, time_ms, number)


def _number(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CannotParse("senml: {field} is {value!r}, no number", field=field, value=str(value)[:60])
    number = float(value)
    if not math.isfinite(number) or abs(number) > 1e300:
        raise CannotParse("senml: {field} is {value!r}, no number", field=field, value=str(value)[:60])
    if field in ("bt", "t") and abs(number) > 4e12:
        raise CannotParse("senml: {field} is {value!r}, no time", field=field, value=str(value)[:60])
    return number


def _words(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise CannotParse("senml: {field} is {value!r}, no text", field=field, value=str(value)[:60])
    return value
