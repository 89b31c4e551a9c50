"""The number by which caches of identity know that what they hold may have changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, TypeVarTuple

from pumice.store.txn import Txn

T = TypeVar("T")
A = TypeVarTuple("A")


class Generation:
    """How many changes of identity this process has seen since it started.

    Each unit that writes a domain, project, user, group, role, assignment, region, service or endpoint is
    run as :meth:`ending` makes it: the change holds from the next request on.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def bump(self) -> None:
        """Make everything that was cached so far invalid."""
        self.value += 1

    def ending(self, unit: Callable[[Txn, *A], T]) -> Callable[[Txn, *A], T]:
        """``unit``, which makes everything cached so far invalid as soon as it is committed."""

        @wraps(unit)
        def changing(txn: Txn, *arguments: *A) -> T:
            result = unit(txn, *arguments)
            txn.after_commit(self.bump)
            return result

        return changing
