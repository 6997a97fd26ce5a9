"""`status`: the ledger of what came in and what the store holds; it must add up."""

from __future__ import annotations

from typing import Any

import typer

from commands import options
from commands.shown import show_json, show_table
from commands.words import say
from facility.folder import DataFolder


def picture(folder: DataFolder) -> dict[str, Any]:
    """The ledger and the store's counts of a data folder, as plain values."""
    from facility.store import open_store
    from ingest.ledger import ledger

    size = open_store(folder.readings).size()
    counts: dict[str, Any] = ledger(folder)
    return {
        "ledger": counts,
        "store": {
            "readings": size.readings,
            "bytes": size.bytes,
            "files": size.files,
            "first": size.first.isoformat() if size.first else None,
            "last": size.last.isoformat() if size.last else None,
        },
        "adds_up": counts["journalled"] == counts["stored"] + counts["duplicates"] + counts["quarantined"],
    }


def status(data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    found = picture(DataFolder(data).existing())
    if as_json:
        show_json(found)
        return
    counts = [(say(f"ledger.{key}"), f"{value:,}") for key, value in found["ledger"].items() if isinstance(value, int)]
    show_table(say("status.ledger"), [say("column.what"), say("column.count")], counts, right=[1])
    store = found["store"]
    typer.echo(
        say(
            "status.store",
            readings=f"{store['readings']:,}",
            megabytes=f"{store['bytes'] / 1e6:.1f}",
            first=store["first"] or "-",
            last=store["last"] or "-",
        )
    )
    typer.echo(say("status.adds_up") if found["adds_up"] else say("status.does_not_add_up"))
