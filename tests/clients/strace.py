"""What a served process asks of the kernel, in order, as ``strace`` writes it down."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

CALLS: Final = (
    "accept4", "setsockopt", "read", "recvfrom",
    "write", "writev", "sendto", "sendmsg", "pwrite64", "fdatasync", "fsync",
)  # fmt: skip

_LINE: Final = re.compile(r"(?P<thread>\d+) +(?P<text>.*)")
_RESUMED: Final = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
_CALL: Final = re.compile(
    r"(?P<name>\w+)\((?P<descriptor>\d+)<(?P<file>.*?)>(?P<rest>.*)\) += +(?P<result>-?\d+).*"
)
_UNFINISHED: Final = " <unfinished ...>"


class Call(NamedTuple):
    """A system call on a descriptor.

    ``began`` and ``ended`` are places in the order of all that the tracer saw: one call ended before
    another began if its ``ended`` is the smaller number.
    """

    name: str
    descriptor: int
    file: str
    """A path, or what else the descriptor stands for."""
    arguments: str
    """The arguments after the descriptor."""
    result: int
    began: int
    ended: int


def command(output: Path) -> list[str]:
    """What to run a program under, so that its calls are written to ``output`` with its number.

    The program stays this process's own child (-D), descriptors are written with their files (-y).
    """
    strace = f"exec strace -D -f -y -s 128 --trace={','.join(CALLS)}"
    return ["sh", "-c", f'{strace} -o "$0.$$" "$@"', f"{output}"]


def why_not() -> str | None:
    """Why no program can be traced on this machine; None if one can."""
    if shutil.which("strace") is None:
        return "strace is not installed: apt-get install strace"
    done = subprocess.run(
        ["strace", "-D", "-f", "-o", "/dev/null", "true"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0 or done.stderr:
        return f"strace may not trace (ptrace is not permitted here): {done.stderr.strip()}"
    return None


def parse(output: str) -> list[Call]:
    """The calls that were completed, in the order in which they began."""
    return sorted(_calls(output), key=lambda call: call.began)


def _calls(output: str) -> Iterator[Call]:
    unfinished: dict[str, tuple[int, str]] = {}
    for place, line in enumerate(output.splitlines()):
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        thread, text = found["thread"], found["text"]
        if text.endswith(_UNFINISHED):
            unfinished[thread] = place, text.removesuffix(_UNFINISHED)
            continue
        began = place
        if resumed := _RESUMED.fullmatch(text):
            began, beginning = unfinished.pop(thread)
            text = beginning + resumed["rest"]
        if call := _CALL.fullmatch(text):
            yield Call(
                call["name"],
                int(call["descriptor"]),
                call["file"],
                call["rest"].removeprefix(", "),
                int(call["result"]),
                began,
                place,
            )
