"""Time and gap against size, drawn as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 420, 300, 56, 44


def picture(rows: Sequence[dict[str, Any]]) -> str:
    panels = [
        ("seconds", "Processor seconds for a plan", True),
        ("gap_to_bound", "Gap to the upper bound, %", False),
    ]
    drawn = [_panel(rows, *panel, left=index * _WIDTH) for index, panel in enumerate(panels)]
    size = f'width="{2 * _WIDTH}" height="{_HEIGHT}" viewBox="0 0 {2 * _WIDTH} {_HEIGHT}"'
    style = "<style>text{font:12px sans-serif;fill:#333}</style>"
    background = f'<rect width="{2 * _WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{background}{"".join(drawn)}</svg>\n'


def _panel(rows: Sequence[dict[str, Any]], key: str, title: str, logarithmic: bool, *, left: int) -> str:
    points = [(row["candidates"], row[key] * (1 if logarithmic else 100)) for row in rows if row[key] is not None]
    if not points:
        return ""
    low, high = math.log10(points[0][0]) - 0.1, math.log10(points[-1][0]) + 0.1
    top = max(value for _, value in points)
    ticks = [10**n for n in range(-1, 4) if 10**n <= top * 3] if logarithmic else [0, *_steps(top)]
    floor = math.log10(min(ticks)) if logarithmic else 0.0
    ceiling = math.log10(max(ticks[-1], top)) if logarithmic else max(ticks[-1], top)

    def x(candidates: float) -> float:
        return left + _LEFT + (math.log10(candidates) - low) / (high - low) * (_WIDTH - _LEFT - 20)

    def y(value: float) -> float:
        scaled = math.log10(max(value, 10**floor)) if logarithmic else value
        return _HEIGHT - _BOTTOM - (scaled - floor) / (ceiling - floor) * (_HEIGHT - _BOTTOM - 40)

    parts = [f'<text x="{left + _LEFT}" y="22" font-weight="bold">{title}</text>']
    for tick in ticks:
        line = f'x1="{left + _LEFT}" x2="{left + _WIDTH - 20}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"'
        parts.append(
            f'<line {line}/><text x="{left + _LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    path = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="#1f5fa8" stroke-width="2"/>')
    for size, value in points:
        parts.append(f'<circle cx="{x(size):.1f}" cy="{y(value):.1f}" r="3.5" fill="#1f5fa8"/>')
        parts.append(f'<text x="{x(size):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{size:,}</text>')
    parts.append(f'<text x="{left + _WIDTH / 2 + 20}" y="{_HEIGHT - 6}" text-anchor="middle">candidates</text>')
    return "".join(parts)


def _steps(top: float) -> list[float]:
    step = next((one for one in (0.5, 1, 2, 5, 10, 20) if top / one <= 6), 50)
    return [step * n for n in range(1, math.ceil(top / step) + 1)]
