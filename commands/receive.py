"""`ingest`: take messages in until told to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from commands import options
from commands.words import say
from facility.estate import Asset

if TYPE_CHECKING:
    from facility.records import Records

REGISTRY_EVERY = 5.0  # seconds between looks at the registry


def ingest(
    data: options.Data = options.DATA,
    broker: options.Broker = "",
    port: Annotated[int, typer.Option("--port", help=say("ingest.port"), min=0, max=65535)] = 1883,
) -> None:
    from commands.installation import installation
    from ingest.address import BrokerAddress
    from ingest.broker import embedded_broker
    from ingest.service import Ingest

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    address = BrokerAddress.parse(broker) if broker else None
    with installation(data, create=True) as here, ExitStack() as held:
        if address is None:
            with here.folder.claim("ingest"):  # refuse before a broker is started
                pass
            address = held.enter_context(embedded_broker(port=port))
        service = Ingest(here.folder, here.store, address, directory(here.records))
        service.run(on_ready=lambda: typer.echo(say("ingest.ready", address=address)))


def directory(records: Records) -> Callable[[], Mapping[str, Asset]]:
    """The registry by asset id, read again when it may have changed."""
    read_at = float("-inf")
    known: dict[str, Asset] = {}

    def look() -> Mapping[str, Asset]:
        nonlocal read_at, known
        if time.monotonic() - read_at > REGISTRY_EVERY:
            known = {asset.id: asset for asset in records.estate.assets()}
            read_at = time.monotonic()
        return known

    return look
