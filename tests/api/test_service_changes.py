"""What administrators set on services: enabled or disabled, frozen or thawed, and how much they log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.api.client import Reply
from tests.api.cloud import Cloud

SERVICES: Final = "/volume/v3/os-services"
BULK: Final = {"host": "pumice@bulk", "binary": "cinder-volume"}
SCHEDULER: Final = {"host": "pumice", "binary": "cinder-scheduler"}


async def put(cloud: Cloud, action: str, body: Any, *, version: str = "3.71") -> Reply:
    return await cloud.admin.request("PUT", f"{SERVICES}/{action}", body, version=version)


async def service(cloud: Cloud, host: str) -> dict[str, Any]:
    """The service of this host as the list shows it."""
    listed = (await cloud.admin.get(SERVICES, version="3.71"))["services"]
    (found,) = (one for one in listed if one["host"] == host)
    return dict(found)


async def placed(cloud: Cloud, **volume: Any) -> str | None:
    """The host of a new volume; None if no backend was found for it."""
    made = await cloud.member.create_volume(**volume)
    await cloud.settled()
    shown = await cloud.admin.get(f"/volume/v3/volumes/{made['id']}")
    host: str | None = shown["volume"]["os-vol-host-attr:host"]
    return host


async def refusals(cloud: Cloud) -> dict[str, str]:
    """Why each pool was refused in the newest create."""
    newest = (await cloud.admin.get("/pumice/v1/operations?limit=1"))["operations"][0]
    why = (await cloud.admin.get(f"/pumice/v1/why/{newest['id']}"))["why"]
    return {one["host"]: one["reason"] for one in why["verdicts"] if not one["passed"]}


class TestEnabled:
    async def test_answers(self, cloud: Cloud) -> None:
        for action, answer in (
            ("disable", {"status": "disabled", "disabled": True}),
            ("enable", {"status": "enabled", "disabled": False}),
        ):
            for version in ("3.0", "3.71"):
                reply = await put(cloud, action, BULK, version=version)
                assert (reply.status, reply.json) == (200, BULK | {"service": ""} | answer)
            older = {"host": "pumice@bulk", "service": "cinder-volume"}
            assert (await put(cloud, action, older)).json == older | {"binary": ""} | answer
        reply = await put(cloud, "disable-log-reason", BULK | {"disabled_reason": " New disks. "})
        assert reply.json == BULK | {
            "service": "",
            "status": "disabled",
            "disabled": True,
            "disabled_reason": "New disks.",
        }

    @pytest.mark.everywhere
    async def test_a_disabled_backend_gets_no_new_volumes_and_says_why(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("bulk", volume_backend_name="bulk")
        before = await cloud.member.create_volume(volume_type="bulk")
        await cloud.settled()
        await put(cloud, "disable-log-reason", BULK | {"disabled_reason": "New disks."})
        shown = await service(cloud, "pumice@bulk")
        assert (shown["status"], shown["disabled_reason"]) == ("disabled", "New disks.")
        assert (shown["state"], shown["backend_state"]) == ("up", "up")

        assert await placed(cloud, volume_type="bulk") is None
        assert (await refusals(cloud))["pumice@bulk#bulk"] == "service is disabled: New disks."
        assert await placed(cloud) == "pumice@fast#fast"

        target = f"/volume/v3/volumes/{before['id']}"
        assert (await cloud.member.request("DELETE", target)).status == 202
        await cloud.settled()
        assert (await cloud.member.request("GET", target)).status == 404

        await put(cloud, "enable", BULK)
        shown = await service(cloud, "pumice@bulk")
        assert (shown["status"], shown["disabled_reason"]) == ("enabled", None)
        assert await placed(cloud, volume_type="bulk") == "pumice@bulk#bulk"

    @pytest.mark.everywhere
    async def test_a_disabled_scheduler_takes_no_creates(self, cloud: Cloud) -> None:
        await put(cloud, "disable-log-reason", SCHEDULER | {"disabled_reason": "Upgrade."})
        shown = await service(cloud, "pumice")
        assert (shown["status"], shown["disabled_reason"]) == ("disabled", "Upgrade.")
        before = await cloud.content()
        reply = await cloud.member.request("POST", "/volume/v3/volumes", {"volume": {"size": 1}})
        assert (reply.status, reply.headers["retry-after"]) == (503, "60")
        text = "The scheduler is disabled: Upgrade."
        assert reply.json["serviceUnavailable"]["message"] == text
        assert await cloud.content() == before
        await put(cloud, "disable", SCHEDULER)
        reply = await cloud.member.request("POST", "/volume/v3/volumes", {"volume": {"size": 1}})
        assert reply.json["serviceUnavailable"]["message"] == "The scheduler is disabled."
        await put(cloud, "enable", SCHEDULER)
        assert await placed(cloud) is not None

    async def test_only_administrators_may(self, cloud: Cloud) -> None:
        for action in ("enable", "disable", "disable-log-reason", "freeze", "thaw"):
            body = {"host": "pumice@bulk"} if action in ("freeze", "thaw") else BULK
            reply = await cloud.member.request("PUT", f"{SERVICES}/{action}", body)
            assert reply.status == 403
        assert (await service(cloud, "pumice@bulk"))["status"] == "enabled"


class TestFrozen:
    @pytest.mark.everywhere
    async def test_nothing_is_made_and_nothing_is_removed(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("bulk", volume_backend_name="bulk")
        made = await cloud.member.create_volume(volume_type="bulk")
        await cloud.settled()
        reply = await put(cloud, "freeze", {"host": "pumice@bulk"})
        assert (reply.status, reply.body) == (200, b"")
        shown = await service(cloud, "pumice@bulk")
        assert (shown["frozen"], shown["status"]) == (True, "enabled")
        assert await placed(cloud, volume_type="bulk") is None
        assert (await refusals(cloud))["pumice@bulk#bulk"] == "backend is frozen"

        target = f"/volume/v3/volumes/{made['id']}"
        for caller, query in ((cloud.member, ""), (cloud.admin, "?force=true")):
            reply = await caller.request("DELETE", target + query, version="3.71")
            text = (
                "Invalid input received: Modification operations are not allowed on frozen storage "
                "backends."
            )
            assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)
        assert (await cloud.member.get(target))["volume"]["status"] == "available"

        reply = await put(cloud, "thaw", {"host": "pumice@bulk"})
        assert (reply.status, reply.body) == (200, b"")
        assert (await cloud.member.request("DELETE", target)).status == 202
        assert await placed(cloud, volume_type="bulk") == "pumice@bulk#bulk"

    async def test_twice_is_refused(self, cloud: Cloud) -> None:
        for action, must in (("freeze", "False"), ("thaw", "True")):
            assert (await put(cloud, action, {"host": "pumice@bulk"})).status == 200
            reply = await put(cloud, action, {"host": "pumice@bulk"})
            text = (
                "Invalid input received: No service could be changed: "
                f"frozen in ['pumice@bulk'] must be {must} to failover."
            )
            assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)

    async def test_a_volume_that_is_nowhere_can_be_removed(self, cloud: Cloud) -> None:
        for host in ("pumice@bulk", "pumice@fast"):
            await put(cloud, "freeze", {"host": host})
        made = await cloud.member.create_volume()
        await cloud.settled()
        reply = await cloud.member.request("DELETE", f"/volume/v3/volumes/{made['id']}")
        assert reply.status == 202


class TestLogs:
    @pytest.fixture(autouse=True)
    def _levels(self) -> Iterator[None]:
        """What a test sets does not outlive it."""
        known = [
            one
            for one in logging.root.manager.loggerDict.values()
            if isinstance(one, logging.Logger)
        ]
        before = [(one, one.level) for one in known]
        yield
        for logger, level in before:
            logger.setLevel(level)

    async def levels(self, cloud: Cloud, **asked: Any) -> dict[tuple[str, str], dict[str, str]]:
        reply = await put(cloud, "get-log", asked, version="3.32")
        assert reply.status == 200
        return {(one["binary"], one["host"]): one["levels"] for one in reply.json["log_levels"]}

    async def test_the_level_of_a_prefix(self, cloud: Cloud) -> None:
        body = {"binary": "*", "level": "debug", "prefix": "pumice.manager"}
        reply = await put(cloud, "set-log", body, version="3.32")
        assert (reply.status, reply.body) == (202, b"")
        found = await self.levels(cloud, binary="cinder-api", prefix="pumice.")
        (levels,) = found.values()
        assert levels["pumice.manager.heartbeat"] == "DEBUG"
        assert logging.getLogger("pumice.manager.heartbeat").isEnabledFor(logging.DEBUG)
        assert logging.getLogger("pumice.operations.engine").level == logging.NOTSET
        assert all(name.startswith("pumice.") for name in levels)

    @pytest.mark.parametrize(
        ("asked", "count"),
        [
            ({}, 4),
            ({"binary": "", "server": None, "prefix": None}, 4),
            ({"binary": "*", "server": ""}, 4),
            ({"binary": "cinder-volume"}, 2),
            ({"binary": "cinder-scheduler"}, 1),
            ({"binary": "cinder-backup"}, 0),
            ({"binary": "cinder-api"}, 1),
            ({"server": "pumice"}, 4),
            ({"server": "pumice@bulk"}, 1),
            ({"server": "nowhere"}, 0),
        ],
    )
    async def test_services(self, cloud: Cloud, asked: dict[str, Any], count: int) -> None:
        assert len(await self.levels(cloud, **asked)) == count

    async def test_a_service_that_is_not_meant_stays_as_it_is(self, cloud: Cloud) -> None:
        before = await self.levels(cloud)
        for asked in ({"server": "nowhere"}, {"binary": "cinder-backup"}):
            reply = await put(cloud, "set-log", asked | {"level": "ERROR"}, version="3.32")
            assert reply.status == 202
        assert await self.levels(cloud) == before

    async def test_they_do_not_exist_below_3_32(self, cloud: Cloud) -> None:
        for action in ("get-log", "set-log"):
            assert (await put(cloud, action, {}, version="3.31")).status == 404
