"""The memory driver: volumes that are only remembered, for tests, demonstrations and benchmarks."""

from __future__ import annotations

import math
import threading
from typing import ClassVar, Self

import pumice
from pumice.drivers.contract import Created, Listed, Stats, VolumeSpec, storage_name
from pumice.drivers.options import BackendConfig, Option, checked
from pumice.errors import DriverError, SettingsError, VolumeConflict
from pumice.files import Files


class MemoryDriver:
    """Ids and sizes in a dictionary: no bytes are kept, and nothing outlives the process.

    With a finite ``memory_capacity_gib`` a create that does not fit is refused, so the driver
    reports thick provisioning then, and thin provisioning when the capacity is infinite.
    """

    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("memory_capacity_gib", "infinite", "How much fits: a number of GiB, or infinite."),
    )

    def __init__(self, config: BackendConfig, capacity_gib: float = math.inf) -> None:
        self._config = config
        self._capacity_gib = capacity_gib
        self._lock = threading.Lock()
        self._sizes_gib: dict[str, int] = {}
        self._used_gib = 0

    @classmethod
    def from_settings(cls, config: BackendConfig, files: Files) -> Self:
        """See :meth:`Driver.from_settings`."""
        del files  # There are none.
        text = checked(config, cls.OPTIONS).get("memory_capacity_gib", "infinite")
        return cls(config, _capacity(text, config.name))

    def check_for_setup_error(self) -> None:
        """Nothing can be wrong."""

    def get_volume_stats(self) -> Stats:
        """See :meth:`Driver.get_volume_stats`."""
        infinite = math.isinf(self._capacity_gib)
        with self._lock:
            volumes, used_gib = len(self._sizes_gib), float(self._used_gib)
        return Stats(
            volume_backend_name=self._config.volume_backend_name,
            vendor_name="Pumice",
            driver_version=pumice.__version__,
            storage_protocol="memory",
            total_capacity_gib="infinite" if infinite else self._capacity_gib,
            free_capacity_gib="infinite" if infinite else self._capacity_gib - used_gib,
            provisioned_capacity_gib=used_gib,
            total_volumes=volumes,
            thin_provisioning_support=infinite,
            thick_provisioning_support=not infinite,
            volatile=True,
        )

    def create_volume(self, volume: VolumeSpec) -> Created:
        """See :meth:`Driver.create_volume`. Raises DriverError when there is no space left."""
        storage_name(volume)
        with self._lock:
            size_gib = self._sizes_gib.get(volume.id)
            if size_gib is None:
                self._add(volume)
            elif size_gib != volume.size_gib:
                raise VolumeConflict(
                    f"Backend {self._config.name} has volume {volume.id} with another size.",
                    detail=f"{size_gib} GiB, not {volume.size_gib}",
                )
        return Created()

    def _add(self, volume: VolumeSpec) -> None:
        free_gib = self._capacity_gib - self._used_gib
        if volume.size_gib > free_gib:
            raise DriverError(
                f"Backend {self._config.name} has no space left.",
                detail=f"{volume.size_gib} GiB asked for, {free_gib:g} GiB free",
            )
        self._sizes_gib[volume.id] = volume.size_gib
        self._used_gib += volume.size_gib

    def delete_volume(self, volume: VolumeSpec) -> None:
        """See :meth:`Driver.delete_volume`."""
        with self._lock:
            self._used_gib -= self._sizes_gib.pop(volume.id, 0)

    def list_volumes(self) -> list[Listed]:
        """See :meth:`Driver.list_volumes`."""
        with self._lock:
            return [Listed(id=id_, size_gib=size) for id_, size in self._sizes_gib.items()]


def _capacity(text: str, backend: str) -> float:
    """``text`` in GiB. Raises SettingsError unless it is above zero, or ``infinite``."""
    try:
        capacity_gib = math.inf if text == "infinite" else float(text)
    except ValueError:
        capacity_gib = math.nan
    if not capacity_gib > 0:  # False for the "not a number" that float() also reads.
        raise SettingsError(
            f"[{backend}] memory_capacity_gib = {text}: neither a number above zero nor infinite."
        )
    return capacity_gib
