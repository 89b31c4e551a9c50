"""``openstack`` for roles, who has them, and the catalog: every command, by id and by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.clients.served import Deployment, Served
from tests.clients.shells import Shell

JSON = ("-f", "json")
URL = "http://example.test:9001/v2/$(project_id)s"


@pytest.fixture(scope="module")
def pumice(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of these tests' own: others count what is in theirs."""
    with Served(tmp_path_factory.mktemp("pumice"), deployment) as served:
        yield served


class Things(NamedTuple):
    """One of each kind; ids by kind, and the name that all of them have."""

    name: str
    ids: dict[str, str]

    def refer(self, key: str, kind: str) -> str:
        return self.ids[kind] if key == "id" else self.name


@pytest.fixture
def things(openstack: Shell, name: str) -> Things:
    ids = {}
    for kind in ("domain", "project", "user", "group", "role"):
        ids[kind] = openstack(kind, "create", name, *JSON).json["id"]
    openstack("group", "add", "user", ids["group"], ids["user"])
    return Things(name, ids)


@pytest.mark.parametrize("key", ["id", "name"])
def test_role(openstack: Shell, name: str, key: str) -> None:
    made = openstack("role", "create", "--description", "It.", name, *JSON).json
    assert (made["name"], made["description"], made["domain_id"]) == (name, "It.", None)
    assert openstack("role", "create", "--or-show", name, *JSON).json["id"] == made["id"]
    openstack("role", "create", name, status=1)
    assert openstack("role", "show", made[key], *JSON).json == made
    openstack("role", "set", "--description", "New.", "--immutable", made[key])
    assert openstack("role", "show", made[key], *JSON).json["description"] == "New."
    openstack("role", "delete", made[key], status=1)
    openstack("role", "set", "--no-immutable", made[key])
    openstack("role", "set", "--name", f"{name}-b", made[key])
    assert f"{name}-b" in {row["Name"] for row in openstack("role", "list", *JSON).json}
    made["name"] = f"{name}-b"
    openstack("role", "delete", made[key])
    openstack("role", "show", made[key], status=1)


@pytest.mark.parametrize("key", ["id", "name"])
def test_role_of_a_domain(openstack: Shell, name: str, key: str) -> None:
    domain = openstack("domain", "create", name, *JSON).json
    made = openstack("role", "create", "--domain", domain[key], name, *JSON).json
    assert made["domain_id"] == domain["id"]
    of_domain = ("--domain", domain[key])
    assert openstack("role", "show", *of_domain, made[key], *JSON).json["id"] == made["id"]
    rows = openstack("role", "list", *of_domain, *JSON).json
    assert [(row["ID"], row["Name"], row["Domain"]) for row in rows] == [
        (made["id"], name, domain["name"])
    ]
    assert made["id"] not in {row["ID"] for row in openstack("role", "list", *JSON).json}
    openstack("role", "set", *of_domain, "--description", "New.", made[key])
    openstack("role", "delete", *of_domain, made[key])
    assert openstack("role", "list", *of_domain, *JSON).json == []


@pytest.mark.parametrize("key", ["id", "name"])
def test_implied_role(openstack: Shell, things: Things, key: str) -> None:
    role = things.refer(key, "role")
    made = openstack("implied", "role", "create", role, "--implied-role", "reader", *JSON).json
    assert made["prior_role"] == things.ids["role"]
    rows = openstack("implied", "role", "list", *JSON).json
    assert (things.name, "reader") in {
        (row["Prior Role Name"], row["Implied Role Name"]) for row in rows
    }
    openstack("implied", "role", "create", "reader", "--implied-role", "admin", status=1)
    openstack("implied", "role", "delete", role, "--implied-role", "reader")
    assert things.name not in openstack("implied", "role", "list").out


@pytest.mark.parametrize("key", ["id", "name"])
@pytest.mark.parametrize("inherited", [False, True])
@pytest.mark.parametrize("target", ["project", "domain", "system"])
@pytest.mark.parametrize("actor", ["user", "group"])
def test_role_of_an_actor_on_a_target(
    openstack: Shell,
    things: Things,
    actor: str,
    target: str,
    inherited: bool,
    key: str,
) -> None:
    if target == "system" and inherited:
        return  # Nothing is below the system.
    place = "all" if target == "system" else things.refer(key, target)
    grant = (f"--{target}", place, f"--{actor}", things.refer(key, actor))
    below = ("--inherited",) if inherited else ()
    role = things.refer(key, "role")
    openstack("role", "add", *grant, *below, role)
    openstack("role", "add", *grant, *below, role)
    (row,) = openstack("role", "assignment", "list", *grant, *below, *JSON).json
    wanted = {"Role": "", "User": "", "Group": "", "Project": "", "Domain": "", "System": ""}
    wanted |= {"Role": things.ids["role"], actor.title(): things.ids[actor]}
    wanted[target.title()] = "all" if target == "system" else things.ids[target]
    assert row == wanted | {"Inherited": inherited}
    openstack("role", "remove", *grant, *below, role)
    openstack("role", "remove", *grant, *below, role)  # The client minds no 404 here.
    assert openstack("role", "assignment", "list", *grant, *below, *JSON).json == []


