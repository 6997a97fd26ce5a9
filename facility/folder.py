"""The data folder: everything one installation keeps, in one place.

    DATA/readings/        time-series store            DATA/records.sqlite   assets, alerts, plans, assessments
    DATA/journal.sqlite   messages as they came in     DATA/models/          trained models
    DATA/truth/           simulated faults, side file  DATA/lists/           inspection lists written by the demo

One process at a time takes readings in (`claim`); any number read.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facility.errors import CannotDo


class DataFolder:
    """Paths of one data folder. Making one touches nothing; `prepare` creates it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def readings(self) -> Path:
        return self.path / "readings"

    @property
    def journal(self) -> Path:
        return self.path / "journal.sqlite"

    @property
    def records(self) -> Path:
        return self.path / "records.sqlite"

    @property
    def models(self) -> Path:
        return self.path / "models"

    @property
    def truth(self) -> Path:
        return self.path / "truth"

    @property
    def lists(self) -> Path:
        return self.path / "lists"

    def prepare(self) -> DataFolder:
        """Create the folder and make sure it can be written. Raises `CannotDo` if not."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / f".write-probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise CannotDo(
                f"data folder {self.path} cannot be written: {error.strerror}",
                "Choose another with --data, or mend its permissions",
            ) from None
        return self

    def existing(self) -> DataFolder:
        """This folder, if it is there. Raises `CannotDo` if not."""
        if not self.path.is_dir():
            raise CannotDo(
                f"no data folder at {self.path}", "Run `serviceday demo` or `serviceday import assets` first"
            )
        return self

    @contextmanager
    def claim(self, purpose: str) -> Iterator[None]:
        """Hold the right to take readings in. Raises `CannotDo`, naming the holder, if another process holds it."""
        self.prepare()
        with (self.path / "ingest.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                holder = lock.read().strip() or "another process"
                raise CannotDo(
                    f"data folder {self.path} is already taking readings in ({holder})",
                    "Stop that process first, or choose another folder with --data",
                ) from None
            lock.truncate(0)
            lock.write(f"{purpose}, pid {os.getpid()}")
            lock.flush()
            try:
                yield
            finally:
                lock.truncate(0)
