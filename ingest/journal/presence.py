"""Which gateways are online, by their own word or their last will: a bounded number of them, registered ones first."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from ingest.journal.source_ledger import Name
from ingest.messages import Presence

GATEWAYS_AT_MOST = 20_000


def keep_presence(writer: sqlite3.Connection, presence: Sequence[Presence], registered: Collection[Name]) -> None:
    """Keep the last word of each gateway, within the caller's transaction.

    Beyond so many only those are taken that are registered or stand at a site with registered assets, and others make
    way for them.
    """
    if not presence:
        return
    sites = {site for site, _ in registered}
    room = GATEWAYS_AT_MOST - int(writer.execute("SELECT count(*) FROM presence").fetchone()[0])
    for gateway in presence:
        row = (gateway.online, gateway.since_us, gateway.arrived_us, gateway.site, gateway.gateway)
        changed = writer.execute(
            "UPDATE presence SET since_us = CASE WHEN online = ?1 THEN since_us ELSE ?2 END, online = ?1,"
            " arrived_us = ?3 WHERE site = ?4 AND gateway = ?5",
            row,
        ).rowcount
        if changed:
            continue
        if room <= 0:
            if gateway.site not in sites or not _make_way(writer, sites):
                continue
            room += 1
        writer.execute("INSERT INTO presence(online, since_us, arrived_us, site, gateway) VALUES (?, ?, ?, ?, ?)", row)
        room -= 1


def _make_way(writer: sqlite3.Connection, sites: Collection[str]) -> bool:
    """Forget a gateway of a site without registered assets. False if there is none."""
    strangers = [site for (site,) in writer.execute("SELECT DISTINCT site FROM presence") if site not in sites]
    if not strangers:
        return False
    writer.execute(
        "DELETE FROM presence WHERE (site, gateway) IN (SELECT site, gateway FROM presence WHERE site = ? LIMIT 1)",
        (strangers[0],),
    )
    return True
