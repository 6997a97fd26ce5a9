"""Makes the sender of a channel, with its secrets. Nothing is connected yet."""

from __future__ import annotations

from pathlib import Path

from serviceday.notification.credentials import revealed
from serviceday.notification.schema import AppriseChannel, Channel, RobotChannel, Secret, SmtpChannel
from serviceday.notification.senders.contract import Sender
from serviceday.notification.senders.mail import Mail
from serviceday.notification.senders.many import Many
from serviceday.notification.senders.robots import Robot
from serviceday.notification.senders.webhooks import Alertmanager, AlertmanagerApi, Webhook


def sender_of(channel: Channel, folder: Path) -> Sender:
    """The sender. Raises `CannotDo` or `CannotParse` where a secret is missing; files are meant from `folder`."""

    def secret(source: Secret | None) -> str:
        return revealed(source, folder) if source is not None else ""

    if isinstance(channel, AppriseChannel):
        return Many(secret(channel.url), channel.name)
    ca = f"{folder / channel.ca}" if channel.ca else ""
    if isinstance(channel, SmtpChannel):
        return Mail(channel, secret(channel.password), ca)
    timeout = channel.timeout.total_seconds()
    if isinstance(channel, RobotChannel):
        return Robot(channel.kind, secret(channel.url), secret=secret(channel.secret), ca=ca, timeout=timeout)
    url = channel.url if isinstance(channel.url, str) else secret(channel.url)
    webhook = Webhook if channel.kind == "webhook" else Alertmanager if channel.form == "webhook" else AlertmanagerApi
    return webhook(url, token=secret(channel.token), ca=ca, timeout=timeout)
