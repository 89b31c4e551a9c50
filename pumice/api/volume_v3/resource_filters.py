"""``GET /resource_filters``: what each list may be filtered by (from 3.33)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pumice.api.query import single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies, versions

RESOURCE_FILTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "volume": (
        "name",
        "status",
        "metadata",
        "bootable",
        "migration_status",
        "availability_zone",
        "group_id",
        "size",
        "created_at",
        "updated_at",
        "consumes_quota",
        "glance_metadata",
    ),
    "backup": ("name", "status", "volume_id"),
    "snapshot": (
        *("name", "status", "volume_id", "metadata", "availability_zone", "consumes_quota"),
    ),
    "group": ("name",),
    "group_snapshot": ("name", "status", "group_id"),
    "attachment": ("volume_id", "status", "instance_id", "attach_status"),
    "message": ("resource_uuid", "resource_type", "event_id", "request_id", "message_level"),
    "pool": ("name", "volume_type"),
    "volume_type": ("is_public", "extra_specs"),
}
"""Cinder's ``resource_filters.json`` with all that it may have for volumes."""


async def list_resource_filters(request: Request) -> dict[str, Any]:
    """The filters of every resource, or of the one asked for; none for one that is unknown."""
    resource = single_values(request).get("resource")
    return {
        "resource_filters": [
            {"resource": name, "filters": filters}
            for name, filters in RESOURCE_FILTERS.items()
            if resource in (None, "", name)
        ]
    }


ROUTES: Final = (
    Route(
        "GET",
        "/resource_filters",
        list_resource_filters,
        policies.RESOURCE_FILTERS,
        since=versions.RESOURCE_FILTERS_LIST,
    ),
)
