"""Files in memory that behave as the machine's, down to what a crash in the middle leaves."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from pumice.seams import CrashPoints

GIB: Final = 1 << 30


class SimFiles:
    """The :class:`pumice.files.Files` of a simulated disk of ``size_bytes``. All files are sparse.

    ``content`` maps each file to its size; a stranger's file is put there by hand. A crash point lies
    wherever the real one has an intermediate state on disk.
    """

    def __init__(self, crash_point: CrashPoints, size_bytes: int = 1000 * GIB) -> None:
        self._crash_point = crash_point
        self._size_bytes = size_bytes
        self._directories: set[Path] = set()
        self.content: dict[Path, int] = {}
        self.written: dict[Path, str] = {}
        """What was written to a file; nothing to one that was made anew."""

    def make_directory(self, path: Path) -> None:
        """See :meth:`pumice.files.Files.make_directory`."""
        if path in self.content:
            raise _failure(errno.EEXIST, path)
        self._directories |= {path, *path.parents}

    def create_sparse(self, path: Path, size_bytes: int) -> bool:
        """See :meth:`pumice.files.Files.create_sparse`."""
        self._require(path.parent)
        if path in self._directories or self.content.get(path):
            return False
        self.content[path] = 0
        self._crash_point(f"within create_sparse: {path.name} is empty")
        self.content[path] = size_bytes
        return True

    def remove(self, path: Path) -> bool:
        """See :meth:`pumice.files.Files.remove`."""
        self._require(path.parent)
        if path in self._directories:
            raise _failure(errno.EISDIR, path)
        self.written.pop(path, None)
        return self.content.pop(path, None) is not None

    def size_of(self, path: Path) -> int | None:
        """See :meth:`pumice.files.Files.size_of`."""
        return self.content.get(path)

    def allocated_bytes(self, path: Path) -> int:
        """See :meth:`pumice.files.Files.allocated_bytes`."""
        if path not in self.content:
            raise _failure(errno.ENOENT, path)
        return 0

    def list_files(self, directory: Path) -> list[tuple[str, int]]:
        """See :meth:`pumice.files.Files.list_files`."""
        self._require(directory)
        return [
            (path.name, size) for path, size in self.content.items() if path.parent == directory
        ]

    def free_space(self, directory: Path) -> tuple[int, int]:
        """See :meth:`pumice.files.Files.free_space`."""
        self._require(directory)
        return self._size_bytes, self._size_bytes

    def _require(self, directory: Path) -> None:
        if directory not in self._directories:
            raise _failure(errno.ENOENT, directory)


def _failure(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
