"""``/pumice/v1``: operations, why, and usage events; traces have their own file."""

from __future__ import annotations

from typing import Any, Final

import pytest

from pumice.errors import BackendUnavailable
from tests.api.cloud import MOUNTAIN, OCEAN, Caller, Cloud

OPERATIONS: Final = "/pumice/v1/operations"
FIELDS: Final = {
    "id",
    "name",
    "status",
    "attempt",
    "step",
    "project_id",
    "resource_type",
    "resource_id",
    "request_id",
    "error",
    "created_at",
    "updated_at",
    "ended_at",
    "next_try_at",
}
OF_ADMINS: Final = {"backend"}
SHOWN: Final = {"log", "trace"}
SHOWN_TO_ADMINS: Final = {"error_detail", "claimed_by", "fence"}


async def operations(who: Caller, query: str = "") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await who.get(OPERATIONS + query))["operations"]
    return listed


@pytest.fixture
async def resting(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The delete of a volume whose backend is away, waiting for its next try."""
    volume = await cloud.member.create_volume()
    await cloud.settled()

    def away(volume: Any) -> None:
        raise BackendUnavailable(
            "The backend does not answer.", detail=f"secret path of {volume.id}"
        )

    for backend in cloud.backends.values():
        monkeypatch.setattr(backend.driver, "delete_volume", away)
    await cloud.member.request("DELETE", f"/volume/v3/volumes/{volume['id']}")
    await cloud.settled()
    (operation, _) = await operations(cloud.admin)
    assert operation["next_try_at"] is not None
    return operation


class TestList:
    async def test_fields_by_role(self, cloud: Cloud) -> None:
        await cloud.member.create_volume()
        await cloud.settled()
        for who, listed, shown in (
            (cloud.member, FIELDS, FIELDS | SHOWN),
            (cloud.admin, FIELDS | OF_ADMINS, FIELDS | OF_ADMINS | SHOWN | SHOWN_TO_ADMINS),
        ):
            (operation,) = await operations(who)
            assert operation.keys() == listed
            one = (await who.get(f"{OPERATIONS}/{operation['id']}"))["operation"]
            assert one.keys() == shown
            assert {key: one[key] for key in listed} == operation

    async def test_of_a_project_or_of_all(self, cloud: Cloud) -> None:
        one = await cloud.member.create_volume()
        other = await cloud.stranger.create_volume()
        await cloud.settled()
        (mine,) = await operations(cloud.member)
        assert (mine["resource_id"], mine["project_id"]) == (one["id"], MOUNTAIN)
        assert {key: mine[key] for key in ("name", "status", "attempt", "resource_type")} == {
            "name": "volume.create",
            "status": "done",
            "attempt": 1,
            "resource_type": "volume",
        }
        everyone = [operation["resource_id"] for operation in await operations(cloud.admin)]
        assert everyone == [other["id"], one["id"]]
        reply = await cloud.stranger.request("GET", f"{OPERATIONS}/{mine['id']}")
        text = f"Operation {mine['id']} could not be found."
        assert (reply.status, reply.json["itemNotFound"]["message"]) == (404, text)

    async def test_pages_and_filters(self, cloud: Cloud) -> None:
        made = []
        for _ in range(3):
            made.append((await cloud.member.create_volume())["id"])
            await cloud.settled()
        first, second = await operations(cloud.member, "?limit=2")
        assert [first["resource_id"], second["resource_id"]] == [made[2], made[1]]
        (third,) = await operations(cloud.member, f"?marker={second['id']}")
        assert third["resource_id"] == made[0]
        assert await operations(cloud.member, f"?resource_id={made[0]}") == [third]
        assert len(await operations(cloud.member, "?status=done&limit=5000")) == 3
        assert await operations(cloud.member, "?status=stuck") == []


class TestShow:
    async def test_the_log_is_the_whole_story(self, cloud: Cloud) -> None:
        await cloud.member.create_volume()
        await cloud.settled()
        (operation,) = await operations(cloud.admin)
        shown = (await cloud.admin.get(f"{OPERATIONS}/{operation['id']}"))["operation"]
        assert [(line["seq"], line["step"], line["event"]) for line in shown["log"]] == [
            (1, "place", "done"),
            (2, "provision", "started"),
            (3, "provision", "done"),
            (4, "finish", "done"),
        ]
        placed = shown["log"][0]["data"]
        assert placed["host"] in ("pumice@fast#fast", "pumice@bulk#bulk")
        assert {verdict["host"] for verdict in placed["verdicts"]} == {
            "pumice@fast#fast",
            "pumice@bulk#bulk",
        }
        assert all(isinstance(span["line"], int) for span in shown["trace"]["spans"])

    async def test_an_owner_sees_no_decisions_and_no_details(
        self, cloud: Cloud, resting: dict[str, Any]
    ) -> None:
        reply = await cloud.member.request("GET", f"{OPERATIONS}/{resting['id']}")
        assert reply.status == 200
        assert b"secret path" not in reply.body
        (created, _) = reversed(await operations(cloud.member))
        shown = (await cloud.member.get(f"{OPERATIONS}/{created['id']}"))["operation"]
        assert all(line["data"] == {} for line in shown["log"])
        assert all(span["note"] == "" for span in shown["trace"]["spans"])
        reply = await cloud.admin.request("GET", f"{OPERATIONS}/{resting['id']}")
        assert b"secret path" in reply.body


class TestWhy:
    async def test_of_what_is_well(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume(name="first")
        await cloud.settled()
        (operation,) = await operations(cloud.member)
        done = f"Operation {operation['id']} (volume.create) is done."
        shown = (await cloud.admin.get(f"/volume/v3/volumes/{volume['id']}"))["volume"]
        host = shown["os-vol-host-attr:host"]
        for who, where in ((cloud.member, ""), (cloud.admin, f", on {host}")):
            why = (await who.get(f"/pumice/v1/why/{volume['id']}"))["why"]
            assert why["subject"] == volume["id"]
            assert why["sentences"] == [f"Volume {volume['id']} (first) is available{where}.", done]
            assert (why["verdicts"] == []) is (who is cloud.member)
            for reference in (operation["id"], operation["request_id"]):
                why = (await who.get(f"/pumice/v1/why/{reference}"))["why"]
                assert why["sentences"] == [done]

    @pytest.mark.everywhere
    async def test_of_what_waits(self, cloud: Cloud, resting: dict[str, Any]) -> None:
        start = f"Operation {resting['id']} (volume.delete) is running: attempt 1, step "
        for who, on in ((cloud.member, "."), (cloud.admin, f" on {resting['backend']}.")):
            why = (await who.get(f"/pumice/v1/why/{resting['id']}"))["why"]
            what, *rest = why["sentences"]
            assert what == f"{start}{resting['step']}{on}"
            failed = f"In attempt 1 the step {resting['step']} failed: The backend does not answer."
            assert set(rest) == {failed, "It waits and will be tried again."}

    async def test_of_others(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume()
        await cloud.settled()
        (operation,) = await operations(cloud.member)
        for reference in (volume["id"], operation["id"], operation["request_id"]):
            reply = await cloud.stranger.request("GET", f"/pumice/v1/why/{reference}")
            text = f"Nothing is known of {reference}: it is no volume, operation or request."
            assert (reply.status, reply.json["itemNotFound"]["message"]) == (404, text)


class TestRetryAndAbandon:
    @pytest.mark.everywhere
    async def test_retry_runs_it_now(
        self, cloud: Cloud, resting: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()  # The backend is back.
        reply = await cloud.admin.request("POST", f"{OPERATIONS}/{resting['id']}/retry")
        assert reply.status == 202
        assert reply.json["operation"]["id"] == resting["id"]
        await cloud.settled()
        assert (await operations(cloud.admin))[0]["status"] == "done"

    @pytest.mark.everywhere
    async def test_abandon_ends_it(self, cloud: Cloud, resting: dict[str, Any]) -> None:
        reply = await cloud.admin.request("POST", f"{OPERATIONS}/{resting['id']}/abandon")
        assert reply.status == 202
        ended = reply.json["operation"]
        assert ended["status"] == "abandoned"
        text = f"Operation {resting['id']} was abandoned by an administrator."
        assert ended["error"] == text
        volume = await cloud.member.get(f"/volume/v3/volumes/{resting['resource_id']}")
        assert volume["volume"]["status"] == "error_deleting"

    @pytest.mark.parametrize("verb", ["retry", "abandon"])
    async def test_not_once_it_has_ended(self, cloud: Cloud, verb: str) -> None:
        await cloud.member.create_volume()
        await cloud.settled()
        (operation,) = await operations(cloud.admin)
        before = await cloud.content()
        reply = await cloud.admin.request("POST", f"{OPERATIONS}/{operation['id']}/{verb}")
        text = f"Operation {operation['id']} has ended; there is nothing to {verb}."
        assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)
        assert await cloud.content() == before

    async def test_they_are_an_administrators(self, cloud: Cloud, resting: dict[str, Any]) -> None:
        for verb in ("retry", "abandon"):
            reply = await cloud.member.request("POST", f"{OPERATIONS}/{resting['id']}/{verb}")
            text = f"Policy doesn't allow pumice:operation_{verb} to be performed."
            assert (reply.status, reply.json["forbidden"]["message"]) == (403, text)


class TestEvents:
    async def test_tell_what_a_project_began_and_ceased_to_use(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume(size=2)
        await cloud.settled()
        await cloud.stranger.create_volume()
        await cloud.settled()
        await cloud.member.request("DELETE", f"/volume/v3/volumes/{volume['id']}")
        await cloud.settled()
        events = (await cloud.member.get("/pumice/v1/events"))["events"]
        assert [(one["event"], one["resource_id"], one["size_gib"]) for one in events] == [
            ("volume.create", volume["id"], 2),
            ("volume.delete", volume["id"], 2),
        ]
        fields = {"id", "event", "project_id", "resource_id", "size_gib", "created_at"}
        assert all(one.keys() == fields for one in events)
        everything = (await cloud.admin.get("/pumice/v1/events?limit=0"))["events"]
        assert [one["project_id"] for one in everything] == [MOUNTAIN, OCEAN, MOUNTAIN]
        target = f"/pumice/v1/events?limit=1&marker={everything[0]['id']}"
        assert (await cloud.admin.get(target))["events"] == [everything[1]]
