"""Rows of ``endpoints``."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from pumice.errors import NotFound
from pumice.model.identity import Endpoint, EndpointQuery
from pumice.store.listing import filtered
from pumice.store.txn import Row, Txn

_SELECT: Final = "SELECT id, service_id, interface, region_id, url, enabled FROM endpoints"


def _endpoint(row: Row) -> Endpoint:
    id_, service_id, interface, region_id, url, enabled = row
    return Endpoint(id_, service_id, interface, region_id, url, bool(enabled))


_INSERT: Final = """
INSERT INTO endpoints (id, service_id, interface, region_id, url, enabled)
VALUES (:id, :service_id, :interface, :region_id, :url, :enabled)
"""


def insert(txn: Txn, endpoint: Endpoint) -> None:
    """Add an endpoint; its id must be new."""
    txn.change(_INSERT, asdict(endpoint))


_GET: Final = f"{_SELECT} WHERE id = :id"


def get(txn: Txn, endpoint_id: str) -> Endpoint:
    """The endpoint. Raises :class:`NotFound`."""
    row = txn.one(_GET, {"id": endpoint_id})
    if row is None:
        raise NotFound(f"Could not find endpoint: {endpoint_id}.")
    return _endpoint(row)


def select(txn: Txn, query: EndpointQuery) -> list[Endpoint]:
    """The endpoints of ``query``, by service and interface."""
    filters = {
        "service_id": query.service_id,
        "interface": query.interface,
        "region_id": query.region_id,
    }
    return [_endpoint(row) for row in filtered(txn, _SELECT, filters, "service_id, interface, id")]
