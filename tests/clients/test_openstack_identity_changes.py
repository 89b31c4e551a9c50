"""``openstack`` for domains, projects, users and groups: every command, by id and by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.served import Deployment, Served
from tests.clients.shells import Shell

JSON = ("-f", "json")


@pytest.fixture(scope="module")
def pumice(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of these tests' own: others count what is in theirs."""
    with Served(tmp_path_factory.mktemp("pumice"), deployment) as served:
        yield served


def as_user(pumice: Served, name: str, password: str, **variables: str) -> Shell:
    """The command line of a user of the default domain who has no project."""
    of_cloud = {name: value for name, value in pumice.environment.items() if "PROJECT" not in name}
    own = {"OS_USERNAME": name, "OS_PASSWORD": password}
    return Shell("openstack", of_cloud | own | variables)


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["ID"] for row in rows}


@pytest.mark.parametrize("key", ["id", "name"])
def test_domain(openstack: Shell, name: str, key: str) -> None:
    made = openstack("domain", "create", "--description", "It.", name, *JSON).json
    assert (made["name"], made["description"], made["enabled"]) == (name, "It.", True)
    assert openstack("domain", "create", "--or-show", name, *JSON).json["id"] == made["id"]
    openstack("domain", "create", name, status=1)
    assert openstack("domain", "show", made[key], *JSON).json == made
    openstack("domain", "delete", made[key], status=1)

    openstack("domain", "set", "--description", "New.", "--disable", "--immutable", made[key])
    shown = openstack("domain", "show", made[key], *JSON).json
    assert (shown["description"], shown["enabled"]) == ("New.", False)
    assert shown["options"] == {"immutable": True}
    openstack("domain", "set", "--description", "No.", made[key], status=1)
    openstack("domain", "set", "--no-immutable", made[key])
    (row,) = openstack("domain", "list", "--name", name, *JSON).json
    assert (row["ID"], row["Enabled"], row["Description"]) == (made["id"], False, "New.")
    assert made["id"] not in ids(openstack("domain", "list", "--enabled", *JSON).json)
    made["name"] = f"{name}-b"
    openstack("domain", "set", "--name", made["name"], made["id"])
    openstack("domain", "delete", made[key])
    openstack("domain", "show", made[key], status=1)


@pytest.mark.parametrize("key", ["id", "name"])
def test_project(openstack: Shell, name: str, key: str) -> None:
    made = openstack(
        "project", "create", "--domain", "default", "--description", "It.", "--tag", "a", "--tag", "b",
        "--property", "cost=7", "--disable", name, *JSON,
    ).json  # fmt: skip
    assert (made["name"], made["domain_id"], made["parent_id"]) == (name, "default", "default")
    assert (sorted(made["tags"]), made["enabled"], made["is_domain"]) == (["a", "b"], False, False)
    assert made["description"] == "It."
    assert openstack("project", "create", "--or-show", name, *JSON).json["id"] == made["id"]
    openstack("project", "create", name, status=1)
    child = openstack("project", "create", "--parent", made[key], f"{name}-c", status=1)
    assert "branch containing a disabled project" in child.err

    openstack(
        "project", "set", "--enable", "--description", "New.", "--property", "cost=8", "--tag", "c",
        "--remove-tag", "a", made[key],
    )  # fmt: skip
    openstack("project", "set", "--immutable", made[key])
    openstack("project", "delete", made[key], status=1)
    openstack("project", "set", "--no-immutable", made[key])
    shown = openstack("project", "show", made[key], *JSON).json
    assert (shown["description"], shown["enabled"]) == ("New.", True)
    assert shown["options"] == {"immutable": False}
    assert "c" in shown["tags"]

    child = openstack("project", "create", "--parent", made[key], f"{name}-c", *JSON).json
    assert child["parent_id"] == made["id"]
    family = openstack("project", "show", "--parents", "--children", child[key], *JSON).json
    assert family["id"] == child["id"]
    (row,) = openstack("project", "list", "--parent", made[key], *JSON).json
    assert row["ID"] == child["id"]
    rows = openstack("project", "list", "--domain", "Default", "--long", *JSON).json
    assert {made["id"], child["id"]} < ids(rows)
    openstack("project", "set", "--disable", made[key], status=1)
    openstack("project", "delete", made[key], status=1)
    openstack("project", "set", "--disable", child[key])
    assert child["id"] in ids(openstack("project", "list", "--disabled", *JSON).json)
    assert child["id"] not in ids(openstack("project", "list", "--enabled", *JSON).json)
    renamed = f"{name}-n"
    openstack("project", "set", "--name", renamed, "--clear-tags", made[key])
    assert openstack("project", "show", renamed, *JSON).json["tags"] == []
    openstack("project", "delete", child[key], made["id"])
    openstack("project", "show", made["id"], status=1)


