"""Every route of the compute API."""

from __future__ import annotations

from typing import Final

from pumice.api.app import Api
from pumice.api.compute_v2 import flavor_access, flavor_specs, flavors, versions

APIS: Final = (
    Api(("compute",), versions.ROOT_ROUTES),
    Api(
        ("compute", "v2.1"),
        (*versions.ROUTES, *flavors.ROUTES, *flavor_specs.ROUTES, *flavor_access.ROUTES),
        microversions=versions.VERSIONS,
        project_in_path=True,
    ),
)
