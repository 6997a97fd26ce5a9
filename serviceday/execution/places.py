"""Which asset a row means that names no id: by where it stands and what it is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.messages import Sentence
from facility.identity import folded

FIELDS = ("site", "building", "floor", "kind", "name")


class Placed:
    """Assets by what a register may say of them; width, case and blanks make no difference."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self._assets = list(assets)
        self._by_building: dict[str, list[Asset]] = {}
        for asset in self._assets:
            self._by_building.setdefault(_plain(asset.building), []).append(asset)

    def find(self, where: Mapping[str, str]) -> Asset | Sentence:
        """The one asset that fits all that is said of it, or why there is none."""
        stated = {name: _plain(words) for name, words in where.items() if words.strip()}
        within = self._by_building.get(stated["building"], []) if "building" in stated else self._assets
        fits = [asset for asset in within if all(words in _said(asset, name) for name, words in stated.items())]
        shown = " ".join(words for words in where.values() if words)
        if not fits:
            return Sentence("no asset stands at {place!r}", place=shown)
        if len(fits) > 1:
            return Sentence(
                "{count} assets stand at {place!r}, {first} and {second} among them; say which with its number",
                count=len(fits),
                place=shown,
                first=fits[0].id,
                second=fits[1].id,
            )
        return fits[0]


def _said(asset: Asset, name: str) -> tuple[str, ...]:
    if name == "kind":
        kind = catalogue().get(asset.kind)
        names = () if kind is None else (kind.name.zh, kind.name.en, *kind.also)
        return tuple(map(_plain, (asset.kind, *names)))
    return (_plain(getattr(asset, name)),)


def _plain(words: str) -> str:
    return "".join(folded(words).split())
