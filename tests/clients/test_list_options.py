"""Every option of the clients' lists of volumes, their summaries, and what they may filter by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openstack.connection
import pytest

from tests.clients.served import Deployment, Served
from tests.clients.shells import Shell
from tests.clients.wire import Wire

JSON = ("-f", "json")
VERSION = ("--os-volume-api-version", "3.71")


@pytest.fixture(scope="module")
def stocked(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with three volumes: a of 1, b of 2 and c of 3 GiB, each with metadata of its own."""
    with Served(tmp_path_factory.mktemp("stocked"), deployment) as served, Wire(served) as wire:
        wire.log_in()
        for size, name in enumerate("abc", 1):
            body = {"volume": {"size": size, "name": name, "metadata": {"is": name, "of": "all"}}}
            volume = wire.volume("POST", "/volumes", body).json["volume"]
            image = {"os-set_image_metadata": {"metadata": {"os": f"os-{name}"}}}
            assert wire.volume("POST", f"/volumes/{volume['id']}/action", image).status == 200
        yield served


@pytest.fixture
def cinder(stocked: Served) -> Shell:
    """The command ``cinder``."""
    return Shell("cinder", stocked.environment)


@pytest.fixture
def openstack_(stocked: Served) -> Shell:
    """The command ``openstack``."""
    return Shell("openstack", stocked.environment)


@pytest.fixture
def project_id(openstack_: Shell) -> str:
    """The id of the only project."""
    found: str = openstack_("project", "show", "admin", *JSON).json["id"]
    return found


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), "abc"),
        (("--name", "b"), "b"),
        (("--name", "x"), ""),
        (("--status", "available"), "abc"),
        (("--status", "error"), ""),
        (("--bootable", "true"), ""),
        (("--bootable", "False"), "abc"),
        (("--migration_status", "migrating"), ""),
        (("--metadata", "is=b"), "b"),
        (("--metadata", "is=b", "of=all"), "b"),
        (("--metadata", "is=b", "of=none"), ""),
        (("--image_metadata", "os=os-c"), "c"),
        (("--limit", "2"), "bc"),
        (("--sort", "name:asc"), "abc"),
        (("--sort", "size:desc,name"), "cba"),
        (("--sort", "bootable,created_at:asc"), "abc"),
        (("--all-tenants",), "abc"),
        (("--group_id", "5f4c0a4c-0000-4000-8000-000000000000"), ""),
        (("--filters", "name~=B"), "b"),
        (("--filters", "size=3"), "c"),
        (("--filters", "name~=b", "size=2"), "b"),
        (("--filters", "availability_zone=nova"), "abc"),
        (("--filters", "created_at=gt:2020-01-01T00:00:00"), "abc"),
        (("--filters", "updated_at=lt:2020-01-01T00:00:00"), ""),
        (("--filters", "consumes_quota=true"), "abc"),
        (("--filters", "host=pumice"), "abc"),
    ],
)
def test_cinder_list(cinder: Shell, options: tuple[str, ...], wanted: str) -> None:
    assert (
        "".join(sorted_names(cinder("list", "--fields", "name", *options).table, options)) == wanted
    )


def sorted_names(rows: list[dict[str, str]], options: tuple[str, ...]) -> list[str]:
    """The names; without an order of its own the client sorts by the id, which is as good as none."""
    names = [row["Name"] for row in rows]
    return names if "--sort" in options else sorted(names)


def test_cinder_list_counts_and_pages(cinder: Shell, project_id: str) -> None:
    counted = cinder("list", "--with-count", "--limit", "1")
    assert "Volume in total: 3" in counted.out
    assert len(counted.table) == 1
    (marker,) = cinder("list", "--name", "b").table
    assert [row["Name"] for row in cinder("list", "--marker", marker["ID"]).table] == ["a"]
    tenant = cinder("list", "--tenant", project_id).table
    assert {row["Tenant ID"] for row in tenant} == {project_id}
    assert cinder("list", "--tenant", "5f4c0a4c000040008000000000000000").table == []


def test_cinder_summary_and_filters(cinder: Shell) -> None:
    for arguments in ((), ("--all-tenants",)):
        summary = cinder("summary", *arguments).properties
        assert (summary["total_count"], summary["total_size"]) == ("3", "6")
    filters = {row["Resource"]: row["Filters"] for row in cinder("list-filters").table}
    assert filters["group"] == "name"
    assert filters["volume"].startswith("name, status, metadata, bootable")
    assert len(filters) == 9
    (one,) = cinder("list-filters", "--resource", "backup").table
    assert one["Filters"] == "name, status, volume_id"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), "cba"),
        (("--name", "b"), "b"),
        (("--status", "available"), "cba"),
        (("--property", "is=b"), "b"),
        (("--property", "is=b", "--property", "of=all"), "b"),
        (("--property", "is=b", "--property", "of=none"), ""),
        (("--all-projects",), "cba"),
        (("--project", "admin"), "cba"),
        (("--user", "admin", "--all-projects"), "cba"),
        (("--long",), "cba"),
        (("--limit", "2"), "cba"),
    ],
)
def test_openstack_list(openstack_: Shell, options: tuple[str, ...], wanted: str) -> None:
    rows = openstack_("volume", "list", *options, *JSON).json
    assert "".join(row["Name"] for row in rows) == wanted


def test_openstack_marker(openstack_: Shell) -> None:
    (middle,) = openstack_("volume", "list", "--name", "b", *JSON).json
    rows = openstack_("volume", "list", "--marker", middle["ID"], *JSON).json
    assert [row["Name"] for row in rows] == ["a"]


def test_openstack_summary_and_filters(openstack_: Shell) -> None:
    for arguments in ((), ("--all-projects",)):
        shown = openstack_(*VERSION, "volume", "summary", *arguments, *JSON).json
        assert (shown["Total Count"], shown["Total Size"]) == (3, 6)
        assert shown["Metadata"] == {"is": ["a", "b", "c"], "of": ["all"]}
    listed = openstack_(*VERSION, "block", "storage", "resource", "filter", "list", *JSON).json
    assert len(listed) == 9
    shown = openstack_(*VERSION, "block", "storage", "resource", "filter", "show", "group", *JSON)
    assert shown.json["Filters"] == ["name"]


def test_sdk(stocked: Served) -> None:
    with openstack.connect(load_yaml_config=False, load_envvars=False, **stocked.auth) as cloud:
        volumes: Any = cloud.block_storage

        def names(**query: Any) -> str:
            return "".join(volume.name for volume in volumes.volumes(**query))

        assert names() == names(details=False) == "cba"
        assert names(name="b") == "b"
        assert names(status="available") == "cba"
        assert names(properties="{'is':'b'}") == "b"
        assert names(all_projects=True) == "cba"
        assert names(all_projects=True, project_id="none") == ""
        assert names(all_projects=True, user_id="none") == ""
        assert names(created_at="gt:2020-01-01T00:00:00") == "cba"
        assert names(limit=1) == "cba"
        summary = volumes.summary(True)
        assert (summary.total_count, summary.total_size) == (3, 6)
        assert summary.metadata == {"is": ["a", "b", "c"], "of": ["all"]}
        filters = {one.resource: one.filters for one in volumes.resource_filters()}
        assert filters["group_snapshot"] == ["name", "status", "group_id"]
        assert [one.filters for one in volumes.resource_filters(resource="group")] == [["name"]]
