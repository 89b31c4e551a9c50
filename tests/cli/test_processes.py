"""One create through three processes: who they are, its way, and what a person can do about it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.asking import ask
from tests.upgrade.nodes import LOOK_SECONDS, READY_SECONDS, SETTINGS, Cloud, Node

HOST = "pumice"


@dataclass(frozen=True)
class Three:
    """A process for each role, and what the first of them is asked."""

    folder: Path
    api: Node
    scheduler: Node
    volume: Node
    cloud: Cloud

    def get(self, path: str, node: Node | None = None) -> Any:
        """What the API tells of its own, of ``node`` or of the first."""
        url = (node or self.api).url
        status, found, _ = ask("GET", f"{url}/pumice/v1{path}", token=self.cloud.token)
        assert status == 200, found
        return found

    def operation_of(self, volume_id: str) -> Any:
        """The one operation of a volume."""
        (found,) = self.get(f"/operations?resource_id={volume_id}")["operations"]
        return found

    def wait_until_placed(self, volume_id: str) -> str:
        """Wait until the volume has a backend, and its operation waits for who serves that; the operation."""
        until = time.monotonic() + READY_SECONDS
        while (found := self.operation_of(volume_id))["backend"] is None:
            assert found["ended_at"] is None, found
            assert time.monotonic() < until, found
            time.sleep(LOOK_SECONDS)
        operation_id: str = found["id"]
        return operation_id

    def run(self, *words: str) -> str:
        """What ``pumice`` prints."""
        command = [sys.executable, "-m", "pumice", *words, "--state-dir", f"{self.folder}/state"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + self.scheduler.log.read_text()
        return done.stdout


@pytest.fixture
def three(tmp_path: Path, postgresql: str) -> Iterator[Three]:
    (tmp_path / "pumice.conf").write_text(SETTINGS.format(url=postgresql))
    # In this order: who schedules finds the pools reported when he starts, and need not be told of them.
    with (
        Node(tmp_path, "volume", roles="volume") as volume,
        Node(tmp_path, "scheduler", roles="scheduler") as scheduler,
        Node(tmp_path, "api", roles="api") as api,
    ):
        yield Three(tmp_path, api, scheduler, volume, Cloud(tmp_path, api))


def steps(way: Any) -> list[str]:
    """What ran, in order; of who took the operation up, the process."""
    return [
        span["note"] if span["name"] == "taken up" else span["name"]
        for span in way["trace"]["spans"]
        if span["name"] not in {"COMMIT", "encode", "advance"}
    ]


def test_the_way_of_a_create_is_followed_through_all_of_them(three: Three) -> None:
    volume_id = three.cloud.create("one", "key")
    three.cloud.wait_until(volume_id, "available")
    others = [
        f"by {HOST}, process {three.scheduler.pid} (scheduler)",
        "rank",
        "place",
        f"by {HOST}, process {three.volume.pid} (volume)",
        "provision",
        "finish",
    ]
    here = ["request", "authenticate", "decode", "accept_volume", *others]
    request_id = three.operation_of(volume_id)["request_id"]
    for reference in (volume_id, three.operation_of(volume_id)["id"], request_id):
        assert steps(three.get(f"/traces/{reference}")) == here
    began = [span["start_us"] for span in three.get(f"/traces/{volume_id}")["trace"]["spans"]]
    assert began == sorted(began)
    with Node(three.folder, "another", roles="api") as another:
        way = three.get(f"/traces/{volume_id}", another)
        assert steps(way) == ["authenticate", "decode", *others]
        assert way["trace"]["request_id"] == request_id
        assert three.get(f"/why/{request_id}", another)["why"]["verdicts"]


def test_who_serves_what_is_listed(three: Three) -> None:
    with Node(three.folder, "volume-2", roles="volume") as second:
        listed = json.loads(three.run("process", "list", "--json"))
        found = {
            one["pid"]: (one["host"], one["roles"], one["state"], len(one["backends"]))
            for one in listed
        }
        assert found == {
            three.api.pid: (HOST, ["api"], "up", 0),
            three.scheduler.pid: (HOST, ["scheduler"], "up", 0),
            three.volume.pid: (HOST, ["volume"], "up", 2),
            second.pid: (HOST, ["volume"], "up", 2),
        }
        last = three.run("process", "list").splitlines()[-1]
        assert f"{second.pid}   volume" in last
        assert last.rstrip().endswith("pumice@bulk, pumice@fast")


def test_a_process_that_holds_nothing_may_end_or_hasten_an_operation(three: Three) -> None:
    three.volume.pause()
    given_up, hastened = three.cloud.create("given up", "1"), three.cloud.create("hastened", "2")
    operation_ids = [three.wait_until_placed(one) for one in (given_up, hastened)]
    three.run("operation", "abandon", "--yes", operation_ids[0])
    assert three.cloud.status(given_up) == "error"
    assert "abandoned by an administrator" in three.run("why", given_up)
    # What the others did before stays in its way.
    way = steps(three.get(f"/traces/{given_up}"))
    assert [one for one in way if one in {"accept_volume", "place", "unplace"}] == [
        "accept_volume",
        "place",
        "unplace",
    ]
    three.run("operation", "retry", operation_ids[1])
    three.volume.resume()
    three.cloud.wait_until(hastened, "available")
    assert three.cloud.status(given_up) == "error"
