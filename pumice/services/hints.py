"""Scheduler hints: what a client wrote, as the scheduler understands it."""

from __future__ import annotations

from msgspec import Struct

from pumice.context import Context
from pumice.errors import VolumeNotFound
from pumice.model.backend import Hints
from pumice.store import volumes
from pumice.store.txn import Txn


class AskedHints(Struct, frozen=True):
    """The hints as a client gives them: ids of volumes, and a query in JSON; None: not given."""

    same_host: tuple[str, ...] | None = None
    different_host: tuple[str, ...] | None = None
    query: str | None = None


def find_hints(txn: Txn, context: Context, asked: AskedHints) -> Hints:
    """Query: the hints with the pools of the volumes instead of the volumes.

    A volume that the caller may not see, that does not exist or is nowhere yet, is on no pool.
    """
    return Hints(
        _pools(txn, context, asked.same_host),
        _pools(txn, context, asked.different_host),
        asked.query,
    )


def _pools(txn: Txn, context: Context, ids: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if ids is None:
        return None
    hosts = {_pool(txn, context, volume_id) for volume_id in ids}
    return tuple(sorted(host for host in hosts if host is not None))


def _pool(txn: Txn, context: Context, volume_id: str) -> str | None:
    try:
        volume = volumes.get(txn, volume_id)
    except VolumeNotFound:
        return None
    visible = context.is_admin or volume.project_id == context.project_id
    return volume.host if visible else None
