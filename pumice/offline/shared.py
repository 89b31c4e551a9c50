"""What can be done to the rows of a state directory that are in PostgreSQL, beside those who serve them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, NoReturn, TypeVar, TypeVarTuple

from pumice.errors import UsageError
from pumice.identity.keyring import make_key
from pumice.offline.rows import SchemaVersions
from pumice.seams import Seams
from pumice.services.generation import Generation
from pumice.services.keys import rotate_sealed
from pumice.state_dir import read_key_file
from pumice.store.backup import Progress
from pumice.store.postgresql import direct, schema
from pumice.store.schema import HEAD
from pumice.store.txn import Txn

T = TypeVar("T")
A = TypeVarTuple("A")


class PostgresRows:
    """A database on PostgreSQL: see :class:`pumice.offline.rows.Rows`."""

    is_shared: Final = True

    def __init__(self, url: str, key_file: Path, seams: Seams) -> None:
        self._url = url
        self._key_file = key_file
        self._seams = seams

    @property
    def name(self) -> str:
        """The database and its host."""
        found = schema.described(self._url)
        return found[0].lower() + found[1:]

    def versions(self) -> SchemaVersions:
        """See :meth:`pumice.offline.rows.Rows.versions`."""
        found = schema.revision(self._url)
        if found is None:
            raise UsageError(
                f"{schema.described(self._url)} is empty; `pumice serve` or `pumice db copy` fills it."
            )
        return SchemaVersions(found, HEAD)

    def upgrade(self) -> SchemaVersions:
        """See :meth:`pumice.offline.rows.Rows.upgrade`."""
        versions = self.versions()
        schema.upgrade(self._url)
        return versions

    def reading(self) -> AbstractContextManager[Txn]:
        """See :meth:`pumice.offline.rows.Rows.reading`."""
        return direct.snapshot(self._url)

    def run(self, unit: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """See :meth:`pumice.offline.rows.Rows.run`."""
        with direct.transaction(self._url) as txn:
            return unit(txn, *arguments)

    def rotate_keys(self) -> tuple[int, ...]:
        """See :meth:`pumice.offline.rows.Rows.rotate_keys`."""
        sealing_key = read_key_file(self._key_file)
        if sealing_key is None:
            raise UsageError(
                f"There is no key file {self._key_file}; copy it from a host that serves."
            )
        unit = Generation().ending(rotate_sealed)
        return self.run(unit, sealing_key, make_key(self._seams.ids))

    def backup(self, target: Path, *, progress: Progress, overwrite: bool) -> NoReturn:
        """Refused: PostgreSQL has its own ways, which know of its other databases and its log."""
        del target, progress, overwrite
        raise UsageError(
            f"The rows are in {self.name}: copy them with pg_dump, and keep the key file "
            f"{self._key_file} as well, elsewhere."
        )

    def restore(self, copy: Path, *, progress: Progress) -> NoReturn:
        """Refused as :meth:`backup` is."""
        del copy, progress
        raise UsageError(
            f"The rows are in {self.name}: stop all who serve it and restore them with pg_restore, and "
            f"the key file {self._key_file} of that time."
        )
