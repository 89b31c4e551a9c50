"""Processes on one PostgreSQL, of this Pumice or of a next one that the test makes, and clients of them."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.cli.asking import ask, auth_of, log_in
from tests.upgrade.test_migrations import ROOT, write_migration

READY_SECONDS: Final = 120
STOP_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.02
PAGE: Final = 500

SETTINGS: Final = """\
[DEFAULT]
enabled_backends = fast, bulk
quota_volumes = -1
quota_gigabytes = -1
password_hash_rounds = 4
report_interval = 1
[database]
connection = {url}
[fast]
volume_driver = file
[bulk]
volume_driver = file
"""

_OPERATION: Final = "operations/volume_create.py"
_NEXT_OPERATION: Final = {
    '    "volume.create",\n    2,\n': '    "volume.create",\n    3,\n',
    "frozen=True, omit_defaults=True)": "frozen=True)",
    "    hints: Hints = NO_HINTS\n": "    hints: Hints = NO_HINTS\n    pace: int = 7\n",
    "    created = call.driver.": (
        "    import os, time\n"
        "    while os.path.exists({hold!r}):\n        time.sleep(0.01)\n"
        "    created = call.driver."
    ),
}
"""The next version records a further parameter, and its driver waits while a file is there."""

_LEAVE_BEHIND: Final = "op.execute(\"UPDATE compatibility SET oldest = '{}'\")"


def make_next_version(folder: Path, hold: Path, *, oldest: str | None = None) -> Path:
    """Where ``python -m pumice`` is the next version: a migration and a version of a create further.

    ``oldest`` is what its schema asks of others, if it leaves anything behind. Its drivers make no volume
    while ``hold`` is there.
    """
    root = folder / "next"
    shutil.copytree(ROOT / "pumice", root / "pumice", ignore=shutil.ignore_patterns("__pycache__"))
    write_migration(
        root / "pumice/store/migrations/versions", _LEAVE_BEHIND.format(oldest) if oldest else ""
    )
    operation = root / "pumice" / _OPERATION
    text = operation.read_text()
    for before, after in _NEXT_OPERATION.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after.format(hold=str(hold)))
    operation.write_text(text)
    subprocess.run([sys.executable, "-m", "pumice.store.migrations"], cwd=root, check=True)
    return root


class Node:
    """One process of the state directory ``folder/state``; at the end of ``with`` it has ended."""

    def __init__(self, folder: Path, name: str, root: Path = ROOT, roles: str = "") -> None:
        """Start the Pumice of ``root`` on ``folder/pumice.conf``, and wait until it is ready."""
        self.log: Final = folder / f"{name}.log"
        self._process = start(folder, self.log, root, roles)
        try:
            output = self._process.stdout
            assert output is not None
            line = output.readline() if select.select([output], [], [], READY_SECONDS)[0] else ""
            assert line.startswith("Pumice ready: "), f"{line!r}\n{self.log.read_text()}"
        except BaseException:
            self.kill()
            raise
        self.url: Final = line.removeprefix("Pumice ready: ").strip().removesuffix("/identity/v3")

    def wait_until_log_has(self, text: str) -> None:
        """Wait until it has logged ``text``."""
        until = time.monotonic() + READY_SECONDS
        while text not in self.log.read_text():
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(LOOK_SECONDS)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def pause(self) -> None:
        """Stop it in the midst of what it does, until :meth:`resume`."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on where it was."""
        self._process.send_signal(signal.SIGCONT)

    def wait_for_its_end(self) -> int:
        """Wait until it ends by itself; its exit status."""
        return self._end()

    def stop(self) -> int:
        """End it as its supervisor does; its exit status."""
        self._process.send_signal(signal.SIGTERM)
        self.resume()
        return self._end()

    def kill(self) -> int:
        """End it with no chance to do anything; its exit status."""
        self._process.kill()
        return self._end()

    def _end(self) -> int:
        try:
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
        if self._process.returncode is None:
            assert self.stop() == 0, self.log.read_text()


def start(folder: Path, log: Path, root: Path, roles: str = "") -> subprocess.Popen[str]:
    """A process as :class:`Node` starts it, not waited for."""
    arguments = ["--state-dir", f"{folder}/state", "--config", f"{folder}/pumice.conf", "--port=0"]
    with log.open("ab") as errors:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pumice",
                "serve",
                *arguments,
                *(["--role", roles] * bool(roles)),
            ],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


def token_of(folder: Path, node: Node) -> str:
    """The administrator's."""
    return log_in(f"{node.url}/identity/v3", auth_of(folder / "state")["password"])


