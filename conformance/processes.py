"""The programs that a run starts: none of them outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def child(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: int,
    *,
    source: int = subprocess.DEVNULL,
    folder: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program, in a process group of its own, that is ended with its children when the block is left.

    It reads ``source``, its output is a pipe, its errors go to ``log``, and it works in ``folder``. Ctrl-C
    does not reach its group, so that we end it in order.
    """
    process = None
    try:
        with _signals_later():
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=log,
                process_group=0,
            )
        yield process
    finally:
        if process is not None:
            with _signals_later(), process:
                # Once it has been waited for, its number may be another's.
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def _signals_later() -> Iterator[None]:
    """Hold signals back while a program comes or goes: one that is not known yet could not be ended."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number)) for number in _SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


def plain_environment() -> dict[str, str]:
    """This process's environment without another cloud, and without a proxy on the way."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PUMICE_"))
    }
    return kept | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
