"""Tokens: who gets one, for what, for how long, and when it stops being valid."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pumice.errors import Forbidden, InvalidInput, NotFound, Unauthenticated, Unavailable
from pumice.identity.keyring import Keyring
from pumice.identity.passwords import hash_password
from pumice.seams import SystemIds
from pumice.services import passwords, scopes, tokens
from pumice.services.scopes import Reference, ScopeRequest
from pumice.services.tokens import AuthRequest, PasswordLogin, TokenInfo

REFUSAL = "The request you have made requires authentication."
PASSWORD = "s3cret"
LIFETIME_SECONDS = 3600

ADMIN = Reference(name="admin", domain_id="default")
ADMIN_PROJECT = ScopeRequest("project", Reference(name="admin", domain_id="default"))
SYSTEM = ScopeRequest("system")
NO_SCOPE = ScopeRequest()
UNSCOPED = ScopeRequest("unscoped")


def by_password(
    user: Reference = ADMIN, scope: ScopeRequest = NO_SCOPE, password: str = PASSWORD
) -> AuthRequest:
    return AuthRequest(password=PasswordLogin(user, password), scope=scope)


async def refused(awaitable: Any) -> Unauthenticated:
    """The refusal, which tells the caller nothing and the operator something."""
    with pytest.raises(Unauthenticated) as caught:
        await awaitable
    assert caught.value.public == REFUSAL
    assert caught.value.detail
    return caught.value


# --- Who, and for what -------------------------------------------------------------------------


async def test_a_project_token_says_all_that_its_description_needs(world: Any) -> None:
    service = world.token_service()
    issued = await service.authenticate(by_password(scope=ADMIN_PROJECT))
    info: TokenInfo = issued.info
    assert (info.user_name, info.user_domain_id, info.user_domain_name) == (
        "admin",
        "default",
        "Default",
    )
    assert (info.scope, info.project_name) == ("project", "admin")
    assert (info.project_domain_id, info.project_domain_name) == ("default", "Default")
    assert (info.domain_id, info.domain_name) == (None, None)
    assert info.roles == {"admin", "manager", "member", "reader"}
    assert [role.name for role in info.role_list] == ["admin", "manager", "member", "reader"]
    assert info.methods == ("password",)
    assert len(info.audit_ids) == 1
    assert info.issued_us == world.clock.us - world.clock.us % 1_000_000
    assert info.expires_us == info.issued_us + LIFETIME_SECONDS * 1_000_000


async def test_a_token_means_the_same_to_its_issuer_and_to_one_who_never_saw_it(
    world: Any,
) -> None:
    domain_id = await world.add_domain("Stone")
    user_id = await world.add_user("basalt", domain_id)
    project_id = await world.add_project("quarry", domain_id)
    await world.assign(user_id, "member", "project", project_id)
    await world.assign(user_id, "reader", "domain", domain_id)
    await world.assign(user_id, "manager", "system")
    targets = {"project": Reference(id=project_id), "domain": Reference(id=domain_id)}
    for kind in ("unscoped", "project", "domain", "system"):
        scope = ScopeRequest(kind, targets.get(kind, Reference()))
        issued = await world.token_service().authenticate(by_password(Reference(id=user_id), scope))
        assert issued.info.scope == kind
        assert await world.token_service().validate(issued.text) == issued.info


@pytest.mark.parametrize(
    "reference",
    [
        Reference(name="admin", domain_id="default"),
        Reference(name="admin", domain_name="Default"),
    ],
)
async def test_users_and_projects_are_found_by_name_and_by_id(
    world: Any, reference: Reference
) -> None:
    service = world.token_service()
    named = await service.authenticate(by_password(reference, ScopeRequest("project", reference)))
    by_id = await service.authenticate(
        by_password(
            Reference(id=named.info.user_id),
            ScopeRequest("project", Reference(id=named.info.project_id)),
        )
    )
    assert by_id.info.user_id == named.info.user_id
    assert by_id.info.project_id == named.info.project_id


async def test_a_domain_is_found_by_name_and_by_id(world: Any) -> None:
    domain_id = await world.add_domain("Stone")
    user_id = await world.add_user("basalt")
    await world.assign(user_id, "manager", "domain", domain_id)
    for target in (Reference(id=domain_id), Reference(name="Stone")):
        issued = await world.token_service().authenticate(
            by_password(Reference(id=user_id), ScopeRequest("domain", target))
        )
        assert (issued.info.domain_id, issued.info.domain_name) == (domain_id, "Stone")
        assert issued.info.project_id is None
        assert issued.info.roles == {"manager", "member", "reader"}


async def test_the_system_is_a_scope_and_no_scope_has_no_roles(world: Any) -> None:
    service = world.token_service()
    system = (await service.authenticate(by_password(scope=SYSTEM))).info
    assert (system.scope, system.project_id, system.domain_id) == ("system", None, None)
    assert "admin" in system.roles
    unscoped = (await service.authenticate(by_password(scope=UNSCOPED))).info
    assert (unscoped.scope, unscoped.roles, unscoped.role_list) == ("unscoped", frozenset(), ())


async def test_who_asks_for_no_scope_gets_his_default_project(world: Any) -> None:
    project_id = await world.add_project("home")
    user_id = await world.add_user("basalt", default_project_id=project_id)
    await world.assign(user_id, "member", "project", project_id)
    service = world.token_service()
    assert (await service.authenticate(by_password(Reference(id=user_id)))).info.project_id == (
        project_id
    )
    asked = await service.authenticate(by_password(Reference(id=user_id), UNSCOPED))
    assert asked.info.scope == "unscoped"


@pytest.mark.parametrize("why", ["no role", "disabled", "gone"])
async def test_a_default_project_that_cannot_be_used_means_no_scope(world: Any, why: str) -> None:
    project_id = "0" * 32 if why == "gone" else await world.add_project("home")
    user_id = await world.add_user("basalt", default_project_id=project_id)
    if why == "disabled":
        await world.assign(user_id, "member", "project", project_id)
        await world.identity_change(
            "UPDATE projects SET enabled = FALSE WHERE id = :id", id=project_id
        )
    issued = await world.token_service().authenticate(by_password(Reference(id=user_id)))
    assert issued.info.scope == "unscoped"


# --- Who not -----------------------------------------------------------------------------------

STONE = ScopeRequest("domain", Reference(name="Stone"))
QUARRY = ScopeRequest("project", Reference(name="quarry", domain_name="Stone"))
BASALT = Reference(name="basalt", domain_name="Stone")
GRANITE = Reference(name="granite", domain_id="default")
NONE = Reference(id="0" * 32)

NO_PASSWORD = "UPDATE users SET password_hash = NULL WHERE name = 'basalt'"
NO_USER = "UPDATE users SET enabled = FALSE WHERE name = 'basalt'"
NO_DOMAIN = "UPDATE domains SET enabled = FALSE WHERE name = 'Stone'"
NO_PROJECT = "UPDATE projects SET enabled = FALSE WHERE name = 'quarry'"
NO_ROLE = """DELETE FROM role_assignments WHERE target_type = 'domain'
    AND actor_id = (SELECT id FROM users WHERE name = 'basalt')"""


async def stone_domain(world: Any) -> None:
    """Domain Stone with user basalt and project quarry; he and granite of Default have roles on both."""
    domain_id = await world.add_domain("Stone")
    project_id = await world.add_project("quarry", domain_id)
    for name, home in (("basalt", domain_id), ("granite", "default")):
        user_id = await world.add_user(name, home)
        await world.assign(user_id, "member", "project", project_id)
        await world.assign(user_id, "reader", "domain", domain_id)


@pytest.mark.parametrize(
    "request_",
    [
        by_password(password="wrong"),
        by_password(Reference(name="nobody", domain_id="default")),
        by_password(Reference(name="admin", domain_id="nowhere")),
        by_password(Reference(name="admin", domain_name="Nowhere")),
        by_password(NONE),
        by_password(BASALT, ScopeRequest("project", NONE)),
        by_password(BASALT, ScopeRequest("project", Reference(name="none", domain_name="Stone"))),
        by_password(BASALT, ScopeRequest("domain", NONE)),
        by_password(BASALT, ScopeRequest("domain", Reference(name="Nowhere"))),
        by_password(BASALT, ADMIN_PROJECT),
        by_password(BASALT, SYSTEM),
        by_password(ADMIN, QUARRY),
        by_password(ADMIN, STONE),
    ],
)
async def test_every_refusal_reads_the_same(world: Any, request_: AuthRequest) -> None:
    await stone_domain(world)
    await refused(world.token_service().authenticate(request_))


async def test_a_void_token_leads_to_no_other(world: Any) -> None:
    """Not found, as in Keystone: it says nothing about users."""
    with pytest.raises(NotFound, match="Could not find token"):
        await world.token_service().authenticate(AuthRequest(token="gAAAAA-no-token"))


@pytest.mark.parametrize(
    ("request_", "change"),
    [
        (by_password(BASALT), NO_PASSWORD),
        (by_password(BASALT), NO_USER),
        (by_password(BASALT), NO_DOMAIN),
        (by_password(BASALT, QUARRY), NO_PROJECT),
        (by_password(BASALT, STONE), NO_ROLE),
        (by_password(GRANITE, QUARRY), NO_DOMAIN),
        (by_password(GRANITE, STONE), NO_DOMAIN),
    ],
)
async def test_what_was_granted_once_is_refused_after_a_change(
    world: Any, request_: AuthRequest, change: str
) -> None:
    await stone_domain(world)
    service = world.token_service()
    await service.authenticate(request_)
    await world.identity_change(change)
    await refused(service.authenticate(request_))


@pytest.mark.parametrize(
    ("request_", "missing"),
    [
        (AuthRequest(), "password or token in identity"),
        (by_password(Reference()), "id in user"),
        (by_password(Reference(name="admin")), "domain in user"),
        (by_password(scope=ScopeRequest("project", Reference(name="admin"))), "domain in project"),
        (by_password(scope=ScopeRequest("project")), "id in project"),
        (by_password(scope=ScopeRequest("domain")), "id in domain"),
    ],
)
async def test_half_a_request_is_the_clients_mistake(
    world: Any, request_: AuthRequest, missing: str
) -> None:
    with pytest.raises(InvalidInput, match=f"Expecting to find {missing}"):
        await world.token_service().authenticate(request_)


# --- Passwords ---------------------------------------------------------------------------------


async def test_an_unknown_user_costs_a_hash_like_a_wrong_password(world: Any) -> None:
    service = world.token_service()
    hashes = world.executor.hashes
    await refused(service.authenticate(by_password(password="wrong")))
    await refused(service.authenticate(by_password(Reference(name="no", domain_id="default"))))
    await refused(service.authenticate(by_password(Reference(name="no", domain_name="No"))))
    assert [stored[:7] for stored in hashes] == ["$2b$04$"] * 3


async def test_a_verified_login_needs_no_second_hash(world: Any) -> None:
    service = world.token_service()
    for _ in range(3):
        await service.authenticate(by_password(scope=ADMIN_PROJECT))
    assert len(world.executor.hashes) == 1
    await refused(service.authenticate(by_password(password="wrong")))
    assert len(world.executor.hashes) == 2


async def test_a_changed_password_forgets_the_verified_login(world: Any) -> None:
    service = world.token_service()
    await service.authenticate(by_password())
    await world.identity_change(
        "UPDATE users SET password_hash = :new WHERE name = 'admin'", new=hash_password("new", 4)
    )
    await refused(service.authenticate(by_password()))
    await service.authenticate(by_password(password="new"))
    assert len(world.executor.hashes) == 3


async def test_a_password_that_changes_while_it_is_hashed_is_refused(world: Any) -> None:
    service = world.token_service()
    world.executor.hold = True
    login = asyncio.create_task(service.authenticate(by_password()))
    await world.executor.settle()
    await world.identity_change("UPDATE users SET password_hash = NULL WHERE name = 'admin'")
    await world.executor.run_next()
    assert "just changed" in (await refused(login)).detail


async def test_clients_that_start_together_share_one_hash_and_two_threads(world: Any) -> None:
    service = world.token_service()
    world.executor.hold = True
    logins = [asyncio.create_task(service.authenticate(by_password())) for _ in range(5)]
    await world.executor.settle()
    assert len(world.executor.hashes) == passwords.HASHES_AT_ONCE == 2
    await world.executor.run_next()
    assert (await logins[0]).info.user_name == "admin"
    await world.executor.run_next()
    await asyncio.gather(*logins)
    assert len(world.executor.hashes) == 2


async def test_too_many_logins_are_told_to_come_back(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASHES_WAITING_MAX", 1)
    service = world.token_service()
    world.executor.hold = True
    logins = [
        asyncio.create_task(service.authenticate(by_password(password=f"wrong{number}")))
        for number in range(4)
    ]
    await world.executor.settle()
    with pytest.raises(Unavailable) as caught:
        await logins[3]
    assert caught.value.retry_after_seconds > 0
    for login in logins[:3]:
        await world.executor.run_next()
        await refused(login)


async def test_a_client_that_leaves_does_not_free_the_thread_that_hashes_for_it(
    world: Any,
) -> None:
    service = world.token_service()
    world.executor.hold = True
    gone = [asyncio.create_task(service.authenticate(by_password())) for _ in range(2)]
    await world.executor.settle()
    for login in gone:
        login.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    late = asyncio.create_task(service.authenticate(by_password(password="wrong")))
    await world.executor.settle()
    assert len(world.executor.hashes) == 2
    await world.executor.run_next()
    assert len(world.executor.hashes) == 3
    for _ in range(2):
        await world.executor.run_next()
    await refused(late)


def test_a_password_is_not_shown_with_its_login() -> None:
    assert PASSWORD not in repr(by_password())


# --- A token from a token ----------------------------------------------------------------------


async def test_a_token_from_a_token_keeps_the_end_and_the_chain(world: Any) -> None:
    service = world.token_service()
    first = await service.authenticate(by_password(scope=UNSCOPED))
    world.clock.advance(100)
    second = await service.authenticate(AuthRequest(token=first.text, scope=ADMIN_PROJECT))
    assert second.info.scope == "project"
    assert second.info.expires_us == first.info.expires_us
    assert second.info.issued_us == first.info.issued_us + 100_000_000
    assert second.info.methods == ("token", "password")
    assert second.info.audit_ids[1:] == first.info.audit_ids
    third = await service.authenticate(AuthRequest(token=second.text))
    assert third.info.audit_ids[1:] == first.info.audit_ids
    assert third.info.audit_ids[0] != second.info.audit_ids[0]
    assert len(world.executor.hashes) == 1


async def test_the_systems_scope_is_no_way_to_a_project(world: Any) -> None:
    service = world.token_service()
    system = await service.authenticate(by_password(scope=SYSTEM))
    with pytest.raises(Forbidden):
        await service.authenticate(AuthRequest(token=system.text, scope=ADMIN_PROJECT))
    again = await service.authenticate(AuthRequest(token=system.text, scope=SYSTEM))
    assert again.info.scope == "system"


async def test_password_and_token_must_be_one_users(world: Any) -> None:
    service = world.token_service()
    await world.add_user("basalt")
    basalt = Reference(name="basalt", domain_id="default")
    token = (await service.authenticate(by_password(basalt))).text
    both = AuthRequest(password=PasswordLogin(basalt, PASSWORD), token=token)
    assert (await service.authenticate(both)).info.methods == ("token", "password")
    await refused(
        service.authenticate(AuthRequest(password=PasswordLogin(ADMIN, PASSWORD), token=token))
    )


# --- Validity ----------------------------------------------------------------------------------


async def test_a_token_ends_with_its_lifetime(world: Any) -> None:
    service = world.token_service()
    token = await service.authenticate(by_password())
    world.clock.us = token.info.expires_us - 1
    for reader in (service, world.token_service()):
        await reader.validate(token.text)
    world.clock.us = token.info.expires_us
    for reader in (service, world.token_service()):
        await refused(reader.validate(token.text))


async def test_what_was_validated_holds_until_identity_changes(world: Any) -> None:
    service = world.token_service()
    token = await service.authenticate(by_password(scope=ADMIN_PROJECT))
    disable = "UPDATE users SET enabled = FALSE WHERE name = 'admin'"

    def behind_its_back(txn: Any) -> None:
        txn.change(disable, {})

    await world.store.write(behind_its_back)
    await service.validate(token.text)
    await world.identity_change(disable)
    await refused(service.validate(token.text))
    await world.identity_change("UPDATE users SET enabled = TRUE WHERE name = 'admin'")
    assert await service.validate(token.text) == token.info


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE users SET enabled = FALSE WHERE name = 'admin'",
        "UPDATE projects SET enabled = FALSE WHERE name = 'admin'",
        "UPDATE domains SET enabled = FALSE WHERE id = 'default'",
        "DELETE FROM role_assignments WHERE target_type = 'project'",
        "DELETE FROM projects WHERE name = 'admin'",
    ],
)
async def test_a_token_is_worth_what_its_owner_may_do_now(world: Any, sql: str) -> None:
    service = world.token_service()
    token = await service.authenticate(by_password(scope=ADMIN_PROJECT))
    await world.identity_change(sql)
    await refused(service.validate(token.text))


async def test_roles_follow_the_assignments(world: Any) -> None:
    user_id = await world.add_user("basalt")
    project_id = await world.add_project("quarry")
    await world.assign(user_id, "reader", "project", project_id)
    service = world.token_service()
    token = await service.authenticate(
        by_password(Reference(id=user_id), ScopeRequest("project", Reference(id=project_id)))
    )
    assert token.info.roles == {"reader"}
    await world.assign(user_id, "member", "project", project_id)
    world.generation.bump()
    assert (await service.validate(token.text)).roles == {"member", "reader"}


async def test_a_token_of_other_keys_is_none(world: Any) -> None:
    token = await world.token_service().authenticate(by_password())
    world.keyring = Keyring.new(SystemIds())
    await refused(world.token_service().validate(token.text))
    await refused(world.token_service().validate(""))


async def test_only_so_many_tokens_are_kept_and_the_busy_ones_stay(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "TOKENS_KEPT", 2)
    service = world.token_service()
    busy, idle = [(await service.authenticate(by_password())).text for _ in range(2)]
    await service.validate(busy)
    newest = (await service.authenticate(by_password())).text
    assert list(service._kept) == [busy, newest]
    assert (await service.validate(idle)).user_name == "admin"


# --- Where a user could go ---------------------------------------------------------------------


async def test_who_may_go_to_the_system_is_told_so(world: Any) -> None:
    user_id = await world.add_user("basalt")
    context = world.context(user_id=user_id)
    assert not await world.store.read(scopes.has_system_role, context)
    await world.assign(user_id, "reader", "system")
    assert await world.store.read(scopes.has_system_role, context)
