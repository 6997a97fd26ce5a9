"""`ingest`: take messages in until told to stop."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.console_log import log_to_console
from commands.app.messages import say
from commands.app.output import tell
from facility.errors import CannotDo, CannotParse
from facility.estate import Asset

if TYPE_CHECKING:
    from facility.records import Records

REGISTRY_EVERY = 2.0  # seconds between looks at the registry


def ingest(
    data: options.Data = options.DATA,
    broker: options.Broker = "",
    port: Annotated[int, typer.Option("--port", help=say("ingest.port"), min=0, max=65535)] = 1883,
    listen: Annotated[
        str, typer.Option("--listen", envvar="SERVICEDAY_LISTEN", help=say("ingest.listen"), metavar="HOST")
    ] = "127.0.0.1",
    ca: options.Ca = None,
    cert: options.Cert = None,
    key: options.Key = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", envvar="SERVICEDAY_ALLOW", help=say("ingest.allow"), metavar="SITE|FILTER"),
    ] = None,
    payload_limit: Annotated[
        str, typer.Option("--payload-limit", help=say("ingest.payload_limit"), metavar="SIZE")
    ] = "1M",
    share: Annotated[
        str, typer.Option("--share", envvar="SERVICEDAY_SHARE", help=say("ingest.share"), metavar="GROUP")
    ] = "",
    journal_limit: Annotated[
        str,
        typer.Option(
            "--journal-limit", envvar="SERVICEDAY_JOURNAL_LIMIT", help=say("ingest.journal_limit"), metavar="SIZE"
        ),
    ] = "20G",
    quarantine_limit: Annotated[
        str,
        typer.Option(
            "--quarantine-limit",
            envvar="SERVICEDAY_QUARANTINE_LIMIT",
            help=say("ingest.quarantine_limit"),
            metavar="SIZE",
        ),
    ] = "1G",
    probe: Annotated[bool, typer.Option("--probe/--no-probe", help=say("ingest.probe"))] = True,
    http: Annotated[
        str, typer.Option("--http", envvar="SERVICEDAY_HTTP", help=say("ingest.http"), metavar="HOST:PORT")
    ] = "",
) -> None:
    """Take MQTT messages in: journal, fsync, acknowledge, decode, store."""
    import ingest  # noqa: F401 - before polars, whose allocator it sets
    from commands.installation import installation
    from facility.folder import DataFolder
    from ingest.devices.settings import open_devices
    from ingest.journal.store_identity import refuse_missing
    from ingest.monitor.http import listen_address
    from ingest.mqtt.address import BrokerAddress
    from ingest.mqtt.embedded import embedded_broker
    from ingest.service import Ingest
    from ingest.topics import Rules

    log_to_console()
    rules = Rules.parse(allow or [], payload_limit)
    limit, refused_limit = options.size(journal_limit), options.size(quarantine_limit)
    if share and not broker:
        raise CannotDo(
            "the embedded broker has no shared subscriptions", "Name one that has: --broker mqtt://host:port"
        )
    if set(share) & set("/+#") or not share.isprintable():
        raise CannotParse("{share!r} cannot name a group of subscribers", "Leave out / + and #", share=share)
    if http:
        listen_address(http)
    address = BrokerAddress.parse(broker).identified(os.environ).secured(ca, cert, key) if broker else None
    refuse_missing(DataFolder(data))
    devices = open_devices(data, rules)
    with installation(data, create=True) as here, ExitStack() as stack:
        if address is None:
            with here.folder.claim("ingest"):  # refuse before a broker is started
                pass
            who = BrokerAddress(host=listen).identified(os.environ)
            address = stack.enter_context(
                embedded_broker(listen, port, user=who.user, password=who.password, cert=cert, key=key)
            )
        service = Ingest(
            here.folder,
            here.store,
            address,
            directory(here.records),
            rules=rules,
            http=http,
            probe_broker=bool(broker) and probe,
            share=share,
            journal_limit=limit,
            quarantine_limit=refused_limit,
            devices=devices,
        )

        def ready() -> None:
            tell(say("ingest.ready", address=address))
            if service.page:
                tell(say("ingest.page", address=service.page))

        service.run(on_ready=ready)


def directory(records: Records) -> Callable[[], Mapping[str, Asset]]:
    """The registry by asset id, read again when it may have changed."""
    read_at = float("-inf")
    assets: dict[str, Asset] = {}

    def look() -> Mapping[str, Asset]:
        nonlocal read_at, assets
        if time.monotonic() - read_at > REGISTRY_EVERY:
            assets = {asset.id: asset for asset in records.estate.assets()}
            read_at = time.monotonic()
        return assets

    return look
