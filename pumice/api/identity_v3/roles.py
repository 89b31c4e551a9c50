"""``/roles`` and what they imply.

A role of a domain has policies of its own, so handlers enforce the one that fits. Who asks for a role that
does not exist is asked by the policy of the global ones first, and learns nothing that he may not know.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, NamedTuple

from msgspec import UNSET, UnsetType

from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.resource import (
    Id,
    IdentityBody,
    Name,
    Resource,
    ResourceOptions,
    change,
    changes_in,
    options_in,
    perform,
)
from pumice.api.identity_v3.views import self_link
from pumice.api.policy import Policy
from pumice.api.request import Answer, Request
from pumice.api.route import Route
from pumice.errors import Conflict, Forbidden, NotFound
from pumice.model.identity import Role, RoleQuery
from pumice.services import roles


class CreateRole(IdentityBody, kw_only=True):
    """``POST /roles``; with ``domain_id``, a role of that domain."""

    WRAPPER = "role"
    EXAMPLE: ClassVar[Any] = {"name": "example"}

    name: Name
    domain_id: Id | None = None
    description: str | None = None
    options: ResourceOptions | UnsetType = UNSET


class UpdateRole(IdentityBody, kw_only=True):
    """``PATCH /roles/{role_id}``."""

    WRAPPER = "role"
    EXAMPLE: ClassVar[Any] = {"description": "Changed."}

    name: Name | UnsetType = UNSET
    domain_id: Id | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    options: ResourceOptions | UnsetType = UNSET


class Either(NamedTuple):
    """The policy for global roles, and that for a domain's."""

    of_global: Policy
    of_domain: Policy


LIST: Final = Either(policies.LIST_ROLES, policies.LIST_DOMAIN_ROLES)
GET: Final = Either(policies.GET_ROLE, policies.GET_DOMAIN_ROLE)
CREATE: Final = Either(policies.CREATE_ROLE, policies.CREATE_DOMAIN_ROLE)
UPDATE: Final = Either(policies.UPDATE_ROLE, policies.UPDATE_DOMAIN_ROLE)
DELETE: Final = Either(policies.DELETE_ROLE, policies.DELETE_DOMAIN_ROLE)


def role_view(_request: Request, role: Role) -> dict[str, Any]:
    """A role."""
    return role.extra | {
        "id": role.id,
        "name": role.name,
        "domain_id": role.domain_id,
        "description": role.description,
        "options": role.options,
    }


ROLES: Final = Resource(
    "roles",
    "role",
    roles.list_roles,
    roles.find_role,
    RoleQuery,
    role_view,
    policies.LIST_ROLES,
    policies.GET_ROLE,
)


def role_target(role: Role) -> dict[str, object]:
    """What policies may ask about a role; for those of no domain the domain is None."""
    return {
        "target.role.id": role.id,
        "target.role.name": role.name,
        "target.role.domain_id": role.domain_id,
    }


async def _allowed_role(request: Request, either: Either) -> str:
    """The id of the role that the path names, if the policy that fits it allows the request."""
    role_id = request.parameters["role_id"]
    target = request.own_target()
    try:
        role = await request.read(roles.find_role, request.context, role_id)
    except NotFound:
        request.services.rules.enforce(either.of_global, request.context, target)
        raise
    policy = either.of_domain if role.domain_id else either.of_global
    request.services.rules.enforce(policy, request.context, target | role_target(role))
    return role_id


async def list_roles(request: Request) -> dict[str, Any]:
    """The roles of no domain, or of the one that is asked for."""
    policy = LIST.of_domain if ROLES.wanted(request).domain_id else LIST.of_global
    request.services.rules.enforce(policy, request.context, request.own_target())
    return await ROLES.list_all(request)


async def show_role(request: Request) -> dict[str, Any]:
    """One role."""
    await _allowed_role(request, GET)
    return await ROLES.show(request)


async def create_role(request: Request, body: CreateRole) -> dict[str, Any]:
    """Make a role."""
    role = Role(
        request.services.seams.ids.identity_side(),
        body.name.strip(),
        body.description or "",
        request.context.now_us,
        body.domain_id,
        options_in(body.options),
        body.extra,
    )
    policy = CREATE.of_domain if role.domain_id else CREATE.of_global
    target = request.own_target() | role_target(role)
    request.services.rules.enforce(policy, request.context, target)
    return await ROLES.change(request, roles.create_role, role)


async def update_role(request: Request, body: UpdateRole) -> dict[str, Any]:
    """Change a role."""
    role_id = await _allowed_role(request, UPDATE)
    changes = changes_in(request, body, "role_id")
    return await ROLES.change(request, roles.update_role, role_id, changes)


