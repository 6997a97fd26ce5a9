"""Readings for the tests of stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from facility.store import READINGS

START = datetime(2026, 3, 1, tzinfo=UTC)

Row = tuple[str, str, int, float]


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def table(rows: Sequence[Row]) -> pa.Table:
    """(asset, channel, minutes after START, value)"""
    return pa.table(
        {
            "asset": [row[0] for row in rows],
            "channel": [row[1] for row in rows],
            "time": [at(row[2]) for row in rows],
            "value": [float(row[3]) for row in rows],
            "arrived": [START + timedelta(days=30)] * len(rows),
        },
        schema=READINGS,
    )
