"""Why a broker could not be reached, in words that name the real cause, and secrets that come from files."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from facility.errors import CannotCommunicate, CannotParse
from facility.i18n.messages import Sentence

_HANDSHAKE_WITHIN = 3.0  # seconds
_EXPIRED, _NOT_YET_VALID = 10, 9  # X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID (openssl-verify(1))
_NAME, _ADDRESS = 62, 64  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def unreachable(where: object, error: Exception) -> CannotCommunicate:
    """What to tell of a connection to a broker that was not made: who is not there, or who is not trusted, and why."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
            return CannotCommunicate(
                "the certificate of {where} is not valid today: {error}",
                "Have the broker's certificate renewed, or set this machine's clock right",
                where=where,
                error=error.verify_message,
            )
        if error.verify_code in (_NAME, _ADDRESS):
            return CannotCommunicate(
                "the certificate of {where} is made out to another name: {error}",
                "Write the name that stands in the certificate, or have it made out to this one",
                where=where,
                error=error.verify_message,
            )
        return CannotCommunicate(
            "the certificate of {where} is not trusted: {error}",
            "Name the authority that signed it with --ca FILE (PEM)",
            where=where,
            error=error.verify_message,
        )
    if isinstance(error, ssl.SSLError):
        return CannotCommunicate(
            "{where} and we cannot agree on TLS: {error}",
            "Check that the port is one for TLS (most often 8883), and whether it asks for --cert and --key",
            where=where,
            error=error.reason or error,
        )
    if isinstance(error, socket.gaierror):
        return CannotCommunicate(
            "there is no host of that name: {where}", "Check the spelling and the name service", where=where
        )
    return CannotCommunicate(
        "no broker answers at {where}: {error}",
        "Start it, or name another with --broker mqtt://host:port",
        where=where,
        error=error,
    )


def speaks_tls(host: str, port: int) -> bool:
    """Whether a port greets with TLS, whoever it is: asked only to tell why plain words were not understood."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=_HANDSHAKE_WITHIN) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except ssl.SSLError as error:  # an alert of the other side, as for a missing client certificate, is TLS as well
        return "ALERT" in (error.reason or "")
    except OSError:
        return False


def encrypted_port(where: object) -> CannotCommunicate:
    """What to tell whoever speaks plainly to a port for TLS."""
    return CannotCommunicate(
        "{where} speaks TLS, and we were told to speak plainly",
        "Write the address with mqtts://, and --ca FILE if the authority is your own",
        where=where,
    )


def read_secret(file: Path) -> str:
    """The secret in a file, one line of it. Raises `CannotParse`, which never repeats what stands there."""
    try:
        secret = file.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, OSError) else Sentence("not UTF-8")
        raise CannotParse(
            "the secret in {file} cannot be read: {reason}", "Mend its path or permissions", file=file, reason=reason
        ) from None
    if not secret.strip():
        raise CannotParse("the secret file {file} is empty", "Write the secret into it", file=file)
    return one_line(secret, file)


def one_line(secret: str, source: object) -> str:
    """The secret, if it is one line. Raises `CannotParse`, which names where it comes from and not what it is."""
    if not secret.isprintable():
        raise CannotParse(
            "the secret in {source} is more than one line, or has characters that cannot be printed",
            "Leave the secret alone there, on one line",
            source=source,
        )
    return secret
