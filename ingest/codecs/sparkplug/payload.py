"""The Sparkplug B payload: its protobuf schema, built here from its field numbers, and numbers of its metrics.

The schema is that of `sparkplug_b.proto` (proto2), as far as a host needs it: data sets, templates, extensions and
properties other than simple ones are left as bytes or unknown fields.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "uint32": _FIELD.TYPE_UINT32,
    "uint64": _FIELD.TYPE_UINT64,
    "float": _FIELD.TYPE_FLOAT,
    "double": _FIELD.TYPE_DOUBLE,
    "bool": _FIELD.TYPE_BOOL,
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
}
_VALUE = (("int", "uint32"), ("long", "uint64"), ("float", "float"), ("double", "double"), ("boolean", "bool"),
          ("string", "string"))  # fmt: skip
_SIGNED = {1: 8, 2: 16, 3: 32}  # datatypes that stand in int_value as two's complement, and their bits
INT64, DATE_TIME, BOOLEAN, DOUBLE = 4, 13, 11, 10


@lru_cache(maxsize=1)
def payload_class() -> Any:
    """The class of a payload's messages."""
    file = descriptor_pb2.FileDescriptorProto(name="serviceday/sparkplug_b.proto", package="sparkplug", syntax="proto2")
    properties = file.message_type.add(name="PropertyValue")
    _add(properties, "type", 1, "uint32")
    _add(properties, "is_null", 2, "bool")
    _add_value(properties, 3)
    sets = file.message_type.add(name="PropertySet")
    _add(sets, "keys", 1, "string", repeated=True)
    _add(sets, "values", 2, ".sparkplug.PropertyValue", repeated=True)
    metric = file.message_type.add(name="Metric")
    for number, (name, kind) in enumerate(
        (("name", "string"), ("alias", "uint64"), ("timestamp", "uint64"), ("datatype", "uint32"),
         ("is_historical", "bool"), ("is_transient", "bool"), ("is_null", "bool"), ("metadata", "bytes")), start=1
    ):  # fmt: skip
        _add(metric, name, number, kind)
    _add(metric, "properties", 9, ".sparkplug.PropertySet")
    _add_value(metric, 10)
    for number, name in ((16, "bytes_value"), (17, "dataset_value"), (18, "template_value")):
        _add(metric, name, number, "bytes").oneof_index = 0
    payload = file.message_type.add(name="Payload")
    _add(payload, "timestamp", 1, "uint64")
    _add(payload, "metrics", 2, ".sparkplug.Metric", repeated=True)
    _add(payload, "seq", 3, "uint64")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sparkplug.Payload"))


def _add(message: Any, name: str, number: int, kind: str, *, repeated: bool = False) -> Any:
    label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
    if kind in _TYPES:
        return message.field.add(name=name, number=number, type=_TYPES[kind], label=label)
    return message.field.add(name=name, number=number, type=_FIELD.TYPE_MESSAGE, type_name=kind, label=label)


def _add_value(message: Any, first: int) -> None:
    message.oneof_decl.add(name="value")
    for place, (name, kind) in enumerate(_VALUE):
        _add(message, f"{name}_value", first + place, kind).oneof_index = 0


def number_of(metric: Any, datatype: int) -> float | None:
    """The number a metric holds by its datatype; None for null, text, times, data sets and templates."""
    if metric.is_null:
        return None
    match metric.WhichOneof("value"):
        case "double_value":
            value: float = metric.double_value
        case "float_value":
            value = metric.float_value
        case "int_value":
            bits = _SIGNED.get(datatype, 0)
            whole = metric.int_value
            if bits:
                whole &= (1 << bits) - 1
                whole -= (whole >> (bits - 1)) << bits
            value = float(whole)
        case "long_value" if datatype != DATE_TIME:
            whole = metric.long_value
            value = float(whole - (1 << 64) if datatype == INT64 and whole >> 63 else whole)
        case "boolean_value":
            value = float(metric.boolean_value)
        case _:
            return None
    return value if math.isfinite(value) else None


def unit_of(metric: Any) -> str:
    """The engineering unit among a metric's properties (`engUnit` as Ignition has it, or `unit`)."""
    if not metric.HasField("properties"):
        return ""
    properties = metric.properties
    for key, value in zip(properties.keys, properties.values, strict=False):
        if key.lower() in ("engunit", "engineeringunits", "unit", "units"):
            return str(value.string_value)[:40]
    return ""
