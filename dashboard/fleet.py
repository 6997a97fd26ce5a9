"""The fleet as it stands at a visit: every asset with its state, read from records and readings."""

from __future__ import annotations

import polars as pl

from dashboard import frames, places, reach, sources
from dashboard.visit import Visit
from facility.standing import spell_on


def fleet_now(visit: Visit) -> pl.DataFrame:
    """`frames.fleet` of all that is registered, with a rank for those of which something can be said."""
    assets = reach.assets(visit)
    today = visit.now.astimezone(visit.timezone).date()
    spells = sources.spells(visit.folder)
    frame = frames.fleet(
        assets,
        reach.assessments(visit),
        reach.open_alerts(visit),
        reach.latest(visit),
        now=visit.now,
        language=visit.language,
        names=places.names(visit),
        unused=[asset.id for asset in assets if spell_on(spells.get(asset.id, ()), today) is not None],
    )
    rank = pl.int_range(1, pl.len() + 1).cast(pl.UInt32)
    return frame.select(pl.when(pl.col("probability").is_not_null()).then(rank).alias("rank"), pl.all())
