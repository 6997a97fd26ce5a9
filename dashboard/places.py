"""Where something stands, in the language of the page: registries name places in one language, mostly Chinese.

On English pages a site with a Chinese name goes by its id, as in topics and registries, and numbered things by their
English nouns; whatever else stands in a name stays as it was registered.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dashboard import sources
from dashboard.visit import Visit
from facility.catalogue.catalogue import catalogue
from serviceday.documents.branding import Names, Placed

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_NUMBERED = re.compile(r"([0-9A-Za-z]+)\s*[号#]?\s*([\u3400-\u9fff]+)")


@dataclass(frozen=True, slots=True)
class LatinNames(Names):
    """The same names as somebody reads them who knows no Chinese."""

    def site(self, key: str) -> str:
        """A site by its name, or by its id where the name is Chinese."""
        name = Names.site(self, key)
        return key[:1].upper() + key[1:] if _CHINESE.search(name) and not _CHINESE.search(key) else name

    def building(self, site: str, key: str) -> str:
        """A building by its name, its noun in English."""
        return latin(Names.building(self, site, key))

    def place(self, item: Placed) -> str:
        """Site, building, floor and point."""
        return latin(Names.place(self, item))

    def recorded(self, site: str, place: str) -> str:
        """A place as it was put on record, its nouns in English."""
        return latin(Names.recorded(self, site, place))


def names(visit: Visit) -> Names:
    """What sites, buildings and places are called on this visitor's pages."""
    registered = sources.names(visit.folder)
    if visit.language == "zh":
        return registered
    return LatinNames(registered.sites, registered.buildings, registered.several, registered.unnamed)


def latin(words: str) -> str:
    """`12F-1号消火栓分区` as `12F-Hydrant zone 1`; nouns that are not in the table stay."""
    return _NUMBERED.sub(_numbered, words)


def _numbered(match: re.Match[str]) -> str:
    noun = _nouns().get(match[2])
    return f"{noun} {match[1]}" if noun else match[0]


@cache
def _nouns() -> dict[str, str]:
    table: dict[str, str] = tomllib.loads(Path(__file__).with_name("places.toml").read_text(encoding="utf-8"))
    return {kind.name["zh"]: kind.name["en"] for kind in catalogue().values()} | table
