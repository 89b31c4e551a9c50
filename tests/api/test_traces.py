"""``/pumice/v1/traces``: the way of a request, also into its operation."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.cloud import Cloud

TRACES: Final = "/pumice/v1/traces"

in_one_process = pytest.mark.only_on(
    "sqlite", "postgresql", reason="each process keeps the newest requests of its own, for itself"
)


async def trace(cloud: Cloud, reference: str) -> dict[str, Any]:
    found: dict[str, Any] = (await cloud.admin.get(f"{TRACES}/{reference}"))["trace"]
    return found


@pytest.mark.only_on(
    "sqlite",
    "postgresql",
    reason="where operations go from role to role, their ways have more steps",
)
async def test_a_create_is_followed_to_the_driver_and_both_commits(cloud: Cloud) -> None:
    volume = await cloud.member.create_volume()
    await cloud.settled()
    (operation,) = (await cloud.member.get("/pumice/v1/operations"))["operations"]
    request_id = operation["request_id"]
    way = await trace(cloud, request_id)
    assert (way["request_id"], way["title"]) == (request_id, "POST /volume/v3/volumes")
    steps = [f"{span['layer']} {span['name']}" for span in way["spans"]]
    steps.remove("api encode")  # Before the driver is called, or after: whichever is faster.
    assert steps == [
        "api request",
        "api authenticate",
        "api decode",
        "scheduler rank",
        "services accept_volume",
        "operations place",
        "store COMMIT",
        "operations provision",
        "operations advance",
        "operations finish",
        "store COMMIT",
    ]
    for span in way["spans"]:
        assert span.keys() == {
            "layer",
            "name",
            "file",
            "line",
            "start_us",
            "duration_us",
            "note",
        }
        assert span["file"].startswith("pumice/")
        assert span["duration_us"] >= 0
    for reference in (request_id.removeprefix("req-"), volume["id"], operation["id"]):
        assert await trace(cloud, reference) == way


@pytest.mark.everywhere
async def test_after_a_restart_the_operation_still_has_its_way(cloud: Cloud) -> None:
    volume = await cloud.member.create_volume()
    await cloud.settled()
    for process in cloud.processes:
        process.services.traces.clear()
    way = await trace(cloud, volume["id"])
    steps = {"authenticate", "rank", "place", "provision", "finish"}
    assert {span["name"] for span in way["spans"]} >= steps
    assert {span["layer"] for span in way["spans"]} >= {"api", "operations", "store"}


@in_one_process
async def test_the_newest_requests_come_first(cloud: Cloud) -> None:
    await cloud.member.get("/volume/v3/volumes?name=secret")
    await cloud.member.request("GET", "/volume/v3/volumes/%1b%0aINFO")
    newest, older, *_ = (await cloud.admin.get(TRACES))["traces"]
    assert newest.keys() == {"request_id", "title", "began_at", "duration_us"}
    assert newest["title"] == "GET /volume/v3/volumes/%1B%0AINFO"
    assert older["title"] == "GET /volume/v3/volumes"
    assert older["duration_us"] > 0


@in_one_process
async def test_a_refusal_says_why(cloud: Cloud) -> None:
    reply = await cloud.member.request("DELETE", "/volume/v3/volumes/x")
    way = await trace(cloud, reply.headers["x-openstack-request-id"])
    notes = {span["name"]: span["note"] for span in way["spans"]}
    assert notes["fault"] == "VolumeNotFound: Volume x could not be found."
    assert notes["request"] == "404"


@in_one_process
async def test_many_are_listed_and_kept(cloud: Cloud) -> None:
    for _ in range(60):
        await cloud.nobody.request("GET", "/healthz")
    assert len((await cloud.admin.get(TRACES))["traces"]) == 50
    assert cloud.process.services.traces.maxlen == 1000
