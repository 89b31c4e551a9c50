"""Roles of users and groups on projects, domains and the system, and ``/role_assignments``.

One table of paths and policies makes the routes; their handlers are the same four.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.resource import is_true, perform, target
from pumice.api.identity_v3.roles import ROLES, role_target
from pumice.api.identity_v3.views import listed
from pumice.api.policy import Policy
from pumice.api.request import Request
from pumice.api.route import Route, Target
from pumice.errors import Forbidden, InvalidInput, NotFound
from pumice.model.identity import (
    SYSTEM_TARGET,
    ActorKind,
    Assignment,
    AssignmentQuery,
    Holding,
    ScopeKind,
)
from pumice.services import assignments
from pumice.services.assignments import NamedKind, Names
from pumice.services.domains import find_domain
from pumice.services.groups import find_group
from pumice.services.projects import find_project
from pumice.services.roles import find_role
from pumice.services.users import find_user

# --- Grants ------------------------------------------------------------------------------------

INHERITED: Final = "inherited_to_projects"


def _grant(request: Request) -> Assignment:
    """What the path of the request says; a list names no role."""
    parameters = request.parameters
    actor: ActorKind = "user" if "user_id" in parameters else "group"
    place: ScopeKind = "system"
    if "project_id" in parameters:
        place = "project"
    elif "domain_id" in parameters:
        place = "domain"
    return Assignment(
        actor,
        parameters[f"{actor}_id"],
        place,
        parameters.get(f"{place}_id", SYSTEM_TARGET),
        parameters.get("role_id", ""),
        inherited=request.path.rstrip("/").endswith(f"/{INHERITED}"),
    )


async def list_grants(request: Request) -> dict[str, Any]:
    """The roles that an actor was given on a target."""
    grant = _grant(request)
    found = await request.read(assignments.list_grants, request.context, grant)
    return listed(request, "roles", [ROLES.shown(request, role) for role in found])


async def check_grant(request: Request) -> None:
    """An empty answer if an actor was given the role on the target."""
    grant = _grant(request)
    await request.read(assignments.check_grant, request.context, grant)


async def create_grant(request: Request) -> None:
    """Give an actor a role on a target."""
    await perform(request, assignments.create_grant, _grant(request))


async def revoke_grant(request: Request) -> None:
    """Take an actor's role on a target."""
    await perform(request, assignments.revoke_grant, _grant(request))


class Policies(NamedTuple):
    """Of the routes of one path."""

    list: Policy
    check: Policy
    create: Policy
    revoke: Policy


_GRANTS: Final = Policies(
    policies.LIST_GRANTS, policies.CHECK_GRANT, policies.CREATE_GRANT, policies.REVOKE_GRANT
)
_SYSTEM: Final[Mapping[str, Policies]] = {
    "user": Policies(
        policies.LIST_SYSTEM_GRANTS_FOR_USER,
        policies.CHECK_SYSTEM_GRANT_FOR_USER,
        policies.CREATE_SYSTEM_GRANT_FOR_USER,
        policies.REVOKE_SYSTEM_GRANT_FOR_USER,
    ),
    "group": Policies(
        policies.LIST_SYSTEM_GRANTS_FOR_GROUP,
        policies.CHECK_SYSTEM_GRANT_FOR_GROUP,
        policies.CREATE_SYSTEM_GRANT_FOR_GROUP,
        policies.REVOKE_SYSTEM_GRANT_FOR_GROUP,
    ),
}
_ACTORS: Final[Mapping[str, Callable[..., Any]]] = {"user": find_user, "group": find_group}
_PLACES: Final[Mapping[str, Callable[..., Any]]] = {"project": find_project, "domain": find_domain}


def _target(**find: Callable[..., Any]) -> Target:
    """What policies may ask about the actor, the place and, unless the path has none, the role."""
    both = target(**find)

    async def found(request: Request) -> Mapping[str, object]:
        attributes = await both(request)
        role_id = request.parameters.get("role_id")
        if role_id is None:
            return attributes
        try:
            role = await request.read(find_role, request.context, role_id)
        except NotFound:
            return attributes
        return {**attributes, **role_target(role)}

    return found


