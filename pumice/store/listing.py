"""What the lists of identity have in common: equality filters, and pages in the order of creation.

Names of tables and columns come from the store's own code; whatever a client sent is a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping

from pumice.errors import NotFound
from pumice.store.txn import Row, Txn

Filters = Mapping[str, str | bool | None]
"""Values by column; None means that the column is not asked for."""


def filtered(txn: Txn, select: str, filters: Filters, order: str) -> list[Row]:
    """The rows of ``select`` that equal every filter, sorted by ``order``."""
    return txn.all(f"{select} {_clause(_equal(filters))} ORDER BY {order}", filters)


def page(
    txn: Txn, select: str, table: str, filters: Filters, bounds: tuple[int | None, str | None]
) -> list[Row]:
    """The rows of ``select`` that equal every filter, oldest first.

    ``bounds`` are a limit (None: all) and a marker, the id of the row after which to begin. Raises
    :class:`NotFound` if ``table`` has no such row.
    """
    limit, marker = bounds
    where = _equal(filters)
    parameters: dict[str, object] = {**filters, "limit": limit, "marker": marker}
    if marker is not None:
        last = txn.one(f"SELECT created_at FROM {table} WHERE id = :marker", parameters)
        if last is None:
            raise NotFound(f"Marker {marker} could not be found.")
        where.append("(created_at, id) > (:after, :marker)")
        parameters["after"] = last[0]
    bound = "" if limit is None else "LIMIT :limit"
    return txn.all(f"{select} {_clause(where)} ORDER BY created_at, id {bound}", parameters)


def _equal(filters: Filters) -> list[str]:
    return [f"{column} = :{column}" for column, value in filters.items() if value is not None]


def _clause(conditions: list[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""
