"""A small cloud in PostgreSQL, the units that change it, and how one of them is stopped on its way."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import json as msgspec_json
from msgspec.structs import replace

from pumice.bus.contract import Hint
from pumice.context import Context
from pumice.model.backend import Candidate, Ranking
from pumice.model.volume import Volume
from pumice.operations.advance import Outcome, Progress, advance
from pumice.operations.definition import Tools
from pumice.operations.engine import Engine, EngineOptions
from pumice.operations.liveness import ALONE
from pumice.operations.registry import OPERATIONS
from pumice.operations.volume_create import VolumeCreate
from pumice.scheduler.simple import SimpleScheduler
from pumice.scheduler.view import PoolsView
from pumice.seams import real
from pumice.services import quotas, volume_actions
from pumice.services.idempotency import Once, new_attempt, once_only
from pumice.services.quotas import QuotaDefaults
from pumice.services.volume_actions import Statuses
from pumice.services.volumes import (
    Accept,
    Changes,
    Remove,
    accept_volume,
    remove_volume,
    update_volume,
)
from pumice.store import backends, operations
from pumice.store.contract import Store
from pumice.store.operations import Claimant
from pumice.store.txn import Connection, Cursor, Parameters, Txn
from pumice.trace import Trace
from tests.store.samples import (
    BACKEND,
    NOW_US,
    POOL,
    TYPE,
    VOLUME,
    add_counted_volume,
    add_pool,
    add_type,
)

WAIT_SECONDS: Final = 30
LEASE_UNTIL: Final = NOW_US + 60_000_000
LATER_US: Final = NOW_US + 1_000_000
ROOM_GIB: Final = 4
"""Of the pool, of which the scene takes three: there is room for one more."""
VOLUMES_MAX: Final = 4
"""Of the project p1, likewise."""
TOOLS: Final = Tools(SimpleScheduler(), PoolsView(), frozenset({BACKEND}), schedules=True)
LIMITS: Final = QuotaDefaults(VOLUMES_MAX, 1000, -1)
PLAIN: Final = QuotaDefaults(100, 1000, -1)


def context_of(project_id: str) -> Context:
    return Context(
        request_id="req-1",
        global_request_id=None,
        user_id="u1",
        user_domain_id="default",
        scope="project",
        project_id=project_id,
        domain_id=None,
        roles=frozenset({"admin"}),
        now_us=LATER_US,
        trace=Trace("req-1", "test", NOW_US),
    )


class Deaf:
    """A bus on which every hint is lost: the test says what runs."""

    def publish(self, hint: Hint) -> None:
        """Lose it."""

    def subscribe(self, receive: Callable[[Hint], None]) -> None:
        """Never call it."""


class Side:
    """One process: ``a`` made what is under way in the scene."""

    def __init__(self, process_id: str, store: Store) -> None:
        self.process_id: Final = process_id
        self.store: Final = store
        options = EngineOptions(process_id, 60, 3, 60, process_id)
        self.engine: Final = Engine(store, Deaf(), real(), TOOLS, {}, OPERATIONS, ALONE, options)


Act = Callable[[Txn, Side], Any]
"""A unit, as one of the sides runs it."""


def accept_of(volume: Volume, operation_id: str, quota: QuotaDefaults) -> Accept:
    """A volume about to be accepted, that fits in the pool if anybody's does."""
    params = VolumeCreate(volume.id, "", volume.size_gib, TYPE.name, {}, None)
    ranking = Ranking("simple", (Candidate(POOL, 1.0, {}, float(ROOM_GIB)),), ())
    return Accept(volume, TYPE, operation_id, params, ranking, quota, "node1", 0)


def new_volume(id_: str, project_id: str = "p1") -> Volume:
    return replace(VOLUME, id=id_, project_id=project_id, status="creating", host=None)


