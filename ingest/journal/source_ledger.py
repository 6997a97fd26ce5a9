"""The ledger of each source: how much every asset and gateway said, and what became of it.

    items of a source = admitted + quarantined + dropped          (admitted is the source's part of stored + duplicates)

Topics that are none of ours, and everything beyond so many sources, are counted together under no name: whoever
publishes to a million topics must not fill the disk with their names. Registered assets always have a slot of their
own.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ingest.refusals import Refusal
from ingest.topics import ROOT

SOURCES_AT_MOST = 50_000
Name = tuple[str, str]  # site, asset or gateway
OTHERS: Name = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What one source said so far."""

    site: str
    name: str
    messages: int
    admitted: int
    quarantined: int
    dropped: int
    arrived_us: int  # of its last message; 0 if there was none yet


@dataclass(slots=True)
class Change:
    """What a batch adds to a source."""

    messages: int = 0
    admitted: int = 0
    quarantined: int = 0
    dropped: int = 0
    arrived_us: int = 0


def source_of(topic: str) -> Name:
    """Site and asset that a topic names."""
    levels = topic.split("/")
    return (levels[2], levels[3]) if len(levels) == 5 and topic.startswith(ROOT) else OTHERS


def changes(
    arrivals: Iterable[tuple[str, int]],
    topic_of: Mapping[int, str],
    refusals: Sequence[Refusal],
    admitted: Mapping[Name, int],
) -> dict[Name, Change]:
    """What a batch of messages (topic, arrival) adds, with what was refused of them and what was admitted."""
    arrived = dict(arrivals)  # the last of each topic
    by_source: dict[Name, Change] = {}
    for topic, moment in arrived.items():
        change = by_source.setdefault(source_of(topic), Change())
        change.arrived_us = max(change.arrived_us, moment)
    for refusal in refusals:
        source = source_of(refusal.topic or topic_of[refusal.seq])
        by_source.setdefault(source, Change()).quarantined += refusal.count
    for name, count in admitted.items():
        if count:
            by_source.setdefault(name, Change()).admitted += count
    return by_source


def count_foreign(by_source: dict[Name, Change], arrivals: Mapping[int, int], asset_of: Mapping[int, Name]) -> None:
    """Count messages of foreign devices under their asset; `count_messages` had them under no name.

    `arrivals`: when each message came, by `seq`; `asset_of`: the asset each speaks for, where it is known.
    """
    for seq, name in asset_of.items():
        change = by_source.setdefault(name, Change())
        change.messages += 1
        change.arrived_us = max(change.arrived_us, arrivals[seq])
        by_source[OTHERS].messages -= 1


def count_messages(by_source: dict[Name, Change], topics: Iterable[str]) -> None:
    """Count the messages themselves; a replay is not a message."""
    for topic, count in Counter(topics).items():
        by_source[source_of(topic)].messages += count


def add_sources(
    connection: sqlite3.Connection, by_source: Mapping[Name, Change], registered: Collection[Name] = ()
) -> None:
    """Add to the sources' ledger, within the caller's transaction. Slots go to `registered` sources first.

    What is taken away from a source is taken from the others where the source was counted among them.
    """
    new: dict[Name, Change] = {}
    for name, change in by_source.items():
        own, others = (
            _parted(connection, name, change) if change.quarantined < 0 or change.dropped < 0 else (change, None)
        )
        if others is not None:
            _put(connection, OTHERS, others)
        if not _update(connection, name, own):
            new[name] = own
    if not new:
        return
    room = SOURCES_AT_MOST - int(connection.execute("SELECT count(*) FROM sources").fetchone()[0])
    for name, change in new.items():
        if name in registered:
            _put(connection, name, change)
        elif room > 0:
            _put(connection, name, change)
            room -= 1
        else:
            _put(connection, OTHERS, change)


def has_slot(connection: sqlite3.Connection, name: Name) -> bool:
    """Whether a source is counted under its own name."""
    return bool(connection.execute("SELECT 1 FROM sources WHERE site = ? AND name = ?", name).fetchone())


def _parted(connection: sqlite3.Connection, name: Name, change: Change) -> tuple[Change, Change | None]:
    """A change that takes away: what the source itself has of it, and what was counted among the others."""
    row = connection.execute("SELECT quarantined, dropped FROM sources WHERE site = ? AND name = ?", name).fetchone()
    quarantined, dropped = row or (0, 0)
    missing_quarantined = min(0, quarantined + change.quarantined)
    missing_dropped = min(0, dropped + change.dropped)
    if name == OTHERS or not (missing_quarantined or missing_dropped):
        return change, None
    own = replace(
        change,
        quarantined=change.quarantined - missing_quarantined,
        dropped=change.dropped - missing_dropped,
    )
    return own, Change(quarantined=missing_quarantined, dropped=missing_dropped)


def _put(connection: sqlite3.Connection, name: Name, change: Change) -> None:
    if not _update(connection, name, change):
        connection.execute(
            "INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*name, change.messages, change.admitted, change.quarantined, change.dropped, change.arrived_us),
        )


def _update(connection: sqlite3.Connection, name: Name, change: Change) -> bool:
    return bool(
        connection.execute(
            "UPDATE sources SET messages = messages + ?, admitted = admitted + ?, quarantined = quarantined + ?,"
            " dropped = dropped + ?, arrived_us = max(arrived_us, ?) WHERE site = ? AND name = ?",
            (change.messages, change.admitted, change.quarantined, change.dropped, change.arrived_us, *name),
        ).rowcount
    )


def read_sources(connection: sqlite3.Connection) -> list[Source]:
    """The ledger of each source of one journal."""
    rows = connection.execute(
        "SELECT site, name, messages, admitted, quarantined, dropped, arrived_us FROM sources ORDER BY site, name"
    )
    return [
        Source(
            site=row[0],
            name=row[1],
            messages=row[2],
            admitted=row[3],
            quarantined=row[4],
            dropped=row[5],
            arrived_us=row[6],
        )
        for row in rows
    ]


def merged(sources: Iterable[Source]) -> list[Source]:
    """The sources of several journals, each once."""
    by_name: dict[Name, Source] = {}
    for one in sources:
        source = by_name.get((one.site, one.name))
        by_name[one.site, one.name] = (
            one
            if source is None
            else Source(
                site=one.site,
                name=one.name,
                messages=source.messages + one.messages,
                admitted=source.admitted + one.admitted,
                quarantined=source.quarantined + one.quarantined,
                dropped=source.dropped + one.dropped,
                arrived_us=max(source.arrived_us, one.arrived_us),
            )
        )
    return [by_name[name] for name in sorted(by_name)]
