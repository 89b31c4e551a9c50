"""The state directory: made whole, found again, never shared, and its secrets kept."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pumice.errors import UsageError
from pumice.settings import load, template
from pumice.state_dir import (
    StateDir,
    choose_path,
    chosen_config,
    keep_admin_password,
    make_key_file,
    read_key_file,
)

URL: Final = "http://127.0.0.1:8776/identity/v3"
NOBODY: Final = 65534

PASSWORDS: Final = [
    "plain",
    "",
    " two  words ",
    "it's",
    "$HOME `id` $(id) \\ \\n ! & ; | > # %s",
    '"double" \'single\' \\"',
    "größe 密码 😀",
    ": - {a: b} [c] *d &e !f %g @h",
    "-e",
    "null",
]

# Run by another interpreter: crash at the n-th change to the disk, for each n that there is.
CRASH_EVERYWHERE: Final = """
import os, pathlib, sys
from pumice.state_dir import StateDir

CHANGES = {"open", "os.mkdir", "os.rename", "os.remove"}

def open_and_crash(path, crash_at):
    seen = 0
    def hook(event, arguments):
        nonlocal seen
        if event in CHANGES:
            seen += 1
            if seen == crash_at:
                os._exit(9)
    sys.addaudithook(hook)
    StateDir.open(path, secret=os.urandom)
    os._exit(0)

for crash_at in range(1, 1000):
    path = pathlib.Path(sys.argv[1], str(crash_at))
    child = os.fork()
    if child == 0:
        open_and_crash(path, crash_at)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
print(crash_at)
"""

HOLD_UNTIL_KILLED: Final = """
import os, pathlib, sys
from pumice.state_dir import StateDir

held = StateDir.open(pathlib.Path(sys.argv[1]), secret=os.urandom)
print("held", flush=True)
sys.stdin.read()
"""


# Run by several interpreters at once: whoever finds the folder half made must not take it for whole.
OPEN_SHARED_TOGETHER: Final = """
import os, pathlib, sys
from pumice.state_dir import StateDir, make_key_file

sys.stdin.readline()
for number in range(30):
    path = pathlib.Path(sys.argv[1], str(number))
    with StateDir.open(path, secret=os.urandom, shared=True) as state_dir:
        key = make_key_file(path / "keys" / "database.key", os.urandom)
        state_dir.write_clients_files("http://localhost/identity/v3", "secret")
        print(state_dir.conf.read_bytes(), state_dir.read_admin_password(), key)
