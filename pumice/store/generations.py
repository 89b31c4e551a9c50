"""Rows of ``generations``: how often what processes keep in memory has changed, by what it is."""

from __future__ import annotations

from typing import Final

from pumice.store.txn import Txn

IDENTITY: Final = "identity"

_RAISE: Final = "UPDATE generations SET value = value + 1 WHERE name = :name"


def raise_identity(txn: Txn) -> None:
    """Count one change of identity, and be the only one who makes one until this transaction ends."""
    if not txn.change(_RAISE, {"name": IDENTITY}):
        raise LookupError("The database does not count the changes of identity.")


_FIND: Final = "SELECT value FROM generations WHERE name = :name"


def identity(txn: Txn) -> int:
    """Query: the changes of identity that are committed."""
    row = txn.one(_FIND, {"name": IDENTITY})
    if row is None:
        raise LookupError("The database does not count the changes of identity.")
    value: int = row[0]
    return value
