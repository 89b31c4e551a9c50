"""``openstack volume ...``: what its users type, by id and by name, and the values they read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.shells import Shell, settled

JSON = ("-f", "json")


def made(openstack: Shell, name: str, *arguments: str) -> dict[str, Any]:
    """A volume of 1 GiB, available, as ``volume show`` shows it."""
    volume_id = openstack("volume", "create", "--size", "1", *arguments, name, *JSON).json["id"]
    assert settled(lambda: shown(openstack, volume_id)["status"]) == "available"
    return shown(openstack, volume_id)


def shown(openstack: Shell, volume: str) -> dict[str, Any]:
    found: dict[str, Any] = openstack("volume", "show", volume, *JSON).json
    return found


def test_create_shows_what_was_asked_for(openstack: Shell, name: str) -> None:
    words = ("--description", "two words", "--property", "a=b", "--property", "c=d")
    volume = openstack("volume", "create", "--size", "2", *words, name, *JSON).json
    assert (volume["name"], volume["size"]) == (name, 2)
    assert volume["status"] in ("creating", "available")
    assert volume["description"] == "two words"
    assert volume["properties"] == {"a": "b", "c": "d"}
    assert volume["type"] == "__DEFAULT__"
    assert (volume["bootable"], volume["encrypted"], volume["multiattach"]) == (False, False, False)


@pytest.mark.parametrize("by", ["id", "name"])
def test_create_on_the_backend_of_the_type(openstack: Shell, name: str, by: str) -> None:
    volume_type = openstack(
        "volume", "type", "create", "--property", "volume_backend_name=bulk", name, *JSON
    ).json
    volume = made(openstack, name, "--type", volume_type[by])
    assert volume["os-vol-host-attr:host"] == "pumice@bulk#bulk"
    assert volume["type"] == name
    assert volume["volume_type_id"] == volume_type["id"]


def test_show_by_id_and_by_name(openstack: Shell, name: str) -> None:
    volume = made(openstack, name)
    assert shown(openstack, name) == volume
    assert shown(openstack, volume["id"]) == volume
    project = openstack("project", "show", "admin", *JSON).json
    assert volume["os-vol-tenant-attr:tenant_id"] == project["id"]
    assert volume["availability_zone"] == "nova"


@pytest.mark.parametrize("by", ["id", "name"])
def test_delete(openstack: Shell, name: str, by: str) -> None:
    volume = made(openstack, name)
    openstack("volume", "delete", volume[by])
    for row in openstack("volume", "list", "--name", name, *JSON).json:
        assert row["Status"] == "deleting"


@pytest.mark.everywhere
def test_delete_several(openstack: Shell, name: str) -> None:
    volumes = [made(openstack, f"{name}-{number}") for number in range(2)]
    openstack("volume", "delete", "--force", *(volume["id"] for volume in volumes))
    for volume in volumes:
        rows = openstack("volume", "list", "--name", volume["name"], *JSON).json
        assert [row["Status"] for row in rows] in ([], ["deleting"])


def test_list(openstack: Shell, name: str) -> None:
    volume = made(openstack, name)
    rows = openstack("volume", "list", *JSON).json
    assert [row for row in rows if row["ID"] == volume["id"]] == [
        {"ID": volume["id"], "Name": name, "Status": "available", "Size": 1, "Attached to": []}
    ]


def test_long_list(openstack: Shell, name: str) -> None:
    made(openstack, name, "--property", "a=b")
    (row,) = openstack("volume", "list", "--long", "--name", name, *JSON).json
    assert row["Type"] == "__DEFAULT__"
    assert row["Bootable"] is False
    assert row["Properties"] == {"a": "b"}


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--status", "available"], True),
        (["--status", "error"], False),
        (["--all-projects"], True),
        (["--project", "admin"], True),
        (["--limit", "1"], True),
    ],
)
def test_list_filters(openstack: Shell, name: str, arguments: list[str], found: bool) -> None:
    made(openstack, name)
    rows = openstack("volume", "list", "--name", name, *arguments, *JSON).json
    assert [row["Name"] for row in rows] == [name] * found


def test_list_after_a_marker(openstack: Shell, name: str) -> None:
    volumes = [made(openstack, name)["id"] for _ in range(3)]
    mine = ("volume", "list", "--name", name, *JSON)
    newest_first = [row["ID"] for row in openstack(*mine).json]
    assert newest_first == volumes[::-1]
    rest = openstack(*mine, "--marker", newest_first[0], "--limit", "1").json
    # The client takes the limit for the length of a page, and follows the links to the others.
    assert [row["ID"] for row in rest] == newest_first[1:]


@pytest.mark.parametrize("by", ["id", "name"])
def test_type_delete(openstack: Shell, name: str, by: str) -> None:
    volume_type = openstack("volume", "type", "create", name, *JSON).json
    openstack("volume", "type", "delete", volume_type[by])
    openstack("volume", "type", "show", name, status=1)


@pytest.mark.everywhere
def test_types_by_id_and_by_name(openstack: Shell, name: str) -> None:
    volume_type = openstack(
        "volume", "type", "create", "--description", "for tests", "--property", "a=b", name, *JSON
    ).json
    assert volume_type["name"] == name
    assert volume_type["is_public"] is True

    openstack("volume", "type", "set", "--property", "c=d", name)
    openstack("volume", "type", "set", "--property", "a=e", volume_type["id"])
    openstack("volume", "type", "unset", "--property", "c", name)

    for reference in (name, volume_type["id"]):
        found = openstack("volume", "type", "show", reference, *JSON).json
        assert (found["id"], found["name"]) == (volume_type["id"], name)
        assert found["description"] == "for tests"
        assert found["properties"] == {"a": "e"}
    rows = openstack("volume", "type", "list", "--long", *JSON).json
    assert [row for row in rows if row["Name"] == name] == [
        {
            "ID": volume_type["id"],
            "Name": name,
            "Is Public": True,
            "Description": "for tests",
            "Properties": {"a": "e"},
        }
    ]

    openstack("volume", "type", "delete", name)
    assert name not in {row["Name"] for row in openstack("volume", "type", "list", *JSON).json}


def test_services(openstack: Shell) -> None:
    rows = openstack("volume", "service", "list", *JSON).json
    assert [(row["Binary"], row["Host"], row["Status"], row["State"]) for row in rows] == [
        ("cinder-scheduler", "pumice", "enabled", "up"),
        ("cinder-volume", "pumice@bulk", "enabled", "up"),
        ("cinder-volume", "pumice@fast", "enabled", "up"),
    ]
    one = openstack("volume", "service", "list", "--host", "pumice@fast", *JSON).json
    assert [row["Host"] for row in one] == ["pumice@fast"]


def test_pools(openstack: Shell) -> None:
    rows = openstack("volume", "backend", "pool", "list", *JSON).json
    assert {row["Name"] for row in rows} == {"pumice@fast#fast", "pumice@bulk#bulk"}
    for row in openstack("volume", "backend", "pool", "list", "--long", *JSON).json:
        figures = row["Capabilities"]
        assert figures["backend_state"] == "up"
        assert figures["volume_backend_name"] == row["Name"].partition("#")[2]
        assert figures["total_capacity_gb"] >= figures["free_capacity_gb"] > 0