def enlist(txn: Txn, *process_ids: str) -> None:
    """Let these processes serve the backend."""
    for id_ in process_ids:
        process = backends.ProcessRecord(id_, "node1", 1, NOW_US, NOW_US, "scheduler,volume")
        backends.beat(txn, process)
        backends.serve(txn, BACKEND, id_, up=True, reason="", updated_at=NOW_US)


def set_up(txn: Txn, side: Side) -> None:
    """``v1`` is there, ``v2`` is being made and ``v3`` removed, both by the process ``a``."""
    add_type(txn)
    add_pool(txn, POOL)
    enlist(txn, "a", "b")
    for id_ in ("v1", "v3"):
        add_counted_volume(txn, id=id_)
    accept_volume(txn, context_of("p1"), accept_of(new_volume("v2"), "o2", PLAIN), side.engine)
    remove_volume(txn, context_of("p1"), Remove("v3", "o3", force=False), side.engine)
    free = replace(operations.get(txn, "o2"), id="o4", resource_id="v4", claimed_by=None)
    operations.insert(txn, free, None)


def progress_of(txn: Txn, operation_id: str) -> Progress:
    """An operation of the scene as the process ``a`` knows it."""
    record = operations.get(txn, operation_id)
    operation = OPERATIONS[record.name]
    return Progress(
        operation,
        msgspec_json.decode(record.params, type=operation.params),
        record,
        tuple(operations.log(txn, operation_id)),
        Trace("req-1", "test", NOW_US),
        3,
    )


# --- The units -----------------------------------------------------------------------------------


def create(project_id: str, quota: QuotaDefaults) -> Act:
    def act(txn: Txn, side: Side) -> Any:
        volume = new_volume(f"new-{side.process_id}", project_id)
        accept = accept_of(volume, f"operation-{side.process_id}", quota)
        return accept_volume(txn, context_of(project_id), accept, side.engine).status

    return act


def create_under_a_key(txn: Txn, side: Side) -> Any:
    context = context_of("p2")
    attempt = new_attempt(context, "/v3/volumes", "the key", b"{}")
    once: Once[Volume] = Once(attempt, 202, lambda volume: volume.id.encode())
    accept = accept_of(
        new_volume(f"new-{side.process_id}", "p2"), f"operation-{side.process_id}", PLAIN
    )
    return once_only(once, accept_volume)(txn, context, accept, side.engine).status


def carry_on(known: dict[str, Progress], operation_id: str, *, succeeds: bool) -> Act:
    """What ``a`` does after the driver has answered, by what it knew before it called it."""

    def act(txn: Txn, side: Side) -> Any:
        del side
        progress = known[operation_id]
        step = progress.record.step
        data: dict[str, Any] = {"provider_location": None}
        if not succeeds:
            data = {"kind": "DriverError", "public": "No.", "detail": "", "verdicts": []}
        outcome = Outcome(step, "done" if succeeds else "failed", data)
        # Copied: a unit that runs again adds to another trace.
        mine = dataclasses.replace(progress, trace=Trace("req-1", "test", NOW_US))
        return advance(txn, mine, TOOLS, outcome, {}, LEASE_UNTIL, LATER_US).record.status

    return act


def claim(operation_id: str) -> Act:
    def act(txn: Txn, side: Side) -> Any:
        claimant = Claimant(side.process_id, schedules=True, alive_since=0, now=LATER_US)
        taken = operations.claim(txn, operation_id, claimant, LEASE_UNTIL)
        return None if taken is None else taken.fence

    return act


def remove(volume_id: str, *, force: bool) -> Act:
    def act(txn: Txn, side: Side) -> Any:
        wanted = Remove(volume_id, f"operation-{side.process_id}", force)
        remove_volume(txn, context_of("p1"), wanted, side.engine)

    return act


def set_status(volume_id: str, status: str) -> Act:
    def act(txn: Txn, side: Side) -> Any:
        del side
        volume_actions.reset_status(txn, context_of("p1"), volume_id, Statuses(status, None, None))

    return act


