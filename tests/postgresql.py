"""PostgreSQL servers of the tests' own, from the machine's binaries: started, killed, promoted.

The machine's own clusters are never touched. A server refuses to run as root, so then it runs as
``postgres`` or ``nobody``. Everybody on this machine may log in: there is nothing in it but tests.
"""

from __future__ import annotations

import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import psycopg
from psycopg import sql

from tests.guard import Guard, end_processes_in

MISSING: Final = "PostgreSQL was not found: apt-get install postgresql"
OLDEST: Final = 14
"""The oldest major version that Pumice works with."""

USER: Final = "pumice"
READY_SECONDS: Final = 60
STOP_SECONDS: Final = 30
LOOK_SECONDS: Final = 0.005

Mode = Literal["smart", "fast", "immediate"]
"""How a server stops: after its clients, rolling back what they do, or in a crash that it knows of."""

_BINARIES: Final = ("initdb", "pg_basebackup", "postgres")
_PORTS: Final = range(20000, 32000)
"""Below those that the kernel gives to clients: nobody takes a server's while it is restarted."""

_OWN_CONF: Final = "own.conf"
_SETTINGS: Final = """\
unix_socket_directories = '{folder}'
listen_addresses = '{address}'
port = {port}
fsync = {durable}
full_page_writes = {durable}
max_connections = 200
timezone = 'UTC'
# In the data folder, so that a server that is killed leaves nothing elsewhere.
dynamic_shared_memory_type = mmap
"""
_ON_SMALL_DISK: Final = """\
# Each MiB that it writes to its log is space to be found.
wal_recycle = off
min_wal_size = 2MB
max_wal_size = 16MB
"""
_ACCESS: Final = """
host all all samenet trust
host replication all samenet trust
"""
_STOP: Final[dict[Mode, signal.Signals]] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}


@cache
def binaries() -> Path | None:
    """The folder of a PostgreSQL that is new enough: that of PATH, else the newest of Debian's."""
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    return next((folder for folder in folders if _version(folder) >= OLDEST), None)


def _version(folder: Path) -> int:
    """The major version; 0 when a program is missing."""
    if not all((folder / name).is_file() for name in _BINARIES):
        return 0
    found = re.search(r"\) (\d+)", _output(f"{folder}/postgres", "--version"))
    return int(found[1]) if found else 0


def any_of(clusters: Sequence[Cluster], database: str) -> str:
    """The connection string that leads to the one of ``clusters`` that takes writes."""
    hosts = ",".join(f"{one.address}:{one.port}" for one in clusters)
    return f"postgresql://{USER}@{hosts}/{database}?target_session_attrs=read-write"


