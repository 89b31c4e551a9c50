"""Every route of the identity API."""

from __future__ import annotations

from typing import Final

from pumice.api.app import Api
from pumice.api.faults import keystone_fault
from pumice.api.identity_v3 import resources, tokens, versions
from pumice.errors import InvalidInput

APIS: Final = (
    Api(("identity",), versions.ROOT_ROUTES, fault=keystone_fault),
    Api(
        ("identity", "v3"),
        (*versions.ROUTES, *tokens.ROUTES, *resources.ROUTES),
        fault=keystone_fault,
        wrong_content_type=InvalidInput,
    ),
)
