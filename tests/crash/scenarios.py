"""The scenarios: which cloud, which faults, how often; each gives a verdict."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import itertools
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import psycopg

from tests.crash.deployment import ALL_ROLES, PROGRAM, QUICK_TIMES, Deployment, Node
from tests.crash.storm import CLIENTS, FEW_CLIENTS, REST_SECONDS, Fault, Storm, Verdict
from tests.faults import hosts as network
from tests.faults import shim as shims
from tests.faults import small_disk
from tests.faults.hosts import Hosts
from tests.faults.shim import Shim
from tests.faults.small_disk import SmallDisk
from tests.postgresql import MISSING, Cluster, Mode, Standby, binaries

KILLS_PER_ROUND: Final = 10
SLOW_MILLISECONDS: Final = 300
"""What a driver's call takes longer where the storm shall find it under way."""
DISK_MEBIBYTES: Final = 256
CLOCK_SECONDS: Final = 1200
"""A jump that is longer than a lease, and shorter than the life of a token."""

CLONE_NEWNET: Final = 0x40000000

Store = Literal["sqlite", "postgresql"]


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of a scenario."""

    folder: Path
    """Empty, and everybody may enter it."""
    seed: int
    tell: Callable[[str], None]
    on: Store = "sqlite"
    roles: Sequence[str] = (ALL_ROLES,) * 3
    """Of each process, on PostgreSQL."""
    count: int = 0
    """How many strikes (failover: creates); 0: as many as the scenario says."""
    short: bool = False
    """Leases of seconds, and faults that last little longer."""
    rest_seconds: float = REST_SECONDS
    """A cloud that was healed, and has not come to rest after so long, never will."""
    program: Sequence[str] = PROGRAM
    """What is served in a storm on this host alone; not Pumice itself only where the judge is judged."""

    @property
    def times(self) -> str:
        """The settings of leases and heartbeats."""
        return QUICK_TIMES if self.short else ""


async def kill(plan: Plan) -> Verdict:
    """Kill -9 of a process drawn among all, which is started again at once."""
    draw = random.Random(plan.seed)
    with ExitStack() as stack:
        deployment = _deployment(plan, stack)
        faults = (_kill(draw.choice(deployment.nodes)) for _ in range(plan.count or 100))
        return await _storm(plan, deployment, f"kill -9 on {plan.on}", faults)


async def pause(plan: Plan) -> Verdict:
    """SIGSTOP of a process that holds work, for longer than its lease; then it goes on."""
    seconds = 5 if plan.short else 75
    with ExitStack() as stack:
        shim = _slow_driver(plan.folder)
        deployment = _deployment(plan, stack, shim.under)

        def faults() -> Iterator[Fault]:
            for node in itertools.islice(itertools.cycle(deployment.nodes), plan.count or 3):
                assert node.served is not None
                end = partial(_back, deployment, node, _does(node.served.resume))
                yield Fault(
                    f"SIGSTOP for {seconds} s", _does(node.served.pause), end, seconds, drain=True
                )

        return await _storm(plan, deployment, f"SIGSTOP for {seconds} s on {plan.on}", faults(), 1)


async def partition(plan: Plan) -> Verdict:
    """Two hosts, of which one is cut off from everybody while it holds work."""
    seconds = 12 if plan.short else 30
    with ExitStack() as stack:
        hosts = stack.enter_context(Hosts(2))
        shim = _slow_driver(plan.folder)
        switch = hosts.switch
        stack.enter_context(_standing_in(Path("/run/netns", switch.name)))
        cluster = stack.enter_context(Cluster(address=switch.address, under=switch.under))
        deployment = Deployment(
            plan.folder,
            [cluster],
            roles=[ALL_ROLES] * 2,
            times=plan.times,
            places=[(one.address, (*one.under, *shim.under)) for one in hosts.hosts],
            separate=True,
        )
        struck = itertools.islice(
            itertools.cycle(zip(hosts.hosts, deployment.nodes, strict=True)), plan.count or 3
        )
        faults = (
            Fault(
                f"cut off for {seconds} s",
                _does(partial(hosts.cut, host)),
                partial(_back, deployment, node, _does(partial(hosts.join, host))),
                seconds,
                drain=True,
            )
            for host, node in struck
        )
        return await _storm(plan, deployment, f"a host is cut off for {seconds} s", faults, 1)


async def failover(plan: Plan) -> Verdict:
    """The primary is killed amidst creates, and its synchronous standby promoted."""
    creates = plan.count or (90 if plan.short else 2000)
    with ExitStack() as stack:
        primary = stack.enter_context(Cluster())
        standby = stack.enter_context(Standby(primary))
        deployment = Deployment(plan.folder, [primary, standby], roles=plan.roles, times=plan.times)
        primary.require_standby(standby.name)

        async def begin() -> None:
            await asyncio.to_thread(primary.kill)
            await asyncio.to_thread(standby.promote)

        fault = Fault("failover", begin, _nothing)
        name = f"PostgreSQL primary killed in {creates} creates, synchronous standby promoted"
        return await _storm(plan, deployment, name, iter([fault]), 1, creates)


async def postgresql_restart(plan: Plan) -> Verdict:
    """PostgreSQL is stopped, in three ways, and is back after a while."""
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster())
        deployment = Deployment(plan.folder, [cluster], roles=plan.roles, times=plan.times)

        def faults() -> Iterator[Fault]:
            ways: list[Callable[[], None]] = [partial(cluster.stop, mode) for mode in _MODES]
            for way in itertools.islice(itertools.cycle([*ways, cluster.kill]), plan.count or 9):
                seconds = 0 if plan.short else 3
                yield Fault("PostgreSQL", _does(way), _does(cluster.start), seconds)

        return await _storm(plan, deployment, "PostgreSQL stopped, crashed and killed", faults(), 3)


_MODES: Final[tuple[Mode, ...]] = ("fast", "immediate")


async def full_disk(plan: Plan) -> Verdict:
    """The disk of the rows fills up and is freed again: SQLite's, with the volumes, or PostgreSQL's."""
    seconds = 1 if plan.short else 5
    with ExitStack() as stack:
        disk = stack.enter_context(SmallDisk(DISK_MEBIBYTES))
        if plan.on == "sqlite":
            deployment = Deployment(disk.folder, times=plan.times)
            begin, end = _does(disk.fill), partial(_mend_all, deployment, disk.free)
        else:
            cluster = stack.enter_context(Cluster(disk=disk.folder))
            deployment = Deployment(plan.folder, [cluster], roles=plan.roles, times=plan.times)
            begin = _does(partial(cluster.until_crash, partial(_fill, disk, cluster)))
            end = partial(_recover, cluster, disk.free)
        failing = plan.on == "sqlite"
        faults = (
            Fault("full disk", begin, end, seconds, failing=failing) for _ in range(plan.count or 6)
        )
        return await _storm(plan, deployment, f"the disk is full, {plan.on}", faults, 2)


def _fill(disk: SmallDisk, cluster: Cluster) -> None:
    """Fill the disk of PostgreSQL, and have it notice at once."""
    disk.fill()
    with suppress(psycopg.Error):
        cluster.begin_log_file()


async def io_error(plan: Plan) -> Verdict:
    """The disk answers with I/O errors: under the database's log, and under its data or the volumes."""
    with ExitStack() as stack:
        shim = Shim(plan.folder)
        if plan.on == "sqlite":
            deployment = _deployment(plan, stack, shim.under)
            faults = _errors_of_sqlite(plan, shim, deployment)
        else:
            cluster = stack.enter_context(Cluster(under=shim.under))
            deployment = Deployment(plan.folder, [cluster], roles=plan.roles, times=plan.times)
            faults = _errors_of_postgresql(plan, shim, cluster)
        return await _storm(plan, deployment, f"I/O errors, {plan.on}", faults, 1)


