"""What can be seen of a server from outside: its volumes at rest, its files, and its own check."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.cloud import SETTLED, Cloud

GIB: Final = 1024**3
REST_SECONDS: Final = 60
"""After so long it will not come to rest any more."""


async def at_rest(cloud: Cloud) -> tuple[list[dict[str, Any]], float]:
    """Every volume once none is under way, or after ``REST_SECONDS``; and how long that took."""
    began = time.perf_counter()
    connection = await cloud.connect()
    while True:
        found = await cloud.volumes(connection)
        seconds = time.perf_counter() - began
        resting = all(volume["status"].startswith(SETTLED) for volume in found)
        if resting or seconds > REST_SECONDS:
            connection.close()
            return found, seconds
        await asyncio.sleep(0.01)


def wrong_files(folder: Path, volumes: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What is left over, missing or of another size among the file driver's files."""
    wanted = {f"volume-{volume['id']}.raw": volume["size"] * GIB for volume in volumes}
    found = {path.name: path.stat().st_size for path in folder.iterdir()}
    for name in sorted(found.keys() - wanted.keys()):
        yield f"the file {name} is left over"
    for name, size in wanted.items():
        if name not in found:
            yield f"the file {name} is missing"
        elif found[name] != size:
            yield f"the file {name} has {found[name]} bytes instead of {size}"


def wrong_rows(state_dir: Path, config: Path) -> Iterator[str]:
    """What ``pumice db check`` finds."""
    check = subprocess.run(
        [sys.executable, "-m", "pumice", "db", "check", "--json",
         "--state-dir", f"{state_dir}", "--config", f"{config}"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if check.returncode != 0:
        yield f"pumice db check: {check.stdout.strip()} {check.stderr.strip()}"
