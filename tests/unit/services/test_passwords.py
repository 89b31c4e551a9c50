"""New passwords are hashed on the few threads that check the old ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pumice.errors import Unavailable
from pumice.identity.passwords import verify_password
from pumice.services import passwords
from pumice.services.passwords import PasswordChecks
from pumice.services.scopes import Login


def checks(world: Any) -> PasswordChecks:
    return PasswordChecks(world.seams, world.settings.password_hash_rounds)


async def test_a_hash_of_a_new_password(world: Any) -> None:
    service = checks(world)
    stored = await service.hash("new")
    assert stored.startswith("$2b$04$")
    assert verify_password("new", stored)
    assert await service.is_right(Login("u", stored), "new")
    assert await service.hash("new") != stored


async def test_new_and_old_passwords_share_the_threads(world: Any) -> None:
    service = checks(world)
    world.executor.hold = True
    gone = asyncio.create_task(service.hash("a"))
    check = asyncio.create_task(service.is_right(None, "b"))
    late = asyncio.create_task(service.hash("c"))
    await world.executor.settle()
    gone.cancel()  # Whoever leaves does not free the thread that hashes for him.
    await asyncio.gather(gone, return_exceptions=True)
    await world.executor.settle()
    assert len(world.executor.hashes) == passwords.HASHES_AT_ONCE
    for _ in range(3):
        await world.executor.run_next()
    assert await check is False
    assert verify_password("c", await late)


async def test_too_many_are_told_to_come_back(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHES_WAITING_MAX", 1)
    service = checks(world)
    world.executor.hold = True
    first = [asyncio.create_task(service.hash("a")) for _ in range(3)]
    await world.executor.settle()
    with pytest.raises(Unavailable):
        await service.hash("b")
    for _ in first:
        await world.executor.run_next()
    await asyncio.gather(*first)
