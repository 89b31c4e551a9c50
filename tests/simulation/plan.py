"""What happens in one run: drawn from a seed, readable line by line, and still a plan with lines taken out.

A step has its time and everything that it needs in itself, so that another step can be left out without
changing it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from pumice.model.roles import Role
from tests.simulation.cloud import DEADLINE_SECONDS, PROJECTS

OPERATIONS: Final = 50
BACKENDS: Final = ("one", "two", "three", "four")
METHODS: Final = (
    "create_volume",
    "create_volume",
    "delete_volume",
    "delete_volume",
    "get_volume_stats",
    "check_for_setup_error",
    "list_volumes",
)


class Step(Struct, frozen=True):
    """Something that a client does, or that goes wrong, ``at`` seconds after the beginning."""

    number: int
    at: float
    what: str
    is_fault: bool
    arguments: dict[str, Any]

    def line(self) -> str:
        """The step for a person."""
        arguments = ", ".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.number:4} {self.at:10.4f} s  {self.what:16} {arguments}"


class NodePlan(Struct, frozen=True):
    """One process: what it serves."""

    name: str
    host: str
    backends: tuple[str, ...]
    roles: tuple[Role, ...] = ("api", "scheduler", "volume")
    is_alone: bool = False
    """On SQLite there is one process, and its lock on the state directory proves all others dead."""

    def served(self) -> tuple[str, ...]:
        """The backends that it serves, and not only knows."""
        return self.backends if "volume" in self.roles else ()


class Plan(Struct, frozen=True):
    """A run."""

    seed: int
    driver: str
    latency: float
    """How long a driver's call may take, in seconds, if nothing is wrong."""
    tail: float
    """For how many seconds after the last step things may go on to be wrong; the reconciler comes at 300."""
    nodes: tuple[NodePlan, ...]
    steps: tuple[Step, ...]

    def keeping(self, numbers: Iterable[int]) -> Plan:
        """The plan with only the steps of these numbers."""
        kept = set(numbers)
        return replace(self, steps=tuple(step for step in self.steps if step.number in kept))

    def lines(self) -> list[str]:
        """The plan for a person."""
        nodes = [
            f"process {node.name}: {'+'.join(node.roles)}, {node.host}@{{{','.join(node.backends)}}}"
            for node in self.nodes
        ]
        head = f"seed {self.seed}, driver {self.driver}, whose calls take up to {self.latency} s"
        return [head, *nodes, *(step.line() for step in self.steps)]


def draw(seed: int, operations: int = OPERATIONS) -> Plan:
    """The plan of ``seed``, the same everywhere and always."""
    return _Draw(seed).plan(operations)


