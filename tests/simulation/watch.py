"""What must hold at every commit, checked at every commit, for the rows that it changed.

Triggers, of the connection and not of the database, write down what each transaction changes; so a change
that was rolled back is not seen, and one in the middle of a transaction is. From that :class:`Watch` keeps
its own sums, which no query of the product can get wrong.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from pumice.model.states import VOLUME, VOLUME_FIRST
from tests.simulation.cloud import QUOTA_GIGABYTES, QUOTA_VOLUMES

_SEEN: Final = """
CREATE TEMP TABLE seen (seq INTEGER PRIMARY KEY, what TEXT, id TEXT, a, b, c, d, e, f)
"""
_TRIGGERS: Final = {
    "volumes": {
        "INSERT": "'volume+', new.id, new.project_id, new.size_gib, new.volume_type_id, new.status,"
        " new.host, new.name",
        "UPDATE OF status, host": "'volume', new.id, old.status, new.status, old.host, new.host,"
        " NULL, NULL",
        "DELETE": "'volume-', old.id, old.status, NULL, NULL, NULL, NULL, NULL",
    },
    "quota_usages": {
        "INSERT": "'quota', new.project_id, new.resource, new.in_use, NULL, NULL, NULL, NULL",
        "UPDATE": "'quota', new.project_id, new.resource, new.in_use, NULL, NULL, NULL, NULL",
        "DELETE": "'quota', old.project_id, old.resource, 0, NULL, NULL, NULL, NULL",
    },
    "quota_limits": {
        "INSERT": "'limit', new.project_id, new.resource, new.hard_limit, NULL, NULL, NULL, NULL",
        "UPDATE": "'limit', new.project_id, new.resource, new.hard_limit, NULL, NULL, NULL, NULL",
        "DELETE": "'limit', old.project_id, old.resource, NULL, NULL, NULL, NULL, NULL",
    },
    "pools": {
        "INSERT": "'pool', new.host, new.allocated_gib, new.volume_count, NULL, NULL, NULL, NULL",
        "UPDATE OF allocated_gib, volume_count": "'pool', new.host, new.allocated_gib,"
        " new.volume_count, NULL, NULL, NULL, NULL",
        "DELETE": "'pool', old.host, 0, 0, NULL, NULL, NULL, NULL",
    },
    "operations": {
        "INSERT": "'operation+', new.id, new.resource_id, new.name, new.claimed_by,"
        " new.lease_until, new.fence, new.ended_at",
        "UPDATE": "'operation', new.id, old.ended_at, new.claimed_by, new.lease_until, new.fence,"
        " new.status, new.ended_at",
        "DELETE": "'operation-', old.id, old.ended_at, NULL, NULL, NULL, NULL, NULL",
    },
    "operation_log": {
        "INSERT": "'log', new.operation_id, new.seq, new.attempt, new.step, new.event, new.fence,"
        " NULL",
    },
}
_INSERT: Final = "INSERT INTO seen (what, id, a, b, c, d, e, f) VALUES"
_STATEMENTS: Final = [
    f"CREATE TEMP TRIGGER seen_{table}_{number} AFTER {event} ON main.{table} BEGIN "
    f"{_INSERT} ({values}); END"
    for table, triggers in _TRIGGERS.items()
    for number, (event, values) in enumerate(triggers.items())
]
_READ: Final = "SELECT what, id, a, b, c, d, e, f FROM temp.seen ORDER BY seq"

ALLOWED: Final = {
    (leaves, transition.enters) for transition in VOLUME.values() for leaves in transition.leaves
}
Change = tuple[str, str, Any, Any, Any, Any, Any, Any]


def watch(connection: sqlite3.Connection) -> None:
    """Let ``connection`` write down what its transactions change."""
    connection.execute(_SEEN)
    for statement in _STATEMENTS:
        connection.execute(statement)


def changes(connection: sqlite3.Connection) -> list[Change]:
    """What the transactions since the last call changed, in order."""
    found = connection.execute(_READ).fetchall()
    if found:
        connection.execute("DELETE FROM temp.seen")
    return found


class Seen:
    """A volume's row."""

    __slots__ = ("host", "name", "project", "size", "status", "type_id")

    def __init__(self, change: Change) -> None:
        _, _, self.project, self.size, self.type_id, self.status, self.host, self.name = change

    project: str
    size: int
    type_id: str
    status: str
    host: str | None
    name: str


