"""What the command line does to a database itself, without a server or beside one.

The rows are in the state directory's SQLite or, if the settings say so, in PostgreSQL: ``rows`` and
``shared`` do the same to either. What changes a SQLite database needs it alone; on PostgreSQL it is one
more client among the servers.
"""

from pumice.offline.commands import (
    Checked,
    Copied,
    check_database,
    copy_database,
    effective_policies,
    find_rows,
    has_database,
    keep_password_of,
    set_password,
)
from pumice.offline.rows import Rows, SchemaVersions

__all__ = [
    "Checked",
    "Copied",
    "Rows",
    "SchemaVersions",
    "check_database",
    "copy_database",
    "effective_policies",
    "find_rows",
    "has_database",
    "keep_password_of",
    "set_password",
]
