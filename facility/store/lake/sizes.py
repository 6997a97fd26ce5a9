"""How much a lake holds, and whether it answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from datetime import datetime

from deltalake.exceptions import DeltaError

from facility.errors import ServicedayError
from facility.i18n.messages import Sentence
from facility.store.contract import Health, StoreSize
from facility.store.lake.location import Place
from facility.store.lake.table import Table


def size_of(raw: Table, others: Iterable[Table]) -> StoreSize:
    """Readings by the log; bytes of the other tables count as well."""
    files = raw.snapshot().files
    beside = sum(int(table.snapshot().files["bytes"].sum()) for table in others)
    first, last = files["first"].min(), files["last"].max()
    return StoreSize(
        readings=int(files["rows"].sum()),
        bytes=int(files["bytes"].sum()) + beside,
        files=files.height,
        first=first if isinstance(first, datetime) else None,
        last=last if isinstance(last, datetime) else None,
    )


def health_of(place: Place, format_: int, size: Callable[[], StoreSize]) -> Health:
    """Never raises for a lake that cannot be read."""
    facts: dict[str, int | float | str] = {"format": format_}
    try:
        there = size()
        if place.folder is not None:  # what is known of a lake may outlive its folder
            facts["free_bytes"] = shutil.disk_usage(place.folder).free
    except (ServicedayError, DeltaError, OSError) as error:
        return Health(False, "lake", " ".join(str(error).split()), facts)
    facts |= {"readings": there.readings, "files": there.files, "bytes": there.bytes}
    return Health(True, "lake", str(Sentence("Delta Lake at {place}", place=place)), facts)
