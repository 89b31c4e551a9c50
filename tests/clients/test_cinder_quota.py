"""``cinder``: types that change or are private, default types, quota and limits."""

from __future__ import annotations

import pytest

from tests.clients.shells import Shell, Table

EVERYWHERE = {
    "snapshots": "10",
    "backups": "10",
    "backup_gigabytes": "1000",
    "per_volume_gigabytes": "-1",
    "groups": "10",
}
"""The limits that no setting of the server changes, as Cinder has them."""


@pytest.fixture
def type_id(cinder: Shell, name: str) -> str:
    """The id of a type of the test's name."""
    return cinder("type-create", name).table[0]["ID"]


@pytest.fixture
def project(openstack: Shell) -> str:
    """The id of the project admin."""
    project_id: str = openstack("project", "show", "admin", "-f", "json").json["id"]
    return project_id


def own(table: Table, name: str) -> Table:
    """The rows about the test's own type, which others share the server with."""
    return [row for row in table if row["Name"] == name]


def test_type_update(cinder: Shell, name: str, type_id: str) -> None:
    words = ("--name", f"{name}-new", "--description", "two words", "--is-public", "false")
    (row,) = cinder("type-update", type_id, *words).table
    assert row == {
        "ID": type_id, "Name": f"{name}-new", "Description": "two words", "Is_Public": "False"
    }  # fmt: skip
    assert cinder("type-show", f"{name}-new").properties["id"] == type_id
    assert "already exists" in cinder("type-update", type_id, "--name", "__DEFAULT__", status=1).err


@pytest.mark.parametrize("by", ["id", "name"])
def test_type_access(cinder: Shell, name: str, by: str) -> None:
    made = cinder("type-create", name, "--is-public", "false").table[0]["ID"]
    which = ("--volume-type", made if by == "id" else name)
    assert cinder("type-access-list", *which).table == []
    for project in ("p1", "p2"):
        cinder("type-access-add", *which, "--project-id", project)
    assert cinder("type-access-list", *which).table == [
        {"Volume_type_ID": made, "Project_ID": project} for project in ("p1", "p2")
    ]
    cinder("type-access-remove", *which, "--project-id", "p1")
    assert [row["Project_ID"] for row in cinder("type-access-list", *which).table] == ["p2"]
    cinder("type-access-remove", *which, "--project-id", "p1", status=1)


def test_type_list_has_private_ones(cinder: Shell, name: str) -> None:
    cinder("type-create", name, "--is-public", "false")
    assert [row["Is_Public"] for row in own(cinder("type-list").table, name)] == ["False"]
    public = cinder("type-list", "--filters", "is_public=True").table
    assert own(public, name) == []


def test_type_is_not_encrypted(cinder: Shell, name: str, type_id: str) -> None:
    for reference in (name, type_id):
        assert cinder("encryption-type-show", reference).table == []
    assert cinder("encryption-type-list").table == []


@pytest.mark.parametrize("by", ["id", "name"])
def test_default_type(cinder: Shell, name: str, type_id: str, project: str, by: str) -> None:
    found = cinder("default-type-set", type_id if by == "id" else name, project).properties
    try:
        assert found == {"project_id": project, "volume_type_id": type_id}
        assert [row["Name"] for row in cinder("type-default").table] == [name]
        made = cinder("create", "1", "--name", name).properties
        assert made["volume_type"] == name
        wanted = {"Volume Type ID": type_id, "Project ID": project}
        assert wanted in cinder("default-type-list").table
        shown = cinder("default-type-list", "--project-id", project)
        assert shown.properties == {"project_id": project, "volume_type_id": type_id}
        refused = cinder("type-delete", name, status=1)
        assert "is a default volume type and cannot be deleted" in refused.out
    finally:
        unset = cinder("default-type-unset", project)
    assert "has been unset successfully" in unset.out
    assert [row["Name"] for row in cinder("type-default").table] == ["__DEFAULT__"]