class _Draw:
    """One drawing; each run draws what kinds of trouble it may have, so that runs differ in kind."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(f"plan {seed}")
        self.creates: list[int] = []
        self.keyed: list[int] = []
        self.nodes: tuple[NodePlan, ...] = ()

    def plan(self, operations: int) -> Plan:
        """A load with faults in between."""
        chance = self.chance
        self.nodes = self._nodes()
        served = [backend for node in self.nodes for backend in node.served()]
        is_shared = len(set(served)) < len(served)
        # What is in the memory of a process cannot be served by another.
        driver = "file" if is_shared else chance.choice(["file", "file", "memory"])
        latency = chance.choice([0.002, 0.02, 0.5, 5.0])
        tail = chance.choice([5.0, 30.0, 120.0, 400.0])
        faults = [one for one in _FAULTS if chance.random() < 0.5]
        share = chance.choice([0.0, 0.1, 0.3, 0.5]) if faults else 0.0
        pace = chance.choice([0.002, 0.05, 0.5, 2.0])
        steps: list[Step] = []
        at, done = 1.0, 0
        while done < operations:
            at += chance.choice([0.0, 0.0, 0.1, 1.0, 1.0, 5.0]) * chance.random() * pace
            number = len(steps)
            if chance.random() < share / (1 + share):
                what = chance.choice(faults)
                arguments = getattr(self, f"_{what.replace(' ', '_')}")()
                steps.append(Step(number, round(at, 6), what, True, arguments))
            else:
                done += 1
                steps.append(self._client(number, round(at, 6)))
        return Plan(self.seed, driver, latency, tail, self.nodes, tuple(steps))

    def _nodes(self) -> tuple[NodePlan, ...]:
        """One process alone, or several in one of the shapes that people run them in."""
        chance = self.chance
        number = chance.choice([1, 1, 2, 3, 4])
        served = BACKENDS[: chance.choice([1, 2, 2, 3])]
        names = "abcd"[:number]
        if number == 1:
            return (NodePlan("a", "pumice", served, is_alone=True),)
        shape = chance.choice(["all share", "each its own", "roles"])
        if shape == "all share":
            return tuple(NodePlan(name, "pumice", served) for name in names)
        if shape == "each its own":
            return tuple(
                NodePlan(name, f"host-{name}", BACKENDS[index::number])
                for index, name in enumerate(names)
            )
        first: tuple[Role, ...] = ("api", "scheduler") if number < 4 else ("api",)
        edge = [NodePlan("a", "pumice", served, first)]
        if number == 4:
            edge.append(NodePlan("b", "pumice", served, ("scheduler",)))
        rest = names[len(edge) :]
        return (*edge, *(NodePlan(name, "pumice", served, ("volume",)) for name in rest))

    # -- what clients do

    def _client(self, number: int, at: float) -> Step:
        chance = self.chance
        kinds = ["create"] * 14
        if self.creates:
            kinds += ["show"] * 5 + ["list"] * 3 + ["delete"] * 8 + ["force delete"] * 4
            kinds += ["metadata"] * 5 + ["quota"] * 2 + ["intrude"] * 3
            kinds += ["retry operation", "abandon"]
        if self.keyed:
            kinds += ["repeat"] * 3
        what = chance.choice(kinds)
        arguments = getattr(self, f"_{what.replace(' ', '_')}")()
        if what == "create":
            self.creates.append(number)
            if arguments["key"]:
                self.keyed.append(number)
        arguments["node"] = chance.choice([n for n in self.nodes if "api" in n.roles]).name
        arguments["patience"] = chance.choice([0.0005, 0.003, 0.05, 30.0, 30.0, 30.0, 30.0])
        return Step(number, at, what, False, arguments)

    def _volume(self) -> int:
        """Mostly one of the last."""
        if self.chance.random() < 0.6:
            return self.chance.choice(self.creates[-4:])
        return self.chance.choice(self.creates)

    def _create(self) -> dict[str, Any]:
        chance = self.chance
        return {
            "project": chance.choice(PROJECTS),
            "size": chance.choice([1, 1, 2, 5, 20]),
            "key": chance.random() < 0.6,
            "twins": chance.random() < 0.15,
            "tries": chance.choice([1, 2, 4, 8]),
        }

    def _repeat(self) -> dict[str, Any]:
        return {"volume": self.chance.choice(self.keyed)}

    def _show(self) -> dict[str, Any]:
        return {"volume": self._volume()}

    def _list(self) -> dict[str, Any]:
        detail = self.chance.random() < 0.5
        return {"project": self.chance.choice(PROJECTS), "detail": detail}

    def _delete(self) -> dict[str, Any]:
        return {"volume": self._volume(), "tries": self.chance.choice([1, 3, 8])}

    def _force_delete(self) -> dict[str, Any]:
        key = self.chance.random() < 0.5
        return {"volume": self._volume(), "tries": self.chance.choice([1, 3, 8]), "key": key}

    def _metadata(self) -> dict[str, Any]:
        return {"volume": self._volume(), "method": self.chance.choice(["POST", "PUT"])}

    def _quota(self) -> dict[str, Any]:
        limit = self.chance.choice([3, 5, 8, 12, None])
        return {"project": self.chance.choice(PROJECTS), "volumes": limit}

    def _intrude(self) -> dict[str, Any]:
        kind = self.chance.choice(["show", "delete", "metadata", "list"])
        return {"volume": self._volume(), "kind": kind}

    def _retry_operation(self) -> dict[str, Any]:
        return {"volume": self._volume()}

    def _abandon(self) -> dict[str, Any]:
        return {"volume": self._volume()}

    # -- what goes wrong

    def _any_node(self) -> str:
        return self.chance.choice(self.nodes).name

    def _back_after(self) -> float:
        return round(self.chance.choice([0.001, 0.1, 3.0, 20.0, 100.0]) * self.chance.random(), 4)

    def _kill(self) -> dict[str, Any]:
        late = self.chance.random() < 0.4
        return {"node": self._any_node(), "back_after": self._back_after(), "late_effects": late}

    def _kill_at_point(self) -> dict[str, Any]:
        return {**self._kill(), "points": self.chance.randrange(1, 25)}

    def _stop(self) -> dict[str, Any]:
        return {"node": self._any_node(), "back_after": self._back_after()}

    def _cut(self) -> dict[str, Any]:
        seconds = self.chance.choice([0.5, 5.0, 40.0, 90.0]) * self.chance.random()
        return {"node": self._any_node(), "seconds": round(seconds, 4)}

    def _pause(self) -> dict[str, Any]:
        seconds = self.chance.choice([0.01, 1.0, 40.0, 90.0, 150.0]) * self.chance.random()
        return {"node": self._any_node(), "seconds": round(seconds, 4)}

    def _bus(self) -> dict[str, Any]:
        chance = self.chance
        fate = chance.choice(["lost", "doubled", "late", "reordered"])
        share, seconds = chance.choice([0.3, 1.0]), chance.choice([0.1, 3.0, 30.0])
        return {"fate": fate, "share": share, "seconds": seconds}

    def _store(self) -> dict[str, Any]:
        chance = self.chance
        fate = chance.choice(["loses replies", "loses replies", "is away", "is slow", "is full"])
        seconds = chance.choice([0.5, 5.0, 40.0])
        share = chance.choice([0.2, 0.6, 1.0])
        return {"node": self._any_node(), "fate": fate, "share": share, "seconds": seconds}

    def _driver(self) -> dict[str, Any]:
        chance = self.chance
        method = chance.choice(METHODS)
        kinds = ["refuses", "is away", "has a defect", "hangs", "hangs"]
        if method in ("create_volume", "delete_volume"):
            kinds += ["loses replies"] * 3
        if method == "get_volume_stats":
            kinds += ["lies"] * 3
        seconds = chance.choice([0.01, 2.0, DEADLINE_SECONDS / 2, DEADLINE_SECONDS * 3])
        return {
            "backend": chance.choice(BACKENDS),
            "method": method,
            "kind": chance.choice(kinds),
            "times": chance.choice([1, 1, 1, 2, 3, 12, 40]),
            "seconds": round(seconds * chance.random(), 4),
        }

    def _clock(self) -> dict[str, Any]:
        seconds = self.chance.choice([-300, -65, -1, 1, 65, 300])
        return {"node": self._any_node(), "seconds": seconds}

    def _stranger(self) -> dict[str, Any]:
        return {"backend": self.chance.choice(BACKENDS)}


_FAULTS: Final = (
    "kill",
    "kill at point",
    "stop",
    "pause",
    "cut",
    "bus",
    "store",
    "driver",
    "clock",
    "stranger",
)
