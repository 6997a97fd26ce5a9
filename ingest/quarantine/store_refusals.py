"""What the store itself will not keep goes to quarantine like everything else that is not admitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa

from facility.store import Appended
from ingest.codecs.native import TELEMETRY, batched
from ingest.journal.source_ledger import Name, source_of
from ingest.messages import Message
from ingest.refusals import Reason, Refusal


def turned_away(
    done: Appended, readings: pa.Table, messages: Sequence[Message], asset_of: Mapping[int, Name]
) -> list[Refusal]:
    """One record an asset and reason, with its readings as a payload that can be sent again.

    After a crash the store knows only how many there were: that number stands under the last message then.
    """
    last = {source_of(message.topic)[1]: message.seq for message in messages}
    last |= {asset: seq for seq, (_, asset) in asset_of.items()}
    sites = {asset: site for site, asset in asset_of.values()}
    rows = pl.DataFrame(pl.from_arrow(readings))[[refused.row for refused in done.refusals]].with_columns(
        pl.Series("reason", [refused.reason for refused in done.refusals], dtype=pl.String),
        pl.col("time").dt.epoch("ms"),
    )
    refusals = []
    for (asset, reason), group in rows.group_by("asset", "reason", maintain_order=True):
        payload = batched(list(group.select("time", "channel", "value").iter_rows()))
        site = sites.get(str(asset), "")
        refusals.append(
            Refusal(
                seq=last.get(str(asset), messages[-1].seq),
                reason=Reason.STORE,
                detail=str(reason),
                payload=payload,
                count=group.height,
                topic=TELEMETRY.format(site=site, asset=asset) if site else "",
            )
        )
    unknown = done.refused - len(done.refusals)
    if unknown > 0:
        seq = messages[-1].seq
        refusals.append(Refusal(seq=seq, reason=Reason.STORE, detail="", payload=messages[-1].payload, count=unknown))
    return refusals


def less(per_source: dict[Name, int], refusals: Sequence[Refusal], messages: Sequence[Message]) -> dict[Name, int]:
    """Admitted readings of each source without those that were turned away."""
    topics = {message.seq: message.topic for message in messages}
    stored = dict(per_source)
    for refusal in refusals:
        name = source_of(refusal.topic or topics[refusal.seq])
        stored[name] = stored.get(name, 0) - refusal.count
    return stored
