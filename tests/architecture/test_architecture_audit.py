"""No pinned library has a known vulnerability, as far as somebody who knows can be asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("pypi", "osv")  # who is asked, one after the other
WELL_KNOWN = "jinja2==2.4.1"  # CVE-2014-1402 and more: who does not know these knows nothing
ACCEPTED: dict[str, str] = {}  # id of an advisory -> why it does not concern us


def _audit(requirements: Path, service: str, *more: str) -> list[dict[str, object]] | None:
    """Name, version and advisories of every library; None where the service does not answer."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(requirements), "--disable-pip", "-s", service]
    answer = subprocess.run(
        [*command, "--format", "json", "--progress-spinner", "off", "--timeout", "10", *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    try:
        return list(json.loads(answer.stdout)["dependencies"])
    except (ValueError, KeyError):
        return None


def _service_that_knows(folder: Path) -> str:
    canary = folder / "canary.txt"
    canary.write_text(WELL_KNOWN + "\n", encoding="utf-8")
    answers = []
    for service in SERVICES:
        libraries = _audit(canary, service, "--no-deps")
        if libraries and libraries[0].get("vulns"):
            return service
        answers.append(f"{service}: {'no answer' if libraries is None else 'knows no advisory of ' + WELL_KNOWN}")
    pytest.skip(f"NOT AUDITED, nobody who knows could be asked ({'; '.join(answers)})")


@pytest.mark.slow
@pytest.mark.parametrize("pinned", ["run.txt", "dev.txt"])
def test_no_pinned_library_has_a_known_vulnerability(pinned: str, tmp_path: Path) -> None:
    service = _service_that_knows(tmp_path)
    libraries = _audit(ROOT / "requirements" / pinned, service, "--require-hashes")
    assert libraries, f"{service} gave no answer about requirements/{pinned}"
    not_asked = [library["name"] for library in libraries if "skip_reason" in library]
    assert not not_asked, f"{service} does not know {not_asked}"
    advisories = [
        f"{library['name']} {library['version']}: {advisory['id']}, mended in {advisory['fix_versions']}"
        for library in libraries
        for advisory in library["vulns"]  # type: ignore[attr-defined]
        if advisory["id"] not in ACCEPTED and not set(advisory["aliases"]) & set(ACCEPTED)
    ]
    assert not advisories, "\n".join(advisories)
