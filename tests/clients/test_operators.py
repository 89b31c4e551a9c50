"""What operators type: services, hosts, zones, capabilities, pools, extensions, messages and hints."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack.connection
import pytest

from tests.clients.served import Deployment, Served
from tests.clients.shells import Printed, Shell, settled

JSON = ("-f", "json")
BULK = "pumice@bulk"

reaches_one_process = pytest.mark.only_on(
    "sqlite",
    "postgresql",
    reason="log levels are each process's own, and each command may reach another process",
)


@pytest.fixture(scope="module")
def pumice(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of this module's own: what is disabled here must be missed by no other test."""
    with Served(tmp_path_factory.mktemp("operators"), deployment) as served:
        yield served


@pytest.fixture
def cloud(pumice: Served) -> Iterator[Any]:
    with openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        region_name="RegionOne",
        block_storage_default_microversion="3.71",
        **pumice.auth,
    ) as connection:
        yield connection


def latest(cinder: Shell, *arguments: str, status: int = 0) -> Printed:
    return cinder("--os-volume-api-version", "3.71", *arguments, status=status)


def failed(cinder: Shell, name: str) -> str:
    """The id of a volume for which there is no backend."""
    cinder("type-create", name)
    cinder("type-key", name, "set", "color=gold")
    made = cinder("create", "1", "--name", name, "--volume-type", name).properties
    assert settled(lambda: cinder("show", made["id"]).properties["status"]) == "error"
    return made["id"]


class TestCinder:
    def test_enable_and_disable(self, cinder: Shell) -> None:
        cinder("service-disable", BULK, "cinder-volume", "--reason", "New disks.")
        (row,) = latest(cinder, "service-list", "--host", BULK).table
        assert (row["Status"], row["Disabled Reason"]) == ("disabled", "New disks.")
        cinder("service-disable", BULK, "cinder-volume")
        (row,) = latest(cinder, "service-list", "--host", BULK).table
        assert (row["Status"], row["Disabled Reason"]) == ("disabled", "-")
        (row,) = cinder("service-enable", BULK, "cinder-volume").table
        assert (row["Host"], row["Binary"], row["Status"]) == (BULK, "cinder-volume", "enabled")
        (row,) = cinder("service-list", "--host", BULK).table
        assert row["Status"] == "enabled"
        cinder("service-enable", "nowhere@none", "cinder-volume", status=1)

    def test_freeze_and_thaw(self, cinder: Shell, openstack: Shell) -> None:
        cinder("freeze-host", BULK)
        cinder("freeze-host", BULK, status=1)
        cinder("thaw-host", BULK)
        openstack("volume", "host", "set", "--disable", BULK)
        cinder("freeze-host", BULK, status=1)
        openstack("volume", "host", "set", "--enable", BULK)
        cinder("thaw-host", BULK, status=1)

    @reaches_one_process
    def test_log_levels(self, cinder: Shell) -> None:
        engine = "pumice.operations.engine"
        latest(cinder, "service-set-log", "ERROR", "--prefix", engine, "--binary", "*")
        volume = ("--binary", "cinder-volume", "--prefix", "pumice.")
        rows = latest(cinder, "service-get-log", *volume, "--server", BULK).table
        assert {row["Host"] for row in rows} == {BULK}
        levels = {row["Prefix"]: row["Level"] for row in rows}
        assert levels.pop(engine) == "ERROR"
        assert set(levels.values()) == {"INFO"}
        latest(cinder, "service-set-log", "INFO", "--prefix", engine)
        rows = latest(cinder, "service-get-log", *volume).table
        assert {row["Level"] for row in rows} == {"INFO"}

    def test_zones_capabilities_pools_and_extensions(self, cinder: Shell) -> None:
        (zone,) = cinder("availability-zone-list").table
        assert zone == {"Name": "nova", "Status": "available"}
        facts, properties = cinder("get-capabilities", BULK).tables
        shown = {row["Volume stats"]: row["Value"] for row in facts}
        assert shown["volume_backend_name"] == "bulk"
        assert shown["namespace"] == f"OS::Storage::Capabilities::{BULK}"
        assert {row["Backend properties"] for row in properties} >= {"thin_provisioning", "qos"}
        names = {table[0]["Value"] for table in cinder("get-pools").tables}
        assert names == {"pumice@fast#fast", "pumice@bulk#bulk"}
        aliases = {row["Alias"] for row in cinder("list-extensions").table}
        assert {"os-services", "capabilities", "OS-SCH-HNT"} <= aliases

    def test_messages(self, cinder: Shell, name: str) -> None:
        volume_id = failed(cinder, name)
        (row,) = latest(cinder, "message-list", "--resource_uuid", volume_id).table
        assert row["Event ID"] == "VOLUME_VOLUME_001_003"
        assert row["Resource UUID"] == volume_id
        shown = latest(cinder, "message-show", row["ID"]).properties
        assert (shown["id"], shown["message_level"]) == (row["ID"], "ERROR")
        assert shown["user_message"].startswith("schedule allocate volume:")
        found = latest(cinder, "message-list", "--filters", f"resource_uuid~={volume_id[-12:]}")
        assert [one["ID"] for one in found.table] == [row["ID"]]
        latest(cinder, "message-delete", row["ID"])
        latest(cinder, "message-show", row["ID"], status=1)

    def test_create_with_hints_and_in_a_zone(self, cinder: Shell, name: str) -> None:
        other = str(uuid.uuid4())
        made = cinder(
            "create", "1", "--name", name, "--availability-zone", "nova",
            "--hint", f"different_host={other}", "--hint", f"same_host={other}",
        )  # fmt: skip
        assert made.properties["availability_zone"] == "nova"
        shown = ("show", made.properties["id"])
        assert settled(lambda: cinder(*shown).properties["status"]) == "available"
        cinder("create", "1", "--availability-zone", "mars", status=1)
        cinder("create", "1", "--hint", "same_host=nothing", status=1)


