"""What stands where: sites, buildings and the assets in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An estate under one management; its id is a level of every topic, so it holds no `/`, `+` or `#`."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """A building of a site; coordinates in degrees (WGS 84), None where nobody knows them."""

    id: str
    site: str
    name: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One thing that is inspected. `id` is unique over all sites and stands in the topic after the site."""

    id: str
    kind: str  # an equipment class of the catalogue
    site: str = "default"
    building: str = ""
    floor: str = ""
    name: str = ""
    commissioned: date | None = None
    latitude: float | None = None
    longitude: float | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)  # whatever else the registry said, by column

    @property
    def place(self) -> str:
        """楼栋-楼层-点位: building, floor, point."""
        return "-".join(part for part in (self.building, self.floor, self.name or self.id) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """A whole registry file, or all that the records hold."""

    sites: tuple[Site, ...] = ()
    buildings: tuple[Building, ...] = ()
    assets: tuple[Asset, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)  # of the file, by asset
