"""Every check of the suite can fail: for each there is a driver that breaks its rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumice.drivers.contract import Driver, VolumeSpec
from pumice.drivers.options import BackendConfig
from pumice.drivers.suite import DriverSuite
from pumice.files import RealFiles
from tests.drivers.broken import BROKEN, OnFiles

CHECKS = {name for name in vars(DriverSuite) if name.startswith("test_")}


class _Suite(DriverSuite):
    """The suite for any of the broken drivers, with the hooks of the driver it was made from."""

    def __init__(self, broken: type[Driver]) -> None:
        self._broken = broken
        self._on_files = issubclass(broken, OnFiles)

    def make_driver(self, home: Path) -> Driver:
        return self._broken.from_settings(BackendConfig("b", "b", {}, state_dir=home), RealFiles())

    def bytes_of(self, home: Path, volume: VolumeSpec) -> Path | None:
        return home / "volumes" / "b" / f"volume-{volume.id}.raw" if self._on_files else None

    def strangers(self, home: Path) -> list[Path]:
        stranger = home / "volumes" / "b" / "notes.txt"
        stranger.write_text("mine")
        return [stranger]

    def leave_unfinished(self, home: Path, volume: VolumeSpec) -> None:
        path = self.bytes_of(home, volume)
        if path is not None:
            path.touch()


@pytest.mark.parametrize(("check", "broken", "rule"), BROKEN)
def test_check_finds_the_broken_driver(
    check: str, broken: type[Driver], rule: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=rule):
        getattr(_Suite(broken), check)(tmp_path)


def test_every_check_has_a_driver_that_breaks_its_rule() -> None:
    assert {check for check, _, _ in BROKEN} == CHECKS


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_check_passes_the_driver_that_the_broken_ones_are_made_from(
    check: str, tmp_path: Path
) -> None:
    getattr(_Suite(OnFiles), check)(tmp_path)
