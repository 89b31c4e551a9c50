"""Requests exactly as clients that are not written in Python send them, one after the other.

gophercloud, Terraform's provider, the CSI plugin and the exporter stop at the traps that these
sequences lead past: they were recorded, or read in the clients' code.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.clients.served import Served
from tests.clients.wire import Reply, Wire

SETTLE_SECONDS = 20
GOPHERCLOUD_TYPES = ("block-storage", "block-store", "volume", "volumev2", "volumev3")
GOPHERCLOUD_STATUSES = ("CURRENT", "STABLE", "SUPPORTED", "DEPRECATED", "")
CINDER_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\Z")
UNKNOWN_ID = "01a203b4-4f29-7e59-8eb6-5360db65bbf6"


@pytest.fixture
def stranger(pumice: Served) -> Iterator[Wire]:
    """A connection without a token."""
    with Wire(pumice) as wire:
        yield wire


@pytest.fixture
def wire(stranger: Wire) -> Wire:
    """A connection with a token."""
    stranger.log_in()
    return stranger


def available(wire: Wire, volume_id: str) -> Reply:
    """Poll a volume until it is available; the answer that says so."""
    reply = _until(wire, volume_id, "creating")
    assert reply.json["volume"]["status"] == "available"
    return reply


def deleted(wire: Wire, volume_id: str) -> None:
    """Poll a volume until it is no more."""
    assert _until(wire, volume_id, "deleting").status == 404


def _until(wire: Wire, volume_id: str, passing: str) -> Reply:
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        reply = wire.volume("GET", f"/volumes/{volume_id}")
        if reply.status != 200 or reply.json["volume"]["status"] != passing:
            return reply
        assert time.monotonic() < deadline, reply


# --- Discovery, as gophercloud v2 and keystoneauth do it -----------------------------------------


@pytest.mark.parametrize("path", ["/volume/v3/", "/volume/v3"])
def test_block_storage_lists_exactly_one_version(stranger: Wire, path: str) -> None:
    reply = stranger.send("GET", path)
    assert reply.status == 200
    (version,) = reply.json["versions"]
    assert version["id"] == "v3.0"
    assert version["status"] in GOPHERCLOUD_STATUSES
    assert (version["min_version"], version["version"]) == ("3.0", "3.71")
    assert f"{self_link(version)}".startswith("http://127.0.0.1:")


def test_block_storage_root_offers_a_choice(stranger: Wire) -> None:
    reply = stranger.send("GET", "/volume/")
    assert reply.status == 300
    assert [version["id"] for version in reply.json["versions"]] == ["v3.0"]


@pytest.mark.parametrize("path", ["/identity/v3", "/identity/v3/"])
def test_identity_version(stranger: Wire, path: str) -> None:
    reply = stranger.send("GET", path)
    assert reply.status == 200
    version = reply.json["version"]
    assert version["id"].startswith("v3.")
    assert version["status"] == "stable"


def test_identity_root_offers_a_choice(stranger: Wire, pumice: Served) -> None:
    reply = stranger.send("GET", "/identity/")
    assert reply.status == 300
    (version,) = reply.json["versions"]["values"]
    assert self_link(version) == f"{pumice.identity_url}/"
    assert stranger.send("GET", self_link(version)).status == 200


def test_compute_version(stranger: Wire) -> None:
    version = stranger.send("GET", "/compute/v2.1").json["version"]
    assert (version["id"], version["status"]) == ("v2.1", "CURRENT")


def self_link(version: dict[str, list[dict[str, str]]]) -> str:
    (href,) = [link["href"] for link in version["links"] if link["rel"] == "self"]
    return href


def test_links_name_the_host_that_the_client_used(pumice: Served) -> None:
    """A client behind another name, or a tunnel, must reach what it is linked to."""
    with Wire(pumice, host="cloud.example:8776") as elsewhere:
        version = elsewhere.send("GET", "/identity/v3").json["version"]
    assert self_link(version) == "http://cloud.example:8776/identity/v3/"


def test_catalog_has_both_names_of_block_storage_and_no_older_one(wire: Wire) -> None:
    catalog = wire.send("GET", "/identity/v3/auth/catalog").json["catalog"]
    urls = {
        entry["type"]: {endpoint["url"] for endpoint in entry["endpoints"]} for entry in catalog
    }
    assert {"block-storage", "volumev3"} <= urls.keys()
    assert not {"volume", "volumev2"} & urls.keys()
    for service_type in urls.keys() & set(GOPHERCLOUD_TYPES):
        for url in urls[service_type]:
            first = re.search(r"/v(\d)", url)  # gophercloud takes the first version in the path.
            assert first is not None
            assert first[1] == "3"


# --- Volumes, as gophercloud and the Terraform provider use them ---------------------------------


@pytest.mark.parametrize("path", ["/volumes/NAME", f"/volumes/{UNKNOWN_ID}", "/types/NAME"])
def test_what_is_no_id_is_not_found(wire: Wire, path: str) -> None:
    """Find-by-name asks for the name as an id first, and goes on only after a 404."""
    reply = wire.volume("GET", path)
    assert reply.status == 404
    assert reply.json["itemNotFound"]["code"] == 404


def test_terraform_volume(wire: Wire, name: str) -> None:
    body = {"volume": {"size": 1, "name": name, "metadata": {"a": "b"}, "description": ""}}
    made = wire.volume("POST", "/volumes", body)
    assert made.status == 202
    volume_id = made.json["volume"]["id"]

    shown = available(wire, volume_id).json["volume"]
    assert shown["metadata"] == {"a": "b"}
    assert shown["attachments"] == []
    assert CINDER_TIME.match(shown["created_at"])
    assert CINDER_TIME.match(shown["updated_at"])

    assert wire.volume("DELETE", f"/volumes/{volume_id}?cascade=false").status == 202
    deleted(wire, volume_id)
    again = wire.volume("DELETE", f"/volumes/{volume_id}")
    assert again.status == 404


def test_delete_twice_at_once(wire: Wire, name: str) -> None:
    made = wire.volume("POST", "/volumes", {"volume": {"size": 1, "name": name}})
    volume_id = made.json["volume"]["id"]
    available(wire, volume_id)
    assert wire.volume("DELETE", f"/volumes/{volume_id}").status == 202
    assert wire.volume("DELETE", f"/volumes/{volume_id}").status in (400, 404)
    deleted(wire, volume_id)


def test_create_with_the_nulls_of_openstackclient(wire: Wire, name: str) -> None:
    nulls = dict.fromkeys(
        ("source_volid", "consistencygroup_id", "snapshot_id", "metadata", "volume_type",
         "description", "imageRef", "availability_zone", "backup_id")
    )  # fmt: skip
    body = {"volume": {"size": 1, "name": name} | nulls}
    assert wire.volume("POST", "/volumes", body, microversion="3.71").status == 202


def test_volumes_without_the_project_in_the_path(wire: Wire, name: str) -> None:
    body = {"volume": {"size": 1, "name": name}}
    made = wire.send("POST", "/volume/v3/volumes", body, microversion="3.67")
    assert made.status == 202
    path = f"/volume/v3/volumes/{made.json['volume']['id']}"
    assert wire.send("GET", path, microversion="3.67").json["volume"]["name"] == name


# --- The CSI plugin ------------------------------------------------------------------------------


def test_csi_volume(wire: Wire, name: str) -> None:
    claim = f"pvc-{name}"
    find = f"/volumes/detail?name={claim}"
    assert wire.volume("GET", find, microversion="3.34").json["volumes"] == []
    (other,) = _make(wire, f"{name}-other")

    body = {
        "volume": {
            "size": 1,
            "name": claim,
            "availability_zone": "nova",
            "metadata": {"cinder.csi.openstack.org/cluster": "kubernetes"},
        },
        "OS-SCH-HNT:scheduler_hints": {"different_host": [other]},
    }
    made = wire.volume("POST", "/volumes", body, microversion="3.34")
    assert made.status == 202

    (found,) = wire.volume("GET", find, microversion="3.34").json["volumes"]
    assert (found["id"], found["size"]) == (made.json["volume"]["id"], 1)
    assert found["metadata"] == {"cinder.csi.openstack.org/cluster": "kubernetes"}
    available(wire, found["id"])
    assert wire.volume("DELETE", f"/volumes/{found['id']}").status == 202
    deleted(wire, found["id"])


def test_csi_lists_with_a_limit_and_a_marker(wire: Wire, name: str) -> None:
    made = _make(wire, name, name, name)
    seen = []
    page = wire.volume("GET", f"/volumes/detail?name={name}&limit=2").json
    seen += [volume["id"] for volume in page["volumes"]]
    (link,) = page["volumes_links"]
    assert f"marker={seen[-1]}" in link["href"]
    rest = wire.send("GET", link["href"]).json
    seen += [volume["id"] for volume in rest["volumes"]]
    assert "volumes_links" not in rest
    assert seen == made[::-1]


def _make(wire: Wire, *names: str) -> list[str]:
    bodies = [{"volume": {"size": 1, "name": name}} for name in names]
    return [wire.volume("POST", "/volumes", body).json["volume"]["id"] for body in bodies]


# --- The exporter --------------------------------------------------------------------------------


def test_exporter_scrape(wire: Wire, name: str) -> None:
    (volume_id,) = _make(wire, name)
    for _ in range(2):  # It asks twice.
        page = wire.volume("GET", "/volumes/detail?all_tenants=true").json
        (volume,) = [volume for volume in page["volumes"] if volume["id"] == volume_id]
        assert volume["os-vol-tenant-attr:tenant_id"] == wire.project_id

    services = wire.volume("GET", "/os-services").json["services"]
    assert {service["state"] for service in services} == {"up"}

    pools = wire.volume("GET", "/scheduler-stats/get_pools?detail=true").json["pools"]
    assert {pool["name"] for pool in pools} == {"pumice@fast#fast", "pumice@bulk#bulk"}
    for pool in pools:
        figures = pool["capabilities"]
        assert figures["total_capacity_gb"] >= figures["free_capacity_gb"] > 0

    for plural in ("domains", "projects", "regions", "users"):
        found = wire.send("GET", f"/identity/v3/{plural}").json
        assert len(found[plural]) == 1
        assert found["links"]["next"] is None
