"""``/domains``."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from msgspec import UNSET, UnsetType

from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.resource import (
    IdentityBody,
    Resource,
    ResourceOptions,
    ShortName,
    Tags,
    changes_in,
    options_in,
    perform,
    target,
    unique_tags,
)
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.errors import Conflict, Forbidden, InvalidInput, NotFound
from pumice.model.identity import Domain, DomainQuery
from pumice.services import domains

_UUID: Final = re.compile(r"[0-9a-f]{32}\Z")


class CreateDomain(IdentityBody, kw_only=True):
    """``POST /domains``."""

    WRAPPER = "domain"
    EXAMPLE: ClassVar[Any] = {"name": "example"}

    name: ShortName
    description: str | None = None
    enabled: bool = True
    tags: Tags = ()
    options: ResourceOptions | UnsetType = UNSET
    explicit_domain_id: str | None = None


class UpdateDomain(IdentityBody, kw_only=True):
    """``PATCH /domains/{domain_id}``."""

    WRAPPER = "domain"
    EXAMPLE: ClassVar[Any] = {"description": "Changed."}

    name: ShortName | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    options: ResourceOptions | UnsetType = UNSET


def domain_view(_request: Request, domain: Domain) -> dict[str, Any]:
    """A domain."""
    return domain.extra | {
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": domain.tags,
        "options": domain.options,
    }


DOMAINS: Final = Resource(
    "domains",
    "domain",
    domains.list_domains,
    domains.find_domain,
    DomainQuery,
    domain_view,
    policies.LIST_DOMAINS,
    policies.GET_DOMAIN,
    target(domain=domains.find_domain),
)


async def create_domain(request: Request, body: CreateDomain) -> dict[str, Any]:
    """Make a domain, on wish with an id that another cloud's has."""
    domain_id = body.explicit_domain_id
    if domain_id is None:
        domain_id = request.services.seams.ids.identity_side()
    elif not _UUID.match(domain_id):
        raise InvalidInput("The field 'explicit_domain_id' must be a UUID without dashes.")
    domain = Domain(
        domain_id,
        body.name.strip(),
        body.description or "",
        body.enabled,
        request.context.now_us,
        unique_tags(body.tags),
        options_in(body.options),
        body.extra,
    )
    return await DOMAINS.change(request, domains.create_domain, domain)


async def update_domain(request: Request, body: UpdateDomain) -> dict[str, Any]:
    """Change a domain."""
    changes = changes_in(request, body, "domain_id")
    domain_id = request.parameters["domain_id"]
    return await DOMAINS.change(request, domains.update_domain, domain_id, changes)


async def delete_domain(request: Request) -> None:
    """Remove a disabled domain with all that is in it."""
    await perform(request, domains.delete_domain, request.parameters["domain_id"])


ROUTES: Final = (
    *DOMAINS.routes(),
    Route(
        "POST",
        "/domains",
        create_domain,
        policies.CREATE_DOMAIN,
        status=201,
        body=CreateDomain,
        keyed=True,
        raises=(Conflict,),
    ),
    Route(
        "PATCH",
        "/domains/{domain_id}",
        update_domain,
        policies.UPDATE_DOMAIN,
        body=UpdateDomain,
        raises=(NotFound, Forbidden, Conflict),
    ),
    Route(
        "DELETE",
        "/domains/{domain_id}",
        delete_domain,
        policies.DELETE_DOMAIN,
        status=204,
        raises=(NotFound, Forbidden),
    ),
)
