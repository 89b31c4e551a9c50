"""Tokens that are revoked, and those that end because something about their owner changed."""

from __future__ import annotations

from typing import Any, Final

import pytest

from pumice.manager.volume import prune
from pumice.services.passwords import PasswordChecks
from pumice.services.tokens import EXPIRED_SECONDS, TokenService
from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, PASSWORD, Caller, Cloud, login
from tests.api.identity import IDENTITY, change, is_valid, logged_in, make, refusal, status

TOKENS: Final = f"{IDENTITY}/auth/tokens"
PROJECT: Final = {"project": {"id": MOUNTAIN}}


async def revoke(who: Caller, subject: Caller, query: str = "") -> Reply:
    headers = {"X-Subject-Token": str(subject.token)}
    return await who.request("DELETE", f"{TOKENS}{query}", headers=headers)


async def ask(who: Caller, subject: Caller, query: str = "", method: str = "GET") -> Reply:
    headers = {"X-Subject-Token": str(subject.token)}
    return await who.request(method, f"{TOKENS}{query}", headers=headers)


async def from_token(cloud: Cloud, parent: Caller, scope: Any) -> Caller:
    """A token got from a token."""
    identity = {"methods": ["token"], "token": {"id": parent.token}}
    body = {"auth": {"identity": identity, "scope": scope}}
    reply = await cloud.nobody.request("POST", TOKENS, body)
    assert reply.status == 201, reply.body
    return Caller(cloud, reply.headers["x-subject-token"])


async def is_usable(who: Caller) -> bool:
    """Whether every API takes the token."""
    targets = ("/volume/v3/volumes", "/compute/v2.1/flavors", f"{IDENTITY}/auth/projects")
    answers = {(await who.request("GET", target)).status for target in targets}
    assert answers in ({200}, {401})
    return answers == {200}


async def restart(cloud: Cloud) -> None:
    """What was found valid before is forgotten, as after a restart."""
    for process in cloud.processes:
        process.services.tokens._kept.clear()