class SeenOperation:
    """An operation's row."""

    __slots__ = ("claimed_by", "ended", "fence", "lease_until", "lines", "name", "resource")

    def __init__(self, change: Change) -> None:
        _, _, self.resource, self.name, self.claimed_by, self.lease_until, self.fence, ended = (
            change
        )
        self.ended = ended is not None
        self.lines = 0

    resource: str
    name: str
    claimed_by: str | None
    lease_until: int
    fence: int


class Watch:
    """The rows as the commits made them. What is wrong is told to ``wrong(kind, sentence)``."""

    def __init__(
        self,
        wrong: Callable[[str, str], None],
        may_take: Callable[[str, str], bool],
        deletes: set[str],
        asked: Counter[str],
        available: Callable[[str], None],
    ) -> None:
        """``may_take(holder, taker)`` says whether a claim may be taken before its lease has ended.

        ``deletes`` are the ids that clients want removed; ``asked`` says how many volumes there may be of
        a name. ``available`` is told which volume can be used from now on.
        """
        self._available = available
        self._wrong = wrong
        self._may_take = may_take
        self._deletes = deletes
        self._asked = asked
        self.volumes: dict[str, Seen] = {}
        self.operations: dict[str, SeenOperation] = {}
        self.made: Counter[str] = Counter()
        """How many volumes there ever were of a name."""
        self._limits: dict[tuple[str, str], int] = {}
        self._quota: dict[tuple[str, str], int] = {}
        self._counted: Counter[tuple[str, str]] = Counter()
        self._pools: dict[str, tuple[int, int]] = {}
        self._placed_gib: Counter[str] = Counter()
        self._placed: Counter[str] = Counter()
        self._busy: dict[str, str] = {}
        self._touched_projects: set[tuple[str, str]] = set()
        self._touched_pools: set[str] = set()
        self._taken: list[tuple[str, str]] = []
        self._by = ""

    def apply(self, found: list[Change], process_id: str, now_us: int) -> None:
        """One commit, by a process whose clock says ``now_us``."""
        self._by = process_id
        for change in found:
            _HANDLERS[change[0]](self, change, now_us)
        for key in self._touched_projects:
            if self._quota.get(key, 0) != self._counted[key]:
                self._wrong(
                    "quota", f"{key}: recorded {self._quota.get(key, 0)}, are {self._counted[key]}"
                )
        for host in self._touched_pools:
            wanted = self.placed(host)
            if self._pools.get(host, (0, 0)) != wanted:
                self._wrong("pool", f"{host}: recorded {self._pools.get(host)}, are {wanted}")
        for operation_id, sentence in self._taken:
            if not self.operations[operation_id].ended:  # A person may end what others hold.
                self._wrong("claim", sentence)
        self._touched_projects.clear()
        self._touched_pools.clear()
        self._taken.clear()

    def unfinished_of(self, volume_id: str) -> str | None:
        """The operation that is under way on a volume."""
        return self._busy.get(volume_id)

    def placed(self, host: str) -> tuple[int, int]:
        """GiB and number of the volumes on a pool."""
        return (self._placed_gib[host], self._placed[host])

    # -- the changes, by what was changed

    def _volume_made(self, change: Change, _now_us: int) -> None:
        volume = self.volumes[change[1]] = Seen(change)
        if volume.status != VOLUME_FIRST:
            self._wrong("status", f"{change[1]} begins as {volume.status}")
        self.made[volume.name] += 1
        if self.made[volume.name] > self._asked[volume.name]:
            self._wrong("twice", f"{volume.name} was made {self.made[volume.name]} times")
        self._count(volume, 1)
        for resource, otherwise in (("volumes", QUOTA_VOLUMES), ("gigabytes", QUOTA_GIGABYTES)):
            limit = self._limits.get((volume.project, resource), otherwise)
            used = self._counted[volume.project, resource]
            if used > limit:
                self._wrong("limit", f"{volume.project} has {used} {resource}, may have {limit}")
        self._place(volume, volume.host, 1)

    def _volume_changed(self, change: Change, _now_us: int) -> None:
        _, volume_id, before, after, was_at, is_at, _, _ = change
        volume = self.volumes[volume_id]
        if before != after:
            if (before, after) not in ALLOWED:
                self._wrong("status", f"{volume_id} went from {before} to {after}")
            if after == "deleting" and volume_id not in self._deletes:
                self._wrong("lost", f"{volume_id} is being deleted, and nobody asked for it")
            volume.status = after
            if after == "available":
                self._available(volume_id)
        if was_at != is_at:
            if before != "creating":
                self._wrong("status", f"{volume_id} moved from {was_at} to {is_at} as {before}")
            self._place(volume, was_at, -1)
            volume.host = is_at
            self._place(volume, is_at, 1)

    def _volume_gone(self, change: Change, _now_us: int) -> None:
        volume = self.volumes.pop(change[1])
        if (volume.status, None) not in ALLOWED:
            self._wrong("status", f"{change[1]} vanished while {volume.status}")
        if change[1] not in self._deletes:
            self._wrong("lost", f"{change[1]} vanished, and nobody asked for it")
        self._count(volume, -1)
        self._place(volume, volume.host, -1)

    def _count(self, volume: Seen, number: int) -> None:
        for resource, amount in (("volumes", number), ("gigabytes", number * volume.size)):
            for name in (resource, f"{resource}:{volume.type_id}"):
                self._counted[volume.project, name] += amount
                self._touched_projects.add((volume.project, name))

    def _place(self, volume: Seen, host: str | None, number: int) -> None:
        if host is not None:
            self._placed_gib[host] += number * volume.size
            self._placed[host] += number
            self._touched_pools.add(host)

    def _quota_changed(self, change: Change, _now_us: int) -> None:
        key = (change[1], change[2])
        self._quota[key] = change[3]
        self._touched_projects.add(key)

    def _limit_changed(self, change: Change, _now_us: int) -> None:
        self._limits.pop((change[1], change[2]), None)
        if change[3] is not None:
            self._limits[change[1], change[2]] = change[3]

    def _pool_changed(self, change: Change, _now_us: int) -> None:
        self._pools[change[1]] = (change[2], change[3])
        self._touched_pools.add(change[1])

    def _operation_made(self, change: Change, _now_us: int) -> None:
        operation_id = change[1]
        operation = self.operations[operation_id] = SeenOperation(change)
        if operation.ended:
            return
        other = self._busy.setdefault(operation.resource, operation_id)
        if other != operation_id:
            self._wrong("two at once", f"{operation.resource}: {other} and {operation_id}")

    def _operation_changed(self, change: Change, now_us: int) -> None:
        _, operation_id, _, claimed_by, lease_until, fence, _, ended_at = change
        operation = self.operations[operation_id]
        if operation.ended:
            self._wrong("ended", f"{operation_id} was changed after its end")
        if fence < operation.fence:
            self._wrong("fence", f"{operation_id}: {operation.fence} became {fence}")
        holder = operation.claimed_by
        others = holder not in (None, self._by, claimed_by)
        if others and not self._may_take(holder or "", self._by):
            left = (operation.lease_until - now_us) / 1e6
            if claimed_by is None or left > 0:
                self._taken.append(
                    (operation_id, f"{operation_id} was taken from {holder}, {left} s too early")
                )
        if claimed_by != holder and claimed_by is not None and fence <= operation.fence:
            self._wrong("fence", f"{operation_id} was taken with the old fence {fence}")
        operation.claimed_by, operation.lease_until = claimed_by, lease_until
        operation.fence = fence
        if ended_at is not None:
            operation.ended = True
            self._busy.pop(operation.resource, None)

    def _operation_gone(self, change: Change, _now_us: int) -> None:
        if not self.operations.pop(change[1]).ended:
            self._wrong("ended", f"{change[1]} was forgotten before its end")

    def _line_added(self, change: Change, _now_us: int) -> None:
        _, operation_id, seq, _, step, event, fence, _ = change
        operation = self.operations[operation_id]
        if fence != operation.fence:
            self._wrong(
                "fence",
                f"{operation_id}: line {seq} ({step} {event}) has fence {fence}, not {operation.fence}",
            )
        operation.lines += 1
        if seq != operation.lines:
            self._wrong("log", f"{operation_id}: line {seq} after {operation.lines - 1}")


_HANDLERS: Final[dict[str, Callable[[Watch, Change, int], None]]] = {
    "volume+": Watch._volume_made,
    "volume": Watch._volume_changed,
    "volume-": Watch._volume_gone,
    "quota": Watch._quota_changed,
    "limit": Watch._limit_changed,
    "pool": Watch._pool_changed,
    "operation+": Watch._operation_made,
    "operation": Watch._operation_changed,
    "operation-": Watch._operation_gone,
    "log": Watch._line_added,
}
