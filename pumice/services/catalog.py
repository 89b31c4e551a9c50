"""The catalog of a token: where each service is, for its project and as this client reaches us."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final

from msgspec import Struct

from pumice.model.identity import Endpoint, EndpointQuery, Service, ServiceQuery
from pumice.services.generation import Generation
from pumice.store import endpoints as endpoint_rows
from pumice.store import services as service_rows
from pumice.store.contract import Store
from pumice.store.txn import Txn

CATALOGS_KEPT: Final = 1000

BASE: Final = "{base}"
"""What stands in a template for where the client reaches this process."""

_VARIABLE: Final = re.compile(r"[$%]\((\w+)\)s")
_PROJECT_VARIABLES: Final = frozenset({"project_id", "tenant_id"})


class CatalogEndpoint(Struct, frozen=True):
    """An endpoint in a catalog; ``region`` is the older name of ``region_id``."""

    id: str
    interface: str
    region: str | None
    region_id: str | None
    url: str


class CatalogEntry(Struct, frozen=True):
    """A service in a catalog, with the endpoints that this token can use."""

    id: str
    type: str
    name: str
    endpoints: tuple[CatalogEndpoint, ...]


Catalog = tuple[CatalogEntry, ...]


class CatalogService:
    """Makes catalogs, and keeps those made last until identity changes."""

    def __init__(self, store: Store, generation: Generation) -> None:
        self._store = store
        self._generation = generation
        self._kept: OrderedDict[tuple[str | None, str], tuple[int, Catalog]] = OrderedDict()

    async def catalog(self, project_id: str | None, base: str) -> Catalog:
        """The catalog of a token for ``project_id``, or of one without a project.

        ``base`` is the absolute URL at which the client reaches this process, without a slash at
        its end. Services and endpoints that are disabled are left out, and so are endpoints that
        need a project when there is none.
        """
        generation = await self._generation.current()
        key = project_id, base
        kept = self._kept.get(key)
        if kept is not None and kept[0] == generation:
            return kept[1]
        catalog = resolve(await self._store.read(_enabled), project_id, base)
        self._kept[key] = generation, catalog
        self._kept.move_to_end(key)
        if len(self._kept) > CATALOGS_KEPT:
            self._kept.popitem(last=False)
        return catalog


Enabled = list[tuple[Service, list[Endpoint]]]


def _enabled(txn: Txn) -> Enabled:
    """Query: every enabled service with its enabled endpoints."""
    endpoints: dict[str, list[Endpoint]] = {}
    for endpoint in endpoint_rows.select(txn, EndpointQuery()):
        if endpoint.enabled:
            endpoints.setdefault(endpoint.service_id, []).append(endpoint)
    services = service_rows.select(txn, ServiceQuery())
    return [(service, endpoints.get(service.id, [])) for service in services if service.enabled]


def resolve(enabled: Enabled, project_id: str | None, base: str) -> Catalog:
    """The catalog with every template filled in.

    A service none of whose endpoints can be used is left out: keystoneauth takes an entry without
    endpoints for a defect of the cloud ("Programming error choosing an endpoint").
    """
    entries = (
        CatalogEntry(service.id, service.type, service.name, _usable(endpoints, project_id, base))
        for service, endpoints in enabled
    )
    return tuple(entry for entry in entries if entry.endpoints)


def _usable(
    endpoints: list[Endpoint], project_id: str | None, base: str
) -> tuple[CatalogEndpoint, ...]:
    return tuple(
        CatalogEndpoint(
            endpoint.id, endpoint.interface, endpoint.region_id, endpoint.region_id, url
        )
        for endpoint in endpoints
        if (url := fill(endpoint.url, project_id, base)) is not None
    )


def fill(template: str, project_id: str | None, base: str) -> str | None:
    """``template`` as a URL, or None if it needs something that this token does not have.

    Known are ``{base}``, and ``$(project_id)s`` with its variants ``%(...)s`` and ``tenant_id``.
    """
    variables = _VARIABLE.findall(template)
    if variables and (project_id is None or not _PROJECT_VARIABLES.issuperset(variables)):
        return None
    return _VARIABLE.sub(project_id or "", template).replace(BASE, base)
