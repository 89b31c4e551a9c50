"""Queries of units that lock what they find: who reads a row to decide on it keeps others from changing it.

On SQLite a unit is alone, and its transaction the only one that writes. On PostgreSQL units of all processes
run at once, at READ COMMITTED: each statement sees what was committed before it, and a row that is locked is
read again once it is free. So a unit locks first and decides afterwards. Everybody locks in one order:
answers kept under a key, generations, operations, types, volumes, quotas, backends, pools.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pumice.store.txn import Engine

Strength = Literal["UPDATE", "NO KEY UPDATE", "KEY SHARE"]
"""``UPDATE`` also keeps rows that refer to this one from being added; ``KEY SHARE`` holds that lock off."""


def locking(query: str, strength: Strength, of: str | None = None) -> Mapping[Engine, str]:
    """``query`` for either database; ``of`` is the alias of the table to be locked, in a join."""
    only = "" if of is None else f" OF {of}"
    return {"sqlite": query, "postgresql": f"{query} FOR {strength}{only}"}
