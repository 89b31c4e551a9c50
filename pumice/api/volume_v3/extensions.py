"""``/extensions``: which of Cinder's extensions Pumice serves."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies
from pumice.errors import NotFound


class Extension(Struct, frozen=True):
    """One extension, as answers show it."""

    alias: str
    name: str
    description: str
    updated: str
    links: tuple[()] = ()


EXTENSIONS: Final = tuple(
    Extension(*row)
    for row in (
        ("os-admin-actions", "AdminActions", "Enable admin actions.", "2012-08-25T00:00:00+00:00"),
        (
            "os-availability-zone",
            "AvailabilityZones",
            "Describe Availability Zones.",
            "2013-06-27T00:00:00+00:00",
        ),
        ("capabilities", "Capabilities", "Capabilities support.", "2015-08-31T00:00:00+00:00"),
        (
            "os-extended-services",
            "ExtendedServices",
            "Extended services support.",
            "2014-01-10T00:00:00-00:00",
        ),
        ("os-hosts", "Hosts", "Admin-only host administration.", "2011-06-29T00:00:00+00:00"),
        (
            "os-quota-class-sets",
            "QuotaClasses",
            "Quota classes management support.",
            "2012-03-12T00:00:00+00:00",
        ),
        ("os-quota-sets", "Quotas", "Quota management support.", "2011-08-08T00:00:00+00:00"),
        (
            "OS-SCH-HNT",
            "SchedulerHints",
            "Pass arbitrary key/value pairs to the scheduler.",
            "2013-04-18T00:00:00+00:00",
        ),
        (
            "scheduler-stats",
            "Scheduler_stats",
            "Scheduler stats support.",
            "2014-09-07T00:00:00+00:00",
        ),
        ("os-services", "Services", "Services support.", "2012-10-28T00:00:00-00:00"),
        (
            "os-types-extra-specs",
            "TypesExtraSpecs",
            "Type extra specs support.",
            "2011-08-24T00:00:00+00:00",
        ),
        ("os-types-manage", "TypesManage", "Types manage support.", "2011-08-24T00:00:00+00:00"),
        (
            "os-used-limits",
            "UsedLimits",
            "Provide data on limited resources that are being used.",
            "2013-10-03T00:00:00+00:00",
        ),
        (
            "os-volume-actions",
            "VolumeActions",
            "Enable volume actions.",
            "2012-05-31T00:00:00+00:00",
        ),
        (
            "os-volume-encryption-metadata",
            "VolumeEncryptionMetadata",
            "Volume encryption metadata retrieval support.",
            "2013-07-10T00:00:00+00:00",
        ),
        (
            "os-vol-host-attr",
            "VolumeHostAttribute",
            "Expose host as an attribute of a volume.",
            "2011-11-03T00:00:00+00:00",
        ),
        (
            "os-vol-image-meta",
            "VolumeImageMetadata",
            "Show image metadata associated with the volume.",
            "2012-12-07T00:00:00+00:00",
        ),
        (
            "os-vol-mig-status-attr",
            "VolumeMigStatusAttribute",
            "Expose migration_status as an attribute of a volume.",
            "2013-08-08T00:00:00+00:00",
        ),
        (
            "os-vol-tenant-attr",
            "VolumeTenantAttribute",
            "Expose the internal project_id as an attribute of a volume.",
            "2011-11-03T00:00:00+00:00",
        ),
        (
            "os-volume-type-access",
            "VolumeTypeAccess",
            "Volume type access support.",
            "2014-06-26T00:00:00Z",
        ),
    )
)
"""Names, words and dates are Cinder's; what of it Pumice does not have yet is not listed."""

_BY_ALIAS: Final = {one.alias: one for one in EXTENSIONS}


async def list_extensions(request: Request) -> dict[str, Any]:
    """Every extension."""
    del request
    return {"extensions": EXTENSIONS}


async def show_extension(request: Request) -> dict[str, Any]:
    """One extension by its alias."""
    found = _BY_ALIAS.get(request.parameters["alias"])
    if found is None:
        raise NotFound("The resource could not be found.")
    return {"extension": found}


ROUTES: Final = (
    Route("GET", "/extensions", list_extensions, policies.EXTENSIONS),
    Route("GET", "/extensions/{alias}", show_extension, policies.EXTENSIONS, raises=(NotFound,)),
)
