"""Small pieces of HTML: badges, tiles, evidence. Everything that comes from records is escaped here."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from dashboard import palette

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f5f8b"/>'
    '<path d="M7 17l6 6L25 10" fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round"/></svg>'
)
ROW = 31  # pixels of a table's row at the theme's font size

STYLE = f"""
<style>
[data-testid="stMainBlockContainer"] {{padding: 1.6rem 2rem 2rem}}
[data-testid="stSidebarHeader"] {{height: 1.6rem; min-height: 1.6rem; margin-bottom: 0}}
.stVegaLiteChart {{margin-bottom: -.7rem}}
.stVegaLiteChart .vega-bindings {{display: none}}
.sd-tiles {{display: flex; gap: .5rem; flex-wrap: wrap; margin: .1rem 0 .3rem}}
.sd-tile {{flex: 1 1 6.5rem; border: 1px solid #dde3e8; border-left-width: 4px; border-radius: 6px;
  padding: .4rem .7rem; background: #fff; min-width: 6.5rem}}
.sd-tile b {{display: block; font-size: 1.35rem; line-height: 1.6rem; font-weight: 650; color: {palette.INK};
  font-variant-numeric: tabular-nums}}
.sd-tile span {{font-size: .82rem; color: {palette.QUIET}; white-space: nowrap}}
.sd-badge {{display: inline-block; border-radius: 4px; padding: 0 .45em; font-size: .82rem; line-height: 1.45rem;
  font-weight: 600; white-space: nowrap; border: 1px solid currentColor; margin-right: .35rem}}
.sd-quiet {{color: {palette.QUIET}; font-size: .85rem}}
.sd-head {{display: flex; justify-content: space-between; align-items: baseline; gap: .6rem; font-size: .9rem}}
.sd-head b {{font-weight: 600}}
.sd-head .sd-value {{font-variant-numeric: tabular-nums; font-weight: 650; white-space: nowrap}}
.sd-list {{margin: 0; padding-left: 1.1rem}}
.sd-list li {{margin: .18rem 0; line-height: 1.4}}
.sd-pairs {{display: grid; grid-template-columns: max-content 1fr; gap: .15rem .9rem; font-size: .9rem}}
.sd-pairs span:nth-child(odd) {{color: {palette.QUIET}}}
.sd-table {{border-collapse: collapse; width: 100%; font-size: .88rem}}
.sd-table th {{text-align: left; color: {palette.QUIET}; font-weight: 500; padding: .15rem .5rem .15rem 0;
  border-bottom: 1px solid #dde3e8; white-space: nowrap}}
.sd-table td {{padding: .22rem .5rem .22rem 0; border-bottom: 1px solid #eef1f4; vertical-align: top}}
.sd-table .sd-one-line {{white-space: nowrap; font-variant-numeric: tabular-nums}}
.sd-sentence {{font-size: 1rem; line-height: 1.5; margin: .1rem 0 .4rem}}
.sd-empty {{border: 1px dashed #c6d0d8; border-radius: 6px; padding: .9rem 1rem; color: {palette.QUIET}}}
.sd-empty b {{color: {palette.INK}; display: block; margin-bottom: .2rem}}
.sd-gallery {{display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .7rem; margin: .3rem 0}}
.sd-gallery figure {{margin: 0}}
.sd-gallery img {{width: 100%; height: 9rem; object-fit: cover; border-radius: 6px; border: 1px solid #dde3e8}}
.sd-gallery figcaption {{color: {palette.QUIET}; font-size: .82rem; line-height: 1.3; margin-top: .15rem}}
.sd-charts {{display: grid; grid-template-columns: repeat(auto-fill, minmax(27rem, 1fr)); gap: .8rem; margin: .6rem 0}}
.sd-charts img {{width: 100%; border: 1px solid #dde3e8; border-radius: 6px; background: #fff}}
.sd-wide {{overflow-x: auto}}
.sd-visitor {{display: flex; justify-content: space-between; gap: .6rem; font-size: .9rem; color: {palette.INK}}}
.sd-visitor b {{overflow: hidden; text-overflow: ellipsis; white-space: nowrap}}
.sd-visitor a {{white-space: nowrap; color: {palette.LINE}}}
.sd-brand {{font-weight: 700; font-size: 1.15rem; color: {palette.INK}}}
.sd-brand span {{display: block; font-weight: 400; font-size: .8rem; color: {palette.QUIET}}}
</style>
"""


def escaped(words: str) -> str:
    """Words as HTML text: no tag of theirs is one."""
    return escape(words)


_MARKS = re.compile(r"[!-/:-@\[-`{-~]")  # the punctuation that CommonMark lets a backslash make plain


def plain(words: str) -> str:
    """Words of others for a label that is read as Markdown: nothing in them is a link, a picture or an entity."""
    return _MARKS.sub(r"\\\g<0>", " ".join(words.split()))


def badge(words: str, colour: str) -> str:
    """A word in a coloured frame, as HTML."""
    return f'<span class="sd-badge" style="color:{colour}">{escape(words)}</span>'


def state_badge(state: str, words: str) -> str:
    """A state by sign, word and colour."""
    return badge(f"{palette.STATE_SIGNS[state]} {words}", palette.STATES[state])


def tiles(shown: Iterable[tuple[str, str, str]]) -> str:
    """Figures side by side: (figure, words, colour)."""
    cells = "".join(
        f'<div class="sd-tile" style="border-left-color:{colour}">'
        f"<b>{escape(figure)}</b><span>{escape(words)}</span></div>"
        for figure, words, colour in shown
    )
    return f'<div class="sd-tiles">{cells}</div>'


def quiet(words: str) -> str:
    """Words in small grey letters, as HTML."""
    return f'<div class="sd-quiet">{escape(words)}</div>'


def sentence(words: str) -> str:
    """Words as a paragraph of their own, as HTML."""
    return f'<div class="sd-sentence">{escape(words)}</div>'


def bullets(lines: Iterable[str]) -> str:
    """Lines as a list, as HTML."""
    return '<ul class="sd-list">' + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def pairs(shown: Iterable[tuple[str, str]]) -> str:
    """Names and what belongs to them."""
    cells = "".join(f"<span>{escape(name)}</span><span>{escape(value)}</span>" for name, value in shown if value)
    return f'<div class="sd-pairs">{cells}</div>'


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, wraps: int = 0) -> str:
    """A short table; only the column numbered `wraps` breaks its lines."""

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{'' if place == wraps else ' class=sd-one-line'}>{escape(words)}</{tag}>"
            for place, words in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<table class="sd-table"><thead><tr>{cells(titles, "th")}</tr></thead><tbody>{body}</tbody></table>'


def channel_head(name: str, value: str, note: str, *, colour: str = palette.INK) -> str:
    """The line above a chart: the channel, its last value, how old that is."""
    return (
        f'<div class="sd-head"><b>{escape(name)}</b><span><span class="sd-value" style="color:{colour}">{escape(value)}'
        f'</span> <span class="sd-quiet">{escape(note)}</span></span></div>'
    )


def empty(what: str, do: str) -> str:
    """Nothing to show: what that means and what to do."""
    return f'<div class="sd-empty"><b>{escape(what)}</b>{escape(do)}</div>'


def gallery(shown: Iterable[tuple[str, str]]) -> str:
    """Photos side by side: (address, words). Each opens whole; without a file there, its words stand alone."""
    figures = "".join(
        f'<figure><a href="{escape(address)}" target="_blank" rel="noopener"><img src="{escape(address)}?size=small" '
        f'alt="{escape(words)}" loading="lazy"></a><figcaption>{escape(words)}</figcaption></figure>'
        if address
        else f"<figure><figcaption>{escape(words)}</figcaption></figure>"
        for address, words in shown
    )
    return f'<div class="sd-gallery">{figures}</div>'


def charts(shown: Iterable[tuple[str, bytes]]) -> str:
    """Drawings of ours (SVG), each with the words that say the same."""
    figures = "".join(
        f'<img src="data:image/svg+xml;base64,{b64encode(drawing).decode()}" alt="{escape(words)}">'
        for words, drawing in shown
    )
    return f'<div class="sd-charts">{figures}</div>'


def wide(html: str) -> str:
    """Something wider than a page, which then scrolls by itself."""
    return f'<div class="sd-wide">{html}</div>'


def brand(name: str, words: str) -> str:
    """The product's name with a line below it, as HTML."""
    return f'<div class="sd-brand">{escape(name)}<span>{escape(words)}</span></div>'


def visitor(who: str, words: str, address: str) -> str:
    """Who is signed in, and a link to their account."""
    link = f'<a href="{escape(address)}" target="_self">{escape(words)}</a>'
    return f'<div class="sd-visitor"><b>{escape(who)}</b>{link}</div>'


def table_height(rows: int, *, most: int) -> int:
    """Pixels of a data table that shows its rows, up to `most` of them, without a torn one."""
    return ROW * (min(rows, most) + 1) + 3
