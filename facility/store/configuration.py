"""Which store an installation has: said once in `store.toml` of its data folder, or in the environment.

    kind = "influx"                       # or "lake"
    url = "http://influx.example:8086"    # influx
    org = "estate"
    bucket = "serviceday"
    token_file = "/run/secrets/influx"    # the token itself never stands here
    place = "s3://bucket/readings"        # lake: elsewhere than in the data folder

`SERVICEDAY_STORE`, `SERVICEDAY_STORE_PLACE` and `SERVICEDAY_INFLUX_URL`, `_ORG`, `_BUCKET`, `_TOKEN`, `_TOKEN_FILE`
come before what the file says. Without either, readings are kept in a lake in the data folder.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from facility.connections import one_line, read_secret
from facility.errors import CannotDo, CannotParse
from facility.store.influx.target import Target
from facility.store.lake.location import Place

FILE = "store.toml"
KINDS = ("lake", "influx")
_VARIABLES = {
    "kind": "SERVICEDAY_STORE",
    "place": "SERVICEDAY_STORE_PLACE",
    "url": "SERVICEDAY_INFLUX_URL",
    "org": "SERVICEDAY_INFLUX_ORG",
    "bucket": "SERVICEDAY_INFLUX_BUCKET",
    "token_file": "SERVICEDAY_INFLUX_TOKEN_FILE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What `store.toml` may say. Raises `CannotParse` for what cannot be meant; opens no connection."""

    kind: str = "lake"
    place: str = ""
    url: str = ""
    org: str = ""
    bucket: str = "serviceday"
    token_file: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise CannotParse(
                "{kind!r} is not a kind of store", "There are: {known}", kind=self.kind, known=list(KINDS)
            )
        if self.kind == "influx":
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise CannotParse("{url!r} is not the address of an InfluxDB", "Write http://host:8086", url=self.url)
            if parts.username or parts.password:
                raise CannotParse("the address of the InfluxDB holds a password", "Use SERVICEDAY_INFLUX_TOKEN instead")
            if not self.org:
                raise CannotParse(
                    "InfluxDB wants to know an organisation", "Name it with --org or SERVICEDAY_INFLUX_ORG"
                )

    def write(self, data: Path) -> Path:
        """Keep this choice for a data folder."""
        values = {name: value for name, value in asdict(self).items() if value}
        if self.kind == "lake":
            values = {name: value for name, value in values.items() if name in ("kind", "place")}
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items()]
        Place.of(data).write(FILE, "".join(lines).encode())
        return data / FILE

    def target(self, environment: Mapping[str, str]) -> Target:
        """Where to write in InfluxDB, with the token. Raises `CannotDo` if there is none."""
        token = one_line(environment.get("SERVICEDAY_INFLUX_TOKEN", ""), "SERVICEDAY_INFLUX_TOKEN")
        if not token and self.token_file:
            token = read_secret(Path(self.token_file))
        if not token:
            raise CannotDo(
                "no token for the InfluxDB at {url}",
                "Set SERVICEDAY_INFLUX_TOKEN, or name a file with SERVICEDAY_INFLUX_TOKEN_FILE",
                url=self.url,
            )
        return Target(url=self.url.rstrip("/"), org=self.org, bucket=self.bucket, token=token)


def chosen(data: Path, environment: Mapping[str, str] = os.environ) -> Choice:
    """The choice that holds for a data folder."""
    file = data / FILE
    values: dict[str, str] = {}
    if file.exists():
        try:
            values = {str(name): str(value) for name, value in tomllib.loads(file.read_text()).items()}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CannotParse(
                "{path} cannot be read: {error}", "Mend it, or delete it for the embedded lake", path=file, error=error
            ) from None
        if strange := values.keys() - _VARIABLES.keys():
            raise CannotParse(
                "{file} says {strange}",
                "Known: {known}",
                file=file,
                strange=sorted(strange),
                known=list(_VARIABLES),
            )
    values |= {name: environment[variable] for name, variable in _VARIABLES.items() if environment.get(variable)}
    return Choice(**values)
