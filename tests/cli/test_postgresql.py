"""The command line where the rows are in PostgreSQL: moved there, beside servers and without one."""

from __future__ import annotations

import io
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
import pytest

from pumice.state_dir import keep_admin_password
from pumice.store.postgresql import schema
from pumice.store.schema import HEAD
from tests.cli.asking import ask, auth_of, is_valid, log_in
from tests.postgresql import Cluster

Run = Any
NEW: Final = "a new one, with blanks"
SECRET: Final = "PaSSw0rd"
CONF: Final = """\
[DEFAULT]
enabled_backends = file
password_hash_rounds = 4
[file]
volume_driver = file
"""
LISTS: Final = (
    "/volume/v3/{project}/volumes/detail?sort=name",
    f"/volume/v3/{{project}}/volumes/detail?metadata={quote(str({'size': '密码'}))}",
    "/volume/v3/{project}/types",
    "/volume/v3/{project}/os-quota-sets/{project}?usage=true",
    "/identity/v3/users",
    "/identity/v3/domains",
    "/identity/v3/role_assignments",
    "/compute/v2.1/flavors/detail",
    "/pumice/v1/operations",
)


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default state directory, on SQLite yet, with a quick hash."""
    path = tmp_path / "state"
    path.mkdir()
    (path / "pumice.conf").write_text(CONF)
    monkeypatch.setenv("PUMICE_STATE_DIR", str(path))
    return path


def connect_to(state_dir: Path, url: str) -> None:
    (state_dir / "pumice.conf").write_text(f"{CONF}[database]\nconnection = {url}\n")


def with_password(url: str) -> str:
    """``url`` with a password, which the server of the tests does not ask for."""
    return url.replace("//pumice@", f"//pumice:{SECRET}@")


@pytest.fixture
def shared(state_dir: Path, postgresql: str) -> Path:
    """The state directory, on an empty database of PostgreSQL's."""
    connect_to(state_dir, with_password(postgresql))
    return state_dir


@pytest.fixture
def name(postgresql: str) -> str:
    """What sentences call the database."""
    return f"PostgreSQL database {postgresql.rpartition('/')[2]} on 127.0.0.1"


@pytest.fixture
def server(serve: Any, shared: Path) -> Iterator[Any]:
    with serve(shared) as running:
        yield running


