"""The few colours of the dashboard. Colour never speaks alone: a word or a sign always stands beside it."""

from __future__ import annotations

from collections.abc import Mapping

INK = "#1c2733"
QUIET = "#5f6f7e"
LINE = "#1f5f8b"
RANGE = "#9fbdd3"
NORMAL_BAND = "#dcebe4"
LIMIT = "#b3261e"
FORECAST = "#c05a00"
GRID = "#eaeef1"

# The states of an asset, worst first. Reds and blues stay apart for every common colour blindness.
STATES: Mapping[str, str] = {
    "alarm": "#b3261e",
    "attention": "#c77700",
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
SEVERITIES: Mapping[str, str] = {"high": "#b3261e", "medium": "#c77700", "low": "#4a6fa5"}
PRIORITIES: Mapping[str, str] = {"urgent": "#b3261e", "high": "#c77700", "medium": "#4a6fa5", "low": "#7a8793"}

# In tables, where a chip is a filled spot, what needs no eye stays pale.
STATE_CHIPS: Mapping[str, str] = {**STATES, **dict.fromkeys(CALM, "#d3dae0"), "normal": "#e3eeea"}
