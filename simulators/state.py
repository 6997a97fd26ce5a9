"""Where a simulation stands, kept in its data folder so that the next run goes on from there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime

import msgspec

from facility.errors import CannotDo, CannotParse
from facility.folder import DataFolder

STATE_FILE = "simulation.json"
FORMAT = 1

Carries = dict[str, dict[str, float]]  # running totals by asset and quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a simulation is a function of."""

    assets: int
    seed: int
    start: datetime
    end: datetime
    faults: float
    timezone: str
    confounders: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`carries` are the totals at the start of `carry_day`, from which all that is unpublished can be simulated."""

    format: int
    settings: Settings
    published_until: datetime
    published: int
    carry_day: int
    carries: Carries


def read_state(folder: DataFolder) -> State:
    """Raises `CannotDo` if the folder holds no simulation or another format's, `CannotParse` if it is spoilt."""
    file = folder.path / STATE_FILE
    try:
        state = msgspec.json.decode(file.read_bytes(), type=State)
    except FileNotFoundError:
        raise CannotDo("no simulation in {path}", "Start one with `serviceday simulate`", path=folder.path) from None
    except msgspec.DecodeError as error:
        raise CannotParse(
            "{file} is no state of a simulation: {error}",
            "Remove it or use another folder with --data",
            file=file,
            error=error,
        ) from None
    if state.format != FORMAT:
        raise CannotDo(
            "{file} is of format {found}, not {ours}",
            "Simulate into a new folder with --data",
            file=file,
            found=state.format,
            ours=FORMAT,
        )
    return state


def write_state(folder: DataFolder, state: State) -> None:
    """All or nothing."""
    file = folder.prepare().path / STATE_FILE
    draft = file.with_suffix(".part")
    with draft.open("wb") as stream:
        stream.write(msgspec.json.encode(state))
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
