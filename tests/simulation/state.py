"""What a world looks like from outside, for comparing two of them, and what must hold in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pumice.process import Process
from pumice.store.txn import Row, Txn
from tests.simulation.files import SimFiles

# Everything but the times, the fences, and the log: those tell how the way was, not where it led.
_STATE = {
    "volumes": """SELECT id, project_id, size_gib, status, volume_type_id, availability_zone, host,
        provider_location FROM volumes ORDER BY id""",
    "quota_usages": "SELECT project_id, resource, in_use FROM quota_usages ORDER BY 1, 2",
    "pools": "SELECT host, allocated_gib, volume_count FROM pools ORDER BY host",
    "operations": """SELECT id, name, status, attempt, step, ended_at IS NULL, resource_id, error
        FROM operations ORDER BY id""",
    "messages": "SELECT id, resource_id, action, detail, user_message FROM messages ORDER BY id",
    "events": "SELECT id, event, resource_id, size_gib FROM events ORDER BY id",
}


@dataclass(frozen=True, slots=True)
class Several(Process):
    """Processes that share a database: who answers requests, and the ``manager`` of who serves backends."""

    members: tuple[Process, ...]


def each(process: Process) -> tuple[Process, ...]:
    """The processes of which ``process`` is made up."""
    return process.members if isinstance(process, Several) else (process,)


def serving(process: Process) -> Process:
    """The one that calls the drivers."""
    return next(one for one in each(process) if one.backends)


def scheduling(process: Process) -> Process:
    """The one that places volumes."""
    return next(one for one in each(process) if one.engine.tools.schedules)


def unfinished(txn: Txn) -> list[Row]:
    """The operations that have not ended."""
    return txn.all("SELECT id, name, status, step, error FROM operations WHERE ended_at IS NULL")


def rows(txn: Txn) -> dict[str, list[Row]]:
    """The rows, without what differs between two ways to the same end."""
    return {table: txn.all(query) for table, query in _STATE.items()}


async def snapshot(process: Process) -> dict[str, Any]:
    """The rows, what each backend and the disk hold, and the scheduler's view.

    Fails if they contradict each other.
    """
    state: dict[str, Any] = await process.store.read(rows)
    state["backends"] = {
        backend.host: sorted((item.id, item.size_gib) for item in backend.driver.list_volumes())
        for backend in process.backends.values()
    }
    viewer = next((one for one in each(process) if one.engine.tools.schedules), process)
    await viewer.manager._follow_pools()  # What others changed, it sees at its next look.
    state["view"] = sorted(
        (pool.host, pool.allocated_gib, pool.volume_count) for pool in viewer.services.pools.pools()
    )
    files = process.services.seams.files
    assert isinstance(files, SimFiles)
    state["files"] = sorted((path.name, size) for path, size in files.content.items())
    found = [*contradictions(state), *await process.store.read(log_faults)]
    assert not found, "\n".join(found)
    return state


def contradictions(state: dict[str, Any]) -> Iterator[str]:
    """What a snapshot says against itself, while no operation is under way."""
    quota: Counter[tuple[str, str]] = Counter()
    allocated = {host: (0, 0) for host, *_ in state["pools"]}
    held: dict[str, list[tuple[str, int]]] = {host: [] for host in state["backends"]}
    for volume_id, project_id, size_gib, status, type_id, _zone, host, _location in state[
        "volumes"
    ]:
        for resource, amount in (("volumes", 1), ("gigabytes", size_gib)):
            quota[project_id, resource] += amount
            quota[project_id, f"{resource}:{type_id}"] += amount
        if host is not None:
            allocated[host] = (allocated[host][0] + size_gib, allocated[host][1] + 1)
            held[host.partition("#")[0]].append((volume_id, size_gib))
        elif status != "error":
            yield f"{volume_id} is {status} and nowhere"
    # A backend that was never reached is in the view with nothing on it, and has no row.
    unreached = [(host, 0, 0) for host, *_ in state["view"] if host not in allocated]
    counted = {(project, resource): used for project, resource, used in state["quota_usages"]}
    for what, found, wanted in (
        ("quota", Counter(counted), quota),
        ("pools", state["pools"], sorted((host, *sums) for host, sums in allocated.items())),
        ("backends", state["backends"], {host: sorted(items) for host, items in held.items()}),
        ("view", state["view"], sorted([*state["pools"], *unreached])),
    ):
        if found != wanted:
            yield f"{what}: found {found}, wanted {wanted}"


def log_faults(txn: Txn) -> Iterator[str]:
    """Lines of a log that are missing, or were written under an old claim."""
    query = "SELECT operation_id, seq, fence FROM operation_log ORDER BY operation_id, seq"
    before: dict[str, tuple[int, int]] = {}
    for operation_id, seq, fence in txn.all(query):
        last_seq, last_fence = before.get(operation_id, (0, 0))
        if seq != last_seq + 1 or fence < last_fence:
            yield f"{operation_id}: line {seq}, fence {fence} after {last_seq}, {last_fence}"
        before[operation_id] = (seq, fence)
