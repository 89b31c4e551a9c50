"""Trees of projects, tags and parts of names, and the end of a domain, as the store has them."""

from __future__ import annotations

import pytest

from pumice.model.identity import (
    Domain,
    DomainQuery,
    Group,
    GroupQuery,
    Match,
    Project,
    ProjectQuery,
    User,
    UserQuery,
)
from pumice.store import domains, groups, projects, users
from pumice.store.txn import Txn


@pytest.fixture
def txn(txn: Txn) -> Txn:
    """A domain with a tree: ``top`` above ``left`` and ``right``, and ``leaf`` below ``left``."""
    domains.insert(txn, Domain("d", "Sand", "", True, 0))
    for number, (name, parent) in enumerate(
        (("top", "d"), ("left", "top"), ("right", "top"), ("leaf", "left"))
    ):
        projects.insert(txn, Project(name, "d", parent, name, "", True, number))
    return txn


def ids(found: list[Project]) -> list[str]:
    return [one.id for one in found]


def test_above_and_below(txn: Txn) -> None:
    assert ids(projects.parents(txn, "leaf")) == ["left", "top"]
    assert ids(projects.parents(txn, "top")) == []
    assert ids(projects.subtree(txn, "top")) == ["left", "right", "leaf"]
    assert ids(projects.subtree(txn, "d")) == ["top", "left", "right", "leaf"]
    assert ids(projects.subtree(txn, "leaf")) == []


def test_what_was_changed_comes_back_whole(txn: Txn) -> None:
    options, extra = {"immutable": True}, {"a": [1, {"b": None}], "é": 10**30}
    domain = Domain("d", "Dust", "It.", False, 0, ("a",), options, extra)
    project = Project("top", "d", "d", "crest", "It.", False, 0, ("a", 'b"\\'), options, extra)
    user = User("u", "d", "ada", True, None, None, None, 5)
    group = Group("g", "d", "diggers", "", {}, 6)
    users.insert(txn, user, "hash")
    groups.insert(txn, group)
    user = User("u", "d", "eve", False, "top", "She.", "a@x", 5, options, extra, 7_000_000)
    group = Group("g", "d", "miners", "They.", extra, 6)
    domains.update(txn, domain)
    projects.update(txn, project)
    users.update(txn, user)
    groups.update(txn, group)
    assert domains.get(txn, "d") == domain
    assert projects.get(txn, "top") == project
    assert users.get(txn, "u") == user
    assert groups.get(txn, "g") == group
    assert users.password_hash(txn, "u") == "hash"
    users.set_password_hash(txn, "u", None)
    assert users.password_hash(txn, "u") is None


@pytest.mark.parametrize(
    ("match", "wanted"),
    [
        (Match("name", "contains", "f", False), ["left", "leaf"]),
        (Match("name", "contains", "F", False), []),
        (Match("name", "contains", "F", True), ["left", "leaf"]),
        (Match("name", "contains", "%", False), []),
        (Match("name", "startswith", "le", False), ["left", "leaf"]),
        (Match("name", "endswith", "t", False), ["left", "right"]),
        (Match("name", "endswith", "a long left", False), []),
        (Match("name", "endswith", "", True), ["top", "left", "right", "leaf"]),
        (Match("parent_id", "contains", "op", False), ["left", "right"]),
    ],
)
def test_a_part_of_a_text(txn: Txn, match: Match, wanted: list[str]) -> None:
    assert ids(projects.select(txn, ProjectQuery(matches=(match,)))) == wanted


@pytest.mark.parametrize("tag", ["a", 'x"a', "x\\", "é", "ab", "%", "_", '["a"', "]"])
def test_a_tag_is_found_whole_and_alone(txn: Txn, tag: str) -> None:
    every = ("a", 'x"a', "x\\", "é", "ab", "%", "_", '["a"', "]", 'a"', '"')
    for number, one in enumerate(every):
        id_ = f"t{number}"
        projects.insert(txn, Project(id_, "d", "d", id_, "", True, number, ("other", one, "last")))
    (found,) = projects.select(txn, ProjectQuery(tags=(tag, "last")))
    assert found.tags[1] == tag
    assert len(projects.select(txn, ProjectQuery(tags=("other",), not_tags_any=(tag,)))) == 10


def test_the_end_of_a_domain_leaves_the_others(txn: Txn) -> None:
    domains.insert(txn, Domain("other", "Other", "", True, 1))
    projects.insert(txn, Project("kept", "other", "other", "kept", "", True, 9))
    for id_, domain_id in (("u", "d"), ("v", "other")):
        users.insert(txn, User(id_, domain_id, id_, True, "top", None, None, 0), None)
    for id_, domain_id in (("g", "d"), ("h", "other")):
        groups.insert(txn, Group(id_, domain_id, id_, "", {}, 0))
        for user_id in ("u", "v"):
            groups.add_member(txn, id_, user_id)
    domains.remove(txn, "d")
    assert [one.id for one in domains.select(txn, DomainQuery())] == ["other"]
    assert ids(projects.select(txn, ProjectQuery())) == ["kept"]
    (user,) = users.select(txn, UserQuery())
    assert (user.id, user.default_project_id) == ("v", None)
    assert [one.id for one in groups.of_user(txn, "v", GroupQuery())] == ["h"]
    assert [one.id for one in users.in_group(txn, "h", UserQuery())] == ["v"]


@pytest.mark.parametrize(("text", "found"), [("ÉTÉ", True), ("Ét", True), ("é", False)])
def test_only_letters_of_ascii_have_two_cases(txn: Txn, text: str, found: bool) -> None:
    """By the rules of the database's language PostgreSQL would find more, or nothing."""
    projects.insert(txn, Project("summer", "d", "d", "ÉtÉ", "", True, 9))
    query = ProjectQuery(matches=(Match("name", "contains", text, True),))
    assert ids(projects.select(txn, query)) == ["summer"] * found
