"""The number by which caches of identity know that what they hold may have changed."""

from __future__ import annotations


class Generation:
    """How many changes of identity this process has seen since it started.

    Each unit that writes a domain, project, user, role, assignment, region, service or endpoint
    ends with ``txn.after_commit(generation.bump)``: the change holds from the next request on.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def bump(self) -> None:
        """Make everything that was cached so far invalid."""
        self.value += 1
