"""Passwords: hashes as Keystone stores them, and logins that were verified a while ago.

A hash is made to be slow (a third of a second at 12 rounds), so :func:`hash_password` and
:func:`verify_password` run on the executor, never on the event loop and never in a unit.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import b64encode
from collections import OrderedDict
from typing import Final

import bcrypt
from msgspec import msgpack

from pumice.errors import InvalidInput

MAX_BYTES: Final = 4096
"""Keystone's ``max_password_length``: what is longer is cut, as Keystone cuts it."""

BCRYPT_MAX_BYTES: Final = 72
"""bcrypt reads no further; its library refuses more, and Keystone cuts."""

_BCRYPT: Final = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_BCRYPT_SHA256: Final = re.compile(
    r"\$bcrypt-sha256\$v=2,t=2b,r=(\d{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})"
)
_SCRYPT: Final = re.compile(
    r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([./+A-Za-z0-9]*)\$([./+A-Za-z0-9]+)"
)
_PBKDF2_SHA512: Final = re.compile(
    r"\$pbkdf2-sha512\$(\d{1,7})\$([./+A-Za-z0-9]*)\$([./+A-Za-z0-9]+)"
)
_SCRYPT_DIGEST_BYTES: Final = 32
_SCRYPT_MAX_MEMORY_BYTES: Final = 1 << 30
"""Keystone's own cost takes 64 MiB. A hash that wants more than this matches no password."""


def hash_password(password: str, rounds: int = 12) -> str:
    """The bcrypt hash (``$2b$``) of the first 72 bytes of ``password`` in UTF-8, with a new salt.

    ``rounds`` is the power of 2 of its cost, 4 to 31; others raise :class:`ValueError`. A password
    with a NUL raises :class:`InvalidInput`: bcrypt repeats password and NUL until it has 72 bytes,
    so that ``a`` would open what ``a NUL a`` shall lock.
    """
    secret = _to_bytes(password)
    if b"\0" in secret:
        raise InvalidInput("A password cannot contain the character NUL.")
    return bcrypt.hashpw(secret[:BCRYPT_MAX_BYTES], bcrypt.gensalt(rounds)).decode()


def dummy_hash(rounds: int = 12) -> str:
    """A hash that no password matches, at the cost of ``rounds``.

    Verify against it when there is no such user, or none that has a password: then the time of the
    answer does not tell. It is well formed; its digest is all zeros, which nobody can aim at.
    """
    return f"$2b${rounds:02d}${'.' * 53}"


def verify_password(password: str, stored_hash: str) -> bool:
    """Whether ``stored_hash`` was made of ``password``; False for a hash of no known form.

    The forms are those that Keystone 30 reads (``keystone/common/password_hashing.py``) and that it
    and passlib write: ``$2a$ $2b$ $2y$`` (bcrypt), ``$bcrypt-sha256$`` version 2, ``$scrypt$`` and
    ``$pbkdf2-sha512$``.
    """
    secret = _to_bytes(password)
    try:
        if _BCRYPT.fullmatch(stored_hash):
            return _is_bcrypt(secret, stored_hash)
        if found := _BCRYPT_SHA256.fullmatch(stored_hash):
            return _is_bcrypt_sha256(secret, found)
        if found := _SCRYPT.fullmatch(stored_hash):
            return _is_scrypt(secret, found)
        if found := _PBKDF2_SHA512.fullmatch(stored_hash):
            return _is_pbkdf2_sha512(secret, found)
    except ValueError:  # A salt or cost that the algorithm does not have.
        return False
    return False


class VerifiedLogins:
    """Who proved which password not long ago, so that a repeated login costs microseconds.

    Of each user it keeps one hash, keyed with ``key``, of the stored password hash and the
    password: after a change of the password nothing matches. What is kept is worth something to
    whoever reads this process's memory, since the hash is fast; hence a key that is random for each
    process and never stored, a bound on the number of users (those seen least recently leave) and
    an end ``lifetime_ns`` after the slow check, however often the login is repeated.

    It is used on the event loop only. Times are those of a monotonic clock, in nanoseconds.
    """

    def __init__(
        self, key: bytes, *, capacity: int = 10_000, lifetime_ns: int = 3_600_000_000_000
    ) -> None:
        self._key = key
        self._capacity = capacity
        self._lifetime_ns = lifetime_ns
        self._known: OrderedDict[str, tuple[bytes, int]] = OrderedDict()

    def remember(self, user_id: str, stored_hash: str, password: str, now_ns: int) -> None:
        """Keep that ``password`` was verified against ``stored_hash`` just now."""
        digest = self._digest(user_id, stored_hash, password)
        self._known[user_id] = (digest, now_ns + self._lifetime_ns)
        self._known.move_to_end(user_id)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def is_known(self, user_id: str, stored_hash: str, password: str, now_ns: int) -> bool:
        """Whether just this was remembered and has not ended. False says: verify it."""
        digest, end_ns = self._known.get(user_id, (b"", now_ns))
        if now_ns >= end_ns:
            self._known.pop(user_id, None)
            return False
        if not hmac.compare_digest(digest, self._digest(user_id, stored_hash, password)):
            return False
        self._known.move_to_end(user_id)
        return True

    def _digest(self, user_id: str, stored_hash: str, password: str) -> bytes:
        # As an array, no two triples have the same bytes.
        content = msgpack.encode((user_id, stored_hash, _to_bytes(password)))
        return hashlib.blake2b(content, key=self._key, digest_size=32).digest()


def _to_bytes(password: str) -> bytes:
    """UTF-8, cut. A lone surrogate is encoded as a character would be, so that no text fails."""
    return password.encode("utf-8", "surrogatepass")[:MAX_BYTES]


def _is_bcrypt(secret: bytes, stored_hash: str) -> bool:
    if b"\0" in secret:  # As in hash_password.
        return False
    return bcrypt.checkpw(secret[:BCRYPT_MAX_BYTES], stored_hash.encode())


def _is_bcrypt_sha256(secret: bytes, found: re.Match[str]) -> bool:
    """The bcrypt hash of an HMAC, which has neither a NUL nor more than 72 bytes."""
    rounds, salt, digest = found.groups()
    inner = b64encode(hmac.digest(salt.encode(), secret, "sha256"))
    return bcrypt.checkpw(inner, f"$2b${int(rounds):02d}${salt}{digest}".encode())


def _is_scrypt(secret: bytes, found: re.Match[str]) -> bool:
    log_n, r, p, salt, digest = found.groups()
    derived = hashlib.scrypt(
        secret,
        salt=_from_base64(salt),
        n=1 << min(int(log_n), 31),
        r=int(r),
        p=int(p),
        maxmem=_SCRYPT_MAX_MEMORY_BYTES,
        dklen=_SCRYPT_DIGEST_BYTES,
    )
    return hmac.compare_digest(derived, _from_base64(digest))


def _is_pbkdf2_sha512(secret: bytes, found: re.Match[str]) -> bool:
    rounds, salt, digest = found.groups()
    derived = hashlib.pbkdf2_hmac("sha512", secret, _from_base64(salt), int(rounds))
    return hmac.compare_digest(derived, _from_base64(digest))


def _from_base64(text: str) -> bytes:
    """Base64 as passlib writes it: no padding, and in some forms ``.`` for ``+``."""
    return binascii.a2b_base64(text.replace(".", "+") + "=" * (-len(text) % 4))
