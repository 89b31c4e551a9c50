"""Rows of ``token_keys``: the keys of all processes on this database, as identity/sealing.py seals them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pumice.store.txn import Txn

_ALL: Final = "SELECT number, sealed FROM token_keys"


def select(txn: Txn) -> dict[int, str]:
    """Query: the sealed keys by number."""
    return dict(txn.all(_ALL))


_CLEAR: Final = "DELETE FROM token_keys"
_INSERT: Final = "INSERT INTO token_keys (number, sealed) VALUES (:number, :sealed)"


def replace(txn: Txn, sealed: Mapping[int, str]) -> None:
    """Let ``sealed`` be all the keys that there are."""
    txn.change(_CLEAR, {})
    rows = [{"number": number, "sealed": text} for number, text in sorted(sealed.items())]
    txn.change_many(_INSERT, rows)
