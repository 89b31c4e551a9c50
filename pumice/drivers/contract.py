"""What a driver is: the values it is given, the values it returns, and the rules of each method.

The rules are checked by :class:`pumice.drivers.suite.DriverSuite`. Extending a volume and
connecting to it are not part of the core yet.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final, Literal, Protocol, Self

import msgspec
from msgspec import Struct

from pumice.drivers.options import BackendConfig, Option
from pumice.errors import DriverError
from pumice.files import Files

GIB: Final = 1 << 30

Gib = float | Literal["infinite", "unknown"]
"""A capacity in GiB, or one of the words that the scheduler knows."""

_CINDER_NAMES: Final = {
    "total_capacity_gib": "total_capacity_gb",
    "free_capacity_gib": "free_capacity_gb",
    "provisioned_capacity_gib": "provisioned_capacity_gb",
    "qos_support": "QoS_support",
}

_VOLUME_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class VolumeSpec(Struct, frozen=True):
    """The volume that a call is about.

    ``id`` is a UUID in lower case and the only thing that names may be made from on the storage.
    ``name`` is the user's text, for labels only. ``provider_location`` is what ``create_volume``
    returned, None before.
    """

    id: str
    size_gib: int
    name: str | None = None
    extra_specs: dict[str, str | None] = {}
    provider_location: str | None = None


class Created(Struct, frozen=True):
    """Where the driver put the volume, in words of its own that it is given back later."""

    provider_location: str | None = None


class Listed(Struct, frozen=True):
    """A volume that the storage holds. ``size_gib`` is rounded up."""

    id: str
    size_gib: int


class Capacity(Struct, frozen=True, kw_only=True, rename=_CINDER_NAMES):
    """The figures of a backend or of one pool. ``extra`` holds capabilities only this driver has.

    ``provisioned_capacity_gib`` is the sum of the volumes' sizes; with thin provisioning it may
    exceed the total. None: the driver does not know, so the scheduler takes what Pumice allocated.
    """

    total_capacity_gib: Gib
    free_capacity_gib: Gib
    provisioned_capacity_gib: float | None = None
    total_volumes: int | None = None
    thin_provisioning_support: bool = False
    thick_provisioning_support: bool = False
    qos_support: bool = False
    multiattach: bool = False
    extra: dict[str, Any] = {}


class PoolStats(Capacity, frozen=True, kw_only=True, rename=_CINDER_NAMES):
    """One pool of a backend that has several."""

    pool_name: str


class Stats(Capacity, frozen=True, kw_only=True, rename=_CINDER_NAMES):
    """What ``get_volume_stats`` reports: the keys that Cinder 29 requires, and optional ones.

    ``volatile``: the volumes are gone when the process ends. No ``pools``: the backend is one pool.
    """

    volume_backend_name: str
    vendor_name: str
    driver_version: str
    storage_protocol: str
    volatile: bool = False
    pools: tuple[PoolStats, ...] = ()

    def by_pool(self) -> dict[str, Capacity]:
        """The figures of each pool by its name; a single pool has the backend's name."""
        return {pool.pool_name: pool for pool in self.pools} or {self.volume_backend_name: self}

    def capabilities(self, pool: Capacity) -> dict[str, Any]:
        """All that was reported for ``pool``, under the names that extra specs use (Cinder's).

        A pool's figure counts more than the backend's; what is unknown is left out.
        """
        named = msgspec.to_builtins(self) | msgspec.to_builtins(pool) | self.extra | pool.extra
        return {
            key: value
            for key, value in named.items()
            if value is not None and key not in {"extra", "pools"}
        }


class Driver(Protocol):
    """The core that every driver has.

    Methods block and run on threads: several at once, but never two for one volume. They may raise
    :class:`DriverError` (the same call would fail again), its :class:`BackendUnavailable` (the same
    call may succeed later) and what is named at each method; anything else is a defect of the
    driver and becomes a DriverError. Any call may be repeated, also after a crash in its middle,
    also although it succeeded.
    """

    OPTIONS: ClassVar[tuple[Option, ...]]
    """The options of a section with this driver, at most ``MAX_OPTIONS``."""

    @classmethod
    def from_settings(cls, config: BackendConfig, files: Files) -> Self:
        """Build the driver of one backend without touching its storage.

        Raises SettingsError for an option that is unknown or has a wrong value.
        """

    def check_for_setup_error(self) -> None:
        """Prove that volumes can be kept: make what is missing, raise DriverError if that fails.

        Called at start and again after each failure, possibly beside other calls.
        """

    def get_volume_stats(self) -> Stats:
        """Report the figures of now; the cost must not grow with the number of volumes."""

    def create_volume(self, volume: VolumeSpec) -> Created:
        """Make a volume of ``size_gib`` that reads as zeros and is on disk before the call returns.

        Repeated for a volume of that id and size: returns the same and changes nothing, whatever
        was written since. Raises VolumeConflict when the storage has that id with another size,
        which stays untouched. A create that failed or died may leave parts, but no volume that
        ``list_volumes`` shows and no obstacle to a repeat. Raises DriverError, and makes nothing,
        when the id is not a UUID (:func:`storage_name`).
        """

    def delete_volume(self, volume: VolumeSpec) -> None:
        """Remove the volume and what an interrupted create left of it, durably.

        Repeated, or for a volume that never was: success, absence is what was wanted. Removes
        nothing that is not named by the id.
        """

    def list_volumes(self) -> list[Listed]:
        """Exactly the volumes that exist; what this driver did not make is not listed.

        A list and no iterator: the caller is on another thread.
        """


CORE: Final = (
    "from_settings",
    "check_for_setup_error",
    "get_volume_stats",
    "create_volume",
    "delete_volume",
    "list_volumes",
)
"""The methods of :class:`Driver`; the registry refuses a class that lacks one."""


def storage_name(volume: VolumeSpec) -> str:
    """``volume-<id>``, the name on the storage.

    Raises DriverError unless the id is a UUID, so that no text of a user can become a path.
    """
    if not _VOLUME_ID.fullmatch(volume.id):
        raise DriverError(f"{volume.id!r} is not the id of a volume.")
    return f"volume-{volume.id}"
