"""The stage on a real PostgreSQL: one process, or several that share the database.

Each unit, query, lock and connection is real; the time is the world's. All processes
run on one loop, and each transaction runs whole, in its turn, so a play goes the same way each time. What
belongs to a process runs in its context, and is dropped when that process is killed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextvars import Context, ContextVar, copy_context
from pathlib import Path
from typing import Any, Final, TypeVar, TypeVarTuple

import psycopg

from pumice.bus.contract import Hint
from pumice.model.roles import ROLES as ALL_ROLES
from pumice.model.roles import Role
from pumice.operations.liveness import Liveness
from pumice.process import Member, Process
from pumice.seams import SyncedClock
from pumice.store.postgresql import schema
from pumice.store.postgresql.dialect import PostgresConnection
from pumice.store.postgresql.session import Session
from pumice.store.postgresql.store import PostgresStore
from pumice.store.txn import Txn
from tests.deployments import ROLES
from tests.postgresql import Cluster
from tests.simulation.loop import Killed, VirtualLoop
from tests.simulation.state import Several
from tests.simulation.world import Life, Point, SimClock, SimExecutor, World, populate

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

ONE: Final[tuple[frozenset[Role], ...]] = (ALL_ROLES,)
FOUR: Final = tuple(frozenset[Role]((role,)) for role in ROLES)

UNIT_SECONDS: Final = 0.0002
"""The longest that a transaction takes, in the world's time."""

_LOCKS_OF: Final = "SELECT count(*) FROM pg_locks WHERE pid = ANY(%s)"
_TABLES: Final = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_FULL: Final = """
CREATE FUNCTION full() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$
"""


class Database:
    """A database on a real server, which is emptied for each world."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        """Make it, with its schema and what each world begins with."""
        self.url: Final = cluster.create_database(name)
        schema.create(self.url)
        with cluster.connect(name) as connection:
            populate(Txn(PostgresConnection(connection), "postgresql"))
        self._connection = cluster.connect(name)
        self._tables = [row[0] for row in self._connection.execute(_TABLES)]
        self._connection.execute(_FULL)
        self._reset = self._kept()
        self._is_full = False

    def _kept(self) -> str:
        """Put what there is now aside; the statements that bring it back."""
        statements = ["SET session_replication_role = replica"]  # No key is looked at.
        self._connection.execute("CREATE SCHEMA kept")
        for table in self._tables:
            statements.append(f"DELETE FROM {table}")  # noqa: S608 - as below
            if self._connection.execute(f"SELECT 1 FROM {table}").fetchone():  # noqa: S608 - own names
                self._connection.execute(f"CREATE TABLE kept.{table} AS TABLE {table}")
                statements.append(f"INSERT INTO {table} TABLE kept.{table}")
        statements.append("SET session_replication_role = origin")
        return "; ".join(statements)

    def reset(self) -> None:
        """Let it be as it was made."""
        if self._is_full:
            self.let_write(allowed=True)
        self._connection.execute(self._reset)

    def let_write(self, *, allowed: bool) -> None:
        """Refuse whatever is written, as a full disk does; or take it back."""
        self._is_full = not allowed
        for table in self._tables:
            self._connection.execute(
                f"DROP TRIGGER full_disk ON {table}"
                if allowed
                else f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON {table} "
                "EXECUTE FUNCTION full()"
            )

    def wait_for_end_of(self, pids: Sequence[int]) -> None:
        """Wait until the server has noticed that these connections are gone."""
        while self._connection.execute(_LOCKS_OF, (list(pids),)).fetchone() != (0,):
            time.sleep(0.0005)  # The server's own time, which no loop has a hand in.

    def close(self) -> None:
        """Leave it to the server's end."""
        self._connection.close()


