"""What tests do to a process and ask it, in the words of a user."""

from __future__ import annotations

import asyncio

from pumice.model.operation import LogEntry, OperationRecord
from pumice.model.volume import Volume
from pumice.process import Process
from pumice.services.volumes import NewVolume
from pumice.store import operations, volumes
from pumice.store.txn import Row, Txn
from tests.simulation.state import each
from tests.simulation.storage import Storage
from tests.simulation.world import World


async def create(world: World, process: Process) -> Volume:
    """Ask for a volume; as it was accepted."""
    new = NewVolume("a volume", None, 1, None, None, {})
    return (await process.services.volumes.create(world.context(), new)).volume


async def place(world: World, process: Process) -> Volume:
    """Ask for a volume; as it is when it was found a place, which may be another process's doing."""
    volume = await create(world, process)
    while volume.host is None and volume.status == "creating":
        await asyncio.sleep(0.001)
        volume = await volume_of(process, volume)
    return volume


async def delete(world: World, process: Process, volume: Volume, *, force: bool = False) -> None:
    """Ask for the removal of a volume."""
    await process.services.volumes.delete(world.context(), volume.id, force=force)


async def volume_of(process: Process, volume: Volume) -> Volume:
    """The volume as it is now."""
    return await process.store.read(volumes.get, volume.id)


async def operation_on(process: Process, volume: Volume) -> OperationRecord:
    """The last operation on the volume."""

    def query(txn: Txn) -> list[OperationRecord]:
        return operations.select(txn, resource_id=volume.id)

    return (await process.store.read(query))[0]


async def log_of(process: Process, operation_id: str) -> list[LogEntry]:
    """The operation's log."""
    return await process.store.read(operations.log, operation_id)


async def everything(process: Process) -> dict[str, list[Row]]:
    """Every row of every table that an operation may change."""
    tables = ("volumes", "quota_usages", "operations", "operation_log", "messages", "events")
    columns = dict.fromkeys(tables, "*") | {"pools": "host, allocated_gib, volume_count"}

    def query(txn: Txn) -> dict[str, list[Row]]:
        return {
            table: txn.all(f"SELECT {names} FROM {table} ORDER BY 1, 2")  # noqa: S608 - constants
            for table, names in columns.items()
        }

    return await process.store.read(query)


def calls(storage: Storage, method: str) -> int:
    """How many calls of ``method`` took effect on the storage."""
    return sum(name == method for name, _ in storage.calls)


def commits_of(process: Process) -> int:
    """How many commits there were."""
    return sum(one.store.commits for one in each(process))
