"""`user` and `audit` as a shell calls them: passwords come from files, pipes and terminals, never from arguments."""

from __future__ import annotations

import csv
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

PASSWORD = "lantern orbit fig 7"


def _run(*words: str, data: Path, stdin: str = "", lang: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "commands.main", "--lang", lang, *words, "--data", str(data)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _make(data: Path, name: str, *words: str) -> subprocess.CompletedProcess[str]:
    return _run("user", "add", name, *words, "--password-file", "-", data=data, stdin=PASSWORD + "\n")


def test_from_the_first_administrator_to_the_exported_trail(tmp_path: Path) -> None:
    data = tmp_path / "data"
    refused = _make(data, "li.lei", "--role", "viewer")
    assert refused.returncode == 2
    assert "administrator" in refused.stderr
    made = _make(data, "Root", "--role", "administrator", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["name"] == "root"
    assert PASSWORD not in made.stdout + made.stderr
    assert _make(data, "li.lei", "--role", "engineer", "--display", "李雷").returncode == 0
    assert _run("user", "change", "li.lei", "--role", "viewer", data=data).returncode == 0
    assert _run("user", "disable", "li.lei", data=data).returncode == 0
    listed = json.loads(_run("user", "list", "--json", data=data).stdout)
    assert [(one["name"], one["roles"], one["disabled"]) for one in listed] == [
        ("li.lei", ["viewer"], True),
        ("root", ["administrator"], False),
    ]
    assert "已停用" in _run("user", "list", data=data, lang="zh").stdout
    assert json.loads(_run("user", "sessions", "--json", data=data).stdout) == []
    assert json.loads(_run("user", "end-sessions", "root", "--json", data=data).stdout)["sessions_ended"] == 0

    lines = json.loads(_run("audit", "--json", data=data).stdout)
    assert [(line["subject"], line["what"]) for line in lines] == [
        ("root", "added"),
        ("li.lei", "added"),
        ("li.lei", "changed"),
        ("li.lei", "disabled"),
        ("root", "ended"),
    ]
    assert {line["who"].split(":")[0] for line in lines} == {"os"}
    assert (lines[2]["before"], lines[2]["after"]) == ({"roles": ["engineer"]}, {"roles": ["viewer"]})
    file = tmp_path / "audit.csv"
    assert _run("audit", "--since", "1d", "-o", str(file), data=data).returncode == 0
    with file.open(encoding="utf-8-sig", newline="") as stream:
        assert [row["what"] for row in csv.DictReader(stream)] == [line["what"] for line in lines]
    again = _run("audit", "-o", str(file), data=data)
    assert again.returncode == 2
    assert "there already" in again.stderr
    assert PASSWORD not in json.dumps(lines)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("user", "change", "nobody", "--role", "viewer"), "no account 'nobody'"),
        (("user", "change", "root"), "nothing to change"),
        (("user", "change", "root", "--role", "king"), "no role"),
        (("user", "change", "root", "--site", "a", "--all-sites"), "different things"),
        (("user", "password", "root"), "nobody is there to type"),
        (("user", "password", "root", "--password-file", "nowhere.txt"), "cannot be read"),
        (("user", "add", "x", "--role", "viewer", "--site", "mars", "--password-file", "-"), "no site mars"),
        (("audit", "-o", "audit.xlsx"), "not named .csv"),
        (("audit", "--since", "yesterday"), "not a moment"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    assert _make(tmp_path, "root", "--role", "administrator").returncode == 0
    answer = _run(*words, data=tmp_path)
    assert answer.returncode == 2, answer.stdout
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_password_typed_on_the_terminal_is_not_echoed(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = ["user", "add", "root", "--role", "administrator", "--data", str(tmp_path)]
    child = subprocess.Popen(
        [sys.executable, "-m", "commands.main", "--lang", "en", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # becomes the controlling terminal
    )
    os.close(theirs)
    shown = b""
    for prompt in (b"New password: ", b"Once more: "):
        while prompt not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, PASSWORD.encode() + b"\n")
    while child.poll() is None:
        try:
            shown += os.read(ours, 1024)
        except OSError:
            break
    assert child.wait(60) == 0, shown
    assert PASSWORD.encode() not in shown
    os.close(ours)