def rename(txn: Txn, side: Side) -> Any:
    changes = Changes(name=f"of {side.process_id}", metadata={side.process_id: "1"})
    return update_volume(txn, context_of("p1"), "v1", changes).name


def bury_a(txn: Txn, side: Side) -> Any:
    del side
    return operations.release_claims(txn, "a")


def close_backend(txn: Txn, side: Side) -> Any:
    del side
    backends.set_enabled(txn, BACKEND, enabled=False, disabled_reason="test")


def lower_quota(txn: Txn, side: Side) -> Any:
    del side
    quotas.update_quota(txn, context_of("p1"), "p1", {"volumes": 3}, PLAIN)


def acts(known: dict[str, Progress]) -> dict[str, Act]:
    """Every unit of the test, by name."""
    return {
        "create in the last of the quota": create("p1", LIMITS),
        "create in the last of the pool": create("p2", PLAIN),
        "create under a key": create_under_a_key,
        "the create is done": carry_on(known, "o2", succeeds=True),
        "the create has failed": carry_on(known, "o2", succeeds=False),
        "the removal is done": carry_on(known, "o3", succeeds=True),
        "claim what is free": claim("o4"),
        "claim what a has": claim("o2"),
        "a is dead": bury_a,
        "remove": remove("v1", force=False),
        "remove by force": remove("v2", force=True),
        "set a status": set_status("v1", "error"),
        "set the status of what is made": set_status("v2", "available"),
        "rename": rename,
        "close the backend": close_backend,
        "lower the quota": lower_quota,
    }


# --- Stopped on its way --------------------------------------------------------------------------


class Stop:
    """A place between two statements of a unit, where its first run stands until it is let go."""

    def __init__(self, before: int, reached: Callable[[], None]) -> None:
        """Before the statement of that number, which is one more than there are for the COMMIT."""
        self._left = before
        self._reached = reached
        self._go_on = threading.Event()

    def pass_by(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._reached()
            assert self._go_on.wait(WAIT_SECONDS)

    def let_go(self) -> None:
        self._go_on.set()


class Stopping:
    """A connection that stops at its place."""

    def __init__(self, connection: Connection, stop: Stop) -> None:
        self._connection = connection
        self._stop = stop

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, parameters: Parameters = {}, /) -> Cursor:  # noqa: B006 - read only
        self._stop.pass_by()
        return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Sequence[Parameters], /) -> Cursor:
        self._stop.pass_by()
        return self._connection.executemany(sql, parameters)


def stopped(act: Act, stop: Stop) -> Act:
    """``act``, which stands still at ``stop``."""

    def run(txn: Txn, side: Side) -> Any:
        stepping = Txn(Stopping(txn._connection, stop), txn.engine)
        result = act(stepping, side)
        stop.pass_by()
        txn.callbacks.extend(stepping.callbacks)
        return result

    return run


# --- What came of it -----------------------------------------------------------------------------

_ROWS: Final = {
    "volumes": """SELECT id, project_id, name, size_gib, status, host, metadata, provider_location
        FROM volumes""",
    "volume_metadata": "SELECT volume_id, key, value FROM volume_metadata",
    "operations": """SELECT id, name, status, attempt, backend_host, step, claimed_by, fence, error,
        ended_at FROM operations""",
    "operation_log": "SELECT operation_id, seq, attempt, step, event, data, fence FROM operation_log",
    "quota_usages": "SELECT project_id, resource, in_use FROM quota_usages",
    "quota_limits": "SELECT project_id, resource, hard_limit FROM quota_limits",
    "pools": "SELECT host, allocated_gib, volume_count FROM pools",
    "backends": "SELECT host, enabled FROM backends",
    "backend_servers": "SELECT backend_host, process_id FROM backend_servers",
    "kept_answers": "SELECT resource_id, status FROM kept_answers",
}


def picture(txn: Txn) -> dict[str, list[Any]]:
    """All that the units may change, without times and traces."""
    return {table: sorted(txn.all(query), key=repr) for table, query in _ROWS.items()}
