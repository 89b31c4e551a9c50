"""The file driver passes the suite."""

from __future__ import annotations

import uuid
from pathlib import Path

from pumice.drivers.contract import VolumeSpec
from pumice.drivers.file import FileDriver
from pumice.drivers.options import BackendConfig
from pumice.drivers.suite import DriverSuite
from pumice.files import RealFiles


class TestFileDriver(DriverSuite):
    def make_driver(self, home: Path) -> FileDriver:
        return FileDriver.from_settings(
            BackendConfig("file1", "file", {}, state_dir=home), RealFiles()
        )

    def bytes_of(self, home: Path, volume: VolumeSpec) -> Path:
        return home / "volumes" / "file1" / f"volume-{volume.id}.raw"

    def strangers(self, home: Path) -> list[Path]:
        volume_id = uuid.uuid4()
        names = (
            "notes.txt",
            "volume-.raw",
            "volume-precious.raw",
            f"volume-{volume_id}.qcow2",
            f"volume-{volume_id}.raw.bak",
            f"volume-{str(volume_id).upper()}.raw",
            f"{volume_id}.raw",
        )
        paths = [home / "volumes" / "file1" / name for name in names]
        for path in paths:
            path.write_text(f"a stranger named {path.name}")
        (home / "volumes" / "file1" / f"volume-{uuid.uuid4()}.raw").mkdir()
        (home / "volumes" / "file1" / f"volume-{uuid.uuid4()}.raw").symlink_to(paths[0])
        return paths

    def leave_unfinished(self, home: Path, volume: VolumeSpec) -> None:
        self.bytes_of(home, volume).touch()