class TestOpenstack:
    def test_services(self, openstack: Shell) -> None:
        where = (BULK, "cinder-volume")
        openstack("volume", "service", "set", "--disable", "--disable-reason", "Disks", *where)
        listed = ("volume", "service", "list", "--long", "--host", BULK, *JSON)
        (row,) = openstack(*listed).json
        assert (row["Status"], row["Disabled Reason"]) == ("disabled", "Disks")
        openstack("volume", "service", "set", "--enable", *where)
        (row,) = openstack(*listed).json
        assert (row["Status"], row["Disabled Reason"]) == ("enabled", None)
        rows = openstack("volume", "service", "list", "--service", "cinder-scheduler", *JSON).json
        assert [one["Host"] for one in rows] == ["pumice"]

    def test_zones_capabilities_pools_and_extensions(self, openstack: Shell) -> None:
        (zone,) = openstack("availability", "zone", "list", "--volume", *JSON).json
        assert (zone["Zone Name"], zone["Zone Status"]) == ("nova", "available")
        rows = openstack("volume", "backend", "capability", "show", BULK, *JSON).json
        assert {row["Key"] for row in rows} >= {"thin_provisioning", "compression"}
        rows = openstack("volume", "backend", "pool", "list", *JSON).json
        assert {row["Name"] for row in rows} == {"pumice@fast#fast", "pumice@bulk#bulk"}
        rows = openstack("extension", "list", "--volume", *JSON).json
        assert "os-availability-zone" in {row["Alias"] for row in rows}

    def test_messages(self, cinder: Shell, openstack: Shell, name: str) -> None:
        volume_id = failed(cinder, name)
        latest_api = ("--os-volume-api-version", "3.71")
        rows = openstack(*latest_api, "volume", "message", "list", *JSON).json
        (row,) = (one for one in rows if one["Resource UUID"] == volume_id)
        assert row["Event ID"] == "VOLUME_VOLUME_001_003"
        # It looks for the message under "messages", where nobody has it, and shows nothing of it.
        openstack(*latest_api, "volume", "message", "show", row["ID"], *JSON)
        (mine,) = openstack(
            *latest_api, "volume", "message", "list", "--project", "admin", "--limit", "1", *JSON
        ).json[:1]
        assert mine["ID"] == row["ID"]
        openstack(*latest_api, "volume", "message", "delete", row["ID"])
        openstack(*latest_api, "volume", "message", "show", row["ID"], status=1)

    @reaches_one_process
    def test_log_levels(self, openstack: Shell) -> None:
        name = "pumice.manager.volume"
        for level in ("DEBUG", "INFO"):
            prefix = ("--log-prefix", name)
            openstack("block", "storage", "log", "level", "set", level, *prefix)
            rows = openstack("block", "storage", "log", "level", "list", *prefix, *JSON).json
            assert {row["Level"] for row in rows} == {level}
            assert {row["Binary"] for row in rows} == {
                "cinder-api", "cinder-scheduler", "cinder-volume",
            }  # fmt: skip

    def test_create_with_hints(self, openstack: Shell, name: str) -> None:
        other = str(uuid.uuid4())
        hints = ("--hint", f"same_host={other}", "--hint", "color=red")
        made = openstack("volume", "create", "--size", "1", *hints, name, *JSON).json
        shown = ("volume", "show", made["id"], *JSON)
        assert settled(lambda: str(openstack(*shown).json["status"])) == "available"


