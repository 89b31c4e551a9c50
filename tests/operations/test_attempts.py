"""A create goes on to another backend, as often as ``scheduler_max_attempts`` says, and tells of each."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from pumice.process import Process
from pumice.services.operations import Explanation
from pumice.settings import load
from tests.operations.actions import create, operation_on, volume_of
from tests.operations.scenarios import refuses
from tests.operations.stage import Worlds
from tests.simulation.state import snapshot
from tests.simulation.storage import Storage
from tests.simulation.world import World, settled

NAMES: Final = ("one", "two", "three")


def of_three(worlds: Worlds, home: Path, attempts: int) -> World:
    """A world with three backends."""
    world = worlds.make(home)
    lines = ["[DEFAULT]", f"enabled_backends = {', '.join(NAMES)}"]
    lines.append(f"scheduler_max_attempts = {attempts}")
    for name in NAMES:
        lines += [f"[{name}]", "volume_driver = memory"]
    conf = home / "pumice.conf"
    conf.write_text("\n".join([*lines, ""]))
    world.loaded = load(conf)
    world.storage = {name: Storage(name, world.crash_point, remembers=True) for name in NAMES}
    return world


@pytest.mark.parametrize(
    ("attempts", "broken", "status", "tried"),
    [
        (3, ("one",), "available", 1),
        (3, ("one", "three"), "available", 2),
        (3, NAMES, "error", 3),
        (2, ("one", "three"), "error", 2),
        (1, ("one",), "error", 1),
        (9, NAMES, "error", 3),
    ],
)
def test_three_backends(
    worlds: Worlds, tmp_path: Path, attempts: int, broken: tuple[str, ...], status: str, tried: int
) -> None:
    world = of_three(worlds, tmp_path / "world", attempts)
    for name in broken:
        refuses(name, "create_volume")(world)

    async def act(process: Process) -> Explanation:
        volume = await create(world, process)
        await settled(process)
        assert (await volume_of(process, volume)).status == status
        record = await operation_on(process, volume)
        assert record.status == ("done" if status == "available" else "undone")
        await snapshot(process)
        return await process.services.operations.why(world.context(), volume.id)

    why = world.live(act).value
    failures = [one for one in why.sentences if one.startswith("In attempt ")]
    order = [name for name in ("one", "three", "two") if name in broken]  # Equals by their names.
    told = [
        f"In attempt {number} the step provision failed: Backend {name} refuses create_volume."
        for number, name in enumerate(order[:tried], 1)
    ]
    assert failures[: len(told)] == told
    verdicts = {one["host"]: one["reason"] for one in why.verdicts if not one["passed"]}
    again = {f"pumice@{name}#{name}" for name in order[: min(tried, attempts - 1)]}
    if status == "available":
        assert verdicts == dict.fromkeys(again, "already tried in this request and failed")