def _errors_of_sqlite(plan: Plan, shim: Shim, deployment: Deployment) -> Iterator[Fault]:
    calls: list[tuple[shims.Call, str, bool]] = [
        ("sync", "*/pumice.db-wal", False),
        ("write", "*/pumice.db-wal", False),
        ("write", "*/volumes/*", True),
    ]
    for call, pattern, failing in itertools.islice(itertools.cycle(calls), plan.count or 9):
        begin = _does(partial(shim.fail, call, pattern, errno.EIO))
        end = partial(_mend_all, deployment, shim.heal)
        seconds = 1 if plan.short else 5
        yield Fault(f"EIO of {call} {pattern}", begin, end, seconds, failing=failing)


def _errors_of_postgresql(plan: Plan, shim: Shim, cluster: Cluster) -> Iterator[Fault]:
    """After the error of one call PostgreSQL recovers; while they last it tries to, again and again."""
    calls: list[tuple[shims.Call, str, bool]] = [
        ("sync", "pg_wal", True),
        ("write", "pg_wal", False),
        ("sync", "base", False),
    ]
    for call, part, once in itertools.islice(itertools.cycle(calls), plan.count or 9):
        begin = partial(_fail, shim, call, f"{cluster.data}/{part}/*", once, cluster)
        yield Fault(
            f"EIO of {call} {part}",
            _does(partial(cluster.until_crash, begin)),
            partial(_recover, cluster, shim.heal),
            1 if plan.short or once else 5,
        )


def _fail(shim: Shim, call: shims.Call, pattern: str, once: bool, cluster: Cluster) -> None:
    """Begin to fail, and have PostgreSQL write its tables: it writes its log by itself."""
    shim.fail(call, pattern, errno.EIO, once=once)
    with suppress(psycopg.Error):
        cluster.write_tables()