async def delete_role(request: Request) -> None:
    """Remove a role; nobody has it any more."""
    await perform(request, roles.delete_role, await _allowed_role(request, DELETE))


# --- What roles imply --------------------------------------------------------------------------


def _short(request: Request, role: Role) -> dict[str, Any]:
    links = self_link(request, "roles", role.id)
    return {"id": role.id, "name": role.name, "links": links}


def _inference(request: Request, prior: Role, implied: Role | list[Role]) -> dict[str, Any]:
    """That ``prior`` implies one role, or which ones it implies."""
    shown: Any = (
        [_short(request, one) for one in implied]
        if isinstance(implied, list)
        else _short(request, implied)
    )
    return {
        "role_inference": {"prior_role": _short(request, prior), "implies": shown},
        "links": {"self": f"{request.base}{request.path}"},
    }


async def list_implied(request: Request) -> dict[str, Any]:
    """The roles that one role implies at once."""
    prior_id = request.parameters["role_id"]
    prior, implied = await request.read(roles.find_implications, request.context, prior_id)
    return _inference(request, prior, implied)


async def show_implied(request: Request) -> Answer:
    """That a role implies another; to HEAD only whether it does."""
    ids = request.parameters["role_id"], request.parameters["implied_role_id"]
    if request.method == "HEAD":
        rules = request.services.rules
        rules.enforce(policies.CHECK_IMPLIED, request.context, request.own_target())
    found = await request.read(roles.find_implication, request.context, *ids)
    # As in Keystone, whose HEAD has another status than its GET here.
    return Answer(status=204) if request.method == "HEAD" else Answer(_inference(request, *found))


async def create_implied(request: Request) -> dict[str, Any]:
    """Let a role imply another."""
    return await change(
        request,
        roles.create_implication,
        request.parameters["role_id"],
        request.parameters["implied_role_id"],
        view=lambda both: _inference(request, *both),
    )


async def delete_implied(request: Request) -> None:
    """Let a role not imply another."""
    ids = request.parameters["role_id"], request.parameters["implied_role_id"]
    await perform(request, roles.delete_implication, *ids)


async def list_inferences(request: Request) -> dict[str, Any]:
    """Each role that implies others, with those that it implies at once."""
    found = await request.read(roles.list_implications, request.context)
    by_prior: dict[str, dict[str, Any]] = {}
    for one in found:
        inference = {"prior_role": _short(request, one.prior), "implies": []}
        implies = by_prior.setdefault(one.prior.id, inference)["implies"]
        implies.append(_short(request, one.implied))
    return {"role_inferences": list(by_prior.values())}


_ROLE: Final = "/roles/{role_id}"
_IMPLIED: Final = "/roles/{role_id}/implies/{implied_role_id}"

ROUTES: Final = (
    Route("GET", "/roles", list_roles, policies.ROLES, further=LIST, raises=(NotFound,)),
    Route("GET", _ROLE, show_role, policies.ROLES, further=GET, raises=(NotFound,)),
    Route(
        "POST",
        "/roles",
        create_role,
        policies.ROLES,
        status=201,
        body=CreateRole,
        keyed=True,
        further=CREATE,
        raises=(NotFound, Conflict),
    ),
    Route(
        "PATCH",
        _ROLE,
        update_role,
        policies.ROLES,
        body=UpdateRole,
        further=UPDATE,
        raises=(NotFound, Forbidden, Conflict),
    ),
    Route(
        "DELETE",
        _ROLE,
        delete_role,
        policies.ROLES,
        status=204,
        further=DELETE,
        raises=(NotFound, Forbidden),
    ),
    Route("GET", "/role_inferences", list_inferences, policies.LIST_INFERENCES),
    Route(
        "GET", "/roles/{role_id}/implies", list_implied, policies.LIST_IMPLIED, raises=(NotFound,)
    ),
    Route(
        "GET",
        _IMPLIED,
        show_implied,
        policies.GET_IMPLIED,
        further=(policies.CHECK_IMPLIED,),
        raises=(NotFound,),
    ),
    Route(
        "PUT",
        _IMPLIED,
        create_implied,
        policies.CREATE_IMPLIED,
        status=201,
        raises=(NotFound, Forbidden, Conflict),
    ),
    Route(
        "DELETE",
        _IMPLIED,
        delete_implied,
        policies.DELETE_IMPLIED,
        status=204,
        raises=(NotFound,),
    ),
)
