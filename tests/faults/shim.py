"""A program of the test's own whose disk breaks and whose clock jumps, while it runs.

The calls of libc are replaced (``shim.c`` says how), so nothing happens to the machine. A program that
calls the kernel by itself, and what the kernel does for itself, such as ``sendfile`` and pages of a
mapped file that it writes, is not reached.
"""

from __future__ import annotations

import errno
import shutil
import subprocess
from pathlib import Path
from typing import Final, Literal

SOURCE: Final = Path(__file__).with_name("shim.c")
CONTROL: Final = "PUMICE_SHIM"

Call = Literal["write", "sync"]
"""``write`` is any of write, pwrite, writev, pwritev(2) and ftruncate, ``sync`` is fsync or fdatasync."""


def why_not() -> str | None:
    """Why no shim can be built on this machine; None if one can."""
    if shutil.which("gcc") is None:
        return "gcc was not found: apt-get install gcc libc6-dev"
    return None


class Shim:
    """The faults of the programs that are run with ``environment``, or under ``under``; at first none."""

    def __init__(self, folder: Path) -> None:
        """Build the library in ``folder``, which the programs must be able to enter and read.

        ``why_not`` must be None. Raises :class:`subprocess.CalledProcessError`.
        """
        self._control: Final = folder / "faults"
        self._once: Final = folder / "faults.once"
        library = folder / "shim.so"
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror",
             "-o", f"{library}", f"{SOURCE}", "-ldl"],
            check=True,
        )  # fmt: skip
        self.environment: Final = {"LD_PRELOAD": f"{library}", CONTROL: f"{self._control}"}
        self.under: Final = (
            "env",
            *(f"{name}={value}" for name, value in self.environment.items()),
        )
        """What to put before a command that shall meet the faults."""
        self._rules: list[str] = []

    def fail(self, call: Call, pattern: str, error: int = errno.EIO, *, once: bool = False) -> None:
        """From now on ``call`` on a file whose absolute path matches fails with ``error``.

        ``pattern`` is a glob in which ``*`` also stands for slashes. ``once``: only the next such call,
        of whichever program.
        """
        if once:
            self._once.write_bytes(b"")
            self._once.chmod(0o666)  # Servers do not run as root.
        self._add(f"{'once' if once else 'fail'} {call} {error} {pattern}")

    def slow(self, call: Call, pattern: str, milliseconds: int) -> None:
        """From now on ``call`` on a file that matches, as in :meth:`fail`, takes so much longer."""
        self._add(f"slow {call} {milliseconds} {pattern}")

    def jump(self, seconds: int) -> None:
        """From now on the wall clock is ``seconds`` ahead of the machine's, or behind if negative."""
        self._rules = [rule for rule in self._rules if not rule.startswith("clock ")]
        self._add(f"clock {seconds}")

    def heal(self) -> None:
        """End all faults; the clock jumps back."""
        self._rules.clear()
        self._control.unlink(missing_ok=True)

    def _add(self, rule: str) -> None:
        self._rules.append(rule)
        # In one step, so that no program reads the half of it.
        new = self._control.with_suffix(".new")
        new.write_text("".join(f"{rule}\n" for rule in self._rules))
        new.replace(self._control)
