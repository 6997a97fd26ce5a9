"""Why a service could not be reached, in words. Only its host is named: an address may hold a key."""

from __future__ import annotations

import socket
import ssl

from serviceday.notification.senders.contract import NotDelivered


def unreachable(where: str, error: BaseException) -> NotDelivered:
    """What to tell of a connection that failed."""
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return NotDelivered(
            "the certificate of {where} is not trusted: {error}",
            "Name the authority that signed it with `ca`, or have the certificate renewed",
            where=where,
            error=cause.verify_message,
        )
    if isinstance(cause, ssl.SSLError):
        return NotDelivered(
            "{where} and we cannot agree on TLS: {error}",
            "Check port and `tls` of the channel",
            where=where,
            error=cause.reason or "?",
        )
    if isinstance(cause, socket.gaierror):
        return NotDelivered(
            "there is no host of that name: {where}", "Check the spelling, the name service and the proxy", where=where
        )
    if isinstance(cause, TimeoutError):
        return silent(where)
    reason = getattr(cause, "strerror", None) or type(cause).__name__
    return NotDelivered(
        "{where} cannot be reached: {error}", "Check address, port, firewall and proxy", where=where, error=reason
    )


def silent(where: str) -> NotDelivered:
    """That a service does not answer, and what to do."""
    return NotDelivered(
        "{where} did not answer in time", "Check whether it is overloaded, or raise `timeout`", where=where
    )


def _cause(error: BaseException) -> BaseException:
    """The system's own error behind a library's."""
    pending: list[object] = [error]
    looked = 0
    while pending and looked < 20:
        current, looked = pending.pop(0), looked + 1
        if isinstance(current, OSError) and not type(current).__module__.startswith("urllib3"):
            return current
        if isinstance(current, BaseException):
            pending += [getattr(current, "reason", None), getattr(current, "original_error", None)]
            pending += [current.__cause__, current.__context__, *current.args]
    return error
