"""Ingest as a process of its own, for the tests to kill: FOLDER PORT [GROUP]. Says `ready` once the broker delivers.

With SERVICEDAY_TEST_HASTE it keeps house every half second and keeps no message longer than that.
"""

import os
import sys
from pathlib import Path

import ingest  # noqa: F401 - before polars, whose allocator it sets
import ingest.service as service_module
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import open_store
from ingest.mqtt.address import BrokerAddress
from ingest.service import Ingest

ASSETS = {f"EL-{index}": Asset(id=f"EL-{index}", kind="lift", site="s") for index in range(10)}


def main() -> None:
    if os.environ.get("SERVICEDAY_TEST_HASTE"):
        service_module.SYNC_EVERY = service_module.KEEP_MESSAGES = 0.5
    folder = DataFolder(Path(sys.argv[1])).prepare()
    store = open_store(folder.readings, create=True)
    address = BrokerAddress(host="127.0.0.1", port=int(sys.argv[2]))
    service = Ingest(folder, store, address, lambda: ASSETS, share="".join(sys.argv[3:]))
    service.run(on_ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    main()
