"""Queries of identity: filters, pages, and the roles that follow from others."""

from __future__ import annotations

import pytest

from pumice.errors import NotFound
from pumice.model.identity import (
    Assignment,
    Domain,
    DomainQuery,
    Endpoint,
    EndpointQuery,
    Project,
    ProjectQuery,
    Region,
    RegionQuery,
    Role,
    RoleQuery,
    Service,
    ServiceQuery,
    User,
    UserQuery,
)
from pumice.store import (
    assignments,
    domains,
    endpoints,
    projects,
    regions,
    roles,
    services,
    users,
)
from pumice.store.txn import Txn
from tests.store.conftest import ON_SQLITE


@pytest.fixture
def txn(txn: Txn) -> Txn:
    """A database with two domains, each with a project and a user of the same names."""
    for number, name in enumerate(("Default", "Stone")):
        id_ = name.lower()
        domains.insert(txn, Domain(id_, name, "", name == "Default", number))
        projects.insert(txn, Project(f"p-{id_}", id_, id_, "home", "", True, number))
        users.insert(txn, User(f"u-{id_}", id_, "ann", True, None, None, None, number), id_)
    return txn


def test_what_was_inserted_comes_back_whole(txn: Txn) -> None:
    domain = Domain("d", "Name", "Text", False, 5)
    project = Project("p", "d", "p-stone", "Name", "Text", False, 6)
    user = User("u", "d", "Name", False, "p", "Text", "a@b", 7)
    role = Role("r", "Name", "Text", 8)
    region = Region("a", "Text", None)
    service = Service("s", "type", "Name", "Text", False)
    endpoint = Endpoint("e", "s", "internal", "a", "http://x", False)
    domains.insert(txn, domain)
    projects.insert(txn, project)
    users.insert(txn, user, None)
    roles.insert(txn, role)
    regions.insert(txn, region)
    services.insert(txn, service)
    endpoints.insert(txn, endpoint)
    assert domains.get(txn, "d") == domain
    assert projects.get(txn, "p") == project
    assert users.get(txn, "u") == user
    assert roles.get(txn, "r") == role
    assert regions.get(txn, "a") == region
    assert services.get(txn, "s") == service
    assert endpoints.get(txn, "e") == endpoint


def test_names_count_within_their_domain(txn: Txn) -> None:
    found = projects.find_named(txn, "stone", "home"), users.find_named(txn, "stone", "ann")
    assert [one and one.id for one in found] == ["p-stone", "u-stone"]
    assert projects.find_named(txn, "nowhere", "home") is None
    assert users.find_named(txn, "default", "bob") is None
    assert users.password_hash(txn, "u-stone") == "stone"
    assert users.password_hash(txn, "nobody") is None


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (DomainQuery(), ["default", "stone"]),
        (DomainQuery(name="Stone"), ["stone"]),
        (DomainQuery(enabled=True), ["default"]),
        (DomainQuery(enabled=False), ["stone"]),
        (DomainQuery(id="stone", enabled=True), []),
    ],
)
def test_filters_of_domains(txn: Txn, query: DomainQuery, ids: list[str]) -> None:
    assert [one.id for one in domains.select(txn, query)] == ids


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (ProjectQuery(name="home"), ["p-default", "p-stone"]),
        (ProjectQuery(name="HOME"), []),
        (ProjectQuery(name="home", domain_id="stone"), ["p-stone"]),
        (ProjectQuery(parent_id="stone"), ["p-stone"]),
        (ProjectQuery(enabled=False), []),
        (ProjectQuery(limit=1), ["p-default"]),
        (ProjectQuery(limit=1, marker="p-default"), ["p-stone"]),
        (ProjectQuery(marker="p-stone"), []),
        (ProjectQuery(limit=0), []),
    ],
)
def test_filters_of_projects(txn: Txn, query: ProjectQuery, ids: list[str]) -> None:
    assert [one.id for one in projects.select(txn, query)] == ids


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (UserQuery(name="ann"), ["u-default", "u-stone"]),
        (UserQuery(name="x' OR '1' = '1"), []),
        (UserQuery(name="ann", domain_id="stone", enabled=True), ["u-stone"]),
        (UserQuery(enabled=False), []),
        (UserQuery(limit=5, marker="u-default"), ["u-stone"]),
    ],
)
def test_filters_of_users(txn: Txn, query: UserQuery, ids: list[str]) -> None:
    assert [one.id for one in users.select(txn, query)] == ids


