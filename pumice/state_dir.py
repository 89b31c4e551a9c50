"""The folder that a Pumice keeps its state in.

::

    pumice.conf            settings; written once, then the operator's
    pumice.db              the database; the store makes it
    keys/fernet/0, 1, ...  token keys in Keystone's layout: 0 is next, the highest number signs
    keys/database.key      instead of those two with PostgreSQL: what seals the token keys there
    volumes/               what the file driver keeps
    clouds.yaml, openrc    how clients find this cloud, with the admin's password
    config-file            where the settings are if the last start was told so by --config
    lock                   locked by the process that serves; holds its pid, for people
    files.lock             locked for a moment by who makes or changes a file

With PostgreSQL several processes of one host may serve from one directory. A file that is written here
is written beside its place, put on disk and renamed into it: a crash leaves the old one or the new one.
Names are resolved through the folder's descriptor, and a secret is neither written nor read through a
symbolic link, but for the database's key, which may lie anywhere.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from pumice.errors import UsageError
from pumice.settings import template

KEY_BYTES: Final = 32
KEY_FILE_BYTES_MAX: Final = 64
CONF: Final = "pumice.conf"
CONFIG_FILE: Final = "config-file"
FILES_LOCK: Final = "files.lock"
CLOUDS_YAML: Final = "clouds.yaml"
OPENRC: Final = "openrc"
USUAL_URL: Final = "http://127.0.0.1:8776/identity/v3"
"""Where a Pumice is whose ``clouds.yaml`` does not say it; its next start writes the right one."""

_KEY: Final = re.compile(b"[A-Za-z0-9_-]{43}=")
_OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OPEN_LOCK: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

# What may stand in a shell from another cloud and would win over, or contradict, what openrc sets.
_OTHER_CREDENTIALS: Final = (
    "OS_CLOUD",
    "OS_TOKEN",
    "OS_AUTH_TYPE",
    "OS_USER_ID",
    "OS_USER_DOMAIN_NAME",
    "OS_PROJECT_ID",
    "OS_PROJECT_DOMAIN_NAME",
    "OS_DOMAIN_ID",
    "OS_DOMAIN_NAME",
    "OS_SYSTEM_SCOPE",
    "OS_TRUST_ID",
)


def choose_path(argument: Path | None, environ: Mapping[str, str]) -> Path:
    """Where the state directory is: ``--state-dir``, else as the environment says.

    Raises :class:`UsageError` if neither says.
    """
    if argument is not None:
        return argument
    if environ.get("PUMICE_STATE_DIR"):
        return Path(environ["PUMICE_STATE_DIR"])
    state_home = Path(environ.get("XDG_STATE_HOME", ""))
    if state_home.is_absolute():  # XDG Base Directory Specification: ignore a relative one.
        return state_home / "pumice"
    if environ.get("HOME"):
        return Path(environ["HOME"], ".local", "state", "pumice")
    raise UsageError("Neither --state-dir nor HOME says where the state directory is.")


def chosen_config(path: Path, argument: Path | None) -> Path:
    """The file with the settings of the state directory ``path``, for all but ``pumice serve``.

    It is ``argument``, which is ``--config``, else what the last start was told, else the directory's
    own: so no command takes another database for the one that is served.
    """
    if argument is not None:
        return argument
    noted = path / CONFIG_FILE
    with _telling(f"{noted} cannot be read"):
        if not noted.exists():
            return path / CONF
        return Path(os.fsdecode(noted.read_bytes().removesuffix(b"\n")))


class StateDir:
    """An open state directory: until :meth:`close`, this process or those that share it serve it."""

    def __init__(self, folder: _Folder, lock: int) -> None:
        """``lock`` is the descriptor of the locked lock file. Use :meth:`open`."""
        self.path: Final = folder.path
        self.conf: Final = folder.path / CONF
        self.database: Final = folder.path / "pumice.db"
        self.volumes: Final = folder.path / "volumes"
        self.clouds_yaml: Final = folder.path / CLOUDS_YAML
        self.openrc: Final = folder.path / OPENRC
        self._folder = folder
        self._lock = lock

    @classmethod
    def open(cls, path: Path, *, secret: Callable[[int], bytes], shared: bool = False) -> Self:
        """Open ``path``; make it, or what a crash left unmade of it, for this user alone.

        ``secret`` gives that many bytes that nobody can guess. Those who open it ``shared``, since
        rows and token keys are in PostgreSQL, may do so at once; nobody else may meanwhile. Raises
        :class:`UsageError` if another process serves ``path``, and if it cannot be used.
        """
        with contextlib.ExitStack() as undo:
            folder = _open_state_folder(path.absolute())
            undo.callback(os.close, folder.descriptor)
            lock = _lock(folder, shared=shared)
            undo.callback(os.close, lock)
            state_dir = cls(folder, lock)
            with folder.alone():
                state_dir._make_what_is_missing(None if shared else secret)
            undo.pop_all()
        return state_dir

    def note_config(self, argument: Path | None) -> None:
        """Let :func:`chosen_config` find the settings of this start, which ``--config`` may have named.

        Raises :class:`UsageError` if the note cannot be written.
        """
        with self._folder.alone():
            if argument is not None:
                data = os.fsencode(argument.absolute()) + b"\n"
                if not self._folder.holds(CONFIG_FILE, data):
                    self._folder.write(CONFIG_FILE, data)
            elif CONFIG_FILE in self._folder.names():
                self._folder.remove(CONFIG_FILE)

    def close(self) -> None:
        """Let another process serve the directory. The end of this process does the same."""
        os.close(self._lock)
        os.close(self._folder.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def read_keys(self) -> dict[int, bytes]:
        """The token keys by number, as Fernet takes them: 44 bytes of URL-safe base64.

        Raises :class:`UsageError` if a key cannot be read or is not one.
        """
        with self._open_keys() as folder:
            keys = {
                int(name): folder.read(name).strip()
                for name in folder.names()
                if re.fullmatch("0|[1-9][0-9]{0,8}", name)
            }
        for number, key in keys.items():
            if not _KEY.fullmatch(key):
                raise UsageError(f"{folder.path / str(number)} holds no token key.")
        return keys

    def write_keys(self, keys: Mapping[int, bytes]) -> None:
        """Make ``keys`` the token keys.

        A rotation gives the key 0 the highest number and makes a new 0. So the highest number is
        written first and 0 last, and what ``keys`` does not name goes at the very end: a crash on
        the way leaves keys that read every token. Raises :class:`UsageError` if a key cannot be
        written.
        """
        old = self.read_keys()
        with self._open_keys() as folder:
            for number in sorted(keys, reverse=True):
                if old.get(number) != keys[number]:
                    folder.write(str(number), keys[number])
            for number in sorted(old.keys() - keys.keys()):
                folder.remove(str(number))
            folder.sync()  # What was right already may be the work of one who died before this.

    def write_clients_files(self, identity_url: str, password: str) -> None:
        """Write ``clouds.yaml`` and ``openrc`` for the user admin; what is right stays as it is.

        Raises :class:`UsageError` if a file cannot be written, or could not hold ``password``.
        """
        with self._folder.alone():
            _write_clients_files(self._folder, identity_url, password)

    def begin_clients_files(self, identity_url: str, password: str) -> str:
        """:meth:`write_clients_files` unless they have a password by now; the one that they have then.

        Raises :class:`UsageError` as that does.
        """
        with self._folder.alone():
            kept = _read_from_clouds_yaml(self._folder, "password")
            _write_clients_files(self._folder, identity_url, kept or password)
        return kept or password

    def remove_clients_files(self, password: str) -> None:
        """Take back what :meth:`begin_clients_files` wrote, if ``password`` is what stands there."""
        with self._folder.alone():
            if _read_from_clouds_yaml(self._folder, "password") == password:
                for name in {CLOUDS_YAML, OPENRC}.intersection(self._folder.names()):
                    self._folder.remove(name)

    def read_admin_password(self) -> str | None:
        """The password that :meth:`write_clients_files` wrote; None if its line is not there."""
        return _read_from_clouds_yaml(self._folder, "password")

    def _make_what_is_missing(self, secret: Callable[[int], bytes] | None) -> None:
        """Everything on a first start; on any other, what a crash in that start left out.

        Without ``secret`` no token keys.
        """
        if self.conf.name not in self._folder.names():
            self._folder.write(self.conf.name, template().encode())
        self._folder.make_folder(self.volumes.name)
        self._folder.make_folder("keys")
        if secret is None:
            return
        with self._folder.open_folder("keys") as keys:
            keys.make_folder("fernet")
        present = self.read_keys()
        missing = {0, max(present, default=0) or 1} - present.keys()
        self.write_keys(present | {n: base64.urlsafe_b64encode(secret(KEY_BYTES)) for n in missing})

    @contextlib.contextmanager
    def _open_keys(self) -> Iterator[_Folder]:
        with self._folder.open_folder("keys") as keys, keys.open_folder("fernet") as fernet:
            yield fernet


def keep_admin_password(path: Path, password: str) -> None:
    """Put a new password of the user admin in the clients' files in ``path``, which may be served.

    Raises :class:`UsageError` as :meth:`StateDir.write_clients_files`.
    """
    folder = _open_state_folder(path.absolute())
    try:
        with folder.alone():
            identity_url = _read_from_clouds_yaml(folder, "auth_url") or USUAL_URL
            _write_clients_files(folder, identity_url, password)
    finally:
        os.close(folder.descriptor)


def read_key_file(path: Path) -> bytes | None:
    """What seals the token keys in PostgreSQL: 44 bytes of URL-safe base64; None if there is no file.

    It may be a symbolic link, as what a cluster manager puts in place is one. Raises
    :class:`UsageError` for a file that cannot be read, that everybody may read, or that holds no key.
    """
    with _telling(f"The key file {path} cannot be read"):
        try:
            with open(path, "rb", opener=_open_key_file) as file:
                mode = os.fstat(file.fileno()).st_mode
                key = file.read(KEY_FILE_BYTES_MAX).strip()
        except FileNotFoundError:
            return None
    if mode & stat.S_IRWXO:
        raise UsageError(f"Everybody may use the key file {path}; chmod o-rwx it.")
    if not _KEY.fullmatch(key):
        raise UsageError(f"The key file {path} holds no key: 44 characters of URL-safe base64.")
    return key


def make_key_file(path: Path, secret: Callable[[int], bytes]) -> bytes:
    """The key of :func:`read_key_file`, made for this user alone if there is none.

    Of several who do so at once all get the same. Raises :class:`UsageError` as reading does, and if
    the file cannot be made.
    """
    with _telling(f"The key file {path} cannot be made"):
        if not path.exists():
            _make_key_file(path, base64.urlsafe_b64encode(secret(KEY_BYTES)), secret(4).hex())
    key = read_key_file(path)
    if key is None:
        raise UsageError(f"The key file {path} was removed meanwhile.")
    return key


def _make_key_file(path: Path, key: bytes, mark: str) -> None:
    """Put ``key`` in the file ``path`` unless there is one by now; whole and on disk, or not."""
    unfinished = path.with_name(f".{path.name}.{mark}.new")
    try:
        with open(unfinished, "xb", opener=_open_key_file) as file:
            file.write(key + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(unfinished)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _open_key_file(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK, 0o600)  # A FIFO must not hold the start up.


class _Folder(NamedTuple):
    """An open folder. Every method raises :class:`UsageError`, one sentence for a person."""

    path: Path
    descriptor: int

    @contextlib.contextmanager
    def open_folder(self, name: str) -> Iterator[_Folder]:
        """The folder ``name`` in this one, open; refuses a symbolic link."""
        with _telling(f"{self.path / name} cannot be opened"):
            descriptor = os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=self.descriptor)
        try:
            yield _Folder(self.path / name, descriptor)
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Whoever else changes files here waits until the end of the block, or of the process."""
        with _telling(f"{self.path / FILES_LOCK} cannot be locked"):
            lock = os.open(FILES_LOCK, _OPEN_LOCK, 0o600, dir_fd=self.descriptor)
        try:
            with _telling(f"{self.path / FILES_LOCK} cannot be locked"):
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def make_folder(self, name: str) -> None:
        """Make the folder ``name`` for this user alone, and on disk, unless the name is taken."""
        with _telling(f"{self.path / name} cannot be made"), contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=self.descriptor)
        self.sync()

    def names(self) -> list[str]:
        """The names in this folder, those of links that lead nowhere included."""
        with _telling(f"{self.path} cannot be read"), os.scandir(self.descriptor) as entries:
            return [entry.name for entry in entries]

    def holds(self, name: str, data: bytes) -> bool:
        """Whether ``name`` is a file of ``data`` that only this user may read or write."""
        if name not in self.names():
            return False
        with _telling(f"{self.path / name} cannot be looked at"):
            mode = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mode
        return mode == stat.S_IFREG | 0o600 and self.read(name) == data

    def read(self, name: str) -> bytes:
        """The content of the file ``name``; refuses a symbolic link."""
        with (
            _telling(f"{self.path / name} cannot be read"),
            open(name, "rb", opener=self._open) as file,
        ):
            return file.read()

    def write(self, name: str, data: bytes) -> None:
        """Put ``data`` in the file ``name``, for this user alone; whole and on disk, or not."""
        unfinished = f".{name}.new"
        with _telling(f"{self.path / name} cannot be written"), contextlib.ExitStack() as undo:
            with contextlib.suppress(FileNotFoundError):  # What a crash left.
                os.unlink(unfinished, dir_fd=self.descriptor)
            with open(unfinished, "xb", opener=self._open) as file:
                undo.callback(os.unlink, unfinished, dir_fd=self.descriptor)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            here = self.descriptor
            os.rename(unfinished, name, src_dir_fd=here, dst_dir_fd=here)
            undo.pop_all()
        self.sync()

    def remove(self, name: str) -> None:
        """Remove the file ``name``, and put its absence on disk."""
        with _telling(f"{self.path / name} cannot be removed"):
            os.unlink(name, dir_fd=self.descriptor)
        self.sync()

    def sync(self) -> None:
        """Put the names in this folder on disk."""
        with _telling(f"{self.path} cannot be put on disk"):
            os.fsync(self.descriptor)

    def _open(self, name: str, flags: int) -> int:
        safely = os.O_NOFOLLOW | os.O_NONBLOCK  # A FIFO must not hold the start up.
        return os.open(name, flags | safely, 0o600, dir_fd=self.descriptor)