def _on_one(path: str, allowed: Policies, attributes: Target) -> Iterator[Route]:
    """The three routes of one role of an actor on a target."""
    for method, handler, policy, raises in (
        ("GET", check_grant, allowed.check, (NotFound,)),
        ("PUT", create_grant, allowed.create, (NotFound, Forbidden)),
        ("DELETE", revoke_grant, allowed.revoke, (NotFound,)),
    ):
        yield Route(method, path, handler, policy, status=204, target=attributes, raises=raises)


def _on_all(path: str, allowed: Policies, attributes: Target) -> Route:
    """The route of all roles of an actor on a target."""
    return Route("GET", path, list_grants, allowed.list, target=attributes, raises=(NotFound,))


def _grant_routes() -> Iterator[Route]:
    for actor, find_actor in _ACTORS.items():
        roles = f"{actor}s/{{{actor}_id}}/roles"
        for place, find_place in _PLACES.items():
            here = f"/{place}s/{{{place}_id}}/{roles}"
            attributes = _target(**{actor: find_actor, place: find_place})
            yield _on_all(here, _GRANTS, attributes)
            yield from _on_one(f"{here}/{{role_id}}", _GRANTS, attributes)
            yield from _on_one(f"/OS-INHERIT{here}/{{role_id}}/{INHERITED}", _GRANTS, attributes)
            if place == "domain":  # Keystone has no such list for projects.
                yield _on_all(f"/OS-INHERIT{here}/{INHERITED}", _GRANTS, attributes)
        attributes = _target(**{actor: find_actor})
        yield _on_all(f"/system/{roles}", _SYSTEM[actor], attributes)
        yield from _on_one(f"/system/{roles}/{{role_id}}", _SYSTEM[actor], attributes)


# --- Lists -------------------------------------------------------------------------------------

_FILTERS: Final = frozenset(
    {
        *("user.id", "group.id", "role.id", "scope.project.id", "scope.domain.id"),
        *("scope.system", "scope.OS-INHERIT:inherited_to"),
    }
)
_FLAGS: Final = frozenset({"effective", "include_names", "include_subtree"})


class Wanted(NamedTuple):
    """Which assignments, and how to show them."""

    query: AssignmentQuery
    effective: bool
    with_names: bool


def _wanted(request: Request) -> Wanted:
    """What the query says. Raises :class:`InvalidInput` for filters that contradict each other."""
    filters: dict[str, str] = {}
    flags: set[str] = set()
    for name, text in request.query():
        if name in _FLAGS and is_true(name, text):
            flags.add(name)
        elif name in _FILTERS:
            if not text:
                raise InvalidInput(f"Invalid input for query parameter {name}: it is empty.")
            filters[name] = text
    inherited_to = filters.get("scope.OS-INHERIT:inherited_to")
    inherited = None if inherited_to is None else inherited_to == "projects"
    effective = "effective" in flags
    actor_type, actor_id = _actor(filters)
    target_type, target_id = _place(filters)
    if effective and actor_type == "group":
        raise InvalidInput(
            "Combining effective and group filter will always result in an empty list."
        )
    if effective and inherited and target_type == "domain":
        raise InvalidInput(
            "Combining effective, domain and inherited filters will always result in an empty list."
        )
    if "include_subtree" in flags and target_type != "project":
        raise InvalidInput(
            "scope.project.id must be specified if include_subtree is also specified"
        )
    query = AssignmentQuery(
        actor_type=actor_type,
        actor_id=actor_id,
        target_type=target_type,
        target_id=target_id,
        subtree="include_subtree" in flags,
        role_id=filters.get("role.id"),
        inherited=inherited,
        within_domain=request.context.domain_id,
    )
    return Wanted(query, effective, "include_names" in flags)


