"""Identity in several processes on one database: what one changes holds in every other at once.

A process is its own caches on the shared store; that the store is SQLite here makes no difference to them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from pumice.errors import Unauthenticated, UsageError
from pumice.identity.keyring import make_key
from pumice.services import users
from pumice.services.catalog import CatalogService
from pumice.services.generation import Generation, SharedGeneration
from pumice.services.keys import DatabaseKeys
from pumice.services.passwords import PasswordChecks
from pumice.services.scopes import Reference
from pumice.services.tokens import AuthRequest, PasswordLogin, TokenService
from pumice.store import generations, token_keys
from pumice.store.txn import Txn


@dataclass
class Member:
    """One process of several."""

    generation: Generation
    keys: DatabaseKeys
    tokens: TokenService
    catalog: CatalogService


@pytest.fixture
def sealing_key(world: Any) -> bytes:
    return make_key(world.seams.ids)


async def join(world: Any, sealing_key: bytes) -> Member:
    """A process that has begun."""
    generation = Generation(SharedGeneration(world.store))
    keys = DatabaseKeys(world.store, sealing_key, world.seams.ids, generation)
    await keys.begin()
    passwords = PasswordChecks(world.seams, world.settings.password_hash_rounds)
    tokens = TokenService(world.store, world.seams, keys, generation, world.settings, passwords)
    return Member(generation, keys, tokens, CatalogService(world.store, generation))


@pytest.fixture
async def members(world: Any, sealing_key: bytes) -> tuple[Member, Member]:
    return await join(world, sealing_key), await join(world, sealing_key)


async def log_in(member: Member) -> Any:
    login = PasswordLogin(Reference(name="admin", domain_id="default"), "s3cret")
    return await member.tokens.authenticate(AuthRequest(password=login))


async def test_a_token_of_one_is_known_to_all(members: Any) -> None:
    one, other = members
    token = await log_in(one)
    assert await other.tokens.validate(token.text) == token.info


async def test_what_one_revokes_every_other_refuses(members: Any) -> None:
    one, other = members
    token = await log_in(one)
    await other.tokens.validate(token.text)
    await one.tokens.revoke(token.info, with_descendants=False)
    for member in members:
        with pytest.raises(Unauthenticated):
            await member.tokens.validate(token.text)


async def test_who_is_disabled_in_one_is_so_in_every_other(world: Any, members: Any) -> None:
    one, other = members
    token = await log_in(one)
    await other.tokens.validate(token.text)
    unit = one.generation.ending(users.update_user)
    changes = {"enabled": False}
    user_id = token.info.user_id
    await world.store.write(unit, world.context(), user_id, changes, None, world.clock)
    with pytest.raises(Unauthenticated):
        await other.tokens.validate(token.text)


async def test_a_catalog_follows(world: Any, members: Any) -> None:
    one, other = members
    before = await other.catalog.catalog("p", "http://here")
    unit = one.generation.ending(_rename)
    await world.store.write(unit)
    after = await other.catalog.catalog("p", "http://here")
    assert {entry.name for entry in before} != {entry.name for entry in after} == {"renamed"}


def _rename(txn: Txn) -> None:
    txn.change("UPDATE services SET name = 'renamed'", {})


async def test_a_unit_that_fails_changes_no_generation(world: Any, members: Any) -> None:
    before = await world.store.read(generations.identity)

    def failing(txn: Txn) -> None:
        txn.change("UPDATE services SET name = 'renamed'", {})
        raise UsageError("No.")

    with pytest.raises(UsageError):
        await world.store.write(members[0].generation.ending(failing))
    assert [await one.generation.current() for one in members] == [before, before]


async def test_one_process_alone_asks_nobody(world: Any) -> None:
    generation = Generation()
    await world.store.write(generation.ending(_rename))
    assert await generation.current() == 1
    world.store.close()
    assert await generation.current() == 1


# --- Keys --------------------------------------------------------------------------------------


async def test_of_two_first_starts_one_makes_the_keys(world: Any, sealing_key: bytes) -> None:
    one, other = await asyncio.gather(join(world, sealing_key), join(world, sealing_key))
    assert sorted(await world.store.read(token_keys.select)) == [0, 1]
    assert (await other.tokens.validate((await log_in(one)).text)).user_name == "admin"


async def test_the_database_holds_no_key_as_it_is(world: Any, members: Any) -> None:
    keyring = await members[0].keys.at(await members[0].generation.current())
    sealed = await world.store.read(token_keys.select)
    for number, key in keyring.to_files().items():
        assert key.decode() not in sealed[number]


async def test_a_rotation_in_one_is_one_in_all(members: Any) -> None:
    one, other = members
    first = await log_in(one)
    assert await one.keys.rotate() == (0, 1, 2)
    second = await log_in(one)
    for member in members:
        for token in (first, second):
            assert await member.tokens.validate(token.text) == token.info
    assert await other.keys.rotate() == (0, 2, 3)
    third = await log_in(other)
    assert await one.tokens.validate(third.text) == third.info
    assert await one.tokens.validate(second.text) == second.info
    for member in members:
        with pytest.raises(Unauthenticated):
            await member.tokens.validate(first.text)


async def test_a_process_that_missed_rotations_reads_what_is_signed_now(members: Any) -> None:
    one, other = members
    for _ in range(3):
        await one.keys.rotate()
    token = await log_in(one)
    assert await other.tokens.validate(token.text) == token.info


async def test_rotations_at_once_are_one_after_the_other(members: Any) -> None:
    one, other = members
    numbers = await asyncio.gather(one.keys.rotate(), other.keys.rotate())
    assert list(numbers) == [(0, 1, 2), (0, 2, 3)]


async def test_another_key_file_is_refused_at_the_start(
    world: Any, members: Any, sealing_key: bytes
) -> None:
    del members
    with pytest.raises(UsageError, match="sealed with another key; give this host the key_file"):
        await join(world, make_key(world.seams.ids))
    await join(world, sealing_key)
