"""A transaction as units see it: rows, counts and savepoints."""

from __future__ import annotations

import sqlite3

import pytest

from pumice.errors import InvalidState
from pumice.store.txn import Txn
from tests.store.conftest import ON_SQLITE
from tests.store.samples import add_message, message_ids


def test_rows_come_as_tuples(txn: Txn) -> None:
    add_message(txn, "m1")
    add_message(txn, "m2")
    assert txn.one("SELECT id, user_message FROM messages ORDER BY id") == ("m1", "")
    assert txn.one("SELECT id FROM messages WHERE id = :id", {"id": "m3"}) is None
    assert txn.all("SELECT id FROM messages ORDER BY id") == [("m1",), ("m2",)]


def test_a_change_says_how_many_rows_it_met(txn: Txn) -> None:
    for number in range(3):
        add_message(txn, f"m{number}")
    assert txn.change("DELETE FROM messages WHERE id <> :id", {"id": "m1"}) == 2
    assert txn.change("DELETE FROM messages WHERE id = :id", {"id": "none"}) == 0


def test_a_savepoint_that_ends_well_keeps_its_changes_and_callbacks(txn: Txn) -> None:
    seen: list[str] = []
    with txn.savepoint():
        add_message(txn, "m1")
        txn.after_commit(lambda: seen.append("inside"))
    for callback in txn.callbacks:
        callback()
    assert message_ids(txn) == ["m1"]
    assert seen == ["inside"]


def test_a_savepoint_that_fails_takes_back_its_own_only(txn: Txn) -> None:
    seen: list[str] = []
    add_message(txn, "before")
    txn.after_commit(lambda: seen.append("before"))

    def fail() -> None:
        with txn.savepoint():
            add_message(txn, "inside")
            txn.after_commit(lambda: seen.append("inside"))
            raise InvalidState("Not now.")

    with pytest.raises(InvalidState):
        fail()
    add_message(txn, "after")
    for callback in txn.callbacks:
        callback()
    assert message_ids(txn) == ["after", "before"]
    assert seen == ["before"]


def test_savepoints_nest(txn: Txn) -> None:
    def fail() -> None:
        with txn.savepoint():
            add_message(txn, "inner")
            raise InvalidState("Not now.")

    with txn.savepoint():
        add_message(txn, "outer")
        with pytest.raises(InvalidState):
            fail()
        with txn.savepoint():
            add_message(txn, "second")
    assert message_ids(txn) == ["outer", "second"]


@ON_SQLITE
def test_a_full_disk_inside_a_savepoint_is_told_as_it_is(
    connection: sqlite3.Connection, txn: Txn
) -> None:
    connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError, match="full"), txn.savepoint():
        add_message(txn, "big", text="x" * 1_000_000)
    assert not connection.in_transaction
