"""``cinder``: what its users type, by id and by name, and what they read."""

from __future__ import annotations

import ast
import time
from typing import Any

import pytest

from tests.clients.served import Served
from tests.clients.shells import SETTLE_SECONDS, Shell, gone, settled
from tests.clients.wire import Wire


@pytest.fixture
def volume_type(cinder: Shell, name: str) -> str:
    """The name of a type that names the backend bulk."""
    cinder("type-create", f"{name}-type")
    cinder("type-key", f"{name}-type", "set", "volume_backend_name=bulk")
    return f"{name}-type"


@pytest.mark.everywhere
def test_first_volume(cinder: Shell) -> None:
    cinder("type-create", "FCVolumeType")
    cinder("type-key", "FCVolumeType", "set", "volume_backend_name=fast")

    made = cinder("create", "1", "--display-name", "firstvol", "--volume-type", "FCVolumeType")

    assert made.properties["name"] == "firstvol"
    assert made.properties["size"] == "1"
    assert made.properties["status"] in ("creating", "available")
    assert settled(lambda: cinder("show", "firstvol").properties["status"]) == "available"
    shown = cinder("show", "firstvol").properties
    assert shown["os-vol-host-attr:host"] == "pumice@fast#fast"
    assert shown["id"] == made.properties["id"]
    assert shown["volume_type"] == "FCVolumeType"

    cinder("delete", "firstvol")
    assert gone(cinder, "--name", "firstvol")
    cinder("show", "firstvol", status=1)
    cinder("type-delete", "FCVolumeType")
    assert "FCVolumeType" not in [row["Name"] for row in cinder("type-list").table]


def test_volume_lands_where_its_type_says(cinder: Shell, name: str, volume_type: str) -> None:
    cinder("create", "2", "--name", name, "--volume-type", volume_type)
    assert settled(lambda: cinder("show", name).properties["status"]) == "available"
    shown = cinder("show", name).properties
    assert shown["os-vol-host-attr:host"] == "pumice@bulk#bulk"
    assert shown["size"] == "2"


def test_volume_with_words_and_metadata(cinder: Shell, name: str) -> None:
    cinder("create", "1", "--name", name, "--description", "two words", "--metadata", "a=b", "c=d")
    shown = cinder("show", name)
    assert shown.properties["description"] == "two words"
    assert [row["Value"] for row in shown.table if " : " in row["Value"]] == ["a : b", "c : d"]


def test_volume_is_found_by_id_and_by_name(cinder: Shell, name: str) -> None:
    volume_id = cinder("create", "1", "--name", name).properties["id"]
    by_name = cinder("show", name).properties
    assert by_name["id"] == volume_id
    assert cinder("show", volume_id).properties["name"] == name


@pytest.mark.parametrize("by", ["id", "name"])
def test_delete(cinder: Shell, name: str, by: str) -> None:
    made = cinder("create", "1", "--name", name).properties
    assert settled(lambda: cinder("show", name).properties["status"]) == "available"
    cinder("delete", made[by])
    for row in cinder("list", "--name", name).table:
        assert row["Status"] == "deleting"


def test_list_shows_each_volume(cinder: Shell, name: str) -> None:
    made = cinder("create", "3", "--name", name).properties
    assert settled(lambda: cinder("show", name).properties["status"]) == "available"
    (row,) = [row for row in cinder("list").table if row["ID"] == made["id"]]
    assert row["Name"] == name
    assert row["Status"] == "available"
    assert row["Size"] == "3"
    assert row["Volume Type"] == "__DEFAULT__"
    assert row["Bootable"] == "false"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--status", "available"], True),
        (["--status", "error"], False),
        (["--all-tenants"], True),
        (["--filters", "size=1"], True),
        (["--filters", "size=9"], False),
        (["--sort", "name:asc", "--limit", "1"], True),
    ],
)
def test_list_filters(cinder: Shell, name: str, arguments: list[str], found: bool) -> None:
    cinder("create", "1", "--name", name)
    assert settled(lambda: cinder("show", name).properties["status"]) == "available"
    rows = cinder("list", "--name", name, *arguments).table
    assert [row["Name"] for row in rows] == [name] * found


