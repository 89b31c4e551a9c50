"""Rows of ``roles`` and ``role_implications``."""

from __future__ import annotations

from typing import Final

from pumice.errors import NotFound
from pumice.model.identity import Implication, Role, RoleQuery
from pumice.store.json_columns import decode_object, parameters
from pumice.store.listing import Condition, filtered, matching
from pumice.store.txn import Row, Txn

_COLUMNS: Final = "id, name, description, created_at, domain_id, options, extra"
_SELECT: Final = f"SELECT {_COLUMNS} FROM roles"


def role_of(row: Row) -> Role:
    """The role in a row of ``_COLUMNS``."""
    id_, name, description, created_at, domain_id, options, extra = row
    return Role(
        id_,
        name,
        description,
        created_at,
        domain_id,
        decode_object(options),
        decode_object(extra),
    )


_INSERT: Final = f"""
INSERT INTO roles ({_COLUMNS})
VALUES (:id, :name, :description, :created_at, :domain_id, :options, :extra)
"""


def insert(txn: Txn, role: Role) -> None:
    """Add a role; its id, and its name in its domain or among those of none, must be new."""
    txn.change(_INSERT, parameters(role))


_UPDATE: Final = """
UPDATE roles SET name = :name, description = :description, options = :options, extra = :extra
WHERE id = :id
"""


def update(txn: Txn, role: Role) -> None:
    """Let the role be as it is here; no other beside it may have its name."""
    txn.change(_UPDATE, parameters(role))


_REMOVE: Final = (
    "DELETE FROM role_assignments WHERE role_id = :id",
    "DELETE FROM role_implications WHERE prior_role_id = :id OR implied_role_id = :id",
    "DELETE FROM roles WHERE id = :id",
)


def remove(txn: Txn, role_id: str) -> None:
    """Remove a role, from whoever has it and from what it implies."""
    for statement in _REMOVE:
        txn.change(statement, {"id": role_id})


_GET: Final = f"{_SELECT} WHERE id = :id"


def get(txn: Txn, role_id: str) -> Role:
    """The role. Raises :class:`NotFound`."""
    row = txn.one(_GET, {"id": role_id})
    if row is None:
        raise NotFound(f"Could not find role: {role_id}.")
    return role_of(row)


_OF_NO_DOMAIN: Final[Condition] = ("domain_id IS NULL", {})


def select(txn: Txn, query: RoleQuery) -> list[Role]:
    """The roles of ``query``, by name."""
    filters = {"name": query.name, "domain_id": query.domain_id}
    conditions = matching(query.matches)
    if query.domain_id is None:
        conditions.append(_OF_NO_DOMAIN)
    return [role_of(row) for row in filtered(txn, _SELECT, filters, "name", conditions)]


_IMPLY: Final = """
INSERT INTO role_implications (prior_role_id, implied_role_id) VALUES (:prior, :implied)
ON CONFLICT (prior_role_id, implied_role_id) DO NOTHING
"""


def imply(txn: Txn, prior_role_id: str, implied_role_id: str) -> bool:
    """Let whoever has the first role have the second; False, and no change, if that is so already."""
    return txn.change(_IMPLY, {"prior": prior_role_id, "implied": implied_role_id}) > 0


_IMPLY_NO_MORE: Final = """
DELETE FROM role_implications WHERE prior_role_id = :prior AND implied_role_id = :implied
"""


def imply_no_more(txn: Txn, prior_role_id: str, implied_role_id: str) -> bool:
    """The reverse of :func:`imply`; False if it was not so."""
    return txn.change(_IMPLY_NO_MORE, {"prior": prior_role_id, "implied": implied_role_id}) > 0


_IMPLICATIONS: Final = """
SELECT p.id, p.name, p.description, p.created_at, p.domain_id, p.options, p.extra,
    r.id, r.name, r.description, r.created_at, r.domain_id, r.options, r.extra
FROM role_implications i JOIN roles p ON p.id = i.prior_role_id JOIN roles r ON r.id = i.implied_role_id
"""
_WIDTH: Final = len(Role.__struct_fields__)


def implications(txn: Txn, prior_role_id: str | None = None) -> list[Implication]:
    """What roles imply at once, or what one does: by the prior role's name, then the implied one's."""
    rows = filtered(
        txn, _IMPLICATIONS, {"prior_role_id": prior_role_id}, "p.name, p.id, r.name, r.id"
    )
    return [Implication(role_of(row[:_WIDTH]), role_of(row[_WIDTH:])) for row in rows]