class TestSdk:
    def test_services(self, cloud: Any) -> None:
        volumes = cloud.block_storage
        service = volumes.find_service("cinder-volume", host=BULK)
        volumes.disable_service(service, reason="Disks")
        assert volumes.find_service("cinder-volume", host=BULK).disabled_reason == "Disks"
        volumes.enable_service(service)
        volumes.freeze_service(service)
        assert volumes.find_service("cinder-volume", host=BULK).is_frozen is True
        volumes.thaw_service(service)
        found = volumes.find_service("cinder-volume", host=BULK)
        assert (found.is_frozen, found.status, found.disabled_reason) == (False, "enabled", None)

    def test_log_levels(self, cloud: Any) -> None:
        volumes = cloud.block_storage
        name = "pumice.operations.engine"
        volumes.set_service_log_levels(level="WARNING", prefix=name)
        levels = [one.levels for one in volumes.get_service_log_levels(prefix=name)]
        assert levels == [{name: "WARNING"}] * 4
        volumes.set_service_log_levels(level="INFO", prefix=name)

    def test_what_there_is(self, cloud: Any) -> None:
        volumes = cloud.block_storage
        assert [zone.name for zone in volumes.availability_zones()] == ["nova"]
        shown = volumes.get_capabilities(BULK)
        assert (shown.volume_backend_name, shown.driver_version != "") == ("bulk", True)
        assert "os-services" in {one.alias for one in volumes.extensions()}
        names = {pool.name for pool in volumes.backend_pools()}
        assert names == {"pumice@fast#fast", "pumice@bulk#bulk"}

    @pytest.mark.parametrize("by", ["id", "value"])
    def test_messages(self, cinder: Shell, cloud: Any, name: str, by: str) -> None:
        volumes, volume_id = cloud.block_storage, failed(cinder, name)
        (message,) = volumes.messages(resource_uuid=volume_id)
        assert (message.event_id, message.message_level) == ("VOLUME_VOLUME_001_003", "ERROR")
        which = message.id if by == "id" else message
        assert volumes.get_message(which).id == message.id  # As above, it shows no more.
        volumes.delete_message(which, ignore_missing=False)
        assert list(volumes.messages(resource_uuid=volume_id)) == []

    def test_create_with_hints(self, cloud: Any, name: str) -> None:
        hints = {"different_host": [str(uuid.uuid4())]}
        made = cloud.block_storage.create_volume(size=1, name=name, scheduler_hints=hints)
        assert cloud.block_storage.wait_for_status(made, "available", interval=0.01)


def test_what_is_set_outlives_the_server(deployment: Deployment, tmp_path: Path) -> None:
    with Served(tmp_path, deployment) as served:
        Shell("cinder", served.environment)(
            "service-disable", BULK, "cinder-volume", "--reason", "New disks."
        )
        served.kill()
    with Served(tmp_path, deployment) as served:
        cinder = Shell("cinder", served.environment)
        (row,) = latest(cinder, "service-list", "--host", BULK).table
        assert (row["Status"], row["Disabled Reason"]) == ("disabled", "New disks.")