def _actor(filters: Mapping[str, str]) -> tuple[ActorKind | None, str | None]:
    if "user.id" in filters and "group.id" in filters:
        raise InvalidInput("Specify a user or group, not both")
    if "user.id" in filters:
        return "user", filters["user.id"]
    if "group.id" in filters:
        return "group", filters["group.id"]
    return None, None


def _place(filters: Mapping[str, str]) -> tuple[ScopeKind | None, str | None]:
    project_id, domain_id = filters.get("scope.project.id"), filters.get("scope.domain.id")
    system = filters.get("scope.system") == SYSTEM_TARGET  # Anything else is ignored.
    for one, other, words in (
        (domain_id, project_id, "a domain or project"),
        (domain_id, system, "system or domain"),
        (project_id, system, "system or project"),
    ):
        if one and other:
            raise InvalidInput(f"Specify {words}, not both")
    if project_id:
        return "project", project_id
    if domain_id:
        return "domain", domain_id
    return ("system", SYSTEM_TARGET) if system else (None, None)


async def list_assignments(request: Request) -> dict[str, Any]:
    """Who has which role on what: as it was granted or, with ``effective``, what follows from it."""
    wanted = _wanted(request)
    if wanted.query.subtree:
        top = await request.read(find_project, request.context, wanted.query.target_id or "")
        attributes = {"target.domain_id": getattr(top, "domain_id", top.id)}
        request.services.rules.enforce(
            policies.LIST_ASSIGNMENTS_OF_TREE, request.context, request.own_target() | attributes
        )
    found = await request.read(assignments.list_assignments, request.context, *wanted)
    views = [_view(request, one, found.names) for one in found.holdings]
    return listed(request, "role_assignments", views)


async def _own_domain(request: Request) -> Mapping[str, object]:
    """The domain whose assignments a domain's token is shown."""
    return {"target.domain_id": request.context.domain_id}


def _view(request: Request, one: Holding, names: Names) -> dict[str, Any]:
    """A role that somebody has; with what it follows from in the links."""
    scope: dict[str, Any] = (
        {"system": {"all": True}}
        if one.target_type == "system"
        else {one.target_type: _reference(names, one.target_type, one.target_id)}
    )
    if one.origin.inherited:
        scope["OS-INHERIT:inherited_to"] = "projects"
    return {
        one.actor_type: _reference(names, one.actor_type, one.actor_id),
        "role": _reference(names, "role", one.role_id),
        "scope": scope,
        "links": {
            name: f"{request.base}{request.mount}{path}" for name, path in _links(one).items()
        },
    }


def _reference(names: Names, kind: Any, id_: str) -> dict[str, Any]:
    key: tuple[NamedKind, str] = kind, id_
    named = names.get(key)
    if named is None:
        return {"id": id_}
    if named.domain_id is None:
        return {"id": id_, "name": named.name}
    domain = {"id": named.domain_id, "name": named.domain_name}
    return {"id": id_, "name": named.name, "domain": domain}


def _path(kind: str, id_: str) -> str:
    return f"/{kind}s/{id_}"


def _links(one: Holding) -> dict[str, str]:
    """Where the assignment, the membership and the implication are that this role follows from."""
    origin = one.origin
    place = (
        "/system" if origin.target_type == "system" else _path(origin.target_type, origin.target_id)
    )
    path = f"{place}{_path(origin.actor_type, origin.actor_id)}/roles/{origin.role_id}"
    links = {"assignment": f"/OS-INHERIT{path}/{INHERITED}" if origin.inherited else path}
    if one.actor_type != origin.actor_type:
        links["membership"] = f"/groups/{origin.actor_id}/users/{one.actor_id}"
    if one.prior_role_id is not None:
        links["prior_role"] = f"/roles/{one.prior_role_id}/implies/{one.role_id}"
    return links


ROUTES: Final = (
    *_grant_routes(),
    Route(
        "GET",
        "/role_assignments",
        list_assignments,
        policies.LIST_ASSIGNMENTS,
        target=_own_domain,
        further=(policies.LIST_ASSIGNMENTS_OF_TREE,),
        raises=(NotFound,),
    ),
)
