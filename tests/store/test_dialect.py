"""Statements and values on PostgreSQL: as on SQLite, or refused in words."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumice.errors import InvalidInput
from pumice.store.postgresql.dialect import (
    PREPARE_AFTER,
    PREPARED_MAX,
    TRANSLATED_MAX,
    PostgresConnection,
    translate,
)
from pumice.store.txn import Txn
from tests.store.conftest import Transaction


@pytest.mark.parametrize(
    ("sql", "text", "names"),
    [
        ("SELECT 1", "SELECT 1", ()),
        ("a = :b AND c = :d OR e = :b", "a = $1 AND c = $2 OR e = $1", ("b", "d")),
        ("a >= :b || '#' AND c < :b_2", "a >= $1 || '#' AND c < $2", ("b", "b_2")),
        ("CAST(:a AS TEXT) = :a::text", "CAST($1 AS TEXT) = $1::text", ("a",)),
        ("':a' = :b AND ':c' = 'it''s :d'", "':a' = $1 AND ':c' = 'it''s :d'", ("b",)),
        ('":a" = :b', '":a" = $1', ("b",)),
        ("LIKE '%!%' ESCAPE '!' -- 100% of :a\n AND :b", "LIKE '%!%' ESCAPE '!' -- 100% of :a\n AND $1",
         ("b",)),
        ("(:a,:b)", "($1,$2)", ("a", "b")),
    ],
)  # fmt: skip
def test_parameters_are_numbered_and_all_else_stays(
    sql: str, text: str, names: tuple[str, ...]
) -> None:
    assert translate(sql) == (text.encode(), names)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
COLUMNS = {
    "t": texts,
    "i": st.integers(-(2**63), 2**63 - 1),
    "f": st.floats(allow_nan=False).map(lambda one: one + 0.0),
}


@given(st.lists(st.fixed_dictionaries({k: st.none() | v for k, v in COLUMNS.items()}), max_size=5))
def test_values_come_back_as_they_were(
    transaction: Transaction, rows: list[dict[str, Any]]
) -> None:
    with transaction() as txn:
        txn.change("CREATE TEMPORARY TABLE kept (t TEXT, i BIGINT, f DOUBLE PRECISION)", {})
        txn.change_many("INSERT INTO kept (t, i, f) VALUES (:t, :i, :f)", rows)
        found = txn.all("SELECT t, i, f FROM kept")
        assert sorted(map(repr, found)) == sorted(repr((r["t"], r["i"], r["f"])) for r in rows)


@pytest.mark.parametrize("amounts", [[], [1, 2], [2**62, 2**61, -1]])
def test_sums_of_integers_are_integers(txn: Txn, amounts: list[int]) -> None:
    txn.change("CREATE TEMPORARY TABLE kept (i BIGINT)", {})
    txn.change_many("INSERT INTO kept (i) VALUES (:i)", [{"i": one} for one in amounts])
    assert txn.one("SELECT sum(i) FROM kept") == (sum(amounts) if amounts else None,)
    assert all(type(one) is int for one in txn.one("SELECT coalesce(sum(i), 0) FROM kept") or ())


class TestOnPostgresql:
    def test_a_mean_is_no_integer(self, on_postgresql: PostgresConnection) -> None:
        found = on_postgresql.execute(
            "SELECT avg(i) FROM (VALUES (1), (2)) AS numbers (i)"
        ).fetchone()
        assert found == (1.5,)

    @pytest.mark.parametrize("text", ["a\0b", "\ud800"])
    def test_text_that_it_cannot_keep_is_refused_in_words(
        self, on_postgresql: PostgresConnection, text: str
    ) -> None:
        statement = "INSERT INTO compatibility (oldest) VALUES (:text)"
        with pytest.raises(InvalidInput, match="NUL"):
            on_postgresql.execute(statement, {"text": text})
        with pytest.raises(InvalidInput, match="NUL"):
            on_postgresql.executemany(statement, [{"text": text}])
        assert not on_postgresql.in_transaction

    def test_what_the_server_refuses_is_told_as_it_is(
        self, on_postgresql: PostgresConnection
    ) -> None:
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            on_postgresql.execute("SELECT CAST(:a AS BIGINT)", {"a": "words"})

    def test_a_transaction_ends_only_by_a_statement(
        self, on_postgresql: PostgresConnection
    ) -> None:
        assert not on_postgresql.in_transaction
        on_postgresql.execute("BEGIN")
        assert on_postgresql.in_transaction
        with pytest.raises(psycopg.errors.UndefinedTable):
            on_postgresql.execute("SELECT 1 FROM nowhere")
        assert on_postgresql.in_transaction  # Broken, but still to be rolled back.
        on_postgresql.execute("ROLLBACK")
        assert not on_postgresql.in_transaction

    def test_all_sizes_of_a_number_share_a_prepared_statement(
        self, on_postgresql: PostgresConnection
    ) -> None:
        for number in (1, 2**15, 2**31, 2**62) * (PREPARE_AFTER + 1):
            on_postgresql.execute("SELECT CAST(:one AS BIGINT) + 0", {"one": number})
        assert len(prepared(on_postgresql, "SELECT CAST($1 AS BIGINT) + 0")) == 1

    def test_generated_texts_do_not_fill_the_server(
        self, on_postgresql: PostgresConnection
    ) -> None:
        for number in range(PREPARED_MAX + 50):
            for _ in range(4):
                on_postgresql.execute(f"SELECT {number}")
        # psycopg drops the oldest one after it has prepared the newest.
        assert len(prepared(on_postgresql, "%")) <= PREPARED_MAX + 1
        assert translate.cache_info().maxsize == TRANSLATED_MAX


def prepared(connection: PostgresConnection, pattern: str) -> list[Any]:
    """The prepared statements that the server keeps for the connection."""
    query = "SELECT statement FROM pg_prepared_statements WHERE statement LIKE :pattern"
    return connection.execute(query, {"pattern": pattern}).fetchall()
