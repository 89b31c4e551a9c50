"""Services of the catalog: list and show."""

from __future__ import annotations

from pumice.context import Context
from pumice.model.identity import Service, ServiceQuery
from pumice.store import services as rows
from pumice.store.txn import Txn


def list_services(txn: Txn, _context: Context, query: ServiceQuery) -> list[Service]:
    """Query: the services of ``query``, by type."""
    return rows.select(txn, query)


def find_service(txn: Txn, _context: Context, service_id: str) -> Service:
    """Query: one service. Raises :class:`pumice.errors.NotFound`."""
    return rows.get(txn, service_id)