"""


def open_state_dir(path: Path, *, shared: bool = False) -> StateDir:
    return StateDir.open(path, secret=os.urandom, shared=shared)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def files_below(path: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()
    }


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[StateDir]:
    with open_state_dir(tmp_path / "state") as opened:
        yield opened


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Root may do everything, so a test of what is forbidden runs as somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


class TestWhereItIs:
    @pytest.mark.parametrize(
        ("argument", "environ", "path"),
        [
            ("/a", {"PUMICE_STATE_DIR": "/b"}, "/a"),
            (None, {"PUMICE_STATE_DIR": "/b", "XDG_STATE_HOME": "/c"}, "/b"),
            (None, {"PUMICE_STATE_DIR": "", "XDG_STATE_HOME": "/c", "HOME": "/d"}, "/c/pumice"),
            (None, {"XDG_STATE_HOME": "c", "HOME": "/d"}, "/d/.local/state/pumice"),
            (None, {"HOME": "/d"}, "/d/.local/state/pumice"),
        ],
    )
    def test_the_nearest_word_counts(
        self, argument: str | None, environ: dict[str, str], path: str
    ) -> None:
        assert choose_path(Path(argument) if argument else None, environ) == Path(path)

    def test_nobody_says(self) -> None:
        with pytest.raises(UsageError, match="Neither --state-dir nor HOME"):
            choose_path(None, {})


class TestFirstStart:
    def test_makes_everything_for_this_user_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "some" / "where"
        with open_state_dir(path) as state_dir:
            assert state_dir.conf.read_text(encoding="utf-8") == template()
            assert load(state_dir.conf).backends[0].name == "file"
            assert sorted(state_dir.read_keys()) == [0, 1]
            assert state_dir.volumes.is_dir()
        for below in (path, *path.rglob("*")):
            assert mode(below) == (0o700 if below.is_dir() else 0o600), below

    def test_keys_are_from_the_secret_and_in_keystones_layout(self, tmp_path: Path) -> None:
        secrets = iter([b"\x00" * 32, b"\xff" * 32])
        StateDir.open(tmp_path / "x", secret=lambda size: next(secrets)[:size]).close()
        folder = tmp_path / "x" / "keys" / "fernet"
        texts = {file.name: file.read_bytes() for file in folder.iterdir()}
        assert set(texts) == {"0", "1"}
        assert set(texts.values()) == {b"A" * 43 + b"=", b"_" * 42 + b"8="}

    def test_the_second_start_finds_the_same(self, tmp_path: Path) -> None:
        open_state_dir(tmp_path / "x").close()
        first = files_below(tmp_path)
        with open_state_dir(tmp_path / "x"):
            assert files_below(tmp_path) == first

    def test_what_the_operator_wrote_stays(self, tmp_path: Path) -> None:
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "pumice.conf").write_text("[DEFAULT]\n", encoding="utf-8")
        with open_state_dir(tmp_path / "x") as state_dir:
            assert state_dir.conf.read_text(encoding="utf-8") == "[DEFAULT]\n"

    def test_a_crash_at_any_point_is_made_good(self, tmp_path: Path) -> None:
        ran = subprocess.run(
            [sys.executable, "-c", CRASH_EVERYWHERE, tmp_path],
            capture_output=True,
            check=True,
            text=True,
        )
        points = int(ran.stdout)
        assert points > 12, "the crash points are no longer reached"
        for number in range(1, points):
            path = tmp_path / str(number)
            before = files_below(path) if path.exists() else {}
            with open_state_dir(path) as state_dir:
                keys = state_dir.read_keys()
                assert sorted(keys) == [0, 1], number
                for name in ("0", "1"):
                    key = keys[int(name)]
                    assert before.get(f"keys/fernet/{name}", key) == key, number
                assert state_dir.conf.read_text(encoding="utf-8") == template()
                assert state_dir.volumes.is_dir()
            assert not list(path.rglob(".*.new")), number


class TestOneProcessAtATime:
    def test_a_second_one_is_told_who_serves(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        with subprocess.Popen(
            [sys.executable, "-c", HOLD_UNTIL_KILLED, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as first:
            assert first.stdout is not None
            assert first.stdout.readline() == b"held\n"
            with pytest.raises(UsageError) as caught:
                open_state_dir(path)
            assert caught.value.public == (
                f"Another Pumice (process {first.pid}) already serves the state directory {path}."
            )
            first.kill()
            first.wait()
            open_state_dir(path).close()

    def test_a_shorter_pid_replaces_a_longer_one(self, tmp_path: Path) -> None:
        (tmp_path / "lock").write_text("9" * 15 + "\n", encoding="utf-8")
        with open_state_dir(tmp_path):
            assert (tmp_path / "lock").read_text(encoding="utf-8") == f"{os.getpid()}\n"

    def test_a_refused_start_and_a_close_leave_nothing_open(self, tmp_path: Path) -> None:
        descriptors = Path("/proc/self/fd")
        before = len(list(descriptors.iterdir()))
        with open_state_dir(tmp_path / "x"), pytest.raises(UsageError):
            open_state_dir(tmp_path / "x")
        (tmp_path / "x" / "keys" / "fernet" / "0").write_bytes(b"")
        with pytest.raises(UsageError):
            open_state_dir(tmp_path / "x")
        assert len(list(descriptors.iterdir())) == before


class TestSeveralProcesses:
    """With PostgreSQL several processes of one host serve from one directory."""

    def test_those_that_share_it_may_do_so_and_nobody_else(self, tmp_path: Path) -> None:
        with open_state_dir(tmp_path, shared=True), open_state_dir(tmp_path, shared=True):
            with pytest.raises(UsageError) as caught:
                open_state_dir(tmp_path)
            assert caught.value.public == (
                f"Another Pumice already serves the state directory {tmp_path}."
            )
        told = rf"Another Pumice \(process {os.getpid()}\)"
        with open_state_dir(tmp_path), pytest.raises(UsageError, match=told):
            open_state_dir(tmp_path, shared=True)
        with open_state_dir(tmp_path, shared=True), pytest.raises(UsageError, match="Pumice alre"):
            open_state_dir(tmp_path)

    def test_no_token_keys_are_made_there(self, tmp_path: Path) -> None:
        with open_state_dir(tmp_path, shared=True) as state_dir:
            assert state_dir.conf.exists()
            assert state_dir.volumes.is_dir()
            assert list((tmp_path / "keys").iterdir()) == []

    def test_several_that_start_at_once_find_the_same(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", OPEN_SHARED_TOGETHER, str(tmp_path)]
        children = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        outputs = [child.communicate()[0].splitlines() for child in children]
        assert [child.returncode for child in children] == [0] * 4
        for lines in zip(*outputs, strict=True):
            assert len(set(lines)) == 1, lines
        assert len(outputs[0]) == 30
        assert not list(tmp_path.rglob(".*.new"))


class TestTheDatabasesKey:
    def test_is_made_once_for_this_user_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "database.key"
        assert read_key_file(path) is None
        made = make_key_file(path, lambda size: b"\xff" * size)
        assert made == b"_" * 42 + b"8="
        assert path.read_bytes() == made + b"\n"
        assert mode(path) == 0o600
        assert make_key_file(path, os.urandom) == read_key_file(path) == made
        assert [file.name for file in tmp_path.iterdir()] == ["database.key"]

    def test_may_be_a_link(self, tmp_path: Path) -> None:
        """As in a Kubernetes volume of a Secret."""
        key = make_key_file(tmp_path / "real", os.urandom)
        (tmp_path / "link").symlink_to("real")
        assert read_key_file(tmp_path / "link") == key

    @pytest.mark.parametrize(
        ("content", "bits", "sentence"),
        [
            (b"short", 0o600, "The key file {} holds no key: 44 characters of URL-safe base64."),
            (
                b"A" * 43 + b"=x",
                0o600,
                "The key file {} holds no key: 44 characters of URL-safe base64.",
            ),
            (b"A" * 43 + b"=", 0o604, "Everybody may use the key file {}; chmod o-rwx it."),
        ],
    )
    def test_what_is_not_one_is_refused(
        self, tmp_path: Path, content: bytes, bits: int, sentence: str
    ) -> None:
        path = tmp_path / "x"
        path.write_bytes(content)
        path.chmod(bits)
        for read in (read_key_file, lambda path: make_key_file(path, os.urandom)):
            with pytest.raises(UsageError) as caught:
                read(path)
            assert caught.value.public == sentence.format(path)

    def test_what_cannot_be_made_or_read(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"x/key cannot be made: No such file or directory\.$"):
            make_key_file(tmp_path / "x" / "key", os.urandom)
        with pytest.raises(UsageError, match=r"cannot be read: Is a directory\.$"):
            read_key_file(tmp_path)
        os.mkfifo(tmp_path / "pipe", 0o600)
        with pytest.raises(UsageError, match="holds no key"):
            read_key_file(tmp_path / "pipe")


class TestTheConfigFile:
    def test_that_of_the_last_start_is_chosen(self, tmp_path: Path) -> None:
        assert chosen_config(tmp_path / "nowhere", None) == tmp_path / "nowhere" / "pumice.conf"
        with open_state_dir(tmp_path) as state_dir:
            state_dir.note_config(None)
            assert chosen_config(tmp_path, None) == state_dir.conf
            for name in ("größe\udcff\n.conf", "relative.conf"):
                state_dir.note_config(Path(name))
                assert chosen_config(tmp_path, None) == Path(name).absolute()
                assert chosen_config(tmp_path, Path("x")) == Path("x")
            assert mode(tmp_path / "config-file") == 0o600
            state_dir.note_config(None)
            assert chosen_config(tmp_path, None) == state_dir.conf
            assert not (tmp_path / "config-file").exists()

    def test_what_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "config-file").mkdir()
        with pytest.raises(UsageError, match=r"config-file cannot be read: Is a directory\.$"):
            chosen_config(tmp_path, None)


class TestKeys:
    def test_a_rotation(self, state_dir: StateDir) -> None:
        old = state_dir.read_keys()
        rotated = {0: b"N" * 43 + b"=", 1: old[1], 2: old[0]}
        kept = state_dir.path / "keys" / "fernet" / "1"
        before = kept.stat()
        state_dir.write_keys(rotated)
        assert state_dir.read_keys() == rotated
        assert kept.stat().st_ino == before.st_ino
        state_dir.write_keys({0: rotated[0], 2: rotated[2]})
        assert sorted(state_dir.read_keys()) == [0, 2]

    def test_a_rotation_that_fails_on_the_way_loses_no_key(self, state_dir: StateDir) -> None:
        old = state_dir.read_keys()
        (state_dir.path / "keys" / "fernet" / ".0.new").mkdir()  # Key 0 cannot be written.
        with pytest.raises(UsageError, match="keys/fernet/0 cannot be written"):
            state_dir.write_keys({0: b"N" * 43 + b"=", 2: old[0]})
        assert state_dir.read_keys() == {**old, 2: old[0]}

    @pytest.mark.parametrize("kept", [0, 1])
    def test_a_lost_key_is_made_anew_and_the_other_kept(self, tmp_path: Path, kept: int) -> None:
        with open_state_dir(tmp_path) as state_dir:
            old = state_dir.read_keys()
        (tmp_path / "keys" / "fernet" / str(1 - kept)).unlink()
        with open_state_dir(tmp_path) as state_dir:
            new = state_dir.read_keys()
        assert new[kept] == old[kept]
        assert new[1 - kept] not in old.values()

    def test_the_highest_number_may_be_any(self, tmp_path: Path) -> None:
        with open_state_dir(tmp_path) as state_dir:
            keys = dict.fromkeys((0, 7), b"K" * 43 + b"=")
            state_dir.write_keys(keys)
        with open_state_dir(tmp_path) as state_dir:
            assert state_dir.read_keys() == keys

    @pytest.mark.parametrize("content", [b"", b"short", b"*" * 44])
    def test_what_is_no_key_is_refused(self, state_dir: StateDir, content: bytes) -> None:
        path = state_dir.path / "keys" / "fernet" / "1"
        path.write_bytes(content)
        with pytest.raises(UsageError) as caught:
            state_dir.read_keys()
        assert caught.value.public == f"{path} holds no token key."

    def test_a_pipe_does_not_hold_the_start_up(self, state_dir: StateDir) -> None:
        path = state_dir.path / "keys" / "fernet" / "2"
        os.mkfifo(path)
        with pytest.raises(UsageError, match="holds no token key"):
            state_dir.read_keys()

    def test_a_line_end_and_other_files_do_not_matter(self, state_dir: StateDir) -> None:
        keys = state_dir.read_keys()
        folder = state_dir.path / "keys" / "fernet"
        (folder / "1").write_bytes(keys[1] + b"\n")
        (folder / "README").write_bytes(b"")
        (folder / ".2.new").write_bytes(b"")
        assert state_dir.read_keys() == keys


class TestClientsFiles:
    @pytest.mark.parametrize("password", PASSWORDS)
    def test_hold_every_password(self, state_dir: StateDir, password: str) -> None:
        state_dir.write_clients_files(URL, password)
        self.check(state_dir, password)

    @given(password=st.text(st.characters(codec="utf-8")).filter(str.isprintable))
    @settings(max_examples=30, deadline=None)
    def test_hold_any_password(
        self, tmp_path_factory: pytest.TempPathFactory, password: str
    ) -> None:
        with open_state_dir(tmp_path_factory.mktemp("state")) as state_dir:
            state_dir.write_clients_files(URL, password)
            self.check(state_dir, password)

    @staticmethod
    def check(state_dir: StateDir, password: str) -> None:
        cloud = yaml.safe_load(state_dir.clouds_yaml.read_bytes())["clouds"]["pumice"]
        assert cloud == {
            "auth": {
                "auth_url": URL,
                "username": "admin",
                "password": password,
                "project_name": "admin",
                "user_domain_id": "default",
                "project_domain_id": "default",
            },
            "region_name": "RegionOne",
            "identity_api_version": 3,
        }
        script = (
            f'. "$1"; {sys.executable} -c "import json, os; print(json.dumps(dict(os.environ)))"'
        )
        ran = subprocess.run(
            ["sh", "-euc", script, "sh", state_dir.openrc],
            env={"OS_CLOUD": "other", "OS_PROJECT_ID": "x", "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
        )
        assert {name: v for name, v in json.loads(ran.stdout).items() if name[:3] == "OS_"} == {
            "OS_AUTH_URL": URL,
            "OS_USERNAME": "admin",
            "OS_PASSWORD": password,
            "OS_PROJECT_NAME": "admin",
            "OS_USER_DOMAIN_ID": "default",
            "OS_PROJECT_DOMAIN_ID": "default",
            "OS_REGION_NAME": "RegionOne",
            "OS_IDENTITY_API_VERSION": "3",
        }
        assert mode(state_dir.clouds_yaml) == mode(state_dir.openrc) == 0o600
        assert state_dir.read_admin_password() == password

    @pytest.mark.parametrize("password", ["two\nlines", "\x07", "nul\0", "\udcff"])
    def test_refuse_what_they_cannot_hold(self, state_dir: StateDir, password: str) -> None:
        with pytest.raises(UsageError, match="cannot be printed"):
            state_dir.write_clients_files(URL, password)
        assert not state_dir.clouds_yaml.exists()

    def test_are_written_only_when_they_change(self, state_dir: StateDir) -> None:
        state_dir.write_clients_files(URL, "a")
        first = [path.stat().st_ino for path in (state_dir.clouds_yaml, state_dir.openrc)]
        state_dir.write_clients_files(URL, "a")
        assert [path.stat().st_ino for path in (state_dir.clouds_yaml, state_dir.openrc)] == first
        state_dir.write_clients_files(URL, "b")
        assert "b" in state_dir.openrc.read_text(encoding="utf-8")

    def test_wait_for_another_who_writes_them(self, state_dir: StateDir) -> None:
        with state_dir._folder.alone():
            other = threading.Thread(target=keep_admin_password, args=(state_dir.path, "b"))
            other.start()
            other.join(0.05)
            assert not state_dir.clouds_yaml.exists()
        other.join()
        assert state_dir.read_admin_password() == "b"

    def test_become_private_again(self, state_dir: StateDir) -> None:
        state_dir.write_clients_files(URL, "a")
        state_dir.openrc.chmod(0o644)
        state_dir.write_clients_files(URL, "a")
        assert mode(state_dir.openrc) == 0o600

    @pytest.mark.parametrize("content", [None, b"clouds: {}\n", b'  password: "a\n', b"\xff"])
    def test_the_password_of_a_changed_file_is_unknown(
        self, state_dir: StateDir, content: bytes | None
    ) -> None:
        if content is not None:
            state_dir.clouds_yaml.write_bytes(content)
        assert state_dir.read_admin_password() is None


class TestWhatCannotBeUsed:
    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.touch()
        with pytest.raises(UsageError) as caught:
            open_state_dir(path)
        assert caught.value.public == f"The state directory {path} cannot be used: Not a directory."

    def test_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(UsageError, match=r"cannot be used: Not a directory\.$"):
            open_state_dir(tmp_path / "file" / "x")

    def test_where_this_user_may_not_write(self, tmp_path: Path) -> None:
        closed = tmp_path / "closed"
        closed.mkdir(0o500)
        with unprivileged(), pytest.raises(UsageError, match=r"Permission denied\.$"):
            open_state_dir(closed)

    def test_where_everybody_may_write(self, tmp_path: Path) -> None:
        (tmp_path / "x").mkdir()
        (tmp_path / "x").chmod(0o777)
        with pytest.raises(UsageError, match="chmod o-w"):
            open_state_dir(tmp_path / "x")
        assert not list((tmp_path / "x").iterdir())

    def test_a_disk_that_takes_no_more(self, state_dir: StateDir) -> None:
        state_dir.write_clients_files(URL, "old")
        before = files_below(state_dir.path)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        try:
            with pytest.raises(UsageError) as caught:
                state_dir.write_clients_files(URL, "new")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.public == f"{state_dir.clouds_yaml} cannot be written: File too large."
        assert files_below(state_dir.path) == before


class TestLinks:
    """Who can put a link where a secret goes must not learn or choose where it is written."""

    def test_a_secret_replaces_a_link(self, state_dir: StateDir, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_text("before", encoding="utf-8")
        for name in ("openrc", ".openrc.new", ".clouds.yaml.new"):
            (state_dir.path / name).symlink_to(elsewhere)
        state_dir.write_clients_files(URL, "a")
        assert elsewhere.read_text(encoding="utf-8") == "before"
        assert not state_dir.openrc.is_symlink()

    @pytest.mark.parametrize("name", ["keys", "keys/fernet", "keys/fernet/1", "lock"])
    def test_keys_and_lock_are_not_looked_for_elsewhere(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / "state"
        open_state_dir(path).close()
        (path / name).rename(tmp_path / "elsewhere")
        (path / name).symlink_to(tmp_path / "elsewhere")
        before = files_below(tmp_path / "elsewhere")
        with pytest.raises(UsageError, match=rf"/{name} cannot be "):
            open_state_dir(path)
        assert files_below(tmp_path / "elsewhere") == before

    def test_the_state_directory_and_its_volumes_may_be_links(self, tmp_path: Path) -> None:
        for name in ("real", "disk"):
            (tmp_path / name).mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        (tmp_path / "real" / "volumes").symlink_to(tmp_path / "disk")
        with open_state_dir(tmp_path / "link") as state_dir:
            assert state_dir.volumes.is_dir()
            assert (tmp_path / "real" / "pumice.conf").exists()
