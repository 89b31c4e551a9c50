"""A ``pumice serve`` of a test's own, as its users meet it: started, waited for, ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import yaml

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
"""
"""Two backends with files, and a quick hash: the password is worth nothing."""

_NO_LIMITS: Final = {"quota_volumes": -1, "quota_gigabytes": -1, "osapi_max_limit": 1000}


class Served:
    """A running server; at the end of ``with`` it has ended."""

    def __init__(
        self,
        folder: Path,
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
        conf = folder / "pumice.conf"
        conf.write_text(SETTINGS.format(**(_NO_LIMITS | limits)))
        arguments = ["--state-dir", f"{self.state_dir}", "--port", f"{port}", "--config", f"{conf}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*under, sys.executable, "-m", "pumice", "serve", *arguments, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            self.identity_url: Final = self._ready_url()
        except BaseException:
            self.kill()
            raise
        self.base: Final = self.identity_url.removesuffix("/identity/v3")
        self.port: Final = int(self.base.rpartition(":")[2])

    def _ready_url(self) -> str:
        output = self._process.stdout
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
        self._process.send_signal(signal.SIGSTOP)
        # Until it has stopped, or ended; it is left for the wait at its end.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on where it was."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """End it with SIGTERM, also when it is paused; its exit status."""
        self._process.send_signal(signal.SIGTERM)
        self.resume()
        return self._wait()

    def kill(self) -> int:
        """End it as a power cut would, as far as a process can see; its exit status."""
        self._process.kill()
        return self._wait()

    def _wait(self) -> int:
        try:
            # Until nobody holds the output open: so long, a tracer is still at work.
            self._process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        return self._process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        status = self._process.returncode
        if status is None:
            status = self.stop()
        assert status in STOPPED, self.log.read_text()
