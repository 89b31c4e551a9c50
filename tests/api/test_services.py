"""``/os-services``, ``/os-hosts`` and the pools: what serves, where, and how full it is."""

from __future__ import annotations

from typing import Any, Final

import pytest

from pumice.api.routes import APIS
from pumice.api.volume_v3.extensions import EXTENSIONS
from tests.api.cloud import MOUNTAIN, OCEAN, Cloud

SERVICES: Final = "/volume/v3/os-services"
POOLS: Final = "/volume/v3/scheduler-stats/get_pools"
COMMON: Final = {"binary", "host", "zone", "status", "state", "updated_at", "disabled_reason"}
OF_VOLUMES: Final = {"replication_status", "active_backend_id", "frozen"}


async def services(cloud: Cloud, query: str = "", version: str = "3.71") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await cloud.admin.get(SERVICES + query, version=version))[
        "services"
    ]
    return listed


class TestServices:
    async def test_fields_by_microversion(self, cloud: Cloud) -> None:
        for version, both, volumes in (
            ("3.6", set(), set()),
            ("3.7", {"cluster"}, set()),
            ("3.48", {"cluster"}, set()),
            ("3.49", {"cluster"}, {"backend_state"}),
        ):
            for service in await services(cloud, version=version):
                own = OF_VOLUMES | volumes if service["binary"] == "cinder-volume" else set()
                assert service.keys() == COMMON | both | own, version

    async def test_one_scheduler_and_the_backends(self, cloud: Cloud) -> None:
        found = {(one["binary"], one["host"]): one for one in await services(cloud)}
        assert found.keys() == {
            ("cinder-scheduler", "pumice"),
            ("cinder-volume", "pumice@fast"),
            ("cinder-volume", "pumice@bulk"),
        }
        for one in found.values():
            assert (one["status"], one["state"], one["zone"]) == ("enabled", "up", "nova")
            assert one["disabled_reason"] is None
        assert found["cinder-volume", "pumice@fast"]["backend_state"] == "up"

    @pytest.mark.everywhere
    async def test_a_process_that_is_silent_is_down(self, cloud: Cloud) -> None:
        cloud.clock.advance(7201)
        admin = await cloud.log_in("admin")
        listed = (await admin.get(SERVICES))["services"]
        assert {one["state"] for one in listed} == {"down"}
        hosts = (await admin.get("/volume/v3/os-hosts"))["hosts"]
        assert {one["service-status"] for one in hosts} == {"unavailable"}

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("?binary=cinder-volume", 2),
            ("?service=cinder-scheduler", 1),
            ("?host=pumice", 3),
            ("?host=pumice@fast", 1),
            ("?host=pumice&binary=cinder-volume", 2),
            ("?host=nobody", 0),
            ("?binary=", 3),
        ],
    )
    async def test_filters(self, cloud: Cloud, query: str, count: int) -> None:
        assert len(await services(cloud, query)) == count


