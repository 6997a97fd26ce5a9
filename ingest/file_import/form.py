"""What is said of a file of readings, and what is made of it piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from facility.files import Field, Kind, ReadOptions, Refusal, Value
from facility.i18n.messages import Sentence

MOMENT = pl.Datetime("us", "UTC")
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "line": pl.Int64,
    "asset": pl.String,
    "channel": pl.String,
    "unit": pl.String,  # as it stood after the value, "" for none
    "time": MOMENT,
    "value": pl.Float64,
}
FIELDS = (
    Field(
        key="asset", aliases=("asset_id", "device", "device_id", "equipment", "设备", "设备编号", "编号"), required=True
    ),
    Field(
        key="time",
        kind=Kind.MOMENT,
        aliases=("timestamp", "datetime", "date", "date_time", "ts", "时间", "日期", "日期时间", "采集时间", "时间戳"),
        required=True,
    ),
    Field(key="value", kind=Kind.NUMBER, aliases=("reading", "数值", "值", "读数", "测量值"), required=True),
    Field(key="channel", aliases=("sensor", "point", "通道", "测点", "参数", "指标")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """What somebody said of a file of readings."""

    channel: str | None = None  # of every row; None: a column names it
    scale: float = 1.0  # values are multiplied by it
    mapping: Mapping[str, str] = field(default_factory=dict)
    options: ReadOptions = field(default_factory=ReadOptions)

    @property
    def wanted(self) -> tuple[str, ...]:
        return ("asset", "time", "value") if self.channel is not None else ("asset", "time", "value", "channel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some rows of a file: `rows` of `SCHEMA`; `refusals` the others.

    `cells` gives a line's cells as they stand; `seen` counts all rows of the piece, `total` guesses those of the file.
    """

    rows: pl.DataFrame
    refusals: Sequence[Refusal]
    cells: Callable[[int], tuple[Value, ...]]
    seen: int
    total: int
    columns: Sequence[str]
    understood: Mapping[str, str]  # our field -> their column
    notes: Sequence[Sentence] = ()
