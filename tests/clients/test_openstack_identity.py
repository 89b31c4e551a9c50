"""``openstack`` for identity: who is there, what is where, and a token."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.clients.served import Served
from tests.clients.shells import Shell

JSON = ("-f", "json")
SERVICES = {
    "identity": "keystone",
    "block-storage": "cinder",
    "volumev3": "cinderv3",
    "compute": "nova",
    "pumice": "pumice",
}


@pytest.mark.parametrize(
    ("noun", "names"),
    [
        ("project", {"admin"}),
        ("user", {"admin"}),
        ("role", {"admin", "manager", "member", "reader", "service"}),
        ("domain", {"Default"}),
        ("service", set(SERVICES.values())),
    ],
)
def test_list_and_show_by_id_and_by_name(openstack: Shell, noun: str, names: set[str]) -> None:
    rows = openstack(noun, "list", *JSON).json
    assert {row["Name"] for row in rows} == names
    for row in rows:
        by_id = openstack(noun, "show", row["ID"], *JSON).json
        assert (by_id["id"], by_id["name"]) == (row["ID"], row["Name"])
        assert openstack(noun, "show", row["Name"], *JSON).json == by_id


def test_project(openstack: Shell) -> None:
    project = openstack("project", "show", "admin", *JSON).json
    assert project["enabled"] is True
    assert project["domain_id"] == project["parent_id"] == "default"
    (row,) = openstack("project", "list", "--long", *JSON).json
    assert (row["ID"], row["Domain ID"], row["Enabled"]) == (project["id"], "default", True)


def test_user_of_a_domain(openstack: Shell) -> None:
    user = openstack("user", "show", "--domain", "Default", "admin", *JSON).json
    assert (user["domain_id"], user["enabled"]) == ("default", True)
    rows = openstack("user", "list", "--domain", "default", *JSON).json
    assert [row["ID"] for row in rows] == [user["id"]]


def test_region(openstack: Shell) -> None:
    (row,) = openstack("region", "list", *JSON).json
    assert row["Region"] == "RegionOne"
    assert openstack("region", "show", "RegionOne", *JSON).json["region"] == "RegionOne"


def test_service_by_type(openstack: Shell) -> None:
    rows = openstack("service", "list", *JSON).json
    assert {row["Type"]: row["Name"] for row in rows} == SERVICES
    assert openstack("service", "show", "block-storage", *JSON).json["name"] == "cinder"


def test_endpoints(openstack: Shell, pumice: Served) -> None:
    rows = openstack("endpoint", "list", *JSON).json
    assert {(row["Service Type"], row["Interface"]) for row in rows} == {
        (service, interface)
        for service in SERVICES
        for interface in ("public", "internal", "admin")
    }
    assert all(row["URL"].startswith(f"{pumice.base}/") for row in rows)
    public = ("--service", "cinder", "--interface", "public")
    (row,) = openstack("endpoint", "list", *public, *JSON).json
    found = openstack("endpoint", "show", row["ID"], *JSON).json
    assert found["url"] == row["URL"] == f"{pumice.base}/volume/v3/$(project_id)s"
    assert (found["service_type"], found["region"]) == ("block-storage", "RegionOne")


def test_token(openstack: Shell, pumice: Served) -> None:
    token = openstack("token", "issue", *JSON).json
    assert token["project_id"] == openstack("project", "show", "admin", *JSON).json["id"]
    assert token["user_id"] == openstack("user", "show", "admin", *JSON).json["id"]
    left = dt.datetime.strptime(token["expires"], "%Y-%m-%dT%H:%M:%S%z") - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=58) < left <= dt.timedelta(hours=1)
    with_token = {"OS_AUTH_TYPE": "token", "OS_TOKEN": token["id"]}
    without_user = {name: value for name, value in pumice.environment.items() if "USER" not in name}
    del without_user["OS_PASSWORD"]
    again = Shell("openstack", without_user | with_token)("project", "list", *JSON)
    assert [row["Name"] for row in again.json] == ["admin"]


@pytest.mark.everywhere
def test_catalog(openstack: Shell, pumice: Served) -> None:
    project_id = openstack("token", "issue", *JSON).json["project_id"]
    urls = {
        row["Type"]: {endpoint["url"] for endpoint in row["Endpoints"]}
        for row in openstack("catalog", "list", *JSON).json
    }
    volumes = {f"{pumice.base}/volume/v3/{project_id}"}
    assert urls == {
        "identity": {f"{pumice.base}/identity/v3"},
        "block-storage": volumes,
        "volumev3": volumes,
        "compute": {f"{pumice.base}/compute/v2.1"},
        "pumice": {f"{pumice.base}/pumice/v1"},
    }


@pytest.mark.parametrize("reference", ["cinder", "block-storage"])
def test_service_in_the_catalog(openstack: Shell, reference: str) -> None:
    found = openstack("catalog", "show", reference, *JSON).json
    assert (found["name"], found["type"]) == ("cinder", "block-storage")
    assert {endpoint["interface"] for endpoint in found["endpoints"]} == {
        "public", "internal", "admin"
    }  # fmt: skip


def test_versions(openstack: Shell) -> None:
    rows = openstack("versions", "show", *JSON).json
    current = {row["Service Type"]: row for row in rows if row["Status"] == "CURRENT"}
    found = {
        service: (row["Min Microversion"], row["Max Microversion"])
        for service, row in current.items()
    }
    assert found["block-storage"] == ("3.0", "3.71")
    assert found["compute"][0] == "2.1"
    assert found["identity"] == (None, None)
    (older,) = [row for row in rows if row["Status"] != "CURRENT"]
    assert (older["Service Type"], older["Version"], older["Status"]) == (
        "compute", "2.0", "SUPPORTED"
    )  # fmt: skip


def test_what_it_is_set_up_with(openstack: Shell, pumice: Served) -> None:
    shown = openstack("configuration", "show", *JSON).json
    assert (shown["auth_url"], shown["auth.project_name"]) == (pumice.identity_url, "admin")
    openstack("cloud", "cache", "delete")


def test_cloud_of_the_file_that_the_first_start_wrote(pumice: Served) -> None:
    openstack = Shell("openstack", {"OS_CLIENT_CONFIG_FILE": f"{pumice.clouds_yaml}"})
    rows = openstack("--os-cloud", "pumice", "project", "list", *JSON).json
    assert [row["Name"] for row in rows] == ["admin"]


def test_system_scope(openstack: Shell, pumice: Served) -> None:
    of_user = {name: value for name, value in pumice.environment.items() if "PROJECT" not in name}
    as_system = Shell("openstack", of_user | {"OS_SYSTEM_SCOPE": "all"})
    assert as_system("token", "issue", *JSON).json["system"] == "all"
    by_system = as_system("project", "list", *JSON).json
    assert by_system == openstack("project", "list", *JSON).json
