"""`dashboard`: serve the pages."""

from __future__ import annotations

import os
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
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help=say("dashboard.behind_proxy"))] = False,
    timezone: options.Zone = options.ZONE,
) -> None:
    from commands.app.processes import free_port_or_refuse
    from dashboard.serve import address, command, environment

    folder = DataFolder(data).existing()
    options.zone(timezone)
    if not is_loopback(host) and not behind_proxy:
        raise CannotDo(
            "the dashboard asks nobody who they are, so it does not listen on {host}",
            "Put a proxy with a sign-in before it, then say so with --behind-proxy",
            host=host,
        )
    free_port_or_refuse(host, port)
    program = command(folder.path, host=host, port=port, language=preferred(), timezone=timezone)
    tell(say("dashboard.address", address=address(host, port)))
    os.execve(program[0], program, environment())  # noqa: S606 - this process becomes the server
