"""The store on PostgreSQL. Only a Pumice that keeps its rows there imports psycopg, so it may be missing."""

from pumice.errors import UsageError

try:
    import psycopg as _  # noqa: F401 - whoever imports a module of this package is told before it fails
except ImportError as error:
    raise UsageError("PostgreSQL needs psycopg: pip install 'pumice[postgresql]'.") from error
