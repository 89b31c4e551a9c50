"""``openstack``: types that change or are private, quota and limits of volumes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.shells import Shell

JSON = ("-f", "json")


@pytest.fixture
def project(openstack: Shell) -> dict[str, Any]:
    """The project admin."""
    found: dict[str, Any] = openstack("project", "show", "admin", *JSON).json
    return found


@pytest.fixture
def volume_type(openstack: Shell, name: str) -> dict[str, Any]:
    """A private type of the test's name."""
    return created(openstack, name, "--private")


def created(openstack: Shell, name: str, *arguments: str) -> dict[str, Any]:
    made: dict[str, Any] = openstack("volume", "type", "create", name, *arguments, *JSON).json
    return made


def shown(openstack: Shell, reference: str) -> dict[str, Any]:
    found: dict[str, Any] = openstack("volume", "type", "show", reference, *JSON).json
    return found


def limits(openstack: Shell, *arguments: str) -> dict[str, Any]:
    """``quota show`` of volumes alone: the rest is compute's and network's."""
    rows = openstack("quota", "show", "--volume", *arguments, *JSON).json
    return {row["Resource"]: row["Limit"] for row in rows}


@pytest.mark.parametrize("by", ["id", "name"])
def test_type_set(openstack: Shell, name: str, volume_type: dict[str, Any], by: str) -> None:
    words = ("--description", "two words", "--name", f"{name}-new", "--property", "a=b")
    openstack("volume", "type", "set", *words, volume_type[by])
    found = shown(openstack, volume_type["id"])
    assert (found["name"], found["description"]) == (f"{name}-new", "two words")
    assert found["properties"] == {"a": "b"}
    openstack("volume", "type", "set", "--public", volume_type["id"])
    assert shown(openstack, f"{name}-new")["is_public"] is True
    openstack("volume", "type", "set", "--private", f"{name}-new")
    assert shown(openstack, volume_type["id"])["is_public"] is False


@pytest.mark.parametrize("by", ["id", "name"])
def test_type_access(
    openstack: Shell, volume_type: dict[str, Any], project: dict[str, Any], by: str
) -> None:
    reference = volume_type[by]
    assert shown(openstack, reference)["access_project_ids"] == []
    openstack("volume", "type", "set", "--project", project[by], reference)
    assert shown(openstack, reference)["access_project_ids"] == [project["id"]]
    openstack("volume", "type", "set", "--project", project[by], reference, status=1)
    openstack("volume", "type", "unset", "--project", project[by], reference)
    assert shown(openstack, reference)["access_project_ids"] == []


def test_type_for_a_project(openstack: Shell, name: str, project: dict[str, Any]) -> None:
    made = created(openstack, name, "--private", "--project", "admin")
    assert made["is_public"] is False
    assert shown(openstack, name)["access_project_ids"] == [project["id"]]


def test_type_list(openstack: Shell, name: str, volume_type: dict[str, Any]) -> None:
    created(openstack, f"{name}-public")
    for arguments, wanted in (
        ((), {name, f"{name}-public"}),
        (("--private",), {name}),
        (("--public",), {f"{name}-public"}),
    ):
        rows = openstack("volume", "type", "list", *arguments, *JSON).json
        assert {row["Name"] for row in rows if row["Name"].startswith(name)} == wanted
    (default,) = openstack("volume", "type", "list", "--default", *JSON).json
    assert default["Name"] == "__DEFAULT__"
    assert shown(openstack, name)["id"] == volume_type["id"]


def test_type_is_not_encrypted(openstack: Shell, volume_type: dict[str, Any]) -> None:
    for by in ("id", "name"):
        words = ("--encryption-type", volume_type[by])
        found = openstack("volume", "type", "show", *words, *JSON).json
        assert found["encryption"] == {}
    openstack("volume", "type", "list", "--encryption-type", *JSON)


@pytest.mark.parametrize("by", ["id", "name"])
def test_quota(
    openstack: Shell, name: str, volume_type: dict[str, Any], project: dict[str, Any], by: str
) -> None:
    before = limits(openstack, project[by])
    assert before | {"backup-gigabytes": 1000, "per-volume-gigabytes": -1, "groups": 10} == before
    try:
        openstack("quota", "set", "--groups", "7", "--backup-gigabytes", "-1", project[by])
        per_type = ("--volumes", "3", "--volume-type", name)
        openstack("quota", "set", *per_type, project[by])
        changed = {"groups": 7, "backup-gigabytes": -1, f"volumes_{volume_type['name']}": 3}
        assert limits(openstack) == before | changed
        assert limits(openstack, "--default", project[by]) == before
        rows = openstack("quota", "list", "--volume", *JSON).json
        assert [row["Groups"] for row in rows if row["Project ID"] == project["id"]] == [7]
    finally:
        openstack("quota", "delete", "--volume", project[by])
    assert limits(openstack, project[by]) == before


def test_quota_in_use(openstack: Shell, name: str) -> None:
    created(openstack, name)
    openstack("volume", "create", "--size", "2", "--type", name, name)
    rows = openstack("quota", "show", "--volume", "--usage", *JSON).json
    usage = {row["Resource"]: row for row in rows}
    assert usage[f"gigabytes_{name}"] == {
        "Resource": f"gigabytes_{name}", "Limit": -1, "In Use": 2, "Reserved": 0
    }  # fmt: skip


def test_default_quota(openstack: Shell) -> None:
    openstack("quota", "set", "--default", "--backups", "11")
    try:
        assert limits(openstack)["backups"] == limits(openstack, "--default")["backups"] == 11
    finally:
        openstack("quota", "set", "--default", "--backups", "10")
    assert limits(openstack)["backups"] == 10
