"""Defects that are put into the program on purpose: a simulation that does not find them is too weak.

Each is a few lines that somebody might have written, and is taken out again when its context ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final
from unittest.mock import patch

from pumice.drivers.contract import Listed
from pumice.drivers.file import FileDriver
from pumice.errors import DriverError
from pumice.manager import leftovers
from pumice.manager.volume import VolumeManager
from pumice.operations import advance, engine, volume_create, volume_delete
from pumice.operations.definition import LocalStep, RemoteStep, Tools
from pumice.operations.liveness import ALONE
from pumice.seams import SyncedClock
from pumice.services import volumes
from pumice.store import kept_answers
from pumice.store import operations as rows
from pumice.store import pools as pool_rows
from pumice.store import quotas as quota_rows
from pumice.store import volumes as volume_rows
from pumice.store.sqlite import SqliteStore
from pumice.store.txn import Txn

Defect = Callable[[], AbstractContextManager[None]]
PLANTED: Final[dict[str, Defect]] = {}


def planted(defect: Callable[[], Iterator[None]]) -> Callable[[], Iterator[None]]:
    """Add a defect to the list, by its name."""
    PLANTED[defect.__name__.replace("_", " ")] = contextmanager(defect)
    return defect


@contextmanager
def _in_step(step: Any, **functions: Any) -> Iterator[None]:
    """A step of an operation with other functions; steps are frozen."""
    before = {name: getattr(step, name) for name in functions}
    try:
        for name, function in functions.items():
            object.__setattr__(step, name, function)
        yield
    finally:
        for name, function in before.items():
            object.__setattr__(step, name, function)


@planted
def no_sweep_behind_a_lost_hint() -> Iterator[None]:
    """What a hint was lost for is never found again."""

    async def sweep(self: engine.Engine) -> int:
        del self
        return 0

    with patch.object(engine.Engine, "sweep", sweep):
        yield


@planted
def an_undo_that_cannot_be_repeated() -> Iterator[None]:
    """Undoing a create fails where there is nothing, or nothing any more."""

    def unprovision(call: RemoteStep[Any]) -> None:
        if call.params.volume_id not in {one.id for one in call.driver.list_volumes()}:
            raise DriverError("There is no such volume.")
        volume_create.unprovision(call)

    with _in_step(volume_create.VOLUME_CREATE.steps[1], undo=unprovision):
        yield


@planted
def a_delete_that_cannot_be_repeated() -> Iterator[None]:
    """Deleting fails where there is nothing any more."""

    def deprovision(call: RemoteStep[Any]) -> dict[str, Any]:
        if call.params.volume_id not in {one.id for one in call.driver.list_volumes()}:
            raise DriverError("There is no such volume.")
        return volume_delete.deprovision(call)

    with _in_step(volume_delete.VOLUME_DELETE.steps[0], run=deprovision):
        yield


@planted
def a_fence_that_is_not_checked() -> Iterator[None]:
    """Whoever lost the claim writes on."""
    unfenced = rows._UPDATE.replace("AND fence = :fence AND claimed_by = :holder", "").replace(
        "AND ended_at IS NULL", ""
    )
    with (
        patch.object(rows, "_UPDATE", unfenced),
        patch.object(advance, "_check_claim", lambda _txn, _record: None),
    ):
        yield


@planted
def quota_given_back_twice() -> Iterator[None]:
    """A finished delete counts down twice."""
    subtract = quota_rows.subtract_volume

    def twice(*arguments: Any) -> None:
        subtract(*arguments)
        subtract(*arguments)

    with patch.object(quota_rows, "subtract_volume", twice):
        yield


@planted
def quota_that_is_not_given_back_by_force() -> Iterator[None]:
    """A volume that goes at once keeps its quota."""

    def forget(*_arguments: Any) -> None:
        """Nothing."""

    class Without:
        subtract_volume = staticmethod(forget)

    with patch.object(volumes, "quota_rows", Without):
        yield


@planted
def quota_that_is_not_enforced() -> Iterator[None]:
    """A limit is looked at before, and not when it is counted."""
    add = quota_rows.add

    def beyond(txn: Txn, project_id: str, resource: str, amount: int, limit: int) -> bool:
        del limit
        return add(txn, project_id, resource, amount, -1)

    with patch.object(quota_rows, "add", beyond):
        yield


@planted
def capacity_released_after_the_unit() -> Iterator[None]:
    """The pool gets its room back beside the transaction that removes the volume."""
    release = pool_rows.release

    def later(txn: Txn, host: str, size_gib: int) -> tuple[int, int]:
        connection = txn._connection
        txn.after_commit(lambda: _discard(release(Txn(connection), host, size_gib)))
        return (0, 0)

    with patch.object(pool_rows, "release", later):
        yield


def _discard(_value: object) -> None:
    """Nothing."""


@planted
def hints_that_leave_before_the_commit() -> Iterator[None]:
    """What shall happen after the commit happens at once, also if there is no commit."""

    def at_once(self: Txn, callback: Callable[[], None]) -> None:
        del self
        callback()

    with patch.object(Txn, "after_commit", at_once):
        yield


@planted
def a_reconciler_without_proof() -> Iterator[None]:
    """Whatever has no row is removed from the backend."""

    def unproven(txn: Txn, backend_host: str, listed: list[Listed], _before: int) -> list[Listed]:
        kept = set(volume_rows.ids_on(txn, backend_host))
        return [item for item in listed if item.id not in kept]

    with patch.object(leftovers, "leftovers", unproven):
        yield


@planted
def no_reconciler() -> Iterator[None]:
    """What a late effect leaves on a backend stays there."""

    async def reconcile(self: VolumeManager, served: object) -> None:
        del self, served

    with patch.object(VolumeManager, "_reconcile", reconcile):
        yield


@planted
def a_key_looked_up_outside_of_the_unit() -> Iterator[None]:
    """Whether a key is known is asked before the transaction only."""
    claim = kept_answers.claim

    def claims(*arguments: Any) -> bool:
        claim(*arguments)
        return True

    with patch.object(kept_answers, "claim", claims):
        yield


@planted
def a_take_over_that_does_not_read_the_log() -> Iterator[None]:
    """Who takes an operation over begins at its first step."""

    def nothing(_txn: Txn, _operation_id: str) -> list[Any]:
        return []

    class Without:
        log = staticmethod(nothing)

        def __getattr__(self, name: str) -> Any:
            return getattr(rows, name)

    with patch.object(engine, "rows", Without()):
        yield


@planted
def a_repeated_create_that_begins_anew() -> Iterator[None]:
    """A driver that makes the file again when it is asked again."""
    create = FileDriver.create_volume

    def anew(self: FileDriver, volume: Any) -> Any:
        self.delete_volume(volume)
        return create(self, volume)

    with patch.object(FileDriver, "create_volume", anew):
        yield


@planted
def answers_before_the_commit() -> Iterator[None]:
    """The store tells its callers what it has not committed yet."""
    run = SqliteStore._run

    def hasty(self: SqliteStore, job: Any) -> None:
        run(self, job)
        if job.error is None:
            job.answer()
            job.callbacks = []

    with patch.object(SqliteStore, "_run", hasty):
        yield


@planted
def other_projects_volumes_are_found() -> Iterator[None]:
    """Whose volume it is is not asked."""

    def find(txn: Txn, _context: object, volume_id: str) -> Any:
        return volume_rows.get(txn, volume_id)

    with patch.object(volumes, "find_volume", find):
        yield


@planted
def two_operations_at_once_on_a_volume() -> Iterator[None]:
    """A removal is accepted while the volume is still being made."""

    class Without:
        def __getattr__(self, name: str) -> Any:
            return getattr(rows, name)

        @staticmethod
        def unfinished_of(_txn: Txn, _resource_id: str) -> None:
            return None

    with patch.object(volumes, "operation_rows", Without()):
        yield


@planted
def a_status_set_without_looking() -> Iterator[None]:
    """A finished create makes a volume available whatever its status is by now."""
    unconditional = volume_rows._CREATED.replace("AND status = 'creating'", "")
    with (
        patch.object(volume_rows, "_CREATED", unconditional),
        patch.object(advance, "_check_claim", lambda _txn, _record: None),
        patch.object(
            rows, "_UPDATE", rows._UPDATE.replace("AND fence = :fence AND claimed_by = :holder", "")
        ),
    ):
        yield


@planted
def a_failed_create_that_keeps_its_place() -> Iterator[None]:
    """Giving a placement up does not give the capacity back."""

    def unplace(step: LocalStep[Any]) -> None:
        volume_rows.set_host(step.txn, step.params.volume_id, None, step.now_us)

    with _in_step(volume_create.VOLUME_CREATE.steps[0], undo=unplace):
        yield


@planted
def a_claim_without_a_condition() -> Iterator[None]:
    """An operation is taken from whoever has it."""
    anyhow = "(claimed_by IS NULL OR claimed_by = :process_id OR lease_until < :now)"
    with patch.object(rows, "_CLAIM", rows._CLAIM.replace(anyhow, "TRUE")):
        yield


@planted
def everybody_else_is_dead() -> Iterator[None]:
    """Several processes, each of which believes that it is alone."""

    async def take(self: engine.Engine) -> None:
        liveness, self._liveness = self._liveness, ALONE
        try:
            await before(self)
        finally:
            self._liveness = liveness

    before = engine.Engine._take_from_the_dead
    with patch.object(engine.Engine, "_take_from_the_dead", take):
        yield


@planted
def nobody_is_ever_dead() -> Iterator[None]:
    """What a dead process held is held for ever, for a lease is no reason either."""

    async def take(self: engine.Engine) -> None:
        del self

    def stubborn(statement: str) -> str:
        return statement.replace("OR lease_until < :now", "")

    with (
        patch.object(engine.Engine, "_take_from_the_dead", take),
        patch.object(rows, "_CLAIM", stubborn(rows._CLAIM)),
        patch.object(rows, "_RUNNABLE", stubborn(rows._RUNNABLE)),
    ):
        yield


@planted
def whoever_hears_of_it_does_it() -> Iterator[None]:
    """Who serves an operation's backend is not asked."""

    def stubborn(statement: str) -> str:
        return statement.replace(f"AND {rows._FOR_ME}", "")

    with (
        patch.object(Tools, "does", lambda _self, _backend_host: True),
        patch.object(rows, "_CLAIM", stubborn(rows._CLAIM)),
        patch.object(rows, "_RUNNABLE", stubborn(rows._RUNNABLE)),
    ):
        yield


@planted
def a_lost_answer_taken_for_a_failed_write() -> Iterator[None]:
    """What was committed is written again, for the commit's answer did not arrive."""
    unaware = rows._APPEND.replace("ON CONFLICT (operation_id, seq) DO NOTHING", "")
    with patch.object(rows, "_APPEND", unaware):
        yield


@planted
def leases_by_the_clock_of_each_process() -> Iterator[None]:
    """Whose clock is ahead takes what others hold."""
    with patch.object(SyncedClock, "now_us", lambda clock: clock._own.now_us()):
        yield
