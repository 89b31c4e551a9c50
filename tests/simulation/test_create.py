"""The seams are enough: a client's whole way through the program, in one thread and virtual time.

The ASGI application, scheduler, engine, manager and file driver are the real ones; the clock, ids,
chance, threads, files and the hints between roles are the world's. So a seed says everything that
happens, to the microsecond.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pumice.process import Process
from tests.simulation.client import call, set_up
from tests.simulation.world import World, settled


async def create_and_watch(process: Process) -> list[Any]:
    """A client that logs in, creates a volume, polls it until it is available, and lists it."""
    token = await set_up(process)
    seen: list[Any] = []
    before = process.store.commits
    wanted = {"volume": {"size": 1, "name": "firstvol"}}
    created = await call(process, "POST", "/volume/v3/volumes", wanted, token=token)
    seen.append(created[::2])
    volume_id = created.body["volume"]["id"]
    await settled(process)
    shown = await call(process, "GET", f"/volume/v3/volumes/{volume_id}", token=token)
    seen += [process.store.commits - before, shown[::2]]
    why = await call(process, "GET", f"/pumice/v1/why/{volume_id}", token=token)
    seen += [why.body["why"]["sentences"], why.body["why"]["verdicts"]]
    seen += [[span[0] for span in trace.spans] for trace in process.services.traces]
    return seen


def life(home: Path, seed: int) -> list[Any]:
    """What the client sees in the world of ``seed``."""
    return World(home, driver="file", seed=seed).live(create_and_watch).value


def test_a_created_volume_becomes_available(tmp_path: Path) -> None:
    created, commits, shown, sentences, verdicts, *_ = life(tmp_path, 1)
    assert created[0] == 202
    assert created[1]["volume"]["status"] == "creating"
    assert shown[0] == 200
    assert shown[1]["volume"]["status"] == "available"
    assert shown[1]["volume"]["os-vol-host-attr:host"] in ("pumice@one#one", "pumice@two#two")
    assert commits == 2, "an undisturbed create is two commits"
    assert sentences[-1].endswith("is done.")
    assert {verdict["host"] for verdict in verdicts} == {"pumice@one#one", "pumice@two#two"}


def test_the_bytes_are_in_the_worlds_files(tmp_path: Path) -> None:
    world = World(tmp_path, driver="file")
    seen = world.live(create_and_watch).value
    volume = seen[2][1]["volume"]
    backend = volume["os-vol-host-attr:host"].partition("@")[2].partition("#")[0]
    assert [listed.id for listed in world.storage[backend].driver.list_volumes()] == [volume["id"]]
    assert not list(tmp_path.rglob("*.raw")), "nothing was written to the real disk"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_seed_says_everything(tmp_path: Path, seed: int) -> None:
    assert life(tmp_path / "a", seed) == life(tmp_path / "b", seed)


async def create_and_look_once(process: Process) -> list[str]:
    """A client that polls at once, with a driver that answers soon and with one that does not."""
    token = await set_up(process)
    seen = []
    for _ in range(2):
        wanted = {"volume": {"size": 1}}
        created = await call(process, "POST", "/volume/v3/volumes", wanted, token=token)
        path = f"/volume/v3/volumes/{created.body['volume']['id']}"
        shown = await call(process, "GET", path, token=token)
        seen += [created.body["volume"]["status"], shown.body["volume"]["status"]]
        for backend in process.backends.values():
            driver: Any = backend.driver
            driver.hangs["create_volume"] = 1.0
    await settled(process)
    return seen


def test_the_first_poll_finds_it_done(tmp_path: Path) -> None:
    seen = World(tmp_path, driver="file").live(create_and_look_once).value
    assert seen == ["creating", "available", "creating", "creating"]


def test_another_seed_is_another_life(tmp_path: Path) -> None:
    assert life(tmp_path / "a", 1) != life(tmp_path / "b", 2)
