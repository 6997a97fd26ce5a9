"""The page itself: one document without data that works for every round, and the same with a round inside as a file.

Nothing in it comes from anywhere else. Its files have a version, a digest of them all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from facility.i18n.phrases import LANGUAGES, Language, Phrases
from serviceday.documents.qr import as_png

FOLDER = Path(__file__).parent / "web"
PHRASES = Phrases(FOLDER / "phrases.toml")
SCRIPTS = ("store.js", "sync.js", "camera.js", "page.js")
STYLE = "page.css"
FILES: Mapping[str, str] = {
    STYLE: "text/css; charset=utf-8",
    **dict.fromkeys(SCRIPTS, "text/javascript; charset=utf-8"),
    "icon.svg": "image/svg+xml",
    "icon-192.png": "image/png",
    "icon-512.png": "image/png",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MODULE = 8  # pixels of a code's module
_ALONE = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src blob: data:; "
    "base-uri 'none'; form-action 'none'"
)


@cache
def version() -> str:
    """A digest of everything that a phone keeps of the page."""
    digest = hashlib.sha256()
    for name in ("page.html", "worker.js", "phrases.toml", *FILES):
        digest.update((FOLDER / name).read_bytes())
    return digest.hexdigest()[:12]


def file(name: str) -> bytes:
    """One of the page's own files."""
    return (FOLDER / name).read_bytes()


@cache
def shell() -> bytes:
    """The page as the server gives it: its scripts and style beside it, no data in it."""
    scripts = "\n".join(f'<script src="/round/{name}?{version()}" defer></script>' for name in SCRIPTS)
    head = "\n".join(
        (
            f'<link rel="stylesheet" href="/round/{STYLE}?{version()}">',
            '<link rel="icon" href="/round/icon.svg" type="image/svg+xml">',
            '<link rel="apple-touch-icon" href="/round/icon-192.png">',
        )
    )
    return _filled(head, scripts, round_data=None)


def worker() -> bytes:
    """The service worker, with the list of what it keeps."""
    names = [f"/round/{name}?{version()}" for name in (STYLE, *SCRIPTS)]
    more = ["/round/shell", "/round/icon.svg", "/round/icon-192.png", "/round/icon-512.png"]
    source = (FOLDER / "worker.js").read_text(encoding="utf-8")
    settings = f"const VERSION = {json.dumps(version())};\nconst FILES = {json.dumps(names + more)};\n"
    return (settings + source).encode()


def manifest(token: str) -> bytes:
    """What makes a phone install the page as an app that opens this round."""
    icons = [{"src": f"/round/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"} for size in (192, 512)]
    return _json(
        {
            "id": f"/round/{token}",
            "start_url": f"/round/{token}",
            "scope": "/round/",
            "name": PHRASES["app_name"].zh + " " + PHRASES["app_name"].en,
            "short_name": PHRASES["app_name"].zh,
            "display": "standalone",
            "background_color": "#f5f7f8",
            "theme_color": "#1f5f8b",
            "icons": [*icons, {**icons[-1], "purpose": "maskable"}],
        }
    )


def alone(round_data: Mapping[str, object]) -> bytes:
    """The page as one file with a round in it, for where no server can be reached."""
    scripts = "\n".join(f"<script>\n{(FOLDER / name).read_text(encoding='utf-8')}</script>" for name in SCRIPTS)
    icon = base64.b64encode(file("icon.svg")).decode()
    head = "\n".join(
        (
            f'<meta http-equiv="Content-Security-Policy" content="{_ALONE}">',
            f"<style>\n{(FOLDER / STYLE).read_text(encoding='utf-8')}</style>",
            f'<link rel="icon" href="data:image/svg+xml;base64,{icon}">',
        )
    )
    return _filled(head, scripts, round_data=round_data)


def refusal(words: Mapping[Language, tuple[str, str]]) -> bytes:
    """A page of words alone, in both languages: what is wrong, and what to do. `words` is by language."""
    parts = "".join(
        f'<section lang="{language}"><h1>{html.escape(what)}</h1><p>{html.escape(do)}</p></section>'
        for language, (what, do) in words.items()
    )
    head = f'<link rel="stylesheet" href="/round/{STYLE}?{version()}">'
    return (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>serviceday</title>{head}</head><body><main class="refusal">{parts}</main></body></html>'
    ).encode()


def slips(day: str, links: Sequence[tuple[str, str]]) -> bytes:
    """Slips to print and cut apart: each person's name and link, with the code that a phone reads."""
    about, same = html.escape(PHRASES["slip"].zh), html.escape(PHRASES["slip"].en)
    parts = "".join(
        f'<section class="slip"><img alt="" src="{_png(link)}"><div><h1>{html.escape(name)}</h1>'
        f'<p>{html.escape(day)}</p><p class="small">{about}<br><span lang="en">{same}</span></p>'
        f"<code>{html.escape(link)}</code></div></section>"
        for name, link in links
    )
    style = f"<style>\n{(FOLDER / STYLE).read_text(encoding='utf-8')}</style>"
    return (
        f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{html.escape(day)}</title>{style}</head>'
        f'<body class="slips">{parts}</body></html>'
    ).encode()


def _png(words: str) -> str:
    """A code as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(as_png(words, _MODULE)).decode()}"


def _filled(head: str, scripts: str, *, round_data: Mapping[str, object] | None) -> bytes:
    words = {language: {key: PHRASES[key][language] for key in PHRASES} for language in LANGUAGES}
    parts = {
        "<!-- head -->": head,
        "<!-- scripts -->": scripts,
        "__PHRASES__": _json(words).decode(),
        "__ROUND__": _json(round_data).decode(),
        "__VERSION__": json.dumps(version()),
    }
    template = (FOLDER / "page.html").read_text(encoding="utf-8")
    return re.sub("|".join(map(re.escape, parts)), lambda mark: parts[mark[0]], template).encode()


def _json(value: object) -> bytes:
    """JSON that may stand between script tags: no `<` in it ends them."""
    words = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        words = words.replace(sign, f"\\u{ord(sign):04x}")
    return words.encode()
