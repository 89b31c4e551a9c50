"""Schema changes, run by Alembic in a child process (``pumice db upgrade``).

Never imported by ``serve``, because Alembic and SQLAlchemy cost half a second and 30 MiB. To change the
schema: add ``versions/<next number>_<what>.py`` (four digits; ``upgrade`` only, there is no way back but
the copy that :func:`pumice.store.schema.upgrade` keeps), then write each ``schema.sql`` anew with
``python -m pumice.store.migrations``.

From 0003 on a migration runs on both databases, in SQLite's words (:mod:`.portable`). On PostgreSQL an older
Pumice may be serving meanwhile, and afterwards for as long as the person who upgrades needs. So a migration
that takes something away or gives it another meaning sets ``compatibility.oldest`` to its own number, or to
the oldest whose Pumice can do with what it leaves; one that only adds keeps the value.
"""
