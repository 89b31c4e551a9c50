"""One transaction on a connection of its own: for the command line, beside servers or without any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from pumice.errors import UsageError
from pumice.store.postgresql import schema
from pumice.store.postgresql.dialect import PostgresConnection
from pumice.store.schema import HEAD
from pumice.store.txn import Txn


@contextmanager
def snapshot(url: str) -> Iterator[Txn]:
    """One state of the database to read from, whatever is written meanwhile.

    Raises as :func:`transaction`.
    """
    with _begun(url, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as (connection, txn):
        yield txn
        connection.execute("ROLLBACK")


@contextmanager
def transaction(url: str) -> Iterator[Txn]:
    """What is written in the block is committed at its end, or nothing of it is.

    Raises :class:`UsageError` for a schema that this Pumice does not know, and
    :class:`pumice.errors.Unavailable` if the database cannot be used.
    """
    with _begun(url, "BEGIN") as (connection, txn):
        yield txn
        connection.execute("COMMIT")
        for callback in txn.callbacks:
            callback()


@contextmanager
def _begun(url: str, begin: str) -> Iterator[tuple[PostgresConnection, Txn]]:
    """The end of the connection undoes what was not committed."""
    with schema.telling(url, "cannot be used"), closing(schema.connect(url)) as raw:
        connection = PostgresConnection(raw)
        connection.execute(begin)
        found = schema.stamp(raw)
        if found is None:
            raise UsageError(
                f"{schema.described(url)} is empty; `pumice serve` or `pumice db copy` fills it."
            )
        schema.check_compatible(found.revision, found.oldest)
        if found.revision < HEAD:
            raise UsageError(
                f"{schema.described(url)} has schema {found.revision}, but {HEAD} is needed: "
                "`pumice db upgrade` brings it there."
            )
        yield connection, Txn(connection, "postgresql")
