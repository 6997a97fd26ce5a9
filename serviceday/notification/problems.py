"""Where in a file something is wrong, and how it is told: by line, with the name that was most likely meant."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from facility.i18n.messages import Sentence, foreign
from facility.toml_lines import TableLines
from serviceday.notification.schema import KINDS, TABLES, NotificationFile

Problem = tuple[int, Sentence]
_SECRETS = ("password", "secret", "token", "url", "Secret")


def line_of(location: Sequence[object], lines: TableLines) -> int:
    """The line of the innermost key that stands in the file, else of its table."""
    steps = [step for step in location if not (isinstance(step, str) and step in KINDS and location[0] == "channel")]
    table = str(steps[0]) if steps else ""
    place = next((step for step in steps[1:2] if isinstance(step, int)), 0)
    if table not in lines:
        return lines[""][0][1].get(table, 1)
    entries = lines[table]
    line, keys = entries[place] if place < len(entries) else (1, {})
    return next((keys[str(step)] for step in reversed(steps[1:]) if str(step) in keys), line)


def unknown(noun: Sentence, name: str, names: Sequence[str]) -> Sentence:
    """What to say of a name that nothing bears, with the one that is most like it."""
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return Sentence("no {noun} {name!r}; is it {near!r}?", noun=noun, name=name, near=near[0])
    if names:
        return Sentence("no {noun} {name!r}; there are {names}", noun=noun, name=name, names=list(names))
    return Sentence("no {noun} {name!r}; there is none yet", noun=noun, name=name)


def mistake(part: Mapping[str, Any]) -> Sentence:
    """What pydantic found to be wrong, in our words."""
    location = [str(step) for step in part["loc"] if not isinstance(step, int)]
    kind = location[1] if len(location) > 1 and location[0] == "channel" else ""
    named = [step for step in location[1:] if step not in KINDS] if len(location) > 1 else location
    key = ".".join(named or location)
    if part["type"] == "missing":
        return Sentence("{key} is missing", key=key)
    if part["type"] == "union_tag_not_found":
        return Sentence("{key} is missing", key="kind")
    if part["type"] == "union_tag_invalid":
        return unknown(Sentence("kind of channel"), str(part["input"].get("kind", ""))[:60], list(KINDS))
    if part["type"] == "extra_forbidden":
        form = KINDS.get(kind) or (TABLES.get(location[0]) if len(location) > 1 else NotificationFile)
        keys = list(form.model_fields) if form is not None and len(named) <= 1 else _inner(form, named[:-1])
        return unknown(Sentence("key"), location[-1], keys)
    words = str(part["msg"]).removeprefix("Value error, ")
    if "Secret" in words or (named and named[-1] in _SECRETS):
        return Sentence('{key} is a secret; write {{ env = "NAME" }} or {{ file = "path" }}', key=key)
    return Sentence("{key} = {value!r}: {why}", key=key, value=str(part["input"])[:60], why=foreign(words))


def _inner(form: Any, path: Sequence[str]) -> list[str]:
    """The keys of a table within a table, such as `match` of a route."""
    for step in path:
        field = form.model_fields.get(step) if form is not None else None
        inner = getattr(field, "annotation", None)
        inner = next((each for each in getattr(inner, "__args__", ()) if hasattr(each, "model_fields")), inner)
        form = inner if hasattr(inner, "model_fields") else None
    return list(form.model_fields) if form is not None else []
