"""The memory driver passes the suite."""

from __future__ import annotations

from pathlib import Path

from pumice.drivers.memory import MemoryDriver
from pumice.drivers.options import BackendConfig
from pumice.drivers.suite import DriverSuite
from pumice.files import RealFiles


class TestMemoryDriver(DriverSuite):
    def make_driver(self, home: Path) -> MemoryDriver:
        return MemoryDriver.from_settings(
            BackendConfig("memory1", "memory", {}, state_dir=home), RealFiles()
        )


class TestFiniteMemoryDriver(DriverSuite):
    def make_driver(self, home: Path) -> MemoryDriver:
        options = {"memory_capacity_gib": "2048"}
        return MemoryDriver.from_settings(
            BackendConfig("memory1", "memory", options, state_dir=home), RealFiles()
        )
