"""Whose an ``Idempotency-Key`` is, and what is told apart by it."""

from __future__ import annotations

import pytest

from pumice.services.idempotency import new_attempt, new_replay
from tests.unit.services.conftest import World

HERE = {"user_id": "u", "project_id": "p"}


@pytest.mark.parametrize(
    ("caller", "path", "key", "same"),
    [
        (HERE, "/volumes", "k", True),
        ({"user_id": "another", "project_id": "p"}, "/volumes", "k", False),
        ({"user_id": "u", "project_id": "another"}, "/volumes", "k", False),
        ({"user_id": "u", "project_id": None}, "/volumes", "k", False),
        (HERE, "/types", "k", False),
        (HERE, "/volumes", "K", False),
    ],
)
def test_a_key_is_a_users_in_a_project_and_a_path(
    world: World, caller: dict[str, str | None], path: str, key: str, same: bool
) -> None:
    first = new_attempt(world.context(**HERE), "/volumes", "k", b"{}")
    other = new_attempt(world.context(**caller), path, key, b"{}")
    assert (other.key == first.key) is same


def test_what_looks_like_a_repeat_is_anybodys_in_the_project_and_nobodys_key(world: World) -> None:
    first = new_replay(world.context(**HERE), "/volumes", b"{}", 30)
    colleague = world.context(user_id="another", project_id="p")
    assert new_replay(colleague, "/volumes", b"{}", 30).key == first.key
    assert new_replay(colleague, "/volumes", b"[]", 30).key != first.key
    stranger = world.context(user_id="u", project_id="another")
    assert new_replay(stranger, "/volumes", b"{}", 30).key != first.key
    assert (
        new_attempt(world.context(**HERE), "/volumes", first.key.idempotency_key, b"{}").key
        != first.key
    )
