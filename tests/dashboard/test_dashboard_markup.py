"""Words of others as labels: a Markdown reader makes of them what they are, and nothing else."""

from __future__ import annotations

from html import unescape

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dashboard import markup

READER = MarkdownIt("gfm-like", {"linkify": False, "html": True})


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1))
@example("![x](http://192.0.2.1/x.png)")
@example("L&sol;1 &amp; www.example.org http://example.org")
@example("# 1. L-01\n- a")
@example("<b>:material/home: :red[x] $x^2$ ~~y~~ `z`")
def test_any_words_are_read_as_they_are(words: str) -> None:
    tokens = [
        child
        for block in READER.parse("x " + markup.plain(words))
        for child in (block.children or [])
        if child.type not in ("text", "text_special")
    ]
    assert tokens == []
    assert unescape(READER.render("x " + markup.plain(words)).strip()) == f"<p>{' '.join(('x', *words.split()))}</p>"
