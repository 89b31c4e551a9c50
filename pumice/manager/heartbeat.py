"""What a serving process reports: that it lives, and how its backends are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from pumice.drivers.backend import Backend
from pumice.drivers.contract import Capacity, Gib, Stats
from pumice.errors import PumiceError
from pumice.model.backend import Pool
from pumice.scheduler.view import PoolsView
from pumice.settings import BackendSettings
from pumice.store import backends as rows
from pumice.store import pools as pool_rows
from pumice.store.backends import BackendRecord, ProcessRecord
from pumice.store.sqlite import SqliteStore
from pumice.store.txn import Txn

log = logging.getLogger(__name__)


class Served(Struct, frozen=True):
    """A backend this process serves, with its settings."""

    backend: Backend
    settings: BackendSettings


class Report(Struct, frozen=True):
    """What one look at the backends found, for one unit."""

    process: ProcessRecord
    forget_before: int
    served: tuple[Served, ...]
    now_us: int


Written = list[tuple[Served, BackendRecord, dict[str, tuple[int, int]]]]
"""Backends as they were written; what is allocated (GiB, volumes) on each of their pools by name."""


class Heartbeat:
    """Keeps the process row, the backend rows and the scheduler's view of the pools fresh."""

    def __init__(
        self, store: SqliteStore, view: PoolsView, served: Iterable[Served], down_seconds: int
    ) -> None:
        self._store = store
        self._view = view
        self._served = tuple(served)
        self._down_us = down_seconds * 1_000_000
        self._reported: dict[str, tuple[str | None, Stats | None]] = {}

    async def look(self) -> None:
        """Ask every backend for its figures, all at once; one that fails is down and says why."""
        await asyncio.gather(*(self._refresh(one.backend) for one in self._served))

    async def report(self, process: ProcessRecord, now_us: int) -> None:
        """Write that the process lives, and what changed, in one unit; the view follows its commit.

        Of many backends that are as they were, none is written: one row a heartbeat is enough.
        """
        changed = tuple(
            one
            for one in self._served
            if self._reported.get(one.backend.host) != _state(one.backend)
        )
        states = {one.backend.host: _state(one.backend) for one in changed}
        report = Report(process, now_us - 10 * self._down_us, changed, now_us)
        await self._store.write(write_report, report, self._follow)
        self._reported |= states

    def _follow(self, written: Written) -> None:
        """Let the view follow the commit, in its place among the commits of claims."""
        for served, record, allocated in written:
            pools = pools_of(served, record, allocated)
            known = {pool.host for pool in pools}
            for old in self._view.pools():
                if old.backend_host == record.host and old.host not in known:
                    self._view.remove(old.host)
            for pool in pools:
                self._view.replace(pool)

    async def _refresh(self, backend: Backend) -> None:
        was = backend.down_reason
        try:
            await backend.refresh()
        except PumiceError as error:
            if backend.down_reason != was:
                log.warning("Backend %s is down: %s", backend.host, error)
        else:
            if was is not None:
                log.info("Backend %s is up", backend.host)


def _state(backend: Backend) -> tuple[str | None, Stats | None]:
    """What a report says of a backend."""
    return backend.down_reason, backend.stats


def write_report(txn: Txn, report: Report, follow: Callable[[Written], None]) -> None:
    """Unit: the row of the process, and those of its backends that changed, with their pools.

    ``follow`` is told after the commit what each of these backends is, and what is allocated on it.
    """
    rows.beat(txn, report.process)
    rows.forget_processes(txn, report.process.id, report.forget_before)
    written: Written = []
    for served in report.served:
        backend = served.backend
        reason = backend.down_reason
        rows.report(
            txn,
            host=backend.host,
            name=served.settings.volume_backend_name,
            process_id=report.process.id,
            availability_zone=served.settings.backend_availability_zone,
            up=reason is None,
            reason=reason or "",
            updated_at=report.now_us,
        )
        names = backend.stats.by_pool() if backend.stats else ()
        allocated = {
            name: pool_rows.register(txn, f"{backend.host}#{name}", backend.host) for name in names
        }
        written.append((served, rows.get(txn, backend.host), allocated))
    txn.after_commit(lambda: follow(written))


def pools_of(
    served: Served, record: BackendRecord, allocated: dict[str, tuple[int, int]]
) -> list[Pool]:
    """The pools of one backend as the scheduler sees them.

    A backend that was never reached is shown as one pool that is down, so that verdicts can name it.
    """
    stats = served.backend.stats or _unreached(served)
    return [
        _pool(served, record, stats, name, capacity, allocated.get(name, (0, 0)))
        for name, capacity in stats.by_pool().items()
    ]


def _unreached(served: Served) -> Stats:
    return Stats(
        volume_backend_name=served.settings.volume_backend_name,
        vendor_name="unknown",
        driver_version="unknown",
        storage_protocol="unknown",
        total_capacity_gib="unknown",
        free_capacity_gib="unknown",
    )


def _pool(
    served: Served,
    record: BackendRecord,
    stats: Stats,
    name: str,
    capacity: Capacity,
    allocated: tuple[int, int],
) -> Pool:
    settings = served.settings
    capabilities: dict[str, Any] = stats.capabilities(capacity)
    provisioned = capacity.provisioned_capacity_gib
    return Pool(
        host=f"{record.host}#{name}",
        backend_host=record.host,
        availability_zone=settings.backend_availability_zone,
        total_gib=_finite(capacity.total_capacity_gib),
        free_gib=_finite(capacity.free_capacity_gib),
        capacity_kind=_kind(capacity),
        allocated_gib=allocated[0],
        provisioned_gib=allocated[0] if provisioned is None else provisioned,
        volume_count=allocated[1],
        reserved_percentage=settings.reserved_percentage,
        max_over_subscription_ratio=settings.max_over_subscription_ratio,
        thin=capacity.thin_provisioning_support,
        up=served.backend.down_reason is None,
        enabled=record.enabled,
        frozen=record.frozen,
        capabilities=capabilities | {"pool_name": name},
    )


def _finite(figure: Gib) -> float | None:
    return None if isinstance(figure, str) else float(figure)


def _kind(capacity: Capacity) -> str:
    for figure in (capacity.free_capacity_gib, capacity.total_capacity_gib):
        if isinstance(figure, str):
            return figure
    return "finite"