class TestRevoke:
    @pytest.mark.everywhere
    async def test_ends_one_token_at_once_and_for_good(self, cloud: Cloud) -> None:
        twin = await cloud.log_in("member")
        assert await is_usable(cloud.member)
        reply = await revoke(cloud.member, cloud.member)
        assert (reply.status, reply.body) == (204, b"")
        for _ in range(2):
            assert not await is_usable(cloud.member)
            found = await ask(cloud.admin, cloud.member)
            assert (found.status, found.json["error"]["message"]) == (404, "Could not find token.")
            assert (await ask(cloud.admin, cloud.member, method="HEAD")).status == 404
            assert (await ask(cloud.admin, cloud.member, "?allow_expired=1")).status == 404
            assert (await revoke(cloud.admin, cloud.member)).status == 404
            assert await is_usable(twin)
            await restart(cloud)

    @pytest.mark.everywhere
    async def test_ends_those_that_were_got_from_it(self, cloud: Cloud) -> None:
        first = await cloud.log_in("unscoped")
        second = await from_token(cloud, first, PROJECT)
        third = await from_token(cloud, second, "unscoped")
        assert (await revoke(cloud.admin, second)).status == 204
        assert [await is_valid(cloud, one) for one in (first, second, third)] == [True, False, True]
        assert (await revoke(cloud.admin, first)).status == 204
        await restart(cloud)
        assert [await is_valid(cloud, one) for one in (first, second, third)] == [False] * 3
        assert await is_usable(cloud.member)

    @pytest.mark.parametrize("word", ["false", "0", "no"])
    async def test_ends_only_the_one_without_a_cascade(self, cloud: Cloud, word: str) -> None:
        first = await cloud.log_in("unscoped")
        second = await from_token(cloud, first, PROJECT)
        assert (await revoke(cloud.admin, first, f"?cascade={word}")).status == 204
        for _ in range(2):
            assert not await is_valid(cloud, first)
            assert await is_valid(cloud, second)
            await restart(cloud)

    async def test_a_revoked_token_leads_to_no_other(self, cloud: Cloud) -> None:
        await revoke(cloud.admin, cloud.member)
        identity = {"methods": ["token"], "token": {"id": cloud.member.token}}
        assert (
            await status(cloud.nobody, "POST", "auth/tokens", {"auth": {"identity": identity}})
            == 404
        )

    async def test_is_for_its_owner_and_administrators(self, cloud: Cloud) -> None:
        for name in ("stranger", "reader", "service", "system reader"):
            reply = await revoke(await cloud.log_in(name), cloud.member)
            text = "You are not authorized to perform the requested action: identity:revoke_token."
            assert (reply.status, reply.json["error"]["message"]) == (403, text)
        assert await is_usable(cloud.member)
        other = await cloud.log_in("unscoped")  # Hers, too.
        assert (await revoke(other, cloud.member)).status == 204

    async def test_of_what_is_no_token(self, cloud: Cloud) -> None:
        text = "Could not find token."
        nonsense = Caller(cloud, "nonsense")
        assert (await revoke(cloud.admin, nonsense)).json["error"]["message"] == text
        text = "The request needs the header X-Subject-Token."
        assert await refusal(cloud.admin, "DELETE", "auth/tokens") == (400, text)

    async def test_a_check_needs_no_query_of_the_database(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert await is_usable(cloud.member)
        tokens = cloud.process.services.tokens
        monkeypatch.setattr(tokens, "_store", None)  # Who asks it now, fails.
        for _ in range(3):
            await tokens.validate(str(cloud.member.token))

    async def test_is_forgotten_when_nobody_can_ask_any_more(self, cloud: Cloud) -> None:
        async def rows() -> int:
            count: int = await cloud.process.store.read(
                lambda txn: txn.one("SELECT count(*) FROM revoked_tokens")[0]  # type: ignore[index]  # A count is there.
            )
            return count

        await revoke(cloud.admin, cloud.member)
        store, clock = cloud.process.store, cloud.clock
        clock.advance(EXPIRED_SECONDS + 3590)
        await store.write(prune, clock.now_us(), 0)
        assert await rows() == 1
        clock.advance(20)
        await store.write(prune, clock.now_us(), 0)
        assert await rows() == 0
        admin = await cloud.log_in("admin")
        assert (await ask(admin, cloud.member, "?allow_expired=1")).status == 404


class TestAllowExpired:
    async def test_tells_for_two_days_what_an_ended_token_was(self, cloud: Cloud) -> None:
        before = (await ask(cloud.admin, cloud.member)).json
        subject = cloud.member
        for ahead, wanted in ((3590, 200), (20, 200), (EXPIRED_SECONDS - 20, 200), (20, 404)):
            cloud.clock.advance(ahead)
            admin = await cloud.log_in("admin")
            reply = await ask(admin, subject, "?allow_expired=1")
            assert reply.status == wanted
            if wanted == 200:
                assert reply.json == before
        for query in ("", "?allow_expired=0"):
            assert (await ask(await cloud.log_in("admin"), subject, query)).status == 404

    async def test_is_no_way_in(self, cloud: Cloud) -> None:
        subject = cloud.member
        cloud.clock.advance(3700)
        admin = await cloud.log_in("admin")
        assert (await ask(admin, subject, "?allow_expired=1")).status == 200
        assert not await is_usable(subject)
        assert (await ask(admin, subject)).status == 404
        reply = await subject.request("GET", "/volume/v3/volumes?allow_expired=1")
        assert reply.status == 401

    async def test_of_an_owner_who_could_not_get_it_any_more(self, cloud: Cloud) -> None:
        subject = cloud.member
        cloud.clock.advance(3700)
        await cloud.sql("UPDATE users SET enabled = FALSE WHERE name = 'mona'")
        admin = await cloud.log_in("admin")
        assert (await ask(admin, subject, "?allow_expired=1")).status == 404


async def test_a_check_is_not_for_services(cloud: Cloud) -> None:
    """HEAD has a policy of its own: services validate, as keystonemiddleware does."""
    service = await cloud.log_in("service")
    assert (await ask(service, cloud.stranger)).status == 200
    assert (await ask(service, cloud.stranger, method="HEAD")).status == 403
    for who in (cloud.admin, cloud.stranger, await cloud.log_in("system reader")):
        head = await ask(who, cloud.stranger, method="HEAD")
        assert (head.status, head.body) == (200, b"")


class TestPasswords:
    async def test_a_new_one_ends_tokens_and_lets_in_at_once(self, cloud: Cloud) -> None:
        user = (await ask(cloud.admin, cloud.member)).json["token"]["user"]["id"]
        derived = await from_token(cloud, cloud.member, "unscoped")
        await change(cloud.admin, "user", user, password="new")
        for old in (cloud.member, derived):
            assert not await is_valid(cloud, old)
        again = await logged_in(cloud, user, "new", PROJECT)
        for _ in range(2):
            assert await is_usable(again)
            await restart(cloud)

    @pytest.mark.everywhere
    async def test_a_new_one_while_the_old_one_is_checked(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The old password was right when its check began; the token would outlive the change."""
        user = (await ask(cloud.admin, cloud.member)).json["token"]["user"]["id"]
        check = PasswordChecks.is_right

        async def slowly(*arguments: Any) -> bool:
            found = await check(*arguments)
            await change(cloud.admin, "user", user, password="new")
            return found

        monkeypatch.setattr(PasswordChecks, "is_right", slowly)
        reply = await cloud.nobody.request("POST", TOKENS, login("mona", PROJECT))
        assert reply.status == 401

    @pytest.mark.everywhere
    @pytest.mark.parametrize("deed", ["new password", "own password", "disabled", "revoked"])
    async def test_who_logs_in_while_a_change_waits_for_its_turn_is_out(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, deed: str
    ) -> None:
        """What counts is when the tokens end, not when somebody asked for it."""
        user = (await ask(cloud.admin, cloud.member)).json["token"]["user"]["id"]
        store = type(cloud.process.store)
        write, latecomers = store.write, []

        async def slowly(*arguments: Any, trace: Any = None) -> Any:
            if trace is not None:  # It is a request's.
                monkeypatch.undo()
                cloud.clock.advance(10)
                latecomers.append(await cloud.log_in("member"))
            return await write(*arguments, trace=trace)

        monkeypatch.setattr(store, "write", slowly)
        if deed == "new password":
            await change(cloud.admin, "user", user, password="new")
        elif deed == "own password":
            new = {"user": {"original_password": PASSWORD, "password": "new"}}
            assert await status(cloud.nobody, "POST", f"users/{user}/password", new) == 204
        elif deed == "disabled":
            await change(cloud.admin, "user", user, enabled=False)
            await change(cloud.admin, "user", user, enabled=True)
        else:
            assert await status(cloud.admin, "DELETE", f"users/{user}/tokens") == 204
        (latecomer,) = latecomers
        assert not await is_usable(latecomer)

    @pytest.mark.everywhere
    async def test_a_new_one_while_a_token_is_written(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A long read is no part of the loop's turn: the token is as old as what it was made from."""
        user = (await ask(cloud.admin, cloud.member)).json["token"]["user"]["id"]
        store = type(cloud.process.store)
        read = store.read

        async def slowly(self: Any, query: Any, *arguments: Any) -> Any:
            found = await read(self, query, *arguments)
            if query.__name__ == "_grant_for":
                monkeypatch.undo()
                await change(cloud.admin, "user", user, password="new")
                cloud.clock.advance(10)
            return found

        monkeypatch.setattr(store, "read", slowly)
        assert not await is_usable(await cloud.log_in("member"))

    async def test_many_ends_in_one_second_make_no_token_that_lives_longer(
        self, cloud: Cloud
    ) -> None:
        user = (await ask(cloud.admin, cloud.member)).json["token"]["user"]["id"]
        for _ in range(100):
            assert await status(cloud.admin, "DELETE", f"users/{user}/tokens") == 204
        last = await cloud.log_in("member")
        assert await is_usable(last)
        cloud.clock.advance(3601)
        assert not await is_usable(last)

    @pytest.mark.everywhere
    async def test_a_token_revoked_while_another_is_got_from_it(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        validate = TokenService.validate

        async def slowly(self: TokenService, text: str, **options: Any) -> Any:
            found = await validate(self, text, **options)
            await self.revoke(found, with_descendants=False)
            return found

        monkeypatch.setattr(TokenService, "validate", slowly)
        identity = {"methods": ["token"], "token": {"id": cloud.member.token}}
        assert (
            await status(cloud.nobody, "POST", "auth/tokens", {"auth": {"identity": identity}})
            == 401
        )


@pytest.mark.everywhere
async def test_what_is_removed_ends_its_tokens(cloud: Cloud) -> None:
    domain = (await make(cloud.admin, "domain", name="new"))["id"]
    project = (await make(cloud.admin, "project", name="new", domain_id=domain))["id"]
    listed = await cloud.admin.get(f"{IDENTITY}/roles?name=member")
    role = listed["roles"][0]["id"]

    async def newcomer(name: str, home: str) -> Caller:
        user = (await make(cloud.admin, "user", name=name, domain_id=home, password="p"))["id"]
        grant = f"projects/{project}/users/{user}/roles/{role}"
        assert await status(cloud.admin, "PUT", grant) == 204
        who = await logged_in(cloud, user, "p", {"project": {"id": project}})
        assert await is_usable(who)
        return who

    users, projects, domains = [
        await newcomer(name, home)
        for name, home in (("ada", "default"), ("bob", "default"), ("eve", domain))
    ]
    ada = (await ask(cloud.admin, users)).json["token"]["user"]["id"]
    assert await status(cloud.admin, "DELETE", f"users/{ada}") == 204
    assert [await is_valid(cloud, one) for one in (users, projects, domains)] == [False, True, True]
    await change(cloud.admin, "domain", domain, enabled=False)
    assert [await is_valid(cloud, one) for one in (projects, domains)] == [False, False]
    await change(cloud.admin, "domain", domain, enabled=True)
    assert [await is_valid(cloud, one) for one in (projects, domains)] == [True, True]
    assert await status(cloud.admin, "DELETE", f"projects/{project}") == 204
    assert [await is_valid(cloud, one) for one in (projects, domains)] == [False, False]


class TestKeys:
    async def rotate(self, cloud: Cloud) -> Any:
        reply = await cloud.admin.request("POST", "/pumice/v1/identity/rotate-keys")
        assert reply.status == 200
        return reply.json["token_keys"]

    @pytest.mark.everywhere
    async def test_a_token_outlives_one_rotation(self, cloud: Cloud) -> None:
        first = cloud.member
        assert await self.rotate(cloud) == {"primary": 2, "numbers": [0, 1, 2]}
        assert await is_usable(first)
        second = await cloud.log_in("member")
        cloud.admin = await cloud.log_in("admin")
        assert await self.rotate(cloud) == {"primary": 3, "numbers": [0, 2, 3]}
        assert not await is_usable(first)
        assert await is_usable(second)

    async def test_only_administrators_rotate(self, cloud: Cloud) -> None:
        for name in ("member", "service", "system reader"):
            who = await cloud.log_in(name)
            reply = await who.request("POST", "/pumice/v1/identity/rotate-keys")
            assert reply.status == 403
        assert await self.rotate(cloud) == {"primary": 2, "numbers": [0, 1, 2]}  # The first time.