def test_projects_by_tags_and_page(openstack: Shell, name: str) -> None:
    tags = {f"{name}-0": "a", f"{name}-1": "b"}
    made = {
        project: openstack(
            "project", "create", "--tag", name, "--tag", f"{name}-{tag}", project, *JSON
        ).json["id"]
        for project, tag in tags.items()
    }
    first, second = made.values()
    for option, value, wanted in (
        ("--tags", name, {first, second}),
        ("--tags", f"{name},{name}-a", {first}),
        ("--tags-any", f"{name}-a,{name}-b", {first, second}),
    ):
        assert ids(openstack("project", "list", option, value, *JSON).json) == wanted, option
    for option in ("--not-tags", "--not-tags-any"):
        found = ids(openstack("project", "list", option, f"{name}-a", *JSON).json)
        assert second in found
        assert first not in found
    listed = openstack("project", "list", "--limit", "1", "--tags", name, *JSON).json
    assert first in ids(listed)
    openstack("project", "delete", *made)


def test_a_domain_with_all_that_is_in_it(openstack: Shell, name: str) -> None:
    domain = openstack("domain", "create", name, *JSON).json
    inside = ("--domain", name)
    project = openstack("project", "create", *inside, "p", *JSON).json
    openstack("user", "create", *inside, "--project", "p", "--project-domain", name, "u")
    openstack("group", "create", *inside, "g")
    assert openstack("project", "show", *inside, "p", *JSON).json["id"] == project["id"]
    assert (
        openstack("user", "show", *inside, "u", *JSON).json["default_project_id"] == project["id"]
    )
    openstack("group", "add", "user", "--group-domain", name, "--user-domain", name, "g", "u")
    # With a group, the client takes the domain for an id.
    (row,) = openstack("user", "list", "--domain", domain["id"], "--group", "g", *JSON).json
    assert row["Name"] == "u"
    for noun in ("project", "user", "group"):
        assert len(openstack(noun, "list", *inside, *JSON).json) == 1
    openstack("project", "set", *inside, "--name", "q", "p")
    openstack("user", "set", *inside, "--name", "v", "u")
    openstack("group", "set", *inside, "--name", "h", "g")
    openstack("group", "delete", *inside, "h")
    openstack("user", "delete", *inside, "v")
    openstack("project", "delete", *inside, "q")
    openstack("project", "create", *inside, "left")
    openstack("domain", "set", "--disable", name)
    openstack("domain", "delete", name)
    openstack("project", "show", project["id"], status=1)


def test_a_project_that_is_a_domain(openstack: Shell, name: str) -> None:
    made = openstack("project", "create", "--property", "is_domain=true", name, *JSON).json
    assert (made["is_domain"], made["domain_id"]) == (True, None)
    assert openstack("domain", "show", name, *JSON).json["id"] == made["id"]
    openstack("domain", "set", "--disable", name)
    openstack("domain", "delete", name)


