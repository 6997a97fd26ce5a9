"""Fleets and fault plans: the share that is asked for, every mode over seeds, nothing at all for none."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facility.assessments import Trouble
from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo, Problems
from simulators.fault_plan import plan_faults
from simulators.faults import COURSES, SENSOR_FAULTS, Fault
from simulators.fleet import make_fleet
from simulators.truth import COLUMNS, read_truth, write_truth

END = datetime(2026, 11, 24, 5, tzinfo=UTC)
START = END - timedelta(days=45)


@given(st.integers(1, 300), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_any_fleet_is_consistent(count: int, seed: int) -> None:
    estate = make_fleet(count, seed)
    assert len(estate.assets) == count
    assert len({asset.id for asset in estate.assets}) == count
    buildings = {building.id: building for building in estate.buildings}
    sites = {site.id for site in estate.sites}
    for asset in estate.assets:
        assert asset.site in sites
        assert buildings[asset.building].site == asset.site
        assert asset.commissioned is not None
    if count >= 40:
        kinds = Counter(asset.kind for asset in estate.assets)
        assert set(kinds) == {kind for kind in catalogue() if catalogue()[kind].channels}
        assert min(kinds.values()) >= 2
        assert kinds.most_common(1)[0][0] == "lift"


def test_a_fleet_of_none_is_refused() -> None:
    with pytest.raises(CannotDo, match="--assets"):
        make_fleet(0, 1)


@pytest.mark.parametrize("seed", [1, 7, 11, 23])
def test_one_in_eight_is_detectably_faulty_at_the_end(seed: int) -> None:
    faults = plan_faults(make_fleet(60, seed), START, END, seed)
    showing = [
        f for f in faults
        if f.trouble is Trouble.EQUIPMENT and f.detectable_from and f.detectable_from <= END and not f.repaired_at
    ]  # fmt: skip
    assert len(showing) == 8
    assert len({fault.asset for fault in faults}) == len(faults)
    assert sum(fault.trouble is Trouble.SENSOR for fault in faults) == 2
    assert any(fault.repaired_at for fault in faults)
    for fault in faults:
        assert START < fault.onset < END
        if fault.detectable_from:
            assert fault.detectable_from >= fault.onset
        if fault.repaired_at:
            assert fault.onset < fault.repaired_at < END


def test_without_faults_there_are_none_and_the_same_seed_gives_the_same_plan() -> None:
    estate = make_fleet(40, 5)
    assert plan_faults(estate, START, END, 5, 0.0) == ()
    assert plan_faults(estate, START, END, 5) == plan_faults(estate, START, END, 5)
    assert plan_faults(estate, START, END, 5) != plan_faults(estate, START, END, 6)


def test_every_mode_turns_up_over_seeds() -> None:
    drawn = {f.mode for seed in range(8) for f in plan_faults(make_fleet(80, seed), START, END, seed, 0.25)}
    assert set(COURSES) | set(SENSOR_FAULTS) <= drawn


@given(
    st.lists(
        st.builds(
            Fault,
            asset=st.text(alphabet="LCE-0123456789,\"'", min_size=1),
            mode=st.sampled_from(sorted(COURSES)),
            trouble=st.sampled_from(list(Trouble)),
            onset=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),
            detectable_from=st.none() | st.just(END),
            severity=st.floats(0, 10),
            repaired_at=st.none() | st.just(END),
        ),
        max_size=5,
    )
)
@settings(max_examples=30, deadline=None)
def test_the_truth_file_comes_back_as_it_went(tmp_path_factory: pytest.TempPathFactory, faults: list[Fault]) -> None:
    file = tmp_path_factory.mktemp("truth") / "faults.csv"
    write_truth(file, faults)
    assert read_truth(file) == tuple(faults)


def test_a_spoilt_truth_file_names_every_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "faults.csv"
    file.write_text(",".join(COLUMNS) + "\nL-1,x,equipment,soon,,,,1,\nL-2,x,nothing,2026-01-01,,,,1,\n")
    with pytest.raises(Problems, match=r"line 2.*line 3"):
        read_truth(file)
