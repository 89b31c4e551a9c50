"""Files are whole, on disk, and never taken from anybody."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pumice.files import Files, RealFiles

GIB = 1 << 30
TIB = 1 << 40

FILES: Files = RealFiles()


def test_created_file_is_sparse_and_private(tmp_path: Path) -> None:
    path = tmp_path / "volume.raw"
    assert FILES.create_sparse(path, TIB)
    assert FILES.size_of(path) == TIB
    assert FILES.allocated_bytes(path) == 0
    assert path.stat().st_mode & 0o777 == 0o600


def test_allocated_bytes_counts_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "volume.raw"
    FILES.create_sparse(path, GIB)
    with path.open("r+b") as file:
        file.write(b"x" * 8192)
        os.fsync(file.fileno())
    assert 8192 <= FILES.allocated_bytes(path) < GIB


def test_a_file_with_content_is_never_touched(tmp_path: Path) -> None:
    path = tmp_path / "volume.raw"
    path.write_bytes(b"precious")
    assert not FILES.create_sparse(path, GIB)
    assert path.read_bytes() == b"precious"


def test_an_empty_file_is_completed(tmp_path: Path) -> None:
    path = tmp_path / "volume.raw"
    path.touch()
    assert FILES.create_sparse(path, GIB)
    assert FILES.size_of(path) == GIB


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to(path.parent / "empty")])
def test_what_is_no_file_is_never_touched(tmp_path: Path, make: Callable[[Path], None]) -> None:
    empty, path = tmp_path / "empty", tmp_path / "volume.raw"
    empty.touch()
    make(path)
    before = path.lstat()
    assert not FILES.create_sparse(path, GIB)
    assert path.lstat() == before
    assert FILES.size_of(path) is None
    assert empty.stat().st_size == 0


def test_remove_tells_whether_there_was_a_file(tmp_path: Path) -> None:
    path = tmp_path / "volume.raw"
    FILES.create_sparse(path, GIB)
    assert FILES.remove(path)
    assert not FILES.remove(path)
    assert FILES.size_of(path) is None


def test_remove_in_a_lost_directory_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FILES.remove(tmp_path / "unmounted" / "volume.raw")


def test_list_has_regular_files_only(tmp_path: Path) -> None:
    FILES.create_sparse(tmp_path / "a", GIB)
    (tmp_path / "b").write_bytes(b"12345")
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("b")
    assert sorted(FILES.list_files(tmp_path)) == [("a", GIB), ("b", 5)]


def test_directories_are_made_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "volumes" / "file1"
    FILES.make_directory(path)
    FILES.make_directory(path)
    for made in (path, path.parent, path.parent.parent):
        assert made.stat().st_mode & 0o777 == 0o700


def test_directory_is_not_made_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "volumes").touch()
    with pytest.raises(FileExistsError):
        FILES.make_directory(tmp_path / "volumes")


def test_free_space_is_part_of_the_whole(tmp_path: Path) -> None:
    total, free = FILES.free_space(tmp_path)
    assert 0 < free < total


def test_errors_are_the_kernels(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File too large") as caught:
        FILES.create_sparse(tmp_path / "volume.raw", 1 << 62)
    assert caught.value.errno == errno.EFBIG


class Calls:
    """The calls that put things on disk, as they are made, with the file they are made on."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path) -> None:
        self.made: list[str] = []
        for name in ("ftruncate", "fsync"):
            patch.setattr(os, name, self._recorded(name, getattr(os, name), root))
        patch.setattr(Path, "unlink", self._recorded_unlink(Path.unlink))
        patch.setattr(Path, "mkdir", self._recorded_mkdir(Path.mkdir))

    def _recorded(self, name: str, real: Callable[..., None], root: Path) -> Callable[..., None]:
        def call(descriptor: int, *rest: int) -> None:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            self.made.append(f"{name} {path.relative_to(root)}")
            real(descriptor, *rest)

        return call

    def _recorded_unlink(self, real: Callable[[Path], None]) -> Callable[[Path], None]:
        def call(path: Path) -> None:
            self.made.append(f"unlink {path.name}")
            real(path)

        return call

    def _recorded_mkdir(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: Path, mode: int, *, exist_ok: bool) -> None:
            self.made.append(f"mkdir {path.name}")
            real(path, mode, exist_ok=exist_ok)

        return call


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch, tmp_path)


def test_size_is_on_disk_first_then_the_name(tmp_path: Path, calls: Calls) -> None:
    FILES.create_sparse(tmp_path / "v", GIB)
    assert calls.made == ["ftruncate v", "fsync v", "fsync ."]


def test_completed_file_is_on_disk_too(tmp_path: Path, calls: Calls) -> None:
    (tmp_path / "v").touch()
    FILES.create_sparse(tmp_path / "v", GIB)
    assert calls.made == ["ftruncate v", "fsync v", "fsync ."]


def test_repeats_wait_for_the_disk_too(tmp_path: Path, calls: Calls) -> None:
    (tmp_path / "v").write_bytes(b"made by a process that died before its sync")
    FILES.create_sparse(tmp_path / "v", GIB)
    FILES.remove(tmp_path / "absent")
    assert calls.made == ["fsync v", "fsync .", "unlink absent", "fsync ."]


def test_absence_is_on_disk(tmp_path: Path, calls: Calls) -> None:
    (tmp_path / "v").write_bytes(b"1")
    FILES.remove(tmp_path / "v")
    assert calls.made == ["unlink v", "fsync ."]


def test_new_directories_are_on_disk(tmp_path: Path, calls: Calls) -> None:
    FILES.make_directory(tmp_path / "a" / "b")
    assert calls.made == ["mkdir a", "fsync .", "mkdir b", "fsync a"]


DIES_AT = """
import os, sys
from pathlib import Path
from pumice.files import RealFiles

name, count = sys.argv[2], int(sys.argv[3])
real = getattr(os, name)

def call(*arguments, **options):
    global count
    count -= 1
    if count < 0:
        os._exit(9)
    return real(*arguments, **options)

setattr(os, name, call)
RealFiles().create_sparse(Path(sys.argv[1]), 1 << 30)
"""


@pytest.mark.parametrize(
    ("name", "count", "left"),
    [
        ("open", 0, None),
        ("ftruncate", 0, 0),
        ("fsync", 0, GIB),
        ("close", 0, GIB),
        ("open", 1, GIB),
        ("fsync", 1, GIB),
        ("close", 1, GIB),
    ],
)
def test_create_can_be_repeated_after_a_death_at_each_call(
    tmp_path: Path, name: str, count: int, left: int | None
) -> None:
    path = tmp_path / "volume.raw"
    died = subprocess.run([sys.executable, "-c", DIES_AT, path, name, str(count)], check=False)
    assert died.returncode == 9
    assert FILES.size_of(path) == left
    assert FILES.create_sparse(path, GIB) == (left != GIB)
    assert FILES.list_files(tmp_path) == [("volume.raw", GIB)]
