"""Endpoints of the catalog.

The URLs of a first start are templates that begin with where the client reaches this process; those that
administrators set are taken as they are, but for the project in them.
"""

from __future__ import annotations

from pumice.context import Context
from pumice.errors import InvalidInput, NotFound
from pumice.model.identity import Endpoint, EndpointQuery, Region
from pumice.services.catalog import BASE, fill
from pumice.services.updates import Changes, updated
from pumice.store import endpoints as rows
from pumice.store import regions, services
from pumice.store.txn import Txn


def list_endpoints(txn: Txn, _context: Context, query: EndpointQuery) -> list[Endpoint]:
    """Query: the endpoints of ``query``, by service and interface."""
    return rows.select(txn, query)


def find_endpoint(txn: Txn, _context: Context, endpoint_id: str) -> Endpoint:
    """Query: one endpoint. Raises :class:`NotFound`."""
    return rows.get(txn, endpoint_id)


def create_endpoint(
    txn: Txn, _context: Context, endpoint: Endpoint, new_region: str | None
) -> Endpoint:
    """Unit: make an endpoint; ``new_region`` is a region to make as well, unless there is one of this id.

    Raises :class:`InvalidInput` for an unknown service or region, and for a URL that cannot be filled in.
    """
    _make_region(txn, new_region)
    _check(txn, endpoint)
    _check_url(endpoint.url)
    rows.insert(txn, endpoint)
    return endpoint


def update_endpoint(
    txn: Txn, _context: Context, endpoint_id: str, changes: Changes, new_region: str | None
) -> Endpoint:
    """Unit: change an endpoint; ``new_region`` and what is raised as in :func:`create_endpoint`.

    Raises :class:`NotFound`, too.
    """
    endpoint = updated(rows.get(txn, endpoint_id), changes)
    _make_region(txn, new_region)
    _check(txn, endpoint)
    if "url" in changes:
        _check_url(endpoint.url)
    rows.update(txn, endpoint)
    return endpoint


def delete_endpoint(txn: Txn, _context: Context, endpoint_id: str) -> None:
    """Unit: remove an endpoint. Raises :class:`NotFound`."""
    rows.get(txn, endpoint_id)
    rows.remove(txn, endpoint_id)


def _make_region(txn: Txn, region_id: str | None) -> None:
    if region_id is not None:
        regions.insert(txn, Region(region_id, "", None))


def _check(txn: Txn, endpoint: Endpoint) -> None:
    try:
        services.get(txn, endpoint.service_id)
        if endpoint.region_id is not None:
            regions.get(txn, endpoint.region_id)
    except NotFound as error:
        raise InvalidInput(error.public) from error


def _check_url(url: str) -> None:
    """Raise :class:`InvalidInput` for a template that nobody's token can fill in."""
    filled = fill(url, "project", "")
    if filled is None or BASE in url or "$(" in filled or "%(" in filled:
        raise InvalidInput(f"Cannot create an endpoint with an invalid URL: {url}.")
