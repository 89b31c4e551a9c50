"""``/auth/tokens``: logging in, what a token says, and when it ends to be one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, OCEAN, STONE, Caller, Cloud, login, running
from tests.api.deployment import Deployment

TOKENS: Final = "/identity/v3/auth/tokens"
NO_TOKEN: Final = {
    "error": {
        "code": 401,
        "message": "The request you have made requires authentication.",
        "title": "Unauthorized",
    }
}
COMMON: Final = {"methods", "user", "audit_ids", "issued_at", "expires_at"}
DEFAULT: Final = {"id": "default", "name": "Default"}


async def authenticate(cloud: Cloud, body: Any) -> Reply:
    reply = await cloud.nobody.request("POST", TOKENS, body)
    assert reply.status == 201, reply.body
    return reply


def by_token(text: str | None, scope: Any = None) -> dict[str, Any]:
    auth: dict[str, Any] = {"identity": {"methods": ["token"], "token": {"id": text}}}
    return {"auth": auth if scope is None else auth | {"scope": scope}}


class TestLogin:
    async def test_by_name_or_id_of_user_and_domain(self, cloud: Cloud) -> None:
        token = (await authenticate(cloud, login("mona"))).json["token"]
        for user in (
            {"id": token["user"]["id"]},
            {"name": "mona", "domain": {"id": "default"}},
            {"name": "mona", "domain": {"name": "Default"}},
        ):
            body = login("mona")
            password = body["auth"]["identity"]["password"]["user"]["password"]
            body["auth"]["identity"]["password"]["user"] = user | {"password": password}
            assert (await authenticate(cloud, body)).json["token"]["user"] == token["user"]

    @pytest.mark.parametrize("scope", [None, "unscoped"])
    async def test_without_a_scope(self, cloud: Cloud, scope: Any) -> None:
        reply = await authenticate(cloud, login("mona", scope))
        token = reply.json["token"]
        assert token.keys() == COMMON
        assert token["methods"] == ["password"]
        user = token["user"]
        assert user == {
            "id": user["id"],
            "name": "mona",
            "domain": DEFAULT,
            "password_expires_at": None,
        }
        assert re.fullmatch(r"[0-9a-f]{32}", user["id"])
        for key in ("issued_at", "expires_at"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z", token[key])
        assert len(token["audit_ids"]) == 1
        assert reply.headers["x-subject-token"].startswith("gAAAAA")
        assert reply.headers["vary"] == "X-Auth-Token"

    @pytest.mark.parametrize(
        "project",
        [{"id": MOUNTAIN}, {"name": "mountain", "domain": {"name": "Default"}}],
        ids=["id", "name"],
    )
    async def test_for_a_project(self, cloud: Cloud, project: Any) -> None:
        token = (await authenticate(cloud, login("mona", {"project": project}))).json["token"]
        assert token.keys() == COMMON | {"project", "is_domain", "roles", "catalog"}
        assert token["project"] == {"id": MOUNTAIN, "name": "mountain", "domain": DEFAULT}
        assert token["is_domain"] is False
        assert [role["name"] for role in token["roles"]] == ["member", "reader"]
        assert all(role.keys() == {"id", "name"} for role in token["roles"])

    async def test_for_a_domain(self, cloud: Cloud) -> None:
        for domain in ({"id": STONE}, {"name": "Stone"}):
            token = (await authenticate(cloud, login("stan", {"domain": domain}))).json["token"]
            assert token.keys() == COMMON | {"domain", "roles", "catalog"}
            assert token["domain"] == {"id": STONE, "name": "Stone"}

    async def test_for_the_system(self, cloud: Cloud) -> None:
        token = (await authenticate(cloud, login("admin", {"system": {"all": True}}))).json["token"]
        assert token.keys() == COMMON | {"system", "roles", "catalog"}
        assert token["system"] == {"all": True}
        roles = [role["name"] for role in token["roles"]]
        assert roles == ["admin", "manager", "member", "reader"]

    async def test_without_the_catalog(self, cloud: Cloud) -> None:
        body = login("mona", {"project": {"id": MOUNTAIN}})
        reply = await cloud.nobody.request("POST", f"{TOKENS}?nocatalog", body)
        assert "catalog" not in reply.json["token"]

    @pytest.mark.everywhere
    async def test_changes_nothing(self, cloud: Cloud) -> None:
        commits = cloud.commits
        await authenticate(cloud, login("mona"))
        await cloud.nobody.request("POST", TOKENS, login("mona", password="wrong"))
        assert cloud.commits == commits


class TestFromAToken:
    @pytest.mark.everywhere
    async def test_it_ends_with_the_first_one(self, cloud: Cloud) -> None:
        first = await authenticate(cloud, login("mona"))
        cloud.clock.advance(100)
        body = by_token(first.headers["x-subject-token"], {"project": {"id": MOUNTAIN}})
        second = (await authenticate(cloud, body)).json["token"]
        assert second["methods"] == ["token", "password"]
        assert second["expires_at"] == first.json["token"]["expires_at"]
        assert second["issued_at"] > first.json["token"]["issued_at"]
        assert second["audit_ids"][1:] == first.json["token"]["audit_ids"]
        assert second["project"]["id"] == MOUNTAIN

    async def test_of_the_system_leads_nowhere_else(self, cloud: Cloud) -> None:
        system = await cloud.log_in("system admin")
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        reply = await cloud.nobody.request("POST", TOKENS, by_token(system.token, scope))
        text = (
            "You are not authorized to perform the requested action: Using a system-scoped token to "
            "create a project-scoped or domain-scoped token is not allowed."
        )
        assert (reply.status, reply.json["error"]["message"]) == (403, text)


class TestValidate:
    async def ask(self, who: Caller, subject: Caller, **options: Any) -> Reply:
        headers = {"X-Subject-Token": str(subject.token)}
        return await who.request(options.get("method", "GET"), TOKENS, headers=headers)

    @pytest.mark.everywhere
    async def test_says_what_the_login_said(self, cloud: Cloud) -> None:
        login_reply = await authenticate(cloud, login("mona", {"project": {"id": MOUNTAIN}}))
        subject = Caller(cloud, login_reply.headers["x-subject-token"])
        for who in (subject, cloud.admin, await cloud.log_in("service")):
            reply = await self.ask(who, subject)
            assert (reply.status, reply.json) == (200, login_reply.json)
            assert reply.headers["x-subject-token"] == subject.token
        head = await self.ask(cloud.admin, subject, method="HEAD")
        assert (head.status, head.body) == (200, b"")

    async def test_is_not_for_everybody(self, cloud: Cloud) -> None:
        reply = await self.ask(cloud.member, cloud.admin)
        text = "You are not authorized to perform the requested action: identity:validate_token."
        assert (reply.status, reply.json["error"]["message"]) == (403, text)
        other = await cloud.log_in("unscoped")  # Her own token, of another scope.
        assert (await self.ask(cloud.member, other)).status == 200

    async def test_of_an_ended_one_is_not_found(self, cloud: Cloud) -> None:
        subject = cloud.member
        cloud.clock.advance(3601)
        reply = await self.ask(await cloud.log_in("admin"), subject)
        text = "Could not find token."
        assert (reply.status, reply.json["error"]["message"]) == (404, text)


class TestTheEndOfAToken:
    async def refused(self, who: Caller) -> None:
        """Every API says so, each in its words."""
        reply = await who.request("GET", TOKENS, headers={"X-Subject-Token": str(who.token)})
        assert (reply.status, reply.json) == (401, NO_TOKEN)
        text = NO_TOKEN["error"]["message"]
        for target in ("/volume/v3/volumes", "/compute/v2.1/flavors", "/pumice/v1/operations"):
            reply = await who.request("GET", target)
            fault = {"unauthorized": {"code": 401, "message": text}}
            assert (reply.status, reply.json) == (401, fault)

    async def test_is_when_its_time_is_over(self, cloud: Cloud) -> None:
        cloud.clock.advance(3500)
        await cloud.member.get("/volume/v3/volumes")
        cloud.clock.advance(100)
        await self.refused(cloud.member)

    @pytest.mark.parametrize("index", [0, 7, 60, 120, -5, -1])
    async def test_is_a_changed_letter(self, cloud: Cloud, index: int) -> None:
        text = str(cloud.member.token)
        other = "A" if text[index] != "A" else "B"
        changed = text[:index] + other + (text[index + 1 :] if index != -1 else "")
        await self.refused(Caller(cloud, changed))
        await cloud.member.get("/volume/v3/volumes")

    @pytest.mark.parametrize(
        "change", ["{}=", "{}==", " {}", "{}A", "{}\n", "Bearer {}", "{0},{0}"]
    )
    async def test_is_whatever_is_added(self, cloud: Cloud, change: str) -> None:
        await self.refused(Caller(cloud, change.format(cloud.member.token)))

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE users SET enabled = FALSE WHERE name = 'mona'",
            "UPDATE projects SET enabled = FALSE WHERE name = 'mountain'",
            "UPDATE domains SET enabled = FALSE WHERE id = 'default'",
            "DELETE FROM role_assignments WHERE target_type = 'project'",
        ],
    )
    async def test_is_when_its_owner_could_not_get_it_any_more(
        self, cloud: Cloud, change: str
    ) -> None:
        await cloud.member.get("/volume/v3/volumes")
        await cloud.sql(change)
        await self.refused(cloud.member)

    async def test_is_not_a_token_of_another_cloud(
        self, deployment: Deployment, cloud: Cloud, tmp_path: Path
    ) -> None:
        other_home = tmp_path / "other"
        other_home.mkdir()
        async with running(deployment, other_home) as other:
            await self.refused(Caller(cloud, other.member.token))


class TestOwn:
    async def test_projects_domains_and_system(self, cloud: Cloud) -> None:
        await cloud.sql(
            "INSERT INTO role_assignments SELECT 'user', actor_id, target_type, :ocean, role_id, FALSE "
            "FROM role_assignments WHERE target_id = :mountain",
            ocean=OCEAN,
            mountain=MOUNTAIN,
        )
        unscoped = await cloud.log_in("unscoped")
        listed = await unscoped.get("/identity/v3/auth/projects")
        assert sorted(one["name"] for one in listed["projects"]) == ["mountain", "ocean"]
        stan = await cloud.log_in("stone reader")
        listed = await stan.get("/identity/v3/auth/domains")
        assert [one["name"] for one in listed["domains"]] == ["Stone"]
        for who, wanted in ((unscoped, []), (await cloud.log_in("admin"), [{"all": True}])):
            listed = await who.get("/identity/v3/auth/system")
            own = "http://cloud.test:8776/identity/v3/auth/system"
            assert listed == {
                "system": wanted,
                "links": {"self": own, "previous": None, "next": None},
            }
