"""A PostgreSQL of the benchmark's own, durable, from the machine's binaries; and what it costs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from benchmarks.served import cpu_seconds_of

MISSING: Final = (
    "NOT MEASURED: everything on PostgreSQL. It was not found on this machine: "
    "apt-get install postgresql, or put its programs on the PATH."
)

_COMMITS: Final = """
SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()
"""
_CHILDREN_TIMES: Final = slice(13, 15)
"""cutime and cstime in /proc/PID/stat, counted from after the name (proc(5))."""


class Database:
    """A running server; its databases are made as they are needed."""

    def __init__(self, cluster: Any) -> None:
        """``cluster`` is a :class:`tests.postgresql.Cluster`."""
        self._cluster = cluster
        self._names = (f"bench{number}" for number in itertools.count())

    def new(self) -> str:
        """The URL of a new, empty database."""
        url: str = self._cluster.create_database(next(self._names))
        return url

    def cpu_seconds(self) -> float:
        """CPU time of all its processes, those that ended included."""
        first = Path(self._cluster.data, "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        ended = Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()[_CHILDREN_TIMES]
        seconds = sum(int(ticks) for ticks in ended) / os.sysconf("SC_CLK_TCK")
        for pid in (first, *children):
            with suppress(OSError):  # It has ended since: its time is its parent's from now on.
                seconds += cpu_seconds_of(int(pid))
        return seconds

    def transactions(self, url: str) -> int:
        """How many transactions there were in a database, this one not among them."""
        (row,) = self.rows(url, _COMMITS)
        return int(row[0])

    def rows(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        """What a statement gives."""
        with self._cluster.connect(url.rpartition("/")[2]) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def server() -> Iterator[Database | None]:
    """A new server, gone at the end; None if there are no binaries."""
    # Only here: the tests know how to start it, and need psycopg for that.
    from tests.postgresql import Cluster, binaries  # noqa: PLC0415 - at the top it would be a circle: tests/crash imports benchmarks

    if binaries() is None:
        yield None
        return
    with Cluster(durable=True) as cluster:
        yield Database(cluster)
