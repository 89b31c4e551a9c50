"""Rows of ``kept_answers``: what was answered to requests that carried an ``Idempotency-Key``.

A key without a user is Pumice's own: a request that looks like a repeat. Its answer counts only as long as
the volume that it tells of is there and well.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from pumice.store.locking import locking
from pumice.store.txn import Txn


class Key(Struct, frozen=True):
    """A client's key in its scope: who sent it, for which project or domain, to which path."""

    user_id: str
    project_id: str
    path: str
    idempotency_key: str


class KeptAnswer(Struct, frozen=True):
    """An answer: to which body, its status and its own body, and what it made."""

    body_hash: str
    resource_id: str
    status: int
    answer: str


_IS_KEY: Final = """user_id = :user_id AND project_id = :project_id AND path = :path
    AND idempotency_key = :idempotency_key"""
_COUNTS: Final = """kept_answers.expires_at > :now AND (kept_answers.user_id <> '' OR EXISTS (
    SELECT 1 FROM volumes v WHERE v.id = kept_answers.resource_id
    AND v.status NOT IN ('error', 'deleting', 'error_deleting')))"""

_FIND: Final = f"""
SELECT body_hash, resource_id, status, answer FROM kept_answers WHERE {_IS_KEY} AND {_COUNTS}
"""


def find(txn: Txn, key: Key, now_us: int) -> KeptAnswer | None:
    """The answer that was given under ``key``, or None."""
    row = txn.one(_FIND, {**asdict(key), "now": now_us})
    return None if row is None else KeptAnswer(*row)


_CLAIM: Final = """
INSERT INTO kept_answers (user_id, project_id, path, idempotency_key, body_hash, resource_id, status,
    answer, expires_at)
VALUES (:user_id, :project_id, :path, :idempotency_key, :body_hash, '', 0, '', :expires_at)
ON CONFLICT (user_id, project_id, path, idempotency_key) DO NOTHING
"""
_HOLD: Final = locking(f"SELECT 1 FROM kept_answers WHERE {_IS_KEY}", "UPDATE")
_CLAIM_AGAIN: Final = f"""
UPDATE kept_answers SET body_hash = :body_hash, expires_at = :expires_at
WHERE {_IS_KEY} AND NOT ({_COUNTS})
"""


def claim(txn: Txn, key: Key, body_hash: str, now_us: int, expires_us: int) -> bool:
    """Take ``key`` for this transaction; False if another request has it, or had it and was answered.

    A twin that is under way in another process is waited for.
    """
    parameters = {**asdict(key), "body_hash": body_hash, "expires_at": expires_us}
    if txn.change(_CLAIM, parameters):
        return True
    # Held first: a statement sees no volume that was made while it waited for the key.
    txn.one(_HOLD[txn.engine], parameters)
    return txn.change(_CLAIM_AGAIN, {**parameters, "now": now_us}) > 0


_KEEP: Final = f"""
UPDATE kept_answers SET resource_id = :resource_id, status = :status, answer = :answer
WHERE {_IS_KEY}
"""


def keep(txn: Txn, key: Key, resource_id: str, status: int, answer: str) -> None:
    """Write down what is answered under ``key``, which this transaction has claimed."""
    parameters = {"resource_id": resource_id, "status": status, "answer": answer}
    txn.change(_KEEP, {**asdict(key), **parameters})


# The second look is at the row itself: a key that was just taken anew stays.
_PRUNE: Final = """
DELETE FROM kept_answers WHERE (user_id, project_id, path, idempotency_key) IN (
    SELECT user_id, project_id, path, idempotency_key FROM kept_answers
    WHERE expires_at <= :now LIMIT :limit)
AND expires_at <= :now
"""


def prune(txn: Txn, now_us: int, limit: int) -> int:
    """Remove at most ``limit`` answers that are kept no longer; how many."""
    return txn.change(_PRUNE, {"now": now_us, "limit": limit})
