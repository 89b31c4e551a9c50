"""Migrations are written once, in SQLite's form; this makes PostgreSQL's of it.

Text is compared byte by byte, as SQLite does it whatever the database's own collation is, and indexes have
NULL first, as SQLite sorts it. Everything else that is written must be understood by both, or stand twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

IsNullable = Callable[[str, str], bool]
"""Whether a column, given after its table, may be NULL."""

_TABLE: Final = re.compile(r"\s*(CREATE|ALTER) TABLE\b")
_TEXT: Final = re.compile(r"\bTEXT\b(?! COLLATE)")
_INDEX: Final = re.compile(
    r"(\s*CREATE (?:UNIQUE )?INDEX \w+\s+ON (\w+) )\(([^()]*)\)(.*)", re.DOTALL
)


def for_postgresql(statement: str, is_nullable: IsNullable) -> str:
    """``statement``, which makes or changes a table or an index or does something else."""
    if _TABLE.match(statement):
        return _TEXT.sub('TEXT COLLATE "C"', statement)
    index = _INDEX.fullmatch(statement)
    if index is None:
        return statement
    head, table, columns, tail = index.groups()
    keys = (
        f"{column} NULLS FIRST" if is_nullable(table, column) else column
        for column in columns.split(", ")
    )
    return f"{head}({', '.join(keys)}){tail}"
