"""Rows of ``revoked_tokens``: tokens that were revoked one by one, by their audit ids."""

from __future__ import annotations

from typing import Final

from pumice.store.txn import Txn

# To revoke a token twice adds to the first time, and takes nothing back.
_INSERT: Final = """
INSERT INTO revoked_tokens (audit_id, with_descendants, expires_at)
VALUES (:audit_id, :with_descendants, :expires_at)
ON CONFLICT (audit_id) DO UPDATE
SET with_descendants = revoked_tokens.with_descendants OR excluded.with_descendants
"""


def insert(txn: Txn, audit_id: str, *, with_descendants: bool, expires_us: int) -> None:
    """Let the token of this audit id be void until ``expires_us``, when it is so anyway.

    With ``with_descendants`` those are void, too, that were got from it.
    """
    values = {
        "audit_id": audit_id,
        "with_descendants": with_descendants,
        "expires_at": expires_us,
    }
    txn.change(_INSERT, values)


_IS_REVOKED: Final = """
SELECT 1 FROM revoked_tokens
WHERE audit_id = :own OR (audit_id = :first AND with_descendants)
"""


def is_revoked(txn: Txn, audit_ids: tuple[str, ...]) -> bool:
    """Whether the token with these audit ids, its own and perhaps that of the first one, is void."""
    ids = {"own": audit_ids[0], "first": audit_ids[-1]}
    return txn.one(_IS_REVOKED, ids) is not None


_PRUNE: Final = """
DELETE FROM revoked_tokens WHERE audit_id IN (
    SELECT audit_id FROM revoked_tokens WHERE expires_at <= :now LIMIT :limit)
"""


def prune(txn: Txn, now_us: int, limit: int) -> int:
    """Remove at most ``limit`` rows of tokens that have ended; how many."""
    return txn.change(_PRUNE, {"now": now_us, "limit": limit})
