"""Fonts for print: which are there, which glyphs they have, and what stands in for a glyph that none has.

A page with boxes instead of Chinese is worse than none, so coverage is read from the fonts' own tables before anything
is set. Where no font has Chinese at all, that is said; a single sign that none has (an emoji) is written out by name.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import typst

from facility.errors import CannotDo

# Sans faces first: they stay readable small and in grey. The last resort comes with the program.
PREFERRED = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans SC", "Microsoft YaHei", "PingFang SC",
    "Hiragino Sans GB", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "SimHei", "SimSun",
    "Noto Serif CJK SC", "Source Han Serif SC", "Noto Serif SC",
)  # fmt: skip
BESIDE = ("DejaVu Sans", "Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Symbols2")
_SAMPLE = frozenset(map(ord, "物业服务日检查清单电梯消防照明"))
_INVISIBLE = frozenset(map(ord, "\n\t \xad\u2060\ufeff")) | {
    *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xFE00, 0xFE10),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typefaces:
    """The fonts to set with, the first first, and what they cover together."""

    fonts: typst.Fonts
    families: tuple[str, ...]
    covered: frozenset[int]

    @property
    def chinese(self) -> bool:
        return self.covered >= _SAMPLE

    def fit(self, words: str) -> str:
        """The words with every sign that no font has written out: 😀 becomes [grinning face]."""
        if all(ord(sign) in self.covered or ord(sign) in _INVISIBLE for sign in words):
            return words
        return "".join(word if ord(word) in self.covered or ord(word) in _INVISIBLE else _spelt(word) for word in words)


def _spelt(sign: str) -> str:
    if unicodedata.category(sign).startswith("M") or unicodedata.category(sign) in ("Cf", "Co", "Cn"):
        return ""  # an accent, a joiner, a private sign: nothing to read out
    name = unicodedata.name(sign, "")
    return f"[U+{ord(sign):04X}]" if not name or "IDEOGRAPH" in name else f"[{name.lower()}]"


@lru_cache(maxsize=4)
def typefaces(font: Path | None = None, *, folders: tuple[Path, ...] | None = None, system: bool = True) -> Typefaces:
    """The fonts at hand: `font` if it is named, the system's best with Chinese, else the one that came with the set-up.

    Raises `CannotDo` where a named font cannot be read.
    """
    packaged = _packaged() if folders is None else folders
    named = () if font is None else (_readable(font).parent,)
    fonts = typst.Fonts(
        include_system_fonts=system,
        include_embedded_fonts=False,
        font_paths=[str(path) for path in (*named, *packaged)],
    )
    regular: dict[str, tuple[Path, int]] = {}
    for face in sorted(
        fonts.fonts(), key=lambda info: (abs(info.weight - 400), info.style != "normal", info.stretch != 1)
    ):
        if face.path is not None:
            regular.setdefault(face.family, (Path(face.path), face.index))
    chosen = [family for family, (path, _) in regular.items() if font is not None and path == font.resolve()][:1]
    chosen += [family for family in _chinese_first(regular) if family not in chosen][:1]
    chosen += [family for family in BESIDE if family in regular and family not in chosen]
    covered = [coverage(*regular[family]) for family in chosen]
    return Typefaces(fonts, tuple(chosen), frozenset().union(*covered))


def _chinese_first(regular: dict[str, tuple[Path, int]]) -> Iterable[str]:
    for family in (*PREFERRED, *regular):
        if family in regular and coverage(*regular[family]) >= _SAMPLE:
            yield family


def _packaged() -> tuple[Path, ...]:
    try:
        import pylopdf_fonts_zh_cn
    except ModuleNotFoundError:
        return ()
    return (Path(pylopdf_fonts_zh_cn.sans_path()).parent,)


def _readable(font: Path) -> Path:
    try:
        with font.open("rb"):
            return font.resolve()
    except OSError as error:
        raise CannotDo("font {font} cannot be read: {error}", "Check SERVICEDAY_FONT", font=font, error=error) from None


@lru_cache(maxsize=64)
def coverage(path: Path, index: int = 0) -> frozenset[int]:
    """The code points a font file has glyphs for; none if it is no OpenType font we can read."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(12 + 4 * (index + 1))
            offset = struct.unpack_from(">I", raw, 12 + 4 * index)[0] if raw[:4] == b"ttcf" else 0
            stream.seek(offset)
            head = stream.read(12)
            tables = stream.read(16 * struct.unpack_from(">H", head, 4)[0])
            for at in range(0, len(tables), 16):
                tag, _, start, length = struct.unpack_from(">4sIII", tables, at)
                if tag == b"cmap":
                    stream.seek(start)
                    return frozenset(_code_points(stream.read(length)))
    except (OSError, struct.error):
        pass
    return frozenset()


def _code_points(cmap: bytes) -> Iterable[int]:
    """Of the Unicode subtables in formats 12 and 4 (OpenType, table cmap)."""
    starts = [
        offset
        for at in range(struct.unpack_from(">H", cmap, 2)[0])
        for platform, encoding, offset in [struct.unpack_from(">HHI", cmap, 4 + 8 * at)]
        if platform == 0 or (platform == 3 and encoding in (1, 10))
    ]
    for start in set(starts):
        form = struct.unpack_from(">H", cmap, start)[0]
        if form == 12:
            for group in range(struct.unpack_from(">I", cmap, start + 12)[0]):
                first, last, glyph = struct.unpack_from(">III", cmap, start + 16 + 12 * group)
                yield from range(first + (glyph == 0), last + 1)
        elif form == 4:
            yield from _format_4(cmap, start)


def _format_4(cmap: bytes, start: int) -> Iterable[int]:
    count = struct.unpack_from(">H", cmap, start + 6)[0] // 2

    def row(number: int) -> Sequence[int]:
        return struct.unpack_from(f">{count}H", cmap, _row_start(number))

    def _row_start(number: int) -> int:
        return int(start + 14 + 2 * count * number + (2 if number else 0))

    for place, (first, last, delta, shift) in enumerate(zip(row(1), row(0), row(2), row(3), strict=True)):
        for code in range(first, last + 1):
            if shift == 0:
                glyph = (code + delta) & 0xFFFF
            else:
                at = _row_start(3) + 2 * place + shift + 2 * (code - first)
                glyph = struct.unpack_from(">H", cmap, at)[0] if at + 2 <= len(cmap) else 0
            if glyph and code != 0xFFFF:
                yield code
