"""Services of the catalog."""

from __future__ import annotations

from pumice.context import Context
from pumice.model.identity import Service, ServiceQuery
from pumice.services.updates import Changes, updated
from pumice.store import services as rows
from pumice.store.txn import Txn


def list_services(txn: Txn, _context: Context, query: ServiceQuery) -> list[Service]:
    """Query: the services of ``query``, by type."""
    return rows.select(txn, query)


def find_service(txn: Txn, _context: Context, service_id: str) -> Service:
    """Query: one service. Raises :class:`pumice.errors.NotFound`."""
    return rows.get(txn, service_id)


def create_service(txn: Txn, _context: Context, service: Service) -> Service:
    """Unit: make a service; others may have its name and type."""
    rows.insert(txn, service)
    return service


def update_service(txn: Txn, _context: Context, service_id: str, changes: Changes) -> Service:
    """Unit: change a service. Raises :class:`pumice.errors.NotFound`."""
    service = updated(rows.get(txn, service_id), changes)
    rows.update(txn, service)
    return service


def delete_service(txn: Txn, _context: Context, service_id: str) -> None:
    """Unit: remove a service with its endpoints. Raises :class:`pumice.errors.NotFound`."""
    rows.get(txn, service_id)
    rows.remove(txn, service_id)
