"""A first profile from what was heard: one `[[message]]` for each kind of topic and payload, with comments.

Topics of as many levels, with payloads of the same members, are one kind; the level in which they differ most is taken
for the device. A draft is a beginning for a person to go on from, and of the form: it can be tried at once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from ingest.messages import Message

KINDS_AT_MOST = 50
VALUES_AT_MOST = 60
DEEPEST = 6
_TIMES = {"ts", "time", "timestamp", "datetime", "date_time", "t", "received_at", "last_seen"}


@dataclass(slots=True)
class _Kind:
    topics: Counter[str] = field(default_factory=Counter)
    messages: list[tuple[Message, object]] = field(default_factory=list)


def draft(name: str, messages: Iterable[Message]) -> str:
    """A profile's file. The messages are those that no profile understands yet."""
    kinds: dict[tuple[object, ...], _Kind] = {}
    for message in messages:
        body = _body(message.payload)
        levels = message.topic.split("/")
        shape = (len(levels), levels[0], levels[-1] if len(levels) > 2 else "", _shape(body))
        kind = kinds.setdefault(shape, _Kind())
        kind.topics[message.topic] += 1
        kind.messages.append((message, body))
    lines = [
        "# A first draft, from what was heard on the broker: read it through, give values units and names, take away",
        "# what nobody needs. Try it: serviceday devices try " + f"{name} --message FILE --topic TOPIC",
        f"profile = {_quoted(name)}",
        f"name = {{zh = {_quoted(name)}, en = {_quoted(name)}}}",
    ]
    ordered = sorted(kinds.values(), key=lambda kind: -sum(kind.topics.values()))
    for kind in ordered[:KINDS_AT_MOST]:
        lines += ["", *_message(kind)]
    if len(ordered) > KINDS_AT_MOST:
        lines += ["", f"# {len(ordered) - KINDS_AT_MOST} more kinds of messages were heard and are not drafted"]
    for kind in ordered[:3]:
        message, _ = kind.messages[0]
        lines += [
            "",
            "# heard:",
            f"#   {_one_line(message.topic)}  {_one_line(message.payload[:300].decode('utf-8', 'replace'))}",
        ]
    return "\n".join(lines) + "\n"


def _message(kind: _Kind) -> list[str]:
    topics = list(kind.topics)
    lines = [f"# {len(topics)} topics, for example {_one_line(topics[0])}", "[[message]]"]
    pattern = _pattern(topics)
    lines.append(f"topic = {_quoted(pattern)}")
    if "{device}" not in pattern:
        lines.append(f"device = {_quoted(pattern)}")
    _, body = kind.messages[0]
    if not isinstance(body, dict):
        lines.append('form = "text"')
        number = isinstance(body, int | float) and not isinstance(body, bool)
        sample = f"[[message.value]]  # heard: {_one_line(str(body))[:60]}"
        words = sorted({str(each)[:40] for _, each in kind.messages if isinstance(each, str)})
        lines += [sample, 'path = "$"', 'name = "value"']
        if words and not number:
            lines.append(
                f"map = {{{', '.join(f'{_quoted(word)} = {place}' for place, word in enumerate(words[:10]))}}}"
            )
        return lines
    leaves = list(_leaves(body))[:VALUES_AT_MOST]
    stamp = next((way for way, value in leaves if way[-1].lower() in _TIMES and _form(value)), None)
    if stamp is not None:
        value = dict(leaves)[stamp]
        lines.append(f'time = [{{path = {_quoted(_path(stamp))}, format = "{_form(value)}"}}, {{}}]')
    else:
        lines.append("# time: none was seen, so that of arrival is taken")
    for way, value in leaves:
        if way == stamp:
            continue
        lines += _value(way, value)
    return lines if any(line.startswith("[[message.value") for line in lines) else [*lines, "skip = true"]


def _value(way: tuple[str, ...], value: object) -> list[str]:
    sample = f"  # heard: {_one_line(str(value))[:60]}"
    if isinstance(value, str):
        if not value or len(value) > 24:
            return [f"# {_one_line(_path(way))} is text: {_one_line(value)[:60]}"]
        return [
            f"# {_one_line(_path(way))} is a word, heard: {_one_line(value)[:40]}. To take it in:",
            "# [[message.value]]",
            f"# path = {_quoted(_path(way))}",
            f"# map = {{{_quoted(value)} = 1}}",
        ]
    return [f"[[message.value]]{sample}", f"path = {_quoted(_path(way))}", '# unit = ""']


def _pattern(topics: Sequence[str]) -> str:
    """The topics' common form, with the level in which they differ most as the device."""
    split = [topic.split("/") for topic in topics]
    width = len(split[0])
    different = [len({levels[place] for levels in split}) for place in range(width)]
    device = max(range(width), key=lambda place: (different[place], place > 0, -abs(place - width // 2)))
    levels = []
    for place in range(width):
        word = split[0][place]
        if place == device:
            levels.append("{device}")
        elif different[place] > 1:
            levels.append(f"{{level_{place}}}")
        elif not word or set(word) & set("{}"):
            levels.append("+")
        else:
            levels.append(word)
    return split[0][0] if width == 1 else "/".join(levels)


def _body(payload: bytes) -> object:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return payload.decode("utf-8", "replace").strip()


def _shape(body: object) -> object:
    return tuple(sorted(body)) if isinstance(body, dict) else type(body).__name__


def _leaves(value: object, way: tuple[str, ...] = (), level: int = 0) -> Iterable[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict) and level < DEEPEST:
        for key, member in value.items():
            if not key or not key.isprintable():
                continue
            yield from _leaves(member, (*way, key), level + 1)
    elif value is not None and not isinstance(value, list | dict) and way:
        yield way, value


def _form(value: object) -> str:
    """How a time seems to be written; "" for what is none."""
    if isinstance(value, str):
        return "iso" if len(value) > 9 and value[:4].isdigit() and "-" in value else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    for form, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if 1e9 <= value / factor < 4e9:
            return form
    return ""


def _path(way: Sequence[str]) -> str:
    plain = (key.isascii() and key.replace("_", "").replace("-", "").isalnum() for key in way)
    return ".".join(
        key if simple else json.dumps(key, ensure_ascii=False) for key, simple in zip(way, plain, strict=True)
    )


def _quoted(words: str) -> str:
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(words: str) -> str:
    return "".join(character if character.isprintable() else " " for character in words)
