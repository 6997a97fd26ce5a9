"""A bad day, simulated: whoever is responsible is told of all that breaks, and of little else."""

from __future__ import annotations

import pytest

from benchmarks.bench_bad_day import figures


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_bad_day_floods_nobody_and_hides_nothing() -> None:
    answer = figures()
    ours, plain = answer["ours"], answer["plain_thresholds"]
    print({name: value for name, value in ours.items() if name != "subjects"}, plain)
    assert ours["faults_not_told_in_time"] == {}
    assert ours["doubled"] == 0
    assert max(ours["busiest_ten_minutes"].values()) < 10
    assert sum(ours["messages"].values()) * 20 < sum(plain["messages"].values())