@contextlib.contextmanager
def _telling(what: str) -> Iterator[None]:
    """Turn an ``OSError`` into a sentence that begins with ``what``."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{what}: {error.strerror}.") from error


def _open_state_folder(path: Path) -> _Folder:
    with _telling(f"The state directory {path} cannot be used"):
        _make_path(path)
        folder = _Folder(path, os.open(path, _OPEN_FOLDER))
        if os.fstat(folder.descriptor).st_mode & stat.S_IWOTH:
            os.close(folder.descriptor)
            raise UsageError(f"Everybody may write to the state directory {path}; chmod o-w it.")
    return folder


def _make_path(path: Path) -> None:
    """Make ``path`` and the parents it lacks, for this user alone and on disk."""
    if path.exists():
        return
    _make_path(path.parent)
    path.mkdir(0o700, exist_ok=True)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Put the names in ``path`` on disk."""
    folder = os.open(path, _OPEN_FOLDER)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _lock(folder: _Folder, *, shared: bool) -> int:
    """Lock the lock file and return its descriptor; the end of the process, however, unlocks it.

    The pid of one among several would say nothing, so who shares it leaves none.
    """
    with _telling(f"{folder.path / 'lock'} cannot be locked"), contextlib.ExitStack() as undo:
        lock = os.open("lock", _OPEN_LOCK, 0o600, dir_fd=folder.descriptor)
        undo.callback(os.close, lock)
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(lock, 20, 0).decode(errors="replace").strip()
            who = f"Another Pumice (process {pid})" if pid.isdecimal() else "Another Pumice"
            raise UsageError(f"{who} already serves the state directory {folder.path}.") from None
        pid_line = b"" if shared else f"{os.getpid()}\n".encode()
        os.pwrite(lock, pid_line, 0)
        os.ftruncate(lock, len(pid_line))
        undo.pop_all()
    return lock


