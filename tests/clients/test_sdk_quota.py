"""openstacksdk: types that change or are private, default types, quota and limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openstack.config
import openstack.connection
import openstack.exceptions
import pytest

from tests.clients.served import Served

Volumes = Any
"""The proxy of block storage; it is typed as that of any version of the API, also long gone ones."""


@pytest.fixture(scope="module")
def cloud(pumice: Served) -> Iterator[Any]:
    files = [f"{pumice.clouds_yaml}"]
    config = openstack.config.OpenStackConfig(config_files=files, load_envvars=False)
    with openstack.connection.Connection(config=config.get_one("pumice")) as connection:
        yield connection


@pytest.fixture
def volumes(cloud: Any) -> Volumes:
    return cloud.block_storage


@pytest.fixture
def project(cloud: Any) -> Any:
    return cloud.identity.find_project("admin")


@pytest.mark.parametrize("by", ["id", "value"])
def test_type_update(volumes: Volumes, name: str, by: str) -> None:
    made = volumes.create_type(name=name)
    which = made.id if by == "id" else made
    changed = volumes.update_type(which, name=f"{name}-new", description="two words")
    assert (changed.id, changed.name, changed.description) == (
        made.id,
        f"{name}-new",
        "two words",
    )
    assert volumes.update_type(made.id, is_public=False).is_public is False
    assert volumes.find_type(f"{name}-new").id == made.id
    with pytest.raises(openstack.exceptions.ConflictException):
        volumes.update_type(made.id, name="__DEFAULT__")


@pytest.mark.parametrize("by", ["id", "value"])
def test_type_access(volumes: Volumes, name: str, by: str) -> None:
    made = volumes.create_type(name=name, is_public=False)
    which = made.id if by == "id" else made
    assert volumes.get_type_access(which) == []
    volumes.add_type_access(which, "p1")
    assert volumes.get_type_access(which) == [{"volume_type_id": made.id, "project_id": "p1"}]
    with pytest.raises(openstack.exceptions.ConflictException):
        volumes.add_type_access(which, "p1")
    volumes.remove_type_access(which, "p1")
    with pytest.raises(openstack.exceptions.NotFoundException):
        volumes.remove_type_access(which, "p1")
    assert name in {one.name for one in volumes.types(is_public="none")}
    assert name not in {one.name for one in volumes.types()}


def test_type_is_not_encrypted(volumes: Volumes, name: str) -> None:
    made = volumes.create_type(name=name)
    assert volumes.get_type_encryption(made).provider is None


@pytest.mark.parametrize("by", ["id", "name"])
def test_default_type(volumes: Volumes, project: Any, name: str, by: str) -> None:
    made = volumes.create_type(name=name)
    found = volumes.set_default_type(project, getattr(made, by))
    try:
        assert (found.project_id, found.volume_type_id) == (project.id, made.id)
        assert volumes.show_default_type(project.id).volume_type_id == made.id
        assert made.id in {one.volume_type_id for one in volumes.default_types()}
        assert volumes.create_volume(size=1).volume_type == name
    finally:
        volumes.unset_default_type(project)
    with pytest.raises(openstack.exceptions.NotFoundException):
        volumes.show_default_type(project)


def test_quota_set(volumes: Volumes, name: str) -> None:
    before = volumes.get_quota_set(name)
    assert (before.groups, before.backups, before.per_volume_gigabytes) == (10, 10, -1)
    changed = volumes.update_quota_set(name, groups=3, volumes=4)
    assert (changed.groups, changed.volumes, changed.backups) == (3, 4, 10)
    assert volumes.get_quota_set(name).groups == 3
    assert volumes.get_quota_set_defaults(name).groups == 10
    volumes.revert_quota_set(name)
    assert volumes.get_quota_set(name).groups == 10


@pytest.mark.parametrize("by", ["id", "value"])
def test_quota_in_use(volumes: Volumes, project: Any, name: str, by: str) -> None:
    volumes.create_type(name=name)
    volumes.create_volume(size=2, volume_type=name)
    found = volumes.get_quota_set(project.id if by == "id" else project, usage=True)
    assert found.usage[f"gigabytes_{name}"] == 2
    assert found.reservation[f"gigabytes_{name}"] == 0
    assert found[f"gigabytes_{name}"] == -1


def test_the_clouds_own_helpers(cloud: Any, project: Any) -> None:
    before = cloud.get_volume_quotas("admin")
    cloud.set_volume_quotas(project.name, groups=4)
    assert cloud.get_volume_quotas(project.id).groups == 4
    cloud.delete_volume_quotas("admin")
    assert cloud.get_volume_quotas("admin").groups == before.groups == 10


def test_quota_class_set(volumes: Volumes, name: str) -> None:
    assert volumes.get_quota_class_set().backups == 10
    changed = volumes.update_quota_class_set(name, backups=5)
    assert changed.backups == 5
    assert volumes.get_quota_class_set(name).backups == 5


def test_limits(volumes: Volumes, project: Any, name: str) -> None:
    before = volumes.get_limits().absolute
    volumes.create_volume(size=2, name=name)
    after = volumes.get_limits(project).absolute
    assert after.total_gigabytes_used == before.total_gigabytes_used + 2
    assert after.max_total_volumes == -1
    assert volumes.get_limits(name).absolute.total_volumes_used == 0
    assert volumes.get_limits().rate == []
