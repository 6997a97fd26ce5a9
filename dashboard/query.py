"""What a visitor chose, kept in the page's address: a refresh, a bookmark or a shared link shows the same again.

Streamlit can bind widgets to the address itself, but writes the words shown, which change with the language; here the
address holds keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st


def asked(name: str, known: Sequence[str], default: str) -> str:
    """What the address says of `name`, if it is something known."""
    value = st.query_params.get(name, "")
    return value if value in known else default


def kept(name: str, value: str, default: str) -> str:
    """Write a choice to the address; what is the default needs no mention."""
    if value != default:
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]
    return value


def segments(label: str, name: str, options: Sequence[str], default: str, words: Callable[[str], str]) -> str:
    """A row of choices."""
    chosen = st.segmented_control(
        label,
        options,
        default=asked(name, options, default),
        required=True,
        format_func=words,
        key=f"choice-{name}",
        label_visibility="collapsed",
    )
    return kept(name, chosen or default, default)


def selection(label: str, name: str, options: Sequence[str], default: str, words: Callable[[str], str]) -> str:
    """A list to choose one from."""
    chosen = st.selectbox(
        label,
        options,
        index=options.index(asked(name, options, default)),
        format_func=words,
        key=f"choice-{name}",
        label_visibility="collapsed",
    )
    return kept(name, chosen, default)


def words(label: str, name: str) -> str:
    """A line to search by."""
    typed = st.text_input(
        label,
        value=st.query_params.get(name, ""),
        key=f"choice-{name}",
        placeholder=label,
        label_visibility="collapsed",
    )
    return kept(name, typed.strip(), "")


def switch(label: str, name: str) -> bool:
    """On or off; off by default."""
    on = st.toggle(label, value=st.query_params.get(name) == "1", key=f"choice-{name}")
    return kept(name, "1" if on else "", "") == "1"


def figure(label: str, name: str, *, low: float, high: float, default: float, step: float) -> float:
    """A number within bounds."""
    try:
        start = min(high, max(low, float(st.query_params.get(name, default))))
    except ValueError:
        start = default
    whole = step == int(step)
    value = st.number_input(
        label,
        min_value=low,
        max_value=high,
        value=start,
        step=step,
        format="%.0f" if whole else "%.1f",
        key=f"choice-{name}",
    )
    kept(name, f"{value:g}", f"{default:g}")
    return value
