"""Where readings are kept: one contract (`contract`), two kinds of store (`lake`, `influx`), opened by `registry`."""

from facility.store.contract import (
    READINGS,
    Appended,
    Changes,
    Health,
    Refused,
    Retention,
    Revised,
    Sites,
    Store,
    StoreSize,
)
from facility.store.registry import open_store

__all__ = [
    "READINGS",
    "Appended",
    "Changes",
    "Health",
    "Refused",
    "Retention",
    "Revised",
    "Sites",
    "Store",
    "StoreSize",
    "open_store",
]
