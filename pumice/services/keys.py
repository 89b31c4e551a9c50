"""The token keys that are in use, and how they are changed while tokens are issued and read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from pumice.errors import Unavailable, UsageError
from pumice.identity.keyring import Keyring, make_key
from pumice.identity.sealing import seal, unseal
from pumice.seams import Ids, Seams
from pumice.services.generation import Generation
from pumice.store import token_keys
from pumice.store.contract import Store
from pumice.store.txn import Txn

WriteKeys = Callable[[Mapping[int, bytes]], None]
"""Puts keys, by number, where the next start finds them; blocks until they are on disk."""


class TokenKeys(Protocol):
    """What tokens are made and read with."""

    async def begin(self) -> None:
        """Make the first keys, unless there are some: of processes that start at once, one makes them.

        Raises :class:`UsageError` if there are some that cannot be read.
        """

    async def at(self, generation: int) -> Keyring:
        """The keys of this generation of identity, or newer ones.

        Who asks for the generation after a token has reached him gets the key that made it: the rotation
        was committed, and the generation raised, before the token left. So there is no second look for a
        token that none of the keys reads.
        """

    async def rotate(self) -> tuple[int, ...]:
        """Make the staged key the one that signs; the numbers of the keys that there are then.

        Tokens that were issued before stay valid until their key leaves, with the second rotation from now
        at the earliest. A client that leaves does not stop it half-way. Raises :class:`Unavailable` if a key
        cannot be written.
        """


class FileKeys:
    """The keys of one process alone, in Keystone's files: see :class:`TokenKeys`."""

    def __init__(
        self, keyring: Keyring, write: WriteKeys, seams: Seams, generation: Generation
    ) -> None:
        self._current = keyring
        self._write = write
        self._seams = seams
        self._generation = generation
        self._turn = asyncio.Lock()

    async def begin(self) -> None:
        """They are there: the state directory has made them."""

    async def at(self, generation: int) -> Keyring:  # noqa: ARG002 - nobody else changes the files
        """The keys that this process began with, or rotated to."""
        return self._current

    async def rotate(self) -> tuple[int, ...]:
        """See :meth:`TokenKeys.rotate`."""
        return await asyncio.shield(asyncio.create_task(self._rotate()))

    async def _rotate(self) -> tuple[int, ...]:
        async with self._turn:
            rotated = self._current.rotate(make_key(self._seams.ids))
            files = rotated.to_files()
            try:
                # On disk first: a token of a key that a crash could take along must not exist.
                await self._seams.executor.submit(lambda: self._write(files))
            except (RuntimeError, UsageError) as error:
                raise Unavailable(
                    "The token keys cannot be written at the moment; the old ones stay in use.",
                    detail=str(error),
                ) from error
            self._current = rotated
            self._generation.bump()  # A token of a key that has left is kept no longer.
            return tuple(sorted(files))


class DatabaseKeys:
    """The keys of all processes on one database, sealed: see :class:`TokenKeys`."""

    def __init__(self, store: Store, sealing_key: bytes, ids: Ids, generation: Generation) -> None:
        """``sealing_key`` is what is in each host's ``key_file``. Use :meth:`begin` before anything else."""
        self._store = store
        self._sealing_key = sealing_key
        self._ids = ids
        self._generation = generation
        self._kept: tuple[int, Keyring] | None = None

    async def begin(self) -> None:
        """See :meth:`TokenKeys.begin`; keys that were sealed with another key cannot be read."""
        if not await self._store.read(token_keys.select):
            first = seal(Keyring.new(self._ids).to_files(), self._sealing_key)
            await self._store.write(self._generation.ending(_make_first), first)
        await self.at(await self._generation.current())

    async def at(self, generation: int) -> Keyring:
        """The keys in the database, read again when identity has changed."""
        kept = self._kept
        if kept is None or kept[0] != generation:
            sealed = await self._store.read(token_keys.select)
            keyring = Keyring.from_files(unseal(sealed, self._sealing_key))
            self._kept = kept = generation, keyring
        return kept[1]

    async def rotate(self) -> tuple[int, ...]:
        """See :meth:`TokenKeys.rotate`."""
        unit = self._generation.ending(rotate_sealed)
        return await self._store.write(unit, self._sealing_key, make_key(self._ids))


def _make_first(txn: Txn, sealed: Mapping[int, str]) -> None:
    """Unit: let ``sealed`` be the keys of a database that has none."""
    if not token_keys.select(txn):
        token_keys.replace(txn, sealed)


def rotate_sealed(txn: Txn, sealing_key: bytes, new_key: bytes) -> tuple[int, ...]:
    """Unit: the rotation of all processes' keys. Raises :class:`UsageError` for another sealing key."""
    keyring = Keyring.from_files(unseal(token_keys.select(txn), sealing_key))
    rotated = keyring.rotate(new_key).to_files()
    token_keys.replace(txn, seal(rotated, sealing_key))
    return tuple(sorted(rotated))
