"""What happened to the readings since a cursor, as a lake answers it: the cursor is a version of its table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl

from facility.store.contract import Changes, Revised
from facility.store.deduplication import IDENTITY
from facility.store.lake import delta_log
from facility.store.lake.table import Snapshot, Table


def changes_since(table: Table, since: str | None, at_most: int, read: Callable[[list[str]], pl.DataFrame]) -> Changes:
    """As `Store.changes`; `read` gives all readings of some assets."""
    raw = table.snapshot()
    version = int(since) if since is not None and since.isdigit() else None
    paths: list[str] = []
    deleted: list[str] = []
    rows = 0
    if version is None or version > raw.version:
        return _everything(table, raw)
    while version < raw.version and rows < at_most:
        commit = delta_log.commit_at(table.place, version + 1)
        if commit is None:
            return _everything(table, raw)
        version += 1
        if "deleted" in commit.note:
            deleted.append(commit.note["deleted"])
            continue
        paths += [file.path for file in commit.added]
        rows += sum(file.rows for file in commit.added)
    # of an identity that several commits brought, the last counts; what was deleted later is gone
    fresh = table.scan(paths).filter(~pl.col("asset").is_in(deleted)).collect()
    fresh = fresh.unique(IDENTITY, keep="last", maintain_order=True).sort(IDENTITY)
    if deleted:
        fresh = pl.concat([fresh, read(deleted)])
    return Changes(str(version), fresh, tuple(deleted), whole=False, more=version < raw.version)


def revised_since(table: Table, since: str, before: datetime) -> Revised:
    """As `Store.revised`."""
    raw = table.snapshot()
    reachable = since.isdigit() and int(since) <= raw.version
    happened = delta_log.happened(table.place, int(since), raw.version) if reachable else None
    if happened is None or any(hour * 3600 < before.timestamp() for hour in happened.revised):
        return Revised(str(raw.version), None)
    late = [file.path for file in happened.added if file.day <= before.astimezone(UTC).date()]
    assets = table.scan(late).filter(pl.col("time") < before).select("asset").unique().collect()
    return Revised(str(raw.version), frozenset(assets["asset"]) | happened.deleted)


def _everything(table: Table, raw: Snapshot) -> Changes:
    rows = table.scan(raw.files["path"].to_list()).sort(IDENTITY).collect()
    return Changes(str(raw.version), rows, (), whole=True, more=False)
