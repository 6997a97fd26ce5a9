"""What the registry knows of assets, as features: measures, words that many share, and columns that make groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from facility.estate import Asset
from models.statistics import FloatArray, IntArray

COMMON = 0.03  # share of assets that a word of the registry needs to become a feature
WORDS = 6  # features a registry column gives at most
NUMERIC = 0.5  # share of assets with a number that makes a column a measure
KINDRED = 0.5  # share of assets that must share their entry with another for a column to make groups
GROUPINGS = 12  # columns that make groups, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """How one column of the registry becomes a feature: a number around its middle, or a word that is there or not."""

    column: str
    word: str = ""  # "" = a measure
    low: float = 0.0
    middle: float = 0.0
    high: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.column}={self.word}" if self.word else self.column

    def values(self, assets: Sequence[Asset]) -> FloatArray:
        if self.word:
            return np.array([_word(a, self.column) == self.word for a in assets], dtype=np.float64)
        numbers = np.array([_number(a, self.column) for a in assets])
        return np.clip(np.where(np.isnan(numbers), self.middle, numbers), self.low, self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The registry's columns that are worth a feature, as they were when the model was trained.

    `kin`: columns whose entries make groups (maker, town, year ...); what befalls others of the group is a feature.
    """

    chosen: tuple[Trait, ...] = ()
    kin: tuple[str, ...] = ()

    @classmethod
    def of(cls, assets: Sequence[Asset]) -> Self:
        """Measures that half of the assets have, words that at least 3 % of them share, columns that group half."""
        columns = sorted({name for a in assets for name in a.attributes})
        traits: list[Trait] = []
        kin: list[str] = []
        for column in ("latitude", "longitude", *columns):
            numbers = np.array([_number(a, column) for a in assets])
            words, counts = np.unique([_word(a, column) for a in assets], return_counts=True)
            shared = counts[(counts > 1) & (words != "")].sum()
            if column in columns and len(words) > 1 and KINDRED * len(assets) <= shared:
                kin.append(column)
            measured = numbers[~np.isnan(numbers)]
            if len(measured) >= NUMERIC * len(assets) and len(np.unique(measured)) > 4:
                low, middle, high = np.quantile(measured, [0.01, 0.5, 0.99])
                traits.append(Trait(column=column, low=float(low), middle=float(middle), high=float(high)))
                continue
            common = sorted(zip(-counts, words, strict=True))[:WORDS]
            often = [str(w) for c, w in common if w and COMMON * len(assets) <= -c < (1 - COMMON) * len(assets)]
            traits += [Trait(column=column, word=word) for word in often]
        return cls(chosen=tuple(traits), kin=tuple(kin[:GROUPINGS]))

    def table(self, assets: Sequence[Asset]) -> FloatArray:
        columns = [trait.values(assets) for trait in self.chosen]
        return np.column_stack(columns) if columns else np.zeros((len(assets), 0))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(trait.name for trait in self.chosen)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_dict(cls, about: dict[str, Any]) -> Self:
        return cls(chosen=tuple(Trait(**row) for row in about["chosen"]), kin=tuple(about["kin"]))


def groups(assets: Sequence[Asset], column: str) -> IntArray:
    """A number for each entry of the column; assets without one are alone."""
    numbers: dict[object, int] = {}
    entries: list[object] = [_word(a, column) or (i,) for i, a in enumerate(assets)]
    return np.array([numbers.setdefault(entry, len(numbers)) for entry in entries], dtype=np.int64)


def _word(asset: Asset, column: str) -> str:
    return asset.attributes.get(column, "").strip()


def _number(asset: Asset, column: str) -> float:
    if column in ("latitude", "longitude"):
        place = asset.latitude if column == "latitude" else asset.longitude
        return np.nan if place is None else place
    try:
        number = float(asset.attributes.get(column, ""))
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan
