"""Assignments in a tree of projects, and the memory of revoked tokens."""

from __future__ import annotations

import random
import sqlite3

import pytest

from pumice.model.identity import (
    SYSTEM_TARGET,
    ActorKind,
    Assignment,
    AssignmentQuery,
    Domain,
    Group,
    Project,
    Role,
    RoleQuery,
    ScopeKind,
    User,
)
from pumice.store import (
    assignments,
    domains,
    groups,
    projects,
    revocations,
    roles,
    users,
)
from pumice.store.txn import Txn
from tests.store.conftest import ON_SQLITE
from tests.store.plans import steps

DEPTH = 5


@pytest.fixture
def txn(txn: Txn) -> Txn:
    """A database with projects ``p1`` to ``p5``, each below the one before, and a user in a group."""
    domains.insert(txn, Domain("d", "D", "", True, 0))
    for number in range(1, DEPTH + 1):
        parent = f"p{number - 1}" if number > 1 else "d"
        projects.insert(txn, Project(f"p{number}", "d", parent, f"P{number}", "", True, number))
    users.insert(txn, User("u", "d", "U", True, None, None, None, 0), None)
    groups.insert(txn, Group("g", "d", "G", "", {}, 0))
    groups.add_member(txn, "g", "u")
    for name in ("a", "b", "c"):
        roles.insert(txn, Role(name, name, "", 0))
    return txn


def test_a_grant_is_told_from_those_like_it(txn: Txn) -> None:
    grant = Assignment("user", "u", "project", "p1", "a")
    others = [
        Assignment("group", "g", "project", "p1", "a"),
        Assignment("user", "u", "project", "p1", "a", inherited=True),
        Assignment("user", "u", "project", "p2", "a"),
        Assignment("user", "u", "project", "p1", "b"),
        Assignment("user", "u", "domain", "p1", "a"),
    ]
    for other in others:
        assignments.insert(txn, other)
    assert not assignments.exists(txn, grant)
    assert not assignments.remove(txn, grant)
    assignments.insert(txn, grant)
    assignments.insert(txn, grant)
    assert assignments.exists(txn, grant)
    assert assignments.remove(txn, grant)
    assert not assignments.exists(txn, grant)
    assert sorted(assignments.select(txn, AssignmentQuery()), key=repr) == sorted(others, key=repr)


@pytest.mark.parametrize("actor", [("user", "u"), ("group", "g")])
@pytest.mark.parametrize("target", ["d", "p1", "p3", "p5"])
def test_inherited_roles_are_below_in_effect(txn: Txn, actor: tuple[str, str], target: str) -> None:
    kind = "domain" if target == "d" else "project"
    grant = Assignment(*actor, kind, target, "a", inherited=True)  # type: ignore[arg-type]  # Literals.
    assignments.insert(txn, grant)
    first = 1 if target == "d" else int(target[1:]) + 1
    below = [f"p{number}" for number in range(first, DEPTH + 1)]
    found = assignments.select_effective(txn, AssignmentQuery())
    assert [(one.actor_id, one.target_id, one.role_id) for one in found] == [
        ("u", id_, "a") for id_ in below
    ]
    assert all(one.origin == grant and one.prior_role_id is None for one in found)
    for number in range(1, DEPTH + 1):
        id_ = f"p{number}"
        effective = assignments.effective_roles(txn, "u", "project", id_)
        assert bool(effective) == (id_ in below)
        found = assignments.select_effective(
            txn, AssignmentQuery(target_type="project", target_id=id_)
        )
        assert bool(found) == (id_ in below)


@pytest.mark.parametrize("seed", range(8))
def test_effective_roles_are_those_of_the_rules(txn: Txn, seed: int) -> None:
    """His own and his groups', on the target itself or inherited from above it, and what they imply."""
    chance = random.Random(seed)
    domains.insert(txn, Domain("d2", "D2", "", True, 0))
    projects.insert(txn, Project("q", "d2", "d2", "Q", "", True, 9))
    groups.insert(txn, Group("h", "d", "H", "", {}, 0))
    roles.insert(txn, Role("x", "x", "", 0))
    roles.imply(txn, "a", "x")
    targets: list[tuple[ScopeKind, str]] = [("project", f"p{n}") for n in range(1, DEPTH + 1)]
    targets += [("project", "q"), ("domain", "d"), ("domain", "d2"), ("system", SYSTEM_TARGET)]
    actors: list[tuple[ActorKind, str]] = [("user", "u"), ("group", "g"), ("group", "h")]
    grants = {
        Assignment(*chance.choice(actors), *chance.choice(targets), chance.choice("abc"), inherited)
        for inherited in chance.choices((False, True), k=12)
    }
    grants = {one for one in grants if one.target_type != "system" or not one.inherited}
    for grant in grants:
        assignments.insert(txn, grant)
    above = {f"p{n}": {"d"} | {f"p{m}" for m in range(1, n)} for n in range(1, DEPTH + 1)}
    above["q"] = {"d2"}
    for kind, id_ in targets:
        held = {
            one.role_id
            for one in grants
            if one.actor_id in {"u", "g"}
            if (
                one.target_id in above.get(id_, ())
                if one.inherited
                else (one.target_type, one.target_id) == (kind, id_)
            )
        }
        wanted = sorted(held | ({"x"} if "a" in held else set()))
        found = assignments.effective_roles(txn, "u", kind, id_)
        assert [role.id for role in found] == wanted, (kind, id_, grants)


