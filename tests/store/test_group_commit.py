"""The writer: one commit for many units, no answer before it, and nobody else's failure."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from pumice.errors import InvalidState, Unavailable
from pumice.store.sqlite import (
    BATCH_NS_MAX,
    BATCH_UNITS_MAX,
    QUEUE_MAX,
    SqliteStore,
    snapshot,
)
from pumice.store.txn import Txn
from pumice.trace import Trace
from tests.store.samples import add_message, message_ids

REFUSAL: Final = InvalidState("Not in this status.")


def refuse(txn: Txn, id_: str) -> None:
    """Write something, then say no."""
    add_message(txn, id_)
    raise REFUSAL


async def gathered(*writes: Awaitable[Any]) -> list[Any]:
    """What came of each write: its value or its error."""
    return await asyncio.gather(*writes, return_exceptions=True)


def on_disk(path: Path) -> list[str]:
    """The messages that another process sees."""
    with snapshot(path) as txn:
        return message_ids(txn)


async def test_a_unit_gives_its_value_and_its_changes_are_on_disk(store: SqliteStore) -> None:
    def unit(txn: Txn, id_: str) -> str:
        add_message(txn, id_)
        return f"made {id_}"

    assert await store.write(unit, "m1") == "made m1"
    assert on_disk(store.path) == ["m1"]


async def test_units_of_one_turn_share_a_commit(store: SqliteStore) -> None:
    await gathered(*(store.write(add_message, f"m{number}") for number in range(5)))
    assert store.commits == 1
    assert on_disk(store.path) == ["m0", "m1", "m2", "m3", "m4"]


async def test_no_answer_leaves_before_the_commit(store: SqliteStore) -> None:
    answered_at_commit: list[list[bool]] = []
    writes = [
        asyncio.ensure_future(store.write(unit, id_))
        for unit, id_ in ((add_message, "m1"), (refuse, "m2"), (add_message, "m3"))
    ]
    await asyncio.sleep(0)  # They queue; the writer's turn comes next.
    futures = [job.future for job in store._queue]

    def watch(statement: str) -> None:
        if statement == "COMMIT":
            answered_at_commit.append([future.done() for future in futures])

    store._connection.set_trace_callback(watch)
    assert await gathered(*writes) == [None, REFUSAL, None]
    assert answered_at_commit == [[False, False, False]]


async def test_a_refusal_is_rolled_back_alone(store: SqliteStore) -> None:
    answers = await gathered(
        store.write(add_message, "m1"), store.write(refuse, "m2"), store.write(add_message, "m3")
    )
    assert answers == [None, REFUSAL, None]
    assert on_disk(store.path) == ["m1", "m3"]
    assert store.commits == 1


def misspell(txn: Txn) -> None:
    txn.change("UPDATE mesages SET id = 1", {})


def add_twice(txn: Txn) -> None:
    for _ in range(2):
        txn.change("INSERT INTO regions (id, description) VALUES ('r', '')", {})


def refer_to_nothing(txn: Txn) -> None:
    txn.change("INSERT INTO flavor_access (flavor_id, project_id) VALUES ('f', 'p')", {})


def forget_a_parameter(txn: Txn) -> None:
    txn.all("SELECT :missing")


def exhaust(_: Txn) -> str:
    empty: list[str] = []
    return next(item for item in empty)


def divide(_: Txn) -> float:
    return 1 / int("0")


@pytest.mark.parametrize(
    ("defect", "kind"),
    [
        (misspell, sqlite3.OperationalError),
        (add_twice, sqlite3.IntegrityError),
        (refer_to_nothing, sqlite3.IntegrityError),
        (forget_a_parameter, sqlite3.ProgrammingError),
        (exhaust, RuntimeError),  # A future takes no StopIteration.
        (divide, ZeroDivisionError),
    ],
)
async def test_a_defect_is_its_own_callers_answer_and_is_not_run_again(
    store: SqliteStore, defect: Callable[[Txn], Any], kind: type[Exception]
) -> None:
    runs = 0

    def count(txn: Txn) -> None:
        nonlocal runs
        runs += 1
        defect(txn)

    before, answer, after = await gathered(
        store.write(add_message, "m1"), store.write(count), store.write(add_message, "m2")
    )
    assert (before, type(answer), after) == (None, kind, None)
    assert runs == 1
    assert on_disk(store.path) == ["m1", "m2"]


async def test_callbacks_run_once_in_order_after_the_commit(store: SqliteStore) -> None:
    seen: list[tuple[str, list[str]]] = []

    def unit(txn: Txn, id_: str) -> None:
        txn.after_commit(lambda: seen.append((f"{id_} first", on_disk(store.path))))
        add_message(txn, id_)
        txn.after_commit(lambda: seen.append((f"{id_} second", on_disk(store.path))))

    await gathered(store.write(unit, "m1"), store.write(unit, "m2"))
    everything = ["m1", "m2"]
    assert seen == [
        ("m1 first", everything),
        ("m1 second", everything),
        ("m2 first", everything),
        ("m2 second", everything),
    ]


async def test_callbacks_run_before_the_answer_is_seen(store: SqliteStore) -> None:
    seen = []

    def unit(txn: Txn) -> None:
        txn.after_commit(lambda: seen.append("callback"))

    await store.write(unit)
    seen.append("answer")
    assert seen == ["callback", "answer"]


async def test_a_failed_unit_has_no_callbacks(store: SqliteStore) -> None:
    seen: list[str] = []

    def unit(txn: Txn) -> None:
        txn.after_commit(lambda: seen.append("must not be"))
        raise REFUSAL

    assert await gathered(store.write(unit), store.write(add_message, "m1")) == [REFUSAL, None]
    assert seen == []


async def test_a_failing_callback_harms_nobody(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise REFUSAL

    def unit(txn: Txn) -> str:
        txn.after_commit(fail)
        txn.after_commit(lambda: seen.append("second"))
        return "kept"

    assert await gathered(store.write(unit), store.write(add_message, "m1")) == ["kept", None]
    assert seen == ["second"]
    assert "callback" in caplog.text


async def test_a_callback_may_write(store: SqliteStore) -> None:
    later: list[asyncio.Future[None]] = []

    def unit(txn: Txn) -> None:
        txn.after_commit(
            lambda: later.append(asyncio.ensure_future(store.write(add_message, "m2")))
        )

    await store.write(unit)
    await later[0]
    assert on_disk(store.path) == ["m2"]


async def test_a_batch_is_bounded_in_units(store: SqliteStore) -> None:
    order: list[int] = []

    def unit(_: Txn, number: int) -> None:
        order.append(number)

    await gathered(*(store.write(unit, number) for number in range(2 * BATCH_UNITS_MAX + 1)))
    assert store.commits == 3
    assert order == list(range(2 * BATCH_UNITS_MAX + 1))


async def test_a_batch_is_bounded_in_time(path: Path) -> None:
    ticks = itertools.count(step=BATCH_NS_MAX // 2)
    order: list[int] = []

    def unit(_: Txn, number: int) -> int:
        order.append(number)
        return number

    everybody = range(BATCH_UNITS_MAX + 2)  # Those that had no time go before those that never ran.
    with closing(SqliteStore(path, clock_ns=lambda: next(ticks))) as store:
        answers = await gathered(*(store.write(unit, number) for number in everybody))
        commits = store.commits
    assert answers == order == list(everybody)
    assert commits == len(everybody) / 3  # The third unit of a batch ends past the bound.


async def test_other_work_gets_its_turn_between_batches(store: SqliteStore) -> None:
    seen: list[int] = []

    async def other() -> None:
        while store.commits < 3:
            seen.append(store.commits)
            await asyncio.sleep(0)

    writes = [store.write(lambda _: None) for _ in range(3 * BATCH_UNITS_MAX)]
    await gathered(*writes, other())
    assert set(seen) == {0, 1, 2}


async def test_the_queue_is_bounded(store: SqliteStore) -> None:
    def unit(_: Txn) -> str:
        return "written"

    answers = await gathered(*(store.write(unit) for _ in range(QUEUE_MAX + 2)))
    assert answers[:QUEUE_MAX] == ["written"] * QUEUE_MAX
    assert [type(answer) for answer in answers[QUEUE_MAX:]] == [Unavailable, Unavailable]
    assert await store.write(unit) == "written"


async def test_a_unit_whose_client_left_early_does_not_run(store: SqliteStore) -> None:
    gone = asyncio.ensure_future(store.write(add_message, "m1"))
    stays = asyncio.ensure_future(store.write(add_message, "m2"))
    await asyncio.sleep(0)  # Both are queued.
    gone.cancel()
    await stays
    assert gone.cancelled()
    assert on_disk(store.path) == ["m2"]


async def test_a_unit_whose_client_leaves_meanwhile_counts_whole(store: SqliteStore) -> None:
    seen: list[str] = []

    def unit(txn: Txn) -> None:
        add_message(txn, "m1")
        client.cancel()
        add_message(txn, "m2")
        txn.after_commit(lambda: seen.append("callback"))

    client = asyncio.ensure_future(store.write(unit))
    await gathered(client)
    assert client.cancelled()
    assert on_disk(store.path) == ["m1", "m2"]
    assert seen == ["callback"]


async def test_only_cancelled_units_make_no_commit(store: SqliteStore) -> None:
    gone = [asyncio.ensure_future(store.write(add_message, f"m{number}")) for number in range(3)]
    await asyncio.sleep(0)
    for write in gone:
        write.cancel()
    await gathered(*gone)
    assert store.commits == 0
    assert await store.write(lambda _: "alive") == "alive"


async def test_a_read_sees_what_was_committed(store: SqliteStore) -> None:
    await store.write(add_message, "m1")
    write = asyncio.ensure_future(store.write(add_message, "m2"))
    await asyncio.sleep(0)  # Queued, not written.
    assert await store.read(message_ids) == ["m1"]
    await write
    assert await store.read(message_ids) == ["m1", "m2"]


async def test_closing_writes_what_is_queued(path: Path) -> None:
    store = SqliteStore(path)
    writes = [
        asyncio.ensure_future(store.write(add_message, f"m{number:03}"))
        for number in range(BATCH_UNITS_MAX + 1)
    ]
    await asyncio.sleep(0)
    store.close()
    assert await gathered(*writes) == [None] * len(writes)
    assert len(on_disk(path)) == len(writes)


async def test_a_closed_store_refuses(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.write(message_ids)


async def test_the_way_of_a_unit_and_its_commit_are_recorded(store: SqliteStore) -> None:
    trace = Trace("req-1", "a test", 0)
    await gathered(store.write(refuse, "m1", trace=trace), store.write(add_message, "m2"))
    (unit, _, _, unit_note), (commit, _, _, commit_note) = trace.spans
    assert (unit.name, unit_note) == ("refuse", repr(REFUSAL))
    assert (commit.name, commit_note) == ("COMMIT", "commit 1, 2 in the batch")


async def test_the_database_is_safe_against_power_loss(store: SqliteStore) -> None:
    def pragma(name: str) -> Any:
        return store._connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL: the log is flushed at each commit.
    assert pragma("foreign_keys") == 1


async def test_a_second_process_reads_beside_the_writer(store: SqliteStore) -> None:
    await store.write(add_message, "m1")
    with snapshot(store.path) as txn:
        assert message_ids(txn) == ["m1"]
        await store.write(add_message, "m2")
        assert message_ids(txn) == ["m1"]  # One state, however long it is looked at.
    assert on_disk(store.path) == ["m1", "m2"]


def test_a_reader_cannot_write(path: Path) -> None:
    with snapshot(path) as txn, pytest.raises(sqlite3.OperationalError, match="readonly"):
        add_message(txn, "m1")
