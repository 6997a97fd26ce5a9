"""A sign of life: when the watcher last looked, for `status`, and a dead man's switch for whoever watches the watcher.

The switch is a file that is touched or an address that is asked for, each minute, and only while looks succeed. What
misses it outside says so on a way of its own: a watcher that died cannot tell that it did.
"""

from __future__ import annotations

import json
import logging
import os
import urllib.request
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

ALIVE = timedelta(minutes=1)  # a watcher that has not looked for longer is not running, or stuck
SWITCHED = timedelta(minutes=1)
PATIENCE = 5.0  # seconds for the address to answer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What a watcher says of itself. Times UTC."""

    pid: int
    since: datetime
    looked_at: datetime  # the last look that succeeded
    readings: int  # followed since it began
    problem: str = ""  # why the last look failed; "" if it did not
    ended: bool = False  # it was told to end, and did

    def runs(self, now: datetime) -> bool:
        return not self.ended and (now - self.looked_at < ALIVE or bool(self.problem))

    def died(self, now: datetime) -> bool:
        """Whether it looks no more though nobody told it to end."""
        return not self.ended and not self.runs(now)


def write_heartbeat(file: Path, sign: Heartbeat) -> None:
    """All or nothing, so that a reader never sees half of it."""
    plain = asdict(sign) | {"since": sign.since.isoformat(), "looked_at": sign.looked_at.isoformat()}
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(plain), encoding="utf-8")
    beside.replace(file)


def read_heartbeat(file: Path) -> Heartbeat | None:
    """What the last watcher said; None where none ever did, or nobody can read it."""
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        times = {name: datetime.fromisoformat(plain[name]).astimezone(UTC) for name in ("since", "looked_at")}
        return Heartbeat(**{**plain, **times})
    except (OSError, ValueError, TypeError, KeyError):
        return None


class DeadMansSwitch:
    """Touches a file, or asks for an http(s) address, at most once a minute."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._at: datetime | None = None

    def press(self, now: datetime) -> None:
        """Say that all is well. A failure is logged: nothing here may stop the watching."""
        if not self.target or (self._at is not None and now - self._at < SWITCHED):
            return
        self._at = now
        try:
            if self.target.startswith(("http://", "https://")):
                urllib.request.urlopen(self.target, timeout=PATIENCE).close()  # noqa: S310 - http and https alone
            else:
                file = Path(self.target)
                file.touch()
                os.utime(file, (now.timestamp(), now.timestamp()))
        except (OSError, ValueError) as error:
            log.warning("the dead man's switch %s did not answer: %s", self.target, error)
