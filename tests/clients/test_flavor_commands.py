"""All that ``nova``, ``openstack flavor`` and openstacksdk do with flavors, by id and by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.served import Served
from tests.clients.shells import Shell


@pytest.fixture
def flavor(nova: Shell, name: str) -> Iterator[str]:
    """The id of a flavor of the test's own; its name is that of the fixture ``name``."""
    (row,) = nova("flavor-create", name, "auto", "256", "3", "1").table
    yield row["ID"]
    nova("flavor-delete", row["ID"])


@pytest.fixture
def hidden(nova: Shell, name: str) -> Iterator[str]:
    """The same, for nobody yet."""
    (row,) = nova("flavor-create", "--is-public", "false", name, "auto", "256", "3", "1").table
    yield row["ID"]
    nova("flavor-delete", row["ID"])


def reference(by: str, flavor: str, name: str) -> str:
    return flavor if by == "id" else name


BY = pytest.mark.parametrize("by", ["id", "name"])


class TestNova:
    def test_create_with_everything(self, nova: Shell, name: str) -> None:
        given = [
            "--ephemeral",
            "2",
            "--swap",
            "64",
            "--rxtx-factor",
            "2.5",
            "--description",
            "mine",
        ]
        (row,) = nova("flavor-create", *given, name, f"id-{name}", "512", "10", "2").table
        assert (row["ID"], row["Name"], row["Memory_MiB"], row["Disk"]) == (
            f"id-{name}",
            name,
            "512",
            "10",
        )
        assert (row["Ephemeral"], row["Swap"], row["VCPUs"]) == ("2", "64", "2")
        assert (row["Is_Public"], row["Description"]) == ("True", "mine")
        again = nova("flavor-create", name, "auto", "1", "1", "1", status=1)
        assert f"Flavor with name {name} already exists. (HTTP 409)" in again.err
        nova("flavor-delete", name)
        assert "No flavor with a name or ID" in nova("flavor-show", name, status=1).err

    @BY
    def test_update(self, nova: Shell, flavor: str, name: str, by: str) -> None:
        nova("flavor-update", reference(by, flavor, name), "changed")
        assert nova("flavor-show", flavor).properties["description"] == "changed"

    @BY
    def test_keys(self, nova: Shell, flavor: str, name: str, by: str) -> None:
        here = reference(by, flavor, name)
        nova("flavor-key", here, "set", "hw:cpu_policy=shared", "mine=1")
        shown = nova("flavor-show", here).properties["extra_specs"]
        assert shown == '{"hw:cpu_policy": "shared", "mine": "1"}'
        nova("flavor-key", here, "unset", "mine")
        listed = {
            row["ID"]: row["extra_specs"] for row in nova("flavor-list", "--extra-specs").table
        }
        assert listed[flavor] == "{'hw:cpu_policy': 'shared'}"
        wrong = nova("flavor-key", here, "set", "hw:cpu_policy=none", status=1)
        assert "is not one of: dedicated, shared, mixed" in wrong.err

    @BY
    def test_access(self, nova: Shell, hidden: str, pumice: Served, name: str, by: str) -> None:
        here = reference(by, hidden, name)
        project = project_id(pumice)
        (row,) = nova("flavor-access-add", here, project).table
        assert (row["Flavor_ID"], row["Tenant_ID"]) == (hidden, project)
        assert nova("flavor-access-list", "--flavor", here).table == [row]
        assert nova("flavor-access-remove", here, project).table == []
        gone = nova("flavor-access-remove", here, project, status=1)
        assert f"Flavor access not found for {hidden} / {project} combination." in gone.err

    def test_lists(self, nova: Shell, hidden: str) -> None:
        everything = {row["ID"] for row in nova("flavor-list", "--all").table}
        assert {hidden, "1"} <= everything
        assert hidden not in {row["ID"] for row in nova("flavor-list").table}
        big = {row["ID"] for row in nova("flavor-list", "--min-disk", "80", "--min-ram", "1").table}
        assert big == {"4", "5"}
        page = nova("flavor-list", "--marker", "2", "--limit", "2", "--sort-key", "memory_mb").table
        assert [row["ID"] for row in page] == ["3", "4"]
        page = nova(
            "flavor-list", "--sort-dir", "desc", "--sort-key", "vcpus", "--limit", "1"
        ).table
        assert [row["ID"] for row in page] == ["5"]


