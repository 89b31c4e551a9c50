"""The token keys that are in use, and how they are changed while tokens are issued and read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from pumice.errors import Unavailable, UsageError
from pumice.identity.keyring import Keyring, make_key
from pumice.seams import Seams
from pumice.services.generation import Generation

WriteKeys = Callable[[Mapping[int, bytes]], None]
"""Puts keys, by number, where the next start finds them; blocks until they are on disk."""


class TokenKeys:
    """The keys of this process. ``current`` is what tokens are made and read with at this moment."""

    def __init__(
        self, keyring: Keyring, write: WriteKeys, seams: Seams, generation: Generation
    ) -> None:
        self.current = keyring
        self._write = write
        self._seams = seams
        self._generation = generation
        self._turn = asyncio.Lock()

    async def rotate(self) -> tuple[int, ...]:
        """Make the staged key the one that signs; the numbers of the keys that there are then.

        Tokens that were issued before stay valid until their key leaves, with the second rotation from now
        at the earliest. A client that leaves does not stop it half-way. Raises :class:`Unavailable` if a key
        cannot be written.
        """
        return await asyncio.shield(asyncio.create_task(self._rotate()))

    async def _rotate(self) -> tuple[int, ...]:
        async with self._turn:
            rotated = self.current.rotate(make_key(self._seams.ids))
            files = rotated.to_files()
            try:
                # On disk first: a token of a key that a crash could take along must not exist.
                await self._seams.executor.submit(lambda: self._write(files))
            except (RuntimeError, UsageError) as error:
                raise Unavailable(
                    "The token keys cannot be written at the moment; the old ones stay in use.",
                    detail=str(error),
                ) from error
            self.current = rotated
            self._generation.bump()  # A token of a key that has left is kept no longer.
            return tuple(sorted(files))