class Cluster:
    """A server with a data folder of its own, running; at the end of ``with`` both are gone."""

    def __init__(
        self,
        *,
        durable: bool = True,
        address: str = "127.0.0.1",
        under: Sequence[str] = (),
        disk: Path | None = None,
    ) -> None:
        """Make a new one, with the superuser ``USER``, and start it.

        Without ``durable`` nothing is put on disk: quicker, and ``kill`` still loses nothing, for
        the kernel goes on. ``under`` is a command to run the server under, such as ``nsenter``.
        ``disk`` is a small one for the data: the server soon notices when that is full.
        Raises :class:`FileNotFoundError` when there are no binaries.
        """
        found = binaries()
        if found is None:
            raise FileNotFoundError(MISSING)
        self._binaries: Final = found
        self._owner: Final = _owner()
        self._under: Final = tuple(under)
        self._small: Final = disk is not None
        self._process: subprocess.Popen[bytes] | None = None
        self.address: Final = address
        self.port: Final = _free_port()
        self._guard: Final = Guard()
        try:
            self.folder: Final = self._guard.folder("pumice-postgresql-")
            os.chown(self.folder, self._owner.pw_uid, self._owner.pw_gid)
            self.data: Final = (disk or self.folder) / "data"
            self.log: Final = self.folder / "log"
            self._make()
            own = _SETTINGS.format(
                folder=self.folder, address=address, port=self.port, durable=durable
            )
            (self.data / _OWN_CONF).write_text(own + (_ON_SMALL_DISK if self._small else ""))
            self.start()
        except BaseException:
            self.close()
            raise

    def _make(self) -> None:
        """Fill the data folder."""
        _output(
            *self._as_owner("initdb"), "--pgdata", f"{self.data}", "--username", USER,
            "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync",
            *(["--wal-segsize=1"] if self._small else []),
        )  # fmt: skip
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write(f"include '{_OWN_CONF}'\n")
        with (self.data / "pg_hba.conf").open("a") as access:
            access.write(_ACCESS)

    def _as_owner(self, name: str) -> list[str]:
        """The beginning of a command that runs a PostgreSQL program as the cluster's owner."""
        change = []
        if os.geteuid() == 0:
            user, group = self._owner.pw_uid, self._owner.pw_gid
            change = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--"]
        return [*self._under, *change, f"{self._binaries / name}"]

    def dsn(self, database: str) -> str:
        """The connection string of ``database``, over TCP."""
        return f"postgresql://{USER}@{self.address}:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the test's own, over the Unix socket; each statement is a transaction."""
        return psycopg.connect(
            host=f"{self.folder}", port=self.port, user=USER, dbname=database, autocommit=True
        )

    def create_database(self, name: str, template: str = "template0") -> str:
        """Make ``name`` as a copy of ``template``, in which nobody may be logged in; its dsn."""
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with self.connect() as connection:
            connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))
        return self.dsn(name)

    def drop_database(self, name: str) -> None:
        """Remove ``name``, whoever is logged in."""
        with self.connect() as connection:
            command = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(command.format(sql.Identifier(name)))

    @property
    def runs(self) -> bool:
        """Whether it was started, and not stopped or killed since."""
        return self._process is not None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert self._process is None
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_owner("postgres"), "-D", f"{self.data}"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + READY_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(LOOK_SECONDS)

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def recover(self) -> None:
        """Wait until it answers again after a crash; if it has given up, start it."""
        assert self._process is not None
        until = time.monotonic() + READY_SECONDS
        while not self._answers():
            assert time.monotonic() < until, self.log.read_text()
            if self._process.poll() is not None:
                self._process = None
                self.start()
                return
            time.sleep(LOOK_SECONDS)

    def until_crash(self, begin: Callable[[], None]) -> None:
        """Break something with ``begin``, and wait until the server has ended all that it was doing.

        After that it recovers by itself, or ends as well.
        """
        assert self._process is not None
        before = self._crashes()
        begin()
        until = time.monotonic() + READY_SECONDS
        while self._crashes() == before and self._process.poll() is None:
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(LOOK_SECONDS)

    def _crashes(self) -> int:
        return self.log.read_text().count("all server processes terminated")

    def write_tables(self) -> None:
        """Have it write what it keeps in memory into its tables. Raises :class:`psycopg.Error`."""
        with self.connect() as connection:
            connection.execute("CHECKPOINT")

    def begin_log_file(self) -> None:
        """Have it begin a new file for its log. Raises :class:`psycopg.Error`."""
        with self.connect() as connection:
            connection.execute("SELECT pg_switch_wal()")

    def stop(self, mode: Mode = "fast") -> None:
        """Stop it, and wait until it has ended."""
        assert self._process is not None
        self._process.send_signal(_STOP[mode])
        self._process.wait(STOP_SECONDS)
        self._process = None

    def kill(self) -> None:
        """Kill the server and all of its processes, with no chance to say goodbye to anybody."""
        assert self._process is not None
        self._process.kill()  # First, for it would otherwise notice the death of the others.
        end_processes_in(self.data, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def restart(self, mode: Mode = "fast") -> None:
        """Stop and start it, at the same port."""
        self.stop(mode)
        self.start()

    def require_standby(self, name: str) -> None:
        """From now on a commit waits until the standby ``name``, which runs, has it on disk as well."""
        with self.connect() as connection:
            connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
            connection.execute("SELECT pg_reload_conf()")
            query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            until = time.monotonic() + READY_SECONDS
            while connection.execute(query).fetchone() != (1,):
                assert time.monotonic() < until, self.log.read_text()
                time.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """End it, and remove its folder."""
        if self._process is not None:
            self.stop("immediate")
        if segment := self.shared_memory:
            subprocess.run(["ipcrm", "--shmem-id", segment], check=False)
        self._guard.close()

    @property
    def shared_memory(self) -> str | None:
        """The id of its System V segment, which is there while it runs, and after it was killed."""
        # PostgreSQL's src/include/utils/pidfile.h says what is in which line: here "key id".
        lock = self.data / "postmaster.pid"
        return lock.read_text().splitlines()[6].split()[1] if lock.exists() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Standby(Cluster):
    """A copy of another cluster that follows it, and answers reads, until it is promoted."""

    def __init__(
        self,
        primary: Cluster,
        name: str = "standby",
        *,
        durable: bool = True,
        address: str = "127.0.0.1",
        under: Sequence[str] = (),
    ) -> None:
        """Copy ``primary``, which runs, and follow it under ``name``; the rest is as in Cluster."""
        self._primary: Final = primary
        self.name: Final = name
        super().__init__(durable=durable, address=address, under=under)

    def _make(self) -> None:
        source = f"{self._primary.dsn('postgres')}?application_name={self.name}"
        _output(
            *self._as_owner("pg_basebackup"), "--pgdata", f"{self.data}", "--dbname", source,
            "--write-recovery-conf", "--checkpoint=fast", "--no-sync",
        )  # fmt: skip

    def promote(self) -> None:
        """Make it a primary, and wait until it takes writes."""
        with self.connect() as connection:
            assert connection.execute("SELECT pg_promote()").fetchone() == (True,)


def _owner() -> pwd.struct_passwd:
    """Whom the servers run as."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _free_port() -> int:
    """A port that nobody listens on; on a host that is a namespace nobody does anyway."""
    choose = random.SystemRandom()  # Tests that run beside this one may have seeded the other one.
    while True:
        port = choose.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _output(*command: str) -> str:
    """What a program says; an ``AssertionError`` shows it when the program fails."""
    done = subprocess.run(
        command, check=False, text=True, cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout
