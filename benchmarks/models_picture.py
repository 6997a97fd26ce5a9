"""Cost of a look against the size of the fleet, drawn as SVG: processor time an asset, and memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 420, 300, 56, 44


def draw(rows: Sequence[dict[str, float]], file: Path) -> None:
    """Two panels: milliseconds of processor time an asset for a whole look, and peak memory of the process in MB."""
    panels = [("cpu_ms_an_asset", "Whole look, processor ms an asset"), ("peak_memory_mb", "Peak memory, MB")]
    drawn = [_panel(rows, key, title, left=number * _WIDTH) for number, (key, title) in enumerate(panels)]
    size = f'width="{2 * _WIDTH}" height="{_HEIGHT}" viewBox="0 0 {2 * _WIDTH} {_HEIGHT}"'
    style = "<style>text{font:12px sans-serif;fill:#333}</style>"
    background = f'<rect width="{2 * _WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{background}{"".join(drawn)}</svg>\n')


def _panel(rows: Sequence[dict[str, float]], key: str, title: str, *, left: int) -> str:
    points = [(row["assets"], row[key]) for row in rows]
    low, high = math.log10(points[0][0]) - 0.1, math.log10(points[-1][0]) + 0.1
    top = max(value for _, value in points)
    step = 10 ** math.floor(math.log10(top)) / 2
    ticks = [step * n for n in range(math.ceil(top / step) + 1)]

    def x(assets: float) -> float:
        return left + _LEFT + (math.log10(assets) - low) / (high - low) * (_WIDTH - _LEFT - 20)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - value / ticks[-1] * (_HEIGHT - _BOTTOM - 40)

    parts = [f'<text x="{left + _LEFT}" y="22" font-weight="bold">{title}</text>']
    for tick in ticks:
        line = f'x1="{left + _LEFT}" x2="{left + _WIDTH - 20}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"'
        label = f'<text x="{left + _LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        parts.append(f"<line {line}/>{label}")
    path = " ".join(f"{x(assets):.1f},{y(value):.1f}" for assets, value in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="#1f5fa8" stroke-width="2"/>')
    for assets, value in points:
        parts.append(f'<circle cx="{x(assets):.1f}" cy="{y(value):.1f}" r="3.5" fill="#1f5fa8"/>')
        parts.append(f'<text x="{x(assets):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{assets:,}</text>')
    parts.append(f'<text x="{left + _WIDTH / 2 + 20}" y="{_HEIGHT - 6}" text-anchor="middle">assets</text>')
    return "".join(parts)
