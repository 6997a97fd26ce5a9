"""Ingest as a process of its own, for the tests to kill: FOLDER PORT [GROUP]. Says `ready` once the broker delivers."""

import sys
from pathlib import Path

import ingest  # noqa: F401 - before polars, whose allocator it sets
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import open_store
from ingest.mqtt.address import BrokerAddress
from ingest.service import Ingest

ASSETS = {f"EL-{index}": Asset(id=f"EL-{index}", kind="lift", site="s") for index in range(10)}


def main() -> None:
    folder = DataFolder(Path(sys.argv[1])).prepare()
    store = open_store(folder.readings, create=True)
    address = BrokerAddress(host="127.0.0.1", port=int(sys.argv[2]))
    service = Ingest(folder, store, address, lambda: ASSETS, share="".join(sys.argv[3:]))
    service.run(on_ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    main()
