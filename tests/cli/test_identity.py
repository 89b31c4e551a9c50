"""``pumice identity``: passwords and token keys, with a server and without one."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pumice.state_dir import keep_admin_password
from tests.cli.asking import ask, auth_of, is_valid, log_in

Run = Any
NEW: Final = "a new one, with blanks"
CONF: Final = """\
[DEFAULT]
enabled_backends = scratch
password_hash_rounds = 4
[scratch]
volume_driver = memory
"""


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default state directory, with a quick hash."""
    path = tmp_path / "state"
    path.mkdir()
    (path / "pumice.conf").write_text(CONF)
    monkeypatch.setenv("PUMICE_STATE_DIR", str(path))
    return path


@pytest.fixture
def server(serve: Any, state_dir: Path) -> Iterator[Any]:
    with serve(state_dir) as running:
        yield running


@pytest.fixture
def stopped(serve: Any, state_dir: Path) -> Path:
    """A state directory that was served once."""
    with serve(state_dir) as running:
        assert running.end()[0] == 0
    return state_dir


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a text on standard input, where no terminal is."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


class TestSetPassword:
    def test_of_the_administrator_beside_the_server(
        self, run: Run, typed: Any, server: Any
    ) -> None:
        before = auth_of(server.state_dir)
        old = log_in(server.url, before["password"])
        typed(f"{NEW}\n")
        ran = run("identity", "user", "set-password", "admin", "--password-stdin")
        told = "The password of admin is changed; the tokens from before have ended.\n"
        assert ran == (0, told, "")
        assert auth_of(server.state_dir) == before | {"password": NEW}
        assert NEW in (server.state_dir / "openrc").read_text()
        for name in ("clouds.yaml", "openrc"):
            assert (server.state_dir / name).stat().st_mode & 0o777 == 0o600
        assert not is_valid(server.url, old)
        assert not log_in(server.url, before["password"])
        assert is_valid(server.url, log_in(server.url, NEW))
        assert run("operation", "list").status == 0

    @pytest.mark.parametrize("words", [["\udcff"], ["admin", "--domain", "\udcff"]])
    def test_bytes_that_are_no_text(self, run: Run, words: list[str]) -> None:
        ran = run("identity", "user", "set-password", *words, "--password-stdin")
        assert (ran.status, ran.out) == (2, "")
        assert ran.err == "Error: '\\udcff' is not UTF-8 text.\n"

    @pytest.mark.parametrize("way", ["openrc", "clouds.yaml"])
    def test_of_the_administrator_who_came_by_the_clients_files(
        self, run: Run, typed: Any, server: Any, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        before = auth_of(server.state_dir)
        if way == "openrc":
            for name, value in before.items():
                monkeypatch.setenv(f"OS_{name.upper()}", value)
        else:
            monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(server.state_dir / "clouds.yaml"))
            monkeypatch.setenv("OS_CLOUD", "pumice")
        typed(NEW)
        ran = run("identity", "user", "set-password", "admin", "--password-stdin")
        hint = f"OS_PASSWORD of this shell is the old one: . {server.state_dir}/openrc\n"
        assert (ran.status, ran.err) == (0, hint if way == "openrc" else "")
        assert auth_of(server.state_dir) == before | {"password": NEW}
        assert log_in(server.url, NEW)

    def test_of_another_cloud_leaves_the_files_alone(
        self, run: Run, typed: Any, server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name, value in auth_of(server.state_dir).items():
            monkeypatch.setenv(f"OS_{name.upper()}", value)
        other = tmp_path / "other"
        other.mkdir(mode=0o700)
        keep_admin_password(other, "that of the other cloud")
        monkeypatch.setenv("PUMICE_STATE_DIR", str(other))
        typed(NEW)
        assert run("identity", "user", "set-password", "admin", "--password-stdin").status == 0
        assert auth_of(other)["password"] == "that of the other cloud"

    def test_of_somebody_else_beside_the_server(self, run: Run, typed: Any, server: Any) -> None:
        before = auth_of(server.state_dir)
        admin = log_in(server.url, before["password"])
        domain = ask("POST", f"{server.url}/domains", {"domain": {"name": "Stone"}}, admin)[1]
        domain_id = domain["domain"]["id"]
        for name in ("ada", "admin"):
            new = {"user": {"name": name, "domain_id": domain_id, "password": "old"}}
            assert ask("POST", f"{server.url}/users", new, admin)[0] == 201
        for name, place in (("ada", "Stone"), ("admin", domain_id)):
            typed(NEW)  # Without an end of the line.
            ran = run(
                "identity",
                "user",
                "set-password",
                name,
                "--domain",
                place,
                "--password-stdin",
                "--json",
            )
            assert ran.status == 0, ran
            assert ran.json.keys() == {"id", "name", "domain_id"}
            assert (ran.json["name"], ran.json["domain_id"]) == (name, domain_id)
        assert auth_of(server.state_dir) == before
        assert is_valid(server.url, admin)
        assert log_in(server.url, NEW, "ada", domain_id)

    def test_without_a_server(self, run: Run, typed: Any, stopped: Path, serve: Any) -> None:
        """A lost password of the administrator is replaced, also where no file has the old one."""
        keep_admin_password(stopped, "not the password any more")
        typed(f"{NEW}\n")
        ran = run("identity", "user", "set-password", "admin", "--password-stdin")
        assert ran.status == 0, ran
        assert f"This changes {stopped} itself." in ran.err
        assert auth_of(stopped)["password"] == NEW
        (stopped / "clouds.yaml").unlink()
        typed(f"{NEW}!\n")
        assert run("identity", "user", "set-password", "admin", "--password-stdin").status == 0
        assert auth_of(stopped)["password"] == f"{NEW}!"
        with serve(stopped) as again:
            assert auth_of(stopped) == auth_of(again.state_dir)
            assert auth_of(stopped)["auth_url"] == again.url
            assert is_valid(again.url, log_in(again.url, f"{NEW}!"))
            assert run("operation", "list").status == 0

    def test_a_lost_password_beside_the_server(self, run: Run, typed: Any, server: Any) -> None:
        keep_admin_password(server.state_dir, "not the password any more")
        typed(f"{NEW}\n")
        ran = run("identity", "user", "set-password", "admin", "--password-stdin")
        assert (ran.status, ran.out) == (1, "")
        assert ran.err.endswith("If the password is lost, stop the server and say this again.\n")
        assert server.end()[0] == 0
        typed(f"{NEW}\n")
        assert run("identity", "user", "set-password", "admin", "--password-stdin").status == 0

    def test_a_server_that_does_not_answer(self, run: Run, typed: Any, server: Any) -> None:
        """Nobody writes the database of a server, whatever its clients' files say."""
        file = server.state_dir / "clouds.yaml"
        port = auth_of(server.state_dir)["auth_url"].split(":")[2].partition("/")[0]
        file.write_text(file.read_text().replace(f":{port}/", ":1/"))
        typed(f"{NEW}\n")
        ran = run("identity", "user", "set-password", "admin", "--password-stdin")
        assert ran.status == 2
        assert "already serves the state directory" in ran.err

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (("nobody",), "There is no user nobody in the domain default."),
            (("admin", "--domain", "Nowhere"), "There is no domain Nowhere."),
            (("admin/../x", "--domain", "a/b?c"), "There is no domain a/b?c."),
        ],
    )
    @pytest.mark.parametrize("served", [True, False])
    def test_of_nobody(
        self,
        run: Run,
        typed: Any,
        request: pytest.FixtureRequest,
        arguments: tuple[str, ...],
        text: str,
        served: bool,
    ) -> None:
        request.getfixturevalue("server" if served else "stopped")
        typed(f"{NEW}\n")
        ran = run("identity", "user", "set-password", *arguments, "--password-stdin")
        assert (ran.status, ran.out) == (1, "")
        assert ran.err.splitlines()[-1] == f"Error: {text}"

    @pytest.mark.parametrize(
        ("line", "text"),
        [
            ("", "The password is empty; nothing was changed."),
            ("\n", "The password is empty; nothing was changed."),
            ("a\tb\n", "The password holds a character that cannot be printed."),
        ],
    )
    def test_of_what_is_no_password(
        self, run: Run, typed: Any, stopped: Path, line: str, text: str
    ) -> None:
        before = auth_of(stopped)
        typed(line)
        ran = run("identity", "user", "set-password", "admin", "--password-stdin")
        assert (ran.status, ran.err.splitlines()[-1]) == (2, f"Error: {text}")
        assert auth_of(stopped) == before

    def test_nobody_is_there_to_type_it(self, run: Run, typed: Any, stopped: Path) -> None:
        typed("")
        ran = run("identity", "user", "set-password", "admin", "--state-dir", str(stopped))
        text = "Error: Nobody is there to type a password; --password-stdin reads it."
        assert (ran.status, ran.err.splitlines()[-1]) == (2, text)

    def test_there_is_no_cloud_at_all(self, run: Run, typed: Any, tmp_path: Path) -> None:
        typed(f"{NEW}\n")
        nowhere = tmp_path / "nowhere"
        command = ("identity", "user", "set-password", "admin", "--password-stdin", "--state-dir")
        ran = run(*command, str(nowhere))
        assert ran.status == 2
        assert not nowhere.exists()

    def test_another_cloud_is_never_changed_by_its_files(
        self, run: Run, typed: Any, stopped: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in auth_of(stopped).items():
            monkeypatch.setenv(f"OS_{name.upper()}", value)
        before = auth_of(stopped)
        typed(f"{NEW}\n")
        ran = run("identity", "user", "set-password", "admin", "--password-stdin")
        assert ran.status == 1
        assert "With --state-dir, one that nobody serves can be changed." in ran.err
        assert auth_of(stopped) == before

    @pytest.mark.parametrize("second", [NEW, "other"])
    def test_on_a_terminal(self, stopped: Path, second: str) -> None:
        """The prompts stand there, what is typed does not."""
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "pumice", "identity", "user", "set-password", "admin"]
        with subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        ) as process:
            os.close(theirs)
            shown = b""
            for prompt, answer in ((b"New password: ", NEW), (b"Once more: ", second)):
                while prompt not in shown:
                    shown += os.read(ours, 1000)
                os.write(ours, f"{answer}\n".encode())
            while chunk := read(ours):
                shown += chunk
            status = process.wait()
        os.close(ours)
        assert NEW.encode() not in shown
        assert status == (0 if second == NEW else 2), shown
        assert (auth_of(stopped)["password"] == NEW) == (second == NEW)


