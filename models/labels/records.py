"""What is read for a label: the class's sensors day by day, and when the label came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import Catalogue
from facility.estate import Asset
from facility.label_events import LabelEvent
from facility.store import Store
from models.labels.history import Calendar, LabelHistory, from_channel, from_events
from models.labels.target import Form, Target
from models.wear.daily_table import DailyTable, read_daily


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRecords:
    """One class: its assets' sensors and the label's history, over the same days. `table` None: no other sensors."""

    history: LabelHistory
    table: DailyTable | None


def read_records(
    store: Store,
    assets: Sequence[Asset],
    target: Target,
    events: Sequence[LabelEvent],
    catalogue: Catalogue,
    *,
    end: datetime,
    timezone: ZoneInfo,
) -> ClassRecords | None:
    """Of assets of one class, from readings and events before `end`; None where nothing was ever heard of the label."""
    kind = catalogue[assets[0].kind]
    table = read_daily(store, assets, tuple(kind.channels.values()), end=end, timezone=timezone)
    if table is None:
        return None
    calendar = Calendar(assets=table.assets, first=table.first, heard=table.heard, end=end, timezone=timezone)
    history: LabelHistory | None
    if target.form is Form.EVENTS:
        history = from_events(calendar, target, events)
        if not history.came.any():
            return None
    else:
        if target.channel not in kind.channels:
            return None
        history = from_channel(store, calendar, target, kind.channels[target.channel])
        if history is None:
            return None
    return ClassRecords(history=history, table=table.measurements(besides=target.channel))


def horizon_days(horizon: timedelta) -> int:
    """A horizon in whole days, at least one."""
    return max(1, round(horizon / timedelta(days=1)))