@pytest.mark.everywhere
@pytest.mark.parametrize("key", ["id", "name"])
def test_user(openstack: Shell, pumice: Served, name: str, key: str) -> None:
    project = openstack("project", "create", name, *JSON).json
    made = openstack(
        "user", "create", "--domain", "default", "--project", project[key], "--password", "first",
        "--email", "a@x", "--description", "She.", "--ignore-password-expiry", "--enable-lock-password",
        "--multi-factor-auth-rule", "password,totp", name, *JSON,
    ).json  # fmt: skip
    assert (made["name"], made["email"], made["description"]) == (name, "a@x", "She.")
    assert made["default_project_id"] == project["id"]
    assert made["options"] == {
        "ignore_password_expiry": True,
        "lock_password": True,
        "multi_factor_auth_rules": [["password", "totp"]],
    }
    assert openstack("user", "create", "--or-show", name, *JSON).json["id"] == made["id"]
    openstack("user", "create", name, status=1)
    assert openstack("user", "show", made[key], *JSON).json["id"] == made["id"]

    user = as_user(pumice, name, "first")
    assert user("token", "issue", *JSON).json["user_id"] == made["id"]
    assert user("user", "show", made["id"], *JSON).json["name"] == name
    openstack("user", "set", "--password", "second", "--email", "b@x", made[key])
    openstack("user", "set", "--description", "Hers.", "--disable-lock-password", made[key])
    user("token", "issue", status=1)
    change = ("--password", "third", "--original-password")
    as_user(pumice, name, "second")("user", "password", "set", *change, "wrong", status=1)
    as_user(pumice, name, "second")("user", "password", "set", *change, "second")
    user("token", "issue", status=1)
    user = as_user(pumice, name, "third")
    user("token", "issue")

    openstack("user", "set", "--disable", made[key])
    user("token", "issue", status=1)
    assert made["id"] in ids(openstack("user", "list", "--disabled", *JSON).json)
    openstack("user", "set", "--enable", made[key])
    user("token", "issue")
    (row,) = [
        row for row in openstack("user", "list", "--long", *JSON).json if row["ID"] == made["id"]
    ]
    assert (row["Project"], row["Description"], row["Email"]) == (project["id"], "Hers.", "b@x")
    assert openstack("project", "list", "--user", made[key], *JSON).json == []
    openstack("user", "set", "--name", f"{name}-n", made[key])
    openstack("user", "delete", made["id"])
    openstack("user", "show", made["id"], status=1)
    openstack("project", "delete", project[key])


@pytest.mark.parametrize("key", ["id", "name"])
def test_group(openstack: Shell, name: str, key: str) -> None:
    made = openstack("group", "create", "--description", "They.", name, *JSON).json
    assert (made["name"], made["description"], made["domain_id"]) == (name, "They.", "default")
    assert openstack("group", "create", "--or-show", name, *JSON).json["id"] == made["id"]
    openstack("group", "create", name, status=1)
    users = [openstack("user", "create", f"{name}-{number}", *JSON).json for number in range(2)]
    keys = [user[key] for user in users]
    openstack("group", "add", "user", made[key], *keys)
    for one in keys:
        assert "in group" in openstack("group", "contains", "user", made[key], one).out
    assert ids(openstack("user", "list", "--group", made[key], *JSON).json) == {
        user["id"] for user in users
    }
    (row,) = openstack("group", "list", "--user", keys[0], "--long", *JSON).json
    assert (row["ID"], row["Description"]) == (made["id"], "They.")
    openstack("group", "remove", "user", made[key], keys[0])
    openstack("group", "remove", "user", made[key], keys[0], status=1)
    contains = openstack("group", "contains", "user", made[key], keys[0])
    assert "not in group" in contains.out + contains.err
    openstack("group", "set", "--description", "New.", made[key])
    shown = openstack("group", "show", made[key], *JSON).json
    assert shown["description"] == "New."
    assert made["id"] in ids(openstack("group", "list", "--domain", "default", *JSON).json)
    made["name"] = f"{name}-n"
    openstack("group", "set", "--name", made["name"], made["id"])
    openstack("group", "delete", made[key])
    openstack("group", "show", made["id"], status=1)
    openstack("user", "delete", *keys)
