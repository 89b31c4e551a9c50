"""An operation as a value: a name, parameters, and steps with their undos.

A **local** step changes only the store: its effect and its line in the log commit together, so it
happens exactly once. A **remote** step calls a driver: *started* is logged before the call, it may run
again after a crash, and so it must be idempotent; its undo also runs when it only started.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from msgspec import Struct

from pumice.drivers.contract import Driver
from pumice.model.operation import LogEntry, OperationRecord
from pumice.scheduler.contract import Scheduler
from pumice.scheduler.view import PoolsView
from pumice.store.txn import Txn
from pumice.trace import Trace

P = TypeVar("P", bound=Struct)
Result: TypeAlias = dict[str, Any]
"""What a step leaves for later steps: a JSON object in the log."""

REMOTE_TRIES: Final = 10
"""How often a remote step is tried in place when its backend is away: for three minutes or so.

A volume that may be made on another backend goes there at once, if there is another.
"""
UNDO_TRIES: Final = 4
"""How often an undo is tried before the operation is shown as stuck (it is tried on, more rarely)."""


class Failure(Struct, frozen=True):
    """Why a step failed: the error's class name, a text for the user, one for the operator.

    ``verdicts`` are the scheduler's, where it found no backend.
    """

    kind: str
    public: str
    detail: str
    verdicts: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True)
class Tools:
    """What steps may use besides the transaction, and which of them this process does.

    ``backends`` are those that it serves, by ``host@backend``; ``schedules``: it places volumes.
    """

    scheduler: Scheduler
    pools: PoolsView
    backends: frozenset[str]
    schedules: bool

    def does(self, backend_host: str | None) -> bool:
        """Whether a step on this backend, or of the scheduler if it has none, is this process's."""
        return self.schedules if backend_host is None else backend_host in self.backends


@dataclass(frozen=True, slots=True)
class LocalStep(Generic[P]):
    """What a local step is given. ``results`` holds the results of this attempt's steps by name."""

    txn: Txn
    params: P
    record: OperationRecord
    results: Mapping[str, Result]
    prepared: Any
    """What the step's ``prepare`` returned, if it has one."""
    tools: Tools
    now_us: int
    trace: Trace


@dataclass(frozen=True, slots=True)
class RemoteStep(Generic[P]):
    """What a remote step is given; it runs on one of the backend's threads."""

    driver: Driver
    params: P
    results: Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Local(Generic[P]):
    """A step in the store. ``prepare`` runs before the transaction, for what a unit may not do itself."""

    name: str
    run: Callable[[LocalStep[P]], Result]
    undo: Callable[[LocalStep[P]], None] | None = None
    prepare: Callable[[Tools, P, Sequence[LogEntry]], object] | None = None


@dataclass(frozen=True, slots=True)
class Remote(Generic[P]):
    """A step on a backend; ``at`` names its pool (``host@backend#pool``)."""

    name: str
    run: Callable[[RemoteStep[P]], Result]
    at: Callable[[P, Mapping[str, Result]], str]
    undo: Callable[[RemoteStep[P]], None] | None = None


@dataclass(frozen=True, slots=True)
class Operation(Generic[P]):
    """One kind of durable work.

    ``failed`` runs in the unit that gives the operation up, after every undo: it moves the resource to
    its error status and tells the user. ``elsewhere``: when a remote step failed and all is undone, the
    operation starts again from its first step, up to ``scheduler_max_attempts`` attempts. ``version``
    rises when the parameters or steps change; recorded logs of older versions must still be read.
    """

    name: str
    version: int
    params: type[P]
    resource_type: str
    steps: tuple[Local[P] | Remote[P], ...]
    failed: Callable[[LocalStep[P], Failure], None]
    elsewhere: bool = False

    def step(self, name: str) -> Local[P] | Remote[P]:
        """The step called ``name``."""
        return next(step for step in self.steps if step.name == name)


def backend_of(pool_host: str) -> str:
    """The backend, ``host@backend``, of ``host@backend#pool``."""
    return pool_host.partition("#")[0]


def results_of(log: Sequence[LogEntry], attempt: int) -> dict[str, Result]:
    """The results of the steps that are done in ``attempt``, by name."""
    return {
        entry.step: entry.data
        for entry in log
        if entry.attempt == attempt and entry.event == "done"
    }
