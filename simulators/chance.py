"""Chance without state: a random number is a function of who draws it and when.

Every draw hashes a key (seed, owner, purpose) with an index (a tick, a day), so a value never depends on what was drawn
before it, on chunk sizes or on the process. The healthy twin of a faulty asset therefore breathes the same noise. The
mixing function is SplitMix64's (Steele, Lea, Flood 2014).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_SMALL_MEAN = 6.0


@dataclass(frozen=True, slots=True)
class Stream:
    """A sequence of random numbers that can be read at any index, in any order."""

    key: int

    def _bits(self, index: IntArray) -> NDArray[np.uint64]:
        bits = index.astype(np.uint64)
        bits += np.uint64(1)
        bits *= _GOLDEN
        bits += np.uint64(self.key)
        bits ^= bits >> np.uint64(30)
        bits *= _MIX_1
        bits ^= bits >> np.uint64(27)
        bits *= _MIX_2
        bits ^= bits >> np.uint64(31)
        return bits

    def uniform(self, index: IntArray) -> FloatArray:
        """In [0, 1)."""
        return (self._bits(index) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(self, index: IntArray) -> FloatArray:
        """Standard normal, by Box and Muller from the two halves of one draw."""
        bits = self._bits(index)
        radius = np.sqrt(-2.0 * np.log(((bits >> np.uint64(32)).astype(np.float64) + 1.0) * 2.0**-32))
        return radius * np.cos((bits & _LOW_HALF).astype(np.float64) * (2.0 * np.pi * 2.0**-32))

    def wander(self, seconds: IntArray, period_s: float) -> FloatArray:
        """A slow, continuous meander of about unit size: normal knots `period_s` apart, joined by straight lines."""
        position = seconds / period_s
        first = int(np.floor(position[0]))
        knots = np.arange(first, int(np.floor(position[-1])) + 2, dtype=np.int64)
        return np.interp(position, knots.astype(np.float64), self.normal(knots))

    def poisson(self, index: IntArray, mean: FloatArray | float) -> FloatArray:
        """Whole numbers with the given mean: exact below six, a rounded square-root normal above."""
        means = np.broadcast_to(np.asarray(mean, dtype=np.float64), index.shape)
        small = means < _SMALL_MEAN
        counts = np.empty(index.shape)
        if not small.all():
            large = ~small
            root = np.sqrt(means[large]) + self.normal(index[large]) / 2.0
            counts[large] = np.maximum(np.rint(root * root), 0.0)
        if small.any():
            threshold = self.uniform(index[small])
            chance = np.exp(-means[small])
            reached = chance.copy()
            found = np.zeros(threshold.shape)
            for step in range(1, 24):
                above = threshold >= reached
                if not above.any():
                    break
                found += above
                chance = chance * means[small] / step
                reached += chance
            counts[small] = found
        return counts


@dataclass(frozen=True, slots=True)
class Lot:
    """What fate dealt to one owner (an asset, a building, a site): named numbers and named streams."""

    seed: int
    owner: str

    def stream(self, name: str) -> Stream:
        digest = hashlib.blake2b(f"{self.seed}/{self.owner}/{name}".encode(), digest_size=8).digest()
        return Stream(int.from_bytes(digest, "little"))

    def share(self, name: str) -> float:
        """A fixed number in [0, 1)."""
        return float(self.stream(name).uniform(np.zeros(1, dtype=np.int64))[0])

    def between(self, name: str, low: float, high: float) -> float:
        return low + (high - low) * self.share(name)

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.share(name) * (high - low + 1))
