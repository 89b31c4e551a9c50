"""One method per rule of :class:`pumice.drivers.contract.Driver`."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from pumice.drivers.contract import GIB, Driver, Listed, Stats, VolumeSpec
from pumice.drivers.options import MAX_OPTIONS, BackendConfig
from pumice.errors import DriverError, SettingsError, VolumeConflict
from pumice.files import RealFiles

ODD_NAMES: Final = (
    "",
    "n" * 255,
    "../../../etc/passwd",
    "/dev/null",
    "a\nb\x00c",
    "$(reboot) `reboot` ; reboot",
    "%s {0} \\",
    "löwe-猫-\U0001f30b",
)

WRONG_IDS: Final = ("", ".", "..", "../escaped", "/escaped", "x" * 300, "volume\x00", "*")

_MARK: Final = b"These bytes belong to a user."


class DriverSuite:
    """Subclass it, give it a driver, and let pytest run it.

    ``home`` is an empty directory for one test. Whatever the driver keeps must be kept there, or be
    told apart by it: a second driver made with the same ``home`` is the backend after a restart.
    """

    largest_gib: ClassVar[int] = 1024
    """The largest volume that is tried; lower it where the storage under test is smaller."""

    def make_driver(self, home: Path) -> Driver:
        """Build the driver on ``home`` by its ``from_settings``."""
        raise NotImplementedError("A suite says how its driver is made: define make_driver.")

    def bytes_of(self, home: Path, volume: VolumeSpec) -> Path | None:
        """Where the volume's bytes can be read and written; None when the driver keeps no bytes."""
        del home, volume
        return None

    def strangers(self, home: Path) -> list[Path]:
        """Put files that are no volumes where the volumes are; none where strangers cannot be.

        Called after the driver's setup check. Choose names as like a volume's as possible.
        """
        del home
        return []

    def leave_unfinished(self, home: Path, volume: VolumeSpec) -> None:
        """Leave the worst that a process can which dies in the middle of ``create_volume``."""

    # The core: make, list, remove.

    def test_create_makes_exactly_one_volume(self, tmp_path: Path) -> None:
        """After a create the list has that volume, with its size, and no other."""
        driver = self._ready(tmp_path)
        _require(_listed(driver) == {}, "A new backend lists nothing.")
        volume = _volume(2)
        driver.create_volume(volume)
        _require(_listed(driver) == {volume.id: 2}, "A created volume is listed with its size.")

    def test_new_volume_reads_as_zeros(self, tmp_path: Path) -> None:
        """A new volume has its full size and no bytes of anybody."""
        driver = self._ready(tmp_path)
        volume = _volume()
        driver.create_volume(volume)
        self._require_zeros(tmp_path, volume)

    def test_deleted_bytes_do_not_return(self, tmp_path: Path) -> None:
        """A volume that is made again after its delete reads as zeros."""
        driver = self._ready(tmp_path)
        volume = _volume()
        driver.create_volume(volume)
        self._mark(tmp_path, volume)
        driver.delete_volume(volume)
        driver.create_volume(volume)
        self._require_zeros(tmp_path, volume)

    def test_delete_removes_only_the_volume(self, tmp_path: Path) -> None:
        """A delete takes the volume it names and leaves the others."""
        driver = self._ready(tmp_path)
        kept, gone = _volume(), _volume()
        driver.create_volume(kept)
        driver.create_volume(gone)
        self._mark(tmp_path, kept)
        driver.delete_volume(gone)
        _require(_listed(driver) == {kept.id: 1}, "A delete removes its volume and no other.")
        self._require_mark(tmp_path, kept)

    def test_largest_volume(self, tmp_path: Path) -> None:
        """A volume of ``largest_gib`` can be made, listed and removed."""
        driver = self._ready(tmp_path)
        volume = _volume(self.largest_gib)
        driver.create_volume(volume)
        _require(_listed(driver) == {volume.id: self.largest_gib}, "Large sizes are kept exactly.")
        driver.delete_volume(volume)
        _require(_listed(driver) == {}, "A large volume can be removed.")

    # Repetition: after a crash nobody knows whether the last call worked.

    def test_repeated_create_changes_nothing(self, tmp_path: Path) -> None:
        """The second create answers as the first, and the bytes written in between stay."""
        driver = self._ready(tmp_path)
        volume = _volume()
        first = driver.create_volume(volume)
        self._mark(tmp_path, volume)
        _require(driver.create_volume(volume) == first, "A repeated create answers the same.")
        _require(_listed(driver) == {volume.id: 1}, "A repeated create makes nothing.")
        self._require_mark(tmp_path, volume)

    def test_create_with_another_size_conflicts(self, tmp_path: Path) -> None:
        """Neither a smaller nor a larger create touches the volume that is there."""
        driver = self._ready(tmp_path)
        volume = _volume(2)
        driver.create_volume(volume)
        self._mark(tmp_path, volume)
        for size_gib in (1, 3):
            with _must_raise(VolumeConflict, "A create with another size raises VolumeConflict."):
                driver.create_volume(VolumeSpec(volume.id, size_gib))
            _require(_listed(driver) == {volume.id: 2}, "A refused create changes no size.")
            self._require_mark(tmp_path, volume)

    def test_repeated_delete_succeeds(self, tmp_path: Path) -> None:
        """Absence is what a delete wants."""
        driver = self._ready(tmp_path)
        volume = _volume()
        driver.create_volume(volume)
        driver.delete_volume(volume)
        with _must_not_raise("A repeated delete succeeds."):
            driver.delete_volume(volume)

    def test_delete_of_an_unknown_volume_succeeds(self, tmp_path: Path) -> None:
        """As a repeated delete: the driver cannot know the difference."""
        driver = self._ready(tmp_path)
        with _must_not_raise("A delete of a volume that never was succeeds."):
            driver.delete_volume(_volume())

    def test_setup_check_is_repeatable(self, tmp_path: Path) -> None:
        """A setup check beside existing volumes harms none of them."""
        driver = self._ready(tmp_path)
        volume = _volume()
        driver.create_volume(volume)
        self._mark(tmp_path, volume)
        driver.check_for_setup_error()
        _require(_listed(driver) == {volume.id: 1}, "A setup check changes no volume.")
        self._require_mark(tmp_path, volume)

    def test_interrupted_create_can_be_repeated(self, tmp_path: Path) -> None:
        """What a dead process left is no volume, and the repeat makes a whole one."""
        driver = self._ready(tmp_path)
        volume = _volume()
        self.leave_unfinished(tmp_path, volume)
        _require(_listed(driver) == {}, "An unfinished volume is not listed.")
        with _must_not_raise("A create succeeds over what an interrupted one left."):
            driver.create_volume(volume)
        _require(_listed(driver) == {volume.id: 1}, "The repeated create makes the volume.")
        self._require_zeros(tmp_path, volume)

    def test_interrupted_create_can_be_deleted(self, tmp_path: Path) -> None:
        """A delete clears what a dead process left: nothing of it is on the storage afterwards."""
        driver = self._ready(tmp_path)
        before = _names(tmp_path)
        volume = _volume()
        self.leave_unfinished(tmp_path, volume)
        with _must_not_raise("A delete succeeds over what an interrupted create left."):
            driver.delete_volume(volume)
        _require(_names(tmp_path) == before, "A delete removes what an interrupted create left.")

    def test_restart_finds_the_volumes(self, tmp_path: Path) -> None:
        """A new driver on the same storage has the same volumes, unless it says ``volatile``."""
        driver = self._ready(tmp_path)
        volume = _volume()
        created = driver.create_volume(volume)
        self._mark(tmp_path, volume)
        again = self._ready(tmp_path)
        if again.get_volume_stats().volatile:
            return
        _require(_listed(again) == {volume.id: 1}, "Volumes outlive the process, or are volatile.")
        _require(again.create_volume(volume) == created, "A repeat after a restart is a repeat.")
        self._require_mark(tmp_path, volume)
        volumes = again.get_volume_stats().total_volumes
        _require(volumes in {None, 1}, "Statistics count the volumes from before the restart.")

    # Names and strangers.

    def test_names_do_not_matter(self, tmp_path: Path) -> None:
        """The name may be any text and may change: only the id tells a volume."""
        driver = self._ready(tmp_path)
        volumes = [VolumeSpec(str(uuid.uuid4()), 1, name=name) for name in ODD_NAMES]
        for volume in volumes:
            with _must_not_raise(f"A volume may be named {volume.name!r}."):
                driver.create_volume(volume)
        _require(_listed(driver) == {v.id: 1 for v in volumes}, "Only the id tells a volume.")
        for volume in volumes:
            driver.create_volume(VolumeSpec(volume.id, 1, name="renamed"))
            driver.delete_volume(VolumeSpec(volume.id, 1, name="renamed again"))
        _require(_listed(driver) == {}, "A volume whose name was changed can be removed.")

    def test_ids_must_be_uuids(self, tmp_path: Path) -> None:
        """An id that is none makes nothing, wherever it points to."""
        driver = self._ready(tmp_path)
        before = _names(tmp_path)
        for wrong in WRONG_IDS:
            with _must_raise(DriverError, f"The id {wrong!r} is refused with a DriverError."):
                driver.create_volume(VolumeSpec(wrong, 1))
        _require(_names(tmp_path) == before, "A refused id leaves nothing on the storage.")
        _require(_listed(driver) == {}, "A refused id makes no volume.")

    def test_strangers_are_left_alone(self, tmp_path: Path) -> None:
        """What the driver did not make is neither listed nor changed."""
        driver = self._ready(tmp_path)
        before = {path: path.read_bytes() for path in self.strangers(tmp_path)}
        volume = _volume()
        driver.create_volume(volume)
        _require(_listed(driver) == {volume.id: 1}, "Strangers are not listed.")
        driver.delete_volume(volume)
        driver.check_for_setup_error()
        for path, content in before.items():
            kept = path.exists() and path.read_bytes() == content
            _require(kept, f"The stranger {path.name} is left alone.")

    # Statistics and options.

    def test_statistics_are_well_formed(self, tmp_path: Path) -> None:
        """Each figure has its type and makes sense."""
        stats = self._ready(tmp_path).get_volume_stats()
        try:
            msgspec.convert(msgspec.to_builtins(stats), Stats)
        except msgspec.ValidationError as error:
            _require(condition=False, rule=f"Statistics have the types of Stats: {error}.")
        texts = (
            stats.volume_backend_name,
            stats.vendor_name,
            stats.driver_version,
            stats.storage_protocol,
        )
        _require(all(texts), "Statistics name the backend, vendor, version and protocol.")
        for name, pool in stats.by_pool().items():
            total, free = pool.total_capacity_gib, pool.free_capacity_gib
            if isinstance(total, float) and isinstance(free, float):
                _require(
                    0 <= free <= total, f"Pool {name}: the free capacity is part of the total."
                )

    def test_statistics_follow_the_volumes(self, tmp_path: Path) -> None:
        """Where the driver counts volumes and their sizes, it counts each once."""
        driver = self._ready(tmp_path)
        volume = _volume(3)
        self._require_count(driver, 0, 0)
        for _ in range(2):
            driver.create_volume(volume)
            self._require_count(driver, 1, 3)
        for _ in range(2):
            driver.delete_volume(volume)
            self._require_count(driver, 0, 0)

    def test_unknown_options_are_refused(self, tmp_path: Path) -> None:
        """Options are declared, few, explained, and no other is taken."""
        driver = self._ready(tmp_path)
        names = [option.name for option in driver.OPTIONS]
        _require(len(names) == len(set(names)) <= MAX_OPTIONS, "Options are few, with own names.")
        _require(all(option.help for option in driver.OPTIONS), "Each option has a help text.")
        config = BackendConfig("suite", "suite", {"no_such_option": "1"}, state_dir=tmp_path)
        with _must_raise(SettingsError, "An option that is not declared raises SettingsError."):
            type(driver).from_settings(config, RealFiles())

    # Threads.

    def test_volumes_are_made_and_removed_at_once(self, tmp_path: Path) -> None:
        """Calls for different volumes on several threads do not disturb each other."""
        driver = self._ready(tmp_path)
        volumes = [_volume() for _ in range(16)]
        with ThreadPoolExecutor(max_workers=8) as threads:
            list(threads.map(driver.create_volume, volumes))
            _require(_listed(driver) == {v.id: 1 for v in volumes}, "Concurrent creates all count.")
            self._require_count(driver, 16, 16)
            list(threads.map(driver.delete_volume, volumes))
        _require(_listed(driver) == {}, "Concurrent deletes all count.")
        self._require_count(driver, 0, 0)

    def _ready(self, home: Path) -> Driver:
        driver = self.make_driver(home)
        driver.check_for_setup_error()
        return driver

    def _mark(self, home: Path, volume: VolumeSpec) -> None:
        """Write to the volume's start and end, as its user would."""
        path = self.bytes_of(home, volume)
        if path is not None:
            with path.open("r+b") as file:
                file.write(_MARK)
                file.seek(-len(_MARK), os.SEEK_END)
                file.write(_MARK)

    def _require_mark(self, home: Path, volume: VolumeSpec) -> None:
        self._require_bytes(home, volume, _MARK, "What a user wrote to a volume stays.")

    def _require_zeros(self, home: Path, volume: VolumeSpec) -> None:
        self._require_bytes(home, volume, bytes(len(_MARK)), "A new volume reads as zeros.")

    def _require_bytes(self, home: Path, volume: VolumeSpec, wanted: bytes, rule: str) -> None:
        """``wanted`` stands at both ends of the volume, and those are ``size_gib`` apart."""
        path = self.bytes_of(home, volume)
        if path is None:
            return
        with path.open("rb") as file:
            at_start = file.read(len(wanted))
            size = file.seek(0, os.SEEK_END)
            _require(size == volume.size_gib * GIB, "A volume's size is size_gib, to the byte.")
            file.seek(-len(wanted), os.SEEK_END)
            _require((at_start, file.read()) == (wanted, wanted), rule)

    def _require_count(self, driver: Driver, volumes: int, size_gib: int) -> None:
        stats = driver.get_volume_stats()
        if stats.total_volumes is not None:
            _require(stats.total_volumes == volumes, "total_volumes counts each volume once.")
        if stats.provisioned_capacity_gib is not None:
            provisioned = stats.provisioned_capacity_gib == size_gib
            _require(provisioned, "provisioned_capacity_gib is the sum of the volumes' sizes.")


