"""What a serving process reports: that it lives, and how its backends are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pumice.drivers.backend import Backend
from pumice.drivers.contract import Capacity, Gib, Stats
from pumice.errors import PumiceError
from pumice.model.backend import Pool
from pumice.scheduler.view import PoolsView
from pumice.settings import BackendSettings
from pumice.store import backends as rows
from pumice.store import pools as pool_rows
from pumice.store.backends import BackendRecord, ProcessRecord
from pumice.store.contract import Store
from pumice.store.txn import Txn

LOOK_SECONDS: Final = 5.0
REPORTED_AT_ONCE: Final = 200
"""Backends in one unit: of thousands that changed, none keeps the others' requests waiting for all."""

log = logging.getLogger(__name__)


class Served(Struct, frozen=True):
    """A backend this process serves, with its settings."""

    backend: Backend
    settings: BackendSettings


class Seen(Struct, frozen=True):
    """What is known of one backend at one moment; ``stats`` None: it was never reached."""

    host: str
    settings: BackendSettings
    down_reason: str | None
    stats: Stats | None


class Report(Struct, frozen=True):
    """What one look at the backends found, for one unit."""

    process: ProcessRecord
    forget_before: int
    seen: tuple[Seen, ...]
    now_us: int


Written = list[tuple[Seen, BackendRecord, dict[str, tuple[int, int]]]]
"""Backends as they were written; what is allocated (GiB, volumes) on each of their pools by name."""


class Heartbeat:
    """Keeps the process row, the backend rows and the scheduler's view of the pools fresh."""

    def __init__(
        self,
        process: ProcessRecord,
        store: Store,
        view: PoolsView,
        served: Iterable[Served],
        down_seconds: int,
    ) -> None:
        self._process = process
        self._store = store
        self._view = view
        self._served = tuple(served)
        self._down_us = down_seconds * 1_000_000
        self._reported: dict[str, Seen] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self._pools: dict[str, set[str]] = {}

    async def look(self, within_seconds: float = LOOK_SECONDS) -> None:
        """Ask every backend for its figures, all at once; one that fails is down and says why.

        Who has not answered after ``within_seconds`` goes on being asked, and is asked no second time
        meanwhile: a backend that hangs holds up no other.
        """
        for one in self._served:
            host = one.backend.host
            if host not in self._looking or self._looking[host].done():
                self._looking[host] = asyncio.create_task(self._refresh(one.backend))
        if self._looking:
            await asyncio.wait(self._looking.values(), timeout=within_seconds)

    def stop(self) -> None:
        """Wait for nobody any more."""
        for task in self._looking.values():
            task.cancel()

    async def report(self, now_us: int) -> bool:
        """Write that the process lives, and what changed; the view follows each commit.

        Of many backends that are as they were, none is written: one row a heartbeat is enough. Returns
        whether anything changed.
        """
        seen = (
            Seen(one.backend.host, one.settings, one.backend.down_reason, one.backend.stats)
            for one in self._served
        )
        changed = tuple(one for one in seen if self._reported.get(one.host) != one)
        process = replace(self._process, heartbeat_at=now_us)
        known = 0
        starts = range(0, len(changed), REPORTED_AT_ONCE)
        # First that it lives, and nothing that must wait until a volume is placed on one of its pools.
        for part in ((), *(changed[start : start + REPORTED_AT_ONCE] for start in starts)):
            report = Report(process, now_us - 10 * self._down_us, part, now_us)
            known = await self._store.write_upkeep(write_report, report, self._follow)
            self._reported |= {one.host: one for one in part}
        if known < len(self._reported):
            # Silent for so long that it was taken for dead: all is told anew.
            log.warning("This process was taken for dead; it serves its backends again")
            self._reported.clear()
            return await self.report(now_us)
        return bool(changed)

    def _follow(self, written: Written) -> None:
        """Let the view follow the commit, in its place among the commits of claims."""
        for seen, record, allocated in written:
            pools = pools_of(seen, record, allocated)
            known = {pool.host for pool in pools}
            for host in self._pools.get(record.host, ()):
                if host not in known:
                    self._view.remove(host)
            self._pools[record.host] = known
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


def write_report(txn: Txn, report: Report, follow: Callable[[Written], None]) -> int:
    """Unit: the row of the process, and those of its backends that changed, with their pools.

    ``follow`` is told after the commit what each of these backends is, and what is allocated on it.
    Returns how many backends the process is known to serve.
    """
    rows.beat(txn, report.process)
    rows.forget_processes(txn, report.process.id, report.forget_before)
    written: Written = []
    for seen in report.seen:
        record = rows.report(
            txn,
            host=seen.host,
            name=seen.settings.volume_backend_name,
            availability_zone=seen.settings.backend_availability_zone,
            updated_at=report.now_us,
        )
        rows.serve(
            txn,
            seen.host,
            report.process.id,
            up=seen.down_reason is None,
            reason=seen.down_reason or "",
            updated_at=report.now_us,
        )
        names = seen.stats.by_pool() if seen.stats else ()
        allocated = {
            name: pool_rows.register(txn, f"{seen.host}#{name}", seen.host) for name in names
        }
        pool_rows.forget_reports(txn, seen.host)
        if allocated:
            for pool in pools_of(seen, record, allocated):
                pool_rows.report(txn, pool.host, msgspec.json.encode(pool).decode())
        written.append((seen, record, allocated))
    txn.after_commit(lambda: follow(written))
    return rows.count_served(txn, report.process.id)


def pools_of(
    seen: Seen, record: BackendRecord, allocated: dict[str, tuple[int, int]]
) -> list[Pool]:
    """The pools of one backend as the scheduler sees them.

    A backend that was never reached is shown as one pool that is down, so that verdicts can name it.
    """
    stats = seen.stats or _unreached(seen)
    return [
        _pool(seen, record, stats, name, capacity, allocated.get(name, (0, 0)))
        for name, capacity in stats.by_pool().items()
    ]


def _unreached(seen: Seen) -> Stats:
    return Stats(
        volume_backend_name=seen.settings.volume_backend_name,
        vendor_name="unknown",
        driver_version="unknown",
        storage_protocol="unknown",
        total_capacity_gib="unknown",
        free_capacity_gib="unknown",
    )


def _pool(
    seen: Seen,
    record: BackendRecord,
    stats: Stats,
    name: str,
    capacity: Capacity,
    allocated: tuple[int, int],
) -> Pool:
    settings = seen.settings
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
        up=seen.down_reason is None,
        enabled=record.enabled,
        frozen=record.frozen,
        capabilities=capabilities | {"pool_name": name},
        disabled_reason=record.disabled_reason,
    )


def _finite(figure: Gib) -> float | None:
    return None if isinstance(figure, str) else float(figure)


def _kind(capacity: Capacity) -> str:
    for figure in (capacity.free_capacity_gib, capacity.total_capacity_gib):
        if isinstance(figure, str):
            return figure
    return "finite"
