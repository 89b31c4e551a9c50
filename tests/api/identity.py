"""What the tests of domains, projects, users and groups share."""

from __future__ import annotations

from typing import Any, Final

from pumice.model.identity import ActorKind, Assignment, RoleQuery, ScopeKind
from pumice.store import assignments, roles
from pumice.store.txn import Txn
from tests.api.client import Reply
from tests.api.cloud import PASSWORD, Caller, Cloud

IDENTITY: Final = "/identity/v3"


async def make(who: Caller, kind: str, **content: Any) -> dict[str, Any]:
    """A new domain, project, user or group, as its create is answered."""
    reply = await who.request("POST", f"{IDENTITY}/{kind}s", {kind: content})
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json[kind]
    return made


async def change(who: Caller, kind: str, id_: str, **content: Any) -> dict[str, Any]:
    """The resource after a change that is taken."""
    reply = await who.request("PATCH", f"{IDENTITY}/{kind}s/{id_}", {kind: content})
    assert reply.status == 200, reply.body
    changed: dict[str, Any] = reply.json[kind]
    return changed


async def status(who: Caller, method: str, target: str, body: Any = None) -> int:
    """The status of one request to ``target`` below the identity API."""
    return (await who.request(method, f"{IDENTITY}/{target}", body)).status


async def refusal(who: Caller, method: str, target: str, body: Any = None) -> tuple[int, str]:
    """The status and the text of a request that is refused."""
    reply = await who.request(method, f"{IDENTITY}/{target}", body)
    error = reply.json["error"]
    assert error["code"] == reply.status
    return reply.status, error["message"]


def taken(kind: str, name: str, domain_id: str | None = None) -> tuple[int, str]:
    """The answer to a name that another one has."""
    place = f" at domain ID {domain_id}" if domain_id else ""
    text = f"Conflict occurred attempting to store {kind} - Duplicate entry found with name {name}{place}."
    return 409, text


async def names(who: Caller, target: str) -> list[str]:
    """The names in a list, in its order."""
    listed = await who.get(f"{IDENTITY}/{target}")
    return [one["name"] for one in listed[target.partition("?")[0].rpartition("/")[2]]]


async def assign(
    cloud: Cloud,
    actor: tuple[ActorKind, str],
    role: str,
    target: tuple[ScopeKind, str],
    *,
    inherited: bool = False,
) -> None:
    """Give an actor a role on a target."""

    def unit(txn: Txn) -> None:
        role_id = roles.select(txn, RoleQuery(name=role))[0].id
        assignments.insert(txn, Assignment(*actor, *target, role_id, inherited))

    await cloud.write(unit)


async def ask_token(
    cloud: Cloud, user_id: str, password: str = PASSWORD, scope: Any = None
) -> Reply:
    """The answer to a login."""
    user = {"id": user_id, "password": password}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
    if scope is not None:
        auth["scope"] = scope
    return await cloud.nobody.request("POST", f"{IDENTITY}/auth/tokens", {"auth": auth})


async def logged_in(
    cloud: Cloud, user_id: str, password: str = PASSWORD, scope: Any = None
) -> Caller:
    """The user with a new token."""
    reply = await ask_token(cloud, user_id, password, scope)
    assert reply.status == 201, reply.body
    return Caller(cloud, reply.headers["x-subject-token"])


async def person(cloud: Cloud, name: str, role: str, domain_id: str) -> Caller:
    """A new user of a domain with a role on it, logged in to it."""
    user = await make(cloud.admin, "user", name=name, domain_id=domain_id, password=PASSWORD)
    await assign(cloud, ("user", user["id"]), role, ("domain", domain_id))
    return await logged_in(cloud, user["id"], scope={"domain": {"id": domain_id}})


async def is_valid(cloud: Cloud, who: Caller) -> bool:
    """Whether the caller's token still stands for him."""
    headers = {"X-Subject-Token": str(who.token)}
    reply = await cloud.admin.request("GET", f"{IDENTITY}/auth/tokens", headers=headers)
    return reply.status == 200
