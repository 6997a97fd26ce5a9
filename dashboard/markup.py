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

_TONES = {
    "paper": palette.PAPER, "ink": palette.INK, "quiet": palette.QUIET, "line": palette.LINE,
    "limit": palette.LIMIT, "frame": palette.FRAME, "grid": palette.GRID, "focus": palette.FORECAST,
}  # fmt: skip
_LIGHT = "; ".join(f"--sd-{name}: {tone}" for name, tone in _TONES.items())
_BOTH = "; ".join(f"--sd-{name}: light-dark({tone}, {palette.DARK[tone]})" for name, tone in _TONES.items())

STYLE = f"""
<style>
:root, .stApp {{{_LIGHT}}}
@supports (color: light-dark(red, red)) {{ .stApp {{{_BOTH}}} }}
[data-testid="stMainBlockContainer"] {{padding: 1.6rem 2rem 2rem}}
[data-testid="stSidebarHeader"] {{height: 1.6rem; min-height: 1.6rem; margin-bottom: 0}}
.stApp :is(a, button, input, textarea, select, summary, [role]):focus-visible {{outline: 3px solid var(--sd-focus);
  outline-offset: 1px}}
[data-testid="stDataFrame"]:focus-within {{outline: 3px solid var(--sd-focus); outline-offset: 1px}}
.stApp label:has(input:focus-visible) {{outline: 3px solid var(--sd-focus); outline-offset: 1px}}
.stApp [role="radio"][aria-checked="true"] p, .stApp button[aria-checked="true"] p {{color: var(--sd-line)}}
.stVegaLiteChart {{margin-bottom: -.7rem}}
.stVegaLiteChart .vega-bindings {{display: none}}
.sd-tiles {{display: flex; gap: .5rem; flex-wrap: wrap; margin: .1rem 0 .3rem}}
.sd-tile {{flex: 1 1 6.5rem; border: 1px solid var(--sd-frame); border-left-width: 4px; border-radius: 6px;
  padding: .4rem .7rem; background: var(--sd-paper); min-width: 6.5rem}}
.sd-tile b {{display: block; font-size: 1.35rem; line-height: 1.6rem; font-weight: 650; color: var(--sd-ink);
  font-variant-numeric: tabular-nums}}
.sd-tile span {{font-size: .82rem; color: var(--sd-quiet)}}
.sd-badge {{display: inline-block; border-radius: 4px; padding: 0 .45em; font-size: .82rem; line-height: 1.45rem;
  font-weight: 600; white-space: nowrap; border: 1px solid var(--sd-tone); border-left-width: 5px; color: var(--sd-ink);
  margin-right: .35rem}}
.sd-quiet {{color: var(--sd-quiet); font-size: .85rem}}
.sd-head {{display: flex; justify-content: space-between; align-items: baseline; gap: .6rem; font-size: .9rem}}
.sd-head b {{font-weight: 600}}
.sd-head .sd-value {{font-variant-numeric: tabular-nums; font-weight: 650; white-space: nowrap; color: var(--sd-ink)}}
.sd-head .sd-beyond {{color: var(--sd-limit)}}
.sd-list {{margin: 0; padding-left: 1.1rem}}
.sd-list li {{margin: .18rem 0; line-height: 1.4}}
.sd-pairs {{display: grid; grid-template-columns: max-content 1fr; gap: .15rem .9rem; font-size: .9rem}}
.sd-pairs span:nth-child(odd) {{color: var(--sd-quiet)}}
.sd-pairs span {{overflow-wrap: anywhere}}
.sd-table {{border-collapse: collapse; width: 100%; font-size: .88rem}}
.sd-table th {{text-align: left; color: var(--sd-quiet); font-weight: 500; padding: .15rem .5rem .15rem 0;
  border-bottom: 1px solid var(--sd-frame); white-space: nowrap}}
.sd-table td {{overflow-wrap: anywhere; padding: .22rem .5rem .22rem 0;
  border-bottom: 1px solid var(--sd-grid); vertical-align: top}}
.sd-table .sd-one-line {{white-space: nowrap; font-variant-numeric: tabular-nums}}
.sd-sentence {{font-size: 1rem; line-height: 1.5; margin: .1rem 0 .4rem}}
.sd-empty {{border: 1px dashed var(--sd-quiet); border-radius: 6px; padding: .9rem 1rem; color: var(--sd-quiet)}}
.sd-empty b {{color: var(--sd-ink); display: block; margin-bottom: .2rem}}
.sd-gallery {{display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .7rem; margin: .3rem 0}}
.sd-gallery figure {{margin: 0}}
.sd-gallery img {{width: 100%; height: 9rem; object-fit: cover; border-radius: 6px; border: 1px solid var(--sd-frame)}}
.sd-gallery figcaption {{color: var(--sd-quiet); font-size: .82rem; line-height: 1.3; margin-top: .15rem}}
.sd-charts {{display: grid; grid-template-columns: repeat(auto-fill, minmax(min(27rem, 100%), 1fr)); gap: .8rem;
  margin: .6rem 0}}
.sd-charts img {{width: 100%; border: 1px solid var(--sd-frame); border-radius: 6px; background: #fff}}
.sd-wide {{overflow-x: auto}}
.sd-visitor {{display: flex; justify-content: space-between; gap: .6rem; font-size: .9rem; color: var(--sd-ink)}}
.sd-visitor b {{overflow: hidden; text-overflow: ellipsis; white-space: nowrap}}
.sd-visitor a {{white-space: nowrap; color: var(--sd-line); text-decoration: underline}}
.sd-brand {{font-weight: 700; font-size: 1.15rem; color: var(--sd-ink)}}
.sd-brand span {{display: block; font-weight: 400; font-size: .8rem; color: var(--sd-quiet)}}
.sd-spark {{width: 100%; height: 2.6rem; display: block}}
.stApp ul.sd-linked {{list-style: none; margin: 0; padding: 0}}
.stApp .sd-linked li {{margin: 0 0 .45rem; padding: 0}}
.sd-linked a {{color: var(--sd-line); font-weight: 600; text-decoration: underline}}
.stApp ol.sd-steps {{list-style: none; margin: 0; padding: 0}}
.stApp .sd-steps li {{display: grid; grid-template-columns: 3.2rem 1fr; margin: 0; padding: .5rem 0;
  border-bottom: 1px solid var(--sd-grid)}}
.sd-steps time {{font-weight: 650; font-variant-numeric: tabular-nums}}
.sd-steps p {{margin: .15rem 0 0; font-size: .9rem; line-height: 1.45; color: var(--sd-quiet)}}
.stApp a.sd-button {{display: inline-block; background: #1f5f8b; color: #fff; border-radius: 6px; padding: .5rem .9rem;
  font-weight: 600; text-decoration: none}}
.stApp .sd-cards {{display: none; list-style: none; margin: 0; padding: 0}}
.stApp .sd-cards li {{margin-left: 0; padding: 0; border: 1px solid var(--sd-frame); border-radius: 6px;
  margin-bottom: .5rem}}
.sd-cards a, .sd-cards li > div {{display: block; padding: .55rem .7rem; color: var(--sd-ink); text-decoration: none}}
.sd-cards b {{font-weight: 600}}
.sd-cards p {{margin: .2rem 0 0; font-size: .9rem; line-height: 1.45}}
@media (max-width: 640px) {{
  [data-testid="stMainBlockContainer"] {{padding: 4rem 1rem 2rem}}
  .stApp .sd-cards {{display: block}}
  .st-key-filters [data-testid="stHorizontalBlock"] {{display: grid; grid-template-columns: 1fr 1fr}}
  .st-key-filters [data-testid="stColumn"] {{min-width: 0; width: auto}}
  .st-key-filters [data-testid="stColumn"]:last-child {{grid-column: 1 / -1}}
  .stElementContainer:has(.sd-cards) {{order: 1}}
  [class*="st-key-wide-"] {{display: none}}
  .sd-pairs {{grid-template-columns: minmax(5rem, max-content) 1fr}}
  .sd-table .sd-one-line {{white-space: normal}}
}}
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
    return f'<span class="sd-badge" style="--sd-tone:{colour}">{escape(words)}</span>'


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


def channel_head(name: str, value: str, note: str, *, beyond: bool = False) -> str:
    """The line above a chart: the channel, its last value (`beyond` a limit or not), how old that is."""
    kind = "sd-value sd-beyond" if beyond else "sd-value"
    return (
        f'<div class="sd-head"><b>{escape(name)}</b><span><span class="{kind}">{escape(value)}'
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


def brand(name: str, words: str, language: str) -> str:
    """The product's name with a line below it, as HTML; a page's script reads there which language it speaks."""
    return f'<div class="sd-brand" lang="{language}">{escape(name)}<span>{escape(words)}</span></div>'


def visitor(who: str, words: str, address: str) -> str:
    """Who is signed in, and a link to their account."""
    link = f'<a href="{escape(address)}" target="_self">{escape(words)}</a>'
    return f'<div class="sd-visitor"><b>{escape(who)}</b>{link}</div>'


def cards(shown: Iterable[tuple[str, str, str, str]]) -> str:
    """What a table holds, as it is read on a telephone: (address or "", badge as HTML, title, words below)."""
    entries = []
    for address, mark, title, words in shown:
        body = f"{mark}<b>{escape(title)}</b><p>{escape(words)}</p>"
        link = f'<a href="{escape(address)}" target="_self">{body}</a>' if address else f"<div>{body}</div>"
        entries.append(f"<li>{link}</li>")
    return f'<ul class="sd-cards">{"".join(entries)}</ul>'


def phone_only(words: str) -> str:
    """Words in small grey letters that only a telephone shows."""
    return f'<div class="sd-cards sd-quiet">{escape(words)}</div>'


def linked(shown: Iterable[tuple[str, str, str, str]]) -> str:
    """Things that have a page, as a list: (address, name, place, words below)."""
    entries = "".join(
        f'<li><a href="{escape(address)}" target="_self">{escape(name)}</a> {escape(place)}'
        f'<div class="sd-quiet">{escape(words)}</div></li>'
        for address, name, place, words in shown
    )
    return f'<ul class="sd-linked">{entries}</ul>'


def steps(shown: Iterable[tuple[str, str, str, str]]) -> str:
    """A round, step by step: (time, badge as HTML, what, words below)."""
    entries = "".join(
        f"<li><time>{escape(when)}</time><div>{mark}<b>{escape(what)}</b><p>{escape(words)}</p></div></li>"
        for when, mark, what, words in shown
    )
    return f'<ol class="sd-steps">{entries}</ol>'


def button(address: str, words: str) -> str:
    """A link that looks like what it is for: the next thing to do."""
    return f'<a class="sd-button" href="{escape(address)}" target="_blank" rel="noopener">{escape(words)}</a>'


def spark(figures: Sequence[float], words: str) -> str:
    """A small line of figures, oldest first, with the words that say the same."""
    most = max(figures, default=0.0) or 1.0
    step = 100 / max(1, len(figures) - 1)
    points = " ".join(f"{place * step:.1f},{28 - 26 * figure / most:.1f}" for place, figure in enumerate(figures))
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 30" preserveAspectRatio="none">'
        f'<polyline points="{points}" fill="none" stroke="#3d84b8" stroke-width="1.5" '
        'vector-effect="non-scaling-stroke"/></svg>'
    )
    source = b64encode(drawing.encode()).decode()
    return f'<img class="sd-spark" src="data:image/svg+xml;base64,{source}" alt="{escape(words)}">'


def table_height(rows: int, *, most: int) -> int:
    """Pixels of a data table that shows its rows, up to `most` of them, without a torn one."""
    return ROW * (min(rows, most) + 1) + 3