def test_pages_go_through_rows_of_one_moment(txn: Txn) -> None:
    for number in range(5):
        projects.insert(txn, Project(f"x{number}", "stone", "stone", f"n{number}", "", True, 9))
    seen: list[str] = []
    while page := projects.select(txn, ProjectQuery(limit=2, marker=seen[-1] if seen else None)):
        seen += [project.id for project in page]
    assert seen == ["p-default", "p-stone", "x0", "x1", "x2", "x3", "x4"]


def test_an_unknown_marker_is_not_found(txn: Txn) -> None:
    with pytest.raises(NotFound):
        projects.select(txn, ProjectQuery(marker="none"))


def test_filters_of_the_catalog(txn: Txn) -> None:
    for region in (Region("a", "", None), Region("b", "", "a")):
        assert regions.insert(txn, region)
        assert not regions.insert(txn, region)
    for id_, type_, name in (("s1", "volume", "v1"), ("s2", "volume", "v2"), ("s3", "a", "v1")):
        services.insert(txn, Service(id_, type_, name, "", True))
    endpoints.insert(txn, Endpoint("e1", "s1", "public", "a", "u", True))
    endpoints.insert(txn, Endpoint("e2", "s1", "admin", None, "u", True))
    endpoints.insert(txn, Endpoint("e3", "s2", "public", "b", "u", True))
    roles.insert(txn, Role("r1", "one", "", 0))
    roles.insert(txn, Role("r2", "two", "", 0))
    queries = [
        [one.id for one in regions.select(txn, RegionQuery(parent_region_id="a"))],
        [one.id for one in services.select(txn, ServiceQuery())],
        [one.id for one in services.select(txn, ServiceQuery(type="volume", name="v2"))],
        [one.id for one in endpoints.select(txn, EndpointQuery(service_id="s1"))],
        [one.id for one in endpoints.select(txn, EndpointQuery(interface="public"))],
        [one.id for one in endpoints.select(txn, EndpointQuery(region_id="b"))],
        [one.id for one in roles.select(txn, RoleQuery(name="two"))],
    ]
    assert queries == [
        ["b"],
        ["s3", "s1", "s2"],
        ["s2"],
        ["e2", "e1"],
        ["e1", "e3"],
        ["e3"],
        ["r2"],
    ]


def test_roles_imply_roles_even_in_a_circle(txn: Txn) -> None:
    for name in ("a", "b", "c", "d", "other"):
        roles.insert(txn, Role(name, name, "", 0))
    for prior, implied in (("a", "b"), ("b", "c"), ("c", "a"), ("b", "d"), ("b", "d")):
        roles.imply(txn, prior, implied)
    for _ in range(2):
        assignments.insert(txn, Assignment("user", "u-stone", "project", "p-stone", "b"))
    assignments.insert(txn, Assignment("user", "u-stone", "domain", "stone", "other"))

    def names(user_id: str, target_id: str) -> list[str]:
        found = assignments.effective_roles(txn, user_id, "project", target_id)
        return [role.name for role in found]

    assert names("u-stone", "p-stone") == ["a", "b", "c", "d"]
    assert names("u-stone", "p-default") == []
    assert names("u-default", "p-stone") == []
    assert names("u-stone", "stone") == []


def test_a_role_on_a_domain_is_none_on_a_project_of_the_same_id(txn: Txn) -> None:
    domains.insert(txn, Domain("both", "Both", "", True, 9))
    projects.insert(txn, Project("both", "both", "both", "both", "", True, 9))
    roles.insert(txn, Role("r", "r", "", 0))
    assignments.insert(txn, Assignment("user", "u-stone", "domain", "both", "r"))
    assignments.insert(txn, Assignment("user", "u-default", "project", "both", "r"))
    assert [one.id for one in domains.of_user(txn, "u-stone")] == ["both"]
    assert projects.of_user(txn, "u-stone") == []
    assert [one.id for one in projects.of_user(txn, "u-default")] == ["both"]
    assert domains.of_user(txn, "u-default") == []


@ON_SQLITE
def test_pages_and_names_are_found_by_an_index(txn: Txn) -> None:
    for statement in (
        "SELECT id FROM projects WHERE name = 'x' ORDER BY created_at, id",
        "SELECT id FROM projects WHERE (created_at, id) > (1, 'x') ORDER BY created_at, id",
        "SELECT id FROM users WHERE name = 'x' ORDER BY created_at, id",
        "SELECT id FROM users WHERE (created_at, id) > (1, 'x') ORDER BY created_at, id",
    ):
        plan = [row[3] for row in txn.all(f"EXPLAIN QUERY PLAN {statement}")]
        assert plan[0].startswith("SEARCH"), plan
