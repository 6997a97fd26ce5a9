"""How much room a journal has left: of its own limit, and on its disk."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from facility.i18n.messages import Sentence

RESERVE = 256 << 20  # bytes of disk left to the store, so that it can go on and the journal be trimmed ...
RESERVE_PART = 0.05  # ... but no more than this part of a small disk ...
LOG_ROOM = 24 << 20  # ... beside what the write-ahead log holds twice while it is written back


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much of its limit the journal uses."""

    used: int  # bytes
    limit: int
    disk_free: int
    disk_reserve: int  # left to the store
    quarantine: int = 0  # bytes in quarantine, which count against its own limit

    @property
    def full(self) -> bool:
        return self.used >= self.limit or self.disk_free <= self.disk_reserve

    @property
    def scarce(self) -> bool:
        """Time to warn: a fifth of the limit is left, or twice the reserve on the disk."""
        return self.used >= 0.8 * self.limit or self.disk_free <= 2 * self.disk_reserve

    def __str__(self) -> str:
        return str(
            Sentence(
                "{used:,.0f} MB of {limit:,.0f} MB used, {free:,.0f} MB free on the disk, of which {reserve:,.0f} MB "
                "stay the store's; quarantine holds {quarantine:,.0f} MB",
                used=self.used / 1e6,
                limit=self.limit / 1e6,
                free=self.disk_free / 1e6,
                reserve=self.disk_reserve / 1e6,
                quarantine=self.quarantine / 1e6,
            )
        )


def room_of(journal: sqlite3.Connection, folder: Path, limit: int) -> Room:
    """The room of a journal of at most `limit` bytes of messages whose file stands in `folder`."""
    messages, quarantine = journal.execute("SELECT messages, quarantine FROM space").fetchone()
    disk = shutil.disk_usage(folder)
    return Room(
        used=messages,
        limit=limit,
        disk_free=disk.free,
        disk_reserve=max(min(RESERVE, int(disk.total * RESERVE_PART)), min(LOG_ROOM, disk.total // 3)),
        quarantine=quarantine,
    )
