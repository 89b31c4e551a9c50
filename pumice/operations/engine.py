"""The engine: takes operations by claim, calls drivers between units, waits, and tells who waits.

One asyncio task per running operation. Hints start tasks; a sweep finds what a lost hint left. An
operation that runs elsewhere, or here already, is left alone: the claim decides, not the hint.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from pumice.bus.contract import Bus, Hint
from pumice.context import Context
from pumice.drivers.backend import Backend
from pumice.errors import (
    BackendUnserved,
    DriverError,
    Fenced,
    InvalidState,
    OperationNotFound,
    Unavailable,
)
from pumice.model.operation import LogEntry, OperationRecord
from pumice.operations.advance import Outcome, Progress, abandon, advance, begin
from pumice.operations.definition import (
    Operation,
    Remote,
    RemoteStep,
    Tools,
    backend_of,
    results_of,
)
from pumice.operations.failures import failed_call, shelved
from pumice.operations.liveness import Liveness
from pumice.operations.plan import Action
from pumice.seams import Seams
from pumice.store import operations as rows
from pumice.store.contract import Store
from pumice.store.operations import Claimant
from pumice.store.txn import Txn
from pumice.trace import Trace, TraceView, place

SWEEP_LIMIT: Final = 500
RESULT_POLL_SECONDS: Final = 1.0
WRITE_RETRY_SECONDS: Final = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Who this process is, how long a claim lasts, and how many backends a volume may try.

    A process that was not heard of for ``down_seconds`` serves nothing. ``name`` is for people, who read in
    an operation's way which processes did what.
    """

    process_id: str
    lease_seconds: int
    max_attempts: int
    down_seconds: int
    name: str = ""