def test_quota(cinder: Shell, name: str, type_id: str) -> None:
    del type_id
    project = name  # As in Cinder, there need not be such a project.
    defaults = cinder("quota-defaults", project).properties
    assert defaults == cinder("quota-show", project).properties
    assert defaults | EVERYWHERE == defaults
    words = ("--volumes", "5", "--gigabytes", "-1", "--backups", "0", "--per-volume-gigabytes", "7")
    changed = cinder("quota-update", project, *words).properties
    wanted = {"volumes": "5", "gigabytes": "-1", "backups": "0", "per_volume_gigabytes": "7"}
    assert changed == defaults | wanted
    per_type = cinder("quota-update", project, "--volumes", "2", "--volume-type", name).properties
    assert per_type == changed | {f"volumes_{name}": "2"}
    usage = {row["Type"]: row for row in cinder("quota-usage", project).table}
    assert usage[f"volumes_{name}"] == {
        "Type": f"volumes_{name}", "In_use": "0", "Reserved": "0", "Limit": "2", "Allocated": ""
    }  # fmt: skip
    cinder("quota-delete", project)
    assert cinder("quota-show", project).properties == defaults
    refused = cinder("quota-update", project, "--volumes", "1", "--volume-type", "none", status=1)
    assert "Bad key(s) in quota set: volumes_none" in refused.err


def test_quota_in_use(cinder: Shell, name: str, type_id: str, project: str) -> None:
    for size in ("1", "2"):
        cinder("create", size, "--volume-type", type_id)
    usage = {row["Type"]: row["In_use"] for row in cinder("quota-usage", project).table}
    assert (usage[f"volumes_{name}"], usage[f"gigabytes_{name}"]) == ("2", "3")
    refused = cinder("quota-update", project, "--volumes", "1", "--volume-type", name, status=1)
    assert "Current usage is 2 and the requested limit is 1" in refused.err
    cinder("quota-update", project, "--volumes", "2", "--volume-type", name)
    try:
        over = cinder("create", "1", "--volume-type", name, status=1)
    finally:
        cinder("quota-delete", project)
    assert f"(2) exceeded for quota 'volumes_{name}'" in over.err


def test_quota_class(cinder: Shell, name: str) -> None:
    before = cinder("quota-class-show", name).properties
    assert before | EVERYWHERE == before
    changed = cinder("quota-class-update", name, "--volumes", "3", "--snapshots", "4").properties
    assert changed == before | {"volumes": "3", "snapshots": "4"}
    assert cinder("quota-class-show", name).properties == changed


def test_default_quota_class(cinder: Shell, name: str, type_id: str) -> None:
    words = ("--volumes", "3", "--volume-type", name)
    cinder("quota-class-update", "default", *words)
    assert cinder("quota-defaults", "anybody").properties[f"volumes_{name}"] == "3"
    cinder("type-delete", type_id)
    assert f"volumes_{name}" not in cinder("quota-class-show", "default").properties


def test_absolute_limits(cinder: Shell, name: str) -> None:
    before = {row["Name"]: row["Value"] for row in cinder("absolute-limits").table}
    assert before["maxTotalVolumes"] == "-1"  # As this server is set up.
    assert before["maxTotalBackupGigabytes"] == "1000"
    cinder("create", "3", "--name", name)
    after = {row["Name"]: row["Value"] for row in cinder("absolute-limits").table}
    assert int(after["totalVolumesUsed"]) == int(before["totalVolumesUsed"]) + 1
    assert int(after["totalGigabytesUsed"]) == int(before["totalGigabytesUsed"]) + 3
    cinder("quota-update", name, "--volumes", "5")
    others = {row["Name"]: row["Value"] for row in cinder("absolute-limits", name).table}
    assert (others["maxTotalVolumes"], others["totalVolumesUsed"]) == ("5", "0")


def test_rate_limits_are_none(cinder: Shell) -> None:
    assert cinder("rate-limits").table == []