async def slow_fsync(plan: Plan) -> Verdict:
    """Every sync takes longer: Pumice's, or PostgreSQL's."""
    with ExitStack() as stack:
        shim = Shim(plan.folder)
        if plan.on == "sqlite":
            deployment = _deployment(plan, stack, shim.under)
        else:
            cluster = stack.enter_context(Cluster(under=shim.under))
            deployment = Deployment(plan.folder, [cluster], roles=plan.roles, times=plan.times)
        seconds = 1 if plan.short else 10
        begin = _does(partial(shim.slow, "sync", "*", SLOW_MILLISECONDS))
        faults = (
            Fault("slow fsync", begin, _does(shim.heal), seconds) for _ in range(plan.count or 3)
        )
        return await _storm(plan, deployment, f"slow fsync, {plan.on}", faults, 1)


async def clock(plan: Plan) -> Verdict:
    """The wall clock of a process jumps ahead, and behind; on PostgreSQL that of one among several."""
    with ExitStack() as stack:
        shim = Shim(plan.folder)
        deployment = _deployment(plan, stack)
        deployment.nodes[-1].under = shim.under
        seconds = 1 if plan.short else 10

        def faults() -> Iterator[Fault]:
            jumps = itertools.cycle([CLOCK_SECONDS, -CLOCK_SECONDS])
            for jump in itertools.islice(jumps, plan.count or 4):
                yield Fault("clock", _does(partial(shim.jump, jump)), _does(shim.heal), seconds)

        return await _storm(plan, deployment, f"a clock jumps, {plan.on}", faults(), 1)


SCENARIOS: Final[dict[str, Callable[[Plan], Coroutine[Any, Any, Verdict]]]] = {
    "kill": kill,
    "pause": pause,
    "partition": partition,
    "failover": failover,
    "postgresql-restart": postgresql_restart,
    "full-disk": full_disk,
    "io-error": io_error,
    "slow-fsync": slow_fsync,
    "clock": clock,
}


def why_not(scenario: str, on: Store) -> str | None:
    """Why the scenario cannot run on this machine; None if it can."""
    reasons: list[str | None] = []
    if on == "postgresql" or scenario in ("partition", "failover", "postgresql-restart"):
        reasons.append(None if binaries() else MISSING)
    if scenario == "partition":
        reasons.append(network.why_not())
    if scenario == "full-disk":
        reasons.append(small_disk.why_not())
    if scenario in ("pause", "partition", "io-error", "slow-fsync", "clock"):
        reasons.append(shims.why_not())
    return next((reason for reason in reasons if reason), None)


async def _storm(
    plan: Plan,
    deployment: Deployment,
    name: str,
    faults: Iterator[Fault],
    in_round: int = KILLS_PER_ROUND,
    creates: int = 0,
) -> Verdict:
    """Strike with all ``faults``, so many ``in_round``, unless something is wrong before."""
    async with deployment:
        await deployment.start()
        clients = FEW_CLIENTS if plan.short else CLIENTS
        storm = Storm(deployment, name, plan.seed, plan.tell, clients, plan.rest_seconds)
        while not storm.verdict.wrong and (some := [*itertools.islice(faults, in_round)]):
            await storm.round(some, creates)
        if not storm.verdict.wrong:
            await storm.end()
        return storm.verdict


def _deployment(plan: Plan, stack: ExitStack, under: Sequence[str] = ()) -> Deployment:
    """What ``plan`` names, on this host, with every process run ``under`` a command."""
    clusters = [stack.enter_context(Cluster())] if plan.on == "postgresql" else []
    roles = plan.roles if clusters else (ALL_ROLES,)
    deployment = Deployment(plan.folder, clusters, roles=roles, times=plan.times)
    for node in deployment.nodes:
        node.under, node.program = under, plan.program
    return deployment


def _slow_driver(folder: Path) -> Shim:
    """A shim that makes a create of a volume last, so that there is always one under way."""
    shim = Shim(folder)
    shim.slow("write", f"{folder}/volumes/*", SLOW_MILLISECONDS)
    return shim


def _kill(node: Node) -> Fault:
    return Fault("kill -9", node.kill, node.start)


async def _back(deployment: Deployment, node: Node, end: Callable[[], Awaitable[None]]) -> None:
    """End the fault, and wait until the node answers and serves its backends again."""
    await end()
    await deployment.until_back(node)


async def _recover(cluster: Cluster, mend: Callable[[], None]) -> None:
    """End what ails the disk of PostgreSQL; if that has given up, it is started again."""
    mend()
    await asyncio.to_thread(cluster.recover)


async def _mend_all(deployment: Deployment, mend: Callable[[], None]) -> None:
    """End what ails the disk; a process that has given up is started again."""
    mend()
    for node in deployment.nodes:
        await node.start()


async def _nothing() -> None:
    """The fault lasts."""


def _does(work: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    """``work``, in a thread: the load goes on meanwhile."""

    async def step() -> None:
        await asyncio.to_thread(work)

    return step


@contextmanager
def _standing_in(namespace: Path) -> Iterator[None]:
    """This thread, and what it starts, is on the network ``namespace`` meanwhile."""
    with Path("/proc/thread-self/ns/net").open() as before:
        with namespace.open() as there:
            _enter(there.fileno())
        try:
            yield
        finally:
            _enter(before.fileno())


def _enter(namespace: int) -> None:
    """setns(2), which Python 3.11 has not yet."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
