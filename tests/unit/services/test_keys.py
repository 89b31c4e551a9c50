"""The token keys of a process: what a rotation does to them, and what happens when it cannot be kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from pumice import seams as real_seams
from pumice.errors import Unauthenticated, Unavailable, UsageError
from pumice.identity.keyring import Keyring
from pumice.services.generation import Generation
from pumice.services.keys import FileKeys

AT = 1_800_000_000


class Disk:
    """What was written, each time."""

    def __init__(self) -> None:
        self.written: list[Mapping[int, bytes]] = []
        self.error: Exception | None = None

    def write(self, keys: Mapping[int, bytes]) -> None:
        if self.error is not None:
            raise self.error
        self.written.append(dict(keys))


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
async def keys(disk: Disk) -> Any:
    seams = real_seams.real()
    yield FileKeys(Keyring.new(seams.ids), disk.write, seams, Generation())
    seams.executor.shutdown()


async def test_keys_are_written_before_they_are_used(keys: FileKeys, disk: Disk) -> None:
    before = keys._current
    used_while_writing = []

    def write(files: Mapping[int, bytes]) -> None:
        used_while_writing.append(keys._current)
        disk.write(files)

    keys._write = write
    assert await keys.rotate() == (0, 1, 2)
    assert used_while_writing == [before]
    assert keys._current.to_files() == disk.written[0]
    assert keys._current.to_files()[2] == before.to_files()[0]


async def test_what_cannot_be_written_is_not_used(keys: FileKeys, disk: Disk) -> None:
    before = keys._current
    disk.error = UsageError("keys/fernet/2 cannot be written: No space left on device.")
    with pytest.raises(Unavailable) as caught:
        await keys.rotate()
    assert "No space left" in caught.value.detail
    assert "fernet" not in caught.value.public
    assert keys._current is before
    disk.error = None
    assert await keys.rotate() == (0, 1, 2)


async def test_at_the_end_of_the_process(keys: FileKeys) -> None:
    before = keys._current
    keys._seams.executor.shutdown()
    with pytest.raises(Unavailable):
        await keys.rotate()
    assert keys._current is before


async def test_rotations_at_once_are_one_after_the_other(keys: FileKeys, disk: Disk) -> None:
    assert await asyncio.gather(*(keys.rotate() for _ in range(3))) == [
        (0, 1, 2), (0, 2, 3), (0, 3, 4),
    ]  # fmt: skip
    for earlier, later in zip(disk.written, disk.written[1:], strict=False):
        assert later[max(later)] == earlier[0]


async def test_a_client_that_leaves_stops_nothing(keys: FileKeys, disk: Disk) -> None:
    asked = asyncio.create_task(keys.rotate())
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await keys.rotate() == (0, 2, 3)
    assert len(disk.written) == 2


async def test_texts_from_before_can_be_read_for_one_rotation(keys: FileKeys) -> None:
    generation = await keys._generation.current()
    text = keys._current.encrypt(b"payload", AT)
    await keys.rotate()
    assert keys._current.decrypt(text) == (b"payload", AT)
    await keys.rotate()
    with pytest.raises(Unauthenticated):
        keys._current.decrypt(text)
    assert await keys._generation.current() == generation + 2, (
        "what was found valid is kept no longer"
    )
