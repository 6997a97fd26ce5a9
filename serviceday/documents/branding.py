"""What is the same on all papers of an operator, and what places are called there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from facility.estate import Building, Site
from facility.i18n.phrases import Language, Phrases
from facility.inspections import InspectionList

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """An operator's choices. `commands` reads them from the environment; all may be left as they are."""

    company: str = ""  # stands over announcements and lists
    contact: str = ""  # whom residents call
    asset_url: str = ""  # where a QR code leads, with {site} and {asset}; "" = serviceday:asset/{site}/{asset}
    font: Path | None = None  # a font file to print with; None = the best that is there
    template: Path | None = None  # a DOCX template for announcements; None = ours

    @staticmethod
    def of(environment: Mapping[str, str]) -> Paper:
        font, template = environment.get("SERVICEDAY_FONT", ""), environment.get("SERVICEDAY_NOTICE_TEMPLATE", "")
        return Paper(
            company=environment.get("SERVICEDAY_COMPANY", ""),
            contact=environment.get("SERVICEDAY_CONTACT", ""),
            asset_url=environment.get("SERVICEDAY_ASSET_URL", ""),
            font=Path(font) if font else None,
            template=Path(template) if template else None,
        )


class Placed(Protocol):
    """An asset, or an item of a list."""

    @property
    def site(self) -> str: ...
    @property
    def building(self) -> str: ...
    @property
    def place(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Names:
    """What sites and buildings are called; where nothing is known, their ids."""

    sites: Mapping[str, str] = field(default_factory=dict)
    buildings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    several: bool = False  # more than one site is in play: then each place says whose it is
    unnamed: frozenset[tuple[str, str]] = frozenset()  # buildings that have an id only

    @staticmethod
    def of(sites: Iterable[Site], buildings: Iterable[Building]) -> Names:
        sites, buildings = list(sites), list(buildings)
        return Names(
            {site.id: site.name for site in sites if site.name},
            {(building.site, building.id): building.name for building in buildings if building.name},
            len(sites) > 1,
            frozenset((building.site, building.id) for building in buildings if not building.name),
        )

    def over(self, plan: InspectionList) -> Names:
        """The same, where each place says its site if the plan goes to more than one."""
        return replace(self, several=self.several or len(plan.sites) > 1)

    def site(self, key: str) -> str:
        """What a site is called; "" for the only site of an estate that names none."""
        return self.sites.get(key, "" if key == "default" and not self.several else key)

    def building(self, site: str, key: str) -> str:
        return self.buildings.get((site, key), key)

    def whereabouts(self, site: str, building: str) -> str:
        """Site and building in words."""
        return " ".join(filter(None, (self.site(site), self.building(site, building))))

    def place(self, item: Placed) -> str:
        """楼栋-楼层-点位 with the building's name if it has one, and the site before it where there are several."""
        if (item.site, item.building) in self.buildings:
            behind = item.place.removeprefix(item.building).removeprefix("-")
            return "-".join(filter(None, (self.whereabouts(item.site, item.building), behind)))
        return " ".join(filter(None, (self.site(item.site) if self.several else "", item.place)))

    def recorded(self, site: str, place: str) -> str:
        """A place as it was put on record, which begins with the building's id, by the names of site and building."""
        candidates = [*self.buildings, *self.unnamed]
        stands_in = [key for where, key in candidates if where == site and f"{place}-".startswith(f"{key}-")]
        building = max(stands_in, key=len, default="")
        if (site, building) not in self.buildings:
            return " ".join(filter(None, (self.site(site), place)))
        behind = place.removeprefix(building).removeprefix("-")
        return "-".join(filter(None, (self.whereabouts(site, building), behind)))


NO_PAPER, NO_NAMES = Paper(), Names()


def who(plan: InspectionList, number: int, language: Language) -> str:
    """The name of a person of the plan; people without one are numbered."""
    person = plan.person(number)
    name = person.name if person else ""
    name = name or next((round.name for round in plan.rounds if round.person == number), "")
    return name or PHRASES.say("inspector", language, number=number)
