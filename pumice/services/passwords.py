"""Passwords: the slow hash on threads, few at a time, and none for a login verified before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from pumice.errors import Unavailable
from pumice.identity.passwords import VerifiedLogins, dummy_hash, hash_password, verify_password
from pumice.seams import Seams
from pumice.services.scopes import Login

T = TypeVar("T")

HASHES_AT_ONCE: Final = 2
"""A hash keeps a core busy for a third of a second: more would take the cores from everybody else."""
HASHES_WAITING_MAX: Final = 64
_KEY_BYTES: Final = 32


class PasswordChecks:
    """Tells whether a password is right, in a time that says nothing about the user; hashes new ones."""

    def __init__(self, seams: Seams, rounds: int) -> None:
        """``rounds`` is the cost that passwords are hashed with."""
        self._seams = seams
        self._rounds = rounds
        self._verified = VerifiedLogins(seams.ids.secret(_KEY_BYTES))
        self._dummy = dummy_hash(rounds)
        self._slots = asyncio.Semaphore(HASHES_AT_ONCE)
        self._waiting = 0

    async def is_right(self, login: Login | None, password: str) -> bool:
        """Whether ``password`` is that of ``login``; False for no login, after as much work.

        Raises :class:`Unavailable` if too many checks are waiting.
        """
        if self._is_known(login, password):
            return True
        await self._take_slot()
        # A client that leaves does not stop the thread; the slot is free when the thread is.
        return await asyncio.shield(asyncio.create_task(self._check(login, password)))

    async def hash(self, password: str) -> str:
        """The hash to store for a new password.

        Raises :class:`Unavailable` if too many hashes are waiting, and
        :class:`pumice.errors.InvalidInput` for a password that cannot be hashed.
        """
        await self._take_slot()
        return await asyncio.shield(asyncio.create_task(self._hash_new(password)))

    async def _hash_new(self, password: str) -> str:
        try:
            return await self._on_thread(partial(hash_password, password, self._rounds))
        finally:
            self._slots.release()

    async def _check(self, login: Login | None, password: str) -> bool:
        """Hash on a thread, in a slot that is taken, and remember a right password."""
        try:
            if self._is_known(login, password):
                # Of clients that start together with one password, the first one's hash does for all.
                return True
            stored_hash = login.password_hash if login else None
            matches = await self._on_thread(
                partial(verify_password, password, stored_hash or self._dummy)
            )
            if not matches or login is None or stored_hash is None:
                return False
            now_ns = self._seams.clock.monotonic_ns()
            self._verified.remember(login.user_id, stored_hash, password, now_ns)
            return True
        finally:
            self._slots.release()

    def _is_known(self, login: Login | None, password: str) -> bool:
        if login is None or login.password_hash is None:
            return False
        now_ns = self._seams.clock.monotonic_ns()
        return self._verified.is_known(login.user_id, login.password_hash, password, now_ns)

    async def _take_slot(self) -> None:
        if self._waiting >= HASHES_WAITING_MAX:
            raise Unavailable("Too many logins at once; try again.", retry_after_seconds=5)
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1

    async def _on_thread(self, function: Callable[[], T]) -> T:
        try:
            running = self._seams.executor.submit(function)
        except RuntimeError as error:
            raise Unavailable("No login at the moment; try again.", detail=str(error)) from error
        return await running
