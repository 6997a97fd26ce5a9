"""`devices.toml` in the data folder: which codecs are switched on, and the zone of devices that tell local time.

    codecs = ["tasmota", "zigbee2mqtt"]
    zone = "Asia/Shanghai"
    sparkplug_host = "serviceday"      the id under which Sparkplug nodes see whether we are there

Native devices need none of it. Profiles of the operator's own lie in the folder `profiles` beside it.
"""

from __future__ import annotations

import json
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from facility.errors import CannotParse, Problems
from facility.i18n.messages import Sentence
from facility.identity import nearest
from facility.toml_lines import table_lines
from ingest.codecs.contract import Codec
from ingest.codecs.mapping.codec import MappingCodec
from ingest.codecs.registry import codec_names, open_codec
from ingest.codecs.sparkplug.codec import SparkplugCodec
from ingest.devices.setup import FILE as MAP_FILE
from ingest.devices.setup import DeviceSetup
from ingest.mqtt.host_state import HostState
from ingest.topics import Rules

FILE = "devices.toml"
PROFILES = "profiles"
KEYS = ("codecs", "zone", "sparkplug_host")
HOST = "serviceday"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """What a data folder says of its devices."""

    folder: Path
    codecs: tuple[str, ...] = ()
    zone: ZoneInfo | None = None
    sparkplug_host: str = HOST

    @property
    def own_profiles(self) -> Path:
        return self.folder / PROFILES

    @property
    def map_file(self) -> Path:
        return self.folder / MAP_FILE

    def known(self) -> list[str]:
        """Every codec there is for this folder."""
        return codec_names(self.own_profiles)

    def opened(self) -> list[Codec]:
        """The codecs that are switched on. Raises what is wrong with any of them."""
        return [open_codec(name, self.own_profiles, self.zone) for name in self.codecs]


def read_settings(folder: Path) -> DeviceSettings:
    """The settings of a data folder. Raises `CannotParse` or `Problems` with every mistake and its line."""
    file = folder / FILE
    if not file.is_file():
        return DeviceSettings(folder=folder)
    try:
        words = file.read_text(encoding="utf-8")
        raw = tomllib.loads(words)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CannotParse(
            "{name} is not TOML: {error}", "Mend that line and run it again", name=file.name, error=error
        ) from None
    lines = table_lines(words)[""][0][1]
    problems: list[tuple[int, Sentence]] = [
        (lines.get(key, 1), _unknown(Sentence("key"), key, list(KEYS))) for key in raw if key not in KEYS
    ]
    codecs = raw.get("codecs", [])
    if not isinstance(codecs, list) or not all(isinstance(each, str) for each in codecs):
        problems.append((lines.get("codecs", 1), Sentence('codecs is no list of names; write codecs = ["tasmota"]')))
        codecs = []
    known = codec_names(folder / PROFILES)
    problems += [
        (lines.get("codecs", 1), _unknown(Sentence("codec"), each, known))
        for each in codecs
        if each not in known and each != "native"
    ]
    zone: ZoneInfo | None = None
    if "zone" in raw:
        try:
            zone = ZoneInfo(str(raw["zone"]))
        except (KeyError, ValueError, OSError):
            problems.append((lines.get("zone", 1), Sentence("{name!r} is not a time zone", name=str(raw["zone"])[:60])))
    host = raw.get("sparkplug_host", HOST)
    if not isinstance(host, str) or not host or set(host) & set("/+#") or not host.isprintable():
        sentence = Sentence("sparkplug_host is no name of a host; leave out / + and #")
        problems.append((lines.get("sparkplug_host", 1), sentence))
    if problems:
        ordered = sorted(problems, key=lambda problem: problem[0])
        raise Problems(FILE, [Sentence("line {line}: {what}", line=line, what=what) for line, what in ordered])
    names = tuple(dict.fromkeys(each for each in codecs if each != "native"))
    return DeviceSettings(folder=folder, codecs=names, zone=zone, sparkplug_host=str(host))


def _unknown(noun: Sentence, name: str, names: list[str]) -> Sentence:
    near = nearest(name, names)
    if near:
        return Sentence("no {noun} {name!r}; is it {near!r}?", noun=noun, name=name[:60], near=near)
    return Sentence("no {noun} {name!r}; there are {names}", noun=noun, name=name[:60], names=names)


def open_devices(folder: Path, rules: Rules | None = None) -> DeviceSetup:
    """All that a data folder says of its devices, opened. Raises what is wrong with settings, profiles or map."""
    settings = read_settings(folder)
    codecs = settings.opened()
    direct = [codec.name for codec in codecs if isinstance(codec, MappingCodec) and codec.profile.direct]
    setup = DeviceSetup(codecs, rules=rules, map_file=settings.map_file, known_codecs=settings.known(), direct=direct)
    if SparkplugCodec.name in settings.codecs:
        setup.host_state = sparkplug_state(settings.sparkplug_host, time.time_ns() // 1_000_000)
    return setup


def sparkplug_state(host: str, now_ms: int) -> HostState:
    """The STATE of a Sparkplug host: the birth bears the time stamp of the will of its connection (3.0, 6.4.23)."""
    online, offline = (
        json.dumps({"online": there, "timestamp": now_ms}, separators=(",", ":")).encode() for there in (True, False)
    )
    return HostState(topic=f"spBv1.0/STATE/{host}", online=online, offline=offline)
