"""What a domain's token sees of domains, projects and users."""

from __future__ import annotations

from typing import Any

from pumice.model.identity import DomainQuery, ProjectQuery, UserQuery
from pumice.services import domains, projects, users


async def test_a_domains_token_sees_its_domain_alone(world: Any) -> None:
    stone = await world.add_domain("Stone")
    await world.add_project("quarry", stone)
    await world.add_user("basalt", stone)
    own = world.context(scope="domain", domain_id=stone, project_id=None)
    read = world.store.read
    for lister, query in (
        (domains.list_domains, DomainQuery()),
        (projects.list_projects, ProjectQuery()),
        (users.list_users, UserQuery()),
    ):
        assert len(await read(lister, world.context(), query)) == 2
        assert len(await read(lister, own, query)) == 1
    assert [one.name for one in await read(domains.list_domains, own, DomainQuery())] == ["Stone"]
    assert await read(projects.list_projects, own, ProjectQuery(domain_id="default")) == []
    assert await read(users.list_users, own, UserQuery(domain_id="default")) == []
    assert len(await read(users.list_users, own, UserQuery(domain_id=stone))) == 1
