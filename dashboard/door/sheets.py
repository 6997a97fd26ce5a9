"""How the pages of the door look: plain HTML in the colours of the dashboard, for keyboards, readers and phones."""

from __future__ import annotations

import base64
import json
import tomllib
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import quote

from dashboard import markup, palette
from dashboard.wording import say
from facility.accounts import Account
from facility.i18n.phrases import LANGUAGES, Language

Facts = Sequence[tuple[str, str]]  # what it is, and how it is here
_NAMES = {"zh": "中文", "en": "English"}
_ICON = "data:image/svg+xml;base64," + base64.b64encode(markup.ICON.encode()).decode()
_FONT = "Inter, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif"

_TONES = {
    "ground": ("#f3f5f7", "#12181f"), "paper": (palette.PAPER, "#182028"), "field": (palette.PAPER, "#12181f"),
    "edge": ("#7c8a96", "#71818f"), "wrong": ("#fbeeed", "#3b1d1b"), "press": (palette.LINE, "#2f73a5"),
} | {
    name: (tone, palette.DARK[tone])
    for name, tone in {
        "ink": palette.INK, "quiet": palette.QUIET, "line": palette.LINE, "limit": palette.LIMIT,
        "frame": palette.FRAME, "focus": palette.FORECAST,
    }.items()
}  # fmt: skip
_LIGHT, _DARK = (";".join(f"--{name}:{tones[place]}" for name, tones in _TONES.items()) for place in (0, 1))

STYLE = f"""
:root{{color-scheme:light dark;{_LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
*{{box-sizing:border-box}}
body{{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem 1rem;background:var(--ground);
  color:var(--ink);font:15px/1.5 {_FONT}}}
main{{width:100%;max-width:23rem;background:var(--paper);border:1px solid var(--frame);border-radius:10px;
  padding:1.75rem}}
header{{display:flex;gap:.75rem;align-items:center;margin-bottom:1.25rem}}
header img{{width:40px;height:40px}}
header b{{display:block;font-size:1.2rem;line-height:1.4rem}}
header span,.quiet{{color:var(--quiet);font-size:.87rem}}
h1{{font-size:1.15rem;margin:0 0 .9rem}}
h2{{font-size:1rem;margin:1.75rem 0 0;padding-top:1rem;border-top:1px solid var(--frame)}}
label{{display:block;font-weight:600;margin:.9rem 0 .3rem;font-size:.92rem}}
input{{width:100%;height:2.75rem;padding:0 .75rem;font:inherit;color:inherit;border:1px solid var(--edge);
  border-radius:6px;
  background:var(--field)}}
button{{width:100%;min-height:2.75rem;margin-top:1.25rem;font:inherit;font-weight:600;border-radius:6px;cursor:pointer;
  border:1px solid var(--press);background:var(--press);color:#fff}}
button.second{{margin-top:.6rem;background:var(--paper);color:var(--line)}}
:focus-visible{{outline:3px solid var(--focus);outline-offset:2px}}
.wrong{{border-left:4px solid var(--limit);background:var(--wrong);padding:.6rem .75rem;border-radius:4px;
  margin:0 0 .5rem}}
code{{display:block;background:var(--ground);border-radius:6px;padding:.6rem .75rem;margin:.6rem 0;
  overflow-wrap:anywhere}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:.25rem .9rem;margin:0 0 .5rem}}
dt{{color:var(--quiet)}}
dd{{margin:0;overflow-wrap:anywhere}}
nav{{margin-top:1.25rem;padding-top:1rem;border-top:1px solid var(--frame);display:flex;gap:1rem;font-size:.92rem}}
a{{color:var(--line)}}
a,nav b{{padding:.15rem 0}}
"""

# Every page asks now and then whether its session is over, and leaves for the door when it is.
WATCH = """(() => {
  const ask = async () => {
    try {
      const answer = await fetch("/door/here", {cache: "no-store", credentials: "same-origin"});
      if (answer.status === 401)
        location.replace("/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
    } catch {}
  };
  setInterval(ask, 3000);
  addEventListener("focus", ask);
  addEventListener("pageshow", ask);
})();
"""


@cache
def page_script() -> str:
    """The script that every page of Streamlit takes along, with the Chinese of Streamlit's own words in it."""
    words = tomllib.loads(Path(__file__).with_name("toolbar.zh.toml").read_text(encoding="utf-8"))
    script = Path(__file__).with_name("page.js").read_text(encoding="utf-8")
    return script.replace("__WORDS__", json.dumps(words, ensure_ascii=False))


def sign_in(language: Language, *, there: str, token: str, wrong: str, name: str) -> str:
    """The sign-in form; `there` is where it leads, `wrong` what was wrong the last time."""
    alarm = _alarm(wrong)
    described = ' aria-invalid="true"' if wrong else ""
    first, second = (" autofocus", "") if not name else ("", " autofocus")
    form = f"""<h1>{escape(say("door_sign_in", language))}</h1>{alarm}
<form method="post" action="/sign-in">
<input type="hidden" name="form" value="{escape(token)}"><input type="hidden" name="next" value="{escape(there)}">
<input type="hidden" name="lang" value="{language}">
<label for="name">{escape(say("door_name", language))}</label>
<input id="name" name="name" value="{escape(name)}" autocomplete="username" autocapitalize="none" spellcheck="false"
 maxlength="60" required{first}{described}>
<label for="password">{escape(say("door_password", language))}</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="200"
 required{second}{described}>
<button>{escape(say("door_sign_in", language))}</button></form>"""
    return _page(language, say("door_sign_in", language), form, "/sign-in?next=" + quote(there, safe="") + "&lang=")


