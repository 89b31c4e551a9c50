"""The programs of the storm tell an answer from none, whichever library they speak through."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.connection import ConnectionLost
from tests.conftest import NOT_PROVEN
from tests.crash.deployment import Deployment
from tests.crash.programs import PROGRAMS, Answered, Program
from tests.faults import small_disk
from tests.faults.small_disk import SmallDisk

ANSWER_SECONDS = 10.0
MEBIBYTES = 32


def do_everything(program: Program) -> None:
    """What a program can, from the first create to the last delete."""
    kept = program.create("kept", "a key")
    assert program.create("kept", "a key") == kept
    assert program.named("kept") == [kept]
    assert program.status(kept) in {"creating", "available"}

    twice = {program.create("twice", None), program.create("twice", None)}
    assert len(twice) == 2, "the key went along where there was none"
    assert set(program.named("twice")) == twice
    for volume_id in twice:
        program.delete(volume_id, force=True)
        assert program.status(volume_id) in {"deleting", None}

    with pytest.raises(Answered) as caught:
        program.delete("nobody", force=False)
    assert caught.value.status == 404
    assert program.status("nobody") is None


@pytest.mark.parametrize("kind", PROGRAMS, ids=lambda kind: kind.library)
async def test_a_program_works_until_the_cloud_is_away(tmp_path: Path, kind: type[Program]) -> None:
    async with Deployment(tmp_path) as deployment:
        await deployment.start()
        (node,) = deployment.nodes
        assert node.served is not None
        served = node.served
        program = await asyncio.to_thread(kind.at, served, ANSWER_SECONDS)
        await asyncio.to_thread(do_everything, program)
        await node.kill()
        with pytest.raises(ConnectionLost):
            program.named("kept")
        with pytest.raises(ConnectionLost):
            program.create("new", None)
        program.close()
        with pytest.raises(ConnectionLost):
            kind.at(served, ANSWER_SECONDS).named("kept")


@pytest.mark.parametrize("kind", PROGRAMS, ids=lambda kind: kind.library)
async def test_a_cloud_that_cannot_say_now_has_not_answered(kind: type[Program]) -> None:
    if reason := small_disk.why_not():
        pytest.skip(f"{NOT_PROVEN}{reason}")
    with SmallDisk(MEBIBYTES) as disk:
        async with Deployment(disk.folder) as deployment:
            await deployment.start()
            program = await asyncio.to_thread(kind.at, deployment.cloud().served, ANSWER_SECONDS)
            volume_id = await asyncio.to_thread(program.create, "kept", None)
            disk.fill()
            with pytest.raises(ConnectionLost, match="503"):
                await asyncio.to_thread(program.create, "new", None)
            assert await asyncio.to_thread(program.named, "kept") == [volume_id]
            program.close()
