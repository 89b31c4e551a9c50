"""How each operation can go: what the tests of the engine let happen, and how it has to end.

An operation without scenarios fails the suite, and so does one whose scenarios do not lead through each
of its steps and undos (``test_matrix.py``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from pumice.errors import BackendUnavailable
from pumice.process import Process
from tests.operations import actions
from tests.simulation.storage import Storage
from tests.simulation.world import World, settled

Act = Callable[[World, Process], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way that ``operation`` can go. ``act`` starts it, in a process of its own.

    ``before`` is the life of the process before that one; then comes the ``trouble``. ``status`` is the
    operation's at the end, ``volume`` the volume's (None: it is gone) and ``host`` where it is.
    """

    operation: str
    name: str
    act: Act
    status: str
    volume: str | None
    host: str | None = None
    before: Act | None = None
    trouble: Callable[[World], None] | None = None
    commits: tuple[int, int] | None = None
    """How many commits it costs, where that is a promise: one process, and one for each role."""

    def __str__(self) -> str:
        return f"{self.operation}-{self.name}".replace(" ", "-")


async def create_and_wait(world: World, process: Process) -> None:
    """Ask for a volume, and stay until it is there."""
    await actions.create(world, process)
    await settled(process)


async def delete(world: World, process: Process) -> None:
    """Ask for the removal of the only volume."""
    row = await process.store.read(lambda txn: txn.one("SELECT id FROM volumes"))
    assert row is not None
    await process.services.volumes.delete(world.context(), row[0], force=False)


def refuses(backend: str, *methods: str, times: int = Storage.FOR_EVER) -> Callable[[World], None]:
    """``backend`` fails, and a repeat would fail as well."""

    def trouble(world: World) -> None:
        world.storage[backend].refusals.update(dict.fromkeys(methods, times))

    return trouble


def is_away(backend: str, *methods: str, times: int = Storage.FOR_EVER) -> Callable[[World], None]:
    """``backend`` fails for the moment."""

    def trouble(world: World) -> None:
        world.storage[backend].error = BackendUnavailable
        refuses(backend, *methods, times=times)(world)

    return trouble


def loses_replies(
    backend: str, method: str, times: int = Storage.FOR_EVER
) -> Callable[[World], None]:
    """``backend`` does what it is asked for, and nobody learns of it."""

    def trouble(world: World) -> None:
        world.storage[backend].lost_replies[method] = times

    return trouble


def both(*troubles: Callable[[World], None]) -> Callable[[World], None]:
    """More than one trouble at once."""

    def trouble(world: World) -> None:
        for each in troubles:
            each(world)

    return trouble


ONE: Final = "pumice@one#one"
TWO: Final = "pumice@two#two"


def created(
    name: str,
    volume: str,
    host: str | None,
    trouble: Callable[[World], None] | None,
    commits: tuple[int, int] | None = None,
) -> Scenario:
    """A scenario of ``volume.create``."""
    status = "undone" if volume == "error" else "done"
    return Scenario(
        "volume.create", name, actions.create, status, volume, host, None, trouble, commits
    )


def deleted(
    name: str,
    volume: str | None,
    trouble: Callable[[World], None] | None,
    commits: tuple[int, int] | None = None,
) -> Scenario:
    """A scenario of ``volume.delete``; the volume is on the backend ``one``."""
    status, host = ("undone", ONE) if volume else ("done", None)
    return Scenario(
        "volume.delete", name, delete, status, volume, host, create_and_wait, trouble, commits
    )


SCENARIOS: Final = (
    created("undisturbed", "available", ONE, None, commits=(2, 6)),
    created("goes elsewhere", "available", TWO, refuses("one", "create_volume")),
    created("reply lost", "available", TWO, loses_replies("one", "create_volume")),
    created(
        "undo fails twice",
        "available",
        TWO,
        both(loses_replies("one", "create_volume"), refuses("one", "delete_volume", times=2)),
    ),
    created("backend away", "available", TWO, is_away("one", "create_volume", "delete_volume")),
    created(
        "refused everywhere",
        "error",
        None,
        both(refuses("one", "create_volume"), refuses("two", "create_volume")),
    ),
    created(
        "no backend is up",
        "error",
        None,
        both(refuses("one", "get_volume_stats"), refuses("two", "get_volume_stats")),
        commits=(1, 4),
    ),
    deleted("undisturbed", None, None, commits=(2, 3)),
    deleted("replies lost", None, loses_replies("one", "delete_volume", times=2)),
    deleted("backend away for a while", None, is_away("one", "delete_volume", times=2)),
    deleted("backend away for good", "error_deleting", is_away("one", "delete_volume")),
    deleted("refused", "error_deleting", refuses("one", "delete_volume")),
)
