"""What holds for every answer: request ids, addresses in links, bodies of faults, one piece."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, Final

import pytest

from pumice import errors
from pumice.api.app import Api, App
from pumice.api.faults import keystone_fault
from pumice.api.pumice_v1.policies import OPERATIONS
from pumice.api.request import Request
from pumice.api.route import PUBLIC, Route
from pumice.api.routes import APIS
from tests.api.client import AsgiClient
from tests.api.cloud import Cloud, login, running
from tests.api.deployment import Deployment

VOLUMES: Final = "/volume/v3/volumes"
TOO_MUCH: Final = "The database has too much to (do|write); try again."
GLOBAL_ID: Final = "req-01234567-89ab-cdef-0123-456789abcdef"


class TestRequestIds:
    async def test_are_in_every_answer_and_new_each_time(self, cloud: Cloud) -> None:
        seen = set()
        for target in (VOLUMES, "/volume/v3/nothing", "/healthz", "/identity/v3"):
            reply = await cloud.member.request("GET", target)
            own = reply.headers["x-openstack-request-id"]
            assert re.fullmatch(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", own)
            if target.startswith("/volume"):
                assert reply.headers["x-compute-request-id"] == own
            seen.add(own)
        assert len(seen) == 4

    @pytest.mark.parametrize("given", [GLOBAL_ID, "req-1", "x\r\nSet-Cookie: a", "é", ""])
    async def test_of_the_client_are_never_ours(self, cloud: Cloud, given: str) -> None:
        headers = {"X-OpenStack-Request-ID": given}
        reply = await cloud.member.request("GET", VOLUMES, headers=headers)
        assert reply.status == 200
        assert reply.headers["x-openstack-request-id"] != given

    @pytest.mark.parametrize(
        ("given", "taken"), [(GLOBAL_ID, GLOBAL_ID), ("req-1", None), (None, None)]
    )
    async def test_a_right_one_of_the_client_is_the_global_one(
        self, cloud: Cloud, given: str | None, taken: str | None
    ) -> None:
        seen: list[str | None] = []

        async def handler(request: Request) -> None:
            seen.append(request.context.global_request_id)

        client = _client(cloud, Route("GET", "/", handler, OPERATIONS))
        headers = {"X-Auth-Token": str(cloud.admin.token)}
        if given:
            headers["X-OpenStack-Request-ID"] = given
        assert (await client.send("GET", "/", headers.items())).status == 200
        assert seen == [taken]


class TestAddress:
    @pytest.mark.parametrize(
        ("host", "base"),
        [
            ("other.test", "http://other.test"),
            ("10.0.0.1:80", "http://10.0.0.1:80"),
            ("[::1]:8776", "http://[::1]:8776"),
            ("under_score:1", "http://under_score:1"),
            ("", "http://127.0.0.1:8776"),
            ("evil.test/path", "http://127.0.0.1:8776"),
            ("evil.test#x", "http://127.0.0.1:8776"),
            ("user@evil.test", "http://127.0.0.1:8776"),
            ('evil.test"', "http://127.0.0.1:8776"),
            ("evil.test\r\nSet-Cookie: a=b", "http://127.0.0.1:8776"),
            ("evil.test:999999", "http://127.0.0.1:8776"),
            ("a" * 300, "http://127.0.0.1:8776"),
            ("<script>", "http://127.0.0.1:8776"),
            ("\xe9.test", "http://127.0.0.1:8776"),
        ],
    )
    async def test_is_the_clients_if_it_is_one(self, cloud: Cloud, host: str, base: str) -> None:
        headers = {"Host": host}
        shown = (await cloud.nobody.get("/", headers=headers))["pumice"]
        assert shown["identity"] == f"{base}/identity/v3"
        reply = await cloud.nobody.request("GET", VOLUMES, headers=headers)
        assert reply.headers["www-authenticate"] == f'Keystone uri="{base}/identity/v3"'
        volume = await cloud.member.create_volume()
        shown = (await cloud.member.get(f"{VOLUMES}/{volume['id']}", headers=headers))["volume"]
        assert shown["links"][0]["href"] == f"{base}{VOLUMES}/{volume['id']}"

    async def test_is_public_endpoint_if_that_is_set(
        self, deployment: Deployment, tmp_path: Path
    ) -> None:
        public = "https://cloud.example/api"
        async with running(deployment, tmp_path, f"public_endpoint = {public}") as cloud:
            volume = await cloud.member.create_volume()
            assert volume["links"][0]["href"] == f"{public}{VOLUMES}/{volume['id']}"
            reply = await cloud.nobody.request("POST", "/identity/v3/auth/tokens", login("admin", {
                "project": {"name": "admin", "domain": {"id": "default"}}}))  # fmt: skip
            urls = [
                end["url"] for entry in reply.json["token"]["catalog"] for end in entry["endpoints"]
            ]
            assert urls
            assert all(url.startswith(public) for url in urls)


FAULTS: Final[tuple[tuple[Exception, int, str, str], ...]] = (
    (errors.InvalidInput("It.", detail="D"), 400, "badRequest", "Bad Request"),
    (errors.InvalidState("It.", detail="D"), 400, "badRequest", "Bad Request"),
    (errors.Forbidden("It.", detail="D"), 403, "forbidden", "Forbidden"),
    (errors.NotFound("It.", detail="D"), 404, "itemNotFound", "Not Found"),
    (errors.NotAcceptable("It."), 406, "computeFault", "Not Acceptable"),
    (errors.Conflict("It.", detail="D"), 409, "conflictingRequest", "Conflict"),
    (errors.UnsupportedMediaType("It."), 415, "badMediaType", "Unsupported Media Type"),
    (errors.NotSupported("It.", detail="D"), 501, "notImplemented", "Not Implemented"),
    (errors.Unavailable("It.", retry_after_seconds=7), 503, "serviceUnavailable", "Service Unavailable"),
)  # fmt: skip
BUG: Final = "The server has either erred or is incapable of performing the requested operation."


class TestFaults:
    @pytest.mark.parametrize(
        ("error", "status", "name", "title"), FAULTS, ids=[type(row[0]).__name__ for row in FAULTS]
    )
    async def test_of_each_kind(
        self, cloud: Cloud, error: Exception, status: int, name: str, title: str
    ) -> None:
        cinder, keystone = await self.answers(cloud, error)
        assert (cinder.status, keystone.status) == (status, status)
        assert cinder.json == {name: {"code": status, "message": "It."}}
        assert keystone.json == {"error": {"code": status, "message": "It.", "title": title}}
        assert cinder.headers.get("retry-after") == ("7" if status == 503 else None)

    @pytest.mark.parametrize(
        "error",
        [ValueError("secret"), errors.PumiceError("secret"), errors.DriverError("secret")],
        ids=lambda error: type(error).__name__,
    )
    async def test_a_defect_is_not_described(self, cloud: Cloud, error: Exception) -> None:
        cinder, keystone = await self.answers(cloud, error)
        assert cinder.json == {"computeFault": {"code": 500, "message": BUG}}
        wanted = {"code": 500, "message": BUG, "title": "Internal Server Error"}
        assert keystone.json == {"error": wanted}

    async def test_over_quota_says_when_to_try_again(self, cloud: Cloud) -> None:
        cinder, _ = await self.answers(cloud, errors.QuotaExceeded("Limit", "It."))
        fault = {"code": 413, "message": "Limit: It.", "retryAfter": "0"}
        assert (cinder.status, cinder.json) == (413, {"overLimit": fault})
        assert cinder.headers["retry-after"] == "0"

    async def answers(self, cloud: Cloud, error: Exception) -> list[Any]:
        """Cinder's and Keystone's fault for what a handler raises."""

        async def handler(request: Request) -> None:
            del request
            raise error

        route = Route("GET", "/", handler, PUBLIC)
        return [
            await _client(cloud, route).send("GET", "/"),
            await _client(cloud, route, fault=keystone_fault).send("GET", "/"),
        ]


async def test_a_client_that_leaves_gets_no_answer_and_changes_nothing(cloud: Cloud) -> None:
    before = await cloud.content()
    sent: list[Any] = []
    incoming: list[dict[str, Any]] = [
        {"type": "http.request", "body": b'{"volume": ', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return incoming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": VOLUMES,
        "query_string": b"",
        "headers": [(b"x-auth-token", str(cloud.member.token).encode())],
    }
    await App(cloud.process.services, APIS)(scope, receive, send)
    assert sent == []
    assert await cloud.content() == before


@pytest.mark.everywhere
async def test_a_full_store_is_told_to_come_back(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pumice.store.sqlite.QUEUE_MAX", 0)
    monkeypatch.setattr("pumice.store.postgresql.connections.WAITING_MAX", 0)
    body = {"volume": {"size": 1}}
    # PostgreSQL works on some at the same time, and refuses who would have to wait for them.
    replies = await asyncio.gather(
        *(cloud.member.request("POST", VOLUMES, body) for _ in range(50))
    )
    refused = [reply for reply in replies if reply.status == 503]
    assert refused
    for reply in refused:
        assert re.fullmatch(TOO_MUCH, reply.json["serviceUnavailable"]["message"])
        assert reply.headers["retry-after"] == "1"
    monkeypatch.undo()
    accepted = [reply for reply in replies if reply.status == 202]
    assert len((await cloud.member.get(VOLUMES))["volumes"]) == len(accepted)


async def test_other_protocols_than_http_are_left_alone(cloud: Cloud) -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError

    await App(cloud.process.services, APIS)({"type": "websocket"}, never, never)


def _client(cloud: Cloud, route: Route, **api: Any) -> AsgiClient:
    """A client of an application with just this route."""
    return AsgiClient(App(cloud.process.services, [Api((), (route,), **api)]))
