"""debugpy in this process: opened on loopback, stopping one thread at a time, and ended again."""

from __future__ import annotations

import hashlib
import importlib
import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pumice
from pumice.api.container import DebugTarget
from pumice.errors import UsageError

HOST: Final = "127.0.0.1"
"""Whoever reaches a debugger can do anything in the process, so nobody but this machine may."""

ALL_THREADS: Final = ("multi_threads_single_notification", "stepping_resumes_all_threads")
"""What makes pydevd treat the threads as one: at a stop, and while a person steps."""


@dataclass(frozen=True, slots=True)
class Debugger:
    """An open debugger, and what an editor attaches to."""

    target: DebugTarget
    _pydevd: Any

    def close(self) -> None:
        """End the session, if there is one: what is stopped goes on, and nothing stops any more."""
        self._pydevd.stoptrace()


def open_debugger(port: int) -> Debugger:
    """Open debugpy on loopback; 0 takes a free port. Call it in the main thread, before there are others.

    Raises :class:`UsageError` if debugpy is not installed, or if the port cannot be had.
    """
    # It warns on standard error about modules that CPython has frozen: those of its own library.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        debugpy: Any = importlib.import_module("debugpy")
    except ImportError as error:
        raise UsageError(
            "--debug needs debugpy, which is not installed: pip install 'pumice[debug]'."
        ) from error
    free = _free_port(port)
    debugpy.configure(subProcess=False)  # The programs that drivers start are none of Python's.
    pydevd: Any = importlib.import_module("pydevd")  # A part of debugpy, which put it in reach.
    stop_one_thread_only(pydevd.PyDB)
    # The main thread serves HTTP for everybody, the stopped included, and must see SIGTERM.
    threading.main_thread().pydev_do_not_trace = True  # type: ignore[attr-defined]  # pydevd's own mark
    # In this process: an adapter in one of its own outlives the server, holding its output open.
    host, opened = debugpy.listen((HOST, free), in_process_debug_adapter=True)
    root = Path(pumice.__file__).parent
    target = DebugTarget(host, opened, str(root), file_hashes(root))
    return Debugger(target, pydevd)


def _free_port(port: int) -> int:
    """``port``, or a free one for 0. For one that it cannot have, debugpy would wait for ever."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UsageError(f"No debugger on {HOST} port {port}: {error.strerror}.") from error
        found: int = probe.getsockname()[1]
    return found


def file_hashes(root: Path) -> dict[str, str]:
    """The SHA-256, in hexadecimal, of each Python file below ``root``, by its path with slashes."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.py"))
    }


def stop_one_thread_only(debugger_class: Any) -> None:
    """Make every debugger of pydevd stop, and step, the thread that met the breakpoint and no other.

    debugpy switches this on when it starts, its adapter when an editor attaches, and an editor may ask for
    it besides (``stopAllThreadsOnSuspend``, ``steppingResumesAllThreads``), each by assigning to an attribute
    of the one ``PyDB``. There is no setting that outlives all three, so the attributes become properties that
    are False whatever is assigned. ``tests/debug`` fails if a newer debugpy goes about it in another way.
    """
    for name in ALL_THREADS:
        setattr(debugger_class, name, property(lambda _: False, lambda _, __: None))