class Resource(Protocol):
    """What an operation works on."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def project_id(self) -> str:
        """Whose it is."""


class Engine:
    """Runs operations for one process."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        seams: Seams,
        tools: Tools,
        backends: Mapping[str, Backend],
        operations: Mapping[str, Operation[Any]],
        liveness: Liveness,
        options: EngineOptions,
    ) -> None:
        """``backends`` are those this process serves, by ``host@backend``."""
        self._store = store
        self._bus = bus
        self._seams = seams
        self.tools = tools
        self._backends = backends
        self._operations = operations
        self._liveness = liveness
        self.options = options
        self._running: dict[str, asyncio.Task[None]] = {}
        self._traces: dict[str, Trace] = {}
        self._begun_here: dict[str, Progress] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._takes_work = False
        self._unknown: set[str] = set()
        bus.subscribe(self._receive)

    # -- starting work, inside the unit that changes the resource

    def begin(
        self,
        txn: Txn,
        context: Context,
        operation: Operation[Any],
        operation_id: str,
        resource: Resource,
        params: Struct,
        prepared: dict[str, Any],
    ) -> OperationRecord:
        """Insert ``operation`` and run its leading local steps in ``txn``; the hint leaves at the commit.

        ``prepared`` holds what the local steps' ``prepare`` returned, by step name. The operation belongs
        to the resource's project, whoever asked for it.
        """
        record = OperationRecord(
            id=operation_id,
            name=operation.name,
            version=operation.version,
            params=msgspec.json.encode(params).decode(),
            status="running",
            attempt=1,
            project_id=resource.project_id,
            user_id=context.user_id,
            resource_type=operation.resource_type,
            resource_id=resource.id,
            backend_host=None,
            step="",
            claimed_by=self.options.process_id,
            lease_until=context.now_us + self.options.lease_seconds * 1_000_000,
            fence=1,
            run_after=0,
            error=None,
            error_detail=None,
            request_id=context.request_id,
            created_at=context.now_us,
            updated_at=context.now_us,
            ended_at=None,
        )
        progress = Progress(operation, params, record, (), context.trace, self.options.max_attempts)
        progress = begin(txn, progress, self.tools, prepared, context.now_us)
        txn.after_commit(lambda: self._begun(progress))
        return progress.record

    def _begun(self, progress: Progress) -> None:
        record = progress.record
        if record.claimed_by is None:
            self._bus.publish(Hint("ready", record.id, record.backend_host))
        elif record.ended_at is None:
            self._traces[record.id] = progress.trace
            self._begun_here[record.id] = progress
            self._bus.publish(Hint("ready", record.id, record.backend_host))
        else:
            _log_end(record)
            self._bus.publish(Hint("ended", record.id))

    # -- running

    def open(self) -> None:
        """Take work from now on: the pools and this process's backends are known.

        A hint that comes earlier, of another process, is one that is lost.
        """
        self._takes_work = True

    def _receive(self, hint: Hint) -> None:
        if hint.kind == "ended":
            self._cancel_timer(hint.operation_id)
            if hint.operation_id not in self._running:  # It rested here, and was ended elsewhere.
                self._traces.pop(hint.operation_id, None)
                self._begun_here.pop(hint.operation_id, None)
            for waiter in self._waiting.get(hint.operation_id, ()):
                if not waiter.done():
                    waiter.set_result(None)
        elif hint.kind == "ready" and self.tools.does(hint.backend_host):
            self._start(hint.operation_id)

    def _start(self, operation_id: str) -> None:
        """Run the operation, unless it runs here already."""
        if not self._takes_work or operation_id in self._running:
            return
        self._cancel_timer(operation_id)
        task = asyncio.get_running_loop().create_task(self._run(operation_id))
        self._running[operation_id] = task
        task.add_done_callback(lambda done: self._ended_task(operation_id, done))

    def _ended_task(self, operation_id: str, task: asyncio.Task[None]) -> None:
        del self._running[operation_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Operation %s stopped; a sweep will take it up", operation_id, exc_info=error)

    async def _run(self, operation_id: str) -> None:
        """Carry one operation on until it ends, rests, or turns out to be somebody else's."""
        try:
            progress = await self._take(operation_id)
            while progress is not None and self._holds(progress.record):
                wait_us = progress.record.run_after - self._seams.clock.now_us()
                if wait_us > 0:
                    self._rest(operation_id, wait_us / 1e6)
                    return
                progress = await self._step(progress)
        except (Fenced, OperationNotFound):
            # The second: a hint so late that the operation has ended and is forgotten.
            log.warning("Operation %s was taken by another process, or abandoned", operation_id)
        except Unavailable as error:
            log.warning("Operation %s waits for the next sweep: %s", operation_id, error)
        self._traces.pop(operation_id, None)

    def _holds(self, record: OperationRecord) -> bool:
        """Whether there is more to do, and this process is to do it."""
        return record.ended_at is None and record.claimed_by == self.options.process_id

    async def _take(self, operation_id: str) -> Progress | None:
        """The operation as this process may run it, or None; claims it unless it is ours already."""
        begun = self._begun_here.pop(operation_id, None)
        if begun is not None:
            return begun  # As this process has just written it; the next unit checks the claim.
        now_us = self._seams.clock.now_us()
        record = await self._store.read(rows.get, operation_id)
        if record.ended_at is not None:
            return None
        known = self._operations.get(record.name)
        if known is None or known.version < record.version:
            self._leave_unknown(record)
            return None
        fresh = operation_id in self._traces and self.tools.does(record.backend_host)
        if not fresh or record.claimed_by != self.options.process_id:
            if self._is_anothers(record, now_us):
                return None  # A hint reaches each process that could: let it cost a look, and no write.
            claimed = await self._store.write(
                rows.claim, operation_id, self._claimant(now_us), self._lease(now_us)
            )
            if claimed is None:
                return None
            record = claimed
        entries = await self._store.read(rows.log, operation_id)
        if operation_id not in self._traces:
            stored = await self._store.read(rows.trace, operation_id)
            self._traces[operation_id] = self._going_on(record, stored, now_us)
        return self._progress(record, tuple(entries), self._traces[operation_id])

    def _is_anothers(self, record: OperationRecord, now_us: int) -> bool:
        """Whether another process holds the operation, and its lease lasts: no claim would be granted."""
        holder = record.claimed_by
        return holder not in {None, self.options.process_id} and record.lease_until >= now_us

    def _going_on(self, record: OperationRecord, stored: str | None, now_us: int) -> Trace:
        """A recorder that begins with what the process recorded that handed the operation over."""
        earlier = msgspec.json.decode(stored, type=TraceView) if stored else None
        trace = Trace(record.request_id, f"{record.name} (taken up)", now_us, earlier)
        trace.mark(place(self._going_on, name="taken up"), f"by {self.options.name}")
        return trace

    def _leave_unknown(self, record: OperationRecord) -> None:
        """What a newer Pumice began waits, unclaimed, for one that knows it; said once."""
        if record.id not in self._unknown:
            self._unknown.add(record.id)
            log.warning("Operation %s (%s) is unknown to this version", record.id, record.name)

    def _progress(
        self, record: OperationRecord, log: tuple[LogEntry, ...], trace: Trace
    ) -> Progress:
        """The operation from its row and its log."""
        operation = self._operations[record.name]
        params = msgspec.json.decode(record.params, type=operation.params)
        return Progress(operation, params, record, log, trace, self.options.max_attempts)

    async def _step(self, progress: Progress) -> Progress:
        """One step further. What nobody foresaw makes the operation stuck, not a loop of crashes."""
        try:
            return await self._go_on(progress)
        except (Fenced, Unavailable):
            raise
        except Exception as error:
            log.exception("Operation %s cannot go on", progress.record.id)
            return await self._record(progress, shelved(progress, error, self._later), {})

    async def _go_on(self, progress: Progress) -> Progress:
        """One driver call, if one is due, and the unit that records it."""
        action = progress.action()
        outcome = None
        prepared: dict[str, Any] = {}
        if action.started:
            outcome = await self._call(progress, action)
        elif progress.needs is not None:
            prepared[progress.needs] = self._prepare(progress, progress.needs)
        point = f"{progress.operation.name}:{progress.needs or progress.record.step}:unit"
        self._seams.crash_point(f"before {point}")
        after = await self._record(progress, outcome, prepared)
        self._seams.crash_point(f"after {point}")
        if after.record.ended_at is not None:
            _log_end(after.record)
            self._bus.publish(Hint("ended", after.record.id))
        elif after.record.claimed_by is None:
            self._bus.publish(Hint("ready", after.record.id, after.record.backend_host))
        return after

    async def _record(
        self, progress: Progress, outcome: Outcome | None, prepared: dict[str, Any]
    ) -> Progress:
        """The unit; tried again while the database cannot write.

        A driver's answer is known here and nowhere else, so it is kept until the disk is back.
        """
        while True:
            now_us = self._seams.clock.now_us()
            try:
                return await self._store.write(
                    advance,
                    progress,
                    self.tools,
                    outcome,
                    prepared,
                    self._lease(now_us),
                    now_us,
                    trace=progress.trace,
                )
            except Unavailable as error:
                log.warning("Operation %s cannot be recorded: %s", progress.record.id, error)
                await self._seams.sleep(WRITE_RETRY_SECONDS)

    def _prepare(self, progress: Progress, name: str) -> object:
        """Run the ``prepare`` of a local step, outside of any transaction."""
        step = progress.operation.step(name)
        assert not isinstance(step, Remote)
        assert step.prepare is not None
        started = progress.trace.start()
        prepared = step.prepare(self.tools, progress.params, progress.log)
        progress.trace.end(place(step.prepare), started)
        return prepared

    async def _call(self, progress: Progress, action: Action) -> Outcome:
        """Call the driver for a remote step or its undo; what came of it."""
        step = progress.operation.steps[action.step]
        assert isinstance(step, Remote)
        function = step.run if action.kind == "run" else step.undo
        assert function is not None
        record = progress.record
        results = results_of(progress.log, record.attempt)
        host = step.at(progress.params, results)
        point = f"{progress.operation.name}:{step.name}:{action.kind}"
        self._seams.crash_point(f"before {point}")
        started = progress.trace.start()
        try:
            backend = self._backend(host)
            call = RemoteStep(backend.driver, progress.params, results)
            result = await backend.call(
                record.resource_id, function, call, title=f"{record.name} {record.id}"
            )
        except (DriverError, Unavailable) as error:
            progress.trace.end(place(function), started, f"failed: {error}")
            extra = {"request_id": record.request_id, "operation_id": record.id}
            log.warning("%s on %s failed: %s", step.name, host, error, extra=extra)
            return failed_call(
                progress, action, error, self._later, can_go_elsewhere=self._has_another(host)
            )
        progress.trace.end(place(function), started, host)
        self._seams.crash_point(f"after {point}")
        return Outcome(step.name, "done" if action.kind == "run" else "undone", result or {})

    def _backend(self, host: str) -> Backend:
        backend = self._backends.get(host.partition("#")[0])
        if backend is None:
            raise BackendUnserved(
                "No process serves the volume's backend at the moment.",
                detail=f"{host} is not among the enabled backends.",
            )
        return backend

    def _has_another(self, pool_host: str) -> bool:
        """Whether any backend is known beside that of ``pool_host``."""
        here = backend_of(pool_host)
        return any(pool.backend_host != here for pool in self.tools.pools.pools())

    def _later(self, seconds: float) -> int:
        """When to try again, with jitter, in UTC microseconds."""
        jittered = seconds * (0.75 + self._seams.random() / 2)
        return self._seams.clock.now_us() + int(jittered * 1e6)

    def _lease(self, now_us: int) -> int:
        return now_us + self.options.lease_seconds * 1_000_000

    def _rest(self, operation_id: str, seconds: float) -> None:
        """Hint again when a resting operation is due; the sweep stands behind this timer."""
        loop = asyncio.get_running_loop()
        self._timers[operation_id] = loop.call_later(seconds, self._start, operation_id)

    def _cancel_timer(self, operation_id: str) -> None:
        timer = self._timers.pop(operation_id, None)
        if timer is not None:
            timer.cancel()

    # -- recovery, waiting, stopping

    async def sweep(self) -> int:
        """Run what could run here and does not; how many. The backstop of lost hints and lost processes."""
        await self._take_from_the_dead()
        # What runs here is among the found: it must not fill the list and hide the rest.
        limit = SWEEP_LIMIT + len(self._running)
        claimant = self._claimant(self._seams.clock.now_us())
        found = await self._store.read(rows.runnable, claimant, limit)
        idle = [operation_id for operation_id in found if operation_id not in self._running]
        for operation_id in idle:
            self._start(operation_id)
        return len(idle)

    async def _take_from_the_dead(self) -> None:
        """Let go of what dead processes claim; the same at the start and at any later time.

        What they served they are known to serve until they have been silent for ``down_seconds``: who is
        started again at once finds waiting for him what came meanwhile.
        """
        holders = await self._store.read(rows.claimants)
        others = [holder for holder in holders if holder != self.options.process_id]
        for process_id in sorted(await self._liveness.dead(others) if others else ()):
            # What he sent before his death may be committed after this: then he is found dead again.
            released = await self._store.write(rows.release_claims, process_id)
            log.info("Process %s is dead; operations that it held: %d", process_id, released)

    async def dead(self, among: Collection[str]) -> Collection[str]:
        """See :meth:`pumice.operations.liveness.Liveness.dead`."""
        return await self._liveness.dead(among)

    def _claimant(self, now_us: int) -> Claimant:
        alive_since = now_us - self.options.down_seconds * 1_000_000
        return Claimant(self.options.process_id, self.tools.schedules, alive_since, now_us)

    async def renew_leases(self) -> None:
        """Lengthen the lease of everything that runs here."""
        if self._running:
            lease_until = self._lease(self._seams.clock.now_us())
            await self._store.write_upkeep(rows.renew_leases, self.options.process_id, lease_until)

    async def result(self, operation_id: str, deadline_seconds: float) -> OperationRecord:
        """Wait until the operation ended. Raises :class:`Unavailable` at the deadline; it goes on then.

        The hint only shortens the wait: the row is looked at each second as well.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + deadline_seconds
        while True:
            record = await self._store.read(rows.get, operation_id)
            if record.ended_at is not None:
                return record
            left = deadline - loop.time()
            if left <= 0:
                raise Unavailable(
                    f"Operation {operation_id} is still under way; ask again.",
                    retry_after_seconds=1,
                )
            await self._wait_for_hint(operation_id, min(left, RESULT_POLL_SECONDS))

    async def _wait_for_hint(self, operation_id: str, seconds: float) -> None:
        """Wait until a hint says that the operation ended, at most ``seconds``."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, waiter)
        waiters = self._waiting.setdefault(operation_id, [])
        waiters.append(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            waiters.remove(waiter)
            if not waiters:
                del self._waiting[operation_id]

    async def settle(self, operation_id: str, seconds: float) -> None:
        """Give an operation that was begun here ``seconds`` to end; it goes on in any case."""
        if operation_id in self._traces or await self._is_elsewhere(operation_id):
            await self._wait_for_hint(operation_id, seconds)

    async def _is_elsewhere(self, operation_id: str) -> bool:
        """Whether another process has the operation, and has not ended it yet."""
        if self.tools.schedules and self.tools.backends:
            return False  # What begins here goes on here, almost always: not worth a query.
        return await self._store.read(rows.is_unfinished, operation_id)

    async def retry(self, operation_id: str) -> OperationRecord:
        """Run a resting or stuck operation now. Raises :class:`InvalidState` if it has ended."""
        if not await self._store.write(rows.wake, operation_id, self._seams.clock.now_us()):
            raise InvalidState(f"Operation {operation_id} has ended; there is nothing to retry.")
        record = await self._store.read(rows.get, operation_id)
        self._bus.publish(Hint("ready", operation_id, record.backend_host))
        return record

    async def abandon(self, operation_id: str) -> OperationRecord:
        """End an operation by a person's decision. Raises :class:`InvalidState` if it has ended."""
        return await self._store.write(self.give_up, operation_id, self._seams.clock.now_us())

    def give_up(self, txn: Txn, operation_id: str, now_us: int) -> OperationRecord:
        """Unit: :meth:`abandon`, inside of what a person decided instead. Raises as that does."""
        record = rows.get(txn, operation_id)
        if record.name not in self._operations:
            raise InvalidState(f"Operation {operation_id} is unknown to this version of Pumice.")
        trace = self._traces.get(operation_id) or self._going_on(
            record, rows.trace(txn, operation_id), now_us
        )
        after = abandon(
            txn,
            self._progress(record, (), trace),
            self.tools,
            self.options.process_id,
            self._lease(now_us),
            now_us,
        )
        txn.after_commit(lambda: self._given_up(operation_id))
        return after.record

    def _given_up(self, operation_id: str) -> None:
        self._traces.pop(operation_id, None)
        self._begun_here.pop(operation_id, None)
        self._bus.publish(Hint("ended", operation_id))

    @property
    def running(self) -> int:
        """How many operations run here at this moment."""
        return len(self._running)

    async def idle(self) -> None:
        """Wait until nothing runs here."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def stop(self, grace_seconds: float) -> None:
        """Take no new work, give what runs ``grace_seconds``, then leave it to the next start."""
        self._takes_work = False
        tasks = list(self._running.values())
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=grace_seconds)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        for operation_id in list(self._timers):  # Last: what ran may have gone to rest meanwhile.
            self._cancel_timer(operation_id)
        with contextlib.suppress(Unavailable):  # Then the others find out by themselves.
            await self._store.write(rows.release_claims, self.options.process_id)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _log_end(record: OperationRecord) -> None:
    log.log(
        logging.INFO if record.status == "done" else logging.WARNING,
        "%s of %s is %s%s",
        record.name,
        record.resource_id,
        record.status,
        f": {record.error}" if record.error else "",
        extra={"request_id": record.request_id, "operation_id": record.id},
    )
