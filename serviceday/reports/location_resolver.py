"""Where a report points: site, building and asset, found in the registry from the words, and said why.

What fits one place only is taken. What fits several is left undecided, with the choices, for a person: a crew sent to
the wrong building costs more than a question.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset, Building, Site
from facility.i18n.phrases import LANGUAGES, Text
from facility.reports import Place
from serviceday.reports.address_parser import Said, building_keys, floor_key, in_digits, read_place
from serviceday.reports.classification import PHRASES
from serviceday.reports.taxonomy import Taxonomy, folded, taxonomy

_CLOSE = 0.75  # likeness from which a misspelt building name is taken for the real one
_MOST_CHOICES = 6


class Gazetteer:
    """The places of an estate, by all that people call them. Made once, asked for every report."""

    def __init__(self, sites: Sequence[Site], buildings: Sequence[Building], assets: Sequence[Asset]) -> None:
        by_place = {(building.site, building.id): building for building in buildings}
        for asset in assets:
            if asset.building:
                by_place.setdefault((asset.site, asset.building), Building(id=asset.building, site=asset.site))
        self._buildings = [_Named.of(building) for building in by_place.values()]
        self._sites = {site.id: site for site in sites}
        self._site_keys = [(site.id, folded(site.name), folded(site.id)) for site in sites]
        self._equipment = defaultdict[tuple[str, str, str], list[Asset]](list)
        for asset in assets:
            self._equipment[asset.site, asset.building, asset.kind].append(asset)
        # "L-0012" is an asset wherever it stands; a bare "3" is not
        self._by_id = {
            folded(asset.id): asset for asset in assets if re.search(r"[a-z].*\d|\d.*[a-z]", folded(asset.id))
        }

    def find(self, place: str, text: str, *, subject: str = "", known: Taxonomy | None = None) -> Place:
        """The place that the words name: first those said as the place, then those of the report itself."""
        vocabulary = known or taxonomy()
        words = f"{place} {text}"
        if named := self._named_asset(words):
            return _at(named, PHRASES["place_asset_named"].filled(asset=named.id))
        address = _either(read_place(place), read_place(text))
        resolved = self._building(address, folded(place), folded(text))
        if resolved.building:
            return self._asset(resolved, address, words, subject, vocabulary)
        return resolved

    def _named_asset(self, words: str) -> Asset | None:
        tokens = {token.strip(".-_") for token in re.findall(r"[a-z\d][\w.:-]*", folded(words), re.ASCII)}
        named = [self._by_id[token] for token in tokens if token in self._by_id]
        return named[0] if len(named) == 1 else None

    def _building(self, address: Said, place: str, text: str) -> Place:
        sites = self._sites_named(place) or self._sites_named(text)
        within = [named for named in self._buildings if not sites or named.building.site in sites]
        parts = Place(unit=address.unit, floor=address.floor, room=address.room)
        number = address.building or address.basement_or_building
        if number:
            label = PHRASES["building_called"].filled(number=number.upper())
            fits = [named.building for named in within if number in named.numbers]
            if not fits and address.basement_or_building:
                parts = replace(parts, floor=f"-{number}")
            if not fits:
                return replace(parts, why=PHRASES["place_no_building"].filled(said=label))
            phrase = "place_either" if address.basement_or_building else "place_building"
            return self._one_of(
                fits,
                parts,
                lambda building: PHRASES[phrase].filled(
                    said=label, building=self._called(building), number=number.upper()
                ),
            )
        for words in filter(None, (place, text)):
            fits = [named.building for named in within if named.stands_in(words)]
            if fits:
                longest = max(len(building.name or building.id) for building in fits)
                fits = [building for building in fits if len(building.name or building.id) == longest]
                return self._one_of(
                    fits,
                    parts,
                    lambda building: PHRASES["place_building"].filled(
                        said=building.name or building.id, building=self._called(building)
                    ),
                )
        if place:
            fits = _likest(place, within)
            if fits:
                return self._one_of(
                    fits,
                    parts,
                    lambda building: PHRASES["place_building_similar"].filled(
                        said=place, building=self._called(building)
                    ),
                )
        if len(within) == 1 and sites:
            return self._one_of(
                [within[0].building], parts, lambda building: PHRASES["place_site"].filled(site=self._site(building))
            )
        if place.strip():
            return replace(parts, why=PHRASES["place_no_building"].filled(said=place.strip()))
        return replace(parts, why=PHRASES["place_nothing"])

    def _sites_named(self, words: str) -> set[str]:
        return {
            site
            for site, name, key in self._site_keys
            if (name and name in words) or (len(site) > 2 and site != "default" and _stands_in(key, words))
        }

    def _one_of(self, fits: Sequence[Building], parts: Place, why: Callable[[Building], Text]) -> Place:
        if len(fits) == 1:
            (only,) = fits
            return replace(parts, site=only.site, building=only.id, why=why(only))
        choices = tuple(f"{building.site}/{building.id}" for building in fits[:_MOST_CHOICES])
        listed = _listed(self._called(building) for building in fits[:_MOST_CHOICES])
        return replace(parts, why=PHRASES["place_many_buildings"].filled(choices=listed), choices=choices)

    def _asset(self, place: Place, address: Said, words: str, subject: str, vocabulary: Taxonomy) -> Place:
        """The asset in the building that the subject means, if the words leave no doubt which."""
        if subject not in vocabulary.subjects:
            return place
        about = vocabulary.subjects[subject]
        kinds = [kind for kind, words_ in about.equipment_words.items() if words_.score(folded(words))[0]]
        for kind in kinds or about.equipment[:1]:
            here = self._equipment.get((place.site, place.building, kind), [])
            if place.floor and kind != "lift":  # a lift serves every floor
                here = [asset for asset in here if floor_key(asset.floor) in ("", place.floor)]
            if address.unit:  # 2单元电梯 is the lift that is called 2单元客梯, where there is one
                here = [asset for asset in here if read_place(asset.name).unit == address.unit] or here
            name = catalogue()[kind].name
            numbered = [asset for asset in here if address.machine and _number_of(asset) == address.machine]
            if len(numbered) == 1:
                why = PHRASES["place_asset_number"].filled(number=address.machine, equipment=name)
            elif address.machine and here:
                continue
            elif len(here) == 1:
                numbered, why = here, PHRASES["place_only_asset"].filled(equipment=name)
            elif here:
                return replace(place, why=_both(place.why, PHRASES["place_many_assets"].filled(equipment=name)))
            else:
                continue
            return replace(place, asset=numbered[0].id, why=_both(place.why, why))
        return place

    def _site(self, building: Building) -> str:
        site = self._sites.get(building.site)
        return (site.name if site else "") or building.site

    def _called(self, building: Building) -> str:
        name = building.name or building.id
        return f"{self._site(building)} {name}" if len(self._sites) > 1 else name


def decided(place: Place, *, by: str) -> Place:
    """What a person said it is."""
    return replace(place, why=PHRASES["place_decided"].filled(by=by or "?"), choices=())


def _at(asset: Asset, why: Text) -> Place:
    return Place(site=asset.site, building=asset.building, floor=asset.floor, asset=asset.id, why=why)


def _either(first: Said, second: Said) -> Said:
    """What the place says; what it leaves open, the text may say."""
    if second.basement_or_building and (first.building or first.basement_or_building):
        second = replace(second, floor=second.floor or f"-{second.basement_or_building}", basement_or_building="")
    if first.building:
        second = replace(second, building="", basement_or_building="")
    return Said(**{name: getattr(first, name) or getattr(second, name) for name in Said.__dataclass_fields__})


def _stands_in(key: str, words: str) -> bool:
    """Whether a folded id stands in folded words as a word of its own."""
    return key in words and re.search(rf"(?<![a-z\d]){re.escape(key)}(?![a-z\d-])", words) is not None


@dataclass(frozen=True, slots=True)
class _Named:
    """A building with all that it is compared by, made once: an estate has thousands, a file of reports as many."""

    building: Building
    numbers: frozenset[str]  # what it may be called by number or letter
    name: str  # folded; "" if it is too short or a bare number, which stands in any words
    key: str  # folded id; "" if it is too short
    spelling: str  # of the name, numerals in digits

    @classmethod
    def of(cls, building: Building) -> _Named:
        name, key = folded(building.name), folded(building.id)
        return cls(
            building=building,
            numbers=frozenset(building_keys(building.id, building.name)),
            name=name if len(name) > 1 and not name.isdigit() else "",
            key=key if len(building.id) > 2 else "",
            spelling=in_digits(building.name) if building.name else "",
        )

    def stands_in(self, words: str) -> bool:
        return bool(self.name and self.name in words) or bool(self.key and _stands_in(self.key, words))


def _likest(place: str, within: Sequence[_Named]) -> list[Building]:
    """The buildings whose names are spelt most like the place, if any is like enough."""
    best, likest = _CLOSE, list[Building]()
    matcher = SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(in_digits(place))
    for named in within:
        if not named.spelling:
            continue
        matcher.set_seq1(named.spelling)
        if matcher.real_quick_ratio() < best or matcher.quick_ratio() < best:
            continue
        likeness = matcher.ratio()
        if likeness > best:
            best, likest = likeness, []
        if likeness == best:
            likest.append(named.building)
    return likest


def _number_of(asset: Asset) -> str:
    """The number in an asset's name (2号客梯, Lift 2), or at the end of its id."""
    for words in (asset.name, asset.id):
        address = read_place(words)
        if address.machine:
            return address.machine
        if match := re.search(r"(?<!\d)0*(\d{1,3})(?:号|#|$)", in_digits(words)):
            return match[1]
    return ""


def _both(text: Text, other: Text) -> Text:
    return Text(zh=f"{text.zh};{other.zh}", en=f"{text.en}; {other.en}")


def _listed(names: Iterable[str]) -> Text:
    words = list(names)
    return Text(**{language: ("、" if language == "zh" else ", ").join(words) for language in LANGUAGES})
