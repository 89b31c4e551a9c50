"""Users: made, changed, disabled, removed; their passwords, and what ends their tokens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.cloud import MOUNTAIN, PASSWORD, STONE, Caller, Cloud
from tests.api.identity import (
    IDENTITY,
    ask_token,
    assign,
    change,
    is_valid,
    logged_in,
    make,
    names,
    person,
    refusal,
    status,
    taken,
)

WRONG = "The request you have made requires authentication."


async def test_a_user_from_his_creation_to_his_end(cloud: Cloud) -> None:
    made = await make(
        cloud.admin,
        "user",
        name=" ada ",
        password="first",
        email="a@x",
        description="She.",
        default_project_id=MOUNTAIN,
        options={"lock_password": True, "multi_factor_auth_rules": [["password", "totp"]]},
        shoe=41,
    )
    wanted = {
        "id": made["id"],
        "name": "ada",
        "domain_id": "default",
        "enabled": True,
        "password_expires_at": None,
        "email": "a@x",
        "description": "She.",
        "default_project_id": MOUNTAIN,
        "options": {"lock_password": True, "multi_factor_auth_rules": [["password", "totp"]]},
        "shoe": 41,
        "links": {"self": f"http://cloud.test:8776{IDENTITY}/users/{made['id']}"},
    }
    assert made == wanted
    target = f"users/{made['id']}"
    assert await cloud.admin.get(f"{IDENTITY}/{target}") == {"user": wanted}
    changed = await change(
        cloud.admin,
        "user",
        made["id"],
        name="eve",
        email=None,
        default_project_id=None,
        description=None,
        options={"lock_password": None, "ignore_password_expiry": False},
        shoe=None,
    )
    for name in ("email", "default_project_id", "description"):
        del wanted[name]
    options = {"multi_factor_auth_rules": [["password", "totp"]], "ignore_password_expiry": False}
    assert changed == wanted | {"name": "eve", "options": options, "shoe": None}
    assert await status(cloud.admin, "DELETE", target) == 204
    assert await status(cloud.admin, "GET", target) == 404
    assert (await ask_token(cloud, made["id"], "first")).status == 401


async def test_the_domain_of_a_new_user(cloud: Cloud) -> None:
    manager = await person(cloud, "mara", "manager", STONE)
    assert (await make(manager, "user", name="ada"))["domain_id"] == STONE
    assert (await make(cloud.admin, "user", name="ada"))["domain_id"] == "default"
    assert (await make(cloud.admin, "user", name="eve", domain_id=STONE))["domain_id"] == STONE
    body = {"user": {"name": "ada"}}
    assert await refusal(cloud.admin, "POST", "users", body) == taken("user", "ada", "default")
    (eve,) = (await cloud.admin.get(f"{IDENTITY}/users?name=eve"))["users"]
    assert await status(cloud.admin, "PATCH", f"users/{eve['id']}", body) == 409
    body["user"]["domain_id"] = "nowhere"
    assert await refusal(cloud.admin, "POST", "users", body) == (
        404,
        "Could not find domain: nowhere.",
    )


async def test_without_a_password_nobody_logs_in(cloud: Cloud) -> None:
    for content in ({}, {"password": None}):
        user = await make(cloud.admin, "user", name=f"ada{len(content)}", **content)
        for password in ("", "None", PASSWORD):
            assert (await ask_token(cloud, user["id"], password)).status == 401
    user = await make(cloud.admin, "user", name="empty", password="")
    assert (await ask_token(cloud, user["id"], "")).status == 201
    await change(cloud.admin, "user", user["id"], password=None)
    assert (await ask_token(cloud, user["id"], "")).status == 401


async def test_an_administrator_sets_a_password(cloud: Cloud) -> None:
    user = await make(cloud.admin, "user", name="ada", password="first")
    before = await logged_in(cloud, user["id"], "first")
    changed = await change(cloud.admin, "user", user["id"], password="second")
    assert changed == user
    assert not await is_valid(cloud, before)
    assert (await ask_token(cloud, user["id"], "first")).status == 401
    after = await logged_in(cloud, user["id"], "second")
    await change(cloud.admin, "user", user["id"], email="a@x")
    assert await is_valid(cloud, after)


@pytest.mark.everywhere
async def test_a_user_changes_his_password(cloud: Cloud) -> None:
    user = await make(cloud.admin, "user", name="ada", password="first")
    before = await logged_in(cloud, user["id"], "first")
    body = {"user": {"original_password": "first", "password": "second"}}
    target = f"users/{user['id']}/password"
    reply = await cloud.nobody.request("POST", f"{IDENTITY}/{target}", body)
    assert (reply.status, reply.body) == (204, b"")
    assert not await is_valid(cloud, before)
    assert await refusal(cloud.nobody, "POST", target, body) == (401, WRONG)
    assert (await ask_token(cloud, user["id"], "first")).status == 401
    after = await logged_in(cloud, user["id"], "second")
    assert await is_valid(cloud, after)


@pytest.mark.everywhere
async def test_a_token_between_two_changes_of_one_second_ends(cloud: Cloud) -> None:
    user = await make(cloud.admin, "user", name="ada", password="p0")
    for number in range(3):
        between = await logged_in(cloud, user["id"], f"p{number}")
        assert await is_valid(cloud, between)
        await change(cloud.admin, "user", user["id"], password=f"p{number + 1}")
        assert not await is_valid(cloud, between)


@pytest.mark.parametrize("by", ["user", "domain"])
async def test_the_disabled_change_no_password(cloud: Cloud, by: str) -> None:
    user = await make(cloud.admin, "user", name="ada", password="first", domain_id=STONE)
    await change(cloud.admin, by, user["id"] if by == "user" else STONE, enabled=False)
    body = {"user": {"original_password": "first", "password": "second"}}
    target = f"users/{user['id']}/password"
    assert await refusal(cloud.nobody, "POST", target, body) == (401, WRONG)


async def test_a_locked_password(cloud: Cloud) -> None:
    user = await make(
        cloud.admin, "user", name="ada", password="first", options={"lock_password": True}
    )
    body = {"user": {"original_password": "first", "password": "second"}}
    code, text = await refusal(cloud.nobody, "POST", f"users/{user['id']}/password", body)
    assert (code, text[:43]) == (400, "You cannot change your password at this tim")
    await change(cloud.admin, "user", user["id"], password="second")
    assert (await ask_token(cloud, user["id"], "second")).status == 201


@pytest.mark.everywhere
async def test_of_two_changes_from_one_password_one_counts(cloud: Cloud) -> None:
    user = await make(cloud.admin, "user", name="ada", password="first")
    bodies = [{"user": {"original_password": "first", "password": new}} for new in ("one", "two")]
    target = f"users/{user['id']}/password"
    codes = await asyncio.gather(*(status(cloud.nobody, "POST", target, one) for one in bodies))
    assert sorted(codes) == [204, 401]
    winner = "one" if codes[0] == 204 else "two"
    assert (await ask_token(cloud, user["id"], winner)).status == 201


async def test_tokens_of_the_disabled_stay_void(cloud: Cloud) -> None:
    user = await make(cloud.admin, "user", name="ada", password="x")
    token = await logged_in(cloud, user["id"], "x")
    await change(cloud.admin, "user", user["id"], enabled=True)
    assert await is_valid(cloud, token)
    await change(cloud.admin, "user", user["id"], enabled=False)
    assert not await is_valid(cloud, token)
    assert (await ask_token(cloud, user["id"], "x")).status == 401
    await change(cloud.admin, "user", user["id"], enabled=True)
    assert not await is_valid(cloud, token)
    assert await is_valid(cloud, await logged_in(cloud, user["id"], "x"))


async def test_all_tokens_of_a_user(cloud: Cloud) -> None:
    user = await make(cloud.admin, "user", name="ada", password="x")
    target = f"users/{user['id']}/tokens"
    for who in (cloud.admin, None):
        token = await logged_in(cloud, user["id"], "x")
        assert await status(cloud.member, "DELETE", target) == 403
        assert await is_valid(cloud, token)
        assert await status(who or token, "DELETE", target) == 204
        assert not await is_valid(cloud, token)
    assert await status(cloud.admin, "DELETE", "users/nobody/tokens") == 404


@pytest.mark.everywhere
async def test_the_end_of_a_user(cloud: Cloud) -> None:
    user = await make(cloud.admin, "user", name="ada", password="x")
    group = await make(cloud.admin, "group", name="diggers")
    assert await status(cloud.admin, "PUT", f"groups/{group['id']}/users/{user['id']}") == 204
    await assign(cloud, ("user", user["id"]), "member", ("project", MOUNTAIN))
    token = await logged_in(cloud, user["id"], "x", {"project": {"id": MOUNTAIN}})
    assert await status(cloud.admin, "DELETE", f"users/{user['id']}") == 204
    assert not await is_valid(cloud, token)
    assert await names(cloud.admin, f"groups/{group['id']}/users") == []
    rows = await cloud.process.store.read(
        lambda txn: txn.all("SELECT actor_id FROM role_assignments WHERE actor_type = 'user'")
    )
    assert (user["id"],) not in rows


async def test_a_domain_is_nobodys_default_project(cloud: Cloud) -> None:
    text = "User's default project ID cannot be a domain ID: default"
    body = {"user": {"name": "ada", "default_project_id": "default"}}
    assert await refusal(cloud.admin, "POST", "users", body) == (400, text)
    user = await make(cloud.admin, "user", name="ada", default_project_id="of no project")
    assert await refusal(cloud.admin, "PATCH", f"users/{user['id']}", body) == (400, text)


async def test_filters(cloud: Cloud) -> None:
    await make(cloud.admin, "user", name="Ada", domain_id=STONE)
    user = await make(cloud.admin, "user", name="adam", enabled=False)
    for query, wanted in (
        ("enabled=false", ["adam"]),
        (f"domain_id={STONE}", ["Ada"]),
        ("name__startswith=ad", ["admin", "adam"]),
        ("name__istartswith=ad", ["admin", "Ada", "adam"]),
        ("name__contains=da&domain_id=default", ["adam"]),
        (f"name__contains=a&marker={user['id']}", []),
    ):
        assert await names(cloud.admin, f"users?{query}") == wanted, query


async def test_a_manager_keeps_to_his_domain(cloud: Cloud) -> None:
    manager = await person(cloud, "mara", "manager", STONE)
    reader = await person(cloud, "rosa", "reader", STONE)
    (mona,) = (await cloud.admin.get(f"{IDENTITY}/users?name=mona"))["users"]
    made = await make(manager, "user", name="ada", password="x")
    own, other = f"users/{made['id']}", f"users/{mona['id']}"
    assert await names(manager, "users") == ["mara", "rosa", "ada"]
    assert await status(reader, "GET", own) == 200
    assert await status(reader, "GET", other) == 403
    await change(manager, "user", made["id"], password="y")
    body: dict[str, Any] = {"user": {"name": "new"}}
    for who in (reader, cloud.member, await logged_in(cloud, made["id"], "y")):
        assert await status(who, "POST", "users", body) == 403
        assert await status(who, "PATCH", own, body) == 403
        assert await status(who, "DELETE", own) == 403
    for target in (other, "users/nobody"):
        assert await status(manager, "PATCH", target, body) == 403
        assert await status(manager, "DELETE", target) == 403
    assert (
        await status(manager, "POST", "users", {"user": {"name": "x", "domain_id": "default"}})
        == 403
    )
    assert await status(manager, "DELETE", own) == 204


async def test_everybody_sees_himself(cloud: Cloud) -> None:
    user = await make(cloud.admin, "user", name="ada", password="x")
    ada = await logged_in(cloud, user["id"], "x")
    for target in ("", "/projects", "/groups"):
        assert await status(ada, "GET", f"users/{user['id']}{target}") == 200
        assert await status(cloud.member, "GET", f"users/{user['id']}{target}") == 403


async def test_too_many_passwords_at_once(cloud: Cloud) -> None:
    """The hashes wait in one short queue; whoever finds it full is told to come again."""
    bodies = [{"user": {"name": f"u{number}", "password": "x"}} for number in range(160)]
    replies = await asyncio.gather(
        *(cloud.admin.request("POST", f"{IDENTITY}/users", body) for body in bodies)
    )
    made = [one for one in replies if one.status == 201]
    refused = [one for one in replies if one.status == 503]
    assert len(made) + len(refused) == len(replies)
    assert made
    assert refused
    assert all(one.headers["retry-after"] == "5" for one in refused)
    assert len(await names(cloud.admin, "users?name__startswith=u")) == len(made)


async def test_a_key_makes_one_user(cloud: Cloud) -> None:
    headers = {"Idempotency-Key": "k"}
    body = {"user": {"name": "ada", "password": "x"}}
    first = await cloud.admin.request("POST", f"{IDENTITY}/users", body, headers=headers)
    second = await cloud.admin.request("POST", f"{IDENTITY}/users", body, headers=headers)
    assert (first.status, first.json) == (second.status, second.json)
    assert await names(cloud.admin, "users?name=ada") == ["ada"]


async def test_a_key_is_that_of_one_domain(cloud: Cloud) -> None:
    """One manager of two domains: the same body makes a user in each."""
    manager = await person(cloud, "max", "manager", STONE)
    max_ = (await cloud.admin.get(f"{IDENTITY}/users?name=max"))["users"][0]["id"]
    await assign(cloud, ("user", max_), "manager", ("domain", "default"))
    at_home = await logged_in(cloud, max_, scope={"domain": {"id": "default"}})
    made = [
        await who.request(
            "POST",
            f"{IDENTITY}/users",
            {"user": {"name": "ada"}},
            headers={"Idempotency-Key": "k"},
        )
        for who in (manager, at_home)
    ]
    assert [one.json["user"]["domain_id"] for one in made] == [STONE, "default"]


async def test_a_password_stands_in_no_answer(cloud: Cloud) -> None:
    word = "n0body-reads-this"
    user = await make(cloud.admin, "user", name="ada", password=word)
    caller: Caller = cloud.admin
    for method, target, body in (
        ("GET", f"users/{user['id']}", None),
        ("PATCH", f"users/{user['id']}", {"user": {"password": word}}),
        ("PATCH", f"users/{user['id']}", {"user": {"password": [word]}}),
        ("POST", "users", {"user": {"name": "eve", "password": word * 300}}),
        ("POST", f"users/{user['id']}/password", {"user": {"password": word}}),
    ):
        reply = await caller.request(method, f"{IDENTITY}/{target}", body)
        assert word.encode() not in reply.body, (method, target)
