"""The keys that tokens are encrypted with, in the layout of Keystone's key repository.

Each key has a number, which is the name of its file. The highest is the *primary* and encrypts; 0
is *staged* and becomes the next primary; those between are *secondary* and were primary once. All
of them decrypt, the staged one too: another host may have made it its primary already.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from pumice.errors import Unauthenticated, UsageError
from pumice.seams import Ids

STAGED: Final = 0
KEY_BYTES: Final = 32
LEAST_ACTIVE: Final = 2
"""A staged and a primary key."""

# Where a Fernet token says when it was made; Fernet's own way to read it is a second decryption.
_TIME: Final = slice(1, 9)


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """An immutable set of numbered keys. It has no useful repr, so that no log can show a key."""

    _keys: Mapping[int, bytes]
    _fernet: MultiFernet = field(compare=False)

    @classmethod
    def from_files(cls, files: Mapping[int, bytes]) -> Self:
        """The keyring of a key repository: files by name, 44 bytes of URL-safe base64 in each.

        Raises :class:`UsageError` if there is no key 0, or if one of the files holds no key.
        """
        if STAGED not in files:
            raise UsageError("The token keys lack key 0, the staged one.")
        ordered = sorted(files.items(), reverse=True)
        return cls(dict(ordered), MultiFernet([_fernet(*item) for item in ordered]))

    @classmethod
    def new(cls, ids: Ids) -> Self:
        """A keyring for a first start: a primary key and a staged one."""
        return cls.from_files({STAGED: make_key(ids), 1: make_key(ids)})

    def to_files(self) -> dict[int, bytes]:
        """What to write into a key repository; the reverse of :meth:`from_files`."""
        return dict(self._keys)

    def rotate(self, new_key: bytes, max_active: int = 3) -> Self:
        """Make the staged key the primary one and ``new_key`` the staged one.

        At most ``max_active`` keys remain, the oldest leave first; with them end the tokens that
        they encrypted. So a token is safe for ``max_active - 2`` rotations. Raises
        :class:`ValueError` for less than 2 and :class:`UsageError` if ``new_key`` is not a key.
        """
        if max_active < LEAST_ACTIVE:
            raise ValueError(f"A keyring needs {LEAST_ACTIVE} keys, not {max_active}.")
        staged, primary = self._keys[STAGED], max(self._keys)
        numbered = {number: key for number, key in self._keys.items() if number != STAGED}
        if staged != self._keys[primary]:  # Else a crash broke a rotation off when this was done.
            numbered[primary + 1] = staged
        newest = sorted(numbered.items(), reverse=True)[: max_active - 1]
        return self.from_files({STAGED: new_key, **dict(newest)})

    def encrypt(self, payload: bytes, at_seconds: int) -> str:
        """A Fernet token of ``payload``, made at ``at_seconds`` since 1970, without its padding."""
        return self._fernet.encrypt_at_time(payload, at_seconds).rstrip(b"=").decode()

    def decrypt(self, text: str) -> tuple[bytes, int]:
        """The payload of a token that one of the keys encrypted, and when, in seconds since 1970.

        Raises :class:`Unauthenticated` for everything else, and for a second spelling of a token:
        base64 decoders skip strange characters and unused bits, but caches know tokens by text.
        """
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError as error:
            raise refused("It is not base64.") from error
        padded = base64.urlsafe_b64encode(raw)
        if padded.rstrip(b"=").decode() != text:
            raise refused("It is not in the one base64 form of its bytes.")
        try:
            payload = self._fernet.decrypt(padded)
        except InvalidToken as error:
            raise refused("It was changed, or no active key made it.") from error
        return payload, int.from_bytes(raw[_TIME])


def make_key(ids: Ids) -> bytes:
    """A new random key as it stands in a file."""
    return base64.urlsafe_b64encode(ids.secret(KEY_BYTES))


def refused(reason: str) -> Unauthenticated:
    """The one answer to every bad token; ``reason`` is for the log."""
    text = "The request you have made requires authentication."
    return Unauthenticated(text, detail=f"The token is refused. {reason}")


def _fernet(number: int, key: bytes) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as error:
        raise UsageError(f"The token key {number} is not 32 bytes in URL-safe base64.") from error