def _alarm(wrong: str) -> str:
    return f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""


def account(language: Language, *, account: Account, sessions: int, token: str, wrong: str = "") -> str:
    """Who is signed in, what they may do, and the button that signs out."""
    hidden = (
        f'<input type="hidden" name="form" value="{escape(token)}"><input type="hidden" name="lang" value="{language}">'
    )
    roles = say("door_comma", language).join(say(f"role_{role.value}", language) for role in sorted(account.roles))
    sites = say("door_all_sites", language) if account.sites is None else " ".join(sorted(account.sites))
    facts = [
        (say("door_name", language), account.name),
        (say("door_roles", language), roles),
        (say("door_sites", language), sites),
        (say("door_sessions", language), str(sessions)),
    ]
    body = f"""<h1>{escape(account.words)}</h1>{_pairs(facts)}
<form method="post" action="/sign-out">{hidden}
<button name="everywhere" value="1">{escape(say("door_sign_out_everywhere", language))}</button>
<button name="everywhere" value="0" class="second">{escape(say("door_sign_out_here", language))}</button></form>
<h2>{escape(say("door_change_password", language))}</h2>{_alarm(wrong)}
<form method="post" action="/account/password">{hidden}
<input type="hidden" autocomplete="username" value="{escape(account.name)}">
<label for="former">{escape(say("door_former", language))}</label>
<input id="former" name="former" type="password" autocomplete="current-password" maxlength="200" required>
<label for="password">{escape(say("door_new_password", language))}</label>
<input id="password" name="password" type="password" autocomplete="new-password" maxlength="200" required>
<label for="again">{escape(say("door_again", language))}</label>
<input id="again" name="again" type="password" autocomplete="new-password" maxlength="200" required>
<button class="second">{escape(say("door_change_password", language))}</button></form>
<p class="quiet">{escape(say("door_password_how", language))}</p>
<a href="/?lang={language}">{escape(say("door_back", language))}</a>"""
    return _page(language, account.words, body, "/account?lang=")


def no_accounts(language: Language) -> str:
    """What to do where nobody has an account yet."""
    body = f"""<h1>{escape(say("door_no_accounts", language))}</h1><p>{escape(say("door_no_accounts_do", language))}</p>
<code>serviceday user add NAME --role administrator</code>"""
    return _page(language, say("door_no_accounts", language), body, "/sign-in?lang=")


def sent_from_elsewhere(language: Language) -> str:
    """The refusal of a form that another site sent."""
    return message(language, say("door_elsewhere", language), say("door_elsewhere_do", language))


def message(language: Language, what: str, do: str, *, elsewhere: str = "/sign-in?lang=") -> str:
    """A page of one message and what to do about it; without `elsewhere` it leads nowhere."""
    back = f'<a href="{elsewhere}{language}">{escape(say("door_sign_in", language))}</a>' if elsewhere else ""
    body = f'<h1>{escape(what)}</h1><p role="alert">{escape(do)}</p>{back}'
    return _page(language, what, body, elsewhere)


def acknowledging(language: Language, *, title: str, reason: str, facts: Facts, token: str) -> str:
    """What a message was about, and the button that acknowledges it; `token` is "" where that is done already."""
    button = f"""<form method="post" action="/acknowledge"><input type="hidden" name="token" value="{escape(token)}">
<input type="hidden" name="lang" value="{language}">
<button>{escape(say("link_acknowledge", language))}</button></form>"""
    done = f'<p class="quiet">{escape(say("link_done_before", language))}</p>'
    body = f"<h1>{escape(title)}</h1><p>{escape(reason)}</p>{_pairs(facts)}{button if token else done}"
    return _page(language, title, body, f"/acknowledge?token={quote(token, safe='')}&lang=" if token else "")


def acknowledged(language: Language, *, facts: Facts) -> str:
    """That it is acknowledged now, and in whose name."""
    what = say("link_done", language)
    end = f'<p class="quiet">{escape(say("link_close", language))}</p>'
    body = f'<h1 role="status">{escape(what)}</h1>{_pairs(facts)}{end}'
    return _page(language, what, body, "")


def _pairs(facts: Facts) -> str:
    return f"<dl>{''.join(f'<dt>{escape(words)}</dt><dd>{escape(value)}</dd>' for words, value in facts)}</dl>"


def _page(language: Language, title: str, body: str, elsewhere: str) -> str:
    """`elsewhere` is the address of the same page up to its language; "" where there is none to choose."""
    choices = " ".join(
        f"<b>{_NAMES[one]}</b>" if one == language else f'<a lang="{one}" href="{elsewhere}{one}">{_NAMES[one]}</a>'
        for one in (LANGUAGES if elsewhere else ())
    )
    languages = f'<nav aria-label="语言 Language">{choices}</nav>' if choices else ""
    return f"""<!doctype html>
<html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<title>{escape(title)} · serviceday</title><link rel="icon" href="{_ICON}">
<link rel="stylesheet" href="/door/style.css">
</head><body><main><header><img src="{_ICON}" alt=""><div><b>serviceday</b>
<span>{escape(say("brand", language))}</span></div></header>
{body}{languages}</main></body></html>
"""
