"""The survey as a page: plain HTML that works on any telephone, without script and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType

from facility.i18n.phrases import LANGUAGES, Language
from facility.surveys import RATINGS, Question, QuestionKind, Survey
from serviceday.reports import taxonomy
from serviceday.survey.phrases import PHRASES

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_STYLE = """
:root{color-scheme:light dark}*{box-sizing:border-box}
body{font:17px/1.5 "Noto Sans CJK SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif;margin:0 auto;
max-width:36rem;padding:1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.45rem;line-height:1.3;margin:.4rem 0}fieldset{border:1px solid #8a8f98;border-radius:8px;margin:1rem 0;
padding:.6rem .9rem}legend{font-weight:600;float:left;width:100%;padding:0;margin-bottom:.5rem}legend+*{clear:both}
legend label{min-height:0}
label{display:flex;gap:.6rem;align-items:center;min-height:2.75rem}
input[type=radio],input[type=checkbox]{width:1.35rem;height:1.35rem;flex:none}
.scale{display:grid;grid-template-columns:repeat(5,1fr);gap:.4rem}
.scale label{border:1px solid #8a8f98;border-radius:8px;justify-content:center;gap:.35rem}
textarea,input[type=text]{width:100%;font:inherit;padding:.6rem;border:1px solid #8a8f98;border-radius:8px;
background:inherit;color:inherit}
textarea{min-height:6rem}button{font:inherit;font-weight:600;width:100%;min-height:3rem;border:0;border-radius:8px;
background:#1f5f8b;color:#fff}.told{border:2px solid #1f5f8b;border-radius:8px;padding:.7rem .9rem}
.wrong{border-color:#a61b1b}.quiet{font-size:.92rem}nav{text-align:right}a{color:#1f5f8b}
@media(prefers-color-scheme:dark){body{color:#eee;background:#14181c}a{color:#8ec5ea}.told{border-color:#8ec5ea}
.wrong{border-color:#ff8f8f}}
"""


def asked(
    survey: Survey,
    language: Language,
    *,
    code: str = "",
    wrong: str = "",
    given: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> bytes:
    """The form; with a field for the code where the link has none. `given` is what was filled in before."""
    parts = [f"<p>{_say('page_intro', language, day=survey.service_day, until=survey.until)}</p>"]
    if wrong:
        parts.append(f'<p class="told wrong" role="alert">{escape(wrong)}</p>')
    parts.append('<form method="post" accept-charset="utf-8">')
    parts.append(f'<input type="hidden" name="lang" value="{language}">')
    if code:
        parts.append(f'<input type="hidden" name="code" value="{escape(code)}">')
    else:
        label = _say("page_code", language)
        parts.append(
            f'<fieldset><legend><label for="code">{label}</label></legend><input type="text" id="code" name="code" '
            'autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" required></fieldset>'
        )
    parts += [_question(question, language, given.get(question.key, ())) for question in survey.form.questions]
    parts.append(f"<button>{_say('page_send', language)}</button></form>")
    parts.append(f'<p class="quiet">{_say("page_privacy", language)}</p>')
    return _page(survey.form.title[language], "".join(parts), language)


def told(title: str, words: str, language: Language, *, wrong: bool = False) -> bytes:
    """A page that says one thing."""
    kind = "told wrong" if wrong else "told"
    return _page(title, f'<p class="{kind}" role="status">{escape(words)}</p>', language)


def _question(question: Question, language: Language, given: Sequence[str]) -> str:
    words, key = escape(question.words[language]), escape(question.key)
    if question.kind is QuestionKind.RATING:
        choices = "".join(
            f'<label><input type="radio" name="q_{key}" value="{rating}"{_chosen(str(rating), given)}>{rating}</label>'
            for rating in RATINGS
        )
        return f'<fieldset><legend>{words}</legend><div class="scale">{choices}</div></fieldset>'
    if question.kind is QuestionKind.SUBJECTS:
        choices = "".join(
            f'<label><input type="checkbox" name="q_{key}" value="{escape(name)}"{_chosen(name, given)}>'
            f"{escape(subject.name[language])}</label>"
            for name, subject in taxonomy().subjects.items()
        )
        return f"<fieldset><legend>{words}</legend>{choices}</fieldset>"
    return (
        f'<fieldset><legend><label for="q_{key}">{words}</label></legend>'
        f'<textarea id="q_{key}" name="q_{key}" maxlength="500">{escape(" ".join(given))}</textarea></fieldset>'
    )


def _chosen(value: str, given: Sequence[str]) -> str:
    return " checked" if value in given else ""


def _page(title: str, body: str, language: Language) -> bytes:
    others = " ".join(
        f'<a href="?lang={other}" hreflang="{other}" lang="{other}">{"中文" if other == "zh" else "English"}</a>'
        for other in LANGUAGES
        if other != language
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><nav>{others}</nav><main><h1>{escape(title)}</h1>{body}</main></body></html>\n"
    ).encode()


def _say(key: str, language: Language, **values: object) -> str:
    return escape(PHRASES.say(key, language, **values))
