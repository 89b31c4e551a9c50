"""``python -m pumice.store.migrations``: write each ``schema.sql``.

With ``upgrade PATH``: migrate the SQLite database PATH. With ``upgrade-postgresql``: migrate the PostgreSQL
database whose URL stands on the standard input, where nobody else sees its password.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pumice.store.migrations import dump
from pumice.store.migrations.migrate import MigrationError, migrate


def main(arguments: list[str]) -> None:
    """Do what ``arguments`` say.

    Raises :class:`SystemExit` for what is none of the three, and with one sentence for what cannot be done.
    """
    try:
        _main(arguments)
    except MigrationError as error:
        sys.exit(f"{error}")


def _main(arguments: list[str]) -> None:
    match arguments:
        case []:
            dump.write()
        case ["upgrade", path]:
            migrate(Path(path))
        case ["upgrade-postgresql"]:
            # Imported here: who migrates SQLite may have no psycopg.
            from pumice.store.migrations.postgresql import migrate as migrate_postgresql  # noqa: PLC0415

            migrate_postgresql(sys.stdin.read())
        case _:
            sys.exit("usage: python -m pumice.store.migrations [upgrade PATH | upgrade-postgresql]")


if __name__ == "__main__":
    main(sys.argv[1:])
