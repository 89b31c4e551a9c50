"""A disk of a few megabytes that can be filled, so that "no space left" comes from the kernel."""

from __future__ import annotations

import errno
import os
import subprocess
from types import TracebackType
from typing import Final, Self

from tests.guard import Guard

MIB: Final = 1024**2
_BALLAST: Final = "ballast"


def why_not() -> str | None:
    """Why nothing can be mounted on this machine; None if it can."""
    if os.geteuid() != 0:
        return "a small disk is a mount, and only root mounts: run the tests as root"
    done = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    return None if done.returncode == 0 else f"nothing can be mounted: {done.stderr.strip()}"


class SmallDisk:
    """A file system in memory, mounted at a folder; at the end of ``with`` it is gone.

    It is full when its pages are used: a sparse file takes none. A sync of its files does nothing, so
    a disk that is slow or breaks in a sync is the shim's.
    """

    def __init__(self, mebibytes: int) -> None:
        """Mount an empty one, for which ``why_not`` must be None."""
        self._guard: Final = Guard()
        try:
            self.folder: Final = self._guard.folder("pumice-disk-") / "disk"
            self.folder.mkdir()
            size = f"size={mebibytes}m,mode=0777"
            subprocess.run(["mount", "-t", "tmpfs", "-o", size, "pumice", self.folder], check=True)
            # Lazily: it is gone from the tree at once, whoever still has a file of it open.
            self._guard.run("umount", "--lazy", f"{self.folder}")
            self._guard.end_processes(self.folder)  # Before: no path would lead to them any more.
        except BaseException:
            self.close()
            raise

    def fill(self) -> None:
        """Take all the space that is left."""
        with (self.folder / _BALLAST).open("ab", buffering=0) as ballast:
            for size in (MIB, 1):
                try:
                    while ballast.write(bytes(size)):
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Give back what :meth:`fill` took."""
        (self.folder / _BALLAST).unlink()

    def close(self) -> None:
        """Unmount and remove it."""
        self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