def test_role_assignments(openstack: Shell, things: Things) -> None:
    """Every option of the list; what is effective is what groups and implications make of it."""
    ids = things.ids
    project = ("--project", ids["project"])
    openstack("role", "add", *project, "--group", ids["group"], ids["role"])
    openstack("implied", "role", "create", ids["role"], "--implied-role", "reader")

    def listed(*options: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = openstack("role", "assignment", "list", *options, *JSON).json
        return found

    (direct,) = listed(*project)
    assert (direct["Group"], direct["User"]) == (ids["group"], "")
    assert listed("--group", things.name, "--group-domain", "default") == [direct]
    assert listed("--role", things.name) == [direct]
    assert listed("--user", things.name, "--user-domain", "default") == []
    assert listed("--project", things.name, "--project-domain", "Default") == [direct]
    effective = listed("--effective", *project)
    reader = openstack("role", "show", "reader", *JSON).json["id"]
    assert {(row["Role"], row["User"], row["Group"]) for row in effective} == {
        (ids["role"], ids["user"], ""),
        (reader, ids["user"], ""),
    }
    assert len(listed("--effective", "--user", ids["user"])) == 2
    (named,) = listed("--names", *project)
    assert (named["Role"], named["Group"], named["Project"]) == (
        things.name, f"{things.name}@Default", f"{things.name}@Default",
    )  # fmt: skip
    own = listed("--auth-user", "--auth-project", "--names")
    assert [(row["Role"], row["User"], row["Project"]) for row in own] == [
        ("admin", "admin@Default", "admin@Default")
    ]
    assert [row["System"] for row in listed("--system", "all", "--names")] == ["all"]
    openstack("role", "assignment", "list", "--effective", "--group", ids["group"], status=1)


def test_region(openstack: Shell, name: str) -> None:
    made = openstack("region", "create", "--description", "It.", name, *JSON).json
    assert (made["region"], made["description"]) == (name, "It.")
    openstack("region", "create", name, status=1)
    below = f"{name} below"
    openstack("region", "create", "--parent-region", name, below)
    (row,) = openstack("region", "list", "--parent-region", name, *JSON).json
    assert (row["Region"], row["Parent Region"]) == (below, name)
    openstack("region", "delete", name, status=1)
    openstack("region", "set", "--description", "New.", "--parent-region", "RegionOne", below)
    shown = openstack("region", "show", below, *JSON).json
    assert (shown["description"], shown["parent_region"]) == ("New.", "RegionOne")
    openstack("region", "delete", below, name)
    openstack("region", "show", name, status=1)


@pytest.mark.parametrize("key", ["id", "name", "type"])
def test_service(openstack: Shell, name: str, key: str) -> None:
    about = ("--name", name, "--description", "It.")
    made = openstack("service", "create", *about, f"type-{name}", *JSON).json
    assert (made["name"], made["type"], made["enabled"]) == (name, f"type-{name}", True)
    assert openstack("service", "show", made[key], *JSON).json == made
    openstack("service", "set", "--description", "New.", "--disable", made[key])
    shown = openstack("service", "show", made[key], *JSON).json
    assert (shown["description"], shown["enabled"]) == ("New.", False)
    openstack("service", "set", "--enable", made[key])
    rows = openstack("service", "list", "--long", *JSON).json
    (row,) = [one for one in rows if one["ID"] == made["id"]]
    assert (row["Name"], row["Description"], row["Enabled"]) == (name, "New.", True)
    openstack("service", "set", "--name", f"{name}-b", "--type", f"{name}-t", made["id"])
    openstack("service", "delete", f"{name}-b")
    openstack("service", "show", made["id"], status=1)


@pytest.mark.parametrize("key", ["id", "name"])
def test_endpoint(openstack: Shell, name: str, key: str) -> None:
    service = openstack("service", "create", "--name", name, f"type-{name}", *JSON).json
    made = openstack("endpoint", "create", service[key], "public", URL, *JSON).json
    assert (made["url"], made["service_id"], made["enabled"]) == (URL, service["id"], True)
    other = ("--region", "RegionOne", "--disable", service[key], "internal", "http://x:1")
    internal = openstack("endpoint", "create", *other, *JSON).json
    assert (internal["region"], internal["enabled"]) == ("RegionOne", False)
    rows = openstack("endpoint", "list", "--service", service[key], *JSON).json
    assert {row["ID"] for row in rows} == {made["id"], internal["id"]}
    (row,) = openstack(
        "endpoint", "list", "--service", service[key], "--interface", "internal",
        "--region", "RegionOne", *JSON,
    ).json  # fmt: skip
    assert (row["ID"], row["Enabled"]) == (internal["id"], False)

    project = openstack("token", "issue", *JSON).json["project_id"]
    (entry,) = [one for one in openstack("catalog", "list", *JSON).json if one["Name"] == name]
    assert [end["url"] for end in entry["Endpoints"]] == [f"http://example.test:9001/v2/{project}"]
    change = ("--interface", "admin", "--url", "http://y:2", "--region", "RegionOne", "--disable")
    openstack("endpoint", "set", *change, made["id"])
    shown = openstack("endpoint", "show", made["id"], *JSON).json
    assert (shown["interface"], shown["url"], shown["enabled"]) == ("admin", "http://y:2", False)
    openstack("endpoint", "set", "--enable", "--service", "identity", made["id"])
    assert openstack("endpoint", "show", made["id"], *JSON).json["service_name"] == "keystone"
    openstack("endpoint", "delete", made["id"])
    openstack("service", "delete", service[key])
    openstack("endpoint", "show", internal["id"], status=1)


def test_token(openstack: Shell, pumice: Served) -> None:
    token = openstack("token", "issue", *JSON).json["id"]
    of_token = {"OS_AUTH_TYPE": "token", "OS_TOKEN": token}
    left = {
        name: value
        for name, value in pumice.environment.items()
        if "USER" not in name and name != "OS_PASSWORD"
    }
    with_token = Shell("openstack", left | of_token)
    assert with_token("project", "list", *JSON).json
    openstack("token", "revoke", token)
    with_token("project", "list", status=1)
    openstack("token", "revoke", token, status=1)