class TestHosts:
    async def test_are_the_services_in_other_words(self, cloud: Cloud) -> None:
        hosts = (await cloud.admin.get("/volume/v3/os-hosts"))["hosts"]
        assert [(one["host_name"], one["service"]) for one in hosts] == [
            (one["host"], one["binary"]) for one in await services(cloud)
        ]
        fields = {"host_name", "service", "zone", "service-status", "service-state", "last-update"}
        assert all(one.keys() == fields for one in hosts)
        assert {(one["service-status"], one["service-state"]) for one in hosts} == {
            ("available", "enabled")
        }

    async def test_by_zone(self, cloud: Cloud) -> None:
        for zone, count in (("nova", 3), ("", 3), ("mars", 0)):
            assert (
                len((await cloud.admin.get(f"/volume/v3/os-hosts?zone={zone}"))["hosts"]) == count
            )

    @pytest.mark.everywhere
    async def test_what_projects_have_on_a_backend(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("bulk", volume_backend_name="bulk")
        for caller, size in ((cloud.member, 3), (cloud.member, 4), (cloud.stranger, 5)):
            await caller.create_volume(size=size, volume_type="bulk")
        await cloud.settled()
        shown = (await cloud.admin.get("/volume/v3/os-hosts/pumice@bulk"))["host"]
        assert [one.keys() for one in shown] == [{"resource"}] * 3
        rows = [one["resource"] for one in shown]
        common = {"host": "pumice@bulk", "snapshot_count": "0", "total_snapshot_gb": "0"}
        assert rows == [
            common | {"project": project, "volume_count": count, "total_volume_gb": gib}
            for project, count, gib in (
                ("(total)", "3", "12"), (MOUNTAIN, "2", "7"), (OCEAN, "1", "5")
            )
        ]  # fmt: skip
        (empty,) = (await cloud.admin.get("/volume/v3/os-hosts/pumice@fast"))["host"]
        assert (empty["resource"]["project"], empty["resource"]["volume_count"]) == ("(total)", "0")

    async def test_enable_and_disable(self, cloud: Cloud) -> None:
        target = "/volume/v3/os-hosts/pumice@bulk"
        for status, state in (("disable", "disabled"), (" Enable", "enabled")):
            reply = await cloud.admin.request("PUT", target, {"status": status})
            assert (reply.status, reply.json) == (200, {"host": "pumice@bulk", "status": state})
            hosts = (await cloud.admin.get("/volume/v3/os-hosts"))["hosts"]
            states = {one["host_name"]: one["service-state"] for one in hosts}
            assert states["pumice@bulk"] == state
            assert states["pumice@fast"] == "enabled"


class TestZones:
    async def test_a_zone_is_available_while_a_backend_there_is_enabled(self, cloud: Cloud) -> None:
        await cloud.sql("UPDATE backends SET availability_zone = 'az2' WHERE name = 'bulk'")
        for enabled in (True, False):
            await cloud.sql("UPDATE backends SET enabled = :on WHERE name = 'bulk'", on=enabled)
            for caller in (cloud.reader, cloud.admin, await cloud.log_in("unscoped")):
                assert await caller.get("/volume/v3/os-availability-zone") == {
                    "availabilityZoneInfo": [
                        {"zoneName": "az2", "zoneState": {"available": enabled}},
                        {"zoneName": "nova", "zoneState": {"available": True}},
                    ]
                }


class TestCapabilities:
    async def test_are_those_of_the_pools(self, cloud: Cloud) -> None:
        pools = (await cloud.admin.get(f"{POOLS}?detail=True"))["pools"]
        for pool in pools:
            host = pool["name"].partition("#")[0]
            shown = await cloud.admin.get(f"/volume/v3/capabilities/{host}")
            assert shown["namespace"] == f"OS::Storage::Capabilities::{host}"
            for key in ("volume_backend_name", "vendor_name", "driver_version", "storage_protocol"):
                assert shown[key] == pool["capabilities"][key]
            assert shown.keys() == {
                "namespace", "vendor_name", "volume_backend_name", "pool_name", "driver_version",
                "storage_protocol", "display_name", "description", "visibility",
                "replication_targets", "properties",
            }  # fmt: skip
            assert shown["properties"]["thin_provisioning"] == {
                "title": "Thin Provisioning",
                "description": "Sets thin provisioning.",
                "type": "boolean",
            }
            assert await cloud.admin.get(f"/volume/v3/capabilities/{host}%23any") == shown


class TestExtensions:
    async def test_list_and_show(self, cloud: Cloud) -> None:
        listed = (await cloud.reader.get("/volume/v3/extensions"))["extensions"]
        assert {"alias", "name", "description", "updated", "links"} == listed[0].keys()
        for one in listed:
            shown = await cloud.reader.get(f"/volume/v3/extensions/{one['alias']}")
            assert shown == {"extension": one}

    async def test_what_is_listed_is_served(self, cloud: Cloud) -> None:
        """A route, an action or a field of each extension; a new one needs its proof here."""
        served = {f"{r.path}#{r.action or ''}" for api in APIS for r in api.routes}
        made = await cloud.admin.create_volume()
        await cloud.settled()
        volume = (await cloud.admin.get(f"/volume/v3/volumes/{made['id']}"))["volume"]
        fields = {"OS-SCH-HNT:scheduler_hints", *volume}
        proofs = {
            "os-admin-actions": "/volumes/{volume_id}/action#os-reset_status",
            "os-availability-zone": "/os-availability-zone#",
            "capabilities": "/capabilities/{host}#",
            "os-extended-services": "/os-services/disable-log-reason#",
            "os-hosts": "/os-hosts#",
            "os-quota-class-sets": "/os-quota-class-sets/{class_name}#",
            "os-quota-sets": "/os-quota-sets/{project_id}#",
            "OS-SCH-HNT": "OS-SCH-HNT:scheduler_hints",
            "scheduler-stats": "/scheduler-stats/get_pools#",
            "os-services": "/os-services#",
            "os-types-extra-specs": "/types/{type_id}/extra_specs#",
            "os-types-manage": "/types#",
            "os-used-limits": "/limits#",
            "os-volume-actions": "/volumes/{volume_id}/action#os-set_bootable",
            "os-volume-encryption-metadata": "/volumes/{volume_id}/encryption#",
            "os-vol-host-attr": "os-vol-host-attr:host",
            "os-vol-image-meta": "/volumes/{volume_id}/action#os-set_image_metadata",
            "os-vol-mig-status-attr": "os-vol-mig-status-attr:migstat",
            "os-vol-tenant-attr": "os-vol-tenant-attr:tenant_id",
            "os-volume-type-access": "/types/{type_id}/os-volume-type-access#",
        }
        assert proofs.keys() == {one.alias for one in EXTENSIONS}
        assert set(proofs.values()) <= served | fields


class TestPools:
    @pytest.mark.everywhere
    async def test_by_name(self, cloud: Cloud) -> None:
        assert await cloud.admin.get(POOLS) == {
            "pools": [{"name": "pumice@bulk#bulk"}, {"name": "pumice@fast#fast"}]
        }

    @pytest.mark.everywhere
    async def test_with_what_they_can_and_hold(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("bulk", volume_backend_name="bulk")
        await cloud.member.create_volume(size=30, volume_type="bulk")
        await cloud.settled()
        await cloud.looked()
        pools = (await cloud.admin.get(f"{POOLS}?detail=True"))["pools"]
        (bulk,) = (pool["capabilities"] for pool in pools if pool["name"] == "pumice@bulk#bulk")
        wanted = {
            "volume_backend_name": "bulk",
            "vendor_name": "Pumice",
            "storage_protocol": "memory",
            "total_capacity_gb": 100,
            "allocated_capacity_gb": 30,
            "reserved_percentage": 0,
            "QoS_support": False,
            "multiattach": False,
            "backend_state": "up",
        }
        assert {key: bulk[key] for key in wanted} == wanted
        assert float(bulk["max_over_subscription_ratio"]) >= 1
        assert isinstance(bulk["driver_version"], str)

    @pytest.mark.parametrize(
        ("query", "version", "wanted"),
        [
            ("name=pumice@fast%23fast", "3.28", ["pumice@fast#fast"]),
            ("name=pumice@fast%23fast", "3.27", ["pumice@bulk#bulk", "pumice@fast#fast"]),
            ("name=x", "3.28", []),
            ("volume_type=bulk", "3.35", ["pumice@bulk#bulk"]),
            ("volume_type=__DEFAULT__", "3.35", ["pumice@bulk#bulk", "pumice@fast#fast"]),
            ("volume_type=bulk&name=pumice@fast%23fast", "3.35", []),
            ("volume_type=bulk", "3.30", ["pumice@bulk#bulk", "pumice@fast#fast"]),
        ],
    )
    async def test_filters(self, cloud: Cloud, query: str, version: str, wanted: list[str]) -> None:
        await cloud.admin.create_type("bulk", volume_backend_name="bulk")
        pools = (await cloud.admin.get(f"{POOLS}?{query}", version=version))["pools"]
        assert [pool["name"] for pool in pools] == wanted

    async def test_the_type_is_no_filter_between_3_31_and_3_34(self, cloud: Cloud) -> None:
        reply = await cloud.admin.request("GET", f"{POOLS}?volume_type=bulk", version="3.34")
        text = "Invalid filters volume_type are found in query options."
        assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)
