"""The values of the contract: names on the storage, figures per pool, capabilities."""

from __future__ import annotations

import pytest

from pumice.drivers.contract import CORE, Driver, PoolStats, Stats, VolumeSpec, storage_name
from pumice.errors import DriverError

ID = "0190f3a0-7c1e-7abc-8def-0123456789ab"

STATS = Stats(
    volume_backend_name="b",
    vendor_name="Pumice",
    driver_version="1",
    storage_protocol="file",
    total_capacity_gib=100.0,
    free_capacity_gib="unknown",
    extra={"color": "grey", "media": "hdd"},
)


def test_storage_name_comes_from_the_id_alone() -> None:
    assert storage_name(VolumeSpec(ID, 1, name="../x")) == f"volume-{ID}"


@pytest.mark.parametrize(
    "wrong", ["", "x", ID.upper(), ID + "\n", " " + ID, ID[:-1], ID.replace("-", ""), f"../{ID}"]
)
def test_storage_name_refuses_what_is_no_uuid(wrong: str) -> None:
    with pytest.raises(DriverError, match="is not the id of a volume"):
        storage_name(VolumeSpec(wrong, 1))


def test_core_names_every_method_of_the_protocol() -> None:
    assert set(CORE) == {name for name, value in vars(Driver).items() if _is_method(name, value)}


def _is_method(name: str, value: object) -> bool:
    return not name.startswith("_") and (callable(value) or isinstance(value, classmethod))


def test_backend_without_pools_is_one_pool() -> None:
    assert STATS.by_pool() == {"b": STATS}


def test_pools_are_found_by_name() -> None:
    pool = PoolStats(pool_name="fast", total_capacity_gib=10.0, free_capacity_gib=9.0)
    stats = Stats(
        volume_backend_name="b",
        vendor_name="v",
        driver_version="1",
        storage_protocol="iSCSI",
        total_capacity_gib=0.0,
        free_capacity_gib=0.0,
        pools=(pool,),
    )
    assert stats.by_pool() == {"fast": pool}


def test_capabilities_have_cinders_names() -> None:
    assert STATS.capabilities(STATS) == {
        "volume_backend_name": "b",
        "vendor_name": "Pumice",
        "driver_version": "1",
        "storage_protocol": "file",
        "total_capacity_gb": 100.0,
        "free_capacity_gb": "unknown",
        "thin_provisioning_support": False,
        "thick_provisioning_support": False,
        "QoS_support": False,
        "multiattach": False,
        "volatile": False,
        "color": "grey",
        "media": "hdd",
    }


def test_capabilities_of_a_pool_count_more_than_the_backends() -> None:
    pool = PoolStats(
        pool_name="fast",
        total_capacity_gib=10.0,
        free_capacity_gib=9.0,
        qos_support=True,
        extra={"media": "ssd"},
    )
    found = STATS.capabilities(pool)
    assert found["pool_name"] == "fast"
    assert found["total_capacity_gb"] == 10.0
    assert found["QoS_support"] is True
    assert (found["color"], found["media"]) == ("grey", "ssd")