class Seat:
    """One process: what belongs to it runs in its ``context``."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles: Final = roles
        self.is_dead = False
        self.receivers: list[Callable[[Hint], None]] = []
        self.opened: dict[int, psycopg.Connection[Any]] = {}
        """The connections by the numbers of the server's processes for them."""
        self.context: Final[Context] = copy_context()
        self.context.run(_SEAT.set, self)
        self.process: Process
        self.session: Session


_SEAT: ContextVar[Seat | None] = ContextVar("seat", default=None)
"""Whose turn it is."""


class SharedLoop(VirtualLoop):
    """A loop of several processes, on which the dead do nothing any more."""

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """See :meth:`asyncio.AbstractEventLoop.call_soon`."""
        return super().call_soon(_unless_dead, callback, args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See :meth:`asyncio.AbstractEventLoop.call_at`."""
        return super().call_at(when, _unless_dead, callback, args, context=context)


def _unless_dead(callback: Callable[[*Ts], object], args: tuple[*Ts]) -> None:
    seat = _SEAT.get()
    if seat is None or not seat.is_dead:
        callback(*args)


class SeatExecutor(SimExecutor):
    """The threads of one process; it keeps the connections that they open."""

    def __init__(self, world: World, seat: Seat, longest_seconds: float) -> None:
        super().__init__(world.chance, longest_seconds)
        self._seat = seat

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """See :meth:`pumice.threads.Executor.submit`."""

        def noted() -> T:
            result = function()
            if isinstance(result, psycopg.Connection):
                self._seat.opened[result.info.backend_pid] = result
            return result

        return super().submit(noted)


class SeatBus:
    """Carries hints to all processes as the world's ``fate`` has it."""

    def __init__(self, world: SharedWorld, seat: Seat) -> None:
        self._world = world
        self._seat = seat

    def publish(self, hint: Hint) -> None:
        """See :meth:`pumice.bus.contract.Bus.publish`."""
        self._world.crash_point(f"before hint {hint.kind}")
        loop = asyncio.get_running_loop()
        for seconds in self._world.fate(hint):
            for seat in self._world.seats.values():
                for receive in seat.receivers:
                    if seconds:
                        loop.call_later(seconds, receive, hint, context=seat.context)
                    else:
                        loop.call_soon(receive, hint, context=seat.context)

    def subscribe(self, receive: Callable[[Hint], None]) -> None:
        """See :meth:`pumice.bus.contract.Bus.subscribe`."""
        self._seat.receivers.append(receive)


class SharedWorld(World):
    """A world on PostgreSQL, with a process for each of ``roles``.

    A life ends when one of the processes is killed: the others are there in the next one, which begins
    with the start of another in its place. Requests go to each that answers them in turn.
    """

    in_order = False

    def __init__(
        self,
        home: Path,
        database: Database,
        roles: Sequence[frozenset[Role]],
        *,
        driver: str = "memory",
        options: Mapping[str, str] | None = None,
    ) -> None:
        self._database = database
        super().__init__(home, driver=driver, options=options)
        self._roles = roles
        self.seats: dict[int, Seat] = {}
        """The processes that live; first those that are always there."""
        self._lives = 0
        self._loop = SharedLoop()
        self._acting: asyncio.Task[Any] | None = None
        self._dying: Seat | None = None
        self._left: set[asyncio.Task[Any]] = set()
        """What the dead will never end, kept: a task that is forgotten complains."""

    def _make_database(self) -> None:
        self._database.reset()

    def live(self, act: Callable[[Process], Awaitable[T]], kill_at: Point | None = None) -> Life[T]:
        """See :meth:`World.live`."""
        self.reached, self._times, self._kill_at = [], Counter(), kill_at
        self._lives += 1
        result, killed = None, False
        try:
            self._run(self._start(), None)
            process = self._as_one()
            result = self._run(_awaited(act, process), self._answering().context)
            self._run(self._stop(), None)
        except Killed:
            killed = True
            self._die()
        finally:
            self.seconds = self._loop.time()
        unhandled = [one for one in self._loop.unhandled if not _is_death(one)]
        self._loop.unhandled.clear()
        assert killed or not unhandled, unhandled
        return Life(tuple(self.reached), result, killed)

    def _run(self, work: Coroutine[Any, Any, T], context: Context | None) -> T:
        task = self._loop.create_task(work, context=context)
        self._acting = task
        return self._loop.run_until_complete(task)

    async def _start(self) -> None:
        for number, roles in enumerate(self._roles):
            if number not in self.seats:
                seat = await self._sit_down(number, roles)
                await self._in(seat, seat.process.start())

    async def _sit_down(
        self, number: int, roles: frozenset[Role], liveness: Liveness | None = None
    ) -> Seat:
        """A process of which the others know that it lives, not started."""
        seat = Seat(roles)
        executor = SeatExecutor(self, seat, UNIT_SECONDS)
        store = PostgresStore(self._database.url, executor)
        # The session keeps the server's time for itself: all that the process does has the world's.
        session = Session(
            self._database.url,
            self.ids.identity_side(),
            store,
            executor,
            SyncedClock(SimClock(self)),
        )
        member = Member(session.process_id, roles, liveness or session)
        seat.session = session
        seat.process = self.put_together(store, SeatBus(self, seat), member)
        self.seats[number] = seat
        await self._in(seat, session.begin(seat.process.manager.wake))
        return seat

    async def _in(self, seat: Seat, work: Coroutine[Any, Any, None]) -> None:
        await self._loop.create_task(work, context=seat.context)

    async def second(self, first: Process, liveness: Liveness) -> Process:
        """See :meth:`World.second`: one more that does what the first does that serves backends."""
        del first
        seat = await self._sit_down(len(self.seats), self._roles[0], liveness)
        seat.process.engine.open()
        return seat.process

    async def _stop(self) -> None:
        for number, seat in sorted(self.seats.items(), reverse=True):
            await self._in(seat, seat.process.stop())
            await self._in(seat, seat.session.end())
            self._bury(number)

    def _answering(self) -> Seat:
        able = [self.seats[n] for n, roles in enumerate(self._roles) if "api" in roles]
        return able[self._lives % len(able)]

    def _as_one(self) -> Process:
        """What the test is given."""
        answering = self._answering().process
        if len(self._roles) == 1:
            return answering
        volume = self.seats[0].process
        return Several(
            answering.app,
            answering.services,
            answering.store,
            answering.engine,
            volume.manager,
            volume.backends,
            tuple(seat.process for seat in self.seats.values()),
        )

    def crash_point(self, name: str) -> None:
        """See :meth:`World.crash_point`: it is the process whose turn it is that ends."""
        try:
            super().crash_point(name)
        except Killed:
            self._dying = _SEAT.get()
            raise

    def _die(self) -> None:
        """Who reached the point is dead, and the client goes away."""
        (number,) = (number for number, seat in self.seats.items() if seat is self._dying)
        self._bury(number)
        self._left |= asyncio.all_tasks(self._loop)
        if self._acting is not None:
            self._acting.cancel()

    def _bury(self, number: int) -> None:
        """Nothing of a process goes on, and the server has noticed it."""
        seat = self.seats.pop(number)
        seat.is_dead = True
        for connection in seat.opened.values():
            if not connection.closed:
                self._loop.remove_reader(connection.fileno())
                connection.close()
        self._database.wait_for_end_of(list(seat.opened))

    def let_write(self, process: Process, *, allowed: bool) -> None:
        """See :meth:`World.let_write`."""
        del process
        self._database.let_write(allowed=allowed)

    def close(self) -> None:
        """End what still lives."""
        for number in list(self.seats):
            self._bury(number)
        self._loop.bury()


async def _awaited(act: Callable[[Process], Awaitable[T]], process: Process) -> T:
    return await act(process)


def _is_death(context: dict[str, Any]) -> bool:
    return isinstance(context.get("exception"), Killed)
