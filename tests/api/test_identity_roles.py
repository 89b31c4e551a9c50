"""Roles of the cloud and of domains, and what they imply."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.cloud import STONE, Caller, Cloud
from tests.api.identity import (
    IDENTITY,
    assign,
    change,
    logged_in,
    make,
    names,
    person,
    refusal,
    status,
)

BASE = f"http://cloud.test:8776{IDENTITY}"


async def role_id(cloud: Cloud, name: str) -> str:
    listed = await cloud.admin.get(f"{IDENTITY}/roles?name={name}")
    found: str = listed["roles"][0]["id"]
    return found


async def test_a_role_from_its_creation_to_its_end(cloud: Cloud) -> None:
    made = await make(cloud.admin, "role", name=" digger ", tool="spade", links={"self": "x"})
    wanted = {
        "id": made["id"],
        "name": "digger",
        "domain_id": None,
        "description": "",
        "options": {},
        "tool": "spade",
        "links": {"self": f"{BASE}/roles/{made['id']}"},
    }
    assert made == wanted
    target = f"roles/{made['id']}"
    assert await cloud.admin.get(f"{IDENTITY}/{target}") == {"role": wanted}
    changed = await change(cloud.admin, "role", made["id"], description="Digs.", depth=3)
    assert changed == wanted | {"description": "Digs.", "depth": 3}
    assert await names(cloud.admin, "roles?name=digger") == ["digger"]
    assert await names(cloud.admin, "roles?name__iendswith=GGER") == ["digger"]
    assert await names(cloud.admin, "roles") == sorted(
        ["admin", "digger", "guest", "manager", "member", "reader", "service"]
    )
    assert await status(cloud.admin, "DELETE", target) == 204
    text = f"Could not find role: {made['id']}."
    for method in ("GET", "DELETE"):
        assert await refusal(cloud.admin, method, target) == (404, text)


async def test_a_name_is_taken_within_its_domain_only(cloud: Cloud) -> None:
    own = await make(cloud.admin, "role", name="member", domain_id=STONE)
    await make(cloud.admin, "role", name="member", domain_id="default")
    other = await make(cloud.admin, "role", name="other", domain_id=STONE)
    text = "Conflict occurred attempting to store role - Duplicate entry found with name member"
    for body, place in (
        ({"role": {"name": "member"}}, "."),
        ({"role": {"name": "member", "domain_id": STONE}}, f" at domain ID {STONE}."),
    ):
        assert await refusal(cloud.admin, "POST", "roles", body) == (409, text + place)
    body = {"role": {"name": "member"}}
    target = f"roles/{other['id']}"
    assert await refusal(cloud.admin, "PATCH", target, body) == (
        409,
        f"{text} at domain ID {STONE}.",
    )
    assert await names(cloud.admin, f"roles?domain_id={STONE}") == ["member", "other"]
    assert "other" not in await names(cloud.admin, "roles")
    await change(cloud.admin, "role", own["id"], name="member", domain_id=STONE)
    body = {"role": {"domain_id": "default"}}
    text = "Update of `domain_id` is not allowed."
    assert await refusal(cloud.admin, "PATCH", target, body) == (400, text)


async def test_an_immutable_role(cloud: Cloud) -> None:
    made = await make(cloud.admin, "role", name="rock", options={"immutable": True})
    assert made["options"] == {"immutable": True}
    target = f"roles/{made['id']}"
    text = (
        f'immutable role resource: `{made["id"]}. Set resource option "immutable" to false first.'
    )
    for body in ({"name": "sand"}, {"options": {"immutable": False}, "name": "sand"}):
        found = await refusal(cloud.admin, "PATCH", target, {"role": body})
        assert found == (403, f"Unable to update {text}")
    assert await refusal(cloud.admin, "DELETE", target) == (403, f"Unable to delete {text}")
    changed = await change(cloud.admin, "role", made["id"], options={"immutable": None})
    assert changed["options"] == {}
    assert await status(cloud.admin, "DELETE", target) == 204


@pytest.mark.everywhere
async def test_the_end_of_a_role_is_its_end_for_whoever_has_it(cloud: Cloud) -> None:
    gus = await cloud.log_in("guest")
    guest = await role_id(cloud, "guest")
    assert await status(cloud.admin, "DELETE", f"roles/{guest}") == 204
    assert await status(gus, "GET", "auth/projects") == 401


def short(role: dict[str, Any]) -> dict[str, Any]:
    return {key: role[key] for key in ("id", "name", "links")}


async def test_an_implication_from_its_creation_to_its_end(cloud: Cloud) -> None:
    first = await make(cloud.admin, "role", name="first")
    second = await make(cloud.admin, "role", name="second")
    target = f"roles/{first['id']}/implies/{second['id']}"
    text = f"{first['id']} does not imply {second['id']}."
    for method in ("GET", "DELETE"):
        assert await refusal(cloud.admin, method, target) == (404, text)
    assert await status(cloud.admin, "HEAD", target) == 404

    wanted = {
        "role_inference": {"prior_role": short(first), "implies": short(second)},
        "links": {"self": f"{BASE}/{target}"},
    }
    reply = await cloud.admin.request("PUT", f"{IDENTITY}/{target}")
    assert (reply.status, reply.json) == (201, wanted)
    assert (await refusal(cloud.admin, "PUT", target))[0] == 409
    assert await cloud.admin.get(f"{IDENTITY}/{target}") == wanted
    head = await cloud.admin.request("HEAD", f"{IDENTITY}/{target}")
    assert (head.status, head.body) == (204, b"")

    listed = await cloud.admin.get(f"{IDENTITY}/roles/{first['id']}/implies")
    assert listed == {
        "role_inference": {"prior_role": short(first), "implies": [short(second)]},
        "links": {"self": f"{BASE}/roles/{first['id']}/implies"},
    }
    inferences = (await cloud.admin.get(f"{IDENTITY}/role_inferences"))["role_inferences"]
    assert {"prior_role": short(first), "implies": [short(second)]} in inferences
    assert {
        one["prior_role"]["name"]: [role["name"] for role in one["implies"]] for one in inferences
    } == {"admin": ["manager"], "first": ["second"], "manager": ["member"], "member": ["reader"]}

    assert await status(cloud.admin, "DELETE", target) == 204
    assert await refusal(cloud.admin, "GET", target) == (404, text)


async def test_the_roles_that_policies_ask_for_stay(cloud: Cloud) -> None:
    """Nobody could give admin back to whoever removed it from everybody, himself included."""
    for name in ("admin", "manager", "member", "reader", "service"):
        target = f"roles/{await role_id(cloud, name)}"
        assert await status(cloud.admin, "DELETE", target) == 403
        assert await status(cloud.admin, "PATCH", target, {"role": {"name": "other"}}) == 403
        mutable = {"role": {"options": {"immutable": False}}}
        assert await status(cloud.admin, "PATCH", target, mutable) == 200
        assert await status(cloud.admin, "PATCH", target, {"role": {"options": {}}}) == 200
    service = await role_id(cloud, "service")
    assert await status(cloud.admin, "DELETE", f"roles/{service}") == 204


@pytest.mark.parametrize("which", ["role_id", "implied_role_id"])
async def test_implications_of_no_role(cloud: Cloud, which: str) -> None:
    reader = await role_id(cloud, "reader")
    ids = {"role_id": reader, "implied_role_id": reader} | {which: "none"}
    target = "roles/{role_id}/implies/{implied_role_id}".format_map(ids)
    for method in ("GET", "PUT", "DELETE"):
        assert await refusal(cloud.admin, method, target) == (404, "Could not find role: none.")
    assert await status(cloud.admin, "GET", "roles/none/implies") == 404


async def test_what_may_not_be_implied(cloud: Cloud) -> None:
    admin, reader = await role_id(cloud, "admin"), await role_id(cloud, "reader")
    own = (await make(cloud.admin, "role", name="own", domain_id=STONE))["id"]
    text = f"{admin} cannot be an implied roles."
    assert await refusal(cloud.admin, "PUT", f"roles/{reader}/implies/{admin}") == (403, text)
    boss = (await make(cloud.admin, "role", name="Admin"))["id"]  # Policies take it for admin.
    text = f"{boss} cannot be an implied roles."
    assert await refusal(cloud.admin, "PUT", f"roles/{reader}/implies/{boss}") == (403, text)
    text = "Global role cannot imply a domain-specific role"
    assert await refusal(cloud.admin, "PUT", f"roles/{reader}/implies/{own}") == (403, text)
    assert await status(cloud.admin, "PUT", f"roles/{own}/implies/{reader}") == 201


async def test_a_domains_role_counts_by_what_it_implies(cloud: Cloud) -> None:
    own = (await make(cloud.admin, "role", name="own", domain_id=STONE))["id"]
    user = await make(cloud.admin, "user", name="ada", domain_id=STONE, password="right")
    grant = f"domains/{STONE}/users/{user['id']}/roles/{own}"
    assert await status(cloud.admin, "PUT", grant) == 204
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"id": user["id"], "password": "right"}},
            },
            "scope": {"domain": {"id": STONE}},
        }
    }
    assert await status(cloud.nobody, "POST", "auth/tokens", body) == 401
    reader = await role_id(cloud, "reader")
    assert await status(cloud.admin, "PUT", f"roles/{own}/implies/{reader}") == 201
    reply = await cloud.nobody.request("POST", f"{IDENTITY}/auth/tokens", body)
    assert [role["name"] for role in reply.json["token"]["roles"]] == ["reader"]


@pytest.mark.everywhere
async def test_a_change_of_what_is_implied_counts_at_once(cloud: Cloud) -> None:
    """A member of the project implies a reader of it, until somebody says otherwise."""
    member, reader = await role_id(cloud, "member"), await role_id(cloud, "reader")
    await cloud.member.get("/volume/v3/volumes")
    assert await status(cloud.admin, "DELETE", f"roles/{member}/implies/{reader}") == 204
    assert (await cloud.member.request("GET", "/volume/v3/volumes")).status == 403
    assert await status(cloud.admin, "PUT", f"roles/{member}/implies/{reader}") == 201
    await cloud.member.get("/volume/v3/volumes")


async def test_roles_that_imply_each_other(cloud: Cloud) -> None:
    ids = [(await make(cloud.admin, "role", name=name))["id"] for name in ("ping", "pong")]
    for prior, implied in (ids, ids[::-1], (ids[0], ids[0])):
        assert await status(cloud.admin, "PUT", f"roles/{prior}/implies/{implied}") == 201
    user = await make(cloud.admin, "user", name="ada", password="right")
    await assign(cloud, ("user", user["id"]), "ping", ("domain", STONE))
    ada = await logged_in(cloud, user["id"], "right", {"domain": {"id": STONE}})
    headers = {"X-Subject-Token": str(ada.token)}
    token = await ada.get(f"{IDENTITY}/auth/tokens", headers=headers)
    assert [role["name"] for role in token["token"]["roles"]] == ["ping", "pong"]


async def test_who_may_use_roles(cloud: Cloud) -> None:
    own = (await make(cloud.admin, "role", name="own", domain_id=STONE))["id"]
    member, admin = await role_id(cloud, "member"), await role_id(cloud, "admin")
    manager = await person(cloud, "max", "manager", STONE)
    everything: list[tuple[str, str, Any]] = [
        ("GET", "roles", None),
        ("GET", f"roles?domain_id={STONE}", None),
        ("GET", f"roles?domain-id={STONE}", None),
        ("GET", f"roles/{member}", None),
        ("GET", f"roles/{admin}", None),
        ("GET", f"roles/{own}", None),
        ("GET", "roles/none", None),
        ("GET", "role_inferences", None),
        ("GET", f"roles/{member}/implies", None),
        ("PATCH", f"roles/{own}", {"role": {"description": "x"}}),
        ("POST", "roles", {"role": {"name": "new", "domain_id": STONE}}),
        ("POST", "roles", {"role": {"name": "new"}}),
        ("DELETE", f"roles/{own}", None),
    ]

    async def statuses(who: Caller) -> list[int]:
        return [await status(who, *one) for one in everything]

    assert await statuses(cloud.member) == [403] * len(everything)
    assert await statuses(manager) == [200, 403, 403, 200, *[403] * 9]
    system = await cloud.log_in("system reader")
    assert await statuses(system) == [*[200] * 6, 404, 200, 200, *[403] * 4]
    assert await statuses(cloud.admin) == [*[200] * 6, 404, *[200] * 3, 201, 201, 204]


async def test_a_key_makes_one_role(cloud: Cloud) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"role": {"name": "new"}}
    replies = [
        await cloud.admin.request("POST", f"{IDENTITY}/roles", body, headers=headers)
        for _ in range(2)
    ]
    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].json == replies[1].json
    assert replies[1].headers["idempotency-replayed"] == "true"
