"""What is particular to the file driver: its directory, its figures, and the kernel's errors."""

from __future__ import annotations

import errno
import os
import threading
import uuid
from pathlib import Path

import pytest

from pumice.drivers.contract import GIB, Created, Listed, VolumeSpec
from pumice.drivers.file import FileDriver
from pumice.drivers.options import BackendConfig
from pumice.errors import BackendUnavailable, DriverError, SettingsError, VolumeConflict
from pumice.files import RealFiles


class FailingFiles(RealFiles):
    """The machine's files, until the storage fails with ``errno``."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.failing = False

    def create_sparse(self, path: Path, size_bytes: int) -> bool:
        self._fail(path)
        return super().create_sparse(path, size_bytes)

    def remove(self, path: Path) -> bool:
        self._fail(path)
        return super().remove(path)

    def list_files(self, directory: Path) -> list[tuple[str, int]]:
        self._fail(directory)
        return super().list_files(directory)

    def free_space(self, directory: Path) -> tuple[int, int]:
        self._fail(directory)
        return super().free_space(directory)

    def _fail(self, path: Path) -> None:
        if self.failing:
            raise OSError(self.number, os.strerror(self.number), str(path))


def _driver(home: Path, files: RealFiles | None = None, **options: str) -> FileDriver:
    config = BackendConfig("file1", "file", options, home)
    driver = FileDriver.from_settings(config, files or RealFiles())
    driver.check_for_setup_error()
    return driver


def _volume(size_gib: int = 1) -> VolumeSpec:
    return VolumeSpec(str(uuid.uuid4()), size_gib)


def test_default_directory_is_in_the_state_dir(tmp_path: Path) -> None:
    _driver(tmp_path)
    assert (tmp_path / "volumes" / "file1").is_dir()


def test_directory_can_be_chosen(tmp_path: Path) -> None:
    volume = _volume()
    (tmp_path / "elsewhere").mkdir()
    driver = _driver(tmp_path, file_directory=str(tmp_path / "elsewhere"))
    assert driver.create_volume(volume) == Created(f"volume-{volume.id}.raw")
    assert (tmp_path / "elsewhere" / f"volume-{volume.id}.raw").stat().st_size == GIB


def test_chosen_directory_is_never_made(tmp_path: Path) -> None:
    """It may be the place of a disk that is not mounted."""
    driver = FileDriver.from_settings(
        BackendConfig("b1", "b", {"file_directory": str(tmp_path / "mnt")}, tmp_path / "state"),
        RealFiles(),
    )
    with pytest.raises(BackendUnavailable):
        driver.check_for_setup_error()
    assert not (tmp_path / "mnt").exists()


def test_relative_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="file_directory = volumes: not absolute"):
        _driver(tmp_path, file_directory="volumes")


def test_setup_check_leaves_nothing_and_clears_what_a_dead_one_left(tmp_path: Path) -> None:
    (tmp_path / "volumes" / "file1").mkdir(parents=True)
    (tmp_path / "volumes" / "file1" / ".pumice-probe").touch()
    _driver(tmp_path)
    assert not list((tmp_path / "volumes" / "file1").iterdir())


def test_setup_check_finds_a_filesystem_for_small_files_only(tmp_path: Path) -> None:
    class SmallFiles(RealFiles):
        def create_sparse(self, path: Path, size_bytes: int) -> bool:
            if size_bytes > 4 * GIB:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
            return super().create_sparse(path, size_bytes)

    with pytest.raises(DriverError, match="Backend file1 cannot hold a file of that size"):
        _driver(tmp_path, SmallFiles())


def test_setup_check_finds_a_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "volumes").touch()
    with pytest.raises(DriverError, match=r"Backend file1 .*\.") as caught:
        _driver(tmp_path)
    assert str(tmp_path) not in caught.value.public
    assert str(tmp_path) in caught.value.detail


def test_statistics_are_the_filesystems(tmp_path: Path) -> None:
    stats = _driver(tmp_path).get_volume_stats()
    figures = os.statvfs(tmp_path)
    assert stats.total_capacity_gib == figures.f_blocks * figures.f_frsize / GIB
    assert isinstance(stats.free_capacity_gib, float)
    assert stats.thin_provisioning_support
    assert not stats.volatile


def test_figures_are_counted_once_and_then_kept(tmp_path: Path) -> None:
    _driver(tmp_path).create_volume(_volume(2))
    scans = 0

    class Counting(RealFiles):
        def list_files(self, directory: Path) -> list[tuple[str, int]]:
            nonlocal scans
            scans += 1
            return super().list_files(directory)

    driver = _driver(tmp_path, Counting())
    volume = _volume(3)
    driver.create_volume(volume)
    assert driver.get_volume_stats().provisioned_capacity_gib == 5.0
    driver.delete_volume(volume)
    assert driver.get_volume_stats().total_volumes == 1
    assert scans == 1


def test_create_during_the_count_is_counted_once(tmp_path: Path) -> None:
    counting, may_end = threading.Event(), threading.Event()

    class Slow(RealFiles):
        def list_files(self, directory: Path) -> list[tuple[str, int]]:
            counting.set()
            may_end.wait(10)
            return super().list_files(directory)

    config = BackendConfig("file1", "file", {}, tmp_path)
    driver = FileDriver.from_settings(config, Slow())
    check = threading.Thread(target=driver.check_for_setup_error)
    check.start()
    counting.wait(10)
    create = threading.Thread(target=driver.create_volume, args=(_volume(),))
    create.start()
    may_end.set()
    check.join(10)
    create.join(10)
    assert driver.get_volume_stats().total_volumes == 1


def test_size_that_is_no_whole_gib_is_rounded_up_and_conflicts(tmp_path: Path) -> None:
    driver = _driver(tmp_path)
    volume = _volume(1)
    path = tmp_path / "volumes" / "file1" / f"volume-{volume.id}.raw"
    path.write_bytes(b"x")
    assert driver.list_volumes() == [Listed(volume.id, 1)]
    with pytest.raises(VolumeConflict) as caught:
        driver.create_volume(volume)
    assert caught.value.public == f"Backend file1 has volume {volume.id} with another size."
    assert caught.value.detail == f"{path}: 1 bytes, not {GIB}"
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, DriverError, "has no space left"),
        (errno.EDQUOT, DriverError, "has used up its disk quota"),
        (errno.EFBIG, DriverError, "cannot hold a file of that size"),
        (errno.EROFS, DriverError, "is read-only"),
        (errno.EACCES, DriverError, "does not let Pumice write"),
        (errno.EIO, DriverError, "had an input/output error"),
        (errno.ESTALE, BackendUnavailable, "has lost its volume directory"),
        (errno.ETIMEDOUT, BackendUnavailable, "does not answer"),
        (errno.EMFILE, BackendUnavailable, "is out of file descriptors"),
        (errno.ENOMEM, BackendUnavailable, "is out of memory"),
        (errno.ELOOP, DriverError, "failed"),
    ],
)
def test_what_the_kernel_says_is_told_in_words(
    tmp_path: Path, number: int, kind: type[DriverError], words: str
) -> None:
    files = FailingFiles(number)
    driver = _driver(tmp_path, files)
    files.failing = True
    for call in (
        driver.check_for_setup_error,
        driver.get_volume_stats,
        driver.list_volumes,
        lambda: driver.create_volume(_volume()),
        lambda: driver.delete_volume(_volume()),
    ):
        with pytest.raises(DriverError, match=f"Backend file1 {words}") as caught:
            call()
        assert type(caught.value) is kind
        assert str(tmp_path) not in caught.value.public
        assert os.strerror(number) in caught.value.detail


def test_lost_directory_is_no_successful_delete(tmp_path: Path) -> None:
    driver = _driver(tmp_path)
    (tmp_path / "volumes" / "file1").rmdir()
    with pytest.raises(BackendUnavailable, match="has lost its volume directory"):
        driver.delete_volume(_volume())


def test_failed_delete_keeps_the_figures(tmp_path: Path) -> None:
    files = FailingFiles(errno.EIO)
    driver = _driver(tmp_path, files)
    volume = _volume(4)
    driver.create_volume(volume)
    files.failing = True
    with pytest.raises(DriverError):
        driver.delete_volume(volume)
    files.failing = False
    assert driver.get_volume_stats().provisioned_capacity_gib == 4.0
