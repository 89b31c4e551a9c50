"""Every route of the volume API."""

from __future__ import annotations

from typing import Final

from pumice.api.app import Api
from pumice.api.volume_v3 import messages, pools, services, types, versions, volumes

APIS: Final = (
    Api(("volume",), versions.ROOT_ROUTES, microversions=versions.VERSIONS),
    Api(
        ("volume", "v3"),
        (
            *versions.ROUTES,
            *volumes.ROUTES,
            *types.ROUTES,
            *services.ROUTES,
            *pools.ROUTES,
            *messages.ROUTES,
        ),
        microversions=versions.VERSIONS,
        project_in_path=True,
    ),
)
