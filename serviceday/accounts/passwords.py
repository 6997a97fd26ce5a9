"""Passwords: which are taken, how they are hashed, and that a wrong one takes as long as a right one.

Length and a list of common ones are what NIST SP 800-63B asks for; no rules on kinds of characters. Hashes are argon2id
with the low-memory parameters of RFC 9106 (64 MiB, three passes), as argon2-cffi sets them.
"""

from __future__ import annotations

import secrets
import tomllib
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from facility.errors import CannotDo

SHORTEST, LONGEST = 12, 200  # characters
_FEWEST = 5  # different characters
_HASHER = PasswordHasher()


@cache
def _common() -> frozenset[str]:
    with Path(__file__).with_name("common.toml").open("rb") as stream:
        return frozenset(tomllib.load(stream)["passwords"])


def normal(password: str) -> str:
    """The same password however a keyboard composes its characters."""
    return unicodedata.normalize("NFKC", password)


def check(password: str, name: str) -> None:
    """Raises `CannotDo` if a password is too short or too easily guessed; the password itself is never told."""
    plain = normal(password).casefold()
    letters = plain.strip("0123456789!@#$%^&*.?_- ")
    if len(plain) < SHORTEST or len(plain) > LONGEST:
        raise CannotDo(
            "a password has {shortest} to {longest} characters",
            "Choose another, such as four words that do not belong together",
            shortest=SHORTEST,
            longest=LONGEST,
        )
    easy = plain in _common() or letters in _common() or not letters or _runs(plain)
    if easy or len(set(plain)) < _FEWEST or name.casefold() == letters or plain == name.casefold():
        raise CannotDo(
            "this password is among the first that are guessed",
            "Choose another, such as four words that do not belong together",
        )


def _runs(plain: str) -> bool:
    """Whether it goes on by ones, or is one short piece again and again."""
    steps = {ord(after) - ord(before) for before, after in pairwise(plain)}
    repeats = any(plain == (plain[:size] * len(plain))[: len(plain)] for size in range(1, 6))
    return steps <= {1} or steps <= {-1} or repeats


def hashed(password: str) -> str:
    """A password's argon2id hash, with its salt and parameters."""
    return _HASHER.hash(normal(password))


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe())


def matches(stored: str | None, password: str) -> bool:
    """Whether a password is that of a hash; without one it takes as long and is wrong."""
    nobodys = _nobodys()  # made before it is known whether it is needed
    try:
        right = _HASHER.verify(stored or nobodys, normal(password)[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return right and stored is not None


def outdated(stored: str) -> bool:
    """Whether a hash is of weaker parameters than today's."""
    return _HASHER.check_needs_rehash(stored)
