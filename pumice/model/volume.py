"""A volume and its type, as the store keeps them."""

from __future__ import annotations

from typing import Any, Final

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
    image_metadata: str = "{}"
    """What is known of the image it was made from, as the text of a JSON object of strings."""
    migration_status: str | None = None
    is_readonly: bool | None = None
    """None until somebody sets it: only then it is shown, as in Cinder."""


NULLABLE: Final = frozenset(
    {"name", "description", "host", "updated_at", "migration_status", "provider_location"}
)
"""The fields of a volume that lists are sorted and filtered by and that may be None."""


class VolumeType(Struct, frozen=True):
    """One volume type. ``extra_specs`` says what a backend must offer (``capabilities:x``) or do."""

    id: str
    name: str
    description: str | None
    is_public: bool
    extra_specs: dict[str, str | None]
    created_at: int
    updated_at: int | None


class DefaultType(Struct, frozen=True):
    """The volume type that volumes of a project get unasked."""

    project_id: str
    volume_type_id: str


Span = tuple[int, int]
"""A first and a last time, in UTC microseconds."""
NEWEST_FIRST: Final = (("created_at", "desc"), ("id", "desc"))


class VolumeQuery(Struct, frozen=True):
    """Which volumes, in which order. Names of columns are those of the fields of :class:`Volume`.

    ``project_id`` None means all projects. ``equal`` has the values of which a column must have one
    (None: it is not set), ``like`` a text that a column must contain, whatever its case, ``within`` the
    spans in one of which a time must lie; they do not overlap. ``hosts`` are hosts, backends or pools, on
    one of which a volume must be. ``metadata`` and ``image_metadata`` are items that it must have.
    ``sort`` is a list of (column, "asc" | "desc") that ends with the id. ``marker`` is the last volume of
    the page before.
    """

    project_id: str | None
    limit: int
    equal: dict[str, tuple[Any, ...]] = {}
    like: dict[str, str] = {}
    within: dict[str, tuple[Span, ...]] = {}
    hosts: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    image_metadata: dict[str, str] = {}
    sort: tuple[tuple[str, str], ...] = NEWEST_FIRST
    offset: int = 0
    marker: str | None = None
