"""What is wrong with an installation: the parts of it that records, files and this machine tell of.

A check gives what it saw; where it cannot look, that is a problem of its own, in the words of whoever refused.
"""

from __future__ import annotations

import shutil
import sqlite3
import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from facility.errors import ServicedayError
from facility.folder import DataFolder
from facility.i18n.messages import Sentence
from facility.loopback import is_loopback
from facility.records import Records
from facility.records.opening import HEAD
from serviceday.operations.vault import Vault
from serviceday.watch.heartbeat import read_heartbeat

LEAST_FREE, SCARCE_FREE = 1 << 30, 10 << 30  # bytes
CLOCK_OFF = timedelta(minutes=5)
SCORED_WITHIN, SCORED_AT_LEAST = timedelta(hours=3), timedelta(days=1)
BACKED_UP_WITHIN, BACKED_UP_AT_LEAST = timedelta(hours=26), timedelta(days=3)
ENDS_SOON = timedelta(days=21)
NOTHING = Sentence("")


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw, and what to do about it (nothing where all is well)."""

    check: str
    level: Level
    what: Sentence
    do: Sentence = NOTHING


Check = Callable[[], Iterator[Finding]]


def examined(checks: dict[str, Check]) -> list[Finding]:
    """The findings of every check; one that is refused does not stop the others."""
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            findings += check()
        except ServicedayError as error:
            findings.append(Finding(name, Level.PROBLEM, error.what, error.do))
        except (OSError, sqlite3.Error) as error:
            findings.append(Finding(name, Level.PROBLEM, Sentence("it cannot be looked at: {error}", error=error)))
    return findings


def permissions(folder: DataFolder) -> Iterator[Finding]:
    """Can the folder be written, and is it closed to others?"""
    name = "permissions"
    probe = folder.path / ".write-probe-doctor"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        yield Finding(
            name,
            Level.PROBLEM,
            Sentence("{path} cannot be written: {error}", path=folder.path, error=error),
            Sentence("Run it as its owner, or give it to this user: chown -R USER {path}", path=folder.path),
        )
        return
    closed = 0o007 if folder.path.stat().st_mode & stat.S_ISGID else 0o077
    open_ = [path.name for path in (folder.path, *folder.path.iterdir()) if _mode(path) & closed]
    if open_:
        yield Finding(
            name,
            Level.PROBLEM,
            Sentence("other users of this machine can read {names}", names=sorted(open_)),
            Sentence("chmod -R go= {path}", path=folder.path),
        )
    else:
        yield Finding(name, Level.OK, Sentence("{path} can be written and is closed to others", path=folder.path))


def _mode(path: Path) -> int:
    info = path.lstat()
    return 0 if stat.S_ISLNK(info.st_mode) or stat.S_ISSOCK(info.st_mode) else info.st_mode


def disk(folder: DataFolder) -> Iterator[Finding]:
    """Is there room?"""
    free = shutil.disk_usage(folder.path).free
    level = Level.PROBLEM if free < LEAST_FREE else Level.WARNING if free < SCARCE_FREE else Level.OK
    yield Finding(
        "disk",
        level,
        Sentence("{free:,.1f} GB free on the disk of {path}", free=free / 1e9, path=folder.path),
        Sentence("Make room, or keep readings for a shorter time: `serviceday store keep --help`")
        if level != Level.OK
        else NOTHING,
    )


def clock(folder: DataFolder, now: datetime) -> Iterator[Finding]:
    """Does this machine's clock stand before what was written already?"""
    newest = max((path.lstat().st_mtime for path in folder.path.iterdir()), default=0.0)
    behind = datetime.fromtimestamp(newest, UTC) - now
    if behind > CLOCK_OFF:
        yield Finding(
            "clock",
            Level.PROBLEM,
            Sentence(
                "this machine's clock is behind: files of the data folder were written {minutes:,.0f} minutes from now",
                minutes=behind / timedelta(minutes=1),
            ),
            Sentence("Set it, and let it be kept: timedatectl set-ntp true"),
        )
    else:
        yield Finding("clock", Level.OK, Sentence("the clock is not behind what was written"))


def records_schema(folder: DataFolder) -> Iterator[Finding]:
    """Are the records whole, and of this version?"""
    name = "records"
    if not folder.records.exists():
        yield Finding(
            name,
            Level.WARNING,
            Sentence("no assets are registered yet"),
            Sentence("Register some: `serviceday import assets FILE`"),
        )
        return
    restore = Sentence("Restore them from a backup: `serviceday restore --help`")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(folder.records))}?mode=ro", uri=True, timeout=10)) as connection:
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            version = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.Error, TypeError) as error:
        yield Finding(name, Level.PROBLEM, Sentence("the records are damaged: {error}", error=error), restore)
        return
    if verdict != "ok":
        yield Finding(name, Level.PROBLEM, Sentence("the records are damaged: {error}", error=verdict), restore)
    elif version > HEAD:
        yield Finding(
            name,
            Level.PROBLEM,
            Sentence("the records were written by a newer serviceday (schema {version})", version=version),
            Sentence("Update serviceday"),
        )
    elif version < HEAD:
        yield Finding(
            name,
            Level.WARNING,
            Sentence("the records are of schema {version}; this version has {newest}", version=version, newest=HEAD),
            Sentence("Back up; the next command brings them up to date, and then the rest is looked at"),
        )
    else:
        yield Finding(name, Level.OK, Sentence("the records are whole and of schema {version}", version=version))


