"""Opens stores: that of a data folder, or one named outright; the one place that asks which kind it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from facility.errors import CannotDo
from facility.store.configuration import Choice, chosen
from facility.store.contract import Sites, Store


def open_store(folder: Path, *, create: bool = False, sites: Sites | None = None) -> Store:
    """The store of a data folder; `folder` is where its readings (or what an outside store needs beside it) are kept.

    Which kind it is stands in `store.toml` of the data folder or in the environment (`facility.store.configuration`).
    Raises `CannotDo` where there is none and `create` is not set, `CannotCommunicate` where it does not answer.
    """
    choice = chosen(folder.parent)
    if choice.kind == "influx":
        from facility.store.influx.store import Influx

        return Influx(choice.target(os.environ), folder, create=create, sites=sites)
    from facility.store.lake.lake import Lake

    return Lake(choice.place or folder, create=create)


def open_at(
    name: str,
    *,
    aside: Path,
    influx: Choice | None = None,
    environment: Mapping[str, str] = os.environ,
    create: bool = True,
) -> Store:
    """Open the store of that name, made if it is not there and `create` is not taken back.

    For `influx`, `influx` says which (or else the environment), and `aside` is the folder for what is kept beside it.
    """
    if name == "influx":
        from facility.store.influx.store import Influx

        choice = influx or chosen(aside, {**environment, "SERVICEDAY_STORE": "influx"})
        if not choice.token_file:
            choice = replace(choice, token_file=environment.get("SERVICEDAY_INFLUX_TOKEN_FILE", ""))
        return Influx(choice.target(environment), aside, create=create)
    if not name:
        raise CannotDo("a copy needs somewhere to go", "Say --to with a folder, s3://bucket/prefix or influx")
    from facility.store.lake.lake import Lake

    return Lake(name if "://" in name else Path(name), create=create)
