"""What users' programs do with volumes, through the libraries that they use: openstacksdk, cinderclient.

Each call waits for its answer, and raises :class:`ConnectionLost` if there is none, or it is that the cloud
cannot say now; :class:`Answered` if it says no.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, Self

from cinderclient import client as cinderclient
from cinderclient.exceptions import ClientException
from keystoneauth1 import exceptions as auth
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from openstack.connection import Connection
from openstack.exceptions import HttpException

from benchmarks.cloud import Refused
from benchmarks.connection import ConnectionLost
from benchmarks.served import PASSWORD, Served

REGION: Final = "RegionOne"
VERSION: Final = "3.70"
"""Of the volume API, as cinderclient must be told; openstacksdk finds one out for each call."""
NOT_FOUND: Final = 404
UNAVAILABLE: Final = 503

_LOST: Final = (
    auth.ConnectionError,
    # What a library says that could not find out where the services are.
    auth.DiscoveryFailure,
    auth.EndpointNotFound,
)


class Answered(Refused):
    """An answer that says no."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Program(ABC):
    """One user's program, which speaks to one process."""

    library: ClassVar[str]

    @classmethod
    def at(cls, served: Served, answer_seconds: float) -> Self:
        """One that logs in at ``served``, and waits so long for each answer."""
        login = v3.Password(
            f"http://{served.host}:{served.port}/identity/v3",
            username="admin",
            password=PASSWORD,
            user_domain_id="default",
            project_name="admin",
            project_domain_id="default",
        )
        session = Session(login, timeout=answer_seconds)
        session.session.trust_env = False  # A proxy would not find a cloud on this machine.
        try:
            with _answers():
                return cls(session)
        except BaseException:
            session.close()
            raise

    def __init__(self, session: Session) -> None:
        """``session`` knows the password, and logs in as soon as something is asked."""
        self._session = session

    @abstractmethod
    def create(self, name: str, key: str | None) -> str:
        """The id of a new volume, asked for under ``key`` if there is one."""

    @abstractmethod
    def named(self, name: str) -> list[str]:
        """The ids of the volumes that are listed under ``name``."""

    @abstractmethod
    def status(self, volume_id: str) -> str | None:
        """The status of a volume; None if it is not there."""

    @abstractmethod
    def delete(self, volume_id: str, *, force: bool) -> None:
        """Ask for the removal of a volume."""

    def close(self) -> None:
        """Hang up."""
        self._session.close()


class Sdk(Program):
    """It was written for openstacksdk."""

    library = "openstacksdk"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._cloud = Connection(session=session, region_name=REGION)
        self._volumes: Any = self._cloud.block_storage  # Typed as any version, also long gone ones.

    def create(self, name: str, key: str | None) -> str:
        """See :meth:`Program.create`."""
        with _answers(), _under(self._volumes, key):
            return self._volumes.create_volume(size=1, name=name, volume_type="file").id

    def named(self, name: str) -> list[str]:
        """See :meth:`Program.named`."""
        with _answers():
            return [volume.id for volume in self._volumes.volumes(details=False, name=name)]

    def status(self, volume_id: str) -> str | None:
        """See :meth:`Program.status`."""
        return _if_there(lambda: self._volumes.get_volume(volume_id).status)

    def delete(self, volume_id: str, *, force: bool) -> None:
        """See :meth:`Program.delete`."""
        with _answers():
            self._volumes.delete_volume(volume_id, ignore_missing=False, force=force)

    def close(self) -> None:
        """See :meth:`Program.close`."""
        self._cloud.close()
        super().close()


class Cinder(Program):
    """It was written for python-cinderclient."""

    library = "python-cinderclient"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        cinder = cinderclient.Client(VERSION, session=session, region_name=REGION)
        self._volumes = cinder.volumes
        self._http = cinder.client

    def create(self, name: str, key: str | None) -> str:
        """See :meth:`Program.create`."""
        with _answers(), _under(self._http, key):
            return self._volumes.create(1, name=name, volume_type="file").id

    def named(self, name: str) -> list[str]:
        """See :meth:`Program.named`."""
        with _answers():
            found = self._volumes.list(detailed=False, search_opts={"name": name})
        return [volume.id for volume in found]

    def status(self, volume_id: str) -> str | None:
        """See :meth:`Program.status`."""
        return _if_there(lambda: self._volumes.get(volume_id).status)

    def delete(self, volume_id: str, *, force: bool) -> None:
        """See :meth:`Program.delete`."""
        with _answers():
            (self._volumes.force_delete if force else self._volumes.delete)(volume_id)


PROGRAMS: Final[tuple[type[Program], ...]] = (Sdk, Cinder)


@contextmanager
def _answers() -> Iterator[None]:
    """Raise what the libraries raise, each in its way, as the module says."""
    try:
        yield
    except _LOST as lost:
        raise ConnectionLost(str(lost)) from lost
    except (auth.HttpError, HttpException, ClientException) as error:
        names = ("http_status", "status_code", "code")
        status = next(getattr(error, name) for name in names if hasattr(error, name))
        if status == UNAVAILABLE:
            raise ConnectionLost(str(error)) from error
        raise Answered(status, str(error)) from error


def _if_there(show: Callable[[], str]) -> str | None:
    try:
        with _answers():
            return show()
    except Answered as answered:
        if answered.status != NOT_FOUND:
            raise
    return None


@contextmanager
def _under(adapter: Any, key: str | None) -> Iterator[None]:
    """Every request of ``adapter`` is meanwhile sent under ``key``: no library knows that header."""
    if key is not None:
        adapter.additional_headers["Idempotency-Key"] = key
    try:
        yield
    finally:
        adapter.additional_headers.pop("Idempotency-Key", None)
