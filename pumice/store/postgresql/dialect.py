"""The store's statements on PostgreSQL: what SQLite's form becomes, and what comes back as in SQLite.

A statement has its parameters as ``:name`` and is otherwise the same on both databases; one that cannot be
so stands twice, chosen by ``txn.engine``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg.adapt import Loader
from psycopg.pq import TransactionStatus
from psycopg.raw_cursor import RawCursor
from psycopg.types.numeric import Int8BinaryDumper

from pumice.errors import InvalidInput
from pumice.store.txn import Cursor, Parameters

PREPARE_AFTER: Final = 3
"""How often a connection runs a statement before the server keeps it prepared."""
PREPARED_MAX: Final = 300
"""How many the server keeps for a connection: the constants of the store are fewer, and the texts that lists
generate take the place of those that were used longest ago."""
TRANSLATED_MAX: Final = 1024

_TOKENS: Final = re.compile(
    r"""
    '(?:[^']|'')*'              # a text
    | "(?:[^"]|"")*"            # a name
    | --[^\n]*                  # a comment
    | ::                        # a cast
    | :(?P<name>[A-Za-z_]\w*)   # a parameter
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=TRANSLATED_MAX)
def translate(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """``sql`` with ``$1``, ``$2``, ... for its ``:name`` parameters, and their names in that order.

    Texts in quotes, names in quotes, comments and casts stay as they are.
    """
    positions: dict[str, int] = {}

    def position(found: re.Match[str]) -> str:
        name = found["name"]
        return found[0] if name is None else f"${positions.setdefault(name, len(positions) + 1)}"

    text = _TOKENS.sub(position, sql)
    return text.encode(), tuple(positions)


class _NumericLoader(Loader):
    """What sums of integers are: an integer again, as in SQLite."""

    def load(self, data: bytes | bytearray | memoryview) -> int | float:
        text = bytes(data)
        return int(text) if text.removeprefix(b"-").isdigit() else float(text)


class PostgresConnection:
    """A :class:`pumice.store.txn.Connection` on one of psycopg's, which it sets up for it.

    Raises what psycopg raises, and :class:`InvalidInput` for text that PostgreSQL cannot keep.
    """

    __slots__ = ("_pgconn", "raw")

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        """``raw`` is in autocommit: its transactions begin and end by statements."""
        self.raw: Final = raw
        self._pgconn = raw.pgconn
        raw.cursor_factory = RawCursor
        raw.prepare_threshold = PREPARE_AFTER
        raw.prepared_max = PREPARED_MAX
        # One type for every integer: otherwise each size of a number is another prepared statement.
        raw.adapters.register_dumper(int, Int8BinaryDumper)
        raw.adapters.register_loader("numeric", _NumericLoader)

    @property
    def in_transaction(self) -> bool:
        """Whether there is still a transaction, be it only to roll it back."""
        status = self._pgconn.transaction_status
        return status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    def execute(self, sql: str, parameters: Parameters = {}, /) -> Cursor:  # noqa: B006 - read only
        """Run one statement."""
        text, names = translate(sql)
        values = [parameters[name] for name in names]
        try:
            return self.raw.execute(text, values)
        except (UnicodeEncodeError, psycopg.DataError) as error:
            raise _refused(error) from error

    def executemany(self, sql: str, parameters: Sequence[Parameters], /) -> Cursor:
        """Run one statement for each of ``parameters``."""
        text, names = translate(sql)
        values = [[one[name] for name in names] for one in parameters]
        cursor = self.raw.cursor()
        try:
            cursor.executemany(text, values)
        except (UnicodeEncodeError, psycopg.DataError) as error:
            raise _refused(error) from error
        return cursor


def _refused(error: UnicodeEncodeError | psycopg.DataError) -> Exception:
    """``error``, or what it means if a text was refused before it was sent: then it has no code."""
    if isinstance(error, psycopg.DataError) and error.sqlstate is not None:
        return error
    return InvalidInput("A text has a NUL or half a surrogate pair in it; neither can be kept.")