def test_implications_that_lead_back(txn: Txn) -> None:
    for prior, implied in (("a", "b"), ("b", "c"), ("c", "a"), ("a", "c"), ("b", "b")):
        assert roles.imply(txn, prior, implied)
        assert not roles.imply(txn, prior, implied)
    assignments.insert(txn, Assignment("user", "u", "project", "p1", "a"))
    found = assignments.select_effective(txn, AssignmentQuery(actor_id="u"))
    assert [(one.role_id, one.prior_role_id) for one in found] == [
        ("a", None), ("a", "c"), ("b", "a"), ("b", "b"), ("c", "a"), ("c", "b"),
    ]  # fmt: skip
    assert [role.id for role in assignments.effective_roles(txn, "u", "project", "p1")] == [
        "a", "b", "c",
    ]  # fmt: skip
    assert [(one.prior.id, one.implied.id) for one in roles.implications(txn, "b")] == [
        ("b", "b"), ("b", "c"),
    ]  # fmt: skip
    assert roles.imply_no_more(txn, "b", "b")
    assert not roles.imply_no_more(txn, "b", "b")


def test_a_removed_role_leaves_nothing(txn: Txn) -> None:
    roles.imply(txn, "a", "b")
    roles.imply(txn, "c", "a")
    assignments.insert(txn, Assignment("user", "u", "project", "p1", "a"))
    roles.remove(txn, "a")
    assert assignments.select(txn, AssignmentQuery()) == []
    assert roles.implications(txn) == []
    assert [role.id for role in roles.select(txn, RoleQuery())] == ["b", "c"]


@ON_SQLITE
def test_what_a_token_asks_costs_the_same_among_many(
    connection: sqlite3.Connection, txn: Txn
) -> None:
    """SQLite's own steps for a user's roles and for a revocation, with few and with many of others."""
    assignments.insert(txn, Assignment("group", "g", "domain", "d", "a", inherited=True))

    def ask(one: Txn) -> object:
        return (
            assignments.effective_roles(one, "u", "project", "p5"),
            revocations.is_revoked(one, ("x", "y")),
        )

    found = []
    for first, last in ((0, 20), (20, 2000)):
        with txn.savepoint():
            for number in range(first, last):
                grant = Assignment("user", f"u{number}", "domain", "d", "a", inherited=True)
                assignments.insert(txn, grant)
                revocations.insert(txn, f"{number}", with_descendants=True, expires_us=1)
        found.append(steps(connection, ask))
    assert found[1] < found[0] * 1.2, found


class TestRevocations:
    def test_by_the_own_id_and_by_that_of_the_first(self, txn: Txn) -> None:
        revocations.insert(txn, "one", with_descendants=False, expires_us=10)
        revocations.insert(txn, "all", with_descendants=True, expires_us=10)
        for audit_ids, wanted in (
            (("one",), True), (("other", "one"), False), (("one", "other"), True),
            (("all",), True), (("other", "all"), True), (("other",), False),
        ):  # fmt: skip
            assert revocations.is_revoked(txn, audit_ids) is wanted

    @pytest.mark.parametrize("order", [(True, False), (False, True)])
    def test_twice_takes_nothing_back(self, txn: Txn, order: tuple[bool, bool]) -> None:
        for with_descendants in order:
            revocations.insert(txn, "x", with_descendants=with_descendants, expires_us=10)
        assert revocations.is_revoked(txn, ("y", "x"))

    def test_are_pruned_some_at_a_time(self, txn: Txn) -> None:
        for number in range(5):
            revocations.insert(txn, f"{number}", with_descendants=True, expires_us=number)
        assert revocations.prune(txn, 3, 3) == 3
        assert revocations.prune(txn, 3, 3) == 1
        assert revocations.prune(txn, 3, 3) == 0
        assert revocations.is_revoked(txn, ("4",))
        assert not revocations.is_revoked(txn, ("3",))
