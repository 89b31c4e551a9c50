"""List and show of domains, projects, users, roles, regions, services and endpoints.

They differ only in their names, fields and filters, so each is one row of :data:`RESOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from pumice.api.body import parse_bool, parse_int
from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.views import listed, self_link
from pumice.api.policy import Policy
from pumice.api.request import Request
from pumice.api.route import Handler, Route
from pumice.errors import InvalidInput, NotFound
from pumice.model import identity as model
from pumice.services import domains, endpoints, projects, regions, roles, services, users


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: its two names, how to find it, which filters it knows, and what is shown of it."""

    plural: str
    singular: str
    find_all: Callable[..., list[Any]]
    find_one: Callable[..., Any]
    query: type[Any]
    view: Callable[[Request, Any], dict[str, Any]]
    list_policy: Policy
    show_policy: Policy

    def routes(self) -> tuple[Route, Route]:
        """``GET /things`` and ``GET /things/{thing_id}``."""
        return (
            Route("GET", f"/{self.plural}", self._list(), self.list_policy, raises=(NotFound,)),
            Route(
                "GET",
                f"/{self.plural}/{{{self.singular}_id}}",
                self._show(),
                self.show_policy,
                raises=(NotFound,),
            ),
        )

    def _list(self) -> Handler:
        async def list_all(request: Request) -> dict[str, Any]:
            query = self._query(request)
            found = await request.services.units.read(self.find_all, request.context, query)
            limit = getattr(query, "limit", None)
            more = None
            if found and len(found) == limit:
                more = self._next(request, found[-1].id)
            views = [self._shown(request, one) for one in found]
            return listed(request, self.plural, views, more=more)

        return list_all

    def _show(self) -> Handler:
        async def show(request: Request) -> dict[str, Any]:
            thing_id = request.parameters[f"{self.singular}_id"]
            found = await request.services.units.read(self.find_one, request.context, thing_id)
            return {self.singular: self._shown(request, found)}

        return show

    def _shown(self, request: Request, thing: Any) -> dict[str, Any]:
        return self.view(request, thing) | {"links": self_link(request, self.plural, thing.id)}

    def _query(self, request: Request) -> Any:
        """The filters of the request that this resource knows; others are ignored, as Keystone does."""
        known = self.query.__struct_fields__
        values: dict[str, Any] = {}
        for name, text in request.query():
            if name == "enabled":
                values[name] = _boolean(name, text)
            elif name == "limit":
                values[name] = _number(name, text)
            else:
                values[name] = text
        return self.query(**{name: value for name, value in values.items() if name in known})

    def _next(self, request: Request, marker: str) -> str:
        pairs = [(name, value) for name, value in request.query() if name != "marker"]
        query = urlencode([*pairs, ("marker", marker)])
        return f"{request.base}{request.path}?{query}"


def _boolean(name: str, text: str) -> bool:
    # Keystone: a bare "?enabled" means true, and only 0 and false mean false.
    try:
        return parse_bool(text) if text else True
    except ValueError as error:
        raise InvalidInput(f"Invalid input for query parameter {name}: {error}.") from error


def _number(name: str, text: str) -> int:
    try:
        return parse_int(text, minimum=1)
    except ValueError as error:
        raise InvalidInput(f"Invalid input for query parameter {name}: {error}.") from error


def domain_view(_request: Request, domain: model.Domain) -> dict[str, Any]:
    """A domain."""
    return {
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": [],
        "options": {},
    }


def project_view(_request: Request, project: model.Project) -> dict[str, Any]:
    """A project."""
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "parent_id": project.parent_id,
        "description": project.description,
        "enabled": project.enabled,
        "is_domain": False,
        "tags": [],
        "options": {},
    }


def user_view(_request: Request, user: model.User) -> dict[str, Any]:
    """A user, without what is not set."""
    optional = {
        "default_project_id": user.default_project_id,
        "description": user.description,
        "email": user.email,
    }
    return {
        "id": user.id,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "password_expires_at": None,
        "options": {},
    } | {name: value for name, value in optional.items() if value is not None}


def role_view(_request: Request, role: model.Role) -> dict[str, Any]:
    """A role."""
    return {
        "id": role.id,
        "name": role.name,
        "domain_id": None,
        "description": role.description,
        "options": {},
    }


def region_view(_request: Request, region: model.Region) -> dict[str, Any]:
    """A region."""
    return {
        "id": region.id,
        "description": region.description,
        "parent_region_id": region.parent_region_id,
    }


def service_view(_request: Request, service: model.Service) -> dict[str, Any]:
    """A service."""
    return {
        "id": service.id,
        "type": service.type,
        "name": service.name,
        "description": service.description,
        "enabled": service.enabled,
    }


def endpoint_view(request: Request, endpoint: model.Endpoint) -> dict[str, Any]:
    """An endpoint; of its template only the project is left to be filled in."""
    return {
        "id": endpoint.id,
        "service_id": endpoint.service_id,
        "interface": endpoint.interface,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": endpoint.url.replace("{base}", request.base),
        "enabled": endpoint.enabled,
    }


RESOURCES: Final = (
    Resource(
        "domains",
        "domain",
        domains.list_domains,
        domains.find_domain,
        model.DomainQuery,
        domain_view,
        policies.LIST_DOMAINS,
        policies.GET_DOMAIN,
    ),
    Resource(
        "projects",
        "project",
        projects.list_projects,
        projects.find_project,
        model.ProjectQuery,
        project_view,
        policies.LIST_PROJECTS,
        policies.GET_PROJECT,
    ),
    Resource(
        "users",
        "user",
        users.list_users,
        users.find_user,
        model.UserQuery,
        user_view,
        policies.LIST_USERS,
        policies.GET_USER,
    ),
    Resource(
        "roles",
        "role",
        roles.list_roles,
        roles.find_role,
        model.RoleQuery,
        role_view,
        policies.LIST_ROLES,
        policies.GET_ROLE,
    ),
    Resource(
        "regions",
        "region",
        regions.list_regions,
        regions.find_region,
        model.RegionQuery,
        region_view,
        policies.LIST_REGIONS,
        policies.GET_REGION,
    ),
    Resource(
        "services",
        "service",
        services.list_services,
        services.find_service,
        model.ServiceQuery,
        service_view,
        policies.LIST_SERVICES,
        policies.GET_SERVICE,
    ),
    Resource(
        "endpoints",
        "endpoint",
        endpoints.list_endpoints,
        endpoints.find_endpoint,
        model.EndpointQuery,
        endpoint_view,
        policies.LIST_ENDPOINTS,
        policies.GET_ENDPOINT,
    ),
)

ROUTES: Final = tuple(route for resource in RESOURCES for route in resource.routes())
