"""How a host application says that it is there: a retained message of its own, and its last will."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostState:
    """Topic, and what it says while we are there and once we are gone."""

    topic: str
    online: bytes
    offline: bytes
