"""Writes down the schema that the migrations make, as ``pumice/store/schema.sql``."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from pumice.store.migrations.migrate import migrate
from pumice.store.schema import APPLICATION_ID
from pumice.store.sqlite import connect

_HEADER: Final = """\
-- The schema of a new database, as the migrations make it. Do not edit: change the schema by a
-- migration, then write this file with `python -m pumice.store.migrations`.

PRAGMA application_id = {application_id};
"""

_OBJECTS: Final = """
SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY tbl_name = 'alembic_version', rowid
"""


def schema_sql() -> str:
    """The text of ``schema.sql``: everything that the migrations make, and the last one's number."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "schema.db")
        path.touch()
        migrate(path)
        with closing(connect(path)) as connection:
            objects = [normalised(sql) for (sql,) in connection.execute(_OBJECTS)]
            ((revision,),) = connection.execute("SELECT version_num FROM alembic_version")
    stamp = f"INSERT INTO alembic_version (version_num) VALUES ('{revision}')"
    header = _HEADER.format(application_id=APPLICATION_ID)
    return "\n".join([header, *(f"{statement};\n" for statement in [*objects, stamp])])


def normalised(sql: str) -> str:
    """``sql`` without tabs and without spaces at the ends of lines."""
    return "\n".join(line.rstrip() for line in sql.expandtabs(4).splitlines())
