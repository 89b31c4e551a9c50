"""The storage array behind one backend: it outlives the processes that serve it, and can be in trouble.

Each process has a driver of its own in front of it (:class:`ArrayDriver`); what that does is a real
driver's doing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import ClassVar, Self, TypeVar

from msgspec.structs import replace

from pumice.drivers.contract import Created, Driver, Listed, Stats, VolumeSpec
from pumice.drivers.options import BackendConfig, Option
from pumice.errors import BackendUnavailable, DriverError
from pumice.files import Files
from pumice.operations.definition import REMOTE_TRIES
from pumice.seams import CrashPoints
from tests.simulation.storage import Hang

T = TypeVar("T")

ERRORS: dict[str, type[Exception]] = {
    "refuses": DriverError,
    "is away": BackendUnavailable,
    "has a defect": ValueError,
}


class Trouble:
    """What goes wrong with the next ``times`` calls of ``method``.

    ``refuses``, ``is away`` and ``has a defect`` raise before anything is done; ``loses replies`` raises
    after; ``hangs`` blocks the thread for ``seconds`` and goes on then; ``lies`` reports nonsense.
    """

    def __init__(self, method: str, kind: str, times: int, seconds: float) -> None:
        self.method = method
        self.kind = kind
        self.times = times
        self.seconds = seconds


class Array:
    """One backend's storage."""

    def __init__(self, name: str, record: Callable[..., None], refused: set[str]) -> None:
        """``record`` is told what happens here, for the history.

        ``refused`` gets the volumes whose removal was refused for good.
        """
        self.name = name
        self.troubles: list[Trouble] = []
        self.record = record
        self.refused = refused
        self.kept: Driver | None = None
        """The driver that has the volumes in itself, if it is one that remembers."""
        self._not_told: Counter[str] = Counter()

    def not_told(self, method: str, volume_id: str) -> None:
        """Nobody learnt what came of a call; of a removal, an operation tries that only so often."""
        if method == "delete_volume":
            self._not_told[volume_id] += 1
            if self._not_told[volume_id] >= REMOTE_TRIES:
                self.refused.add(volume_id)

    def trouble(self, method: str, *kinds: str) -> Trouble | None:
        """The next trouble of ``kinds`` for a call of ``method``; it is used up by that."""
        for trouble in self.troubles:
            if trouble.method == method and trouble.kind in kinds:
                trouble.times -= 1
                if trouble.times <= 0:
                    self.troubles.remove(trouble)
                self.record("trouble", self.name, method, trouble.kind)
                return trouble
        return None


class ArrayDriver:
    """The driver of one process, in front of the array."""

    OPTIONS: ClassVar[tuple[Option, ...]] = ()

    def __init__(self, array: Array, driver: Driver, crash_point: CrashPoints) -> None:
        self._array = array
        self._driver = driver
        self._crash_point = crash_point

    @classmethod
    def from_settings(cls, config: BackendConfig, files: Files) -> Self:
        """An array is there before the settings are read."""
        raise NotImplementedError

    def check_for_setup_error(self) -> None:
        """See :meth:`Driver.check_for_setup_error`."""
        self._before("check_for_setup_error")
        self._driver.check_for_setup_error()

    def get_volume_stats(self) -> Stats:
        """See :meth:`Driver.get_volume_stats`."""
        self._before("get_volume_stats")
        stats = self._driver.get_volume_stats()
        if self._array.trouble("get_volume_stats", "lies"):
            lie = {"total_capacity_gib": 7.0, "free_capacity_gib": -3.0, "total_volumes": 10_000}
            return replace(stats, **lie)
        return stats

    def create_volume(self, volume: VolumeSpec) -> Created:
        """See :meth:`Driver.create_volume`."""
        return self._change("create_volume", volume, self._driver.create_volume)

    def delete_volume(self, volume: VolumeSpec) -> None:
        """See :meth:`Driver.delete_volume`."""
        self._change("delete_volume", volume, self._driver.delete_volume)

    def list_volumes(self) -> list[Listed]:
        """See :meth:`Driver.list_volumes`."""
        self._before("list_volumes")
        return self._driver.list_volumes()

    def _change(self, method: str, volume: VolumeSpec, change: Callable[[VolumeSpec], T]) -> T:
        self._before(method, volume.id)
        result = change(volume)
        self._array.record(method, self._array.name, volume.id)
        self._crash_point(f"within {method}: done, not told")
        if self._array.trouble(method, "loses replies"):
            self._array.not_told(method, volume.id)
            raise BackendUnavailable(f"Backend {self._array.name} did not answer {method}.")
        return result

    def _before(self, method: str, volume_id: str = "") -> None:
        trouble = self._array.trouble(method, "hangs", *ERRORS)
        if trouble is None:
            return
        if trouble.kind == "hangs":
            raise Hang(trouble.seconds)
        if trouble.kind == "is away":
            self._array.not_told(method, volume_id)
        elif method == "delete_volume":
            self._array.refused.add(volume_id)
        raise ERRORS[trouble.kind](f"Backend {self._array.name} {trouble.kind}: {method}.")
