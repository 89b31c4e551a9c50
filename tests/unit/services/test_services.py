"""Services of the catalog, and every other list of identity with them: list and show agree."""

from __future__ import annotations

from typing import Any

import pytest

from pumice.errors import NotFound
from pumice.model.identity import (
    DomainQuery,
    EndpointQuery,
    ProjectQuery,
    RegionQuery,
    RoleQuery,
    ServiceQuery,
    UserQuery,
)
from pumice.services import domains, endpoints, projects, regions, roles, services, users


@pytest.mark.parametrize(
    ("lister", "query", "finder", "kind"),
    [
        (domains.list_domains, DomainQuery(), domains.find_domain, "domain"),
        (projects.list_projects, ProjectQuery(), projects.find_project, "project"),
        (users.list_users, UserQuery(), users.find_user, "user"),
        (roles.list_roles, RoleQuery(), roles.find_role, "role"),
        (regions.list_regions, RegionQuery(), regions.find_region, "region"),
        (services.list_services, ServiceQuery(), services.find_service, "service"),
        (endpoints.list_endpoints, EndpointQuery(), endpoints.find_endpoint, "endpoint"),
    ],
)
async def test_what_is_listed_can_be_shown_and_what_is_not_cannot(
    world: Any, lister: Any, query: Any, finder: Any, kind: str
) -> None:
    context = world.context()
    listed = await world.store.read(lister, context, query)
    assert listed
    for one in listed:
        assert await world.store.read(finder, context, one.id) == one
    with pytest.raises(NotFound, match=f"Could not find {kind}: none."):
        await world.store.read(finder, context, "none")