def outdated(folder: DataFolder) -> bool:
    """Whether the records are of an earlier schema, so that the next command would bring them up to date."""
    if not folder.records.exists():
        return False
    with (
        suppress(sqlite3.Error, TypeError),
        closing(sqlite3.connect(f"file:{quote(str(folder.records))}?mode=ro", uri=True, timeout=10)) as connection,
    ):
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]) < HEAD
    return False


def watcher(folder: DataFolder, now: datetime) -> Iterator[Finding]:
    """Does somebody watch?"""
    name, start = "watcher", Sentence("Start it: `serviceday watch --data {path}`", path=folder.path)
    sign = read_heartbeat(folder.heartbeat)
    if sign is None:
        yield Finding(name, Level.WARNING, Sentence("no watcher has ever run: alerts come with scores only"), start)
    elif sign.problem:
        yield Finding(name, Level.PROBLEM, Sentence("the watcher cannot look: {error}", error=sign.problem), start)
    elif not sign.runs(now):
        yield Finding(
            name,
            Level.PROBLEM if sign.died(now) else Level.WARNING,
            Sentence(
                "the watcher died; it last looked at {at}" if sign.died(now) else "the watcher was ended at {at}",
                at=sign.looked_at.isoformat(timespec="minutes"),
            ),
            start,
        )
    else:
        yield Finding(name, Level.OK, Sentence("the watcher looks"))


def scores(folder: DataFolder, now: datetime) -> Iterator[Finding]:
    """When were the assets last assessed?"""
    if not folder.records.exists():
        return
    with Records(folder.records) as records:
        newest = max((assessment.as_of for assessment in records.assessments.latest().values()), default=None)
    run = Sentence("Run it each hour: `serviceday score --data {path}`", path=folder.path)
    if newest is None:
        yield Finding("score", Level.WARNING, Sentence("no asset has been assessed yet"), run)
        return
    age = now - newest
    level = Level.OK if age < SCORED_WITHIN else Level.WARNING if age < SCORED_AT_LEAST else Level.PROBLEM
    yield Finding(
        "score",
        level,
        Sentence("assets were last assessed {hours:,.1f} hours ago", hours=age / timedelta(hours=1)),
        NOTHING if level == Level.OK else run,
    )


def backups(path: Path | None, now: datetime) -> Iterator[Finding]:
    """Is there a backup, and how old is the newest?"""
    name = "backup"
    if path is None:
        yield Finding(
            name,
            Level.WARNING,
            Sentence("nobody said where backups are"),
            Sentence("Say --backups DIR; make one: `serviceday backup DIR`"),
        )
        return
    make = Sentence("Make one, and one each night: `serviceday backup {path}`", path=path)
    manifests, problems = Vault(path).existing().manifests()
    for error in problems:
        yield Finding(name, Level.PROBLEM, error.what, error.do)
    if not manifests:
        yield Finding(name, Level.PROBLEM, Sentence("there is no backup at {path}", path=path), make)
        return
    age = now - manifests[-1].at
    level = Level.OK if age < BACKED_UP_WITHIN else Level.WARNING if age < BACKED_UP_AT_LEAST else Level.PROBLEM
    yield Finding(
        name,
        level,
        Sentence("the newest backup is {hours:,.1f} hours old", hours=age / timedelta(hours=1)),
        NOTHING if level == Level.OK else make,
    )


def accounts(folder: DataFolder, host: str) -> Iterator[Finding]:
    """May anybody come in who reaches the pages?"""
    name, present = "accounts", False
    if folder.records.exists():
        with Records(folder.records) as records:
            present = records.accounts.exist()
    if present:
        yield Finding(name, Level.OK, Sentence("the pages ask who is there"))
    elif is_loopback(host):
        yield Finding(name, Level.OK, Sentence("no accounts: the pages ask nobody, and are for this machine alone"))
    else:
        yield Finding(
            name,
            Level.PROBLEM,
            Sentence("there are no accounts, and {host} is reached by others", host=host),
            Sentence("Make the first: `serviceday user add NAME --role administrator`"),
        )


def certificate(cert: Path, key: Path | None, now: datetime) -> Iterator[Finding]:
    """Is the pages' certificate valid, and for how long?"""
    name, renew = "certificate", Sentence("Have it renewed, and start the dashboard again")
    try:
        ends = _ends(cert, key or cert)
    except ssl.SSLCertVerificationError as error:
        what = Sentence("the certificate {file} is not valid today: {error}", file=cert, error=error.verify_message)
        yield Finding(name, Level.PROBLEM, what, renew)
        return
    except (OSError, ssl.SSLError) as error:
        what = Sentence("the certificate {file} and its key cannot be used: {error}", file=cert, error=error)
        yield Finding(name, Level.PROBLEM, what, Sentence("Name a certificate and its key, both PEM"))
        return
    left = ends - now
    level = Level.OK if left > ENDS_SOON else Level.WARNING if left > timedelta(days=3) else Level.PROBLEM
    yield Finding(
        name,
        level,
        Sentence("the certificate {file} ends in {days:,.0f} days", file=cert, days=left / timedelta(days=1)),
        NOTHING if level == Level.OK else renew,
    )


def _ends(cert: Path, key: Path) -> datetime:
    """When a certificate ends, told by a handshake with ourselves: whoever would connect is told the same."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key, password=lambda: "")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it vouches for itself: only its dates are judged
    client.load_verify_locations(cert)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours, theirs = client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    peer = ours.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(peer["notAfter"])), UTC)
