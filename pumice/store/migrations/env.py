"""What Alembic runs to learn of the database: the open transaction that ``migrate`` hands it."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():  # Nothing: the transaction is the caller's.
    context.run_migrations()
