"""``pumice demo``: a fresh cloud, a volume made by the real ``cinder``, and the way it took.

The cloud is a child process with everything it keeps in a temporary folder; both are gone at the end,
whatever the end is.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pumice.errors import PumiceError

if TYPE_CHECKING:
    from pumice.cli.clouds import Cloud

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
COMMAND_SECONDS: Final = 60.0
AVAILABLE_SECONDS: Final = 60.0

BACKEND: Final = "fast"
VOLUME_TYPE: Final = "FCVolumeType"
VOLUME: Final = "firstvol"

CONF: Final = f"""\
[DEFAULT]
enabled_backends = ssd, scratch

[ssd]
volume_driver = file
volume_backend_name = {BACKEND}

[scratch]
volume_driver = memory
volume_backend_name = scratch
"""


class DemoFailed(PumiceError):
    """A step of the demonstration did not do what it should."""


class Server(NamedTuple):
    """The cloud of the demonstration."""

    process: subprocess.Popen[str]
    state_dir: Path
    log: Path


class Cinder(NamedTuple):
    """The real client, and the environment in which it finds the cloud."""

    path: str
    environ: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        """What ``cinder arguments`` prints. Raises :class:`DemoFailed` unless it succeeds."""
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and no argument that somebody else chose
                [self.path, *arguments],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DemoFailed(
                f"`cinder {arguments[0]}` took over {COMMAND_SECONDS:.0f} s."
            ) from None
        if done.returncode != 0:
            told = (done.stderr.strip() or "it did not say why").splitlines()[-1]
            raise DemoFailed(f"`cinder {arguments[0]}` failed: {told}")
        return done.stdout.rstrip()


def demo() -> None:
    """Start a fresh cloud, create a volume with the real cinder client, and show the way it took."""
    cinder = _find_cinder()
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="pumice-demo-") as folder:
        state_dir = Path(folder, "state")
        _title("A fresh cloud with two backends: one keeps files, the other keeps memory")
        state_dir.mkdir(0o700)
        (state_dir / "pumice.conf").write_text(CONF)
        with _serving(state_dir) as server:
            _tour(server, cinder)
    _title("The server has stopped, and its folder is gone")


def _tour(server: Server, cinder_path: str) -> None:
    from pumice.cli import output, ways
    from pumice.cli.client import Session
    from pumice.cli.clouds import Asked, find_cloud
    from pumice.cli.source import Server as Source

    cloud = find_cloud(Asked(None, server.state_dir), {}, Path("/"))
    cinder = Cinder(cinder_path, _clients_environment(cloud))

    _title(f"A volume type for the backend {BACKEND}")
    _run(cinder, "type-create", VOLUME_TYPE)
    _run(cinder, "type-key", VOLUME_TYPE, "set", f"volume_backend_name={BACKEND}")
    _title("A volume of that type")
    _run(cinder, "create", "1", "--display-name", VOLUME, "--volume-type", VOLUME_TYPE)
    volume_id = _wait_until_available(cinder)

    source = Source(Session.log_in(cloud))
    _title("Why it is where it is")
    _command("pumice", "why", volume_id)
    ways.show_why(source.why(volume_id))
    _title("The way it took: each function with its layer, its file, its decision and its commits")
    _command("pumice", "trace", volume_id)
    way = source.trace(volume_id)
    ways.show_trace(way)
    took_us = max(span["start_us"] + span["duration_us"] for span in way["spans"])
    _show(f"It was available {output.milliseconds(took_us)} after the request came in.")
    _title("What is on the disk")
    _show_file(server.state_dir, volume_id)


def _run(cinder: Cinder, *arguments: str) -> None:
    _command("cinder", *arguments)
    _show(cinder.run(*arguments))


def _wait_until_available(cinder: Cinder) -> str:
    """Ask until the volume is available, as a person would; its id."""
    from pumice.seams import SystemClock

    clock = SystemClock()
    stop_ns = clock.monotonic_ns() + int(AVAILABLE_SECONDS * 1e9)
    _command("cinder", "show", VOLUME)
    while True:
        text = cinder.run("show", VOLUME)
        status = _field(text, "status")
        if status == "available":
            _show(text)
            return _field(text, "id")
        if status != "creating" or clock.monotonic_ns() > stop_ns:
            _show(text)
            raise DemoFailed(f"{VOLUME} is {status}, not available.")


def _field(text: str, name: str) -> str:
    """The value of a property in a table of the client."""
    found = re.search(rf"^\| +{name} +\| +(.*?) +\|$", text, re.MULTILINE)
    if found is None:
        raise DemoFailed(f"`cinder show` printed no {name}.")
    return found[1]


def _show_file(state_dir: Path, volume_id: str) -> None:
    found = list((state_dir / "volumes").rglob(f"*{volume_id}*"))
    if len(found) != 1:
        raise DemoFailed(f"There are {len(found)} files of volume {volume_id}, not one.")
    size, used = found[0].stat().st_size, found[0].stat().st_blocks * 512
    _show(f"{found[0]}\n{size} bytes, which take {used}: a block takes room once it is written.")


@contextlib.contextmanager
def _serving(state_dir: Path) -> Iterator[Server]:
    """A child process that serves ``state_dir`` on a free port, stopped at the end.

    Raises :class:`DemoFailed` if it does not start, or does not stop as it should.
    """
    from pumice.seams import SystemClock

    clock = SystemClock()
    _command("pumice", "serve", "--state-dir", f"{state_dir}", "--port", "0")
    log = state_dir.with_name("log")
    began_ns = clock.monotonic_ns()
    with log.open("w") as errors, _child(state_dir, errors.fileno()) as process:
        server = Server(process, state_dir, log)
        line = _ready_line(server)
        seconds = (clock.monotonic_ns() - began_ns) / 1e9
        _show(f"{line}\nIt took {seconds:.2f} s, and takes {_memory_mib(process.pid):.0f} MiB.")
        yield server
        process.terminate()
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise DemoFailed(f"The server did not stop within {STOP_SECONDS:.0f} s.") from None
    if status != 0:
        raise DemoFailed(f"The server ended with status {status}: {_last_line(log)}")


@contextlib.contextmanager
def _child(state_dir: Path, errors: int) -> Iterator[subprocess.Popen[str]]:
    """The process; it does not outlive the block."""
    with subprocess.Popen(  # noqa: S603 - no shell: this very program, started with constant arguments
        [sys.executable, "-m", "pumice", "serve", "--state-dir", state_dir, "--port", "0"],
        env=_plain_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _ready_line(server: Server) -> str:
    output = server.process.stdout
    assert output is not None, "it was started with a pipe"
    if not select.select([output], [], [], START_SECONDS)[0]:
        raise DemoFailed(f"The server was not ready within {START_SECONDS:.0f} s.")
    line = output.readline().rstrip()
    if not line.startswith("Pumice ready: "):
        raise DemoFailed(f"The server did not start: {line or _last_line(server.log)}")
    return line


def _last_line(log: Path) -> str:
    return (log.read_text(errors="replace").strip() or "it did not say why").splitlines()[-1]


def _memory_mib(pid: int) -> float:
    """The memory of a process, its share of what it shares (PSS)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _find_cinder() -> str:
    """The client beside this Python, else the one on the path."""
    beside = Path(sys.executable).with_name("cinder")
    found = str(beside) if beside.exists() else shutil.which("cinder")
    if found is None:
        raise DemoFailed(
            "The cinder client is missing: `make demo` brings it, and so does"
            f" `{sys.executable} -m pip install python-cinderclient`."
        )
    return found


def _plain_environment() -> dict[str, str]:
    """This process's environment without another cloud, and without a proxy on the way."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PUMICE_"))
    }
    return kept | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def _clients_environment(cloud: Cloud) -> dict[str, str]:
    auth = {f"OS_{name.upper()}": value for name, value in cloud.auth.items()}
    return _plain_environment() | auth | {"OS_AUTH_URL": cloud.auth_url}


def _end(number: int, _frame: object) -> None:
    """A signal ends the program through its context managers: no server, no folder is left."""
    sys.exit(128 + number)


def _title(text: str) -> None:
    from rich.text import Text

    from pumice.cli.output import draw

    draw(Text(f"\n{text}", "bold cyan"))


def _command(*words: Sequence[str]) -> None:
    from rich.text import Text

    from pumice.cli.output import draw

    draw(Text.assemble(("$ ", "dim"), (" ".join(map(str, words)), "bold")))


def _show(text: str) -> None:
    if text:
        from rich.text import Text

        from pumice.cli.output import draw

        draw(Text(text))
