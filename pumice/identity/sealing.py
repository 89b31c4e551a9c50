"""Token keys as they stand in a shared database: sealed with a key that is not in it.

A copy of the database alone issues no token. The sealing key has the form of a token key: 32 bytes in
URL-safe base64; each host that serves the database has it in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from pumice.errors import UsageError

_NO_TIME: Final = 0
"""Fernet writes a time in clear; when a key was sealed is nobody's business."""


def seal(keys: Mapping[int, bytes], sealing_key: bytes) -> dict[int, str]:
    """``keys``, by number, as texts that only ``sealing_key`` opens.

    Raises :class:`UsageError` if that is no key.
    """
    fernet = _fernet(sealing_key)
    return {number: fernet.encrypt_at_time(key, _NO_TIME).decode() for number, key in keys.items()}


def unseal(sealed: Mapping[int, str], sealing_key: bytes) -> dict[int, bytes]:
    """The reverse of :func:`seal`. Raises :class:`UsageError` if ``sealing_key`` is another one or none."""
    fernet = _fernet(sealing_key)
    try:
        return {number: fernet.decrypt(text.encode()) for number, text in sealed.items()}
    except InvalidToken as error:
        raise UsageError(
            "The token keys in the database were sealed with another key; give this host the "
            "key_file of the others."
        ) from error


def _fernet(sealing_key: bytes) -> Fernet:
    try:
        return Fernet(sealing_key)
    except ValueError as error:
        raise UsageError("The key_file does not hold 32 bytes in URL-safe base64.") from error
