"""A simulation brought to a broker: its history as fast as the broker takes it, then its present as it falls due."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from simulators.gateway import Address, Gateways, Translate

if TYPE_CHECKING:
    from simulators.simulation import Simulation

_SAVE_EVERY_S = 5.0
_TELL_EVERY = 16_384  # readings
_PACE_EVERY = 50  # messages


@dataclass(frozen=True, slots=True)
class Published:
    """What went out in one run; all of it acknowledged by the broker."""

    messages: int
    readings: int
    bytes: int
    seconds: float


def publish_history(
    address: Address,
    simulation: Simulation,
    *,
    until: datetime | None = None,
    stop: threading.Event | None = None,
    pace: Callable[[int], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
    window: int = 60,
    translate: Translate | None = None,
) -> Published:
    """Publish what is left of the history until `until`, or until `stop` is set. Returns when all is acknowledged.

    The state is saved now and then, only when nothing is in flight, and at the end: a run that is cut short goes on
    where it was saved, and what it sends again the store knows. `pace` is called with the number of messages sent and
    may wait: a broker acknowledges at once what it only queues, and mosquitto drops what its queue cannot hold.
    Raises `CannotCommunicate` if the broker isn't there or falls silent.
    """
    began = saved = time.monotonic()
    messages = readings = size = told = counted = 0
    reached = simulation.published_until
    with Gateways(
        address, (site.id for site in simulation.estate.sites), window=window, translate=translate
    ) as gateways:
        for message in simulation.history(until):
            if simulation.published_until != reached:
                reached = simulation.published_until
                if time.monotonic() - saved > _SAVE_EVERY_S:
                    gateways.drain()
                    simulation.published += readings - counted
                    counted = readings
                    simulation.save()
                    saved = time.monotonic()
            if stop is not None and stop.is_set():
                break
            if pace is not None and messages % _PACE_EVERY == 0:
                pace(messages)
            gateways.publish(message)
            messages += 1
            readings += message.readings
            size += len(message.payload)
            if on_progress and readings - told >= _TELL_EVERY:
                told = readings
                on_progress(readings)
        gateways.drain()
    simulation.published += readings - counted
    simulation.save()
    if on_progress:
        on_progress(readings)
    return Published(messages, readings, size, time.monotonic() - began)


def publish_live(
    address: Address,
    simulation: Simulation,
    now: datetime,
    *,
    speed: float = 1.0,
    stop: threading.Event | None = None,
    on_progress: Callable[[int], None] | None = None,
    translate: Translate | None = None,
) -> Published:
    """Publish messages as they fall due, until `stop` is set. The state is saved now and then, and at the end.

    `now` is the time of this moment: simulated time runs `speed` times as fast until it has caught up with the clock.
    While the broker is away gateways keep what they measure.
    """
    began = saved = time.monotonic()
    messages = readings = size = counted = 0

    def keep() -> None:
        nonlocal counted, saved
        simulation.published += readings - counted
        counted = readings
        simulation.save()
        saved = time.monotonic()

    with Gateways(address, (site.id for site in simulation.estate.sites), translate=translate) as gateways:
        for message in simulation.live(now, speed=speed, stop=stop):
            gateways.publish(message)
            messages += 1
            readings += message.readings
            size += len(message.payload)
            if on_progress:
                on_progress(readings)
            if time.monotonic() - saved > _SAVE_EVERY_S and not gateways.waiting:
                gateways.drain()
                keep()
        if not gateways.waiting:
            gateways.drain()
            keep()
    return Published(messages, readings, size, time.monotonic() - began)
