"""One broken driver per rule of the suite: each must make its check fail."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from msgspec.structs import replace

from pumice.drivers.contract import GIB, Created, Driver, Listed, Stats, VolumeSpec
from pumice.drivers.file import FileDriver
from pumice.drivers.memory import MemoryDriver
from pumice.drivers.options import BackendConfig, Option
from pumice.errors import DriverError
from pumice.files import Files


class OnFiles(FileDriver):
    """The file driver, with its directory in reach."""

    @property
    def directory(self) -> Path:
        return self._directory

    def path(self, volume: VolumeSpec) -> Path:
        return self._directory / f"volume-{volume.id}.raw"


class MakesTwo(MemoryDriver):
    def create_volume(self, volume: VolumeSpec) -> Created:
        super().create_volume(VolumeSpec(str(uuid.uuid4()), volume.size_gib))
        return super().create_volume(volume)


class LeavesOldBytes(OnFiles):
    """Takes any space that is free, whatever stands on it."""

    def create_volume(self, volume: VolumeSpec) -> Created:
        created = super().create_volume(volume)
        with self.path(volume).open("r+b") as file:
            file.write(b"bytes of a former user")
        return created


class KeepsBytesAfterDelete(OnFiles):
    """Recycles files instead of removing them."""

    def create_volume(self, volume: VolumeSpec) -> Created:
        recycled = self.path(volume).with_suffix(".old")
        if recycled.exists():
            recycled.rename(self.path(volume))
        return super().create_volume(volume)

    def delete_volume(self, volume: VolumeSpec) -> None:
        if self.path(volume).exists():
            self.path(volume).rename(self.path(volume).with_suffix(".old"))


class MakesTooLittle(OnFiles):
    """Counts in decimal gigabytes."""

    def create_volume(self, volume: VolumeSpec) -> Created:
        self._files.create_sparse(self.path(volume), volume.size_gib * 10**9)
        return Created()


class AnswersAnew(MemoryDriver):
    def create_volume(self, volume: VolumeSpec) -> Created:
        super().create_volume(volume)
        return Created(provider_location=str(uuid.uuid4()))


class DeletesAll(MemoryDriver):
    def delete_volume(self, volume: VolumeSpec) -> None:
        for volume_id in (volume.id, *(each.id for each in self.list_volumes())):
            super().delete_volume(VolumeSpec(volume_id, volume.size_gib))


class OverflowsAtLargeSizes(MemoryDriver):
    def list_volumes(self) -> list[Listed]:
        return [Listed(each.id, each.size_gib & 0xFF) for each in super().list_volumes()]


class TruncatesAtRepeat(OnFiles):
    """What a create by plain ``open(path, "w")`` does."""

    def create_volume(self, volume: VolumeSpec) -> Created:
        self.path(volume).unlink(missing_ok=True)
        return super().create_volume(volume)


class TruncatesAtConflict(OnFiles):
    """Makes the volume fit."""

    def create_volume(self, volume: VolumeSpec) -> Created:
        if self.path(volume).exists():
            with self.path(volume).open("r+b") as file:
                file.truncate(volume.size_gib * GIB)
        return super().create_volume(volume)


class WipesAtConflict(OnFiles):
    """Raises the conflict only after it cleared the volume."""

    def create_volume(self, volume: VolumeSpec) -> Created:
        path = self.path(volume)
        if path.exists() and path.stat().st_size != volume.size_gib * GIB:
            with path.open("r+b") as file:
                file.write(bytes(4096))
        return super().create_volume(volume)


class AcceptsAnotherSize(MemoryDriver):
    def create_volume(self, volume: VolumeSpec) -> Created:
        sizes = {each.id: each.size_gib for each in self.list_volumes()}
        return super().create_volume(VolumeSpec(volume.id, sizes.get(volume.id, volume.size_gib)))


class RefusesAbsent(MemoryDriver):
    """Takes absence for an error, at each delete."""

    def delete_volume(self, volume: VolumeSpec) -> None:
        if volume.id not in {each.id for each in self.list_volumes()}:
            raise DriverError("There is no such volume.")
        super().delete_volume(volume)


class FormatsAtSetup(MemoryDriver):
    def check_for_setup_error(self) -> None:
        for each in self.list_volumes():
            self.delete_volume(VolumeSpec(each.id, each.size_gib))


class ListsUnfinished(OnFiles):
    def list_volumes(self) -> list[Listed]:
        return [Listed(path.stem[7:], 1) for path in self.directory.glob("volume-*.raw")]


class StumblesOverUnfinished(OnFiles):
    def create_volume(self, volume: VolumeSpec) -> Created:
        if self.path(volume).exists():
            raise DriverError("Somebody is making that volume.")
        return super().create_volume(volume)


class LeavesUnfinished(OnFiles):
    def delete_volume(self, volume: VolumeSpec) -> None:
        if self.path(volume).exists() and self.path(volume).stat().st_size:
            super().delete_volume(volume)


class ForgetsAtRestart(MemoryDriver):
    """Loses its volumes and does not say so."""

    def get_volume_stats(self) -> Stats:
        return replace(super().get_volume_stats(), volatile=False)


class NamesByName(OnFiles):
    def create_volume(self, volume: VolumeSpec) -> Created:
        with self._in_words():
            (self.directory / f"{volume.name}.raw").touch()
        return super().create_volume(volume)


class TakesAnyId(OnFiles):
    def create_volume(self, volume: VolumeSpec) -> Created:
        (self.directory / f"volume-{volume.id}.raw").touch()
        return Created()


class ListsStrangers(OnFiles):
    def list_volumes(self) -> list[Listed]:
        found = self._files.list_files(self.directory)
        return [Listed(name.removeprefix("volume-").removesuffix(".raw"), 1) for name, _ in found]


class TidiesUp(OnFiles):
    """Removes what it does not know."""

    def check_for_setup_error(self) -> None:
        super().check_for_setup_error()
        for path in self.directory.glob("*.txt"):
            path.unlink()


class ReportsText(MemoryDriver):
    def get_volume_stats(self) -> Stats:
        anything: Any = "12.5"
        return replace(super().get_volume_stats(), free_capacity_gib=anything)


class ReportsMoreThanAll(MemoryDriver):
    def get_volume_stats(self) -> Stats:
        stats = super().get_volume_stats()
        return replace(stats, total_capacity_gib=10.0, free_capacity_gib=11.0)


class ReportsNoVendor(MemoryDriver):
    def get_volume_stats(self) -> Stats:
        return replace(super().get_volume_stats(), vendor_name="")


class CountsRepeats(MemoryDriver):
    def __init__(self, config: BackendConfig, capacity_gib: float) -> None:
        super().__init__(config, capacity_gib)
        self.creates = 0

    def create_volume(self, volume: VolumeSpec) -> Created:
        self.creates += 1
        return super().create_volume(volume)

    def get_volume_stats(self) -> Stats:
        return replace(super().get_volume_stats(), total_volumes=self.creates)


class TakesAnyOption(MemoryDriver):
    @classmethod
    def from_settings(cls, config: BackendConfig, files: Files) -> Self:
        return super().from_settings(replace(config, options={}), files)


class HasTwinOptions(MemoryDriver):
    OPTIONS: ClassVar[tuple[Option, ...]] = 2 * MemoryDriver.OPTIONS


class LosesConcurrentCreates(MemoryDriver):
    """Reads what there is, thinks, and writes it back: who was quicker is forgotten."""

    def __init__(self, config: BackendConfig, capacity_gib: float) -> None:
        super().__init__(config, capacity_gib)
        self.known: list[Listed] = []
        self.everyone_has_read = threading.Barrier(2)

    def create_volume(self, volume: VolumeSpec) -> Created:
        known = [each for each in self.known if each.id != volume.id]
        self.everyone_has_read.wait(timeout=10)
        self.known = [*known, Listed(volume.id, volume.size_gib)]
        return super().create_volume(volume)

    def list_volumes(self) -> list[Listed]:
        return self.known


class ListsLazily(MemoryDriver):
    """Its list would be read on another thread than it is made on."""

    def list_volumes(self) -> Any:
        return iter(super().list_volumes())


BROKEN: Final[tuple[tuple[str, type[Driver], str], ...]] = (
    ("test_create_makes_exactly_one_volume", MakesTwo, "listed with its size"),
    ("test_create_makes_exactly_one_volume", ListsLazily, "a list of Listed"),
    ("test_new_volume_reads_as_zeros", LeavesOldBytes, "reads as zeros"),
    ("test_new_volume_reads_as_zeros", MakesTooLittle, "to the byte"),
    ("test_deleted_bytes_do_not_return", KeepsBytesAfterDelete, "reads as zeros"),
    ("test_delete_removes_only_the_volume", DeletesAll, "and no other"),
    ("test_largest_volume", OverflowsAtLargeSizes, "kept exactly"),
    ("test_repeated_create_changes_nothing", TruncatesAtRepeat, "wrote to a volume stays"),
    ("test_repeated_create_changes_nothing", AnswersAnew, "answers the same"),
    ("test_create_with_another_size_conflicts", AcceptsAnotherSize, "raises VolumeConflict"),
    ("test_create_with_another_size_conflicts", TruncatesAtConflict, "raises VolumeConflict"),
    ("test_create_with_another_size_conflicts", WipesAtConflict, "wrote to a volume stays"),
    ("test_repeated_delete_succeeds", RefusesAbsent, "repeated delete succeeds"),
    ("test_delete_of_an_unknown_volume_succeeds", RefusesAbsent, "never was"),
    ("test_setup_check_is_repeatable", FormatsAtSetup, "changes no volume"),
    ("test_interrupted_create_can_be_repeated", ListsUnfinished, "is not listed"),
    ("test_interrupted_create_can_be_repeated", StumblesOverUnfinished, "create succeeds over"),
    ("test_interrupted_create_can_be_deleted", LeavesUnfinished, "removes what an interrupted"),
    ("test_restart_finds_the_volumes", ForgetsAtRestart, "or are volatile"),
    ("test_names_do_not_matter", NamesByName, "may be named"),
    ("test_ids_must_be_uuids", TakesAnyId, "is refused with a DriverError"),
    ("test_strangers_are_left_alone", ListsStrangers, "are not listed"),
    ("test_strangers_are_left_alone", TidiesUp, "is left alone"),
    ("test_statistics_are_well_formed", ReportsText, "the types of Stats"),
    ("test_statistics_are_well_formed", ReportsMoreThanAll, "part of the total"),
    ("test_statistics_are_well_formed", ReportsNoVendor, "name the backend"),
    ("test_statistics_follow_the_volumes", CountsRepeats, "counts each volume once"),
    ("test_unknown_options_are_refused", TakesAnyOption, "that is not declared"),
    ("test_unknown_options_are_refused", HasTwinOptions, "with own names"),
    ("test_volumes_are_made_and_removed_at_once", LosesConcurrentCreates, "creates all count"),
)
"""The check, a driver that breaks its rule, and words of the rule that the check must name."""
