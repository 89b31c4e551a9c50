"""What is particular to the memory driver: its capacity."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from pumice.drivers.contract import VolumeSpec
from pumice.drivers.memory import MemoryDriver
from pumice.drivers.options import BackendConfig
from pumice.errors import BackendUnavailable, DriverError, SettingsError
from pumice.files import RealFiles


def _driver(**options: str) -> MemoryDriver:
    config = BackendConfig("m1", "memory", options, Path("/nowhere"))
    return MemoryDriver.from_settings(config, RealFiles())


def _volume(size_gib: int) -> VolumeSpec:
    return VolumeSpec(str(uuid.uuid4()), size_gib)


def test_capacity_is_infinite_and_thin_by_default() -> None:
    stats = _driver().get_volume_stats()
    assert (stats.total_capacity_gib, stats.free_capacity_gib) == ("infinite", "infinite")
    assert stats.thin_provisioning_support
    assert stats.volatile


def test_finite_capacity_is_thick_and_counts_down() -> None:
    driver = _driver(memory_capacity_gib="10")
    driver.create_volume(_volume(3))
    stats = driver.get_volume_stats()
    assert (stats.total_capacity_gib, stats.free_capacity_gib) == (10.0, 7.0)
    assert not stats.thin_provisioning_support
    assert stats.thick_provisioning_support


def test_full_backend_refuses_and_delete_makes_room() -> None:
    driver = _driver(memory_capacity_gib="10")
    first = _volume(8)
    driver.create_volume(first)
    with pytest.raises(DriverError, match="m1 has no space left") as caught:
        driver.create_volume(_volume(3))
    assert not isinstance(caught.value, BackendUnavailable)
    driver.delete_volume(first)
    driver.create_volume(_volume(10))


def test_repeated_create_on_a_full_backend_succeeds() -> None:
    driver = _driver(memory_capacity_gib="10")
    volume = _volume(10)
    assert driver.create_volume(volume) == driver.create_volume(volume)


@pytest.mark.parametrize("text", ["", "much", "0", "-1", "nan", "10 GiB"])
def test_capacity_must_be_a_number_above_zero(text: str) -> None:
    with pytest.raises(SettingsError, match=r"\[m1\] memory_capacity_gib"):
        _driver(memory_capacity_gib=text)
