"""One simulated estate through time: a past to upload, a present to follow, and a state that lets both go on.

`Simulation.create` plans a fleet and its faults; `history` yields the past as gateways upload it after an outage, day
by day over all assets; `live` yields single messages as they fall due. `save` and `resume` keep where it stands:
nothing is published twice, counters stay monotonic, the physics is the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from facility.errors import CannotDo
from facility.estate import Asset, Estate
from facility.folder import DataFolder
from simulators.estimate import estimate_bytes as estimate_bytes
from simulators.estimate import estimate_history
from simulators.fault_plan import DEFAULT_SHARE, plan_faults
from simulators.faults import Fault
from simulators.fleet import make_fleet
from simulators.payloads import Message, batched, single, telemetry_topic
from simulators.physics import day_number, simulate, surroundings
from simulators.sheet import Batch
from simulators.state import FORMAT, STATE_FILE, Carries, Settings, State, read_state, write_state
from simulators.surroundings import TICK_S, Span, Surroundings
from simulators.truth import FILE, write_truth
from simulators.weather import DAY_S

if TYPE_CHECKING:
    pass

_CHUNK_DAYS = 14
_CHUNK_ASSET_DAYS = 8_000  # keeps a chunk in some hundred megabytes
_PATIENCE_S = 0.5


class Simulation:
    """A simulated estate. `published_until` moves on as its messages are taken."""

    def __init__(
        self,
        settings: Settings,
        *,
        folder: DataFolder | None,
        published_until: datetime,
        published: int,
        checkpoint: tuple[int, Carries],
        resumed: bool,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.resumed = resumed
        self.published = published  # readings acknowledged by the broker, over all runs
        self.published_until = published_until
        self.besides: Sequence[tuple[int, Message]] = ()  # live messages beside the plan, with when they are due (ms)
        self.estate: Estate = make_fleet(settings.assets, settings.seed)
        self.injected: tuple[Fault, ...] = plan_faults(
            self.estate,
            settings.start,
            settings.end,
            settings.seed,
            settings.faults,
            timezone=settings.timezone,
            confounders=settings.confounders,
        )
        self._checkpoints = [checkpoint]
        self._zone = ZoneInfo(settings.timezone)
        self._ill: dict[str, list[Fault]] = {}
        for fault in self.injected:
            self._ill.setdefault(fault.asset, []).append(fault)

    @property
    def assets(self) -> int:
        return self.settings.assets

    @property
    def seed(self) -> int:
        return self.settings.seed

    @property
    def faults(self) -> float:
        """The share of assets that is detectably faulty at the planned end."""
        return self.settings.faults

    @property
    def start(self) -> datetime:
        return self.settings.start

    @property
    def end(self) -> datetime:
        """The planned end of the history."""
        return self.settings.end

    @classmethod
    def create(
        cls,
        folder: DataFolder | None = None,
        *,
        assets: int,
        seed: int,
        start: datetime,
        end: datetime,
        faults: float = DEFAULT_SHARE,
        timezone: ZoneInfo | str = "Asia/Shanghai",
        confounders: bool = True,
    ) -> Simulation:
        """A new simulation; with a folder its state and truth are written there."""
        if end <= start:
            raise CannotDo("the history ends before it starts", "Ask for a longer --history")
        if not 0 <= faults <= 1:
            raise CannotDo("a share of {faults} faulty assets", "Give --faults between 0 and 1", faults=faults)
        settings = Settings(
            assets=assets,
            seed=seed,
            start=start.astimezone(UTC),
            end=end.astimezone(UTC),
            faults=faults,
            timezone=str(timezone),
            confounders=confounders,
        )
        simulation = cls(
            settings,
            folder=folder,
            published_until=settings.start,
            published=0,
            checkpoint=(day_number(settings.start), {}),
            resumed=False,
        )
        if folder is not None:
            simulation.write_truth(folder.truth / FILE)
            simulation.save()
        return simulation

    @classmethod
    def resume(cls, folder: DataFolder) -> Simulation:
        """The simulation a folder holds, where it stopped. Raises `CannotDo` if there is none."""
        state = read_state(folder)
        return cls(
            state.settings,
            folder=folder,
            published_until=state.published_until,
            published=state.published,
            checkpoint=(state.carry_day, state.carries),
            resumed=True,
        )

    @staticmethod
    def exists(folder: DataFolder) -> bool:
        return (folder.path / STATE_FILE).is_file()

    def save(self) -> None:
        """Keep where the simulation stands, all or nothing; without a folder it isn't kept."""
        if self.folder is None:
            return
        carry_day, carries = self._checkpoint()
        state = State(
            format=FORMAT,
            settings=self.settings,
            published_until=self.published_until,
            published=self.published,
            carry_day=carry_day,
            carries=carries,
        )
        write_state(self.folder, state)

    def write_truth(self, path: Path) -> None:
        write_truth(path, self.injected)

    def expected_readings(self, until: datetime) -> int:
        """About how many readings are still to be published before `until`."""
        return estimate_history(self.assets, max(until - self.published_until, timedelta(0))).readings

    def history(self, until: datetime | None = None) -> Iterator[Message]:
        """Batched messages of everything from `published_until` to `until` (the planned end if not given)."""
        until = (until or self.settings.end).astimezone(UTC)
        first = self._rewind()
        length = min(_CHUNK_DAYS, max(2, _CHUNK_ASSET_DAYS // len(self.estate.assets)))
        spilled: list[tuple[Asset, list[Batch]]] = []
        while self.published_until < until:
            last = min(first + length, day_number(until) + 1)
            chunk = self._simulated(Span(first, last), keep=True)
            for day in range(first, last):
                since, reached = max(self.published_until, _at_day(day)), min(_at_day(day + 1), until)
                if reached <= since:
                    continue
                for asset, batches in spilled + chunk:
                    topic = telemetry_topic(asset)
                    for batch in batches:
                        yield from batched(topic, batch, *_window(batch, since, reached))
                self.published_until, spilled = reached, []
            spilled = [(asset, _after(batches, _at_day(last))) for asset, batches in chunk]
            first = last

    def live(
        self,
        now: datetime,
        *,
        speed: float = 1.0,
        stop: threading.Event | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Iterator[Message]:
        """Single messages as they fall due, from `published_until` on, `speed` times as fast as the clock.

        Simulated time never runs ahead of the clock that said `now`: once it has caught up it goes on in real time.
        What happens `besides` goes out among them.
        """
        stop = stop or threading.Event()
        begin, origin = monotonic(), self.published_until
        while not stop.is_set():
            first = self._rewind()
            reach = _at_day(first + 1) + timedelta(seconds=TICK_S)
            due = _with(self._due(first, reach), self.besides, self.published_until, reach)
            for index, (due_ms, message) in enumerate(due):
                while not stop.is_set():
                    elapsed = timedelta(seconds=monotonic() - begin)
                    clock = min(origin + elapsed * speed, max(now.astimezone(UTC) + elapsed, origin))
                    ahead = due_ms / 1000 - clock.timestamp()
                    if ahead <= 0:
                        break
                    stop.wait(min(_PATIENCE_S, max(ahead / max(speed, 1.0), 0.001)))
                if stop.is_set():
                    return
                yield message
                if index + 1 == len(due) or due[index + 1][0] > due_ms:
                    self.published_until = datetime.fromtimestamp((due_ms + 1) / 1000, UTC)
            self.published_until = max(self.published_until, reach)

    def _checkpoint(self) -> tuple[int, Carries]:
        """The latest carried state from which all that is still to be published can be simulated."""
        day = max(day_number(self.published_until - timedelta(seconds=TICK_S)), day_number(self.settings.start))
        return max((checkpoint for checkpoint in self._checkpoints if checkpoint[0] <= day), key=lambda kept: kept[0])

    def _rewind(self) -> int:
        """Make the carried state that of the day still to be published from; that day's number."""
        day = max(day_number(self.published_until - timedelta(seconds=TICK_S)), day_number(self.settings.start))
        self._checkpoints = [self._checkpoint()]
        while self._checkpoints[-1][0] < day:
            reached = self._checkpoints[-1][0]
            self._simulated(Span(reached, min(reached + _CHUNK_DAYS, day)), keep=True)
        return day

    def _simulated(self, span: Span, *, keep: bool = False) -> list[tuple[Asset, list[Batch]]]:
        """All assets over a span that begins at a checkpoint; with `keep` its end becomes one too."""
        carries = next(state for day, state in self._checkpoints if day == span.first_day)
        around: Surroundings = surroundings(
            self.estate,
            span,
            seed=self.settings.seed,
            zone=self._zone,
            origin_day=day_number(self.settings.start),
            confounders=self.settings.confounders,
        )
        made, moved = [], {}
        for asset in self.estate.assets:
            carry = dict(carries.get(asset.id, {}))
            made.append((asset, simulate(asset, self._ill.get(asset.id, ()), around, carry)))
            moved[asset.id] = carry
        if keep:
            self._checkpoints = [
                *self._checkpoints[-2:],
                (span.last_day, moved),
            ]  # the day before a span may be asked for
        return made

    def _due(self, day: int, until: datetime) -> list[tuple[int, Message]]:
        """The single messages from `published_until` to `until`, in the order they fall due."""
        merged: dict[tuple[int, str, int], dict[str, float]] = {}
        topics = {asset.id: telemetry_topic(asset) for asset in self.estate.assets}
        for asset, batches in self._simulated(Span(day, day + 2)):
            for batch in batches:
                first, last = _window(batch, self.published_until, until)
                moments = list(zip(batch.due_ms[first:last].tolist(), batch.stamp_ms[first:last].tolist(), strict=True))
                for key, values in batch.values.items():
                    for (due_ms, stamp_ms), value in zip(moments, values[first:last].tolist(), strict=True):
                        if value == value:
                            merged.setdefault((due_ms, asset.id, stamp_ms), {})[key] = value
        return [
            (due_ms, single(topics[asset], stamp_ms, values))
            for (due_ms, asset, stamp_ms), values in sorted(merged.items(), key=lambda item: item[0])
        ]


def _with(
    due: list[tuple[int, Message]], also: Sequence[tuple[int, Message]], since: datetime, until: datetime
) -> list[tuple[int, Message]]:
    """With what falls due besides in since <= t < until."""
    first, last = round(since.timestamp() * 1000), round(until.timestamp() * 1000)
    besides = [entry for entry in also if first <= entry[0] < last]
    return sorted([*due, *besides], key=lambda entry: entry[0]) if besides else due


def _window(batch: Batch, since: datetime, until: datetime) -> tuple[int, int]:
    """Which samples of a batch fall due in since <= t < until."""
    edges = [round(since.timestamp() * 1000), round(until.timestamp() * 1000)]
    first, last = np.searchsorted(batch.due_ms, edges)
    return int(first), int(last)


def _after(batches: list[Batch], since: datetime) -> list[Batch]:
    """Copies of the samples that fall due from `since` on."""
    left = []
    for batch in batches:
        first = int(np.searchsorted(batch.due_ms, round(since.timestamp() * 1000)))
        if first < len(batch.due_ms):
            tail = {key: values[first:].copy() for key, values in batch.values.items()}
            left.append(Batch(batch.due_ms[first:].copy(), batch.stamp_ms[first:].copy(), tail))
    return left


def _at_day(day: int) -> datetime:
    return datetime.fromtimestamp(day * DAY_S, UTC)
