"""A fresh Pumice for the tests, and what they need to know of it: all of it over HTTP."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from conformance.processes import child, plain_environment

START_SECONDS: Final = 60
STOP_SECONDS: Final = 15
ANSWER_SECONDS: Final = 30

BACKENDS: Final = ("disk", "scratch")
_CONF: Final = """\
[DEFAULT]
enabled_backends = disk, scratch
# Each class of tests makes users of its own: the hash is made cheap, the passwords guard nothing.
password_hash_rounds = 4

[disk]
volume_driver = file
volume_backend_name = disk

[scratch]
volume_driver = memory
volume_backend_name = scratch
"""


class NotReady(Exception):
    """The cloud did not start, or refused what the tests need."""


class Cloud(NamedTuple):
    """A running cloud: how an administrator logs in, and where its services are."""

    auth: dict[str, str]
    token: str
    endpoints: dict[str, str]

    @property
    def base(self) -> str:
        """The address below which everything is served."""
        return self.auth["auth_url"].removesuffix("/identity/v3")

    def ask(self, service_type: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer of a service to a GET, or to a POST of ``body``. Raises :class:`NotReady`."""
        return _answer(self.endpoints[service_type] + path, body, self.token)[0]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Cloud]:
    """A fresh cloud that keeps everything in ``folder``, stopped at the end.

    Raises :class:`NotReady` if it does not start, or ends otherwise than it should.
    """
    state_dir = folder / "state"
    state_dir.mkdir(0o700)
    (state_dir / "pumice.conf").write_text(_CONF)
    log = folder / "pumice.log"
    command = [
        sys.executable,
        "-m",
        "pumice",
        "serve",
        "--state-dir",
        f"{state_dir}",
        "--port",
        "0",
    ]
    with (
        log.open("w") as errors,
        child(command, plain_environment(), errors.fileno()) as process,
    ):
        _wait_until_ready(process, log)
        yield _log_in(state_dir / "clouds.yaml")
        process.terminate()
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise NotReady(f"The server did not stop within {STOP_SECONDS} s.") from None
    if status != 0:
        raise NotReady(f"The server ended with status {status}: see {log}.")


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    output = process.stdout
    assert output is not None, "it was started with a pipe"
    said = select.select([output], [], [], START_SECONDS)[0]
    if not said or not output.readline().startswith(b"Pumice ready: "):
        told = (log.read_text(errors="replace").strip() or "it did not say why").splitlines()[-1]
        raise NotReady(f"The server did not start: {told}")


def _log_in(clouds_yaml: Path) -> Cloud:
    auth: dict[str, str] = yaml.safe_load(clouds_yaml.read_text())["clouds"]["pumice"]["auth"]
    domain = {"id": "default"}
    user = {"name": auth["username"], "password": auth["password"], "domain": domain}
    asked = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": auth["project_name"], "domain": domain}},
    }
    answer, headers = _answer(f"{auth['auth_url']}/auth/tokens", {"auth": asked})
    endpoints = {
        service["type"]: endpoint["url"]
        for service in answer["token"]["catalog"]
        for endpoint in service["endpoints"]
        if endpoint["interface"] == "public"
    }
    return Cloud(auth, headers["X-Subject-Token"], endpoints)


def _answer(url: str, body: dict[str, Any] | None, token: str = "") -> tuple[Any, Any]:
    """The decoded body of an answer, and its headers."""
    asked = urllib.request.Request(  # noqa: S310 - http to the cloud that this program started, no address of a user
        url,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {}),
    )
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with straight.open(asked, timeout=ANSWER_SECONDS) as answer:
            return json.load(answer), answer.headers
    except OSError as error:
        raise NotReady(f"{asked.get_method()} {url}: {error}") from error
