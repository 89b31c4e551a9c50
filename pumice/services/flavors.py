"""Flavors: list and show."""

from __future__ import annotations

from typing import Final

import msgspec

from pumice.context import Context
from pumice.errors import InvalidInput
from pumice.model.flavor import Flavor, FlavorQuery
from pumice.store import flavors as rows
from pumice.store.txn import Txn

SORT_KEYS: Final = frozenset(rows.SORT_COLUMNS)
"""What lists of flavors may be sorted by."""


def list_flavors(txn: Txn, context: Context, query: FlavorQuery) -> list[Flavor]:
    """Query: the page of ``query``; whoever is no administrator gets what his project may use.

    Raises :class:`InvalidInput` for an unknown sort key or marker.
    """
    if query.sort_key not in SORT_KEYS:
        raise InvalidInput(f"Flavors cannot be sorted by {query.sort_key!r}.")
    if not context.is_admin:
        query = msgspec.structs.replace(query, is_public=True)
    return rows.select(txn, query, context.project_id)


def find_flavor(txn: Txn, context: Context, flavor_id: str) -> Flavor:
    """Query: one flavor. Raises :class:`pumice.errors.NotFound`, also for a hidden one."""
    return rows.get(txn, flavor_id, context.project_id, hidden=context.is_admin)
