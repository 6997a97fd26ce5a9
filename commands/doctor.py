"""`doctor`: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import os
import socket
import ssl
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import show_json, show_table, tell
from facility.errors import CannotDo
from facility.folder import DataFolder
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Text

if TYPE_CHECKING:
    from ingest.mqtt.address import BrokerAddress
    from serviceday.operations.checkup import Finding

HOST, PORT = "127.0.0.1", 8501
Backups = Annotated[Path | None, typer.Option("--backups", help=say("doctor.backups"), metavar="DIR")]
Host = Annotated[str, typer.Option("--host", help=say("doctor.host"))]
Port = Annotated[int, typer.Option("--port", help=say("doctor.port"), min=1, max=65535)]
PageCert = Annotated[Path | None, typer.Option("--page-cert", help=say("doctor.page_cert"), metavar="FILE")]
PageKey = Annotated[Path | None, typer.Option("--page-key", help=say("doctor.page_key"), metavar="FILE")]


def doctor(
    data: options.Data = options.DATA,
    broker: options.Broker = "",
    ca: options.Ca = None,
    cert: options.Cert = None,
    key: options.Key = None,
    backups: Backups = None,
    host: Host = HOST,
    port: Port = PORT,
    page_cert: PageCert = None,
    page_key: PageKey = None,
    as_json: options.Json = False,
) -> None:
    """Look at everything that can be wrong. Exit code 1 if something is."""
    from ingest.mqtt.address import BrokerAddress
    from serviceday.operations import checkup

    folder, now = DataFolder(data), datetime.now(UTC)
    if not folder.path.is_dir():
        raise CannotDo(
            "no data folder at {path}", "Run `serviceday demo` or `serviceday import assets` first", path=folder.path
        )
    address = BrokerAddress.parse(broker).identified(os.environ).secured(ca, cert, key) if broker else None
    checks: dict[str, checkup.Check] = {
        "permissions": lambda: checkup.permissions(folder),  # first: the others shut the folder to others
        "disk": lambda: checkup.disk(folder),
        "clock": lambda: checkup.clock(folder, now),
        "store": lambda: _store(folder),
        "records": lambda: checkup.records_schema(folder),
        "journal": lambda: _journals(folder),
        "ingest": lambda: _ingest(folder),
        "watcher": lambda: checkup.watcher(folder, now),
        "score": lambda: checkup.scores(folder, now),
        "notification": lambda: _notification(folder),
        "accounts": lambda: checkup.accounts(folder, host),
        "port": lambda: _port(host, port),
        "fonts": _fonts,
        "backup": lambda: checkup.backups(backups, now),
    }
    if checkup.outdated(folder):  # opening the records would bring them up to date, and nothing is changed here
        for name in ("ingest", "score", "notification", "accounts"):
            del checks[name]
    if page_cert is not None:
        certificate = page_cert
        checks["certificate"] = lambda: checkup.certificate(certificate, page_key, now)
    if address is not None:
        checks["broker"] = lambda: _broker(address)
    _show(checkup.examined(checks), as_json=as_json)


def _show(findings: list[Finding], *, as_json: bool) -> None:
    from serviceday.operations.checkup import Level

    counts = Counter(finding.level for finding in findings)
    if as_json:
        rows = [
            {"check": finding.check, "level": finding.level, "what": told(finding.what), "do": told(finding.do)}
            for finding in findings
        ]
        show_json({"problems": counts[Level.PROBLEM], "warnings": counts[Level.WARNING], "findings": rows})
    else:
        show_table(
            say("doctor.title"),
            [say(f"doctor.column.{column}") for column in ("check", "level", "what")],
            [
                (
                    say(f"doctor.check.{finding.check}"),
                    say(f"doctor.level.{finding.level}"),
                    "\n".join(filter(None, (told(finding.what), told(finding.do)))),
                )
                for finding in findings
            ],
        )
        tell(say("doctor.summary", problems=counts[Level.PROBLEM], warnings=counts[Level.WARNING]))
    if counts[Level.PROBLEM]:
        raise typer.Exit(1)


def _store(folder: DataFolder) -> Iterator[Finding]:
    from facility.store import open_store
    from ingest.journal.store_identity import refuse_missing, strange
    from serviceday.operations.checkup import Finding, Level

    refuse_missing(folder)
    store = open_store(folder.readings)
    try:
        readings = store.size().readings
        problem = strange(folder, store.identity()) if folder.journals() else None
    finally:
        store.close()
    if problem is not None:
        do = Sentence("Put the right one back; if this one is meant, run `serviceday store repair --accept`")
        yield Finding("store", Level.PROBLEM, problem, do)
        return
    what = Sentence("the store opens and has {readings:,} readings", readings=readings)
    yield Finding("store", Level.OK, what, Sentence("All of it is read by `serviceday store check`"))


def _journals(folder: DataFolder) -> Iterator[Finding]:
    from ingest.journal.capacity import room_of
    from ingest.journal.journal import LIMIT
    from ingest.monitor.status import reading
    from serviceday.operations.checkup import NOTHING, Finding, Level

    for journal in folder.journals():
        with reading(journal) as connection:
            room = room_of(connection, folder.path, LIMIT)
        level = Level.PROBLEM if room.full else Level.WARNING if room.scarce else Level.OK
        do = Sentence("Make room on the disk, and see with `serviceday status` why messages are not stored")
        what = Sentence("{journal}: {room}", journal=journal.name, room=str(room))
        yield Finding("journal", level, what, NOTHING if level == Level.OK else do)


def _ingest(folder: DataFolder) -> Iterator[Finding]:
    from commands.status import overview, running
    from serviceday.operations.checkup import Finding, Level

    start = Sentence("Start it: `serviceday ingest --data {path} --broker URL`", path=folder.path)
    ledger = overview(folder)
    if ledger is None:
        yield Finding("ingest", Level.WARNING, Sentence("ingest has never run here"), start)
        return
    if running(ledger):
        for finding in ledger.notes["health"]["findings"]:
            words = Sentence("{words}", words=Text(zh=finding["zh"], en=finding["en"]))
            yield Finding("ingest", Level.PROBLEM if finding["fault"] else Level.WARNING, words)
        if not ledger.notes["health"]["findings"]:
            yield Finding("ingest", Level.OK, Sentence("ingest runs and is well"))
    else:
        ended = ledger.notes.get("health", {"ended": True})["ended"]
        what = Sentence("ingest is not running: what devices say waits at the broker, or is lost")
        yield Finding("ingest", Level.WARNING if ended else Level.PROBLEM, what, start)
    if ledger.counts.quarantined:
        what = Sentence("{count:,} items wait in quarantine", count=ledger.counts.quarantined)
        yield Finding("quarantine", Level.WARNING, what, Sentence("See which and why: `serviceday quarantine list`"))
    if not ledger.adds_up:
        what = Sentence("the ledger does not add up")
        yield Finding("ingest", Level.PROBLEM, what, Sentence("See where: `serviceday status`"))


def _notification(folder: DataFolder) -> Iterator[Finding]:
    from commands.status import notified
    from commands.telling import rules_path
    from serviceday.notification.checking import read_rules
    from serviceday.operations.checkup import Finding, Level

    path = rules_path(folder.path)
    if not path.exists():
        what = Sentence("nobody is told of alerts: there is no {file}", file=path.name)
        yield Finding("notification", Level.WARNING, what, Sentence("Write a first one: `serviceday notify init`"))
        return
    rules = read_rules(path)
    silent = notified(folder)["dead"]
    for channel in silent:
        what = Sentence("channel {name} delivers nothing: {error}", name=channel["name"], error=channel["error"])
        yield Finding("notification", Level.PROBLEM, what, Sentence("Try it: `serviceday notify test`"))
    if not silent:
        what = Sentence("{file} is in order; channels: {count}", file=path.name, count=len(rules.channels))
        yield Finding("notification", Level.OK, what)


def _port(host: str, port: int) -> Iterator[Finding]:
    from serviceday.operations.checkup import Finding, Level

    target = "127.0.0.1" if host in ("0.0.0.0", "") else "::1" if host == "::" else host  # noqa: S104 - compared, not bound
    with socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(3)
        taken = probe.connect_ex((target, port)) == 0
    if not taken:
        yield Finding(
            "port", Level.OK, Sentence("port {port} on {host} is free for the dashboard", port=port, host=host)
        )
    elif _answers_as_dashboard(target, port):
        yield Finding(
            "port", Level.OK, Sentence("the dashboard answers at port {port} on {host}", port=port, host=host)
        )
    else:
        what = Sentence("port {port} on {host} is used by something else than the dashboard", port=port, host=host)
        yield Finding("port", Level.PROBLEM, what, Sentence("Stop what uses it, or choose another port"))


def _answers_as_dashboard(host: str, port: int) -> bool:
    place = f"[{host}]" if ":" in host else host
    for scheme in ("http", "https"):
        try:
            context = ssl._create_unverified_context() if scheme == "https" else None  # noqa: S323
            with urllib.request.urlopen(  # noqa: S310 - our own address
                f"{scheme}://{place}:{port}/_stcore/health", timeout=3, context=context
            ) as answer:
                return bool(answer.read(10).strip() == b"ok")
        except (OSError, ValueError):
            continue
    return False


def _fonts() -> Iterator[Finding]:
    from serviceday.documents.fonts import typefaces
    from serviceday.operations.checkup import Finding, Level

    if typefaces().chinese:
        yield Finding("fonts", Level.OK, Sentence("there are fonts with Chinese for papers"))
    else:
        what = Sentence("no font with Chinese: papers in Chinese cannot be set")
        yield Finding("fonts", Level.PROBLEM, what, Sentence("Install one: apt-get install fonts-noto-cjk"))


def _broker(address: BrokerAddress) -> Iterator[Finding]:
    from commands.app.processes import answers_or_refuse
    from ingest.mqtt.probe import probe
    from serviceday.operations.checkup import Finding, Level

    answers_or_refuse(address)
    limits = probe(address)
    if limits is None:
        what = Sentence("the broker at {address} listens but lets nobody in", address=str(address))
        do = Sentence("Check the user and the password: SERVICEDAY_BROKER_USER, SERVICEDAY_BROKER_PASSWORD_FILE")
        yield Finding("broker", Level.PROBLEM, what, do)
        return
    findings = limits.findings()
    for finding in findings:
        yield Finding("broker", Level.WARNING, Sentence("{words}", words=finding.words))
    if not findings:
        yield Finding("broker", Level.OK, Sentence("the broker at {address} answers", address=str(address)))
