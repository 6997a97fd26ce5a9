"""The channel catalogue: what each class of equipment measures, how it fails, and what the law wants inspected.

All of it is data, one TOML file a class in `facility/catalogue/`; nothing about a lift or a lamp stands in code. Units
are UCUM codes. Every threshold names its source: a standard, `D` for our own design value, `U` where the standard's
text was not seen.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from facility.catalogue.alarm import ONE_IS_ENOUGH, Alarm, alarm_of
from facility.catalogue.duties import DEFAULT_SET, LAW, SETS, duties_of, read_duties
from facility.catalogue.duties import Duty as Duty
from facility.errors import CannotConvert, CannotParse, Problems
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Text, text

FOLDER = Path(__file__).parent
OPERATORS = "SERVICEDAY_CATALOGUE"  # variable of the environment: a folder with classes of the operator's own
LAW_SET = "SERVICEDAY_LAW"  # variable of the environment: whose law holds


class Aggregate(StrEnum):
    """How readings of a channel are summed up over an hour."""

    MEAN = "mean"  # a level, sampled regularly
    COUNTER = "counter"  # cumulative; what matters is its increase
    STATE = "state"  # an enumeration or a switch, sent on change
    SPARSE = "sparse"  # measured only in tests, days or weeks apart
    DAILY = "daily"  # one figure a day


class Bad(StrEnum):
    """Which way trouble lies."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"
    NONE = "none"  # context: explains other channels, never trouble in itself