class TestOpenstack:
    def test_create_with_everything(self, openstack: Shell, name: str) -> None:
        given = ["--id", name, "--ram", "128", "--disk", "5", "--ephemeral", "1", "--swap", "2"]
        given += ["--vcpus", "3", "--rxtx-factor", "1.5", "--property", "a=b", "--private"]
        given += ["--project", "admin", "--description", "mine"]
        old = ("--os-compute-api-version", "2.101")  # The last one with the factor.
        made = openstack(*old, "flavor", "create", *given, name, "-f", "json").json
        assert (made["id"], made["ram"], made["disk"], made["vcpus"]) == (name, 128, 5, 3)
        assert (made["OS-FLV-EXT-DATA:ephemeral"], made["swap"]) == (1, 2)
        assert (made["os-flavor-access:is_public"], made["description"]) == (False, "mine")
        assert made["properties"] == {"a": "b"}
        shown = openstack("flavor", "show", name, "-f", "json").json
        assert len(shown["access_project_ids"]) == 1
        openstack("flavor", "delete", name)
        assert "No Flavor found" in openstack("flavor", "show", name, status=1).err

    @BY
    def test_set_and_unset(self, openstack: Shell, flavor: str, name: str, by: str) -> None:
        here = reference(by, flavor, name)
        openstack("flavor", "set", here, "--property", "a=1", "--property", "hw:numa_nodes=2")
        openstack("flavor", "set", here, "--description", "changed")
        shown = openstack("flavor", "show", here, "-f", "json").json
        assert shown["properties"] == {"a": "1", "hw:numa_nodes": "2"}
        assert shown["description"] == "changed"
        openstack("flavor", "unset", here, "--property", "a")
        assert openstack("flavor", "show", here, "-f", "json").json["properties"] == {
            "hw:numa_nodes": "2"
        }
        openstack("flavor", "set", here, "--no-property")
        assert openstack("flavor", "show", here, "-f", "json").json["properties"] == {}

    @BY
    def test_access(self, openstack: Shell, hidden: str, name: str, by: str) -> None:
        here = reference(by, hidden, name)
        openstack("flavor", "set", here, "--project", "admin")
        shown = openstack("flavor", "show", here, "-f", "json").json
        assert len(shown["access_project_ids"]) == 1
        openstack("flavor", "unset", here, "--project", "admin")
        shown = openstack("flavor", "show", here, "-f", "json").json
        assert shown["access_project_ids"] == []

    def test_lists(self, openstack: Shell, flavor: str, name: str) -> None:
        openstack("flavor", "set", flavor, "--property", "a=1")
        rows = openstack("flavor", "list", "--long", "-f", "json").json
        (row,) = [row for row in rows if row["ID"] == flavor]
        assert (row["Name"], row["Properties"], row["RXTX Factor"]) == (name, {"a": "1"}, 1.0)
        assert openstack("flavor", "list", "--private", "-f", "json").json == []
        everything = openstack("flavor", "list", "--all", "-f", "json").json
        assert flavor in {row["ID"] for row in everything}
        few = openstack("flavor", "list", "--min-disk", "100", "-f", "json").json
        assert [row["ID"] for row in few] == ["5"]

    def test_several_are_deleted_at_once(self, openstack: Shell, name: str) -> None:
        openstack("flavor", "create", f"{name}-1")
        other = openstack("flavor", "create", f"{name}-2", "-f", "json").json
        openstack("flavor", "delete", f"{name}-1", other["id"])
        openstack("flavor", "show", other["id"], status=1)
        again = openstack("flavor", "delete", f"{name}-1", status=1)
        assert "1 of 1 flavors failed to delete" in again.err


class TestSdk:
    def test_flavors(self, sdk: Any, name: str) -> None:
        compute = sdk.compute
        made = compute.create_flavor(name=name, ram=64, vcpus=1, disk=0, description="mine")
        try:
            assert compute.find_flavor(name).id == compute.find_flavor(made.id).id == made.id
            assert compute.get_flavor(made.id).description == "mine"
            assert compute.update_flavor(made, description="new").description == "new"
            specs = compute.create_flavor_extra_specs(made, {"a": "b", "c": "d"})
            assert specs.extra_specs == {"a": "b", "c": "d"}
            assert compute.update_flavor_extra_specs_property(made, "a", "x") == "x"
            assert compute.get_flavor_extra_specs_property(made, "a") == "x"
            compute.delete_flavor_extra_specs_property(made, "c")
            assert compute.fetch_flavor_extra_specs(made).extra_specs == {"a": "x"}
            names = {one.name for one in compute.flavors(details=True, get_extra_specs=True)}
            assert {name, "m1.tiny"} <= names
            assert [one.id for one in compute.flavors(min_disk=100, limit=1)] == ["5"]
        finally:
            compute.delete_flavor(made)
        assert compute.find_flavor(name) is None

    def test_access(self, sdk: Any, name: str) -> None:
        compute, project = sdk.compute, sdk.current_project_id
        made = compute.create_flavor(name=name, ram=64, vcpus=1, disk=0, is_public=False)
        try:
            assert compute.get_flavor_access(made) == []
            compute.flavor_add_tenant_access(made, project)
            (access,) = compute.get_flavor_access(made)
            assert access["tenant_id"] == project
            compute.flavor_remove_tenant_access(made, project)
            assert compute.get_flavor_access(made) == []
        finally:
            compute.delete_flavor(made)


@pytest.fixture
def sdk(pumice: Served) -> Iterator[Any]:
    import openstack  # noqa: PLC0415 - a second of imports

    with openstack.connect(auth=pumice.auth, region_name="RegionOne") as connection:
        yield connection


def project_id(pumice: Served) -> str:
    """The id of the project admin."""
    from tests.clients.wire import Wire  # noqa: PLC0415 - one use

    with Wire(pumice) as wire:
        wire.log_in()
        return wire.project_id
