"""Processes and backends as services, in Cinder's words, and what administrators set on them.

What is set stands in the store, so it outlives restarts, and holds in the scheduler's view of the pools
from the commit on.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from pumice.context import Context
from pumice.errors import InvalidInput, NotFound, Unavailable
from pumice.model.backend import ServiceFlags
from pumice.scheduler.view import PoolsView
from pumice.store import backends as rows
from pumice.store import pools as pool_rows
from pumice.store import service_flags
from pumice.store.backends import ProcessRecord, ServerRecord
from pumice.store.txn import Txn

SCHEDULER: Final = "cinder-scheduler"
VOLUME: Final = "cinder-volume"


class ServiceState(Struct, frozen=True):
    """One service: a process's scheduler, or a backend's volume service. Times are UTC microseconds."""

    binary: str
    host: str
    zone: str
    enabled: bool
    up: bool
    """Its process was heard of within ``service_down_time``."""
    updated_at: int
    disabled_reason: str | None
    frozen: bool
    backend_up: bool
    backend_reason: str


class ServedBackend(Struct, frozen=True):
    """How a process finds a backend that it serves; ``reason``: why it is down."""

    host: str
    up: bool
    reason: str


class ProcessState(Struct, frozen=True):
    """One process: what it does, whether it lives, and what it serves. Times are UTC microseconds."""

    id: str
    host: str
    pid: int
    roles: tuple[str, ...]
    up: bool
    """It was heard of within ``service_down_time``."""
    started_at: int
    heartbeat_at: int
    backends: tuple[ServedBackend, ...]


class Usage(Struct, frozen=True):
    """What a project has on a backend."""

    project_id: str
    volumes: int
    size_gib: int


def list_services(
    txn: Txn, context: Context, down_seconds: int, default_zone: str
) -> list[ServiceState]:
    """Query: one scheduler per host, then one volume service per backend, each in order of their names."""
    oldest = context.now_us - down_seconds * 1_000_000
    states = {}
    newest = {process.host: process for process in _schedulers(txn)}
    for _, process in sorted(newest.items()):
        alive = process.heartbeat_at >= oldest
        flags = service_flags.get(txn, process.host, SCHEDULER)
        states[SCHEDULER, process.host] = ServiceState(
            SCHEDULER,
            process.host,
            default_zone,
            flags.enabled,
            up=alive,
            updated_at=process.heartbeat_at,
            disabled_reason=flags.disabled_reason,
            frozen=False,
            backend_up=alive,
            backend_reason="",
        )
    servers = _servers(txn, oldest)
    for backend in rows.select_all(txn):
        serving = servers.get(backend.host)
        heard = serving.heartbeat_at if serving else backend.updated_at
        alive = serving is not None and heard >= oldest
        states[VOLUME, backend.host] = ServiceState(
            VOLUME,
            backend.host,
            backend.availability_zone,
            backend.enabled,
            alive,
            heard,
            backend.disabled_reason,
            backend.frozen,
            serving is not None and alive and serving.up,
            serving.reason if serving and alive else "No process serves it.",
        )
    return list(states.values())


def list_processes(txn: Txn, context: Context, down_seconds: int) -> list[ProcessState]:
    """Query: each process that is known, by its host and its start, with the backends that it serves."""
    oldest = context.now_us - down_seconds * 1_000_000
    served: dict[str, list[ServedBackend]] = {}
    for one in rows.servers(txn):
        served.setdefault(one.process_id, []).append(
            ServedBackend(one.backend_host, one.up, one.reason)
        )
    return [
        ProcessState(
            process.id,
            process.host,
            process.pid,
            tuple(process.roles.split(",")),
            process.heartbeat_at >= oldest,
            process.started_at,
            process.heartbeat_at,
            tuple(served.get(process.id, ())),
        )
        for process in sorted(rows.processes(txn), key=lambda one: (one.host, one.started_at))
    ]


def _schedulers(txn: Txn) -> list[ProcessRecord]:
    """The processes that schedule; of those on one host, the one that was last heard of comes last."""
    found = [one for one in rows.processes(txn) if "scheduler" in one.roles.split(",")]
    return sorted(found, key=lambda one: one.heartbeat_at)


def _servers(txn: Txn, oldest: int) -> dict[str, ServerRecord]:
    """For each backend the process that speaks for it: one that is alive and finds it up, if any does."""
    best: dict[str, ServerRecord] = {}
    for one in rows.servers(txn):
        before = best.get(one.backend_host)
        if before is None or (one.heartbeat_at >= oldest, one.up) >= (
            before.heartbeat_at >= oldest,
            before.up,
        ):
            best[one.backend_host] = one
    return best


def set_service(
    txn: Txn, context: Context, host: str, binary: str, flags: ServiceFlags, view: PoolsView
) -> None:
    """Unit: enable or disable a service. Raises :class:`NotFound` if there is none of that name.

    A backend that is disabled gets no new volumes; a scheduler that is disabled takes no new requests
    (:func:`check_scheduler`).
    """
    if binary == VOLUME:
        _find_backend(txn, host)
        rows.set_enabled(txn, host, enabled=flags.enabled, disabled_reason=flags.disabled_reason)
        _tell_view(txn, host, view)
        return
    if binary != SCHEDULER or host not in {process.host for process in rows.processes(txn)}:
        raise _no_such_service(host, binary)
    service_flags.put(txn, host, SCHEDULER, flags, context.now_us)


def freeze(txn: Txn, host: str, frozen: bool, view: PoolsView) -> None:  # noqa: FBT001 - a unit's input
    """Unit: freeze a backend, or thaw it: nothing is made on it and nothing removed from it.

    Raises :class:`InvalidInput` if there is none, or if that is how it is already.
    """
    try:
        changed = rows.set_frozen(txn, host, frozen=frozen)
    except NotFound:
        raise InvalidInput(
            f"Invalid input received: Service {VOLUME} could not be found on host {host}."
        ) from None
    if not changed:
        raise InvalidInput(
            "Invalid input received: No service could be changed: "
            f"frozen in ['{host}'] must be {not frozen} to failover."
        )
    _tell_view(txn, host, view)


def check_scheduler(txn: Txn, host: str) -> None:
    """Raises :class:`Unavailable` while the scheduler of ``host`` is disabled."""
    flags = service_flags.get(txn, host, SCHEDULER)
    if not flags.enabled:
        raise _disabled(flags)


def check_any_scheduler(txn: Txn, alive_since_us: int) -> None:
    """Raises :class:`Unavailable` unless a process schedules, was heard of since then, and is enabled."""
    alive = {one.host for one in _schedulers(txn) if one.heartbeat_at >= alive_since_us}
    found = [service_flags.get(txn, host, SCHEDULER) for host in sorted(alive)]
    if not found:
        raise Unavailable("No scheduler is running.", retry_after_seconds=10)
    if not any(flags.enabled for flags in found):
        raise _disabled(found[0])


def _disabled(flags: ServiceFlags) -> Unavailable:
    because = f": {flags.disabled_reason}" if flags.disabled_reason else "."
    return Unavailable(f"The scheduler is disabled{because}", retry_after_seconds=60)


def check_thawed(txn: Txn, pool_host: str) -> None:
    """Raises :class:`InvalidInput` if the backend of ``host@backend#pool`` is frozen."""
    if rows.is_frozen(txn, pool_host.partition("#")[0]):
        raise InvalidInput(
            "Invalid input received: Modification operations are not allowed on frozen "
            "storage backends."
        )


def find_usage(txn: Txn, host: str) -> list[Usage]:
    """Query: who has how much on a backend. Raises :class:`NotFound` if there is none."""
    _find_backend(txn, host)
    return [Usage(*one) for one in pool_rows.usage(txn, host)]


def _find_backend(txn: Txn, host: str) -> None:
    try:
        rows.get(txn, host)
    except NotFound:
        raise _no_such_service(host, VOLUME) from None


def _no_such_service(host: str, binary: str) -> NotFound:
    return NotFound(f"Service {binary} could not be found on host {host}.")


def _tell_view(txn: Txn, host: str, view: PoolsView) -> None:
    """Let the scheduler's view follow the commit."""
    found = rows.get(txn, host)

    def follow() -> None:
        view.flag(
            host,
            enabled=found.enabled,
            disabled_reason=found.disabled_reason,
            frozen=found.frozen,
        )

    txn.after_commit(follow)