def _volume(size_gib: int = 1) -> VolumeSpec:
    return VolumeSpec(str(uuid.uuid4()), size_gib)


def _listed(driver: Driver) -> dict[str, int]:
    """What the driver lists, as sizes by id."""
    volumes: object = driver.list_volumes()
    if not isinstance(volumes, list) or not all(isinstance(each, Listed) for each in volumes):
        raise AssertionError("list_volumes returns a list of Listed.")
    sizes = {volume.id: volume.size_gib for volume in volumes}
    _require(len(sizes) == len(volumes), "list_volumes names each volume once.")
    return sizes


def _names(home: Path) -> set[Path]:
    """Everything in ``home`` and beside it: a wrong id may point outside."""
    return {*home.rglob("*"), *home.parent.iterdir()}


def _require(condition: bool, rule: str) -> None:  # noqa: FBT001 - it reads as `assert condition, rule` does
    """An ``assert`` that optimisation does not remove and that needs no rewriting to be read."""
    if not condition:
        raise AssertionError(rule)


@contextlib.contextmanager
def _must_raise(kind: type[Exception], rule: str) -> Iterator[None]:
    try:
        yield
    except kind:
        return
    except Exception as error:
        raise AssertionError(rule) from error
    raise AssertionError(rule)


@contextlib.contextmanager
def _must_not_raise(rule: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise AssertionError(rule) from error
