"""`dashboard`: serve the pages."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import tell
from facility.errors import CannotDo
from facility.folder import DataFolder
from facility.i18n.phrases import preferred
from facility.loopback import is_loopback

HOST = "127.0.0.1"
PORT = 8501


def dashboard(
    data: options.Data = options.DATA,
    host: Annotated[str, typer.Option("--host", help=say("dashboard.host"))] = HOST,
    port: Annotated[int, typer.Option("--port", help=say("dashboard.port"), min=1, max=65535)] = PORT,
    cert: Annotated[Path | None, typer.Option("--cert", help=say("dashboard.cert"), metavar="FILE")] = None,
    key: Annotated[Path | None, typer.Option("--key", help=say("dashboard.key"), metavar="FILE")] = None,
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help=say("dashboard.behind_proxy"))] = False,
    timezone: options.Zone = options.ZONE,
) -> None:
    """Serve the dashboard: alerts, fleet, assets, inspection list."""
    from commands.app.processes import free_port_or_refuse
    from dashboard.serve import Way, address, command, environment

    folder = DataFolder(data).existing()
    options.zone(timezone)
    way = Way(cert=cert, key=key, behind_proxy=behind_proxy)
    tls = _usable(cert, key)
    accounts = asks(folder)
    if behind_proxy or not is_loopback(host):
        if not accounts:
            raise CannotDo(
                "there are no accounts, so anybody who reaches the dashboard would be let in",
                "Make the first: `serviceday user add NAME --role administrator`",
            )
        if not (tls or behind_proxy):
            raise CannotDo(
                "on {host} passwords would cross the network in the clear",
                "Say --cert and --key, or --behind-proxy where a proxy before it ends TLS",
                host=host,
            )
    free_port_or_refuse(host, port)
    program = command(folder.path, host=host, port=port, language=preferred(), timezone=timezone, way=way)
    tell(say("dashboard.address", address=address(host, port, tls=tls)))
    tell(say("dashboard.accounts" if accounts else "dashboard.open"))
    os.execve(program[0], program, environment())  # noqa: S606 - this process becomes the server


def asks(folder: DataFolder) -> bool:
    """Whether there are accounts, so that the pages ask who is there."""
    if not folder.records.exists():
        return False
    from facility.records import Records

    with Records(folder.records) as records:
        return records.accounts.exist()


def _usable(cert: Path | None, key: Path | None) -> bool:
    """Whether there is a certificate to serve with. Raises `CannotDo` where it cannot be used."""
    if cert is None and key is None:
        return False
    if cert is None or key is None:
        raise CannotDo("--cert and --key belong together", "Name both files")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key, password="")
    except (OSError, ValueError) as error:
        raise CannotDo(
            "{cert} and {key} cannot be used: {error}",
            "Name a PEM certificate and its key, the key without a passphrase",
            cert=cert,
            key=key,
            error=error,
        ) from None
    return True
