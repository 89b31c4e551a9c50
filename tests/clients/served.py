"""A ``pumice serve`` of a test's own, or several on one port, as users meet it: from start to end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import yaml

from tests.deployments import ROLES, Name
from tests.postgresql import Cluster

READY_SECONDS: Final = 60
STOP_SECONDS: Final = 10
STOPPED: Final = (0, -signal.SIGKILL)
"""How a server may have ended; anything else is a crash."""

SETTINGS: Final = """\
[DEFAULT]
enabled_backends = fast, bulk
quota_volumes = {quota_volumes}
quota_gigabytes = {quota_gigabytes}
osapi_max_limit = {osapi_max_limit}
password_hash_rounds = 4

[fast]
volume_driver = file
volume_backend_name = fast

[bulk]
volume_driver = file
volume_backend_name = bulk

{database}
"""
"""Two backends with files, and a quick hash: the password is worth nothing."""

_NO_LIMITS: Final = {"quota_volumes": -1, "quota_gigabytes": -1, "osapi_max_limit": 1000}


class Deployment:
    """On which database a folder is served, and by which processes."""

    def __init__(self, name: Name, cluster: Cluster | None) -> None:
        """``cluster`` is where databases are made, if that is not SQLite."""
        self._cluster = cluster
        self._urls: dict[Path, str] = {}
        one = ("api,scheduler,volume",)
        self.roles: Final = ROLES if name == "postgresql-4" else one

    def section(self, folder: Path) -> str:
        """The lines of the settings that name the database of ``folder``, which is made once."""
        if self._cluster is None:
            return ""
        if folder not in self._urls:
            self._urls[folder] = self._cluster.create_database(f"served_{uuid.uuid4().hex}")
        return f"[database]\nconnection = {self._urls[folder]}"


ON_SQLITE: Final = Deployment("sqlite", None)


class Served:
    """A running server, of one process or several; at the end of ``with`` all of it has ended."""

    def __init__(
        self,
        folder: Path,
        deployment: Deployment = ON_SQLITE,
        *,
        port: int = 0,
        under: Sequence[str] = (),
        options: Sequence[str] = (),
        **limits: int,
    ) -> None:
        """Serve ``folder/state``, which is made if it is not there, and wait until it is ready.

        ``limits`` are settings of :data:`SETTINGS` that shall not be unlimited, ``under`` is a command
        to run the server under, and ``options`` are further ones of ``pumice serve``. An
        ``AssertionError`` shows the log of a server that failed.
        """
        self.state_dir: Final = folder / "state"
        self.log: Final = folder / "log"
        self.port = port
        self.identity_url = ""
        self._conf: Final = folder / "pumice.conf"
        settings = SETTINGS.format(database=deployment.section(folder), **(_NO_LIMITS | limits))
        self._conf.write_text(settings)
        self._roles: Final = deployment.roles
        self._under: Final = under
        self._options: Final = options
        self._processes: Final[list[subprocess.Popen[str]]] = []
        try:
            for roles in self._roles:
                self._processes.append(self._start(roles))
        except BaseException:
            self.kill()
            raise
        self.base: Final = self.identity_url.removesuffix("/identity/v3")

    def _start(self, roles: str) -> subprocess.Popen[str]:
        """One process; the first that answers requests decides the port of all."""
        arguments = ["--state-dir", f"{self.state_dir}", "--config", f"{self._conf}"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*self._under, sys.executable, "-m", "pumice", "serve", *arguments,
                 "--port", f"{self.port}", "--role", roles, *self._options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )  # fmt: skip
        try:
            ready = self._ready_line(process)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        if "api" in roles:
            self.identity_url = ready
            self.port = int(ready.removesuffix("/identity/v3").rpartition(":")[2])
        return process

    def _ready_line(self, process: subprocess.Popen[str]) -> str:
        output = process.stdout
        assert output is not None
        ready = select.select([output], [], [], READY_SECONDS)[0]
        line = output.readline() if ready else ""
        assert line.startswith("Pumice ready: "), f"{line!r}\n{self.log.read_text()}"
        return line.removeprefix("Pumice ready: ").rstrip()

    @property
    def clouds_yaml(self) -> Path:
        """The file in which the clients find this cloud."""
        return self.state_dir / "clouds.yaml"

    @property
    def auth(self) -> dict[str, Any]:
        """How to log in, from the file that the first start wrote."""
        clouds: dict[str, Any] = yaml.safe_load(self.clouds_yaml.read_text())["clouds"]
        return clouds["pumice"]["auth"]

    @property
    def environment(self) -> dict[str, str]:
        """The same as the variables that the clients' command lines read."""
        return {f"OS_{name.upper()}": value for name, value in self.auth.items()}

    def pause(self) -> None:
        """Stop it in the midst of what it does, and tell nobody, until :meth:`resume`."""
        self._signal(signal.SIGSTOP)
        for process in self._processes:
            # Until it has stopped, or ended; it is left for the wait at its end.
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on where it was."""
        self._signal(signal.SIGCONT)

    def stop(self) -> int:
        """End it with SIGTERM, also when it is paused; its exit status, the worst of several."""
        self._signal(signal.SIGTERM)
        self.resume()
        return self._wait()

    def kill(self) -> int:
        """End it as a power cut would, as far as a process can see; its exit status."""
        self._signal(signal.SIGKILL)
        return self._wait()

    def kill_one(self, roles: str) -> Callable[[], None]:
        """Kill one process that has ``roles``, as :meth:`kill`; call the result to start it again."""
        place = self._roles.index(roles)
        self._processes[place].kill()
        self._processes[place].communicate()

        def start_again() -> None:
            self._processes[place] = self._start(roles)

        return start_again

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            process.send_signal(number)

    def _wait(self) -> int:
        try:
            for process in self._processes:
                # Until nobody holds the output open: so long, a tracer is still at work.
                process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            for process in self._processes:
                process.communicate()
            raise
        return max((process.returncode for process in self._processes), key=abs, default=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if any(process.returncode is None for process in self._processes):
            self.stop()
        ends = {process.returncode for process in self._processes}
        assert ends <= set(STOPPED), self.log.read_text()
