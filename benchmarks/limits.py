"""What this machine can do at best: the figures that Pumice's are read beside."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.connection import message
from benchmarks.load import closed_loop
from benchmarks.served import Served
from pumice.model.volume import VolumeQuery
from pumice.store import volume_lists
from pumice.store.sqlite import snapshot

SYNCS: Final = 300
PAGES: Final = 100
PAGE_ROWS: Final = 50
CLIENTS: Final = 8


def fdatasync_ms(folder: Path) -> float:
    """The median time to overwrite 4 KiB of a file in ``folder`` and put them on disk."""
    block = os.urandom(4096)
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            os.pwrite(file.fileno(), block, 0)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


async def bare_per_core(folder: Path, seconds: float) -> float:
    """Requests that a core of the same server would answer in a second if the answer were ``{}``."""
    async with await Served.start(["-m", "benchmarks.bare"], folder / "bare.log") as served:
        ask = message("GET", "/", {"Host": f"{served.host}:{served.port}"})
        load = await closed_loop(served, CLIENTS, seconds, lambda connection: connection.send(ask))
    return 1e3 / load.cpu_ms


def page_sql_ms(database: Path, project_id: str) -> float:
    """CPU time, in this process, to read a page of volumes: the statement and its values, no JSON."""
    query = VolumeQuery(project_id, PAGE_ROWS)
    with snapshot(database) as txn:
        began = time.process_time()
        for _ in range(PAGES):
            volume_lists.select(txn, query)
        return (time.process_time() - began) * 1e3 / PAGES
