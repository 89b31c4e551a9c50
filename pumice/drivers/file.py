"""The file driver: each volume is one sparse raw file in one directory."""

from __future__ import annotations

import contextlib
import errno
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final, Self

import pumice
from pumice.drivers.contract import GIB, Created, Listed, Stats, VolumeSpec, storage_name
from pumice.drivers.options import BackendConfig, Option, checked
from pumice.errors import BackendUnavailable, DriverError, SettingsError, VolumeConflict
from pumice.files import Files

_VOLUME_FILE: Final = re.compile(r"volume-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.raw")

_PROBE_NAME: Final = ".pumice-probe"
_PROBE_BYTES: Final = 1024 * GIB

# What the kernel says, in words for the caller. A full disk is not "try again later": only a person
# makes room, while another backend may have some now.
_FAILURES: Final[dict[int, tuple[type[DriverError], str]]] = {
    errno.ENOSPC: (DriverError, "has no space left"),
    errno.EDQUOT: (DriverError, "has used up its disk quota"),
    errno.EFBIG: (DriverError, "cannot hold a file of that size"),
    errno.EROFS: (DriverError, "is read-only"),
    errno.EACCES: (DriverError, "does not let Pumice write to its volume directory"),
    errno.EPERM: (DriverError, "does not let Pumice write to its volume directory"),
    errno.EIO: (DriverError, "had an input/output error"),
    errno.ENOENT: (BackendUnavailable, "has lost its volume directory"),
    errno.ESTALE: (BackendUnavailable, "has lost its volume directory"),
    errno.ENOTCONN: (BackendUnavailable, "has lost its volume directory"),
    errno.ETIMEDOUT: (BackendUnavailable, "does not answer"),
    errno.EHOSTDOWN: (BackendUnavailable, "does not answer"),
    errno.EMFILE: (BackendUnavailable, "is out of file descriptors"),
    errno.ENFILE: (BackendUnavailable, "is out of file descriptors"),
    errno.ENOMEM: (BackendUnavailable, "is out of memory"),
}


class FileDriver:
    """Volumes as ``volume-<id>.raw``. Thin: a file occupies only what was written to it.

    ``provider_location`` is the file's name without its directory, which may be moved.
    """

    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option(
            "file_directory",
            "<state_dir>/volumes/<backend>",
            "The directory for the volumes, for this backend alone.",
        ),
    )

    def __init__(self, config: BackendConfig, directory: Path, files: Files) -> None:
        self._config = config
        self._directory = directory
        self._files = files
        self._own = directory.is_relative_to(config.state_dir)
        self._lock = threading.Lock()
        self._counted = False
        self._volumes = 0
        self._provisioned_bytes = 0

    @classmethod
    def from_settings(cls, config: BackendConfig, files: Files) -> Self:
        """See :meth:`Driver.from_settings`."""
        text = checked(config, cls.OPTIONS).get("file_directory")
        directory = Path(text) if text else config.state_dir / "volumes" / config.name
        if not directory.is_absolute():
            raise SettingsError(f"[{config.name}] file_directory = {directory}: not absolute.")
        return cls(config, directory, files)

    def check_for_setup_error(self) -> None:
        """Make a file of 1 TiB in the directory, and remove that again.

        Only a directory below the state directory is made. Another one must be there: made anew, it
        would hide that a disk is not mounted, and take its volumes' names on the wrong one.

        Nothing less proves that the directory takes names, and that the filesystem takes sparse
        files of a volume's size.
        """
        probe = self._directory / _PROBE_NAME
        with self._in_words():
            if self._own:
                self._files.make_directory(self._directory)
            self._files.free_space(self._directory)
            self._files.create_sparse(probe, _PROBE_BYTES)
            self._files.remove(probe)
            self._count()

    def get_volume_stats(self) -> Stats:
        """See :meth:`Driver.get_volume_stats`."""
        with self._in_words():
            self._count()
            total_bytes, free_bytes = self._files.free_space(self._directory)
        with self._lock:
            volumes, provisioned_bytes = self._volumes, self._provisioned_bytes
        return Stats(
            volume_backend_name=self._config.volume_backend_name,
            vendor_name="Pumice",
            driver_version=pumice.__version__,
            storage_protocol="file",
            total_capacity_gib=total_bytes / GIB,
            free_capacity_gib=free_bytes / GIB,
            provisioned_capacity_gib=provisioned_bytes / GIB,
            total_volumes=volumes,
            thin_provisioning_support=True,
        )

    def create_volume(self, volume: VolumeSpec) -> Created:
        """See :meth:`Driver.create_volume`."""
        path = self._path(volume)
        size_bytes = volume.size_gib * GIB
        with self._in_words():
            self._count()
            if self._files.create_sparse(path, size_bytes):
                self._account(1, size_bytes)
            else:
                self._require_size(volume, path, size_bytes)
        return Created(provider_location=path.name)

    def delete_volume(self, volume: VolumeSpec) -> None:
        """See :meth:`Driver.delete_volume`."""
        path = self._path(volume)
        with self._in_words():
            self._count()
            size_bytes = self._files.size_of(path)
            if self._files.remove(path) and size_bytes:
                self._account(-1, -size_bytes)

    def list_volumes(self) -> list[Listed]:
        """See :meth:`Driver.list_volumes`."""
        with self._in_words():
            return [
                Listed(volume_id, -(-size_bytes // GIB)) for volume_id, size_bytes in self._found()
            ]

    def _path(self, volume: VolumeSpec) -> Path:
        return self._directory / f"{storage_name(volume)}.raw"

    def _require_size(self, volume: VolumeSpec, path: Path, size_bytes: int) -> None:
        found_bytes = self._files.size_of(path)
        if found_bytes != size_bytes:
            raise VolumeConflict(
                f"Backend {self._config.name} has volume {volume.id} with another size.",
                detail=f"{path}: {found_bytes} bytes, not {size_bytes}",
            )

    def _found(self) -> list[tuple[str, int]]:
        """Ids and sizes in bytes of all volumes. An empty file is none: its create did not end."""
        matches = (
            (_VOLUME_FILE.fullmatch(name), size_bytes)
            for name, size_bytes in self._files.list_files(self._directory)
        )
        return [(match[1], size_bytes) for match, size_bytes in matches if match and size_bytes]

    def _count(self) -> None:
        """Count the volumes, once: from then on each create and delete keeps the figures.

        Creates and deletes call this before they touch a file, so none is counted twice or missed.
        """
        with self._lock:
            if not self._counted:
                sizes = [size_bytes for _, size_bytes in self._found()]
                self._volumes, self._provisioned_bytes = len(sizes), sum(sizes)
                self._counted = True

    def _account(self, volumes: int, size_bytes: int) -> None:
        with self._lock:
            self._volumes += volumes
            self._provisioned_bytes += size_bytes

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        """Raise what the kernel says as a DriverError: words for the caller, paths for the log."""
        try:
            yield
        except OSError as error:
            kind, words = _FAILURES.get(error.errno or 0, (DriverError, "failed"))
            raise kind(f"Backend {self._config.name} {words}.", detail=str(error)) from error