@pytest.fixture
def stopped(serve: Any, shared: Path) -> Path:
    """A state directory on PostgreSQL that was served once."""
    with serve(shared) as running:
        assert running.end()[0] == 0
    return shared


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a text on standard input, where no terminal is."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.fixture(autouse=True)
def no_password_is_shown(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever a test makes the command line say."""
    yield
    assert SECRET not in "".join(capsys.readouterr())


def answers(server: Any, token: str) -> dict[str, str]:
    """What clients are shown of everything that is listed, but for the server's port."""
    base = server.url.removesuffix("/identity/v3")
    projects = ask("GET", f"{server.url}/auth/projects", token=token)[1]
    project = projects["projects"][0]["id"]
    found = {}
    for path in LISTS:
        status, body, _ = ask("GET", base + path.format(project=project), token=token)
        assert status == 200, (path, body)
        found[path] = str(body).replace(base, "http://server")
    return found


class TestCopy:
    def test_what_was_there_is_there_and_tokens_stay_valid(
        self, run: Run, serve: Any, connect: Any, state_dir: Path, postgresql: str, name: str
    ) -> None:
        with serve(state_dir) as server:
            client = connect(server)
            for number in range(3):
                client.volumes.create(1, name=f"größe {number} 😀", metadata={"size": "密码"})
            client.volumes.delete(client.volumes.list()[0])
            token = log_in(server.url, auth_of(state_dir)["password"])
            user = {"user": {"name": "žofie\\\t", "password": "x", "extra field": None}}
            assert ask("POST", f"{server.url}/users", user, token)[0] == 201
            while any(one.status != "available" for one in client.volumes.list()):
                continue
            before = answers(server, token)
            assert all(before[path].count("密码") == 2 for path in LISTS[:2])
            refused = run("db", "copy", "--to", postgresql)
            assert (refused.status, refused.out) == (2, "")
            assert "already serves the state directory" in refused.err
            assert server.end()[0] == 0
        ran = run("db", "copy", "--to", with_password(postgresql))
        told = re.sub(r"^\d+ rows", "N rows", ran.out)
        assert (ran.status, ran.err) == (0, "")
        assert told == (
            f"N rows are in the {name} now.\n"
            f"Before you start `pumice serve`, let {state_dir / 'pumice.conf'} say:\n"
            "[database]\n"
            f"connection = {postgresql.replace('//pumice@', '//pumice:***@')}\n"
            "with the password instead of ***.\n"
            f"Each host that serves it needs a copy of {state_dir / 'keys' / 'database.key'}.\n"
        )
        assert (state_dir / "keys" / "database.key").stat().st_mode & 0o777 == 0o600
        connect_to(state_dir, postgresql)
        assert run("db", "check") == (0, "No findings.\n", "")
        with serve(state_dir) as server:
            assert answers(server, token) == before
            assert log_in(server.url, auth_of(state_dir)["password"])
            volume = connect(server).volumes.create(1, name="on PostgreSQL")
            while volume.status == "creating":
                volume = connect(server).volumes.get(volume.id)
            assert volume.status == "available"
            assert server.end()[0] == 0
        assert run("db", "check") == (0, "No findings.\n", "")
        again = run("db", "copy")
        assert again.status == 2
        assert again.err.startswith(f"Error: The {name} has rows already, in ")

    def test_to_where_the_settings_say(
        self, run: Run, serve: Any, connect: Any, state_dir: Path, postgresql: str
    ) -> None:
        """Nobody waits for the leases of the process that served the old database."""
        with serve(state_dir) as server:
            volume = connect(server).volumes.create(1)
            while volume.status == "creating":
                volume = connect(server).volumes.get(volume.id)
            assert server.end(signal.SIGKILL)[0] == -signal.SIGKILL
        with closing(sqlite3.connect(state_dir / "pumice.db")) as connection:
            # What a process leaves that is killed in the middle of its work.
            connection.execute("UPDATE operations SET ended_at = NULL, claimed_by = 'somebody'")
            connection.commit()
        connect_to(state_dir, with_password(postgresql))
        ran = run("db", "copy", "--json")
        assert ran.status == 0
        assert ran.json["rows"]["users"] == 1
        assert ran.json["is_configured"] is True
        assert ran.json["connection"] == postgresql.replace("//pumice@", "//pumice:***@")
        assert Path(ran.json["key_file"]).exists()
        with psycopg.connect(postgresql) as copied:
            assert copied.execute("SELECT claimed_by FROM operations").fetchall() == [(None,)]

    def test_there_is_nothing_to_copy(self, run: Run, state_dir: Path, postgresql: str) -> None:
        ran = run("db", "copy", "--to", postgresql)
        told = f"Error: There is no database {state_dir / 'pumice.db'} to copy.\n"
        assert ran == (2, "", told)
        with psycopg.connect(postgresql) as connection:
            assert schema.stamp(connection) is None

    @pytest.mark.usefixtures("state_dir")
    def test_nobody_says_where_to(self, run: Run) -> None:
        told = "Error: Say where to: --to URL, or `connection` in [database] of the settings.\n"
        assert run("db", "copy") == (2, "", told)
        ran = run("db", "copy", "--to", f"mysql://me:{SECRET}@h/x")
        assert ran.status == 2
        assert ran.err.startswith("Error: --to has the scheme mysql, but only PostgreSQL's")


class TestTheDatabase:
    def test_an_empty_one(self, run: Run, shared: Path, name: str) -> None:
        told = f"Error: The {name} is empty; `pumice serve` or `pumice db copy` fills it.\n"
        for command in ("version", "upgrade", "check"):
            assert run("db", command) == (2, "", told)
        assert not (shared / "pumice.db").exists()

    @pytest.mark.usefixtures("server")
    def test_beside_its_server(self, run: Run) -> None:
        assert run("db", "version").out == f"The schema is {HEAD}, as this Pumice needs it.\n"
        assert run("db", "upgrade").out == f"The schema is {HEAD} already.\n"
        assert run("db", "check") == (0, "No findings.\n", "")

    @pytest.mark.usefixtures("stopped")
    def test_a_finding_and_a_backend_of_another_host(self, run: Run, postgresql: str) -> None:
        with psycopg.connect(postgresql) as connection:
            connection.execute(
                "INSERT INTO quota_usages (project_id, resource, in_use) VALUES ('p', 'volumes', 7)"
            )
            connection.execute(
                "INSERT INTO volumes (id, project_id, user_id, size_gib, status, attach_status,"
                " volume_type_id, availability_zone, host, bootable, multiattach, metadata, created_at)"
                " SELECT 'v', 'q', 'u', 1, 'available', 'detached', id, 'nova', 'other@file#file',"
                " false, false, '{}', 1 FROM volume_types LIMIT 1"
            )
        ran = run("db", "check", "--json")
        assert ran.status == 1
        assert {one["kind"] for one in ran.json} == {"quota_differs", "pool_differs"}
        assert ran.err == "other@file is not in these settings: its volumes were not compared.\n"

    def test_backups_are_postgresqls(self, run: Run, shared: Path, name: str) -> None:
        key = shared / "keys" / "database.key"
        ran = run("db", "backup", "copy.db")
        told = f"copy them with pg_dump, and keep the key file {key} as well, elsewhere."
        assert ran == (2, "", f"Error: The rows are in the {name}: {told}\n")
        ran = run("db", "restore", "copy.db")
        told = f"stop all who serve it and restore them with pg_restore, and the key file {key} of that"
        assert ran == (2, "", f"Error: The rows are in the {name}: {told} time.\n")

    def test_settings_are_shown_without_the_password(
        self, run: Run, shared: Path, postgresql: str
    ) -> None:
        shown = run("config", "show")
        assert SECRET not in shown.out
        rows = {row["name"]: row for row in run("config", "show", "--json").json}
        assert rows["connection"]["value"] == postgresql.replace("//pumice@", "//pumice:***@")
        assert rows["connection"]["origin"].startswith(str(shared / "pumice.conf"))


class TestWithoutAServer:
    def test_what_became_of_a_volume(
        self, run: Run, server: Any, connect: Any, name: str, postgresql: str
    ) -> None:
        volume = connect(server).volumes.create(1, name="größe")
        while volume.status == "creating":
            volume = connect(server).volumes.get(volume.id)
        shown = run("operation", "list", "--json").json
        assert server.end()[0] == 0
        note = f"This is what the {name} holds.\n"
        listed = run("operation", "list", "--json")
        assert listed.json == shown
        assert listed.err.endswith(note)
        operation = shown[0]["id"]
        assert run("operation", "show", operation, "--json").json["id"] == operation
        assert "is available" in run("why", volume.id).out
        assert run("trace", operation, "--json").json["spans"]
        assert len(run("trace", "--json").json) == 1
        connect_to(server.state_dir, re.sub(":[0-9]+/", ":1/", postgresql))
        away = run("why", volume.id)
        assert away.status == 1
        assert away.err.splitlines()[-1] == (
            f"Error: The {name} cannot be used: connection to server at "
            '"127.0.0.1", port 1 failed: Connection refused.'
        )

    def test_a_new_password(self, run: Run, typed: Any, server: Any, serve: Any, name: str) -> None:
        old = log_in(server.url, auth_of(server.state_dir)["password"])
        assert server.end()[0] == 0
        typed(f"{NEW}\n")
        ran = run("identity", "user", "set-password", "admin", "--password-stdin")
        assert (ran.status, ran.err.endswith(f" This changes the {name} itself.\n")) == (0, True)
        assert auth_of(server.state_dir)["password"] == NEW
        with serve(server.state_dir) as again:
            assert not is_valid(again.url, old)
            assert log_in(again.url, NEW)

    def test_new_keys(self, run: Run, server: Any, serve: Any) -> None:
        token = log_in(server.url, auth_of(server.state_dir)["password"])
        assert server.end()[0] == 0
        assert run("identity", "rotate-keys", "--json").json == {"primary": 2, "numbers": [0, 1, 2]}
        assert not (server.state_dir / "keys" / "fernet").exists()
        with serve(server.state_dir) as again:
            assert is_valid(again.url, token)

    def test_no_key_file(self, run: Run, stopped: Path) -> None:
        key = stopped / "keys" / "database.key"
        key.unlink()
        ran = run("identity", "rotate-keys")
        assert ran.status == 2
        assert ran.err.endswith(
            f"Error: There is no key file {key}; copy it from a host that serves.\n"
        )


class TestBesideServers:
    """Who may change the database may do so while it is served, and the servers see it at once."""

    def test_a_lost_password(self, run: Run, typed: Any, server: Any, name: str) -> None:
        old = log_in(server.url, auth_of(server.state_dir)["password"])
        keep_admin_password(server.state_dir, "not the password any more")
        typed(f"{NEW}\n")
        ran = run("identity", "user", "set-password", "admin", "--password-stdin")
        assert (ran.status, ran.err.endswith(f" This changes the {name} itself.\n")) == (0, True)
        assert auth_of(server.state_dir)["password"] == NEW
        assert not is_valid(server.url, old)
        assert is_valid(server.url, log_in(server.url, NEW))

    def test_new_keys_from_a_host_whose_own_server_is_stopped(self, run: Run, server: Any) -> None:
        token = log_in(server.url, auth_of(server.state_dir)["password"])
        file = server.state_dir / "clouds.yaml"
        file.write_text(re.sub(":[0-9]+/", ":1/", file.read_text()))
        assert run("identity", "rotate-keys", "--json").json["numbers"] == [0, 1, 2]
        new = log_in(server.url, auth_of(server.state_dir)["password"])
        assert is_valid(server.url, token)
        assert run("identity", "rotate-keys", "--json").json["numbers"] == [0, 2, 3]
        assert not is_valid(server.url, token)
        assert is_valid(server.url, new)


def test_commands_look_where_the_last_start_was_told_to(
    run: Run, serve: Any, state_dir: Path, tmp_path: Path, postgresql: str
) -> None:
    """Not at the database that the state directory's own settings name, nor at an empty one."""
    conf = tmp_path / "elsewhere.conf"
    conf.write_text(f"{CONF}[database]\nconnection = {postgresql}\n")
    with serve(state_dir, "--config", str(conf)) as server:
        assert server.end()[0] == 0
    assert not (state_dir / "pumice.db").exists()
    assert run("db", "version", "--json").json == {"found": HEAD, "needed": HEAD}
    assert run("db", "check") == (0, "No findings.\n", "")
    assert run("operation", "list").out == "No operations.\n"
    rows = {row["name"]: row for row in run("config", "show", "--json").json}
    assert rows["connection"]["value"] == postgresql
    with serve(state_dir) as server:
        assert server.end()[0] == 0
    assert (state_dir / "pumice.db").exists()
    rows = {row["name"]: row for row in run("config", "show", "--json").json}
    assert rows["connection"]["value"] is None


class TestWhatGoesWrong:
    """One sentence and no traceback; the exit status is 1 for what the database server says."""

    @pytest.fixture
    def guarded(self, postgresql_server: Cluster) -> Cluster:
        """The server, with a user who must say his password, and one who may do next to nothing."""
        access = postgresql_server.data / "pg_hba.conf"
        with postgresql_server.connect() as connection:
            roles = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'guest'").fetchall()
            if not roles:
                connection.execute("CREATE ROLE guest LOGIN")
                connection.execute("CREATE ROLE locked LOGIN PASSWORD 'another'")
                access.write_text(f"host all locked all scram-sha-256\n{access.read_text()}")
                connection.execute("SELECT pg_reload_conf()")
        return postgresql_server

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (
                (":[0-9]+/", ":1/"),
                'connection to server at "127.0.0.1", port 1 failed: Connection refused',
            ),
            (("//pumice", "//locked"), 'password authentication failed for user "locked"'),
            (("/test_.*", "/nowhere"), 'database "nowhere" does not exist'),
            (("//pumice", "//guest"), "permission denied for schema public"),
        ],
    )
    def test_the_server_says_no(
        self,
        run: Run,
        state_dir: Path,
        guarded: Cluster,
        postgresql: str,
        change: tuple[str, str],
        reason: str,
    ) -> None:
        del guarded
        connect_to(state_dir, re.sub(*change, with_password(postgresql)))
        served = subprocess.run(
            [sys.executable, "-m", "pumice", "serve", "--port", "0"],
            capture_output=True,
            text=True,
            check=False,
        )
        shown = served.stderr.splitlines()[-1]
        assert (served.returncode, served.stdout) == (1, "")
        assert shown.startswith("Error: The PostgreSQL database ")
        assert shown.endswith(f"{reason}.")
        assert "Traceback" not in served.stderr
        assert SECRET not in served.stderr
        if "schema" not in reason:
            ran = run("db", "version")
            assert (ran.status, ran.out) == (1, "")
            assert ran.err.endswith(f"{reason}.\n")

    @pytest.mark.usefixtures("shared")
    def test_a_server_that_is_too_old(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schema, "VERSION_MIN", 99)
        ran = run("db", "version")
        assert ran.status == 2
        assert re.fullmatch(
            r"Error: PostgreSQL [0-9]+ is too old; Pumice needs 99 or newer\.\n", ran.err
        )

    @pytest.mark.parametrize("words", ["serve --port 0", "db version", "db check", "db copy"])
    def test_psycopg_is_not_installed(self, stopped: Path, words: str) -> None:
        (stopped / "pumice.db").touch()
        code = "import sys; sys.modules['psycopg'] = None\nfrom pumice.cli import main\nsys.exit(main())"
        ran = subprocess.run(
            [sys.executable, "-c", code, *words.split()],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stdout) == (2, "")
        told = "Error: PostgreSQL needs psycopg: pip install 'pumice[postgresql]'.\n"
        assert ran.stderr.endswith(told)
        assert "Traceback" not in ran.stderr
