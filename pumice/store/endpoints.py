"""Rows of ``endpoints``."""

from __future__ import annotations

from typing import Final

from pumice.errors import NotFound
from pumice.model.identity import Endpoint, EndpointQuery
from pumice.store.json_columns import decode_object, parameters
from pumice.store.listing import filtered
from pumice.store.txn import Row, Txn

_SELECT: Final = "SELECT id, service_id, interface, region_id, url, enabled, extra FROM endpoints"


def _endpoint(row: Row) -> Endpoint:
    id_, service_id, interface, region_id, url, enabled, extra = row
    return Endpoint(id_, service_id, interface, region_id, url, bool(enabled), decode_object(extra))


_INSERT: Final = """
INSERT INTO endpoints (id, service_id, interface, region_id, url, enabled, extra)
VALUES (:id, :service_id, :interface, :region_id, :url, :enabled, :extra)
"""


def insert(txn: Txn, endpoint: Endpoint) -> None:
    """Add an endpoint; its id must be new."""
    txn.change(_INSERT, parameters(endpoint))


_UPDATE: Final = """
UPDATE endpoints SET service_id = :service_id, interface = :interface, region_id = :region_id,
    url = :url, enabled = :enabled, extra = :extra
WHERE id = :id
"""


def update(txn: Txn, endpoint: Endpoint) -> None:
    """Let the endpoint be as it is here."""
    txn.change(_UPDATE, parameters(endpoint))


_REMOVE: Final = "DELETE FROM endpoints WHERE id = :id"


def remove(txn: Txn, endpoint_id: str) -> None:
    """Remove an endpoint."""
    txn.change(_REMOVE, {"id": endpoint_id})


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
