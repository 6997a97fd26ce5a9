"""How the dashboard's server is started: the command that serves it, for whoever spawns it.

Streamlit's own conveniences that reach outside or watch files are off: no usage statistics, no e-mail prompt on the
first run, no file watcher.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from facility.i18n.phrases import Language

APP = Path(__file__).with_name("app.py")
SERVER = Path(__file__).with_name("server.py")
THEME = Path(__file__).with_name("theme.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How browsers come to the server: over TLS of its own, over a proxy's, or from this machine."""

    cert: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False


def command(
    folder: Path,
    host: str = "127.0.0.1",
    port: int = 8501,
    language: Language | None = None,
    timezone: str | None = None,
    way: Way = Way(),
) -> list[str]:
    """The argument vector that serves the data folder on host and port. Spawn it with `environment()`."""
    settings = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": host,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "runner.magicEnabled": "false",
        "logger.level": "warning",
        "theme.base": str(THEME),
    }
    if way.cert and way.key:
        settings |= {"server.sslCertFile": str(way.cert.absolute()), "server.sslKeyFile": str(way.key.absolute())}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    asked = ["--data", str(folder.absolute()), "--host", host, "--behind-proxy", "yes" if way.behind_proxy else "no"]
    if language:
        asked += ["--language", language]
    if timezone:
        asked += ["--timezone", timezone]
    return [sys.executable, "-m", "streamlit", "run", str(SERVER), *flags, "--", *asked]


def environment(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the server's process needs in its environment: the rooms must be importable, installed or not."""
    house = str(APP.parent.parent)
    paths = [house, *filter(None, inherited.get("PYTHONPATH", "").split(os.pathsep))]
    # Whoever says to come from elsewhere is believed by the door where a proxy was promised, by nobody below it.
    return {**inherited, "FORWARDED_ALLOW_IPS": "", "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def address(host: str = "127.0.0.1", port: int = 8501, *, tls: bool = False) -> str:
    """Where a browser finds it."""
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
