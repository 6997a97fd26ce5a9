"""The few colours of the dashboard. Colour never speaks alone: a word or a sign always stands beside it.

Each is named as it is on white; `DARK` gives what stands for it on a dark page.
"""

from __future__ import annotations

from collections.abc import Mapping

PAPER = "#ffffff"
INK = "#1c2733"
QUIET = "#5a6977"
LINE = "#1f5f8b"
RANGE = "#9fbdd3"
NORMAL_BAND = "#dcebe4"
LIMIT = "#b3261e"
FORECAST = "#b35300"
GRID = "#eaeef1"
FRAME = "#dde3e8"

# The states of an asset, worst first. Reds and blues stay apart for every common colour blindness.
STATES: Mapping[str, str] = {
    "alarm": "#b3261e",
    "attention": "#9c5700",
    "sensor": "#6b5b95",
    "silent": "#7a8793",
    "never_heard": "#8a7f6d",
    "not_assessed": "#94a0ab",
    "too_little_data": "#a9a39a",
    "out_of_use": "#b8c0c7",
    "normal": "#3b7d6e",
}
STATE_SIGNS: Mapping[str, str] = {
    "alarm": "▲",
    "attention": "◆",
    "sensor": "◌",
    "silent": "○",
    "never_heard": "∅",
    "not_assessed": "?",
    "too_little_data": "…",
    "out_of_use": "⏻",
    "normal": "●",
}
TROUBLED = ("alarm", "attention")
CALM = tuple(state for state in STATES if state not in (*TROUBLED, "sensor"))  # drawn pale; not the same as well
SEVERITIES: Mapping[str, str] = {"high": "#b3261e", "medium": "#9c5700", "low": "#4a6fa5"}
PRIORITIES: Mapping[str, str] = {"urgent": "#b3261e", "high": "#9c5700", "medium": "#4a6fa5", "low": "#66737f"}

# In tables, where a chip is a filled spot, what needs no eye stays pale.
STATE_CHIPS: Mapping[str, str] = {**STATES, **dict.fromkeys(CALM, "#d3dae0"), "normal": "#e3eeea"}

# What is drawn on a dark page for what is drawn on white. Filled spots with white words on them keep their colour.
DARK: Mapping[str, str] = {
    PAPER: "#12181f",
    INK: "#e6ecf1",
    QUIET: "#9fb0bf",
    LINE: "#6fb1e0",
    RANGE: "#3f6787",
    NORMAL_BAND: "#1d332a",
    LIMIT: "#ff8a80",
    FORECAST: "#f2a65a",
    GRID: "#27313b",
    FRAME: "#364350",
}


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, 0 (black) to 1 (white), after WCAG 2."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colour: str, ground: str) -> float:
    """Contrast of two colours after WCAG 2, 1 to 21; words need 4.5, lines and frames 3."""
    lighter, darker = sorted((luminance(colour), luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
