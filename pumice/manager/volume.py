"""The volume manager: starts, keeps and stops the serving of this process's backends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final

from pumice.bus.contract import Bus, Hint
from pumice.errors import PumiceError, Unavailable, UsageError
from pumice.manager.heartbeat import Heartbeat, Served
from pumice.manager.leftovers import remove_leftovers
from pumice.manager.pools import PoolsFollower
from pumice.operations.engine import Engine
from pumice.seams import Seams
from pumice.settings import Settings
from pumice.store import backends, events, kept_answers, messages, operations, pools, revocations
from pumice.store.contract import Store
from pumice.store.txn import Txn

SWEEP_SECONDS: Final = 2.0
PRUNE_SECONDS: Final = 300.0
PRUNE_ROWS: Final = 500

Work = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


class VolumeManager:
    """Serves backends: recovery at start, then heartbeats, sweeps and reconcilers until stopped."""

    def __init__(
        self,
        store: Store,
        seams: Seams,
        engine: Engine,
        heartbeat: Heartbeat,
        served: tuple[Served, ...],
        settings: Settings,
        bus: Bus,
        follower: PoolsFollower | None,
    ) -> None:
        """``follower`` is needed where other processes use the database too."""
        self._store = store
        self._seams = seams
        self._engine = engine
        self._heartbeat = heartbeat
        self._served = served
        self._settings = settings
        self._bus = bus
        self._follower = follower
        self._pools_changed = asyncio.Event()
        # In their order, which a set has not, so that a simulation repeats.
        self._tasks: dict[asyncio.Task[None], None] = {}
        bus.subscribe(self._receive)

    async def start(self) -> None:
        """Look at the backends, take over what an earlier process left, and start the timers.

        A backend that does not answer within a few seconds is reported down and looked at again later.
        Raises :class:`UsageError` for a backend that cannot be shared, and is served elsewhere already.
        """
        await self._heartbeat.look()
        try:
            await self._report()
        except Unavailable as error:
            log.warning("Serving what can be read: %s", error)
        if self._follower is None:
            await self._name_absent_backends()
        else:
            await self._follow_pools()
            self._keep(self._follow_for_ever())
        self._engine.open()
        await self._sweep_first()
        await self._refuse_volatile()
        settings = self._settings
        repeated: list[tuple[float, Work]] = [
            (settings.report_interval, self._report),
            (settings.backend_stats_polling_interval, self._heartbeat.look),
            (SWEEP_SECONDS, self._sweep),
            (settings.report_interval, self._engine.renew_leases),
            (PRUNE_SECONDS, self._prune),
        ]
        repeated += [(PRUNE_SECONDS, partial(self._reconcile, one)) for one in self._served]
        for seconds, work in repeated:
            self._keep(self._repeat(seconds, work))

    def wake(self) -> None:
        """Look at once for what others did: this process was cut off from the database, or from hints."""
        self._pools_changed.set()
        self._keep(self._try(self._report))
        self._keep(self._try(self._sweep))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def stop(self) -> None:
        """End the timers."""
        for task in self._tasks:
            task.cancel()
        self._heartbeat.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reconcile(self) -> None:
        """Remove what operations left on the backends, all of them at once."""
        await asyncio.gather(*(self._reconcile(served) for served in self._served))

    async def _reconcile(self, served: Served) -> None:
        """One backend; each has a timer of its own, so that one that hangs holds up no other."""
        await remove_leftovers(
            self._store,
            served.backend,
            self._seams.clock.now_us(),
            served.settings.driver_deadline_seconds,
        )

    async def _repeat(self, seconds: float, work: Work) -> None:
        """Do ``work`` again and again; a failure is logged and does not end it."""
        while True:
            await self._seams.sleep(seconds)
            await self._try(work)

    async def _try(self, work: Work) -> None:
        try:
            await work()
        except PumiceError as error:
            log.warning("%s failed: %s", _name_of(work), error)
        except Exception:
            log.exception("%s failed", _name_of(work))

    async def _report(self) -> None:
        if await self._heartbeat.report(self._seams.clock.now_us()):
            self._bus.publish(Hint("pools"))

    def _receive(self, hint: Hint) -> None:
        if hint.kind == "pools":
            self._pools_changed.set()

    async def _follow_for_ever(self) -> None:
        """Look at the pools when somebody says that they changed, and now and then in any case."""
        while True:
            with contextlib.suppress(TimeoutError):
                # Not wait_for: of Python 3.11 it forgets a cancellation that comes with a hint.
                async with asyncio.timeout(self._settings.report_interval):
                    await self._pools_changed.wait()
            self._pools_changed.clear()
            await self._try(self._follow_pools)

    async def _follow_pools(self) -> None:
        if self._follower is not None:
            await self._follower.follow(self._seams.clock.now_us())

    async def _sweep_first(self) -> None:
        """Take up what an earlier process left; what cannot be written now, the timer tries again."""
        try:
            found = await self._engine.sweep()
        except Unavailable as error:
            log.warning("Unfinished operations wait: %s", error)
            return
        if found:
            log.info("Taking up unfinished operations: %d", found)

    async def _sweep(self) -> None:
        await self._engine.sweep()

    async def _refuse_volatile(self) -> None:
        """What a backend keeps in memory is its process's own: of two, each would miss the other's."""
        if self._follower is None:
            return  # Alone, there is no other process, whatever a row says that could not be removed yet.
        alive_since = self._seams.clock.now_us() - self._settings.service_down_time * 1_000_000
        mine = {
            one.backend.host
            for one in self._served
            if one.backend.stats is not None and one.backend.stats.volatile
        }
        own_id = self._engine.options.process_id
        others = {
            one.process_id: one.backend_host
            for one in (await self._store.read(backends.servers) if mine else ())
            if one.process_id != own_id and one.backend_host in mine
            if one.heartbeat_at >= alive_since
        }
        for process_id in others.keys() - set(await self._engine.dead(others) if others else ()):
            raise UsageError(
                f"{others[process_id]} keeps its volumes in memory, and another process serves it: "
                "only one can."
            )

    async def _name_absent_backends(self) -> None:
        """Say how many volumes lie on backends that were renamed or removed."""
        hosts = [served.backend.host for served in self._served]
        for host, count in await self._store.read(pools.elsewhere, hosts):
            log.warning("Volumes on %s, which is not enabled here: %d", host, count)

    async def _prune(self) -> None:
        """Forget what is older than its retention, some rows at a time."""
        now_us = self._seams.clock.now_us()
        before_us = now_us - self._settings.operation_retention_seconds * 1_000_000
        while await self._store.write(prune, now_us, before_us):
            await self._seams.sleep(0)


def _name_of(work: Work) -> str:
    """What a person calls it: ``report``, ``sweep``."""
    function = work.func if isinstance(work, partial) else work
    return function.__name__.strip("_").replace("_", " ")


def prune(txn: Txn, now_us: int, before_us: int) -> bool:
    """Unit: remove a bounded number of old rows; whether there may be more."""
    counts = (
        operations.prune(txn, before_us, PRUNE_ROWS),
        events.prune(txn, before_us, PRUNE_ROWS),
        messages.prune(txn, now_us, PRUNE_ROWS),
        kept_answers.prune(txn, now_us, PRUNE_ROWS),
        revocations.prune(txn, now_us, PRUNE_ROWS),
    )
    return PRUNE_ROWS in counts
