"""The rows of many sorted files in one order, a bounded number of them at a time.

Every file of a table is sorted by its key, so files can be merged as they are read: of each only a stretch is in
memory, the longer the more rows the file has, so that all reach about equally far. How many rows a table holds makes no
difference to what merging or summarising them takes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

import polars as pl
import pyarrow.parquet as pq

from facility.store.lake.location import Place

AT_ONCE = 16_384  # rows given at a time, about; twice as many are held
LEAST = 1024  # rows read of a file at a time
BUFFER = 1 << 14  # bytes read of a column at a time


def merged(
    place: Place, files: Iterable[tuple[str, int]], key: Sequence[str], frame: pl.Schema, at_once: int
) -> Iterator[pl.DataFrame]:
    """Frames sorted by `key`, each beginning after the end of the one before, of files given as (path, rows).

    Rows of equal keys are never torn apart; they stand in the order of their files.
    """
    listed = list(files)
    total = sum(rows for _, rows in listed)
    runs: list[_Run] = []
    try:
        for path, rows in listed:
            runs.append(_Run(place, path, key, frame, max(LEAST, at_once * rows // max(total, 1))))
        while runs:
            for run in runs:
                run.read_on()
            bound = min((run.reached for run in runs if not run.ended), default=None)
            parts = [run.take(bound) for run in runs]
            taken = [part for part in parts if part.height]
            if taken:
                yield taken[0] if len(taken) == 1 else pl.concat(taken).sort(key, maintain_order=True)
            for run in runs:
                if run.done:
                    run.close()
            runs = [run for run in runs if not run.done]
    finally:
        for run in runs:
            run.close()


class _Run:
    """One file, read ahead."""

    def __init__(self, place: Place, path: str, key: Sequence[str], frame: pl.Schema, ahead: int) -> None:
        self._key = list(key)
        self._frame = frame
        self._ahead = ahead
        if place.folder is not None:
            self._file = pq.ParquetFile(place.folder / path, buffer_size=BUFFER, page_checksum_verification=True)
        else:
            self._file = pq.ParquetFile(place.files().open_input_file(path), page_checksum_verification=True)
        self._batches = self._file.iter_batches(ahead, columns=frame.names(), use_threads=False)
        self._held = pl.DataFrame(schema=frame)
        self.ended = False  # nothing is left in the file itself

    def read_on(self) -> None:
        """Hold at least half of what may be read ahead, if there is so much."""
        while not self.ended and self._held.height * 2 < self._ahead:
            batch = next(self._batches, None)
            if batch is None:
                self.ended = True
            else:
                rows = pl.DataFrame(pl.from_arrow(batch)).select(self._frame.names()).cast(self._frame)
                self._held = pl.concat([self._held, rows])

    @property
    def done(self) -> bool:
        return self.ended and self._held.is_empty()

    @property
    def reached(self) -> tuple[object, ...]:
        return self._key_of(self._held.height - 1)

    def take(self, bound: tuple[object, ...] | None) -> pl.DataFrame:
        """Let go of the rows up to a key, or of all."""
        count = self._held.height
        if bound is not None:
            count = bisect_right(range(count), bound, key=self._key_of)
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def close(self) -> None:
        self._file.close()

    def _key_of(self, row: int) -> tuple[object, ...]:
        return tuple(self._held[name][row] for name in self._key)
