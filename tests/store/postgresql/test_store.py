"""What a store promises, on PostgreSQL: answers after the commit, whole units, reads of one state."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from pumice.errors import InvalidState, Unavailable
from pumice.store import operations
from pumice.store.postgresql import connections as pool
from pumice.store.postgresql.dialect import PREPARE_AFTER
from pumice.store.postgresql.store import STALE_TRIES, TRIES, PostgresStore
from pumice.store.txn import Txn
from pumice.trace import Trace
from tests.store.postgresql.conftest import Open
from tests.store.samples import add_message, add_operation, message_ids

WAIT_SECONDS: Final = 30
_WAITING: Final = "SELECT count(*) FROM pg_locks WHERE NOT granted"


async def until(event: threading.Event) -> None:
    """Wait for what another thread tells."""
    assert await asyncio.to_thread(event.wait, WAIT_SECONDS)


async def until_locked_out(connection: psycopg.Connection[Any], count: int = 1) -> None:
    """Wait until ``count`` of the others wait for a lock."""
    while connection.execute(_WAITING).fetchone() != (count,):  # noqa: ASYNC110 - the server has no event
        await asyncio.sleep(0.001)


def add_new(txn: Txn, *ids: str) -> None:
    """Rows whose ids must be new."""
    statement = "INSERT INTO process_locks (process_id, server) VALUES (:id, '')"
    for id_ in ids:
        txn.change(statement, {"id": id_})


def new_ids(txn: Txn) -> list[str]:
    return [row[0] for row in txn.all("SELECT process_id FROM process_locks")]


def add(txn: Txn, id_: str) -> str:
    add_message(txn, id_)
    return id_


async def test_a_unit_is_committed_before_its_answer(
    store: PostgresStore, stranger: psycopg.Connection[Any]
) -> None:
    assert await store.write(add, "m1") == "m1"
    assert stranger.execute("SELECT id FROM messages").fetchall() == [("m1",)]
    assert store.commits == 1


async def test_callbacks_run_on_the_loop_after_the_commit_and_before_the_answer(
    store: PostgresStore, stranger: psycopg.Connection[Any]
) -> None:
    seen: list[Any] = []

    def callback() -> None:
        seen.append(threading.current_thread() is threading.main_thread())
        seen.append(stranger.execute("SELECT count(*) FROM messages").fetchone())

    def unit(txn: Txn) -> None:
        txn.after_commit(callback)
        add_message(txn, "m1")

    await store.write(unit)
    assert seen == [True, (1,)]


async def test_a_refusal_leaves_nothing_and_calls_nobody(store: PostgresStore) -> None:
    called: list[str] = []

    def refuse(txn: Txn) -> None:
        add_message(txn, "m1")
        txn.after_commit(lambda: called.append("m1"))
        raise InvalidState("Not in this status.")

    with pytest.raises(InvalidState):
        await store.write(refuse)
    assert await store.read(message_ids) == []
    assert called == []
    assert store.commits == 0
    assert await store.write(add, "m2") == "m2"


def count_prepared(txn: Txn) -> int:
    """How many of this connection's prepared statements are the test's."""
    query = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT 1'"
    (count,) = txn.one(query) or (0,)
    return int(count)


async def test_what_is_prepared_outlives_a_refusal(store: PostgresStore) -> None:
    def refuse(txn: Txn) -> None:
        txn.one("SELECT 1")
        raise InvalidState("Not in this status.")

    for ask in (store.read, store.write):
        for _ in range(PREPARE_AFTER + 2):
            with pytest.raises(InvalidState):
                await ask(refuse)
        assert await ask(count_prepared) == 1


async def test_a_failing_callback_turns_no_commit_into_an_error(
    store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []

    def unit(txn: Txn) -> str:
        txn.after_commit(lambda: called.append(str(1 / 0)))
        txn.after_commit(lambda: called.append("second"))
        return add(txn, "m1")

    assert await store.write(unit) == "m1"
    assert called == ["second"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_unit_of_a_caller_who_went_away_runs_whole(store: PostgresStore) -> None:
    begun, go_on, called = threading.Event(), threading.Event(), asyncio.Event()

    def unit(txn: Txn) -> None:
        add_message(txn, "m1")
        begun.set()
        assert go_on.wait(WAIT_SECONDS)
        add_message(txn, "m2")
        txn.after_commit(called.set)

    caller = asyncio.create_task(store.write(unit))
    await until(begun)
    caller.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await caller
    go_on.set()
    await called.wait()
    assert await store.read(message_ids) == ["m1", "m2"]


async def test_readers_who_went_away_take_no_turn_along(store: PostgresStore) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def query(txn: Txn) -> None:
        txn.one("SELECT 1")
        begun.release()
        assert go_on.wait(WAIT_SECONDS)

    readers = [asyncio.create_task(store.read(query)) for _ in range(pool.QUERIES_AT_ONCE)]
    for _ in readers:
        assert await asyncio.to_thread(begun.acquire, timeout=WAIT_SECONDS)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    go_on.set()
    all_at_once = threading.Barrier(pool.QUERIES_AT_ONCE)
    await asyncio.gather(
        *(store.read(lambda _: all_at_once.wait(WAIT_SECONDS)) for _ in range(pool.QUERIES_AT_ONCE))
    )


async def test_a_unit_that_hides_an_error_is_not_believed(store: PostgresStore) -> None:
    def hide(txn: Txn) -> str:
        add_message(txn, "m1")
        with contextlib.suppress(psycopg.Error):
            txn.all("SELECT 1 FROM no_such_table")
        return "must not be said"

    with pytest.raises(RuntimeError, match="nothing was written"):
        await store.write(hide)
    assert await store.read(message_ids) == []


async def test_what_a_future_cannot_carry_is_told_all_the_same(store: PostgresStore) -> None:
    def unit(txn: Txn) -> None:
        next(iter(txn.all("SELECT 1 WHERE false")))

    with pytest.raises(RuntimeError, match="StopIteration"):
        await store.write(unit)


async def test_a_unit_that_breaks_a_key_each_time_is_a_defect(store: PostgresStore) -> None:
    runs: Counter[str] = Counter()

    def twice(txn: Txn) -> None:
        runs["m1"] += 1
        add_new(txn, "m1")
        add_new(txn, "m1")

    with pytest.raises(psycopg.errors.UniqueViolation):
        await store.write(twice)
    assert runs == {"m1": STALE_TRIES}


async def test_a_unit_whose_check_was_stale_decides_anew(url: str, open_store: Open) -> None:
    """Both look before either is committed, so that the second breaks the key."""
    both = threading.Barrier(2)
    runs: Counter[str] = Counter()

    def add_once(txn: Txn, who: str) -> str:
        runs[who] += 1
        found = new_ids(txn)
        if runs[who] == 1:
            both.wait(WAIT_SECONDS)
        if found:
            raise InvalidState("It is there.")
        add_new(txn, "m1")
        return who

    stores = [open_store(url), open_store(url)]
    outcomes = await asyncio.gather(
        *(one.write(add_once, who) for one, who in zip(stores, "ab", strict=True)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes if outcome not in ("a", "b")] == [InvalidState]
    assert sorted(runs.values()) == [1, 2]


async def test_of_two_in_each_others_way_both_come_through(store: PostgresStore) -> None:
    both = threading.Barrier(2)
    runs: Counter[str] = Counter()

    def touch(txn: Txn, first: str, second: str) -> None:
        runs[first] += 1
        statement = "UPDATE process_locks SET server = 'x' WHERE process_id = :id"
        txn.change(statement, {"id": first})
        if runs[first] == 1:
            both.wait(WAIT_SECONDS)
        txn.change(statement, {"id": second})

    await store.write(add_new, "m1", "m2")
    await asyncio.gather(store.write(touch, "m1", "m2"), store.write(touch, "m2", "m1"))
    assert sum(runs.values()) > 2


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_a_unit_that_another_got_in_the_way_of_runs_again(
    store: PostgresStore, code: str
) -> None:
    runs: Counter[str] = Counter()
    fail = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$"

    def unit(txn: Txn, times: int) -> str:
        runs[code] += 1
        if runs[code] <= times:
            txn.change(fail, {})
        return add(txn, "m1")

    assert await store.write(unit, 3) == "m1"
    assert runs == {code: 4}
    with pytest.raises(Unavailable):
        await store.write(unit, 1000)
    assert runs == {code: 4 + TRIES}


async def test_who_waits_too_long_for_a_lock_is_told_to_come_again(
    store: PostgresStore, stranger: psycopg.Connection[Any]
) -> None:
    await store.write(add, "m1")

    def take(txn: Txn) -> None:
        txn.change("SET LOCAL lock_timeout = '20ms'", {})
        txn.one("SELECT id FROM messages FOR UPDATE")

    with stranger.transaction():
        stranger.execute("SELECT id FROM messages FOR UPDATE")
        with pytest.raises(Unavailable):
            await store.write(take)
    await store.write(take)


async def test_a_read_that_is_too_long_is_told_so(store: PostgresStore) -> None:
    def sleep(txn: Txn) -> None:
        txn.change("SET LOCAL statement_timeout = '20ms'", {})
        txn.one("SELECT pg_sleep(60)")

    with pytest.raises(Unavailable):
        await store.read(sleep)
    assert await store.read(message_ids) == []


async def test_a_query_sees_one_state(store: PostgresStore) -> None:
    """Also when it is found out by running it that it looks twice."""
    looked, go_on = threading.Event(), threading.Event()

    def look_twice(txn: Txn, wait: bool) -> list[list[str]]:
        first = message_ids(txn)
        if wait:
            looked.set()
            assert go_on.wait(WAIT_SECONDS)
        return [first, message_ids(txn)]

    for written in ([], ["m1"]):
        reader = asyncio.create_task(store.read(look_twice, True))
        await until(looked)
        await store.write(add, f"m{len(written) + 1}")
        go_on.set()
        found = await reader
        assert found[0] == found[1]
        if written:  # It was known by then, and began before the second one.
            assert found == [written, written]
        looked.clear()
        go_on.clear()
    assert await store.read(look_twice, False) == [["m1", "m2"]] * 2


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_query_writes_nothing(store: PostgresStore, is_first: bool) -> None:
    def write(txn: Txn) -> None:
        if not is_first:
            message_ids(txn)
        add(txn, "m1")

    def write_many(txn: Txn) -> None:
        if not is_first:
            message_ids(txn)
        statement = "INSERT INTO process_locks (process_id, server) VALUES (:id, '')"
        txn.change_many(statement, [{"id": "a"}, {"id": "b"}])

    for query in (write, write_many, write):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await store.read(query)
    assert await store.read(message_ids) == []
    assert await store.read(new_ids) == []


async def test_a_query_of_one_statement_is_one_round_trip(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = psycopg.Connection.execute
    sent: list[str] = []

    def noted(self: Any, query: bytes, *rest: Any, **more: Any) -> Any:
        sent.append(query.split()[0].decode())
        return execute(self, query, *rest, **more)

    def look_twice(txn: Txn) -> None:
        message_ids(txn)
        message_ids(txn)

    monkeypatch.setattr(psycopg.Connection, "execute", noted)
    cases: list[tuple[Callable[[Txn], object], list[str]]] = [
        (message_ids, ["SELECT"]),
        (look_twice, ["SELECT", "BEGIN", "SELECT", "SELECT", "COMMIT"]),
        (look_twice, ["BEGIN", "SELECT", "SELECT", "COMMIT"]),
        (partial(message_ids), ["SELECT"]),
        (partial(look_twice), ["BEGIN", "SELECT", "SELECT", "COMMIT"]),
    ]
    for query, wanted in cases:
        await store.read(query)
        assert sent == wanted
        sent.clear()


async def test_units_that_wait_keep_nobody_from_reading(
    store: PostgresStore, stranger: psycopg.Connection[Any]
) -> None:
    await store.write(add, "m1")

    def take(txn: Txn) -> None:
        txn.one("SELECT id FROM messages FOR UPDATE")

    with stranger.transaction():
        stranger.execute("SELECT id FROM messages FOR UPDATE")
        writers = [asyncio.create_task(store.write(take)) for _ in range(2 * pool.UNITS_AT_ONCE)]
        await until_locked_out(stranger, pool.UNITS_AT_ONCE)
        assert await store.read(message_ids) == ["m1"]
    await asyncio.gather(*writers)


async def test_who_waits_is_served_in_order_and_bounded(
    store: PostgresStore, stranger: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAITING_MAX", 1)
    monkeypatch.setattr(pool, "WAITING_SECONDS", 0.02)
    await store.write(add, "m1")

    def take(txn: Txn) -> None:
        txn.one("SELECT id FROM messages FOR UPDATE")

    with stranger.transaction():
        stranger.execute("SELECT id FROM messages FOR UPDATE")
        holders = [asyncio.create_task(store.write(take)) for _ in range(pool.UNITS_AT_ONCE)]
        await until_locked_out(stranger, pool.UNITS_AT_ONCE)
        one_too_many = await asyncio.gather(
            store.write(take), store.write(take), return_exceptions=True
        )
        await store.write_upkeep(add, "m2")
    assert [type(outcome) for outcome in one_too_many] == [Unavailable, Unavailable]
    await asyncio.gather(*holders)
    await store.write(take)


async def test_leases_are_renewed_beside_a_row_that_is_being_written(
    store: PostgresStore, stranger: psycopg.Connection[Any]
) -> None:

    def begin(txn: Txn, id_: str) -> None:
        add_operation(txn, id=id_, claimed_by="p")

    for id_ in ("o1", "o2"):
        await store.write(begin, id_)
    with stranger.transaction():
        stranger.execute("SELECT id FROM operations WHERE id = 'o1' FOR UPDATE")
        await store.write_upkeep(operations.renew_leases, "p", 77)
    leases = {one.id: one.lease_until for one in await store.read(operations.select)}
    assert leases["o2"] == 77
    assert leases["o1"] != 77


async def test_a_server_that_says_nothing_is_given_up(
    own_url: str, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine answers for it, so no keepalive finds out."""
    monkeypatch.setattr(pool, "WORK_SECONDS", 0.2)
    store = open_store(own_url)
    stopped: list[int] = []

    def stop_once(txn: Txn) -> str:
        if not stopped:
            (pid,) = txn.one("SELECT pg_backend_pid()") or (0,)
            stopped.append(pid)
            os.kill(pid, signal.SIGSTOP)
        return add(txn, "m1")

    try:
        assert await store.write(stop_once) == "m1"
    finally:
        os.kill(stopped[0], signal.SIGCONT)


