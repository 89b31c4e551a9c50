"""Every route of the identity API."""

from __future__ import annotations

from typing import Final

from pumice.api.app import Api
from pumice.api.faults import keystone_fault
from pumice.api.identity_v3 import (
    assignments,
    domains,
    endpoints,
    groups,
    projects,
    regions,
    roles,
    services,
    tokens,
    users,
    versions,
)
from pumice.errors import InvalidInput

APIS: Final = (
    Api(("identity",), versions.ROOT_ROUTES, fault=keystone_fault),
    Api(
        ("identity", "v3"),
        (
            *versions.ROUTES,
            *tokens.ROUTES,
            *domains.ROUTES,
            *projects.ROUTES,
            *users.ROUTES,
            *groups.ROUTES,
            *roles.ROUTES,
            *assignments.ROUTES,
            *regions.ROUTES,
            *services.ROUTES,
            *endpoints.ROUTES,
        ),
        fault=keystone_fault,
        wrong_content_type=InvalidInput,
    ),
)
