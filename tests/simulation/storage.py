"""The storage behind one backend: it outlives processes, and it can be in trouble."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self, TypeVar

from pumice.drivers.contract import Created, Driver, Listed, Stats, VolumeSpec
from pumice.drivers.options import BackendConfig, Option
from pumice.errors import BackendUnavailable, DriverError
from pumice.files import Files
from pumice.seams import CrashPoints

T = TypeVar("T")


class Hang(Exception):
    """The call blocks its thread for ``seconds`` before it does anything."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Storage:
    """A driver that fails, hangs and dies as a test says. What it does is a real driver's doing.

    Troubles are by the name of the method. ``refusals`` count the calls that fail before they do
    anything, ``lost_replies`` those that take effect and fail then, ``hangs`` give the seconds that
    the next call blocks before it takes effect. ``FOR_EVER`` is a count that does not end.
    """

    OPTIONS: ClassVar[tuple[Option, ...]] = ()
    FOR_EVER: ClassVar[int] = 1_000_000

    def __init__(self, name: str, crash_point: CrashPoints, *, remembers: bool) -> None:
        """``remembers``: the volumes are in the driver itself, so the first one stays in use."""
        self.name = name
        self.refusals: dict[str, int] = {}
        self.lost_replies: dict[str, int] = {}
        self.hangs: dict[str, float] = {}
        self.error: type[DriverError] = DriverError
        """What a refusal raises. A lost reply raises BackendUnavailable: the driver cannot know."""
        self.calls: list[tuple[str, str]] = []
        """Method and volume of each call that took effect."""
        self._crash_point = crash_point
        self._remembers = remembers
        self._driver: Driver | None = None

    @property
    def driver(self) -> Driver:
        """The driver that does the work."""
        assert self._driver is not None
        return self._driver

    def open(self, driver: Driver) -> None:
        """A new process begins to use this storage, with a ``driver`` of its own."""
        if self._driver is None or not self._remembers:
            self._driver = driver

    @classmethod
    def from_settings(cls, config: BackendConfig, files: Files) -> Self:
        """A storage is there before the settings are read."""
        raise NotImplementedError

    def check_for_setup_error(self) -> None:
        """See :meth:`Driver.check_for_setup_error`."""
        self._before("check_for_setup_error")
        self.driver.check_for_setup_error()

    def get_volume_stats(self) -> Stats:
        """See :meth:`Driver.get_volume_stats`."""
        self._before("get_volume_stats")
        return self.driver.get_volume_stats()

    def create_volume(self, volume: VolumeSpec) -> Created:
        """See :meth:`Driver.create_volume`."""
        return self._change("create_volume", volume, self.driver.create_volume)

    def delete_volume(self, volume: VolumeSpec) -> None:
        """See :meth:`Driver.delete_volume`."""
        self._change("delete_volume", volume, self.driver.delete_volume)

    def list_volumes(self) -> list[Listed]:
        """See :meth:`Driver.list_volumes`."""
        self._before("list_volumes")
        return self.driver.list_volumes()

    def _change(self, method: str, volume: VolumeSpec, change: Callable[[VolumeSpec], T]) -> T:
        self._before(method)
        result = change(volume)
        self.calls.append((method, volume.id))
        self._crash_point(f"within {method} on {self.name}: done, not told")
        if _counts_down(self.lost_replies, method):
            raise BackendUnavailable(f"Backend {self.name} did not answer {method}.")
        return result

    def _before(self, method: str) -> None:
        if seconds := self.hangs.pop(method, 0.0):
            raise Hang(seconds)
        if _counts_down(self.refusals, method):
            raise self.error(f"Backend {self.name} refuses {method}.")


def _counts_down(counts: dict[str, int], method: str) -> bool:
    left = counts.get(method, 0)
    counts[method] = max(0, left - 1)
    return left > 0
