"""``python -m pumice.store.migrations``: write ``schema.sql``; with ``upgrade PATH``: migrate PATH."""

from __future__ import annotations

import sys
from pathlib import Path

from pumice.store import schema
from pumice.store.migrations.dump import schema_sql
from pumice.store.migrations.migrate import migrate


def main(arguments: list[str]) -> None:
    """Do what ``arguments`` say. Raises :class:`SystemExit` for what is neither of the two."""
    match arguments:
        case []:
            schema.SCHEMA_SQL.write_text(schema_sql(), encoding="utf-8")
        case ["upgrade", path]:
            migrate(Path(path))
        case _:
            sys.exit("usage: python -m pumice.store.migrations [upgrade PATH]")


if __name__ == "__main__":
    main(sys.argv[1:])
