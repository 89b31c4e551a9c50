"""Every statement that stands in the store's modules, as PostgreSQL understands it.

The server reads each without its values, as it must when all of them are None: a statement whose parameters
have no type by themselves, or that is SQLite's alone, fails here and not for a user. Statements that are put
together from what a client asks for are in the tests of their lists.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from psycopg.pq import ExecStatus

import pumice.store
from pumice.store.postgresql.dialect import PostgresConnection, translate

STATEMENT: Final = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
PARTS: Final = {"volume_lists._TOTALS[0]"}
"""They only begin a statement."""
OF_SQLITE: Final = ("backup", "long_reads", "schema", "sqlite")


def statements_of(value: Any) -> Iterator[str]:
    """The statements in a constant: itself, its items, or the one for PostgreSQL."""
    if isinstance(value, str) and STATEMENT.match(value):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from statements_of(one)
    elif isinstance(value, Mapping):
        chosen = [value["postgresql"]] if "postgresql" in value else value.values()
        for one in chosen:
            yield from statements_of(one)


def constants() -> dict[str, str]:
    """Every statement, by where it stands."""
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(pumice.store.__path__):
        if module.ispkg or module.name in OF_SQLITE:
            continue
        values = vars(importlib.import_module(f"pumice.store.{module.name}"))
        for name, value in values.items():
            for number, statement in enumerate(statements_of(value)):
                found.setdefault(statement, f"{module.name}.{name}[{number}]")
    return {place: statement for statement, place in found.items() if place not in PARTS}


STATEMENTS: Final = constants()


@pytest.mark.parametrize("place", STATEMENTS)
def test_postgresql_understands_it(on_postgresql: PostgresConnection, place: str) -> None:
    text, _ = translate(STATEMENTS[place])
    result = on_postgresql.raw.pgconn.prepare(b"", text)
    assert result.status == ExecStatus.COMMAND_OK, result.get_error_message()


def test_there_are_as_many_as_one_would_think() -> None:
    assert len(STATEMENTS) > 150
