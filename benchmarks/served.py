"""A program that serves HTTP, started as a process of its own, and what the kernel says it costs."""

from __future__ import annotations

import asyncio
import asyncio.subprocess
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

START_SECONDS: Final = 60
STOP_SECONDS: Final = 30
PASSWORD: Final = "only-for-this-load"  # noqa: S105 - of a cloud on the loopback that is removed after the measurement

_PROCESS_CLOCK: Final = 2
"""CPUCLOCK_SCHED; a process's CPU clock is ``~pid << 3 | 2`` (what clock_getcpuclockid(3) computes)."""


class StartFailed(Exception):
    """The program ended, or was silent for too long, instead of saying that it is ready."""


class Served:
    """A running server."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, start_seconds: float) -> None:
        """``url`` is what it announced; ``start_seconds`` passed from exec to the announcement.

        Who answers no requests announces his name instead, and has the port 0.
        """
        self._process = process
        self.url = url
        self.start_seconds = start_seconds
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 0

    @classmethod
    async def start(
        cls,
        arguments: list[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> Self:
        """Run ``python <arguments>`` until it prints a line that ends with its URL.

        ``under`` is a command that runs it. Its standard error is appended to ``log``. Whoever starts
        it must end it: ``async with`` does. Raises :class:`StartFailed`.
        """
        with log.open("ab") as stderr:
            began = time.perf_counter()
            process = await asyncio.create_subprocess_exec(
                *under,
                sys.executable,
                *arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **(environment or {})},
            )
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        except TimeoutError:
            line = b""
        seconds = time.perf_counter() - began
        if not line:
            if process.returncode is None:
                process.kill()
            await process.wait()
            raise StartFailed(f"python {' '.join(arguments)} did not get ready; see {log}.")
        return cls(process, line.decode().split()[-1], seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    def cpu_seconds(self) -> float:
        """CPU time of all its threads, those that ended included."""
        return cpu_seconds_of(self._process.pid)

    def pss_mib(self) -> float:
        """Its memory, with each shared page counted by its share."""
        rollup = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text()
        (line,) = (line for line in rollup.splitlines() if line.startswith("Pss:"))
        return int(line.split()[1]) / 1024

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    def pause(self) -> None:
        """Stop it in the midst of what it does, and tell nobody, until :meth:`resume`."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where it was."""
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it, unless it has ended, as a power cut would as far as a process can see."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """End it with SIGTERM; its exit status."""
        if self._process.returncode is None:
            self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), STOP_SECONDS)


def cpu_seconds_of(pid: int) -> float:
    """CPU time of all threads of a process, those that ended included. Raises ``OSError``."""
    return time.clock_gettime(~pid << 3 | _PROCESS_CLOCK)


async def start_pumice(
    state_dir: Path, config: Path, *, port: int = 0, roles: str | None = None
) -> Served:
    """Serve ``state_dir`` on ``port``, or a free one; the log is beside it.

    ``roles``, separated by commas, need a database that may be shared.
    """
    return await Served.start(
        ["-m", "pumice", "serve", "--state-dir", f"{state_dir}", "--config", f"{config}",
         "--port", f"{port}", *(["--role", roles] if roles else [])],
        state_dir.with_suffix(".log"),
        {"PUMICE_ADMIN_PASSWORD": PASSWORD},
    )  # fmt: skip


def unfinished_operations(state_dir: Path) -> int:
    """How many operations had not ended when the server of ``state_dir`` was killed.

    Read from a copy: opening a database after a crash already repairs it, and that is the server's.
    """
    with tempfile.TemporaryDirectory() as folder:
        for file in state_dir.glob("pumice.db*"):
            shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder, "pumice.db"))) as database:
            row = database.execute("SELECT count(*) FROM operations WHERE ended_at IS NULL")
            return int(row.fetchone()[0])