def read(descriptor: int) -> bytes:
    """What a terminal shows next; nothing when its program has ended, which Linux calls an error."""
    try:
        return os.read(descriptor, 1000)
    except OSError:
        return b""


class TestAnotherPassword:
    """A password of the administrator that the clients' files were not told of."""

    STAY = "clouds.yaml and openrc stay as they are: they do not have the admin's password"

    def contents(self, state_dir: Path) -> list[bytes]:
        return [(state_dir / name).read_bytes() for name in ("clouds.yaml", "openrc")]

    def test_the_next_start_leaves_the_files_alone(
        self, run: Run, typed: Any, serve: Any, state_dir: Path
    ) -> None:
        with serve(state_dir) as server:
            token = log_in(server.url, auth_of(state_dir)["password"])
            found = ask("GET", f"{server.url}/users?name=admin", token=token)[1]
            user = f"{server.url}/users/{found['users'][0]['id']}"
            assert ask("PATCH", user, {"user": {"password": NEW}}, token)[0] == 200
            server.end()
        before = self.contents(state_dir)
        with serve(state_dir) as server:
            assert log_in(server.url, NEW)
            assert self.STAY in server.end()[2]
        assert self.contents(state_dir) == before
        typed(f"{NEW}!\n")
        assert run("identity", "user", "set-password", "admin", "--password-stdin").status == 0
        with serve(state_dir) as server:
            assert auth_of(state_dir)["auth_url"] == server.url
            assert log_in(server.url, auth_of(state_dir)["password"])
            assert self.STAY not in server.end()[2]

    @pytest.mark.parametrize("is_right", [True, False])
    def test_one_of_the_environment_is_written_if_it_is_right(
        self, serve: Any, stopped: Path, monkeypatch: pytest.MonkeyPatch, is_right: bool
    ) -> None:
        password = auth_of(stopped)["password"] if is_right else "wrong"
        (stopped / "clouds.yaml").unlink()
        monkeypatch.setenv("PUMICE_ADMIN_PASSWORD", password)
        with serve(stopped) as server:
            assert (stopped / "clouds.yaml").exists() == is_right
            assert ("clouds.yaml and openrc are not written" in server.end()[2]) == (not is_right)


