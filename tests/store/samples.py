"""Rows for tests: whole and plain, changed where a test says so."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from pumice.model.message import Message
from pumice.model.operation import LogEntry, OperationRecord
from pumice.model.volume import Volume, VolumeType
from pumice.store import (
    backends,
    events,
    messages,
    operations,
    pools,
    quotas,
    volume_types,
    volumes,
)
from pumice.store.txn import Txn

BACKEND: Final = "node1@fast"
POOL: Final = "node1@fast#pool"
NOW_US: Final = 1_800_000_000_000_000

TYPE: Final = VolumeType(
    id="type-1",
    name="gold",
    description=None,
    is_public=True,
    extra_specs={},
    created_at=1,
    updated_at=None,
)

VOLUME: Final = Volume(
    id="v1",
    project_id="p1",
    user_id="u1",
    name="first",
    description=None,
    size_gib=1,
    status="available",
    attach_status="detached",
    volume_type_id=TYPE.id,
    volume_type_name=TYPE.name,
    availability_zone="nova",
    host=POOL,
    bootable=False,
    multiattach=False,
    metadata="{}",
    provider_location=None,
    created_at=NOW_US,
    updated_at=None,
)

OPERATION: Final = OperationRecord(
    id="o1",
    name="volume.create",
    version=1,
    params="{}",
    status="running",
    attempt=1,
    project_id="p1",
    user_id="u1",
    resource_type="volume",
    resource_id="v1",
    backend_host=None,
    step="",
    claimed_by=None,
    lease_until=0,
    fence=0,
    run_after=0,
    error=None,
    error_detail=None,
    request_id="req-1",
    created_at=NOW_US,
    updated_at=NOW_US,
    ended_at=None,
)


def add_type(txn: Txn, **changes: Any) -> VolumeType:
    """A type that volumes may have."""
    volume_type = replace(TYPE, **changes)
    volume_types.insert(txn, volume_type)
    return volume_type


def add_volume(txn: Txn, **changes: Any) -> Volume:
    """A volume's row alone, counted nowhere."""
    volume = replace(VOLUME, **changes)
    volumes.insert(txn, volume)
    return volume


def add_counted_volume(txn: Txn, **changes: Any) -> Volume:
    """A volume with its quota and its place in the pool, as a finished create leaves it."""
    volume = add_volume(txn, **changes)
    for resource, amount in (("volumes", 1), ("gigabytes", volume.size_gib)):
        quotas.add(txn, volume.project_id, resource, amount, quotas.UNLIMITED)
        per_type = f"{resource}:{volume.volume_type_id}"
        quotas.add(txn, volume.project_id, per_type, amount, quotas.UNLIMITED)
    if volume.host is not None:
        add_pool(txn, volume.host)
        pools.claim(txn, volume.host, volume.size_gib, None)
    return volume


def add_pool(txn: Txn, host: str) -> None:
    """A pool of a backend that may take volumes; nothing is changed if it is there."""
    backend_host = host.partition("#")[0]
    backends.report(
        txn,
        host=backend_host,
        name=backend_host.partition("@")[2],
        availability_zone="nova",
        updated_at=NOW_US,
    )
    pools.register(txn, host, backend_host)


def add_operation(txn: Txn, *entries: LogEntry, **changes: Any) -> OperationRecord:
    """An operation with its log."""
    record = replace(OPERATION, **changes)
    operations.insert(txn, record, None)
    operations.append(txn, record.id, list(entries))
    return record


def entry(seq: int, step: str, event: str, attempt: int = 1, **data: Any) -> LogEntry:
    """A line of an operation's log."""
    return LogEntry(seq, attempt, step, event, data, 1, NOW_US + seq)


def add_message(txn: Txn, id_: str, *, created_at: int = NOW_US, text: str = "") -> None:
    """A message whose length the test chooses."""
    end = created_at + 1
    messages.insert(
        txn, Message(id_, "p1", "req-1", "VOLUME", "v1", "001", "002", text, created_at, end)
    )


def message_ids(txn: Txn) -> list[str]:
    """The ids of all messages, in order."""
    return [row[0] for row in txn.all("SELECT id FROM messages ORDER BY id")]


def add_event(txn: Txn, id_: str, *, project_id: str = "p1", created_at: int = NOW_US) -> None:
    """A usage event."""
    events.insert(txn, id_, "volume.create", project_id, "v1", 1, created_at)