@dataclass(frozen=True, slots=True)
class Band:
    """A closed interval; either end may be open (infinite)."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) or math.isfinite(self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What one sensor measures, and when its silence becomes suspicious."""

    kind: str
    key: str
    name: Text
    unit: str
    normal: Band  # where a healthy asset usually is
    limit: Band  # outside it an alarm is due
    physical: Band  # outside it the sensor is wrong
    cadence: timedelta  # usual time between readings
    stale_after: timedelta
    aggregate: Aggregate
    bad: Bad
    source: str
    brick: str
    states: Mapping[int, Text]  # for Aggregate.STATE: what each value means
    frozen_after: timedelta | None = None  # a healthy sensor never says the very same for longer; zero: it may for ever
    in_service: frozenset[int] = frozenset()  # states that mean normal use; empty: this channel does not tell
    per: str = ""  # of what it is a share: key of the counter of the same asset, or "time"; "" if it is a measurement
    follows: str = ""  # key of the channel of the same asset that drives this one, in proportion at most
    alarm: Alarm = ONE_IS_ENOUGH

    @property
    def watched(self) -> bool:
        """Whether readings of it alone can be trouble."""
        return self.limit.bounded or bool(self.alarm.codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureMode:
    """How equipment fails: the signature that names it, and what to look for on site."""

    kind: str
    key: str
    name: Text
    signs: Mapping[str, Bad]  # channel key -> the way it moves
    lead: Text
    look_for: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Explains:
    """What is also wrong, in the same building, when a channel of this class is."""

    channel: str
    kinds: tuple[str, ...]
    what: tuple[str, ...]  # channels of those classes, or "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class EquipmentClass:
    """One class of equipment with all that the catalogue knows of it."""

    key: str
    name: Text
    brick: str
    life_safety: bool
    criticality: float  # weight of a failure's consequence, 1 = ordinary
    inspect_minutes: int  # to look into a warning on site (D)
    qualification: str  # who may look into it
    channels: Mapping[str, Channel]
    modes: Mapping[str, FailureMode]
    duties: Mapping[str, Duty]
    also: tuple[str, ...] = ()  # other names that registries use for it
    explains: tuple[Explains, ...] = ()


class Catalogue(Mapping[str, EquipmentClass]):
    """All equipment classes, by key."""

    def __init__(self, classes: Mapping[str, EquipmentClass]) -> None:
        self._classes = dict(classes)

    def __getitem__(self, key: str) -> EquipmentClass:
        return self._classes[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def channel(self, kind: str, key: str) -> Channel:
        """One channel. Raises `CannotConvert` naming what is known, if kind or key is not."""
        channels = self.kind(kind).channels
        if key not in channels:
            raise CannotConvert(
                "unknown channel {key!r} for {kind}", "Known: {known}", key=key, kind=kind, known=list(channels)
            )
        return channels[key]

    def kind(self, key: str) -> EquipmentClass:
        if key not in self._classes:
            raise CannotConvert("unknown equipment class {key!r}", "Known: {known}", key=key, known=list(self._classes))
        return self._classes[key]

    def channel_keys(self) -> set[str]:
        """Every channel key of any class."""
        return {key for equipment_class in self._classes.values() for key in equipment_class.channels}


_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def _duration(words: str) -> timedelta:
    digits = words.rstrip("abcdefghijklmnopqrstuvwxyz")
    return timedelta(**{_UNITS[words[len(digits) :]]: float(digits)})


def _band(table: Mapping[str, float] | None) -> Band:
    table = table or {}
    return Band(float(table.get("low", -math.inf)), float(table.get("high", math.inf)))


def _load_class(file: Path) -> EquipmentClass:
    with file.open("rb") as stream:
        raw: dict[str, Any] = tomllib.load(stream)
    kind = raw["key"]

    def named(row: Mapping[str, Any], field: str = "name") -> Text:
        return text(row[field], f"{file.name}: {row.get('key', kind)}.{field}")

    channels = {
        row["key"]: Channel(
            kind=kind,
            key=row["key"],
            name=named(row),
            unit=row["unit"],
            normal=_band(row.get("normal")),
            limit=_band(row.get("limit")),
            physical=_band(row.get("physical")),
            cadence=_duration(row["cadence"]),
            stale_after=_duration(row["stale_after"]),
            aggregate=Aggregate(row["aggregate"]),
            bad=Bad(row["bad"]),
            source=row["source"],
            brick=row.get("brick", ""),
            states={
                int(value): text(words, f"{file.name}: {row['key']}.states")
                for value, words in row.get("states", {}).items()
            },
            frozen_after=_duration(row["frozen_after"]) if "frozen_after" in row else None,
            in_service=frozenset(row.get("in_service", ())),
            per=row.get("per", ""),
            follows=row.get("follows", ""),
            alarm=alarm_of(row, row["aggregate"], _duration(row["cadence"]), _duration),
        )
        for row in raw.get("channel", [])
    }
    modes = {
        row["key"]: FailureMode(
            kind=kind,
            key=row["key"],
            name=named(row),
            signs={sign.split(":")[0]: Bad(sign.split(":")[1]) for sign in row["signs"]},
            lead=named(row, "lead"),
            look_for=named(row, "look_for"),
        )
        for row in raw.get("mode", [])
    }
    duties = duties_of(kind, raw.get("duty", []), raw.get("item", []), file.name)
    return EquipmentClass(
        key=kind,
        name=named(raw),
        brick=raw.get("brick", ""),
        life_safety=raw["life_safety"],
        criticality=float(raw["criticality"]),
        inspect_minutes=raw["inspect_minutes"],
        qualification=raw["qualification"],
        channels=channels,
        modes=modes,
        duties=duties,
        also=tuple(raw.get("also", ())),
        explains=tuple(
            Explains(channel=row["channel"], kinds=tuple(row["kinds"]), what=tuple(row["what"]))
            for row in raw.get("explains", ())
        ),
    )


def catalogue() -> Catalogue:
    """Our classes, and those of the operator's folder, which go before ours of the same key.

    The folder is `catalogue/` in the data folder, or what SERVICEDAY_CATALOGUE names. The duties of the law are those
    of the set that SERVICEDAY_LAW or the folder's `law.toml` names. Raises `Problems` or `CannotParse` for a file of it
    that is not as it should be, and for a set that is not there.
    """
    return _read(os.environ.get(OPERATORS, ""), os.environ.get(LAW_SET, ""))


def of_law(name: str) -> Catalogue:
    """Our classes with the duties of one law, without anything of an operator's."""
    return _read("", name)


def law_set() -> str:
    """Whose law holds: `cn`, `eu`, `uk` or `us`."""
    return _chosen(os.environ.get(OPERATORS, ""), os.environ.get(LAW_SET, ""))


def _chosen(operators: str, asked: str) -> str:
    file = Path(operators) / "law.toml" if operators else None
    if asked:
        if asked not in SETS:
            raise CannotParse("no law {asked!r}", "There are {known}", asked=asked, known=list(SETS))
        return asked
    if file is None or not file.is_file():
        return DEFAULT_SET
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CannotParse(
            "{name} is not TOML: {error}", "Mend that line and run it again", name=file.name, error=error
        ) from None
    law = raw.get("law")
    named = law.get("set", DEFAULT_SET) if isinstance(law, dict) else None
    if raw.keys() != {"law"} or not isinstance(law, dict) or law.keys() - {"set"} or named not in SETS:
        raise Problems(file.name, [Sentence('write [law] and set = "cn"; there are {known}', known=list(SETS))])
    return str(named)


@lru_cache(maxsize=8)
def _read(operators: str, asked: str) -> Catalogue:
    classes = {
        equipment_class.key: equipment_class for equipment_class in map(_load_class, sorted(FOLDER.glob("*.toml")))
    }
    for file in sorted((LAW / _chosen(operators, asked)).glob("*.toml")):
        _lay_down(classes, read_duties(file), over=False)
    if operators:
        from facility.catalogue.schema import check_duties, check_file

        folder = Path(operators)
        for file in sorted(folder.glob("*.toml")):
            if file.name == "law.toml":
                continue
            check_file(file)
            equipment_class = _load_class(file)
            classes[equipment_class.key] = equipment_class
        for file in sorted((folder / "duties").glob("*.toml")):
            check_duties(file, {key: (list(each.duties), list(each.channels)) for key, each in classes.items()})
            _lay_down(classes, read_duties(file), over=True)
    return Catalogue(classes)


def _lay_down(classes: dict[str, EquipmentClass], duties: Mapping[str, Mapping[str, Duty]], *, over: bool) -> None:
    """Duties of files of their own, before those of the class's file; `over`: in place of what has the same key."""
    for kind, more in duties.items():
        have = classes[kind].duties
        merged = {**have, **more} if over else {**more, **{key: have[key] for key in have if key not in more}}
        classes[kind] = replace(classes[kind], duties=merged)


def use_folder(data: Path) -> None:
    """Have this process and those it starts know the classes in a data folder's `catalogue/`, unless told otherwise."""
    own = data / "catalogue"
    if OPERATORS not in os.environ and own.is_dir():
        os.environ[OPERATORS] = str(own.absolute())
