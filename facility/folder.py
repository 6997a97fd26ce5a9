"""The data folder: everything one installation keeps, in one place.

    DATA/readings/        time-series store            DATA/records.sqlite   assets, alerts, plans, assessments
    DATA/journal.sqlite   messages as they came in     DATA/models/          trained models
    DATA/truth/           simulated faults, side file  DATA/lists/           inspection lists written by the demo
    DATA/watch.json       when the watcher last looked; rewritten every second while one runs
    DATA/photos/          photos and signatures of     DATA/round-links.key  signs links to people's rounds
                          rounds, by list
    DATA/standing.npz     what the last assessment left for the next hour; made anew where it is missing
    DATA/events/          events imported for labels, a file each
    DATA/notifications.toml  who is told what          DATA/notification.key  signs links that acknowledge

One process at a time takes readings in (`claim`); any number read.

It holds who reported what, so it is closed to other users of the machine: 0700, and 0600 for what lies in it. Whoever
wants a group to read it says so with the folder's setgid bit; then only everybody else is shut out.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from facility.errors import CannotDo
from facility.i18n.messages import Sentence

MEMBERS = 64  # processes that may share one folder


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
    def events(self) -> Path:
        return self.path / "events"

    @property
    def standing(self) -> Path:
        return self.path / "standing.npz"

    @property
    def heartbeat(self) -> Path:
        return self.path / "watch.json"

    @property
    def truth(self) -> Path:
        return self.path / "truth"

    @property
    def lists(self) -> Path:
        return self.path / "lists"

    @property
    def photos(self) -> Path:
        return self.path / "photos"

    @property
    def link_key(self) -> Path:
        return self.path / "round-links.key"

    def prepare(self) -> DataFolder:
        """Create the folder and make sure it can be written. Raises `CannotDo` if not."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self.path / f".write-probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise CannotDo(
                "data folder {path} cannot be written: {error}",
                "Choose another with --data, or mend its permissions",
                path=self.path,
                error=error,
            ) from None
        self._shut_others_out()
        return self

    def existing(self) -> DataFolder:
        """This folder, if it is there. Raises `CannotDo` if not."""
        if not self.path.is_dir():
            raise CannotDo(
                "no data folder at {path}", "Run `serviceday demo` or `serviceday import assets` first", path=self.path
            )
        self._shut_others_out()
        return self

    def _shut_others_out(self) -> None:
        """Take other users' rights away from a folder that is ours, and from the files at its top.

        A folder that holds nothing of ours yet, or that everybody may write to (`/tmp`), is left as it is.
        """
        if not (self.records.exists() or self.journals()):
            return
        with suppress(OSError):  # somebody else's folder, or one on a read-only medium
            mode = self.path.stat().st_mode
            unwanted = 0o007 if mode & stat.S_ISGID else 0o077
            if not mode & stat.S_ISVTX and mode & unwanted:
                self.path.chmod(stat.S_IMODE(mode) & ~unwanted)
            for entry in os.scandir(self.path):
                if entry.is_file(follow_symlinks=False) and (rights := entry.stat().st_mode) & unwanted:
                    Path(entry.path).chmod(stat.S_IMODE(rights) & ~unwanted)

    def journals(self) -> list[Path]:
        """The journals that are there: one, or one for each of several ingests that share the messages."""
        return sorted(self.path.glob("journal*.sqlite"), key=lambda file: (len(file.name), file.name))

    def journal_of(self, member: int) -> Path:
        """The journal of the n-th of several ingests, counted from 1."""
        return self.journal if member == 1 else self.path / f"journal-{member}.sqlite"

    @contextmanager
    def claim(self, purpose: str, *, shared: bool = False) -> Iterator[int]:
        """Hold the right to take readings in, alone or, if `shared`, beside others that share it.

        Gives which of them we are: 1 alone, else the first number that is free. Raises `CannotDo`, naming the holder,
        if another process holds the right in a way that excludes us.
        """
        self.prepare()
        with ExitStack() as stack:
            stack.enter_context(self._locked("ingest.lock", purpose, shared=shared))
            yield self._member(stack, purpose) if shared else 1

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Hold the right to watch. Raises `CannotDo` if another process does."""
        with self._locked("watch.lock", "watch", shared=False, watching=True):
            yield

    @contextmanager
    def settling(self) -> Iterator[None]:
        """Hold the right to take answers in and do what follows from them; others wait for their turn."""
        with (self.path / "results.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed, whatever happens
            yield

    def _member(self, stack: ExitStack, purpose: str) -> int:
        for member in range(1, MEMBERS + 1):
            with suppress(CannotDo):
                stack.enter_context(self._locked(f"ingest-{member}.lock", purpose, shared=False))
                return member
        raise CannotDo(
            "{count} processes share data folder {path} already",
            "Stop one of them first",
            count=MEMBERS,
            path=self.path,
        )

    @contextmanager
    def _locked(self, name: str, purpose: str, *, shared: bool, watching: bool = False) -> Iterator[None]:
        with (self.path / name).open("a+") as lock:
            try:
                fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                holder = lock.read().strip() or Sentence("another process")
                raise CannotDo(
                    "data folder {path} is already watched ({holder})"
                    if watching
                    else "data folder {path} is already taking readings in ({holder})",
                    "Stop that process first, or choose another folder with --data",
                    path=self.path,
                    holder=holder,
                ) from None
            lock.truncate(0)
            lock.write(f"{purpose}, pid {os.getpid()}")
            lock.flush()
            try:
                yield
            finally:
                lock.truncate(0)
