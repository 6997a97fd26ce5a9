"""Events that people recorded elsewhere: what came about at which asset, from when to when, under a name of its own.

DATA/events/NAME.csv holds those of one label: asset, start, end, in UTC. A file is replaced whole and in one step.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from facility.errors import CannotParse
from facility.files.cells import Refusal
from facility.files.columns import Field, Kind
from facility.files.tables import ReadOptions, read_table
from facility.i18n.messages import Sentence
from facility.identity import nearest

NAME = re.compile(r"\w[\w-]{0,59}")
FIELDS = (
    Field(key="asset", aliases=("id", "设备", "设备编号", "编号", "资产", "unit", "equipment"), required=True),
    Field(
        key="start",
        kind=Kind.MOMENT,
        aliases=("time", "date", "begin", "from", "开始", "开始时间", "时间", "日期", "发生时间"),
        required=True,
    ),
    Field(key="end", kind=Kind.MOMENT, aliases=("until", "to", "finish", "结束", "结束时间", "恢复时间")),
    Field(key="label", aliases=("event", "type", "name", "标签", "事件", "类型")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEvent:
    """One event. `end` is None where only its beginning is known. Moments in UTC."""

    asset: str
    label: str
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRead:
    """A file of events as understood, and its rows that were not."""

    events: tuple[LabelEvent, ...]
    rows: int
    columns: Mapping[str, str]
    notes: tuple[Sentence, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsAdded:
    """What an import did to the events that were there: by count."""

    new: int
    changed: int  # the same asset, label and start with another end
    known: int


class LabelEvents:
    """The events of a data folder, by label."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Labels that have events."""
        return sorted(file.stem for file in self._folder.glob("*.csv"))

    def read(self, label: str) -> list[LabelEvent]:
        """Events of a label, oldest first. Raises `CannotParse` if its file is damaged."""
        file = self._folder / f"{label}.csv"
        if not NAME.fullmatch(label) or not file.exists():
            return []
        try:
            with file.open(newline="", encoding="utf-8") as stream:
                events = [
                    LabelEvent(
                        asset=row["asset"],
                        label=label,
                        start=datetime.fromisoformat(row["start"]).astimezone(UTC),
                        end=datetime.fromisoformat(row["end"]).astimezone(UTC) if row["end"] else None,
                    )
                    for row in csv.DictReader(stream, strict=True)
                ]
        except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
            raise CannotParse(
                "the events in {file} cannot be read: {error}",
                "Remove it and import the events again",
                file=file,
                error=error,
            ) from None
        return sorted(events, key=lambda event: (event.start, event.asset))

    def add(self, events: Sequence[LabelEvent], *, dry_run: bool = False) -> EventsAdded:
        """Keep events beside those that are there; of one asset, label and start the last one holds."""
        new = changed = known = 0
        for label in dict.fromkeys(event.label for event in events):
            merged = {(event.asset, event.start): event for event in self.read(label)}
            for event in events:
                if event.label != label:
                    continue
                before = merged.get((event.asset, event.start))
                if before == event:
                    known += 1
                elif before is None:
                    new += 1
                else:
                    changed += 1
                merged[event.asset, event.start] = event
            if not dry_run:
                self._write(label, list(merged.values()))
        return EventsAdded(new=new, changed=changed, known=known)

    def _write(self, label: str, events: Sequence[LabelEvent]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f".{label}.{os.getpid()}.partial"
        with partial.open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["asset", "start", "end"])
            for event in sorted(events, key=lambda event: (event.start, event.asset)):
                table.writerow([event.asset, event.start.isoformat(), event.end.isoformat() if event.end else ""])
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(self._folder / f"{label}.csv")


def read_events(
    file: Path,
    *,
    label: str,
    assets: Collection[str],
    mapping: Mapping[str, str] | None = None,
    options: ReadOptions | None = None,
) -> EventsRead:
    """Events from CSV or XLSX with columns asset, start and, if there are any, end and label.

    `label` holds for rows that name none. Rows that are not understood are refused, each with its line and why. Raises
    `CannotParse` and `Problems` as `read_table` does.
    """
    if label and not NAME.fullmatch(label):
        raise CannotParse("{label!r} is no name of a label", "Use letters, digits, - and _, 60 at most", label=label)
    table = read_table(file, fields=FIELDS, mapping=mapping, options=options)
    known = set(assets)
    events: list[LabelEvent] = []
    refusals = list(table.refusals)
    for row in table.rows:
        name = row.text("label").strip() or label
        start, end = row.moment("start"), row.moment("end")
        asset = row.text("asset").strip()
        what = _wrong(asset, name, start, end, known)
        if what is not None or start is None:
            refusals.append(Refusal(line=row.line, what=what or Sentence("no start"), cells=row.cells))
            continue
        events.append(LabelEvent(asset=asset, label=name, start=start, end=end))
    return EventsRead(
        events=tuple(events),
        rows=len(table.rows) + len(table.refusals),
        columns={column.field: column.name for column in table.columns if column.field},
        notes=table.notes,
        refusals=tuple(sorted(refusals, key=lambda refusal: refusal.line)),
    )


def _wrong(
    asset: str, label: str, start: datetime | None, end: datetime | None, assets: Collection[str]
) -> Sentence | None:
    if not asset:
        return Sentence("no asset is named")
    if asset not in assets:
        near = nearest(asset, list(assets))
        if near:
            return Sentence("no asset {asset!r} is registered; is it {near!r}?", asset=asset, near=near)
        return Sentence("no asset {asset!r} is registered", asset=asset)
    if not label:
        return Sentence("no label: fill in a column `label`, or name it with --label")
    if not NAME.fullmatch(label):
        return Sentence("{label!r} is no name of a label", label=label)
    if start is None:
        return Sentence("no start")
    if end is not None and end < start:
        return Sentence(
            "it ends ({end:%Y-%m-%d %H:%M}) before it begins ({start:%Y-%m-%d %H:%M})", end=end, start=start
        )
    return None
