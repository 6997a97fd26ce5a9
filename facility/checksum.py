"""Checksums of what is kept on disk, and finding the one bit that was flipped.

A checksum is one number of 63 bits: CRC-32 below, 31 bits of Adler-32 above. CRC-32 is linear and its polynomial is
primitive, so a single flipped bit changes it in a way that names the bit (a discrete logarithm, found with baby and
giant steps); Adler-32 then confirms that no other damage was taken for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

POLYNOMIAL = 0xEDB88320  # of CRC-32, reflected, as zlib has it
BABY_STEPS = 1 << 16
READ_AT_ONCE = 1 << 20  # bytes


def checksum(parts: Iterable[bytes | bytearray | memoryview]) -> int:
    """The checksum of bytes that follow each other; 0 <= checksum < 2**63."""
    crc, adler = 0, 1
    for part in parts:
        crc, adler = zlib.crc32(part, crc), zlib.adler32(part, adler)
    return (adler & 0x7FFF_FFFF) << 32 | crc


def agrees(parts: Iterable[bytes | bytearray | memoryview], expected: int) -> bool:
    """Whether bytes have a checksum, by its CRC-32 alone: half the work where much is read."""
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return crc == expected & 0xFFFF_FFFF


def checksum_of(file: Path) -> int:
    """The checksum of a file. Raises `OSError` where it cannot be read."""
    with file.open("rb") as stream:
        return checksum(iter(lambda: stream.read(READ_AT_ONCE), b""))


def mended(content: bytes, expected: int) -> bytes | None:
    """The content with one bit turned back so that it has the checksum it should have; None if that was not all.

    Content that has its checksum already is given back as it is, and so is content beside which the checksum itself
    lost a bit.
    """
    actual = checksum([content])
    if (actual ^ expected).bit_count() <= 1:
        return content
    bit = _flipped_bit((actual ^ expected) & 0xFFFF_FFFF, 8 * len(content))
    if bit is None:
        return None
    candidate = bytearray(content)
    candidate[bit // 8] ^= 1 << bit % 8
    return bytes(candidate) if checksum([candidate]) == expected else None


def _flipped_bit(difference: int, bits: int) -> int | None:
    """Which bit of a message of so many bits makes that difference to its CRC-32, if a single one does."""
    if not difference:
        return None
    steps = _baby_steps()
    back = _back_tables()
    for giant in range(bits // BABY_STEPS + 1):
        baby = steps.get(difference)
        if baby is not None:
            bit = bits - (baby + giant * BABY_STEPS)
            return bit if 0 <= bit < bits else None
        difference = (
            back[0][difference & 0xFF]
            ^ back[1][difference >> 8 & 0xFF]
            ^ back[2][difference >> 16 & 0xFF]
            ^ back[3][difference >> 24]
        )
    return None


@lru_cache(1)
def _baby_steps() -> dict[int, int]:
    register, steps = 1, {}
    for step in range(BABY_STEPS):
        steps[register] = step
        register = register >> 1 ^ (POLYNOMIAL if register & 1 else 0)
    return steps


@lru_cache(1)
def _back_tables() -> list[list[int]]:
    """`BABY_STEPS` steps back, for every byte of the register: the map is linear."""
    images = []
    for bit in range(32):
        register = 1 << bit
        for _ in range(BABY_STEPS):
            register = ((register ^ POLYNOMIAL) << 1 | 1) if register & 0x8000_0000 else register << 1
        images.append(register)
    tables = []
    for byte in range(4):
        table = [0] * 256
        for value in range(256):
            for bit in range(8):
                if value >> bit & 1:
                    table[value] ^= images[8 * byte + bit]
        tables.append(table)
    return tables
