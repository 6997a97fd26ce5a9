"""Where readings go in an InfluxDB. Light: reading a configuration needs no client library."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """Which server, and in whose name. The token is never shown."""

    url: str
    org: str
    bucket: str
    token: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.url} (organisation {self.org}, bucket {self.bucket})"
