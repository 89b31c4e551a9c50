"""Rows of ``services``: the services in the catalog."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from pumice.errors import NotFound
from pumice.model.identity import Service, ServiceQuery
from pumice.store.listing import filtered
from pumice.store.txn import Row, Txn

_SELECT: Final = "SELECT id, type, name, description, enabled FROM services"


def _service(row: Row) -> Service:
    id_, type_, name, description, enabled = row
    return Service(id_, type_, name, description, bool(enabled))


_INSERT: Final = """
INSERT INTO services (id, type, name, description, enabled)
VALUES (:id, :type, :name, :description, :enabled)
"""


def insert(txn: Txn, service: Service) -> None:
    """Add a service; its id must be new. Several may have the same type and name."""
    txn.change(_INSERT, asdict(service))


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
    return [_service(row) for row in filtered(txn, _SELECT, filters, "type, id")]