def _read_from_clouds_yaml(folder: _Folder, key: str) -> str | None:
    """What :func:`_write_clients_files` wrote under ``key``; None if its line is not there."""
    if CLOUDS_YAML not in folder.names():
        return None
    text = folder.read(CLOUDS_YAML).decode(errors="replace")
    found = re.search(rf'^ +{key}: (".*")$', text, re.MULTILINE)
    with contextlib.suppress(ValueError):  # A person has changed the line.
        return str(json.loads(found[1])) if found else None
    return None


def _write_clients_files(folder: _Folder, identity_url: str, password: str) -> None:
    """See :meth:`StateDir.write_clients_files`."""
    if not password.isprintable():
        raise UsageError("The admin's password holds a character that cannot be printed.")
    for name, text in (
        (CLOUDS_YAML, _clouds_yaml(identity_url, password)),
        (OPENRC, _openrc(identity_url, password)),
    ):
        if not folder.holds(name, text.encode()):
            folder.write(name, text.encode())


def _clouds_yaml(identity_url: str, password: str) -> str:
    """``clouds.yaml``; a JSON string is a YAML string as long as its characters can be printed."""
    return f"""\
# Written by `pumice serve` when the address or the password changes; put other clouds elsewhere.
clouds:
  pumice:
    auth:
      auth_url: {json.dumps(identity_url, ensure_ascii=False)}
      username: admin
      password: {json.dumps(password, ensure_ascii=False)}
      project_name: admin
      user_domain_id: default
      project_domain_id: default
    region_name: RegionOne
    identity_api_version: 3
"""


def _openrc(identity_url: str, password: str) -> str:
    return f"""\
# Written by `pumice serve` when the address or the password changes. In a shell: . openrc
unset {" ".join(_OTHER_CREDENTIALS)}
export OS_AUTH_URL={shlex.quote(identity_url)}
export OS_USERNAME=admin
export OS_PASSWORD={shlex.quote(password)}
export OS_PROJECT_NAME=admin
export OS_USER_DOMAIN_ID=default
export OS_PROJECT_DOMAIN_ID=default
export OS_REGION_NAME=RegionOne
export OS_IDENTITY_API_VERSION=3
"""
