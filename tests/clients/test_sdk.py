"""openstacksdk: programs that make volumes and look around."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openstack.config
import openstack.connection
import openstack.exceptions
import pytest

from tests.clients.served import Served

POLL_SECONDS = 0.01

Cloud = Any
"""A connection; each of its services is typed as any version of that API, also long gone ones."""


@pytest.fixture(scope="module")
def cloud(pumice: Served) -> Iterator[Cloud]:
    """A connection by the name of the cloud in the file that the first start wrote."""
    files = [f"{pumice.clouds_yaml}"]
    config = openstack.config.OpenStackConfig(config_files=files, load_envvars=False)
    with openstack.connection.Connection(config=config.get_one("pumice")) as connection:
        yield connection


def test_connect_with_arguments(pumice: Served) -> None:
    cloud: Cloud = openstack.connect(
        load_yaml_config=False, load_envvars=False, region_name="RegionOne", **pumice.auth
    )
    with cloud:
        assert [one.name for one in cloud.identity.projects()] == ["admin"]


@pytest.mark.everywhere
def test_volume_from_its_creation_to_its_end(cloud: Cloud, name: str) -> None:
    volumes = cloud.block_storage
    made = volumes.create_volume(size=1, name=name, metadata={"a": "b"})
    assert made.status in ("creating", "available")

    volume = volumes.wait_for_status(made, "available", interval=POLL_SECONDS)
    assert (volume.size, volume.name, volume.metadata) == (1, name, {"a": "b"})
    assert volume.host in ("pumice@fast#fast", "pumice@bulk#bulk")

    found = volumes.find_volume(name)
    assert found.id == volume.id
    assert volumes.find_volume(volume.id) == volumes.get_volume(volume.id) == found

    volumes.delete_volume(volume)
    volumes.wait_for_delete(volume, interval=POLL_SECONDS)
    assert volumes.find_volume(name) is None
    with pytest.raises(openstack.exceptions.NotFoundException):
        volumes.get_volume(volume.id)


def test_volumes(cloud: Cloud, name: str) -> None:
    made = cloud.block_storage.create_volume(size=2, name=name)
    cloud.block_storage.wait_for_status(made, "available", interval=POLL_SECONDS)
    (detailed,) = cloud.block_storage.volumes(details=True, name=name)
    assert (detailed.id, detailed.size, detailed.status) == (made.id, 2, "available")
    (brief,) = cloud.block_storage.volumes(details=False, name=name)
    assert (brief.id, brief.name, brief.size) == (made.id, name, None)
    assert made.id in {volume.id for volume in cloud.block_storage.volumes(all_projects=True)}


def test_the_clouds_own_helpers(cloud: Cloud, name: str) -> None:
    cloud.create_volume(1, wait=False, name=name)
    volume = cloud.get_volume(name)
    assert volume.name == name
    cloud.block_storage.wait_for_status(volume, "available", interval=POLL_SECONDS)
    assert cloud.delete_volume(name, wait=False) is True
    assert cloud.delete_volume(f"{name}-none") is False


def test_types(cloud: Cloud, name: str) -> None:
    volumes = cloud.block_storage
    made = volumes.create_type(name=name, extra_specs={"volume_backend_name": "fast"})
    found = volumes.find_type(name)
    assert (found.id, found.extra_specs) == (made.id, {"volume_backend_name": "fast"})

    volumes.update_type_extra_specs(found, colour="blue")
    volumes.delete_type_extra_specs(found, ["volume_backend_name"])
    assert volumes.get_type(made.id).extra_specs == {"colour": "blue"}

    assert name in {one.name for one in volumes.types()}
    volumes.delete_type(found)
    assert volumes.find_type(name) is None


def test_pools_and_services(cloud: Cloud) -> None:
    pools = {pool.name: pool for pool in cloud.block_storage.backend_pools()}
    assert pools.keys() == {"pumice@fast#fast", "pumice@bulk#bulk"}
    assert pools["pumice@fast#fast"].capabilities["volume_backend_name"] == "fast"
    services = list(cloud.block_storage.services())
    assert {(one.binary, one.host, one.state) for one in services} == {
        ("cinder-scheduler", "pumice", "up"),
        ("cinder-volume", "pumice@fast", "up"),
        ("cinder-volume", "pumice@bulk", "up"),
    }


@pytest.mark.parametrize(
    ("plural", "names"),
    [
        ("projects", {"admin"}),
        ("users", {"admin"}),
        ("roles", {"admin", "manager", "member", "reader", "service"}),
        ("services", {"keystone", "cinder", "cinderv3", "nova", "pumice"}),
        ("domains", {"Default"}),
    ],
)
def test_identity(cloud: Cloud, plural: str, names: set[str]) -> None:
    singular = plural.removesuffix("s")
    found = list(getattr(cloud.identity, plural)())
    assert {one.name for one in found} == names
    for one in found:
        assert getattr(cloud.identity, f"find_{singular}")(one.name).id == one.id
        assert getattr(cloud.identity, f"get_{singular}")(one.id).name == one.name


def test_regions_and_endpoints(cloud: Cloud, pumice: Served) -> None:
    (region,) = cloud.identity.regions()
    assert region.id == "RegionOne"
    services = {one.id: one.type for one in cloud.identity.services()}
    urls = {
        (services[one.service_id], one.interface): one.url for one in cloud.identity.endpoints()
    }
    assert len(urls) == 3 * len(services)
    assert urls["identity", "public"] == pumice.identity_url
    assert urls["block-storage", "internal"] == f"{pumice.base}/volume/v3/$(project_id)s"


def test_who_i_am(cloud: Cloud) -> None:
    assert cloud.current_project.name == "admin"
    user = cloud.identity.find_user("admin")
    assert cloud.current_user_id == user.id


def test_flavors(cloud: Cloud) -> None:
    names = ["m1.tiny", "m1.small", "m1.medium", "m1.large", "m1.xlarge"]
    assert [flavor.name for flavor in cloud.compute.flavors()] == names
    assert [flavor.name for flavor in cloud.compute.flavors(details=False, limit=2)] == names
    small = cloud.compute.find_flavor("m1.small")
    assert (small.id, small.ram, small.vcpus, small.disk) == ("2", 2048, 1, 20)
    assert cloud.compute.get_flavor("2").name == "m1.small"
    assert cloud.compute.find_flavor("m9.none") is None


def test_flavor_with_its_extra_specs(cloud: Cloud) -> None:
    flavor = cloud.compute.find_flavor("m1.small", get_extra_specs=True)
    assert flavor.extra_specs == {}
