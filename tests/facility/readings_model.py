"""A plain model of a store: dictionaries, no cleverness. What a store answers must never differ from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from store_tools import START, Row, at

from facility.store import Appended, Store

Key = tuple[str, str, int]


@dataclass
class Model:
    values: dict[Key, float] = field(default_factory=dict)
    first_minute: int = -(10**9)  # readings before are refused
    retired: dict[Key, float] = field(default_factory=dict)  # readings gone whose hours are still summarised
    cursors: dict[str, tuple[int, Appended]] = field(default_factory=dict)

    def append(self, rows: list[Row], source: str = "", cursor: int = 0) -> Appended:
        taken = [row for row in rows if row[2] >= self.first_minute]
        newest: dict[tuple[str, str], int] = {}
        for asset, channel, minute in self.values:
            newest[asset, channel] = max(minute, newest.get((asset, channel), minute))
        new = {row[:3] for row in taken} - self.values.keys()
        late = sum(1 for asset, channel, minute in new if minute < newest.get((asset, channel), -(10**9)))
        self.values.update({row[:3]: row[3] for row in taken})
        done = Appended(len(new), len(taken) - len(new), late, len(rows) - len(taken))
        if source:
            self.cursors[source] = (cursor, done)
        return done

    def delete(self, asset: str) -> int:
        gone = [key for key in self.values if key[0] == asset]
        for key in gone:
            del self.values[key]
        self.retired = {key: value for key, value in self.retired.items() if key[0] != asset or not gone}
        return len(gone)

    def retire(self, minute: int) -> None:
        old = {key: value for key, value in self.values.items() if key[2] < minute}
        if old:
            self.first_minute = max(self.first_minute, minute)
            self.retired |= old
            self.values = {key: value for key, value in self.values.items() if key[2] >= minute}

    def copy(self) -> Model:
        return Model(dict(self.values), self.first_minute, dict(self.retired), dict(self.cursors))

    # -- comparing ------------------------------------------------------------------------------------------------

    def differs(self, store: Store) -> str:
        """What of the store is not as here; empty if all is."""
        rows = store.read().select("asset", "channel", "time", "value").rows()
        found = {(a, c, round((t - START).total_seconds() / 60)): v for a, c, t, v in rows}
        if len(found) != len(rows):
            return "an identity stands in the store twice"
        if found != self.values:
            return f"readings: {sorted(set(found.items()) ^ set(self.values.items()))[:6]}"
        newest = {(a, c): m for a, c, m in sorted(self.values)}
        latest = {(a, c): (t, v) for a, c, t, v in store.latest().select("asset", "channel", "time", "value").rows()}
        if latest != {(a, c): (at(m), self.values[a, c, m]) for (a, c), m in newest.items()}:
            return f"latest: {latest}"
        if store.size().readings != len(self.values):
            return f"size: {store.size()}"
        for source, (cursor, done) in self.cursors.items():
            kept = store.cursor(source)
            if kept is None or kept[:2] != (cursor, done):
                return f"cursor of {source}: {kept} and not {(cursor, done)}"
        return self._rollups_differ(store)

    def _rollups_differ(self, store: Store) -> str:
        expected = self._rollups()
        found = store.rollups()
        if found.select("asset", "channel", "hour").rows() != [(a, c, at(60 * h)) for a, c, h, *_ in expected]:
            return f"hours: {found}"
        for row, (_, _, _, *values) in zip(found.rows(), expected, strict=True):
            if not all(math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-7) for x, y in zip(row[3:], values, strict=True)):
                return f"rollup {row} is not {values}"
        return ""

    def _rollups(self) -> list[tuple]:
        out: list[tuple] = []
        everything = self.retired | self.values
        for (asset, channel), keys in groupby(sorted(everything), key=lambda key: key[:2]):
            before: tuple[int, float] | None = None  # hour and last value of the row before
            for hour, inside in groupby(keys, key=lambda key: key[2] // 60):
                points = [(key[2] - 60 * hour, everything[key]) for key in inside]
                values = [value for _, value in points]
                mean = sum(values) / len(values)
                spread = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
                steps = [before[1], *values] if before else values
                grown = sum(b - a if b >= a else b if b < a * 0.5 else 0.0 for a, b in pairwise(steps))
                begin = before[1] if before and before[0] == hour - 1 else values[0]
                held = [(0, begin), *points, (60, values[-1])]
                weighted = sum(v * (t - s) for (s, v), (t, _) in pairwise(held)) / 60
                edges = (min(values), max(values), values[0], values[-1])
                out.append((asset, channel, hour, len(values), mean, spread, *edges, grown, weighted))
                before = (hour, values[-1])
        return out