def keys_of(state_dir: Path) -> dict[int, bytes]:
    folder = state_dir / "keys" / "fernet"
    return {int(file.name): file.read_bytes() for file in folder.iterdir()}


class TestRotateKeys:
    def test_beside_the_server(self, run: Run, server: Any, serve: Any) -> None:
        before = keys_of(server.state_dir)
        password = auth_of(server.state_dir)["password"]
        token = log_in(server.url, password)
        ran = run("identity", "rotate-keys")
        assert ran == (0, "Key 2 signs tokens now; 3 keys are in use.\n", "")
        after = keys_of(server.state_dir)
        assert after.keys() == {0, 1, 2}
        assert (after[1], after[2]) == (before[1], before[0])
        assert after[0] not in before.values()
        for file in (server.state_dir / "keys" / "fernet").iterdir():
            assert file.stat().st_mode & 0o777 == 0o600
        new = log_in(server.url, password)
        assert is_valid(server.url, token)
        assert server.end()[0] == 0
        with serve(server.state_dir) as again:
            assert is_valid(again.url, token)
            assert is_valid(again.url, new)
            assert run("identity", "rotate-keys", "--json").json == {
                "primary": 3,
                "numbers": [0, 2, 3],
            }
            assert not is_valid(again.url, token)
            assert is_valid(again.url, new)

    def test_without_a_server(self, run: Run, server: Any, serve: Any) -> None:
        token = log_in(server.url, auth_of(server.state_dir)["password"])
        assert server.end()[0] == 0
        before = keys_of(server.state_dir)
        ran = run("identity", "rotate-keys", "--json")
        assert (ran.status, ran.json) == (0, {"primary": 2, "numbers": [0, 1, 2]})
        assert keys_of(server.state_dir)[2] == before[0]
        with serve(server.state_dir) as again:
            assert is_valid(again.url, token)

    def test_there_is_nothing_to_rotate(self, run: Run, tmp_path: Path) -> None:
        nowhere = tmp_path / "nowhere"
        ran = run("identity", "rotate-keys", "--state-dir", str(nowhere))
        assert ran.status == 2
        assert "No cloud was named, and there is none in" in ran.err
        assert not nowhere.exists()

    def test_under_load_no_token_is_refused(self, run: Run, server: Any) -> None:
        """While keys rotate once, clients log in and use what they got; every answer is right."""
        password = auth_of(server.state_dir)["password"]
        first = log_in(server.url, password)
        stop = threading.Event()
        used: list[int] = []
        wrong: list[str] = []

        def work() -> None:
            count = 0
            while not stop.is_set():
                token = log_in(server.url, password)
                if not (token and is_valid(server.url, token) and is_valid(server.url, first)):
                    wrong.append(token)
                count += 1
            used.append(count)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        ran = run("identity", "rotate-keys", "--json")
        token = log_in(server.url, password)
        stop.set()
        for thread in threads:
            thread.join()
        assert ran.json["numbers"] == [0, 1, 2]
        assert wrong == []
        assert sum(used) > len(threads)
        assert is_valid(server.url, token)
