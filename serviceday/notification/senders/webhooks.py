"""Webhooks for machines: our own form, and that of Alertmanager."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from serviceday.notification.senders.contract import Envelope
from serviceday.notification.senders.web import accepted, host_of, post


class Webhook:
    """POSTs the message with all its facts; the key travels as `Idempotency-Key` too."""

    per_minute: int | None = None

    def __init__(self, url: str, *, token: str = "", ca: str = "", timeout: float = 10.0) -> None:
        self._url, self._ca, self._timeout = url, ca, timeout
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def parts(self, envelope: Envelope) -> list[str]:
        return [envelope.body]

    def send(self, envelope: Envelope, part: str, number: int) -> None:
        headers = self._headers | {"Idempotency-Key": envelope.key.encode("ascii", "replace").decode()}
        answer = post(self._url, self.document(envelope, part), timeout=self._timeout, ca=self._ca, headers=headers)
        accepted(answer, host_of(self._url))

    def document(self, envelope: Envelope, part: str) -> object:
        return {
            "key": envelope.key,
            "receiver": envelope.receiver,
            "subject": envelope.subject,
            "text": part,
            **envelope.facts,
        }


class Alertmanager(Webhook):
    """What Alertmanager 0.35 sends to its webhooks (version 4)."""

    def document(self, envelope: Envelope, part: str) -> object:
        alerts = [_alert(facts) for facts in envelope.facts.get("alerts", [])]
        status = "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved"
        labels = alerts[0]["labels"] if len(alerts) == 1 else {}
        return {
            "version": "4",
            "groupKey": envelope.key,
            "truncatedAlerts": 0,
            "status": status if alerts else "firing",
            "receiver": envelope.receiver,
            "groupLabels": labels,
            "commonLabels": labels,
            "commonAnnotations": alerts[0]["annotations"] if len(alerts) == 1 else {"summary": envelope.subject},
            "externalURL": envelope.facts.get("base_url", ""),
            "alerts": alerts,
        }


class AlertmanagerApi(Webhook):
    """What Alertmanager takes (`/api/v2/alerts`)."""

    def document(self, envelope: Envelope, part: str) -> object:
        alerts = [_alert(facts) for facts in envelope.facts.get("alerts", [])]
        fields = ("labels", "annotations", "startsAt", "endsAt", "generatorURL")
        ahead = (datetime.now(UTC) + _STANDS).isoformat(timespec="seconds")
        return [
            {key: alert[key] for key in fields} | ({"endsAt": ahead} if alert["status"] == "firing" else {})
            for alert in alerts
        ]


_STANDS = timedelta(days=30)  # Alertmanager ends by itself what says no end, after minutes
_NEVER = "0001-01-01T00:00:00Z"


def _alert(facts: Mapping[str, Any]) -> dict[str, Any]:
    labels = {"alertname": facts["cause"]} | {
        key: str(facts[key]) for key in ("asset", "site", "kind", "severity", "source", "channel") if facts.get(key)
    }
    return {
        "status": "resolved" if facts["ended_at"] else "firing",
        "labels": labels,
        "annotations": {"summary": facts["title"], "description": facts["reason"], "place": facts["place"]},
        "startsAt": facts["opened_at"],
        "endsAt": facts["ended_at"] or _NEVER,
        "generatorURL": facts["link"],
        "fingerprint": hashlib.sha256(facts["cause"].encode()).hexdigest()[:16],
    }
