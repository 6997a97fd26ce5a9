"""`doctor`: mistakes put in on purpose are found, each with what to do; a sound installation has no problem."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from commands.main import called
from facility.folder import DataFolder
from facility.records import Records
from facility.store import READINGS, open_store
from ingest.journal.journal import Journal
from serviceday.operations import checkup
from serviceday.operations.backing_up import back_up
from serviceday.operations.vault import Vault
from serviceday.watch.heartbeat import Heartbeat, write_heartbeat

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sound(tmp_path):
    """A data folder with a journal, readings and records, and a backup of now."""
    folder = DataFolder(tmp_path / "data").prepare()
    folder.path.chmod(0o700)
    now = datetime.now(UTC)
    store = open_store(folder.readings, create=True)
    columns = {"asset": ["a"], "channel": ["trips"], "time": [now], "value": [1.0], "arrived": [now]}
    store.append(pa.table(columns, schema=READINGS))
    Journal(folder.journal).close()
    with Records(folder.records):
        pass
    write_heartbeat(folder.heartbeat, Heartbeat(pid=1, since=now, looked_at=now + timedelta(hours=1), readings=1))
    back_up(folder, Vault(tmp_path / "backups").prepare(), now)
    for path in folder.path.iterdir():
        path.chmod(path.stat().st_mode & 0o700)
    return folder


def looked_at(folder, capsys, *arguments):
    """Exit code, and the findings by their check."""
    capsys.readouterr()
    code = called(["doctor", "--data", str(folder.path), *map(str, arguments), "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert code == (1 if shown["problems"] else 0)
    findings = {}
    for finding in shown["findings"]:
        findings.setdefault(finding["check"], []).append(finding)
    return code, findings


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_sound_installation_has_no_problem(sound, capsys):
    before = {path: path.read_bytes() for path in sound.path.glob("*.sqlite")}
    code, findings = looked_at(sound, capsys, "--backups", sound.path.parent / "backups", "--port", free_port())
    assert code == 0, findings
    levels = {check: {finding["level"] for finding in rows} for check, rows in findings.items()}
    for check in ("permissions", "disk", "clock", "store", "records", "journal", "watcher", "accounts", "port"):
        assert levels[check] <= {"ok", "warning"}, findings[check]
    assert levels["backup"] == levels["records"] == {"ok"}
    assert {path: path.read_bytes() for path in before} == before


def open_to_others(folder, monkeypatch):
    folder.path.chmod(0o755)
    return ()


def disk_full(folder, monkeypatch):
    monkeypatch.setattr(checkup.shutil, "disk_usage", lambda _path: SimpleNamespace(free=10_000_000, total=10**12))
    return ()


def clock_behind(folder, monkeypatch):
    later = time.time() + 7200
    os.utime(folder.records, (later, later))
    return ()


def store_deleted(folder, monkeypatch):
    shutil.rmtree(folder.readings)
    return ()


def store_damaged(folder, monkeypatch):
    for name in ("store.json", "store.json.copy"):
        (folder.readings / name).write_text("{")
    return ()


def records_of_tomorrow(folder, monkeypatch):
    with closing(sqlite3.connect(folder.records)) as records, records:
        records.execute("UPDATE alembic_version SET version_num = '9999'")
    return ()


def records_damaged(folder, monkeypatch):
    folder.records.write_bytes(b"no database at all" * 500)
    return ()


def journal_damaged(folder, monkeypatch):
    folder.journal.write_bytes(b"no database at all" * 500)
    return ()


def watcher_died(folder, monkeypatch):
    then = datetime(2020, 1, 1, tzinfo=UTC)
    write_heartbeat(folder.heartbeat, Heartbeat(pid=1, since=then, looked_at=then, readings=1))
    return ()


def rules_misspelt(folder, monkeypatch):
    (folder.path / "notifications.toml").write_text("[[chanel]]\nname = 'x'\n")
    (folder.path / "notifications.toml").chmod(0o600)
    return ()


def no_accounts(folder, monkeypatch):
    return ("--host", "0.0.0.0", "--port", free_port())  # noqa: S104


def port_in_use(folder, monkeypatch):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen(8)
    monkeypatch.setattr(folder, "taken", taken, raising=False)  # open for as long as the test lasts
    return ("--port", taken.getsockname()[1])


def no_fonts(folder, monkeypatch):
    monkeypatch.setattr("serviceday.documents.fonts.typefaces", lambda: SimpleNamespace(chinese=False))
    return ()


def backup_too_old(folder, monkeypatch):
    old = folder.path.parent / "old"
    back_up(folder, Vault(old).prepare(), datetime.now(UTC) - timedelta(days=9))
    return ("--backups", old)


def no_backups(folder, monkeypatch):
    return ("--backups", folder.path.parent / "nowhere")


def no_broker(folder, monkeypatch):
    return ("--broker", f"mqtt://127.0.0.1:{free_port()}")


def _certificate(folder, days):
    cert, key = folder.path.parent / "page.pem", folder.path.parent / "page.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=page", "-days", str(days)]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return ("--page-cert", cert, "--page-key", key)


def certificate_ends(folder, monkeypatch):
    return _certificate(folder, 2)


def no_certificate(folder, monkeypatch):
    return ("--page-cert", folder.path / "page.pem")


MISTAKES = {
    open_to_others: ("permissions", "chmod"),
    disk_full: ("disk", "room"),
    clock_behind: ("clock", "timedatectl"),
    store_damaged: ("store", ""),
    store_deleted: ("store", ""),
    records_of_tomorrow: ("records", "Update"),
    records_damaged: ("records", "restore"),
    journal_damaged: ("journal", ""),
    watcher_died: ("watcher", "serviceday watch"),
    rules_misspelt: ("notification", ""),
    no_accounts: ("accounts", "user add"),
    port_in_use: ("port", "another port"),
    no_fonts: ("fonts", "apt-get"),
    backup_too_old: ("backup", "serviceday backup"),
    no_backups: ("backup", "serviceday backup"),
    no_broker: ("broker", "--broker"),
    certificate_ends: ("certificate", "renewed"),
    no_certificate: ("certificate", "PEM"),
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_every_mistake_is_found(sound, capsys, monkeypatch, mistake):
    if mistake is certificate_ends and shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    check, advice = MISTAKES[mistake]
    arguments = mistake(sound, monkeypatch)
    code, findings = looked_at(sound, capsys, *arguments)
    assert code == 1
    problems = [finding for finding in findings[check] if finding["level"] == "problem"]
    assert problems, findings[check]
    assert all(finding["what"] for finding in problems)
    assert any(finding["do"] and advice in finding["do"] for finding in problems), problems


def test_a_certificate_that_lasts_is_well(sound, capsys):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    _, findings = looked_at(sound, capsys, *_certificate(sound, 300))
    assert [finding["level"] for finding in findings["certificate"]] == ["ok"]


@pytest.mark.slow
def test_on_a_folder_that_is_not_there(tmp_path):
    command = [sys.executable, "-m", "commands.main", "doctor", "--data", str(tmp_path / "none")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    command[-1] = str(tmp_path)
    done = subprocess.run([*command, "--lang", "zh"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "问题" in done.stdout
    assert "Traceback" not in done.stderr
