"""When SQLite takes a whole batch back: nothing answered is lost, nothing lost is answered.

The causes are real ones: a full database (``max_page_count``), a log that cannot grow (``RLIMIT_FSIZE``),
a COMMIT that breaks a deferred reference, and another process's lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pumice.errors import InvalidState, Unavailable
from pumice.store import schema
from pumice.store.sqlite import SqliteStore, _is_loss, connect
from pumice.store.txn import Txn
from tests.store.samples import add_message, message_ids

PAGE_BYTES: Final = 4096
BIG: Final = "x" * 40 * PAGE_BYTES


class Ledger:
    """What was run, called back and answered, to be compared with what is on disk."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.callbacks: Counter[str] = Counter()
        self.answers: dict[str, Any] = {}

    def add(self, txn: Txn, id_: str, text: str = "") -> str:
        """Unit: a message."""
        self.runs[id_] += 1
        txn.after_commit(lambda: self.callbacks.update([id_]))
        add_message(txn, id_, text=text)
        return id_

    async def write_all(self, store: SqliteStore, texts: list[str]) -> None:
        """Queue one unit for each of ``texts``, all in one batch, and wait for the answers."""
        ids = [f"m{number:02}" for number in range(len(texts))]
        answers = await gathered(
            *(store.write(self.add, id_, text) for id_, text in zip(ids, texts, strict=True))
        )
        self.answers |= dict(zip(ids, answers, strict=True))

    def check(self, path: Path) -> None:
        """Every answer is true, and every callback of what counts ran once."""
        with closing(connect(path, read_only=True)) as connection:
            written = message_ids(Txn(connection))
        told = [id_ for id_, answer in self.answers.items() if answer == id_]
        refused = [answer for id_, answer in self.answers.items() if id_ not in told]
        assert written == told
        assert [type(answer) for answer in refused] == [Unavailable] * len(refused)
        assert self.callbacks == Counter(told)
        assert max(self.runs.values()) <= 2


async def gathered(*writes: Awaitable[Any]) -> list[Any]:
    """What came of each write: its value or its error."""
    return await asyncio.gather(*writes, return_exceptions=True)


def set_page_limit(store: SqliteStore, spare_pages: int) -> None:
    """Let the database grow by ``spare_pages`` and no more."""
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages + spare_pages}")


def forbid_growth(path: Path) -> None:
    """From now on no file of this process grows beyond the size of the database's log."""
    log = path.with_name(f"{path.name}-wal")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard))


