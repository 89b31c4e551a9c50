"""What can be done to the rows of a state directory, and how it is done on SQLite."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar, TypeVarTuple

from pumice.errors import UsageError
from pumice.identity.keyring import Keyring, make_key
from pumice.seams import Seams
from pumice.state_dir import StateDir
from pumice.store import backup, schema
from pumice.store.backup import Progress
from pumice.store.sqlite import SqliteStore, snapshot
from pumice.store.txn import Txn

T = TypeVar("T")
A = TypeVarTuple("A")

DATABASE: Final = "pumice.db"


@dataclass(frozen=True, slots=True)
class SchemaVersions:
    """The schema that a database has, or had, and the one that this Pumice needs."""

    found: str
    needed: str


class Rows(Protocol):
    """A database. Every method raises :class:`UsageError` for what a person must mend first.

    What is asked of one on PostgreSQL raises :class:`pumice.errors.Unavailable` while it is away.
    """

    @property
    def name(self) -> str:
        """What it is called in a sentence."""

    @property
    def is_shared(self) -> bool:
        """Whether others may serve it meanwhile, on other hosts too."""

    def versions(self) -> SchemaVersions:
        """Beside a server or without one."""

    def upgrade(self) -> SchemaVersions:
        """Bring the database to this version's schema; what was ``found`` before."""

    def reading(self) -> AbstractContextManager[Txn]:
        """One state of the database, beside a server or without one; for queries only."""

    def run(self, unit: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """Run a unit in a transaction of its own; raises what the unit raises."""

    def rotate_keys(self) -> tuple[int, ...]:
        """Rotate the token keys; the numbers there are then."""

    def backup(self, target: Path, *, progress: Progress, overwrite: bool) -> None:
        """Copy the database to the file ``target``, beside a server or without one."""

    def restore(self, copy: Path, *, progress: Progress) -> Path | None:
        """Put a copy in the database's place; where the old one is kept, None if there was none."""


class SqliteRows:
    """The database in the state directory itself: see :class:`Rows`.

    What changes it holds the directory's lock, so it is refused while somebody serves.
    """

    is_shared: Final = False

    def __init__(self, state_path: Path, seams: Seams) -> None:
        self._state_path = state_path
        self._path = state_path / DATABASE
        self._seams = seams

    @property
    def name(self) -> str:
        """The path of the file."""
        return str(self._path)

    def versions(self) -> SchemaVersions:
        """See :meth:`Rows.versions`."""
        return SchemaVersions(schema.revision(self._path), schema.HEAD)

    def upgrade(self) -> SchemaVersions:
        """See :meth:`Rows.upgrade`."""
        versions = self.versions()
        with self._alone():
            schema.upgrade(self._path)
        return versions

    @contextlib.contextmanager
    def reading(self) -> Iterator[Txn]:
        """See :meth:`Rows.reading`."""
        self._check_schema()
        with snapshot(self._path) as txn:
            yield txn

    def run(self, unit: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """See :meth:`Rows.run`."""
        self._check_schema()
        with self._alone():
            store = SqliteStore(self._path)
            try:
                return asyncio.run(store.write(unit, *arguments))
            finally:
                store.close()

    def rotate_keys(self) -> tuple[int, ...]:
        """See :meth:`Rows.rotate_keys`."""
        self._check_schema()
        with self._alone() as state_dir:
            keyring = Keyring.from_files(state_dir.read_keys())
            rotated = keyring.rotate(make_key(self._seams.ids)).to_files()
            state_dir.write_keys(rotated)
        return tuple(sorted(rotated))

    def backup(self, target: Path, *, progress: Progress, overwrite: bool) -> None:
        """See :meth:`Rows.backup`."""
        backup.backup(self._path, target, progress=progress, overwrite=overwrite)

    def restore(self, copy: Path, *, progress: Progress) -> Path | None:
        """See :meth:`Rows.restore`."""
        with self._alone():
            kept = self._path.with_name(f"{self._path.name}.before-{self._seams.clock.now_us()}")
            backup.restore(copy, self._path, kept, progress=progress)
            return kept if kept.exists() else None

    def _alone(self) -> StateDir:
        return StateDir.open(self._state_path, secret=self._seams.ids.secret)

    def _check_schema(self) -> None:
        versions = self.versions()
        if versions.found != versions.needed:
            raise UsageError(
                f"The database {self._path} has schema {versions.found}, but {versions.needed} is "
                "needed: `pumice db upgrade` brings it there."
            )
