"""The stores that the contract is tried on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facility.store import Store
from facility.store.lake import Lake

sys.path.insert(0, str(Path(__file__).parent))  # store_tools

Opened = tuple[Store, Callable[[], Store]]


def lake(folder: Path) -> Opened:
    return Lake(folder, create=True), lambda: Lake(folder)


@pytest.fixture(params=["lake"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    return lake(tmp_path / "readings")


@pytest.fixture
def store(opened: Opened) -> Store:
    return opened[0]


@pytest.fixture
def reopened(opened: Opened) -> Callable[[], Store]:
    """Opens the same store once more, as another process would."""
    return opened[1]
