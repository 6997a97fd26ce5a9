"""`devices.csv` in the data folder: which device, and which of its values, is which asset and channel.

    codec,device,value,asset,channel,unit
    tasmota,plug-7,ENERGY.Power,LC-3-01,circuit_power,W
    tasmota,plug-7,Wifi.RSSI,,,
    zigbee2mqtt,hall/lamp,*,LC-3-02,,

A row for each value. Without asset the value is not wanted; the value `*` stands for all that have no row of their own:
they keep their names as channels, or are not wanted. `unit` is what the device measures in, where it does not say so or
says it wrong. The file is ours to write (`serviceday devices approve`) and the operator's to edit.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facility.errors import CannotDo, CannotParse, Problems
from facility.i18n.messages import Sentence
from facility.identity import nearest

COLUMNS = ("codec", "device", "value", "asset", "channel", "unit")
ALL = "*"
PROBLEMS_AT_MOST = 50


@dataclass(frozen=True, slots=True)
class Target:
    """Where a value goes; without asset it is not wanted. Without channel it keeps its name."""

    asset: str
    channel: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One row."""

    codec: str
    device: str
    value: str
    target: Target


UNWANTED = Target("")


class DeviceMap:
    """All rows, by device. `direct`: codecs whose device ids are asset ids, so that they need no row."""

    def __init__(self, assignments: Iterable[Assignment] = (), direct: Iterable[str] = ()) -> None:
        self._devices: dict[tuple[str, str], dict[str, Target]] = {}
        self._direct = frozenset(direct)
        for row in assignments:
            self._devices.setdefault((row.codec, row.device), {})[row.value] = row.target
        self._below: dict[
            tuple[str, str], dict[str, None]
        ] = {}  # assets of what stands below, as `node` of `node/device`
        for (codec, device), targets in self._devices.items():
            parts = device.split("/")
            for length in range(1, len(parts)):
                below = self._below.setdefault((codec, "/".join(parts[:length])), {})
                below |= {target.asset: None for target in targets.values() if target.asset}

    def __len__(self) -> int:
        return len(self._devices)

    def knows(self, codec: str, device: str) -> bool:
        """Whether a device is mapped, or said not to be wanted."""
        return codec in self._direct or (codec, device) in self._devices

    def ignores(self, codec: str, device: str) -> bool:
        """Whether nothing of a device is wanted."""
        return self._devices.get((codec, device)) == {ALL: UNWANTED}

    def assets(self, codec: str, device: str) -> list[str]:
        """The assets that a device speaks for."""
        targets = self._devices.get((codec, device))
        if targets is None:
            return [device] if codec in self._direct else []
        return list(dict.fromkeys(target.asset for target in targets.values() if target.asset))

    def assets_below(self, codec: str, device: str) -> list[str]:
        """The assets of devices whose id begins with this one's: those of a node."""
        return list(self._below.get((codec, device), ()))

    def remembers(self, codec: str, device: str) -> bool:
        """Whether what a codec remembers of it is worth a place: it is mapped, or something below it is."""
        return self.knows(codec, device) or (codec, device) in self._below

    def values(self, codec: str, device: str) -> Mapping[str, Target]:
        """The rows of a device."""
        return self._devices.get((codec, device), {})

    def target(self, codec: str, device: str, value: str) -> Target | None:
        """Where a value goes; None where no row says so."""
        targets = self._devices.get((codec, device))
        if targets is None:
            return Target(device, value) if codec in self._direct else None
        target = targets.get(value) or targets.get(ALL)
        if target is None or not target.asset:
            return target
        return target if target.channel else Target(target.asset, value, target.unit)


def read_device_map(file: Path, codecs: Sequence[str], direct: Iterable[str] = ()) -> DeviceMap:
    """The map of a file; an empty one where there is none.

    `codecs` are those there are. Raises `Problems` with every mistake and its line, `CannotParse` for what is no CSV.
    """
    return DeviceMap(read_assignments(file, codecs), direct)


def read_assignments(file: Path, codecs: Sequence[str]) -> list[Assignment]:
    """The rows of a file, as `read_device_map`."""
    if not file.is_file():
        return []
    try:
        words = file.read_text(encoding="utf-8-sig")
        lines = list(csv.reader(io.StringIO(words, newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CannotParse(
            "{name} is no CSV in UTF-8: {error}", "Save it as CSV in UTF-8 and run it again",
            name=file.name, error=error,
        ) from None  # fmt: skip
    if not lines:
        return []
    header = [cell.strip() for cell in lines[0]]
    problems = _header_problems(header)
    if problems:
        raise Problems(file.name, problems)
    place = {name: header.index(name) for name in COLUMNS if name in header}
    assignments: dict[tuple[str, str, str], Assignment] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        cells = {name: line[at].strip() if at < len(line) else "" for name, at in place.items()}
        row = Assignment(
            codec=cells["codec"],
            device=cells["device"],
            value=cells["value"],
            target=Target(cells["asset"], cells.get("channel", ""), cells.get("unit", "")),
        )
        problem = _row_problem(row, codecs, assignments)
        if problem is not None:
            problems.append(Sentence("line {line}: {what}", line=number, what=problem))
        else:
            assignments[row.codec, row.device, row.value] = row
    if problems:
        raise Problems(file.name, problems[:PROBLEMS_AT_MOST])
    return list(assignments.values())


def _header_problems(header: Sequence[str]) -> list[Sentence]:
    problems = []
    for name in header:
        if name not in COLUMNS:
            near = nearest(name, COLUMNS)
            problems.append(
                Sentence("line 1: no column {name!r}; is it {near!r}?", name=name, near=near)
                if near
                else Sentence("line 1: no column {name!r}; there are {known}", name=name, known=list(COLUMNS))
            )
    return problems + [
        Sentence("line 1: the column {name!r} is missing", name=name) for name in COLUMNS[:4] if name not in header
    ]


def _row_problem(
    row: Assignment, codecs: Sequence[str], earlier: Mapping[tuple[str, str, str], Assignment]
) -> Sentence | None:
    if row.codec not in codecs:
        near = nearest(row.codec, codecs)
        if near:
            return Sentence("no codec {name!r}; is it {near!r}?", name=row.codec, near=near)
        return Sentence("no codec {name!r}; there are {known}", name=row.codec, known=list(codecs))
    if not (row.device and row.value):
        return Sentence("device or value is empty; write * for all values of a device")
    if row.target.channel and not row.target.asset:
        return Sentence("channel {channel!r} without an asset", channel=row.target.channel)
    if row.value == ALL and row.target.channel:
        return Sentence("all values of a device cannot be the one channel {channel!r}", channel=row.target.channel)
    if (row.codec, row.device, row.value) in earlier:
        return Sentence("{device} {value} stands in the file twice", device=row.device, value=row.value)
    return None


def write_assignments(file: Path, assignments: Iterable[Assignment]) -> None:
    """Write the file anew, whole or not at all. Raises `CannotDo` where it cannot be written."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in assignments:
        writer.writerow([row.codec, row.device, row.value, row.target.asset, row.target.channel, row.target.unit])
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(buffer.getvalue(), encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CannotDo("{file} cannot be written: {error}", "Mend its permissions", file=file, error=error) from None
