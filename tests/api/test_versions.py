"""Version documents and microversions."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.cloud import Cloud

BASE: Final = "http://cloud.test:8776"
VOLUMES: Final = "/volume/v3/volumes"
FLAVORS: Final = "/compute/v2.1/flavors"

VOLUME_V3: Final = {
    "id": "v3.0",
    "status": "CURRENT",
    "version": "3.71",
    "min_version": "3.0",
    "updated": "2023-08-31T00:00:00Z",
    "links": [
        {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
        {"rel": "self", "href": f"{BASE}/volume/v3/"},
    ],
    "media-types": [
        {"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}
    ],
}
IDENTITY_V3: Final = {
    "id": "v3.14",
    "status": "stable",
    "updated": "2020-04-07T00:00:00Z",
    "links": [{"rel": "self", "href": f"{BASE}/identity/v3/"}],
    "media-types": [
        {"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}
    ],
}


class TestDocuments:
    @pytest.mark.parametrize(
        ("target", "status", "document"),
        [
            ("/volume", 300, {"versions": [VOLUME_V3]}),
            ("/volume/v3", 200, {"versions": [VOLUME_V3]}),
            ("/identity", 300, {"versions": {"values": [IDENTITY_V3]}}),
            ("/identity/v3", 200, {"version": IDENTITY_V3}),
        ],
    )
    async def test_need_no_token(
        self, cloud: Cloud, target: str, status: int, document: Any
    ) -> None:
        for slash in ("", "/"):
            for who in (cloud.nobody, cloud.member):
                reply = await who.request("GET", target + slash)
                assert (reply.status, reply.json) == (status, document)

    async def test_of_identity_say_where_to_go(self, cloud: Cloud) -> None:
        reply = await cloud.nobody.request("GET", "/identity")
        assert reply.headers["location"] == f"{BASE}/identity/v3/"

    async def test_of_compute(self, cloud: Cloud) -> None:
        legacy, listed = (await cloud.nobody.get("/compute"))["versions"]
        shown = (await cloud.nobody.get("/compute/v2.1"))["version"]
        assert shown["media-types"]
        assert listed == {key: value for key, value in shown.items() if key != "media-types"}
        assert (shown["id"], shown["min_version"], shown["version"]) == ("v2.1", "2.1", "2.104")
        assert shown["links"][0] == {"rel": "self", "href": f"{BASE}/compute/v2.1/"}
        shown = (await cloud.nobody.get("/compute/v2/"))["version"]
        assert legacy == {key: value for key, value in shown.items() if key != "media-types"}
        assert (legacy["id"], legacy["status"], legacy["version"]) == ("v2.0", "SUPPORTED", "")
        (flavor, *_) = (await cloud.member.get("/compute/v2/flavors/detail"))["flavors"]
        assert flavor["links"] == [
            {"rel": "self", "href": f"{BASE}/compute/v2/flavors/1"},
            {"rel": "bookmark", "href": f"{BASE}/compute/flavors/1"},
        ]
        assert "description" not in flavor

    async def test_of_pumice_and_of_everything(self, cloud: Cloud) -> None:
        everything = (await cloud.nobody.get("/"))["pumice"]
        assert everything == {
            "identity": f"{BASE}/identity/v3",
            "block-storage": f"{BASE}/volume/v3",
            "compute": f"{BASE}/compute/v2.1",
            "pumice": f"{BASE}/pumice/v1",
        }
        for url in everything.values():
            await cloud.nobody.get(url.removeprefix(BASE))
        choices = await cloud.nobody.request("GET", "/pumice")
        assert (choices.status, choices.json) == (300, await cloud.nobody.get("/pumice/v1"))

    async def test_health_and_readiness(self, cloud: Cloud) -> None:
        assert await cloud.nobody.get("/healthz") == {"status": "ok"}
        assert await cloud.nobody.get("/readyz") == {"ready": True}
        for process in cloud.processes:
            for pool in process.services.pools.pools():
                process.services.pools.remove(pool.host)
        reply = await cloud.nobody.request("GET", "/readyz")
        assert (reply.status, reply.json) == (503, {"ready": False})


class TestMicroversions:
    @pytest.mark.parametrize(
        ("header", "wanted"),
        [
            (None, "3.0"),
            ("volume 3.0", "3.0"),
            ("volume 3.71", "3.71"),
            ("volume latest", "3.71"),
            ("Volume LATEST", "3.71"),
            ("compute 2.1, volume 3.60", "3.60"),
            ("compute 2.1,volume  3.60 ,identity 3.14", "3.60"),
            ("volume 3.60, volume 3.70", "3.60"),
        ],
    )
    async def test_the_answer_names_the_one_that_was_used(
        self, cloud: Cloud, header: str | None, wanted: str
    ) -> None:
        headers = {} if header is None else {"OpenStack-API-Version": header}
        reply = await cloud.member.request("GET", VOLUMES, headers=headers)
        assert reply.status == 200
        assert reply.headers["openstack-api-version"] == f"volume {wanted}"
        assert reply.headers["vary"] == "OpenStack-API-Version"

    async def test_a_fault_names_it_too(self, cloud: Cloud) -> None:
        reply = await cloud.member.request("GET", f"{VOLUMES}/x", version="3.60")
        assert reply.status == 404
        assert reply.headers["openstack-api-version"] == "volume 3.60"
        assert reply.headers["vary"] == "OpenStack-API-Version"
        refused = await cloud.member.request("GET", VOLUMES, version="3.72")
        assert refused.headers["openstack-api-version"] == "volume 3.0"

    @pytest.mark.parametrize(
        ("headers", "wanted"),
        [
            ({}, "2.1"),
            ({"X-OpenStack-Nova-API-Version": "2.60"}, "2.60"),
            ({"X-OpenStack-Nova-API-Version": "latest"}, "2.104"),
            ({"OpenStack-API-Version": "compute 2.50"}, "2.50"),
            ({"OpenStack-API-Version": "volume 3.50"}, "2.1"),
            (
                {"OpenStack-API-Version": "volume 3.50", "X-OpenStack-Nova-API-Version": "2.60"},
                "2.60",
            ),
            (
                {"OpenStack-API-Version": "compute 2.50", "X-OpenStack-Nova-API-Version": "2.60"},
                "2.50",
            ),
        ],
    )
    async def test_compute_has_two_headers(
        self, cloud: Cloud, headers: dict[str, str], wanted: str
    ) -> None:
        reply = await cloud.member.request("GET", FLAVORS, headers=headers)
        assert reply.status == 200
        assert reply.headers["openstack-api-version"] == f"compute {wanted}"
        assert reply.headers["x-openstack-nova-api-version"] == wanted
        assert reply.headers["vary"] == "OpenStack-API-Version, x-openstack-nova-api-version"

    async def test_a_list_may_come_as_several_headers(self, cloud: Cloud) -> None:
        headers = [
            ("X-Auth-Token", str(cloud.member.token)),
            ("OpenStack-API-Version", "volume 3.60"),
            ("OpenStack-API-Version", "compute 2.1"),
        ]
        reply = await cloud.client.send("GET", VOLUMES, headers)
        assert reply.headers["openstack-api-version"] == "volume 3.60"

    async def test_identity_has_none(self, cloud: Cloud) -> None:
        reply = await cloud.admin.request("GET", "/identity/v3/users", version="9.9")
        assert reply.status == 200
        assert "openstack-api-version" not in reply.headers
        assert reply.headers["vary"] == "X-Auth-Token"

    async def test_unknown_keys_are_refused_from_3_53_on(self, cloud: Cloud) -> None:
        body = {"volume": {"size": 1, "color": "red"}}
        for version, status in (("3.52", 202), ("3.53", 400)):
            reply = await cloud.member.request("POST", VOLUMES, body, version=version)
            assert reply.status == status
