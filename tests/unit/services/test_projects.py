"""Projects and domains that a caller can get a token for."""

from __future__ import annotations

from typing import Any

from pumice.services import domains, projects


async def test_where_a_caller_has_a_role(world: Any) -> None:
    user_id = await world.add_user("basalt")
    project_id = await world.add_project("quarry")
    domain_id = await world.add_domain("Stone")
    context = world.context(user_id=user_id)
    read = world.store.read
    assert await read(projects.list_own_projects, context) == []
    assert await read(domains.list_own_domains, context) == []
    for role in ("reader", "member"):
        await world.assign(user_id, role, "project", project_id)
        await world.assign(user_id, role, "domain", domain_id)
    assert [one.id for one in await read(projects.list_own_projects, context)] == [project_id]
    assert [one.id for one in await read(domains.list_own_domains, context)] == [domain_id]
