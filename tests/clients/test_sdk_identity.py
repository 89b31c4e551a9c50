"""openstacksdk: programs that make domains, projects, users and groups."""

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


def test_domain(identity: Identity, name: str) -> None:
    made = identity.create_domain(name=name, description="It.", is_enabled=False)
    assert identity.get_domain(made.id).to_dict() == identity.find_domain(name).to_dict()
    assert [one.id for one in identity.domains(name=name)] == [made.id]
    changed = identity.update_domain(made, description="New.")
    assert (changed.description, changed.is_enabled) == ("New.", False)
    identity.delete_domain(made)
    assert identity.find_domain(name) is None


def test_project(identity: Identity, name: str) -> None:
    made = identity.create_project(name=name, tags=["a"], description="It.")
    assert (made.domain_id, made.parent_id, made.is_enabled) == ("default", "default", True)
    child = identity.create_project(name=f"{name}-c", parent_id=made.id)
    assert [one.id for one in identity.projects(parent_id=made.id)] == [child.id]
    for reference in (name, made.id):
        assert identity.find_project(reference).id == made.id
    assert identity.get_project(made.id).name == identity.get_project(made).name == name
    with pytest.raises(openstack.exceptions.ConflictException):
        identity.create_project(name=name)
    with pytest.raises(openstack.exceptions.ForbiddenException):
        identity.delete_project(made)
    made.set_tags(identity, ["b", "c"])
    made.add_tag(identity, "d")
    made.remove_tag(identity, "b")
    assert made.check_tag(identity, "c")
    assert made.fetch_tags(identity).tags == ["c", "d"]
    assert identity.update_project(made, is_enabled=True, name=f"{name}-n").name == f"{name}-n"
    identity.delete_project(child)
    identity.delete_project(made)
    with pytest.raises(openstack.exceptions.NotFoundException):
        identity.get_project(made.id)


def test_user_and_group(identity: Identity, name: str) -> None:
    user = identity.create_user(name=name, password="first", email="a@x")
    assert (user.email, user.is_enabled, user.domain_id) == ("a@x", True, "default")
    group = identity.create_group(name=name, description="They.")
    for reference in ("id", "name"):
        assert identity.find_user(user[reference]).id == user.id
        assert identity.find_group(group[reference]).id == group.id
    assert identity.get_user(user.id).name == identity.get_group(group.id).name == name
    assert [one.id for one in identity.groups(name=name)] == [group.id]
    identity.add_user_to_group(user, group)
    assert identity.check_user_in_group(user, group)
    assert [one.id for one in identity.group_users(group)] == [user.id]
    assert [one.id for one in identity.user_groups(user)] == [group.id]
    assert list(identity.user_projects(user)) == []
    identity.remove_user_from_group(user, group)
    assert not identity.check_user_in_group(user, group)

    identity.update_password(user.id, current_password="first", password="second")
    with pytest.raises(openstack.exceptions.HttpException) as refused:
        identity.update_password(user.id, current_password="first", password="third")
    assert refused.value.status_code == 401
    assert identity.update_user(user, is_enabled=False).is_enabled is False
    assert [one.id for one in identity.users(name=name, is_enabled=False)] == [user.id]
    assert identity.update_group(group, description="New.").description == "New."
    identity.delete_group(group)
    identity.delete_user(user)
    assert identity.find_user(name) is None
    assert identity.find_group(name) is None


def test_waiting(identity: Identity, name: str) -> None:
    """Nothing in identity takes its time: who waits is answered at once."""
    group = identity.create_group(name=name, description="ready")
    waited = identity.wait_for_status(group, "ready", attribute="description", wait=1)
    assert waited.id == group.id
    identity.delete_group(group)
    identity.wait_for_delete(group, wait=1)


def test_token(identity: Identity, pumice: Served) -> None:
    with openstack.connect(load_envvars=False, load_yaml_config=False, **pumice.auth) as other:
        token = other.auth_token
    assert identity.check_token(token)
    found = identity.validate_token(token)
    assert (found.user["name"], found.project["name"]) == ("admin", "admin")
    assert found.catalog
    assert not identity.validate_token(token, nocatalog=True).catalog
    identity.revoke_token(token)
    assert not identity.check_token(token)
    with pytest.raises(openstack.exceptions.NotFoundException):
        identity.validate_token(token)


def test_pages(identity: Identity, name: str) -> None:
    made = [identity.create_user(name=f"{name}-{number}").id for number in range(5)]
    found = [one.id for one in identity.users(limit=2)]
    assert [one for one in found if one in made] == made