def test_types_by_id_and_by_name(cinder: Shell, name: str) -> None:
    (made,) = cinder("type-create", name, "--description", "for tests").table
    assert made["Name"] == name
    (row,) = [row for row in cinder("type-list").table if row["ID"] == made["ID"]]
    assert row == {
        "ID": made["ID"], "Name": name, "Description": "for tests", "Is_Public": "True"
    }  # fmt: skip
    assert cinder("type-show", name).properties["id"] == made["ID"]
    assert cinder("type-show", made["ID"]).properties["name"] == name
    cinder("type-delete", made["ID"])
    cinder("type-show", name, status=1)


def test_extra_specs(cinder: Shell, name: str) -> None:
    (made,) = cinder("type-create", name).table
    cinder("type-key", name, "set", "volume_backend_name=fast", "colour=blue")
    assert _specs(cinder, name) == {"volume_backend_name": "fast", "colour": "blue"}
    cinder("type-key", made["ID"], "set", "colour=red")
    cinder("type-key", made["ID"], "unset", "volume_backend_name")
    assert _specs(cinder, name) == {"colour": "red"}


def _specs(cinder: Shell, name: str) -> Any:
    (row,) = [row for row in cinder("extra-specs-list").table if row["Name"] == name]
    return ast.literal_eval(row["extra_specs"])


def test_default_type(cinder: Shell) -> None:
    (row,) = cinder("type-default").table
    assert row["Name"] == "__DEFAULT__"


def test_services(cinder: Shell) -> None:
    rows = cinder("service-list").table
    assert [(row["Binary"], row["Host"]) for row in rows] == [
        ("cinder-scheduler", "pumice"),
        ("cinder-volume", "pumice@bulk"),
        ("cinder-volume", "pumice@fast"),
    ]
    assert {(row["Status"], row["State"], row["Zone"]) for row in rows} == {
        ("enabled", "up", "nova")
    }
    assert [row["Backend State"] for row in rows] == ["", "up", "up"]


def test_services_of_one_host_or_binary(cinder: Shell) -> None:
    of_host = cinder("service-list", "--host", "pumice@fast").table
    assert [row["Host"] for row in of_host] == ["pumice@fast"]
    of_binary = cinder("service-list", "--binary", "cinder-scheduler").table
    assert [row["Host"] for row in of_binary] == ["pumice"]


def test_pools(cinder: Shell) -> None:
    names = {table[0]["Value"] for table in cinder("get-pools").tables}
    assert names == {"pumice@fast#fast", "pumice@bulk#bulk"}


def test_pools_with_figures(pumice: Served, cinder: Shell, name: str, volume_type: str) -> None:
    before = _pool(cinder, "pumice@bulk#bulk")
    assert before["backend_state"] == "up"
    assert before["storage_protocol"] == "file"
    assert before["volume_backend_name"] == "bulk"
    assert 0 < float(before["free_capacity_gb"]) <= float(before["total_capacity_gb"])

    cinder("create", "5", "--name", name, "--volume-type", volume_type)

    with Wire(pumice) as wire:
        wire.log_in()
        wire.await_rest()
        volumes = wire.volume("GET", "/volumes/detail?all_tenants=1").json["volumes"]
    there = [one for one in volumes if one["os-vol-host-attr:host"] == "pumice@bulk#bulk"]
    assert name in {one["name"] for one in there}
    # Another process than the one that answers may have placed it, and then tells of it a little later.
    deadline = time.monotonic() + SETTLE_SECONDS
    while _allocated_gib(cinder) != sum(one["size"] for one in there):
        assert time.monotonic() < deadline


def _allocated_gib(cinder: Shell) -> int:
    return int(_pool(cinder, "pumice@bulk#bulk")["allocated_capacity_gb"])


def _pool(cinder: Shell, name: str) -> dict[str, str]:
    pools = [
        {row["Property"]: row["Value"] for row in table}
        for table in cinder("get-pools", "--detail").tables
    ]
    (pool,) = [pool for pool in pools if pool["name"] == name]
    return pool


def test_versions(cinder: Shell) -> None:
    (row,) = cinder("version-list").table
    assert (row["Id"], row["Status"], row["Version"]) == ("v3.0", "CURRENT", "3.71")
    assert row["Min Version"] == "3.0"
    (row,) = cinder("api-version").table
    assert row == {"ID": "v3.0", "Status": "CURRENT", "Version": "3.71", "Min_version": "3.0"}
