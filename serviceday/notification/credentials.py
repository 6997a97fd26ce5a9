"""Secrets of channels, from the environment or from files. They are shown nowhere, in no error either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from facility.connections import one_line, read_secret
from facility.errors import CannotDo
from serviceday.notification.schema import Secret


def revealed(secret: Secret, folder: Path, environment: Mapping[str, str] = os.environ) -> str:
    """The secret. A file is meant from the folder of the rules. Raises `CannotDo` or `CannotParse` without it."""
    if secret.file:
        return read_secret(folder / secret.file)
    value = environment.get(secret.env, "")
    if not value.strip():
        raise CannotDo("the environment has no {name}", "Set it before you start the program", name=secret.env)
    return one_line(value, secret.env)
