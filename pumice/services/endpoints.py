"""Endpoints of the catalog: list and show, with their templates as they are stored."""

from __future__ import annotations

from pumice.context import Context
from pumice.model.identity import Endpoint, EndpointQuery
from pumice.store import endpoints as rows
from pumice.store.txn import Txn


def list_endpoints(txn: Txn, _context: Context, query: EndpointQuery) -> list[Endpoint]:
    """Query: the endpoints of ``query``, by service and interface."""
    return rows.select(txn, query)


def find_endpoint(txn: Txn, _context: Context, endpoint_id: str) -> Endpoint:
    """Query: one endpoint. Raises :class:`pumice.errors.NotFound`."""
    return rows.get(txn, endpoint_id)
