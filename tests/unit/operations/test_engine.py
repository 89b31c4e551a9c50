"""When an engine takes work."""

from __future__ import annotations

from pathlib import Path

from pumice.process import Member, Process
from pumice.store import volumes
from tests.operations.actions import create
from tests.simulation.world import SimBus, World, settled


def test_a_hint_to_a_process_that_does_not_know_the_pools_yet_is_lost(tmp_path: Path) -> None:
    """It would find no valid backend, and the volume would end in `error`."""
    world = World(tmp_path)

    async def act(process: Process) -> None:
        await process.manager.stop()
        await process.engine.stop(0)
        bus = SimBus(world)
        starting = world.put_together(process.store, bus)
        answers = world.put_together(
            process.store, bus, member=Member("f" * 32, frozenset({"api"}), NobodyIsDead())
        )
        volume = await create(world, answers)
        assert not starting.engine.running
        assert (await process.store.read(volumes.get, volume.id)).status == "creating"
        await starting.start()
        await settled(starting)
        assert (await process.store.read(volumes.get, volume.id)).status == "available"
        await starting.manager.stop()

    world.live(act)
    world.close()


class NobodyIsDead:
    """A session that finds everybody alive."""

    async def dead(self, among: object) -> tuple[str, ...]:
        """None of them."""
        del among
        return ()
