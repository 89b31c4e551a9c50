"""The catalog: templates filled in for a project and a client, and kept until identity changes."""

from __future__ import annotations

from typing import Any

import pytest

from pumice.services import catalog
from pumice.services.catalog import Catalog, fill

BASE = "http://cloud.example:8776"
PROJECT = "0123456789abcdef0123456789abcdef"


def public_urls(entries: Catalog) -> dict[str, str]:
    return {
        entry.type: endpoint.url
        for entry in entries
        for endpoint in entry.endpoints
        if endpoint.interface == "public"
    }


@pytest.mark.parametrize(
    ("template", "project_id", "url"),
    [
        ("{base}/identity/v3", None, f"{BASE}/identity/v3"),
        ("{base}/v3/$(project_id)s", PROJECT, f"{BASE}/v3/{PROJECT}"),
        ("{base}/v3/%(project_id)s", PROJECT, f"{BASE}/v3/{PROJECT}"),
        ("{base}/v3/$(tenant_id)s", PROJECT, f"{BASE}/v3/{PROJECT}"),
        ("https://swift/v1/AUTH_%(tenant_id)s", PROJECT, f"https://swift/v1/AUTH_{PROJECT}"),
        ("{base}/v3/$(project_id)s", None, None),
        ("{base}/v3/$(user_id)s", PROJECT, None),
    ],
)
def test_a_template_is_filled_in_or_left_out(
    template: str, project_id: str | None, url: str | None
) -> None:
    assert fill(template, project_id, BASE) == url


async def test_a_project_finds_every_service(world: Any) -> None:
    entries = await world.catalog_service().catalog(PROJECT, BASE)
    assert public_urls(entries) == {
        "block-storage": f"{BASE}/volume/v3/{PROJECT}",
        "compute": f"{BASE}/compute/v2.1",
        "identity": f"{BASE}/identity/v3",
        "pumice": f"{BASE}/pumice/v1",
        "volumev3": f"{BASE}/volume/v3/{PROJECT}",
    }
    endpoints = [endpoint for entry in entries for endpoint in entry.endpoints]
    assert {endpoint.interface for endpoint in endpoints} == {"public", "internal", "admin"}
    assert {(endpoint.region, endpoint.region_id) for endpoint in endpoints} == {
        ("RegionOne", "RegionOne")
    }
    names = {entry.type: entry.name for entry in entries}
    assert (names["identity"], names["block-storage"], names["volumev3"]) == (
        "keystone",
        "cinder",
        "cinderv3",
    )


async def test_without_a_project_only_what_needs_none_is_listed(world: Any) -> None:
    entries = await world.catalog_service().catalog(None, BASE)
    assert public_urls(entries).keys() == {"compute", "identity", "pumice"}
    assert len(entries) == 3, "keystoneauth fails on an entry without endpoints"


async def test_what_is_disabled_is_left_out(world: Any) -> None:
    await world.identity_change("UPDATE services SET enabled = FALSE WHERE type = 'compute'")
    await world.identity_change(
        "UPDATE endpoints SET enabled = FALSE WHERE interface = 'public' AND service_id ="
        " (SELECT id FROM services WHERE type = 'pumice')"
    )
    entries = await world.catalog_service().catalog(PROJECT, BASE)
    assert public_urls(entries).keys() == {"block-storage", "identity", "volumev3"}
    assert "compute" not in {entry.type for entry in entries}


async def test_a_catalog_is_made_once_per_project_and_base_until_identity_changes(
    world: Any,
) -> None:
    service = world.catalog_service()
    first = await service.catalog(PROJECT, BASE)
    assert await service.catalog(PROJECT, BASE) is first
    assert public_urls(await service.catalog(PROJECT, "https://other"))["identity"] == (
        "https://other/identity/v3"
    )
    assert public_urls(await service.catalog("f" * 32, BASE))["volumev3"].endswith("f" * 32)
    await world.identity_change("UPDATE services SET name = 'renamed' WHERE type = 'compute'")
    changed = await service.catalog(PROJECT, BASE)
    assert "renamed" in {entry.name for entry in changed}


async def test_hosts_made_up_by_clients_do_not_fill_the_memory(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "CATALOGS_KEPT", 3)
    service = world.catalog_service()
    for number in range(10):
        await service.catalog(PROJECT, f"http://host{number}")
    assert len(service._kept) == 3
