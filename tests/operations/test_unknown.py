"""An operation that only a newer Pumice knows: it waits, whole, for one that does."""

from __future__ import annotations

import asyncio
import logging

import pytest

from pumice.errors import InvalidState
from pumice.process import Process
from pumice.store import operations
from pumice.store.txn import Txn
from tests.operations.actions import create, operation_on
from tests.simulation.world import World


def begun_by_a_newer_one(txn: Txn, operation_id: str) -> None:
    txn.change(
        "UPDATE operations SET name = 'volume.polish', claimed_by = NULL WHERE id = :id",
        {"id": operation_id},
    )


def test_it_waits_unclaimed_and_is_said_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.storage["one"].hangs["create_volume"] = 100_000.0
    world.storage["two"].hangs["create_volume"] = 100_000.0

    async def begin(process: Process) -> str:
        operation = await operation_on(process, await create(world, process))
        await process.store.write(begun_by_a_newer_one, operation.id)
        return operation.id

    operation_id = world.live(begin).value

    async def meet(process: Process) -> None:
        with caplog.at_level(logging.WARNING):
            await asyncio.sleep(60)  # Many sweeps.
        said = [
            record for record in caplog.records if "is unknown to this version" in record.message
        ]
        assert len(said) == 1
        record = await process.store.read(operations.get, operation_id)
        assert (record.claimed_by, record.status, record.ended_at) == (None, "running", None)
        with pytest.raises(InvalidState, match="unknown to this version"):
            await process.engine.abandon(operation_id)

    world.live(meet)
