"""A small disk is full when it was filled, and takes more when that is given back."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import NOT_PROVEN
from tests.faults.small_disk import MIB, SmallDisk, why_not


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    if reason := why_not():
        pytest.skip(f"{NOT_PROVEN}{reason}")
    with SmallDisk(4) as disk:
        yield disk


def test_a_small_disk_is_small(disk: SmallDisk) -> None:
    (disk.folder / "a").write_bytes(bytes(3 * MIB))
    with pytest.raises(OSError, match="space") as raised:
        (disk.folder / "b").write_bytes(bytes(2 * MIB))
    assert raised.value.errno == errno.ENOSPC


def test_a_full_disk_takes_nothing_until_there_is_space(disk: SmallDisk) -> None:
    file = disk.folder / "file"
    file.touch()
    disk.fill()
    with pytest.raises(OSError, match="space"):
        file.write_bytes(b"x")
    disk.free()
    file.write_bytes(b"x")
    assert file.read_bytes() == b"x"


def test_nothing_is_left_of_a_closed_disk(disk: SmallDisk) -> None:
    assert f" {disk.folder} " in Path("/proc/mounts").read_text()
    with (disk.folder / "open").open("w"):
        disk.close()
    assert f" {disk.folder} " not in Path("/proc/mounts").read_text()
    assert not disk.folder.parent.exists()
