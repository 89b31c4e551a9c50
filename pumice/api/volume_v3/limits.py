"""``/limits``: the quota of the caller's project in the words of an older API."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.query import single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies, versions
from pumice.services import quotas
from pumice.services.quotas import QuotaDefaults

# Resource, the name of its limit, and the name of what is used of it.
_NAMES: Final = (
    ("volumes", "maxTotalVolumes", "totalVolumesUsed"),
    ("gigabytes", "maxTotalVolumeGigabytes", "totalGigabytesUsed"),
    ("snapshots", "maxTotalSnapshots", "totalSnapshotsUsed"),
    ("backups", "maxTotalBackups", "totalBackupsUsed"),
    ("backup_gigabytes", "maxTotalBackupGigabytes", "totalBackupGigabytesUsed"),
)


async def list_limits(request: Request) -> dict[str, Any]:
    """The limits of a project and what it uses; requests are not limited in their rate."""
    context = request.context
    found = await request.read(
        quotas.show_quota, context, _project(request), QuotaDefaults.of(request.services.settings)
    )
    absolute = {limit: found[resource].limit for resource, limit, _ in _NAMES}
    if request.services.rules.allows(policies.USED_LIMITS, context):
        absolute |= {used: found[resource].in_use for resource, _, used in _NAMES}
    return {"limits": {"rate": [], "absolute": absolute}}


def _project(request: Request) -> str:
    """The project that is asked about: the caller's own, or any that an administrator names."""
    own = request.context.project_id or ""
    if request.microversion < versions.LIMITS_OF_PROJECT or not request.context.is_admin:
        return own
    given = single_values(request)
    return given.get("project_id", given.get("tenant_id", own))


ROUTES: Final = (
    Route("GET", "/limits", list_limits, policies.LIMITS, further=(policies.USED_LIMITS,)),
)
