"""E-mail over SMTP: plain text and a small page, by TLS unless it is said otherwise."""

from __future__ import annotations

import html
import re
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate

from facility.errors import CannotDo
from serviceday.notification.schema import SmtpChannel
from serviceday.notification.senders.contract import Envelope, NotDelivered, Rejected, Unaddressed
from serviceday.notification.senders.trouble import unreachable

_LINK = re.compile(r"https?://[^\s<>\"]+")


class Mail:
    """Delivers by SMTP."""

    per_minute: int | None = None

    def __init__(self, channel: SmtpChannel, password: str, ca: str) -> None:
        self._channel, self._password, self._ca = channel, password, ca

    def parts(self, envelope: Envelope) -> list[str]:
        return [envelope.body]

    def send(self, envelope: Envelope, part: str, number: int) -> None:
        channel = self._channel
        where = f"{channel.host}:{channel.port}"
        if not envelope.address:
            raise Unaddressed(
                "{receiver} has no address on this channel", "Write it into the rules", receiver=envelope.receiver
            )
        try:
            with self._connected() as connection:
                if channel.tls == "starttls":
                    connection.starttls(context=self._context())
                if self._password:
                    connection.login(channel.user, self._password)
                connection.send_message(self._letter(envelope, part))
        except smtplib.SMTPNotSupportedError as error:
            raise Rejected(
                "{where} offers no {what}", "Check port, `tls` and `user` of the channel",
                where=where, what="AUTH" if "auth" in f"{error}".lower() else "STARTTLS",
            ) from None  # fmt: skip
        except smtplib.SMTPAuthenticationError as error:
            raise Rejected(
                "{where} does not let {user} in ({code})", "Check user and password", where=where, user=channel.user,
                code=error.smtp_code,
            ) from None  # fmt: skip
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            refused = self._refused(where, code, words)
            raise (Unaddressed(refused.what, refused.do) if isinstance(refused, Rejected) else refused) from None
        except smtplib.SMTPResponseException as error:
            raise self._refused(where, error.smtp_code, error.smtp_error) from None
        except (smtplib.SMTPException, OSError) as error:
            raise unreachable(where, error) from None

    def _refused(self, where: str, code: int, words: bytes | str) -> NotDelivered:
        shown = (words.decode("utf-8", "replace") if isinstance(words, bytes) else words)[:120]
        if 500 <= code < 600:
            return Rejected(
                "{where} refuses it with {status}: {words}",
                "Check sender and receiver",
                where=where,
                status=code,
                words=shown,
            )
        return NotDelivered(
            "{where} answers {status}: {words}", "It is tried again", where=where, status=code, words=shown
        )

    def _connected(self) -> smtplib.SMTP:
        channel, timeout = self._channel, self._channel.timeout.total_seconds()
        if channel.tls == "tls":
            return smtplib.SMTP_SSL(channel.host, channel.port, timeout=timeout, context=self._context())
        return smtplib.SMTP(channel.host, channel.port, timeout=timeout)

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca or None)
        except (OSError, ssl.SSLError) as error:
            raise CannotDo(
                "{file} holds no certificate: {error}", "Name a PEM file with `ca`", file=self._ca, error=error
            ) from None

    def _letter(self, envelope: Envelope, part: str) -> EmailMessage:
        letter = EmailMessage()
        letter["Subject"] = " ".join(envelope.subject.split())[:200]
        letter["From"] = self._channel.sender
        letter["To"] = envelope.address
        letter["Date"] = formatdate()
        letter["Message-ID"] = f"<{re.sub(r'[^A-Za-z0-9.-]', '-', envelope.key)}@serviceday>"
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        letter["X-Serviceday-Key"] = envelope.key
        letter.set_content(part)
        letter.add_alternative(_page(part, envelope), subtype="html")
        return letter


def _page(part: str, envelope: Envelope) -> str:
    words = _LINK.sub(lambda link: f'<a href="{link[0]}">{link[0]}</a>', html.escape(part, quote=False))
    title = html.escape(" ".join(envelope.subject.split()))
    lines = words.replace("\n", "<br>\n")
    return (
        f'<!doctype html><html lang="{envelope.language}"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body style="font:16px/1.5 sans-serif;max-width:40em">{lines}</body></html>\n'
    )
