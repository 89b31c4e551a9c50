"""Rows of ``services``: the services in the catalog."""

from __future__ import annotations

from typing import Final

from pumice.errors import NotFound
from pumice.model.identity import Service, ServiceQuery
from pumice.store.json_columns import decode_object, parameters
from pumice.store.listing import filtered, matching
from pumice.store.txn import Row, Txn

_SELECT: Final = "SELECT id, type, name, description, enabled, extra FROM services"


def _service(row: Row) -> Service:
    id_, type_, name, description, enabled, extra = row
    return Service(id_, type_, name, description, bool(enabled), decode_object(extra))


_INSERT: Final = """
INSERT INTO services (id, type, name, description, enabled, extra)
VALUES (:id, :type, :name, :description, :enabled, :extra)
"""


def insert(txn: Txn, service: Service) -> None:
    """Add a service; its id must be new. Several may have the same type and name."""
    txn.change(_INSERT, parameters(service))


_UPDATE: Final = """
UPDATE services SET type = :type, name = :name, description = :description, enabled = :enabled,
    extra = :extra
WHERE id = :id
"""


def update(txn: Txn, service: Service) -> None:
    """Let the service be as it is here."""
    txn.change(_UPDATE, parameters(service))


_REMOVE: Final = (
    "DELETE FROM endpoints WHERE service_id = :id",
    "DELETE FROM services WHERE id = :id",
)


def remove(txn: Txn, service_id: str) -> None:
    """Remove a service with its endpoints."""
    for statement in _REMOVE:
        txn.change(statement, {"id": service_id})


_GET: Final = f"{_SELECT} WHERE id = :id"


def get(txn: Txn, service_id: str) -> Service:
    """The service. Raises :class:`NotFound`."""
    row = txn.one(_GET, {"id": service_id})
    if row is None:
        raise NotFound(f"Could not find service: {service_id}.")
    return _service(row)


def select(txn: Txn, query: ServiceQuery) -> list[Service]:
    """The services of ``query``, by type."""
    filters = {"type": query.type, "name": query.name}
    rows = filtered(txn, _SELECT, filters, "type, id", matching(query.matches))
    return [_service(row) for row in rows]
