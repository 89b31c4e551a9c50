"""openstacksdk: programs that make roles, give them to people, and change the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openstack.config
import openstack.connection
import openstack.exceptions
import pytest

from tests.clients.served import Deployment, Served

Identity = Any
"""The proxy; its attributes are typed as any version of that API."""


@pytest.fixture(scope="module")
def pumice(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of these tests' own: others count what is in theirs."""
    with Served(tmp_path_factory.mktemp("pumice"), deployment) as served:
        yield served


@pytest.fixture(scope="module")
def identity(pumice: Served) -> Iterator[Identity]:
    config = openstack.config.OpenStackConfig(
        config_files=[f"{pumice.clouds_yaml}"], load_envvars=False
    )
    with openstack.connection.Connection(config=config.get_one("pumice")) as connection:
        yield connection.identity


def test_role(identity: Identity, name: str) -> None:
    made = identity.create_role(name=name, description="It.")
    assert identity.get_role(made.id).to_dict() == identity.find_role(name).to_dict()
    assert [one.id for one in identity.roles(name=name)] == [made.id]
    changed = identity.update_role(made, description="New.", options={"immutable": True})
    assert (changed.description, changed.options) == ("New.", {"immutable": True})
    with pytest.raises(openstack.exceptions.ForbiddenException):
        identity.delete_role(made)
    identity.update_role(made, options={"immutable": False})
    identity.delete_role(made)
    assert identity.find_role(name) is None
    of_domain = identity.create_role(name=name, domain_id="default")
    assert identity.find_role(name, domain_id="default").id == of_domain.id
    assert [one.id for one in identity.roles(domain_id="default", name=name)] == [of_domain.id]


def test_roles_on_projects(identity: Identity, name: str) -> None:
    role = identity.create_role(name=name)
    project = identity.create_project(name=name)
    user, group = identity.create_user(name=name), identity.create_group(name=name)
    for inherited in (False, True):
        assert not identity.validate_user_has_project_role(project, user, role, inherited=inherited)
        identity.assign_project_role_to_user(project, user, role, inherited=inherited)
        assert identity.validate_user_has_project_role(project, user, role, inherited=inherited)
        identity.unassign_project_role_from_user(project, user, role, inherited=inherited)
        assert not identity.validate_user_has_project_role(project, user, role, inherited=inherited)
        assert not identity.validate_group_has_project_role(
            project, group, role, inherited=inherited
        )
        identity.assign_project_role_to_group(project, group, role, inherited=inherited)
        assert identity.validate_group_has_project_role(project, group, role, inherited=inherited)
        identity.unassign_project_role_from_group(project, group, role, inherited=inherited)
        assert not identity.validate_group_has_project_role(
            project, group, role, inherited=inherited
        )


def test_roles_on_domains(identity: Identity, name: str) -> None:
    role = identity.create_role(name=name)
    domain = identity.create_domain(name=name)
    user, group = identity.create_user(name=name), identity.create_group(name=name)
    for inherited in (False, True):
        assert not identity.validate_user_has_domain_role(domain, user, role, inherited=inherited)
        identity.assign_domain_role_to_user(domain, user, role, inherited=inherited)
        assert identity.validate_user_has_domain_role(domain, user, role, inherited=inherited)
        identity.unassign_domain_role_from_user(domain, user, role, inherited=inherited)
        assert not identity.validate_user_has_domain_role(domain, user, role, inherited=inherited)
        assert not identity.validate_group_has_domain_role(domain, group, role, inherited=inherited)
        identity.assign_domain_role_to_group(domain, group, role, inherited=inherited)
        assert identity.validate_group_has_domain_role(domain, group, role, inherited=inherited)
        identity.unassign_domain_role_from_group(domain, group, role, inherited=inherited)
        assert not identity.validate_group_has_domain_role(domain, group, role, inherited=inherited)


def test_roles_on_the_system(identity: Identity, name: str) -> None:
    role = identity.create_role(name=name)
    user, group = identity.create_user(name=name), identity.create_group(name=name)
    assert not identity.validate_user_has_system_role(user, role, "all")
    identity.assign_system_role_to_user(user, role, "all")
    assert identity.validate_user_has_system_role(user, role, "all")
    identity.unassign_system_role_from_user(user, role, "all")
    assert not identity.validate_user_has_system_role(user, role, "all")
    assert not identity.validate_group_has_system_role(group, role, "all")
    identity.assign_system_role_to_group(group, role, "all")
    assert identity.validate_group_has_system_role(group, role, "all")
    identity.unassign_system_role_from_group(group, role, "all")
    assert not identity.validate_group_has_system_role(group, role, "all")


def test_role_assignments(identity: Identity, name: str) -> None:
    role, project = identity.create_role(name=name), identity.create_project(name=name)
    user = identity.create_user(name=name)
    identity.assign_project_role_to_user(project, user, role)
    wanted = ({"id": role.id}, {"id": user.id}, {"project": {"id": project.id}})
    for query in (
        {"scope_project_id": project.id},
        {"user_id": user.id},
        {"role_id": role.id},
        {"effective": True, "user_id": user.id},
    ):
        (one,) = identity.role_assignments(**query)
        assert (one.role, one.user, one.scope) == wanted
    (one,) = identity.role_assignments(user_id=user.id, include_names=True)
    assert (one.role["name"], one.user["name"]) == (name, name)
    assert [one.id for one in identity.role_assignments_filter(user=user, project=project)] == [
        role.id
    ]
    assert [one.id for one in identity.user_projects(user)] == [project.id]


def test_region(identity: Identity, name: str) -> None:
    made = identity.create_region(id=name, description="It.")
    assert identity.get_region(name).description == identity.find_region(name).description == "It."
    assert identity.update_region(made, description="New.").description == "New."
    assert name in {one.id for one in identity.regions()}
    identity.delete_region(made)
    assert identity.find_region(name) is None


def test_service_and_endpoint(identity: Identity, name: str) -> None:
    service = identity.create_service(type=f"type-{name}", name=name)
    assert identity.find_service(name).id == identity.get_service(service.id).id == service.id
    assert [one.id for one in identity.services(type=f"type-{name}")] == [service.id]
    assert identity.update_service(service, is_enabled=False).is_enabled is False
    end = identity.create_endpoint(
        service_id=service.id, interface="public", url="http://x:1", region_id="RegionOne"
    )
    assert identity.get_endpoint(end.id).url == identity.find_endpoint(end.id).url == "http://x:1"
    assert [one.id for one in identity.endpoints(service_id=service.id)] == [end.id]
    assert identity.update_endpoint(end, url="http://y:2").url == "http://y:2"
    identity.delete_endpoint(end)
    assert identity.find_endpoint(end.id) is None
    identity.delete_service(service)
    assert identity.find_service(name) is None


def test_token(identity: Identity, pumice: Served) -> None:
    config = openstack.config.OpenStackConfig(
        config_files=[f"{pumice.clouds_yaml}"], load_envvars=False
    )
    with openstack.connection.Connection(config=config.get_one("pumice")) as other:
        token = other.auth_token
    assert identity.check_token(token)
    found = identity.validate_token(token, nocatalog=True, allow_expired=True)
    assert (found.user["name"], found.project["name"], found.catalog) == ("admin", "admin", None)
    assert identity.validate_token(token).catalog
    identity.revoke_token(token)
    assert not identity.check_token(token)
    for ask in (identity.validate_token, identity.revoke_token):
        with pytest.raises(openstack.exceptions.NotFoundException):
            ask(token)
