"""Which of the processes that share a database are dead."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol


class Liveness(Protocol):
    """Tells the dead from the living, by something that the death of a process itself lets go."""

    async def dead(self, among: Collection[str]) -> Collection[str]:
        """Those of these process ids, none of them the caller's, that are certainly dead.

        Raises :class:`pumice.errors.Unavailable` if that cannot be known now.
        """


class Alone:
    """On SQLite: the lock of the state directory proves that every other process is dead."""

    async def dead(self, among: Collection[str]) -> Collection[str]:
        """All of them."""
        return among


ALONE: Final = Alone()
