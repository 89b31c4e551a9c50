"""What the lists of identity have in common: filters, and pages in the order of creation.

Names of tables and columns come from the store's own code; whatever a client sent is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pumice.errors import NotFound
from pumice.model.identity import Match
from pumice.store.texts import lowered
from pumice.store.txn import Row, Txn

Filters = Mapping[str, str | bool | None]
"""Values by column; None means that the column is not asked for."""

Condition = tuple[str, Mapping[str, object]]
"""A condition in SQL, and its parameters."""

# LIKE heeds case in some databases and not in others; these do everywhere the same.
_PARTS: Final = {
    "contains": "replace({value}, {text}, '') <> {value}",
    "startswith": "substr({value}, 1, length({text})) = {text}",
    "endswith": "substr({value}, length({value}) - length({text}) + 1) = {text}",
}


def filtered(
    txn: Txn,
    select: str,
    filters: Filters,
    order: str,
    conditions: Sequence[Condition] = (),
    limit: int | None = None,
) -> list[Row]:
    """The rows of ``select`` that equal every filter and fulfil every condition, sorted by ``order``.

    At most ``limit`` of them, all if it is None.
    """
    where = [*_equal(filters), *(sql for sql, _ in conditions)]
    parameters: dict[str, object] = {**filters, "limit": limit}
    for _, values in conditions:
        parameters |= values
    bound = "" if limit is None else "LIMIT :limit"
    return txn.all(f"{select} {_clause(where)} ORDER BY {order} {bound}", parameters)


def matching(matches: Iterable[Match]) -> list[Condition]:
    """The conditions that texts hold given parts; each text holds the empty one."""
    found: list[Condition] = []
    for number, match in enumerate(matches):
        if match.text:
            name = f"match_{number}"
            value, text = match.field, match.text
            if match.ignore_case:
                value, text = f"lower({value})", lowered(text)
            found.append((_PARTS[match.part].format(value=value, text=f":{name}"), {name: text}))
    return found


def page(
    txn: Txn,
    select: str,
    table: str,
    filters: Filters,
    bounds: tuple[int | None, str | None],
    conditions: Sequence[Condition] = (),
) -> list[Row]:
    """The rows of ``select`` that equal every filter and fulfil every condition, oldest first.

    ``bounds`` are a limit (None: all) and a marker, the id of the row after which to begin. Raises
    :class:`NotFound` if ``table`` has no such row.
    """
    limit, marker = bounds
    where = [*_equal(filters), *(sql for sql, _ in conditions)]
    parameters: dict[str, object] = {**filters, "limit": limit, "marker": marker}
    for _, values in conditions:
        parameters |= values
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
    return "WHERE " + " AND ".join(f"({one})" for one in conditions) if conditions else ""
