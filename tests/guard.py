"""What tests leave on the machine is removed, even when the process that runs them is killed.

A :class:`Guard` is a child process that only waits for its input to end: the kernel sees to that when
the process that started it ends, however it ends. Then it undoes what it was told of, the last first.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_END_SECONDS: Final = 10
_LOOK_SECONDS: Final = 0.01
_REMOVE: Final = "--remove"
_END: Final = "--end"


class Guard:
    """Knows what is to be undone; ``close`` undoes it now."""

    def __init__(self) -> None:
        # A session of its own: what a terminal sends to stop the tests must not stop this first.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def folder(self, prefix: str) -> Path:
        """A new folder; at the end its processes are ended and it is removed.

        Everybody may enter it, unlike pytest's folders: servers refuse to run as root.
        """
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        self._later(_REMOVE, f"{folder}")
        folder.chmod(0o755)
        return folder

    def end_processes(self, folder: Path) -> None:
        """End the processes in ``folder`` at the end."""
        self._later(_END, f"{folder}")

    def run(self, *command: str) -> None:
        """Run ``command`` at the end."""
        self._later(*command)

    def _later(self, *words: str) -> None:
        assert self._process.stdin is not None
        print(json.dumps(words), file=self._process.stdin, flush=True)

    def close(self) -> None:
        """Undo everything, and wait until that is done; may be repeated.

        Raises :class:`RuntimeError` when something could not be undone: it was shown on standard error.
        """
        self._process.communicate()
        if self._process.returncode != 0:
            raise RuntimeError("something of a test could not be removed from the machine")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def processes_in(folder: Path) -> Iterator[int]:
    """The ids of the processes whose working folder is ``folder`` or below."""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                where = (process / "cwd").readlink()
            except OSError:  # It ended, or is somebody else's.
                continue
            if where.is_relative_to(folder):
                yield int(process.name)


def end_processes_in(folder: Path, number: signal.Signals) -> None:
    """Send ``number`` to the processes in ``folder``, this one excepted, until none is left.

    Raises :class:`TimeoutError` with their ids when some do not end.
    """
    until = time.monotonic() + _END_SECONDS
    while found := [id_ for id_ in processes_in(folder) if id_ != os.getpid()]:
        if time.monotonic() > until:
            raise TimeoutError(f"processes {found} in {folder} do not end")
        for id_ in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(id_, number)
        time.sleep(_LOOK_SECONDS)


def _remove(folder: Path) -> None:
    _end(folder)
    shutil.rmtree(folder)


def _end(folder: Path) -> None:
    try:
        # On this, and not on SIGKILL, a PostgreSQL server removes the memory that it shares.
        end_processes_in(folder, signal.SIGQUIT)
    except TimeoutError:
        end_processes_in(folder, signal.SIGKILL)


def _main() -> None:
    # A stack undoes the rest also when one thing fails, and then says so.
    with contextlib.ExitStack() as stack:
        for line in sys.stdin:
            words = json.loads(line)
            if words[0] == _REMOVE:
                stack.callback(_remove, Path(words[1]))
            elif words[0] == _END:
                stack.callback(_end, Path(words[1]))
            else:
                stack.callback(subprocess.run, words, check=True)


if __name__ == "__main__":
    _main()
