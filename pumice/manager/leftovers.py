"""The reconciler of backends: removes what this database's own log proves to be left over.

A driver call that was given up may still have an effect later (a thread that hung, a process taken for
dead). What such a call left is removed here, and nothing else: a volume is only touched if the log
shows that an operation *started* to make it on this very backend, ended, and did not keep it, and if
the longest deadline has passed since. Anything else a backend holds is a person's to judge
(``pumice db check`` reports it).
"""

from __future__ import annotations

import logging
from typing import Final

from pumice.drivers.backend import Backend
from pumice.drivers.contract import Listed, VolumeSpec
from pumice.errors import PumiceError
from pumice.services.check import began_on
from pumice.store import operations as rows
from pumice.store import volumes
from pumice.store.contract import Store
from pumice.store.txn import Txn

log = logging.getLogger(__name__)

REMOVED_AT_ONCE: Final = 100


async def remove_leftovers(
    store: Store, backend: Backend, now_us: int, deadline_seconds: int
) -> list[str]:
    """Remove what operations left on ``backend``; the ids of what was removed."""
    try:
        listed = await backend.call(backend.name, backend.driver.list_volumes, title="list_volumes")
    except PumiceError as error:
        log.info("Backend %s cannot be compared now: %s", backend.host, error)
        return []
    settled_before = now_us - deadline_seconds * 1_000_000
    proven = await store.read(leftovers, backend.host, listed, settled_before)
    removed = []
    for item in proven[:REMOVED_AT_ONCE]:
        spec = VolumeSpec(item.id, item.size_gib)
        try:
            await backend.call(item.id, backend.driver.delete_volume, spec, title="remove leftover")
        except PumiceError as error:
            log.warning("The leftover %s on %s stays: %s", item.id, backend.host, error)
        else:
            log.warning("Removed %s from %s: its operation had given it up", item.id, backend.host)
            removed.append(item.id)
    return removed


def leftovers(
    txn: Txn, backend_host: str, listed: list[Listed], settled_before_us: int
) -> list[Listed]:
    """Which of ``listed`` an operation of ours began to make on this backend and did not keep."""
    kept = set(volumes.ids_on(txn, backend_host))
    return [
        item
        for item in listed
        if item.id not in kept and _given_up(txn, backend_host, item.id, settled_before_us)
    ]


def _given_up(txn: Txn, backend_host: str, volume_id: str, settled_before_us: int) -> bool:
    """Whether every operation on the volume has long ended, and one began to make it here."""
    settled = all(
        record.ended_at is not None and record.ended_at <= settled_before_us
        for record in rows.select(txn, resource_id=volume_id)
    )
    return settled and began_on(txn, backend_host, volume_id)