async def test_a_trace_shows_the_unit_and_its_commit(store: PostgresStore) -> None:
    trace = Trace("req-1", "test", 0)
    await store.write(add, "m1", trace=trace)
    assert [(span[0].name, bool(span[3])) for span in trace.spans] == [
        ("add", False),
        ("COMMIT", True),
    ]
    with pytest.raises(psycopg.errors.UniqueViolation):
        await store.write(add_new, "t1", "t1", trace=trace)
    assert "UniqueViolation" in trace.spans[2][3]


async def test_nothing_is_written_after_the_end(url: str, open_store: Open) -> None:
    store = open_store(url)
    await store.write(add, "m1")
    store.close()
    store.close()
    with pytest.raises(Unavailable):
        await store.write(add, "m2")
    assert await open_store(url).read(message_ids) == ["m1"]


async def test_nothing_is_compiled_whatever_the_database_says(
    url: str, store: PostgresStore, stranger: psycopg.Connection[Any]
) -> None:
    """It takes a recursive query for huge, and compiles for longer than that ever runs."""
    name = sql.Identifier(stranger.info.dbname)
    stranger.execute(sql.SQL("ALTER DATABASE {} SET jit = on").format(name))
    asked = "SELECT current_setting('jit')"
    assert await store.read(lambda txn: txn.one(asked)) == ("off",)
    assert await store.write(lambda txn: txn.one(asked)) == ("off",)
    assert await store.run(asked, {}) == [("off",)]
    with pool.connect(url, "session") as session:
        assert session.execute(asked).fetchone() == ("off",)