def allow_growth() -> None:
    """Undo :func:`forbid_growth`."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.fixture
def broken_disk() -> Iterator[None]:
    """A test that forbids growth leaves a sound disk behind, whatever happens."""
    yield
    allow_growth()


async def test_the_unit_that_does_not_fit_is_refused_and_the_others_count(
    store: SqliteStore,
) -> None:
    ledger = Ledger()
    set_page_limit(store, 20)
    await ledger.write_all(store, ["", "", BIG, "", ""])
    assert [type(answer) for answer in ledger.answers.values()] == [str, str, Unavailable, str, str]
    # The last two had not been run when the batch was lost.
    assert [ledger.runs[id_] for id_ in ledger.answers] == [2, 2, 2, 1, 1]
    assert store.commits == 4
    ledger.check(store.path)


async def test_writing_goes_on_once_there_is_room(store: SqliteStore) -> None:
    ledger = Ledger()
    set_page_limit(store, 20)
    await ledger.write_all(store, [BIG, BIG])
    assert [type(answer) for answer in ledger.answers.values()] == [Unavailable, Unavailable]
    set_page_limit(store, 1000)
    await ledger.write_all(store, [BIG, BIG])
    assert list(ledger.answers.values()) == ["m00", "m01"]


async def test_a_lost_unit_that_was_alone_is_not_run_again(store: SqliteStore) -> None:
    ledger = Ledger()
    set_page_limit(store, 20)
    await ledger.write_all(store, [BIG])
    assert ledger.runs == {"m00": 1}
    ledger.check(store.path)


async def test_a_refusal_survives_a_lost_batch(store: SqliteStore) -> None:
    def refuse(txn: Txn) -> None:
        add_message(txn, "refused")
        raise InvalidState("Not in this status.")

    ledger = Ledger()
    set_page_limit(store, 20)
    refusal, big = await gathered(store.write(refuse), store.write(ledger.add, "m", BIG))
    assert (type(refusal), type(big)) == (InvalidState, Unavailable)
    assert await store.read(message_ids) == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spare_pages=st.integers(0, 60),
    pages=st.lists(st.integers(0, 20), min_size=1, max_size=12),
)
def test_whatever_fits_every_answer_is_true(
    tmp_path_factory: pytest.TempPathFactory, spare_pages: int, pages: list[int]
) -> None:
    path = tmp_path_factory.mktemp("full") / "pumice.db"
    schema.create(path)
    ledger = Ledger()
    with closing(SqliteStore(path)) as store:
        set_page_limit(store, spare_pages)
        asyncio.run(ledger.write_all(store, ["x" * number * PAGE_BYTES for number in pages]))
    ledger.check(path)


@pytest.mark.usefixtures("broken_disk")
async def test_an_io_error_at_the_commit_loses_nothing_that_was_answered(
    store: SqliteStore,
) -> None:
    ledger = Ledger()
    await ledger.write_all(store, [""])
    forbid_growth(store.path)
    more = await gathered(store.write(ledger.add, "n1"), store.write(ledger.add, "n2"))
    allow_growth()
    assert [type(answer) for answer in more] == [Unavailable, Unavailable]
    assert "disk I/O error" in more[0].detail
    assert ledger.runs == {"m00": 1, "n1": 2, "n2": 2}
    ledger.check(store.path)
    assert await store.write(ledger.add, "n3") == "n3"
    assert await store.read(message_ids) == ["m00", "n3"]


@pytest.mark.usefixtures("broken_disk")
async def test_a_commit_that_fails_once_costs_a_second_run_only(store: SqliteStore) -> None:
    ledger = Ledger()
    await ledger.write_all(store, [""])

    def break_then_mend(txn: Txn) -> str:
        if not ledger.runs["m03"]:
            forbid_growth(store.path)
        else:
            allow_growth()
        return ledger.add(txn, "m03")

    answers = await gathered(
        store.write(break_then_mend), store.write(ledger.add, "m04"), store.write(ledger.add, "m05")
    )
    assert answers == ["m03", "m04", "m05"]
    assert ledger.runs == {"m00": 1, "m03": 2, "m04": 2, "m05": 2}
    assert ledger.callbacks == Counter(["m00", "m03", "m04", "m05"])
    assert await store.read(message_ids) == ["m00", "m03", "m04", "m05"]


@pytest.mark.usefixtures("broken_disk")
async def test_an_io_error_in_the_middle_of_a_unit(store: SqliteStore) -> None:
    store._connection.execute("PRAGMA cache_size = 4")  # The rest goes to the log at once.
    ledger = Ledger()
    await ledger.write_all(store, [""])

    def break_and_add(txn: Txn) -> str:
        forbid_growth(store.path)
        return ledger.add(txn, "m01", BIG)

    answers = await gathered(
        store.write(ledger.add, "m02"), store.write(break_and_add), store.write(ledger.add, "m03")
    )
    allow_growth()
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    ledger.check(store.path)


def refer_to_nothing(txn: Txn) -> str:
    txn.all("PRAGMA defer_foreign_keys = ON")
    txn.change("INSERT INTO flavor_access (flavor_id, project_id) VALUES ('f', 'p')", {})
    return "must not be said"


async def test_a_unit_that_spoils_the_commit_is_told_and_the_others_count(
    store: SqliteStore,
) -> None:
    ledger = Ledger()
    before, guilty, after = await gathered(
        store.write(ledger.add, "m1"), store.write(refer_to_nothing), store.write(ledger.add, "m2")
    )
    assert (before, type(guilty), after) == ("m1", sqlite3.IntegrityError, "m2")
    assert ledger.callbacks == Counter(["m1", "m2"])
    assert await store.read(message_ids) == ["m1", "m2"]


async def test_a_unit_that_hides_the_loss_is_not_believed(store: SqliteStore) -> None:
    def hide(txn: Txn) -> str:
        with contextlib.suppress(sqlite3.OperationalError):
            add_message(txn, "big", text=BIG)
        return "must not be said"

    ledger = Ledger()
    set_page_limit(store, 20)
    first, second = await gathered(store.write(ledger.add, "m1"), store.write(hide))
    assert first == "m1"
    assert isinstance(second, Exception)
    assert await store.read(message_ids) == ["m1"]


async def test_a_strangers_lock_is_waited_for_once(store: SqliteStore) -> None:
    begun: list[str] = []
    store._connection.set_trace_callback(begun.append)
    ledger = Ledger()
    with closing(connect(store.path)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        await ledger.write_all(store, ["", "", ""])
        stranger.execute("ROLLBACK")
    assert begun == ["BEGIN IMMEDIATE"]
    assert [type(answer) for answer in ledger.answers.values()] == [Unavailable] * 3
    assert ledger.runs == {}
    assert await store.write(ledger.add, "m1") == "m1"


async def test_a_reader_delays_nobody(store: SqliteStore) -> None:
    ledger = Ledger()
    await ledger.write_all(store, [""])
    with closing(connect(store.path, read_only=True)) as reader:
        reader.execute("BEGIN")
        assert message_ids(Txn(reader)) == ["m00"]
        # Past several checkpoints, none of which may disturb the reader or fail the writer.
        store._connection.execute("PRAGMA wal_autocheckpoint = 5")
        for number in range(20):
            await store.write(ledger.add, f"n{number}", "x" * PAGE_BYTES)
        assert message_ids(Txn(reader)) == ["m00"]
    assert len(await store.read(message_ids)) == 21


async def test_lost_units_go_before_those_that_came_later(store: SqliteStore) -> None:
    order: list[str] = []
    set_page_limit(store, 20)

    def unit(txn: Txn, id_: str, text: str) -> None:
        order.append(id_)
        add_message(txn, id_, text=text)

    first = [
        asyncio.ensure_future(store.write(unit, id_, text))
        for id_, text in (("m1", ""), ("m2", BIG), ("m3", ""))
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # The batch was run and lost; its units wait for their own turns.
    assert order == ["m1", "m2"]
    await gathered(*first, store.write(unit, "m4", ""))
    assert order == ["m1", "m2", "m1", "m2", "m3", "m4"]


async def test_a_client_may_leave_between_the_two_runs(store: SqliteStore) -> None:
    ledger = Ledger()
    set_page_limit(store, 20)
    gone = asyncio.ensure_future(store.write(ledger.add, "m1"))
    big = asyncio.ensure_future(store.write(ledger.add, "m2", BIG))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert ledger.runs == {"m1": 1, "m2": 1}
    gone.cancel()
    await gathered(gone, big)
    assert await store.read(message_ids) == []
    assert ledger.callbacks == Counter()


async def test_what_a_lost_run_decided_is_decided_anew(store: SqliteStore) -> None:
    """A refusal that was based on the row of somebody whose unit never counts."""

    def take_what_is_free(txn: Txn) -> str:
        if message_ids(txn):
            raise InvalidState("Another one was first.")
        return "taken"

    ledger = Ledger()
    set_page_limit(store, 20)
    first = asyncio.ensure_future(store.write(ledger.add, "m1"))
    second = asyncio.ensure_future(store.write(take_what_is_free))
    big = asyncio.ensure_future(store.write(ledger.add, "m2", BIG))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    answers = await gathered(first, second, big)
    assert answers[1] == "taken"


async def test_closing_ends_a_batch_that_was_lost(path: Path) -> None:
    ledger = Ledger()
    store = SqliteStore(path)
    set_page_limit(store, 20)
    writes = [
        asyncio.ensure_future(store.write(ledger.add, id_, text))
        for id_, text in (("m1", ""), ("m2", BIG), ("m3", ""))
    ]
    await asyncio.sleep(0)
    store.close()
    ledger.answers = dict(zip(("m1", "m2", "m3"), await gathered(*writes), strict=True))
    ledger.check(path)


class FailingConnection:
    """A connection with a defect in it, as no SQLite has: one statement raises something else."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection = connection
        self._statement = statement

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        if statement == self._statement:
            raise ZeroDivisionError
        return self._connection.execute(statement, *arguments)


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "SAVEPOINT unit", "COMMIT"])
async def test_a_defect_of_the_writer_leaves_nobody_waiting_or_misled(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    ledger = Ledger()
    with monkeypatch.context() as patch:
        patch.setattr(store, "_connection", FailingConnection(store._connection, statement))
        answers = await gathered(store.write(ledger.add, "m1"), store.write(ledger.add, "m2"))
    assert [type(answer) for answer in answers] == [ZeroDivisionError, ZeroDivisionError]
    assert len(errors) == 1
    assert ledger.callbacks == Counter()
    assert await store.write(ledger.add, "m3") == "m3"
    assert await store.read(message_ids) == ["m3"]


def test_what_counts_as_a_loss_is_known_by_code(path: Path) -> None:
    """The classes of sqlite3 do not tell: both are an OperationalError."""

    def error_of(action: Callable[[sqlite3.Connection], Any]) -> sqlite3.Error:
        with closing(connect(path)) as connection, pytest.raises(sqlite3.Error) as caught:
            action(connection)
        return caught.value

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 1")
        add_message(Txn(connection), "m1", text=BIG)

    full = error_of(fill)
    misspelled = error_of(lambda connection: connection.execute("SELECT 1 FROM mesages"))
    assert type(full) is type(misspelled) is sqlite3.OperationalError
    assert _is_loss(full)
    assert not _is_loss(misspelled)
    assert not _is_loss(ValueError())
