"""Every route of the volume API."""

from __future__ import annotations

from typing import Final

from pumice.api.app import Api
from pumice.api.volume_v3 import (
    availability_zones,
    capabilities,
    default_types,
    extensions,
    hosts,
    limits,
    logs,
    messages,
    pools,
    quota_classes,
    quotas,
    resource_filters,
    services,
    type_access,
    types,
    versions,
    volume_actions,
    volume_encryption,
    volume_lists,
    volume_metadata,
    volumes,
)

APIS: Final = (
    Api(("volume",), versions.ROOT_ROUTES, microversions=versions.VERSIONS),
    Api(
        ("volume", "v3"),
        (
            *versions.ROUTES,
            *volume_lists.ROUTES,
            *volumes.ROUTES,
            *volume_metadata.ROUTES,
            *volume_actions.ROUTES,
            *volume_encryption.ROUTES,
            *types.ROUTES,
            *type_access.ROUTES,
            *default_types.ROUTES,
            *quotas.ROUTES,
            *quota_classes.ROUTES,
            *limits.ROUTES,
            *services.ROUTES,
            *logs.ROUTES,
            *hosts.ROUTES,
            *pools.ROUTES,
            *capabilities.ROUTES,
            *availability_zones.ROUTES,
            *extensions.ROUTES,
            *resource_filters.ROUTES,
            *messages.ROUTES,
        ),
        microversions=versions.VERSIONS,
        project_in_path=True,
    ),
)
