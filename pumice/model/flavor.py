"""Flavors: sizes of servers, listed for the clients that ask a cloud for them."""

from __future__ import annotations

from msgspec import Struct


class Flavor(Struct, frozen=True):
    """One flavor. One that is not public has a list of the projects that may use it."""

    id: str
    name: str
    description: str | None
    ram_mib: int
    vcpus: int
    disk_gib: int
    ephemeral_gib: int
    swap_mib: int
    rxtx_factor: float
    is_public: bool
    extra_specs: dict[str, str]


class FlavorQuery(Struct, frozen=True, kw_only=True):
    """Which flavors, in which order.

    ``is_public`` True means those that the project may use, False those that are not public, None
    all; only an administrator may choose. ``name`` is a part of the name. ``sort_key`` is one of
    Nova's names (``SORT_KEYS`` of :mod:`pumice.services.flavors`); the id decides between equals.
    ``marker`` is the id of the last flavor of the page before.
    """

    is_public: bool | None = True
    name: str | None = None
    min_ram_mib: int = 0
    min_disk_gib: int = 0
    sort_key: str = "flavorid"
    descending: bool = False
    limit: int | None = None
    marker: str | None = None
