"""The alarm report in words: sections for a terminal, and the same as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from zoneinfo import ZoneInfo

from facility.i18n.phrases import Language
from serviceday.notification.load import Actor, Figures, Load
from serviceday.notification.wording import PHRASES

_STYLE = (
    'body{font:16px/1.5 "Noto Sans CJK SC","Microsoft YaHei","PingFang SC",Arial,sans-serif;color:#1a1a1a;'
    "max-width:60rem;margin:0 auto;padding:1.5rem}h1,h2{color:#1f3864}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #767676;padding:.3rem .6rem;text-align:left}th{background:#e8ecf4}"
)


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the alarm report."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def title(figures: Figures, language: Language, zone: ZoneInfo) -> str:
    """The report's heading: from when to when."""
    begins, ends = (f"{each.astimezone(zone):%Y-%m-%d %H:%M}" for each in (figures.since, figures.until))
    return PHRASES.say("report.title", language, begins=begins, ends=ends)


def sections(figures: Figures, language: Language) -> list[Section]:
    """What the report says, each section with its norm in its title."""

    def say(key: str, **values: object) -> str:
        return PHRASES.say(f"report.{key}", language, **values)

    loads = [say(f"column.{key}") for key in ("who", "total", "average", "peak", "floods", "in_flood")]
    often = [say("column.cause"), say("column.times"), say("column.share")]
    mix = [
        (PHRASES.say(f"severity.{severity}", language), f"{share:.0%}", norm)
        for (severity, share), norm in zip(figures.mix.items(), ("5 %", "15 %", "80 %"), strict=True)
    ]
    spans = [
        (say("acknowledged"), *_minutes(figures.acknowledged)),
        (say("closed"), *_minutes(figures.closed)),
    ]
    share = "-" if figures.followed_up is None else f"{figures.followed_up:.0%}"
    followed_up = (f"{figures.opened:,}", share)
    stale = [(f"{each.alert}", each.asset, f"{each.hours:,.0f}") for each in figures.stale]
    return [
        Section(say("sites"), loads, [_load(site or "-", burden) for site, burden in figures.sites.items()]),
        Section(
            say("people"), loads, [_load(who.removeprefix("person:"), burden) for who, burden in figures.people.items()]
        ),
        Section(say("mix"), [say("column.severity"), say("column.share"), say("column.norm")], mix),
        Section(say("spans"), [say("column.what"), say("column.median"), say("column.most")], spans),
        Section(say("followed_up"), [say("column.opened"), say("column.share")], [followed_up]),
        Section(say("actors"), often, [_often(each) for each in figures.actors]),
        Section(say("chattering"), often, [_often(each) for each in figures.chattering]),
        Section(say("stale"), [say("column.alert"), say("column.asset"), say("column.hours")], stale),
    ]


def _often(actor: Actor) -> tuple[str, ...]:
    return actor.cause, f"{actor.times:,}", f"{actor.share:.0%}"


def _load(name: str, burden: Load) -> tuple[str, ...]:
    return (
        name,
        f"{burden.total:,}",
        f"{burden.average:.2f}",
        f"{burden.peak:,}",
        f"{burden.floods:,}",
        f"{burden.in_flood:.1%}",
    )


def _minutes(span: tuple[float, float] | None) -> tuple[str, str]:
    return ("-", "-") if span is None else (f"{span[0]:,.0f}", f"{span[1]:,.0f}")


def as_html(heading: str, parts: Sequence[Section], language: Language) -> str:
    """One page without script or anything from elsewhere."""
    body = [f"<h1>{escape(heading)}</h1>"]
    for part in parts:
        head = "".join(f'<th scope="col">{escape(column)}</th>' for column in part.columns)
        rows = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in part.rows]
        none = f"<p>{escape(PHRASES.say('report.none', language))}</p>"
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>" if rows else none
        body.append(f"<h2>{escape(part.title)}</h2>{table}")
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(heading)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )
