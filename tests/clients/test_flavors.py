"""Flavors by ``nova`` and by ``openstack flavor``, by id and by name."""

from __future__ import annotations

import pytest

from tests.clients.shells import Shell

# Id, name, MiB of memory, GiB of disk and processors, as DevStack and older Novas have them.
FLAVORS = [
    ("1", "m1.tiny", 512, 1, 1),
    ("2", "m1.small", 2048, 20, 1),
    ("3", "m1.medium", 4096, 40, 2),
    ("4", "m1.large", 8192, 80, 4),
    ("5", "m1.xlarge", 16384, 160, 8),
]


def test_nova_list(nova: Shell) -> None:
    rows = nova("flavor-list").table
    assert [
        (row["ID"], row["Name"], int(row["Memory_MiB"]), int(row["Disk"]), int(row["VCPUs"]))
        for row in rows
    ] == FLAVORS
    assert {row["Is_Public"] for row in rows} == {"True"}


@pytest.mark.parametrize("reference", ["2", "m1.small"])
def test_nova_show(nova: Shell, reference: str) -> None:
    flavor = nova("flavor-show", reference).properties
    assert (flavor["id"], flavor["name"]) == ("2", "m1.small")
    assert (flavor["ram"], flavor["disk"], flavor["vcpus"]) == ("2048", "20", "1")
    assert flavor["extra_specs"] == "{}"


def test_nova_unknown_flavor(nova: Shell) -> None:
    printed = nova("flavor-show", "m9.none", status=1)
    assert "No flavor with a name or ID of 'm9.none' exists." in printed.err


def test_openstack_list(openstack: Shell) -> None:
    rows = openstack("flavor", "list", "-f", "json").json
    assert [
        (row["ID"], row["Name"], row["RAM"], row["Disk"], row["VCPUs"]) for row in rows
    ] == FLAVORS
    assert {row["Is Public"] for row in rows} == {True}


def test_openstack_list_filters(openstack: Shell) -> None:
    rows = openstack("flavor", "list", "--min-ram", "4096", "--limit", "2", "-f", "json").json
    assert [row["Name"] for row in rows] == ["m1.medium", "m1.large"]
    after = openstack("flavor", "list", "--marker", "4", "-f", "json").json
    assert [row["Name"] for row in after] == ["m1.xlarge"]


@pytest.mark.parametrize("reference", ["4", "m1.large"])
def test_openstack_show(openstack: Shell, reference: str) -> None:
    flavor = openstack("flavor", "show", reference, "-f", "json").json
    assert (flavor["id"], flavor["name"]) == ("4", "m1.large")
    assert (flavor["ram"], flavor["disk"], flavor["vcpus"]) == (8192, 80, 4)
    assert flavor["properties"] == {}


def test_openstack_unknown_flavor(openstack: Shell) -> None:
    printed = openstack("flavor", "show", "m9.none", status=1)
    assert "No Flavor found for m9.none" in printed.err
