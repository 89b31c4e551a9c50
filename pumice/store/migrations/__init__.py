"""Schema changes, run by Alembic in a child process (``pumice db upgrade``).

Never imported by ``serve``, because Alembic and SQLAlchemy cost half a second and 30 MiB. To change the
schema: add ``versions/<next number>_<what>.py`` (four digits; ``upgrade`` only, there is no way back but
the copy that :func:`pumice.store.schema.upgrade` keeps), then write ``schema.sql`` anew with
``python -m pumice.store.migrations``.
"""
