"""A simulated device's message in the language of a profile: its `[encode]`, filled in."""

from __future__ import annotations

import json

from facility.errors import CannotConvert
from ingest.codecs.contract import DeviceMoment
from ingest.codecs.mapping.profile import Profile
from ingest.codecs.mapping.times import written

_TIMES = {"{ms}": "ms", "{s}": "s", "{iso}": "iso", "{local}": "local"}


def written_message(profile: Profile, moment: DeviceMoment) -> tuple[str, bytes]:
    """Topic and payload that say what a device says of one moment. Raises `CannotConvert` without an `[encode]`."""
    form = profile.encode
    if form is None:
        raise CannotConvert("profile {profile} does not say how its devices write", "Add an [encode] table",
                            profile=profile.key)  # fmt: skip
    skeleton, each = json.loads(form.payload), json.loads(form.value)

    def fill(part: object, value: object = None, name: str = "") -> object:
        if isinstance(part, str):
            if part in _TIMES:
                return written(moment.time_ms, _TIMES[part], profile.zone)
            if part == "{value}":
                return value
            if part == "{id}":
                return f"{moment.device}-{moment.time_ms}"
            return part.replace("{device}", moment.device).replace("{name}", name)
        if isinstance(part, list):
            return [fill(item, value, name) for item in part]
        if not isinstance(part, dict):
            return part
        filled: dict[str, object] = {}
        for key, member in part.items():
            if key == "{values}":
                for value_name, number in moment.values.items():
                    _put(filled, (form.prefix + value_name).split("."), fill(each, number, value_name))
            else:
                filled[str(fill(key))] = fill(member, value, name)
        return filled

    topic = form.topic.replace("{device}", moment.device)
    return topic, json.dumps(fill(skeleton), ensure_ascii=False).encode()


def _put(target: dict[str, object], way: list[str], value: object) -> None:
    for key in way[:-1]:
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        target = inner
    target[way[-1]] = value
