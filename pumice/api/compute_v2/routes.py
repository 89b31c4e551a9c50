"""Every route of the compute API: v2.1, and v2.0 for clients from before microversions."""

from __future__ import annotations

from typing import Final

from pumice.api.app import Api
from pumice.api.compute_v2 import flavor_access, flavor_specs, flavors, versions

_FLAVORS: Final = (*flavors.ROUTES, *flavor_specs.ROUTES, *flavor_access.ROUTES)

APIS: Final = (
    Api(("compute",), versions.ROOT_ROUTES),
    Api(
        ("compute", "v2"),
        (*versions.LEGACY_ROUTES, *(route for route in _FLAVORS if not route.since)),
        project_in_path=True,
    ),
    Api(
        ("compute", "v2.1"),
        (*versions.ROUTES, *_FLAVORS),
        microversions=versions.VERSIONS,
        project_in_path=True,
    ),
)
