"""The performance budget: what each figure is, what it should be, and what came of it."""

from __future__ import annotations

import operator
import statistics
from dataclasses import dataclass, field
from typing import Final, Literal

Sign = Literal["<=", ">="]

_HOLDS: Final = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure with its target and, where there is one, its stretch target; both may be open."""

    row: str
    what: str
    unit: str = ""
    sign: Sign = "<="
    target: float | None = None
    stretch: float | None = None


@dataclass(slots=True)
class Figure:
    """What was measured for a goal, a value for each round."""

    goal: Goal
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Of the rounds: one that something else on the machine disturbed does not count."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """How the median compares with the targets; empty if there is none."""
        goal = self.goal
        for word, bound in (("stretch", goal.stretch), ("reached", goal.target)):
            if bound is not None and _HOLDS[goal.sign](self.median, bound):
                return word
        return "" if goal.target is None else "NOT REACHED"


_LIST: Final = "volumes/detail?limit=50 of 1,000"
_MIXED: Final = "file driver beside 16 that list"

GOALS: Final = {
    "one-memory": Goal("create", "memory driver, to available: p50", "ms", "<=", 4, 2.5),
    "one-memory-p99": Goal("create", "memory driver: p99", "ms"),
    "one-memory-cpu": Goal("create", "memory driver: CPU", "ms", "<=", 1.5),
    "one-file": Goal("create", "file driver, to available: p50", "ms", "<=", 5, 3),
    "one-file-p99": Goal("create", "file driver: p99", "ms"),
    "one-file-cpu": Goal("create", "file driver: CPU", "ms", "<=", 3),
    "many-memory": Goal("creates", "memory driver, 16 clients", "/s", ">=", 800, 1200),
    "many-memory-p99": Goal("creates", "memory driver: p99", "ms"),
    "many-memory-cpu": Goal("creates", "memory driver: CPU", "ms", "<=", 1.2),
    "many-file": Goal("creates", "file driver, 16 clients", "/s", ">=", 350, 700),
    "many-file-p99": Goal("creates", "file driver: p99", "ms"),
    "many-file-cpu": Goal("creates", "file driver: CPU", "ms"),
    "mixed-rate": Goal("creates", _MIXED, "/s"),
    "mixed-ratio": Goal("creates", f"{_MIXED}: of the rate alone", "%", ">=", 40),
    "mixed-p99": Goal("creates", f"{_MIXED}: p99", "ms", "<=", 150),
    "mixed-lists": Goal("creates", "lists beside them", "/s"),
    "list-cpu": Goal("list", f"{_LIST}: CPU", "ms", "<=", 1.6, 0.6),
    "list-rate": Goal("list", "8 clients", "/s"),
    "list-p99": Goal("list", "p99", "ms"),
    "page-ratio": Goal("page", "one from the middle: CPU of the first", "%", "<=", 110),
    "name-cpu": Goal("name", "volumes/detail?name=N: CPU", "ms", "<=", 0.4),
    "show-cpu": Goal("show", "volumes/ID: CPU", "ms", "<=", 0.25, 0.15),
    "show-rate": Goal("show", "8 clients", "/s"),
    "show-p99": Goal("show", "p99", "ms"),
    "login-rate": Goal("login", "the same password again, 8 clients", "/s", ">=", 1000),
    "login-cpu": Goal("login", "CPU", "ms"),
    "validate-cpu": Goal("validate", "GET auth/tokens: CPU", "ms", "<=", 0.15),
    "validate-rate": Goal("validate", "8 clients", "/s"),
    "start-again": Goal("start", "exec to ready, existing state dir", "s", "<=", 0.7, 0.5),
    "start-first": Goal("start", "exec to ready, first start", "s", "<=", 1.5),
    "memory-start": Goal("memory", "PSS after start", "MiB", "<=", 70, 55),
    "memory-load": Goal("memory", "PSS after the loads above", "MiB", "<=", 110),
    **{
        f"million-{name}": Goal("million", f"{what}: CPU of that among 1,000", "%", "<=", 120)
        for name, what in {
            "page": "list page",
            "middle": "page from the middle",
            "name": "by name",
            "status": "by a usual status",
            "metadata": "by usual metadata",
            "size": "by size",
            "zone": "by the usual zone",
            "two": "by status and size",
            "nothing": "two filters, no volume",
            "sorted": "page sorted by name",
            "show": "show",
            "create": "create",
        }.items()
    },
    "kill-available": Goal("kill", "kill -9 with 50 creates in flight: available", "", ">=", 50),
    "kill-unfinished": Goal("kill", "unfinished at the kill"),
    "kill-seconds": Goal("kill", "all available, after ready", "s", "<=", 1),
    "fdatasync": Goal("machine", "fdatasync of 4 KiB beside the database", "ms"),
    "bare": Goal("machine", "bare ASGI application, one core", "/s"),
    "page-sql": Goal("machine", "the SQL of a page: CPU", "ms"),
}
"""By the name under which a measurement gives its figure; in the order of the report."""


def figures() -> dict[str, Figure]:
    """An empty figure for each goal."""
    return {name: Figure(goal) for name, goal in GOALS.items()}