class Cloud:
    """Some processes behind one name, as behind a load balancer, and clients that repeat."""

    def __init__(self, folder: Path, node: Node) -> None:
        self._folder = folder
        self.urls = [node.url]
        self.token: Final = token_of(folder, node)
        projects = ask("GET", f"{node.url}/identity/v3/auth/projects", token=self.token)[1]
        self._volumes: Final = f"/volume/v3/{projects['projects'][0]['id']}/volumes"
        self._next = itertools.count()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._progress = threading.Condition(self._lock)
        self._failures: list[BaseException] = []
        self.made: dict[str, str] = {}
        """The name of each volume whose create was acknowledged, by its id."""
        self.removed: set[str] = set()
        """Those whose removal was acknowledged, and seen."""
        self.answers: Counter[int] = Counter()

    def create(self, name: str, key: str) -> str:
        """Create a volume, repeating until that is acknowledged; its id."""
        body = {"volume": {"size": 1, "name": name}}
        status, found = self._ask("POST", self._volumes, body, key)
        assert status == 202, found
        volume_id: str = found["volume"]["id"]
        with self._progress:
            assert volume_id not in self.made
            self.made[volume_id] = name
            self._progress.notify_all()
        return volume_id

    def status(self, volume_id: str) -> str | None:
        """The volume's status; None if there is none."""
        status, found = self._ask("GET", f"{self._volumes}/{volume_id}")
        assert status in {200, 404}, found
        return found["volume"]["status"] if status == 200 else None

    def wait_until(self, volume_id: str, wanted: str | None) -> None:
        """Wait until the volume has the status ``wanted``; None: until it is gone."""
        until = time.monotonic() + READY_SECONDS
        while (found := self.status(volume_id)) != wanted:
            assert found in {"creating", "deleting", "available"}, found
            assert time.monotonic() < until, f"{volume_id} is {found}"
            time.sleep(LOOK_SECONDS)

    def remove(self, volume_id: str) -> None:
        """Remove a volume, and wait until it is gone."""
        status, found = self._ask("DELETE", f"{self._volumes}/{volume_id}")
        # Repeated after an answer that was lost: it is under way, or done.
        assert status in {202, 400, 404}, found
        self.wait_until(volume_id, None)
        with self._lock:
            self.removed.add(volume_id)

    def listed(self) -> dict[str, tuple[str, str]]:
        """Name and status of each volume that is there, by its id."""
        found: list[dict[str, Any]] = []
        while True:
            marker = f"&marker={found[-1]['id']}" if found else ""
            path = f"{self._volumes}/detail?limit={PAGE}&sort=id:asc{marker}"
            page = self._ask("GET", path)[1]["volumes"]
            found += page
            if len(page) < PAGE:
                return {one["id"]: (one["name"], one["status"]) for one in found}

    @contextlib.contextmanager
    def busy(self, clients: int) -> Iterator[None]:
        """Meanwhile ``clients`` create volumes one after the other, and remove every second one."""
        threads = [threading.Thread(target=self._work) for _ in range(clients)]
        for one in threads:
            one.start()
        try:
            yield
        finally:
            self._stopped.set()
            for one in threads:
                one.join()
        assert self._failures == []

    def wait_for_more(self, count: int) -> None:
        """Wait until so many more were created."""
        with self._progress:
            wanted = len(self.made) + count
            assert self._progress.wait_for(
                lambda: len(self.made) >= wanted or self._failures, READY_SECONDS
            )
            assert self._failures == []

    def _work(self) -> None:
        try:
            for turn in itertools.count():
                if self._stopped.is_set():
                    return
                name = uuid.uuid4().hex
                volume_id = self.create(name, key=name)
                self.wait_until(volume_id, "available")
                if turn % 2:
                    self.remove(volume_id)
        except BaseException as error:  # noqa: BLE001 - told where the load is waited for
            with self._progress:
                self._failures.append(error)
                self._progress.notify_all()

    def _ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """The answer of one of the processes: of the next one, while one cannot be reached or says 503."""
        until = time.monotonic() + READY_SECONDS
        while True:
            assert time.monotonic() < until, f"{method} {path} is not answered"
            with self._lock:
                url = self.urls[next(self._next) % len(self.urls)]
            try:
                status, retry_after, content = self._ask_one(url, method, path, body, key)
            except (OSError, http.client.HTTPException):
                time.sleep(LOOK_SECONDS)
                continue
            with self._lock:
                self.answers[status] += 1
            assert status < 500 or (status == 503 and retry_after), (status, content)
            if status == 503:
                time.sleep(LOOK_SECONDS)
                continue
            return status, json.loads(content) if content else None

    def _ask_one(
        self, url: str, method: str, path: str, body: Any, key: str
    ) -> tuple[int, str | None, bytes]:
        headers = {"Content-Type": "application/json", "X-Auth-Token": self.token}
        if key:
            headers["Idempotency-Key"] = key
        sent = None if body is None else json.dumps(body)
        with closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)) as one:
            one.request(method, path, sent, headers)
            answer = one.getresponse()
            return answer.status, answer.headers.get("Retry-After"), answer.read()
