"""``Idempotency-Key``: a repeated request gets the first one's answer, and nothing is made twice.

The key is claimed, and the answer kept, in the transaction of what is made: either both are there or
neither. Of two requests with one key at once the second one's claim fails, its transaction leaves nothing,
and it is given the first one's answer as soon as that is on disk. Only what was made is remembered; a refusal
leaves the key free.

With ``replay_detection_seconds``, a request without a key gets one made of what it asks for: a client that
knows no such header and repeats a create soon after, because an answer got lost, gets the first one's answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, Generic, TypeVar, TypeVarTuple

from msgspec import Struct

from pumice.context import Context
from pumice.errors import InvalidInput, KeyReused
from pumice.store import kept_answers as rows
from pumice.store.kept_answers import KeptAnswer, Key
from pumice.store.txn import Txn

T = TypeVar("T")
A = TypeVarTuple("A")

KEPT_SECONDS: Final = 24 * 3600
MAX_KEY: Final = 255


class Attempt(Struct, frozen=True):
    """One request under a key. Times are UTC microseconds."""

    key: Key
    body_hash: str
    now_us: int
    expires_us: int


class Once(Struct, Generic[T], frozen=True):
    """What a unit needs to be carried out once: the attempt, and the answer made of the unit's result."""

    attempt: Attempt
    status: int
    answer: Callable[[T], bytes]


class Answered(Exception):
    """Another request has the key, and is answered by now: :func:`find_answer` has it."""


def new_attempt(context: Context, path: str, key: str, body: bytes) -> Attempt:
    """A request to ``path`` under the client's ``key``. Raises :class:`InvalidInput` for a bad key."""
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable() or not key.isascii():
        raise InvalidInput(f"An Idempotency-Key has 1 to {MAX_KEY} printable ASCII characters.")
    # A domain stands where no project does: the same body makes something else in another domain.
    place = context.project_id or context.domain_id or ""
    scope = Key(context.user_id, place, path, key)
    expires_us = context.now_us + KEPT_SECONDS * 1_000_000
    return Attempt(scope, hashlib.sha256(body).hexdigest(), context.now_us, expires_us)


def new_replay(context: Context, path: str, body: bytes, seconds: int) -> Attempt:
    """A request whose client sends no key: the same of the same project within ``seconds`` is a repeat."""
    body_hash = hashlib.sha256(body).hexdigest()
    scope = Key("", context.project_id or "", path, body_hash)
    return Attempt(scope, body_hash, context.now_us, context.now_us + seconds * 1_000_000)


def find_answer(txn: Txn, attempt: Attempt) -> KeptAnswer | None:
    """Query: the answer given under this key, or None. Raises :class:`KeyReused` for another body."""
    kept = rows.find(txn, attempt.key, attempt.now_us)
    if kept is not None and kept.body_hash != attempt.body_hash:
        raise KeyReused("This Idempotency-Key was used for a request with another body.")
    return kept


def once_only(once: Once[T] | None, unit: Callable[[Txn, *A], T]) -> Callable[[Txn, *A], T]:
    """``unit``, carried out only if nobody has the key; without one, ``unit`` itself.

    The unit that is returned raises :class:`Answered` if somebody has it.
    """
    if once is None:
        return unit
    attempt = once.attempt

    @wraps(unit)
    def keyed(txn: Txn, *arguments: *A) -> T:
        if not rows.claim(txn, attempt.key, attempt.body_hash, attempt.now_us, attempt.expires_us):
            raise Answered
        result = unit(txn, *arguments)
        answer = once.answer(result).decode()
        rows.keep(txn, attempt.key, _id_of(result), once.status, answer)
        return result

    return keyed


def _id_of(result: Any) -> str:
    return str(getattr(result, "id", ""))
