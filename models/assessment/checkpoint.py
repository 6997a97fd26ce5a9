"""What a look at a fleet leaves for the next hour, and how it is kept: one file of plain arrays.

The file is written beside and renamed, so that a crash leaves the one before; numpy's reader checks every array, and is
told to load no objects. A file that cannot be read, or was made under other conditions, is no standing: then the whole
fleet is looked at again.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zipfile import BadZipFile

import msgspec
import numpy as np

from facility.catalogue.catalogue import FOLDER
from facility.errors import CannotParse
from facility.estate import Asset
from facility.i18n.messages import Sentence
from models.assessment.baseline import Expectations
from models.statistics import BoolArray, FloatArray, IntArray

FORM = 2  # of the file
CALM = 0.999  # the chance of an asset of which nothing is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a fleet between two looks."""

    whole_at: datetime  # UTC; of the last look at the whole fleet
    seen_at: datetime  # UTC; of the last look at what was remarkable
    assets: tuple[str, ...]
    fingerprints: IntArray  # one an asset: what the registry said of it
    chance: FloatArray  # (assets, 2): p-values for the worse and for the better
    expected: Expectations
    conditions: str = ""  # under which all this was believed, see `conditions`
    cursor: str = ""  # of the store: what had been stored by then

    def carried_to(self, assets: Sequence[Asset]) -> Carried:
        """The same for the assets of today."""
        before = {name: place for place, name in enumerate(self.assets)}
        old = np.array([before.get(asset.id, -1) for asset in assets], dtype=np.int64)
        same = (old >= 0) & (self.fingerprints[old] == fingerprints(assets)) if self.assets else old >= 0
        place = np.full(len(self.assets), -1, dtype=np.int64)
        place[old[same]] = np.flatnonzero(same)
        rows = np.flatnonzero(place[self.expected.owner] >= 0)
        moved = self.expected.taking(rows, place[self.expected.owner[rows]])
        chance = np.full((len(assets), 2), CALM)
        chance[same] = self.chance[old[same]]
        return Carried(expected=Expectations.joined([moved]), chance=chance, unknown=~same)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A standing by the places of other assets. `unknown`: of which nothing, or something else, was known."""

    expected: Expectations
    chance: FloatArray
    unknown: BoolArray


def fingerprints(assets: Sequence[Asset]) -> IntArray:
    """A number for all the registry says of each asset."""
    return np.array([zlib.crc32(msgspec.json.encode(asset)) for asset in assets], dtype=np.int64)


def conditions(*others: object) -> str:
    """A word for the catalogue and whatever else belief depends on besides readings and registry."""
    word = zlib.crc32(repr(others).encode())
    for file in sorted(FOLDER.glob("*.toml")):
        word = zlib.crc32(file.read_bytes(), word)
    return f"{word:08x}"


def save(path: Path, standing: Standing) -> None:
    """Keep a standing, whole or not at all."""
    expected = standing.expected
    names = sorted(set(expected.name))
    codes = {name: code for code, name in enumerate(names)}
    head = {
        "form": FORM,
        "conditions": standing.conditions,
        "cursor": standing.cursor,
        "whole_at": standing.whole_at.isoformat(),
        "seen_at": standing.seen_at.isoformat(),
        "assets": standing.assets,
        "names": names,
    }
    beside = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with beside.open("wb") as file:
            np.savez(
                file,
                head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8),
                fingerprints=standing.fingerprints,
                chance=standing.chance,
                owner=expected.owner,
                name=np.array([codes[name] for name in expected.name], dtype=np.int64),
                expected=expected.expected,
                scale=expected.scale,
                newest=expected.newest,
                excluded=expected.excluded,
                least=expected.least,
                profile=expected.profile,
            )
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: Path) -> Standing | None:
    """The standing that was kept last; None if there is none. Raises `CannotParse` for a file that cannot be used."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        head = json.loads(arrays["head"].tobytes())
        if head["form"] != FORM:
            raise ValueError(f"form {head['form']}")
        names = head["names"]
        standing = Standing(
            whole_at=datetime.fromisoformat(head["whole_at"]),
            seen_at=datetime.fromisoformat(head["seen_at"]),
            assets=tuple(head["assets"]),
            fingerprints=arrays["fingerprints"],
            chance=arrays["chance"],
            expected=Expectations(
                owner=arrays["owner"],
                name=tuple(names[code] for code in arrays["name"]),
                expected=arrays["expected"],
                scale=arrays["scale"],
                newest=arrays["newest"],
                excluded=arrays["excluded"],
                least=arrays["least"],
                profile=arrays["profile"],
            ),
            conditions=head["conditions"],
            cursor=head["cursor"],
        )
        _check(standing)
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        BadZipFile,
        zlib.error,
        RecursionError,
    ) as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "The whole fleet is looked at again", path=path, error=error
        ) from None
    return standing


def _check(standing: Standing) -> None:
    expected, assets = standing.expected, len(standing.assets)
    if len(standing.fingerprints) != assets or len(standing.chance) != assets:
        raise ValueError(Sentence("figures of other assets"))
    lengths = {
        len(array) for array in (expected.owner, expected.name, expected.expected, expected.scale, expected.newest)
    }
    lengths |= {len(expected.excluded), len(expected.profile), len(expected.least)}
    if len(lengths) != 1 or (assets <= int(expected.owner.max(initial=-1))):
        raise ValueError(Sentence("figures of other series"))
