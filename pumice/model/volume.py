"""A volume and its type, as the store keeps them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Volume(Struct, frozen=True):
    """One volume. Times are UTC microseconds; sizes are GiB.

    ``host`` is ``host@backend#pool`` once a backend was chosen. The order of the fields is the order of
    the columns in :data:`pumice.store.volumes.COLUMNS`.
    """

    id: str
    project_id: str
    user_id: str
    name: str | None
    description: str | None
    size_gib: int
    status: str
    attach_status: str
    volume_type_id: str
    volume_type_name: str
    availability_zone: str
    host: str | None
    bootable: bool
    multiattach: bool
    metadata: str
    """The user's metadata as the text of a JSON object."""
    provider_location: str | None
    created_at: int
    updated_at: int | None


class VolumeType(Struct, frozen=True):
    """One volume type. ``extra_specs`` says what a backend must offer (``capabilities:x``) or do."""

    id: str
    name: str
    description: str | None
    is_public: bool
    extra_specs: dict[str, str | None]
    created_at: int
    updated_at: int | None


class VolumeQuery(Struct, frozen=True):
    """Which volumes, in which order: ``project_id`` None means all projects.

    ``sort`` is a list of (column, "asc" | "desc") that ends with the id; ``limit`` None means all.
    ``marker`` is the last volume of the page before. ``filters`` compare for equality, a tuple value
    means any of them.
    """

    project_id: str | None
    filters: dict[str, Any]
    sort: tuple[tuple[str, str], ...]
    limit: int | None
    offset: int
    marker: str | None
