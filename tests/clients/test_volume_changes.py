"""What changes one volume, typed and programmed by its users, by id and by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import openstack.config
import openstack.connection
import openstack.exceptions
import pytest

from tests.clients.served import Served
from tests.clients.shells import Printed, Shell, settled

JSON = ("-f", "json")
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


@pytest.fixture
def made(cloud: Cloud, name: str) -> dict[str, str]:
    """The name and the id of a volume of 1 GiB, available."""
    volume = cloud.block_storage.create_volume(size=1, name=name)
    cloud.block_storage.wait_for_status(volume, "available", interval=POLL_SECONDS)
    return {"id": volume.id, "name": name}


def pairs(printed: Printed) -> dict[str, str]:
    """The only table, which has two columns."""
    found = {}
    for row in printed.table:
        key, value = row.values()
        found[key] = value
    return found


by_each = pytest.mark.parametrize("by", ["id", "name"])


@by_each
class TestCinder:
    """``cinder``."""

    def test_rename(self, cinder: Shell, made: dict[str, str], by: str) -> None:
        cinder("rename", made[by], f"{made['name']}-new", "--description", "two words")
        shown = cinder("show", made["id"]).properties
        assert (shown["name"], shown["description"]) == (f"{made['name']}-new", "two words")

    @pytest.mark.parametrize("version", ["3.0", "3.15", "3.71"])
    def test_metadata(self, cinder: Shell, made: dict[str, str], by: str, version: str) -> None:
        """From 3.15 on the client removes keys by tags."""
        volume, at = made[by], ("--os-volume-api-version", version)
        cinder(*at, "metadata", volume, "set", "a=1", "b=2", "c=3")
        cinder(*at, "metadata", volume, "unset", "a", "b")
        assert pairs(cinder(*at, "metadata-show", volume)) == {"c": "3"}
        cinder(*at, "metadata-update-all", volume, "d=4")
        assert pairs(cinder(*at, "metadata-show", volume)) == {"d": "4"}

    def test_image_metadata(self, cinder: Shell, made: dict[str, str], by: str) -> None:
        volume = made[by]
        cinder("image-metadata", volume, "set", "disk_format=raw", "min_disk=1")
        cinder("image-metadata", volume, "unset", "min_disk")
        assert pairs(cinder("image-metadata-show", volume)) == {"disk_format": "raw"}
        assert "disk_format : raw" in [row["Value"] for row in cinder("show", volume).table]

    def test_bootable_and_read_only(self, cinder: Shell, made: dict[str, str], by: str) -> None:
        for word in ("True", "False"):
            cinder("set-bootable", made[by], word)
            cinder("readonly-mode-update", made[by], word)
            shown = cinder("show", made["id"])
            assert shown.properties["bootable"] == word.lower()
            assert f"readonly : {word}" in [row["Value"] for row in shown.table]

    def test_reset_state(self, cinder: Shell, made: dict[str, str], by: str) -> None:
        volume = made[by]
        for state in ("error", "maintenance", "available"):
            cinder("reset-state", "--state", state, volume)
            assert cinder("show", volume).properties["status"] == state
        cinder("reset-state", volume, "--attach-status", "attached")
        cinder("delete", volume, status=1)
        cinder("reset-state", volume, "--attach-status", "detached", "--reset-migration-status")
        cinder("reset-state", "--state", "in-use", volume, status=1)
        cinder("reset-state", "--state", "deleting", volume, status=1)
        assert cinder("show", volume).properties["status"] == "available"

    def test_force_delete(self, cinder: Shell, made: dict[str, str], by: str) -> None:
        cinder("reset-state", "--state", "maintenance", made[by])
        cinder("delete", made[by], status=1)
        cinder("force-delete", made[by])
        for row in cinder("list", "--name", made["name"]).table:
            assert row["Status"] == "deleting"

    def test_metadata_in_a_list(self, cinder: Shell, made: dict[str, str], by: str) -> None:
        cinder("metadata", made[by], "set", "a=1")
        rows = cinder("list", "--name", made["name"], "--fields", "metadata").table
        assert [ast.literal_eval(row["Metadata"]) for row in rows] == [{"a": "1"}]


@by_each
class TestOpenstack:
    """``openstack volume``."""

    def test_set_words(self, openstack: Shell, made: dict[str, str], by: str) -> None:
        new = f"{made['name']}-new"
        openstack("volume", "set", "--name", new, "--description", "two words", made[by])
        shown = openstack("volume", "show", made["id"], *JSON).json
        assert (shown["name"], shown["description"]) == (new, "two words")

    def test_properties(self, openstack: Shell, made: dict[str, str], by: str) -> None:
        volume = made[by]
        openstack("volume", "set", "--property", "a=1", "--property", "b=2", volume)
        openstack("volume", "unset", "--property", "a", volume)
        assert openstack("volume", "show", volume, *JSON).json["properties"] == {"b": "2"}
        openstack("volume", "set", "--no-property", "--property", "c=3", volume)
        assert openstack("volume", "show", volume, *JSON).json["properties"] == {"c": "3"}

    def test_image_properties(self, openstack: Shell, made: dict[str, str], by: str) -> None:
        volume = made[by]
        words = ("--image-property", "disk_format=raw", "--image-property", "min_disk=1")
        openstack("volume", "set", *words, volume)
        openstack("volume", "unset", "--image-property", "min_disk", volume)
        shown = openstack("volume", "show", volume, *JSON).json
        assert shown["volume_image_metadata"] == {"disk_format": "raw"}

    def test_flags(self, openstack: Shell, made: dict[str, str], by: str) -> None:
        volume = made[by]
        openstack("volume", "set", "--bootable", "--read-only", volume)
        shown = openstack("volume", "show", volume, *JSON).json
        assert (shown["bootable"], shown["properties"]) == (True, {"readonly": "True"})
        openstack("volume", "set", "--non-bootable", "--read-write", volume)
        shown = openstack("volume", "show", volume, *JSON).json
        assert (shown["bootable"], shown["properties"]) == (False, {"readonly": "False"})

    def test_states(self, openstack: Shell, made: dict[str, str], by: str) -> None:
        volume = made[by]
        for state in ("error", "maintenance", "available"):
            openstack("volume", "set", "--state", state, volume)
            assert openstack("volume", "show", volume, *JSON).json["status"] == state
        openstack("volume", "set", "--attached", volume)
        openstack("volume", "delete", "--force", volume, status=1)
        openstack("volume", "set", "--detached", volume)
        openstack("volume", "set", "--state", "in-use", volume, status=1)
        openstack("volume", "set", "--state", "error_deleting", volume)
        openstack("volume", "delete", "--force", volume)
        rows = openstack("volume", "list", "--name", made["name"], *JSON).json
        assert [row["Status"] for row in rows] in ([], ["deleting"])


@by_each
class TestSdk:
    """openstacksdk's ``block_storage``."""

    def found(self, cloud: Cloud, made: dict[str, str], by: str) -> Any:
        volume = cloud.block_storage.find_volume(made[by], ignore_missing=False)
        assert volume.id == made["id"]
        return volume

    def test_update(self, cloud: Cloud, made: dict[str, str], by: str) -> None:
        volume = self.found(cloud, made, by)
        changed = cloud.block_storage.update_volume(volume, name="n", description="two words")
        assert (changed.id, changed.name, changed.description) == (made["id"], "n", "two words")
        assert cloud.block_storage.get_volume(volume.id).name == "n"

    def test_metadata(self, cloud: Cloud, made: dict[str, str], by: str) -> None:
        volumes, volume = cloud.block_storage, self.found(cloud, made, by)
        assert volumes.set_volume_metadata(volume, a="1", b="2").metadata == {"a": "1", "b": "2"}
        assert volumes.fetch_volume_metadata(volume.id).metadata == {"a": "1", "b": "2"}
        assert volumes.get_volume_metadata(volume).metadata == {"a": "1", "b": "2"}  # Its old name.
        volumes.delete_volume_metadata(volume, keys=["a"])
        assert volumes.get_volume(volume.id).metadata == {"b": "2"}
        volumes.delete_volume_metadata(volume)
        assert volumes.get_volume(volume.id).metadata == {}

    def test_image_metadata(self, cloud: Cloud, made: dict[str, str], by: str) -> None:
        volumes, volume = cloud.block_storage, self.found(cloud, made, by)
        volumes.set_volume_image_metadata(volume, disk_format="raw", min_disk="1")
        volumes.delete_volume_image_metadata(volume, keys=["min_disk"])
        assert volumes.get_volume(volume.id).volume_image_metadata == {"disk_format": "raw"}

    def test_flags(self, cloud: Cloud, made: dict[str, str], by: str) -> None:
        volumes, volume = cloud.block_storage, self.found(cloud, made, by)
        for flag in (True, False):
            volumes.set_volume_readonly(volume, flag)
            volumes.set_volume_bootable_status(volume, flag)
            found = volumes.get_volume(volume.id)
            assert (found.is_bootable, found.metadata) == (flag, {"readonly": str(flag)})

    def test_states(self, cloud: Cloud, made: dict[str, str], by: str) -> None:
        volumes, volume = cloud.block_storage, self.found(cloud, made, by)
        volumes.reset_volume_status(volume, status="error", migration_status="migrating")
        found = volumes.get_volume(volume.id)
        assert (found.status, found.migration_status) == ("error", "migrating")
        with pytest.raises(openstack.exceptions.BadRequestException):
            volumes.delete_volume(volume, force=True)
        volumes.reset_volume_status(volume, attach_status="detached", migration_status="none")
        volumes.delete_volume(volume, force=True)
        volumes.wait_for_delete(volume, interval=POLL_SECONDS)


def test_the_clouds_own_helpers(cloud: Cloud, made: dict[str, str]) -> None:
    changed = cloud.update_volume(made["name"], description="two words", metadata={"a": "1"})
    assert (changed.description, changed.metadata) == ("two words", {"a": "1"})
    cloud.set_volume_bootable(made["name"])
    assert cloud.get_volume(made["id"]).is_bootable is True


def test_encryption(cloud: Cloud, made: dict[str, str]) -> None:
    """No client has a command for it; Nova asks before it attaches a volume."""
    reply = cloud.block_storage.get(f"/volumes/{made['id']}/encryption")
    assert reply.json() == {"encryption_key_id": None}


def test_force_delete_of_what_is_just_made(openstack: Shell, name: str) -> None:
    volume = openstack("volume", "create", "--size", "1", name, *JSON).json
    openstack("volume", "delete", "--force", volume["id"])

    def status() -> str:
        rows = openstack("volume", "list", "--name", name, *JSON).json
        return rows[0]["Status"] if rows else "gone"

    assert settled(status) == "gone"
