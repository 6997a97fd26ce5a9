"""Anything that can happen to a lake, in any order, against a plain model: never a difference.

Deaths come in two kinds: here the process "dies" before or after any file or commit it writes, thousands of times;
in `test_facility_lake_kills.py` a real one is killed with SIGKILL.
"""

from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from readings_model import Model
from store_tools import START, at, table

from facility.store import Retention
from facility.store.lake import compaction, merge, query, rollups
from facility.store.lake import table as lake_table
from facility.store.lake.lake import Lake
from facility.store.lake.table import Table

ROW = st.tuples(
    st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 60 * 24 * 3), st.sampled_from([0.0, 1.0, 2.5, -7.0])
)
RUN = st.builds(
    lambda asset, channel, start, step, values: [
        (asset, channel, start + step * number, value) for number, value in enumerate(values)
    ],
    st.sampled_from("abc"),
    st.sampled_from("xy"),
    st.integers(0, 60 * 24 * 3),
    st.sampled_from([1, 10, 45, 700]),
    st.lists(st.integers(0, 9).map(float), min_size=1, max_size=12),
)
BATCH = st.one_of(RUN, st.lists(ROW, max_size=10), st.lists(RUN, max_size=3).map(lambda runs: [*chain(*runs)]))


class Died(BaseException):
    """The process is gone at this point."""


class LakeMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.path = Path(self._folder.name) / "readings"
        self.lake = Lake(self.path, create=True)
        self.reader = Lake(self.path)
        self.model = Model()
        self.cursor = 0
        self.changed_since = self.lake.changes().cursor
        self.followed: dict[tuple[str, str, int], float] = {}

    def teardown(self) -> None:
        self._folder.cleanup()

    @rule(rows=BATCH, named=st.booleans())
    def append(self, rows, named) -> None:
        self.cursor += 1
        said = {"source": "journal", "cursor": self.cursor} if named else {}
        assert self.lake.append(table(rows), **said) == self.model.append(rows, **said)

    @rule(rows=BATCH)
    def another_process_appends(self, rows) -> None:
        assert Lake(self.path).append(table(rows)) == self.model.append(rows)

    @rule()
    def maintain(self) -> None:
        self.lake.maintain()

    @rule()
    def compact(self) -> None:
        self.lake.compact()
        files = self.lake._raw.snapshot().files
        for (_,), day in files.partition_by("day", as_dict=True).items():
            assert day.height <= day["rows"].sum() // compaction.FILE_ROWS + 1

    @rule(asset=st.sampled_from("abc"))
    def delete(self, asset) -> None:
        assert self.lake.delete(asset) == self.model.delete(asset)

    @rule()
    def reopen(self) -> None:
        self.lake.sync()
        self.lake = Lake(self.path)

    @precondition(lambda self: self.model.values)
    @rule(day=st.integers(0, 2))
    def retire(self, day) -> None:
        noon = at(60 * 24 * day + 720)
        self.lake.retain(Retention(raw=datetime.now(UTC) - noon))
        self.lake.maintain()
        self.model.retire(60 * 24 * day)
        self.lake.retain(Retention())

    @rule(rows=BATCH, what=st.sampled_from(["append", "maintain", "compact", "delete"]), after=st.integers(0, 5))
    def die(self, rows, what, after) -> None:
        """The process ends just before or just after the given file or commit; what it did is whole or not there."""
        before, then = self.model.copy(), self.model
        self.cursor += 1
        lake = Lake(self.path)
        with pytest.MonkeyPatch.context() as patch:
            left = [after]

            def deadly(real, once_done):
                def step(*arguments, **options):
                    if not once_done and left[0] <= 0:
                        raise Died
                    given = real(*arguments, **options)
                    left[0] -= 1
                    if once_done and left[0] < 0:
                        raise Died
                    return given

                return step

            patch.setattr(Table, "write", deadly(Table.write, after % 2 == 0))
            patch.setattr(Table, "commit", deadly(Table.commit, after % 3 == 0))
            patch.setattr(Table, "discard", lambda *_: None)
            try:
                if what == "append":
                    lake.append(table(rows), source="dying", cursor=self.cursor)
                elif what == "delete":
                    lake.delete("a")
                else:
                    lake.compact(thorough=what == "compact")
            except Died:
                pass
            if what == "append":
                then.append(rows, source="dying", cursor=self.cursor)
            elif what == "delete":
                then.delete("a")
        self.lake = Lake(self.path)
        position = self.lake.cursor("dying")
        if what == "append" and (position is None or position[0] != self.cursor):
            self.model = before
        if what == "delete" and self.lake.size().readings == len(before.values):
            self.model = before

    @rule()
    def follow_the_changes(self) -> None:
        """A follower that applies changes has what the store has."""
        more = True
        while more:
            changes = self.lake.changes(self.changed_since, at_most=5)
            self.changed_since, more = changes.cursor, changes.more
            if changes.whole:
                self.followed = {}
            for asset in changes.deleted:
                self.followed = {key: value for key, value in self.followed.items() if key[0] != asset}
            for asset, channel, time, value, _ in changes.readings.rows():
                self.followed[asset, channel, (time - START) // timedelta(minutes=1)] = value
        kept = {key: value for key, value in self.followed.items() if key[2] >= self.model.first_minute}
        assert kept == self.model.values

    @invariant()
    def is_as_the_model(self) -> None:
        assert self.model.differs(self.reader) == ""


@pytest.fixture(autouse=True)
def merge_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "SMALL_FILES", 2)
    monkeypatch.setattr(compaction, "FILE_ROWS", 20)
    monkeypatch.setattr(compaction, "SMALL_ROWS", 6)
    monkeypatch.setattr(compaction, "BLOCK_ROWS", 12)
    monkeypatch.setattr(compaction, "OPEN_FILES", 5)
    monkeypatch.setattr(rollups, "OPEN_FILES", 3)
    monkeypatch.setattr(query, "AT_ONCE", 10)
    monkeypatch.setattr(lake_table, "AT_ONCE", 7)
    monkeypatch.setattr(merge, "LEAST", 2)


def run(examples: int, steps: int) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        LakeMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_lake_never_differs_from_the_model() -> None:
    run(12, 10)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_the_lake_never_differs_from_the_model_for_long() -> None:
    run(300, 40)
