"""What a message says: what, where, since when, why, what to do, and where to look, short enough for a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from facility.alerts import Alert, AlertState, Source
from facility.catalogue.catalogue import catalogue
from facility.i18n.phrases import Language, Phrases, Text
from facility.notifications import ChannelHealth, Message
from serviceday.notification.notices import RECOVERY, Context

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")
_SENTENCE = re.compile(r"(?<=[。；！？])|(?<=[.;!?])\s")
_REASON = 160  # characters of the reason
_LISTED = 20  # alerts that a digest names


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Says messages with the rules' templates, in the receiver's language."""

    context: Context
    mode: Callable[[Alert], str]  # the failure mode that is likeliest at the alert's asset, "" where none is

    def message(self, message: Message, alert: Alert) -> tuple[str, str]:
        """Subject and text of a message about one alert."""
        language = self.context.language(message.receiver)
        fields = self._fields(alert, message, language)
        template = self.context.rules.settings.templates.get(language)
        words = template.format(**fields) if template else PHRASES.say("message", language, **fields)
        subject = PHRASES.say("subject", language, **fields)
        lines = [line for line in words.splitlines() if line.strip()]
        if link := self.link(alert.id):
            lines.append(PHRASES.say("link", language, url=link))
        return subject, "\n".join(lines)

    def together(
        self, what: str, messages: Sequence[Message], alerts: Mapping[int, Alert], receiver: str
    ) -> tuple[str, str]:
        """Subject and text of several in one: the grave ones first."""
        language = self.context.language(receiver)
        latest = {message.alert: message for message in messages if message.alert in alerts}
        ordered = sorted(latest.values(), key=lambda each: (alerts[each.alert].severity.rank, each.alert))
        subject = PHRASES.say(what, language, count=len(ordered))
        lines = [subject]
        for message in ordered[:_LISTED]:
            alert = alerts[message.alert]
            over = alert.state is AlertState.CLOSED and message.what not in RECOVERY
            lines.append(
                PHRASES.say("line.over" if over else "line", language, **self._fields(alert, message, language))
            )
        if len(ordered) > _LISTED:
            lines.append(PHRASES.say("more", language, count=len(ordered) - _LISTED))
        if base := self.context.rules.settings.base_url:
            lines.append(PHRASES.say("link", language, url=base))
        return subject, "\n".join(lines)

    def dead(self, health: ChannelHealth, error: Callable[[str, Language], str], receiver: str) -> tuple[str, str]:
        """Subject and text about a channel that delivers nothing."""
        language, zone = self.context.language(receiver), self.context.rules.zone
        since = f"{health.failing_since.astimezone(zone):%m-%d %H:%M}" if health.failing_since else "-"
        body = PHRASES.say("dead.body", language, channel=health.name, since=since, error=error(health.error, language))
        return PHRASES.say("dead.subject", language, channel=health.name), body.strip()

    def acknowledge(self, url: str, until: datetime, receiver: str) -> str:
        language = self.context.language(receiver)
        local = until.astimezone(self.context.rules.zone)
        return PHRASES.say("acknowledge", language, url=url, until=f"{local:%m-%d %H:%M}")

    def link(self, alert: int) -> str:
        """The address that opens an alert; "" where the file says none."""
        base = self.context.rules.settings.base_url
        return f"{base.rstrip('/')}/?alert={alert}" if base else ""

    def facts(self, alert: Alert, message: Message) -> dict[str, Any]:
        """An alert for machines. Times are ISO 8601 in UTC."""
        place, language = self.context.place(alert.asset), self.context.language(message.receiver)
        ended = alert.closed_at or alert.returned_at
        return {
            "id": alert.id,
            "cause": alert.cause,
            "asset": alert.asset,
            "site": place.site,
            "kind": place.kind,
            "place": place.words,
            "channel": alert.channel,
            "source": alert.source.value,
            "severity": alert.severity.value,
            "state": alert.state.value,
            "step": message.what,
            "level": message.level,
            "title": alert.title[language],
            "reason": alert.reason[language],
            "began_at": alert.began.isoformat() if alert.began else "",
            "opened_at": alert.opened_at.isoformat(),
            "ended_at": ended.isoformat() if ended and message.what in RECOVERY else "",
            "link": self.link(alert.id),
        }

    def _fields(self, alert: Alert, message: Message, language: Language) -> dict[str, str]:
        place = self.context.place(alert.asset)
        zone = self.context.rules.zone_of(place.site)
        since = (alert.began or alert.opened_at).astimezone(zone)
        step = "escalated" if message.level else message.what
        step = "returned" if alert.state is AlertState.RETURNED and step not in RECOVERY else step
        return {
            "severity": PHRASES.say(f"severity.{alert.severity}", language),
            "step": PHRASES.say(f"step.{step}", language) if f"step.{step}" in PHRASES else "",
            "title": _line(alert.title[language]),
            "place": _line(" ".join(filter(None, (place.words, "" if alert.asset in place.words else alert.asset)))),
            "site": _line(place.site_name or place.site),
            "asset": alert.asset,
            "since": f"{since:%m-%d %H:%M}",
            "reason": first_sentence(alert.reason, language),
            "do": self._advice(alert, message, language),
            "number": f"{alert.id}",
        }

    def _advice(self, alert: Alert, message: Message, language: Language) -> str:
        if message.what == "closed" or alert.state is AlertState.CLOSED:
            return PHRASES.say("do.closed", language)
        if alert.state is AlertState.RETURNED:
            return PHRASES.say("do.returned", language)
        if alert.source in (Source.SENSOR, Source.SILENCE, Source.SYSTEM):
            return PHRASES.say(f"do.{alert.source}", language)
        urgency = PHRASES.say(f"do.{alert.severity}", language)
        kind, mode = self.context.place(alert.asset).kind, self.mode(alert)
        modes = catalogue()[kind].modes if mode and kind in catalogue() else {}
        if mode in modes:
            look = PHRASES.say("do.look_for", language, look_for=modes[mode].look_for[language])
            return f"{urgency}\n{look}"
        return urgency


def first_sentence(reason: Text, language: Language) -> str:
    """Why, in one sentence that a phone shows."""
    words = _line(_SENTENCE.split(_line(reason[language]), maxsplit=1)[0])
    return words if len(words) <= _REASON else words[: _REASON - 1] + "…"


def _line(words: str) -> str:
    return " ".join(words.split())


def test_message(moment: datetime, language: Language) -> tuple[str, str]:
    """Subject and text of a test."""
    words = PHRASES.say("test.body", language, moment=moment.isoformat(sep=" ", timespec="seconds"))
    return PHRASES.say("test.subject", language), words
